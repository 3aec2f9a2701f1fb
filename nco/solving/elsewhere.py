"""Networks on further cores: a search with another seed in a child process on each.

Free of torch, so that a plan can be made before it is imported.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nco.core.case import Case
from nco.core.errors import InstanceError
from nco.registry.interface import Solver
from nco.solving.incumbents import CONSTRUCTION, Candidate, Progress, beats
from nco.solving.options import Options
from nco.solving.schedule import ELSEWHERE, beside
from nco.workers.lanes import Lease
from nco.zoo import cards

ALIKE = ("auto", "cpu")  # devices of which each core has one


@dataclass(frozen=True)
class Networks:
    """The searches of one model, as a function for a child process.

    Attributes:
        model: its folder or checkpoint, absolute: a child may have another working folder.
        title: what it is called.
        asked: whether the caller has named it.
    """

    model: str
    title: str
    asked: bool

    __name__ = ELSEWHERE

    def __call__(
        self,
        case: Case,
        *,
        time_limit: float | None,
        seed: int,
        start: Any = None,
        found: Callable[[Any], None] | None = None,
    ) -> Any:
        """The best solution that the time allows, on one thread of the processor.

        None where it is infeasible, or no better than `start` or the construction.

        Args:
            case: the instance.
            time_limit: seconds from here on; a run without one has no end but `Stopped`.
            seed: of the searches' random numbers.
            start: a solution to begin with; None: the construction.
            found: is called with each better solution on the way.
        """
        from nco.solving import neural, threads

        begin = time.perf_counter()
        progress = Progress([case], begin)
        if start is None:
            progress.construct()
        else:
            progress.offer(Candidate(0, start, None, ELSEWHERE, by=CONSTRUCTION))
        first = best = progress.best[0]

        def post(candidate: Candidate) -> None:
            nonlocal best
            progress.offer(candidate)
            new = progress.best[0]
            if new is not None and new.is_feasible and beats(new, best):
                best = new
                if found is not None:
                    found(new.solution)

        options = Options(model=self.model, device="cpu", seed=seed)
        deadline = begin + (float("inf") if time_limit is None else time_limit)
        try:
            with threads.at_most(1):
                neural.play_beside(progress, options, deadline, post)
        except InstanceError:
            if self.asked:
                raise  # otherwise the plan says that networks do not apply
        return None if best is None or best is first else best.solution


def networks(case: Case, options: Options) -> Solver[Any] | None:
    """The searches of the model for a case, as a solver; None where each core has none of its own.

    Its process imports torch, and the modules of the model's own classes, beforehand.
    """
    model = cards.choose(case) if options.model == "auto" else options.model
    if model in (None, cards.NO_MODEL) or options.device not in ALIKE:
        return None
    assert model is not None
    file = cards.locate(model)
    card = {} if file.suffix == ".ckpt" else cards.read_card(file)
    classes = [str(card[part]["class_path"]) for part in ("problem", "policy") if card]
    own = {path.rpartition(".")[0] for path in classes if not path.startswith("nco.")}
    path = file.resolve()
    return Solver(
        Networks(
            str(path if path.suffix == ".ckpt" else path.parent),
            cards.title(file),
            options.model != "auto",
        ),
        found=True,
        modules=("nco.solving.neural", *sorted(own)),
    )


def are_warm(solver: Solver[Any] | None, lease: Lease) -> bool:
    """Whether the children of a call that would have networks can begin at once."""
    cores = beside(lease.count)
    if solver is None or not cores:
        return False
    return all(lease.is_warm(core, solver) for core in cores)


def warm(solver: Solver[Any] | None, lease: Lease) -> None:
    """Has those children get ready, for a later call."""
    if solver is None:
        return
    for core in beside(lease.count):
        if lease.has(core) and not lease.is_warm(core, solver):
            lane = lease.lane(core)
            if not lane.is_loading():
                lane.warm_later(solver)


def title_of(solver: Solver[Any]) -> str | None:
    """What the model is called that searches; None where it is no network."""
    return solver.solve.title if isinstance(solver.solve, Networks) else None
