"""A classical solver on one part of a large solution after the other, for a child process.

Its tables grow with the square of the size and its search takes ever longer to get round, so a
large case is improved faster part by part: the problem's folder says how to cut and to join
(`nco.registry.interface.Decomposition`), and the next cut runs elsewhere.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving.incumbents import is_better


@dataclass(frozen=True)
class Pieces:
    """How a large solution is improved part by part.

    Attributes:
        size: nodes of a part: few enough for a solver's tables, and its search gets round.
        each: seconds for each node of a part, at least.
        least: seconds with which it is worth beginning with a part.
    """

    size: int = 400
    each: float = 0.001
    least: float = 0.02


PIECES = Pieces()


def on_parts(solver: Solver[Any]) -> Solver[Any]:
    """`improve` as a solver for a child process, which will need what `solver` needs."""
    return Solver(improve, found=True, modules=solver.modules)


def improve(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Any = None,
    found: Callable[[Any], None] | None = None,
) -> Any:
    """The best solution that the time allows; never worse than `start`, which must be feasible.

    Args:
        case: of a problem whose folder has a ``decomposition.py``.
        time_limit: seconds from here on; None: there is nothing to divide, and `start` stays.
        seed: of the cuts and of the solver.
        start: the solution to improve; None gives None.
        found: is called with each better solution on the way.
    """
    if start is None or time_limit is None:
        return start
    deadline = time.perf_counter() + time_limit
    parts = registry.folder(case.problem).decomposition
    random = Random(seed)
    each = max(
        PIECES.each, time_limit / max(case.size, 1)
    )  # once round, where there is time for it
    best = start
    while True:
        pieces = parts.cut(case, best, PIECES.size, random)
        if not pieces:
            return best
        random.shuffle(pieces)
        for piece in pieces:
            left = deadline - time.perf_counter()
            if left < PIECES.least:
                return best
            told = None
            if found is not None:
                told = functools.partial(_told, found, parts, case, best, piece)
            seconds = min(left, each * piece.case.size)
            better = _improved(piece, seconds, random.randrange(2**31), told)
            if better is not None:
                best = parts.join(case, best, piece, better)
                if found is not None:
                    found(best)


def _told(
    found: Callable[[Any], None], parts: Any, case: Case, best: Any, piece: Any, new: Any
) -> None:
    """Tells the whole solution with what a part has become on the way."""
    found(parts.join(case, best, piece, new))


def _improved(piece: Any, seconds: float, seed: int, found: Callable[[Any], None] | None) -> Any:
    """A better solution of a part, by the folder's own checker; None where there is none."""
    case = piece.case
    folder = registry.folder(case.problem)
    # one with kernels would have taken the case whole; it is not compiled yet
    able = (each for each in folder.improvers() if not each.kernels and not each.refusal(case))
    solver = next(able, None)
    if solver is None:
        return None
    solve: Callable[..., Any] = solver.solve
    if solver.found:
        solve = functools.partial(solve, found=found)
    new = solve(case, time_limit=seconds, seed=seed, start=piece.solution)
    if new is None:
        return None
    check = folder.check.check
    return new if is_better(check(case, new), check(case, piece.solution)) else None
