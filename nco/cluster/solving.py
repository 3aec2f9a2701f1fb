"""Instances as tasks: what a host does with a block of them. Free of Ray."""

import contextlib
import functools
import os
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nco.cluster.task import Answer, Task
from nco.core.case import Case
from nco.core.errors import NCOError

if TYPE_CHECKING:
    from nco.solving.solution import Solution

Keep = Literal["row", "solution"]


@dataclass(frozen=True)
class Source:
    """An instance on its way to a host.

    Attributes:
        name: to show.
        source: a path that the host reads, or what else `nco.solve` takes.
        content: of the file at that path, where the host may not have it.
        options: of this instance alone, such as its ``time_limit``.
    """

    name: str
    source: Any
    content: bytes | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    def case(self, options: Mapping[str, Any]) -> Case:
        """The case, read here.

        Raises:
            NCOError: where it is none, with the file's name as the user gave it.
        """
        from nco.registry.sources import as_case

        given = {**options, **self.options}
        tables = {name: given.get(name) for name in ("columns", "arguments")}
        with self._placed() as source:
            try:
                return as_case(source, given.get("problem"), **tables)
            except NCOError as error:
                raise NCOError(str(error).replace(str(source), self.name)) from error

    @contextlib.contextmanager
    def _placed(self) -> Iterator[Any]:
        """The source, or a file with its content under the same name."""
        if self.content is None:
            yield self.source
            return
        with tempfile.TemporaryDirectory(prefix="nco-") as folder:
            path = Path(folder) / Path(self.source).name
            path.write_bytes(self.content)
            yield str(path)


@dataclass(frozen=True)
class Solve:
    """The work: instances are solved.

    Attributes:
        options: those of `nco.solve_iter`.
        keep: what comes back: a ``row`` of plain data (`Solution.to_dict`), or the ``solution``.
    """

    options: Mapping[str, Any]
    keep: Keep = "row"

    def open(self, cores: int) -> "Solver":
        return Solver(self, cores)


class Solver:
    """Solves blocks of instances with the processes and models of one session.

    Where an instance has a limit of its own, as many are solved at a time as there are cores;
    without one networks solve alike ones of a block together.
    """

    def __init__(self, work: Solve, cores: int) -> None:
        from nco.solving.session import Session

        self._work, self._cores = work, cores
        self._session: Session = Session(cores=cores)
        self._threads = ThreadPoolExecutor(cores)

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        """A solution of every instance, or why there is none."""
        options = {**self._work.options, **note}
        answers: dict[int, Answer] = {}
        cases: dict[int, Case] = {}
        for place, task in enumerate(tasks):
            try:
                cases[place] = task.payload.case(options)
            except NCOError as error:
                answers[place] = Answer(refused=str(error))
            except Exception as error:  # such as a disk that cannot be read: elsewhere it may
                answers[place] = Answer(failed=_reason(error))
        own = {place: {**options, **tasks[place].payload.options} for place in cases}
        if any(is_limited(each) for each in own.values()):
            one = functools.partial(self._one, cases, own)
            each = map if self._cores == 1 else self._threads.map
            answers |= dict(zip(cases, each(one, cases), strict=True))
        elif cases:
            answers |= self._together(cases, own, options)
        return [answers[place] for place in range(len(tasks))]

    def _together(
        self, cases: Mapping[int, Case], own: Mapping[int, dict[str, Any]], options: dict[str, Any]
    ) -> dict[int, Answer]:
        """As a list; where that fails, one by one, so that one of them fails no others."""
        try:
            given = {k: v for k, v in options.items() if k not in ("columns", "arguments")}
            solved = list(self._session.solve_iter(cases.values(), **given))
            return {p: self._kept(one) for p, one in zip(cases, solved, strict=True)}
        except Exception:
            return {place: self._one(cases, own, place) for place in cases}

    def _one(
        self, cases: Mapping[int, Case], own: Mapping[int, dict[str, Any]], place: int
    ) -> Answer:
        """As `nco.solve_iter` does, or, where rows are kept, as ``nco solve`` does."""
        options = {k: v for k, v in own[place].items() if k not in ("columns", "arguments")}
        try:
            if self._work.keep == "row" and options.get("total_time") is None:
                return self._kept(self._session.solve(cases[place], **options))
            (solution,) = self._session.solve_iter([cases[place]], **options)
            return self._kept(solution)
        except NCOError as error:
            return Answer(refused=str(error))
        except Exception as error:
            return Answer(failed=_reason(error))

    def _kept(self, solution: "Solution") -> Answer:
        if self._work.keep == "solution":
            return Answer(solution)
        row = solution.to_dict()
        del row["history"]
        return Answer(row)

    def close(self) -> None:
        """Ends the session."""
        self._threads.shutdown()
        self._session.close()


def is_limited(options: Mapping[str, Any]) -> bool:
    """Whether each instance has a budget of its own, so that one is solved after the other."""
    return options.get("time_limit") is not None or options.get("iterations") is not None


def seconds(
    tasks: Sequence[Task], cores: int, options: Mapping[str, Any], patience: float
) -> float:
    """How long a block may take: its limits one after the other on each core, or `patience`."""
    limits = [{**options, **task.payload.options}.get("time_limit") for task in tasks]
    known = [float(limit) for limit in limits if isinstance(limit, int | float)]
    if len(known) < len(limits):
        return patience
    return 2 * sum(known) / cores + max(known)


def _reason(error: Exception) -> str:
    """In one line what has failed, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({os.path.basename(place[0].filename)}:{place[0].lineno})" if place else ""
    return " ".join(f"{type(error).__name__}: {error}{where}".split())[:300]
