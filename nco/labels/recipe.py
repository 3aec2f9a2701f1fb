"""How a labelled set is made: the options of `nco label`, which a config may hold as well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nco import registry
from nco.core import atomic
from nco.core.describe import construct, describe
from nco.core.errors import NCOError
from nco.labels import dagger, make, relabel
from nco.labels.store import CHUNK, LabelSpec
from nco.zoo import cards, weights

MOMENTS = 8


@dataclass(frozen=True)
class Recipe:
    """How a labelled set is made.

    Equal recipes have equal instances. Equal solutions they have only where the solver's effort is
    counted: without a time limit, or by a model's rollouts. Within seconds a solver comes as far as
    the machine lets it, so a set that is complete is kept, and never made again.

    Args:
        folder: where the set is kept.
        solver: of the problem's ``classical.py``, or ``model:NAME``.
        problem: the problem folder's name.
        size: of the instances, or the least and the greatest.
        instances: how many.
        problem_args: further arguments of the problem's class.
        time_limit: seconds for each instance; None is the solver's default.
        rollouts: of a model's search, instead of a time limit.
        iterations: of a solver that can count them, instead of a time limit, as of `nco.solve`.
        improve: a complete set whose instances are taken, and whose solutions a model improves.
        after: a model that makes the first decisions; the solver goes on from states it comes to.
        moments: such states of each instance; 8 by default.
        seed: of the instances and of the solver.
        chunk: instances of one file, and of one size; a small one gives the first labels sooner.
    """

    folder: str
    solver: str
    problem: str | None = None
    size: int | list[int] | None = None
    instances: int | None = None
    problem_args: dict[str, Any] | None = None
    time_limit: float | None = None
    rollouts: int | None = None
    improve: str | None = None
    after: str | None = None
    moments: int | None = None
    seed: int = 1
    chunk: int = CHUNK
    iterations: int | None = None

    def base(self) -> Path | None:
        """The set to improve."""
        return None if self.improve is None else Path(self.improve)

    def spec(self) -> LabelSpec:
        """What the set will hold.

        Raises:
            NCOError: where the recipe contradicts itself, in one line.
        """
        if self.chunk < 1:
            raise NCOError(f"chunk: at least one instance, not {self.chunk}")
        if self.instances is not None and self.instances < 1:
            raise NCOError(f"instances: at least one, not {self.instances}")
        if self._by_model() and self.time_limit is not None:
            raise NCOError("time_limit: a model's labels are the same everywhere; use rollouts")
        if self.iterations is not None:
            self._refuse_iterations()
        if self.moments is not None and (self.after is None or self.moments < 1):
            raise NCOError("moments: a positive number of states, together with after")
        return self._new() if self.improve is None else self._improved(Path(self.improve))

    def _refuse_iterations(self) -> None:
        """Raises NCOError where nobody counts them."""
        if self.time_limit is not None:
            raise NCOError("a budget is of time or of iterations: leave one of the two out")
        if self._by_model():
            raise NCOError("iterations: of a model they are its rollouts; use rollouts")
        if self.problem is not None:
            counts = registry.folder(self.problem).solver(self.solver).iterations
            if not counts:
                raise NCOError(f"iterations: {self.solver} cannot count them; use time_limit")

    def _by_model(self) -> bool:
        return self.solver.startswith(relabel.PREFIX)

    def _improved(self, base: Path) -> LabelSpec:
        """The instances of another set."""
        if self.after is not None:
            raise NCOError("after: starts from new instances, not together with improve")
        if not self._by_model():
            raise NCOError(f"improve: needs a solver model:NAME, not {self.solver}")
        for name in ("problem", "size", "instances", "problem_args"):
            if getattr(self, name) is not None:
                raise NCOError(f"{name}: the instances are those of {base}; leave it out")
        return make.improving(base, self.solver, self.rollouts)

    def _new(self) -> LabelSpec:
        """New instances of a problem."""
        for name in ("problem", "size", "instances"):
            if getattr(self, name) is None:
                raise NCOError(f"{name} is missing: labels need problem, size and instances")
        assert self.problem is not None
        assert self.instances is not None
        kind, after, moments = registry.folder(self.problem).problem_class, None, None
        if self.after is not None:
            kind, moments = self._leader(self.after), self.moments or MOMENTS
            digest = atomic.sha256(cards.locate(self.after).read_bytes())
            after = (self.after, digest)
        try:
            problem = kind(size=self.size, **construct(dict(self.problem_args or {})))
        except (TypeError, ValueError) as error:
            given = f"size {self.size}, problem_args {self.problem_args or {}}"
            raise NCOError(f"{kind.__name__} with {given}: {error}") from error
        return LabelSpec(
            describe(problem),
            self.solver,
            self.time_limit,
            self.instances,
            self.seed,
            chunk=self.chunk,
            rollouts=self.rollouts,
            after=after,
            moments=moments,
            iterations=self.iterations,
        )

    def _leader(self, name: str) -> type:
        """The problem class in whose encoding the model `name` decides."""
        leader = weights.load(name).problem
        if registry.folder_of(leader) != registry.folder(self.problem):
            raise NCOError(
                f"after {name}: a model of {type(leader).__name__}, not of {self.problem}"
            )
        dagger.check(leader, self._by_model())
        return type(leader)
