"""Solvers of one call that take turns in one child process, none of which makes the call late.

Free of torch, so that the process can get ready while the caller imports it.
"""

import time
from dataclasses import dataclass
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving.options import Options
from nco.workers.lane import Lane
from nco.workers.outcome import Outcome
from nco.zoo import cards


@dataclass(frozen=True)
class Lateness:
    """How long a solver that has begun is waited for after its time.

    Attributes:
        share: of the time that there was; least: seconds in any case.
    """

    share: float = 0.05
    least: float = 0.5


LATENESS = Lateness()


def deadline_of(options: Options, begin: float) -> float | None:
    """When a call must end; None where it has no limit in seconds."""
    limit: Any = options.time_limit
    return begin + limit if isinstance(limit, int | float) else None


def warm(lane: Lane, case: Case, options: Options) -> None:
    """Has the process of a lane begin to import what the rules of an online case need."""
    folder = registry.folder(case.problem)
    rules = options.classical and options.model in ("auto", cards.NO_MODEL)
    if rules and not options.hindsight and folder.policies is not None:
        names = folder.policies.policies(case)
        lane.workers.warm_later(*(folder.solver(name) for name in names))


def run(
    lane: Lane | None,
    case: Case,
    solver: str | Solver[Any],
    *,
    time_limit: float | None,
    until: float | None,
    seed: int,
    start: Any = None,
) -> Outcome:
    """What a solver came to in its turn; late ones are stopped, and their outcome says so.

    Args:
        lane: the process; None where there is none for this call.
        case: the instance.
        solver: its name in the case's folder, or one that a child can import.
        time_limit: seconds that it is told, from when its process is ready; None for no limit.
        until: the `time.perf_counter` reading at which the turn ends; a process that is not ready
            by then has lost it. None: it never ends.
        seed, start: what the solver is told.
    """
    begin = time.perf_counter()
    if lane is None:
        return Outcome(None, 0.0, "never began: every process was taken")
    if until is not None and begin >= until:
        return Outcome(None, 0.0, "never began: there was no time left")
    handle = lane.submit(case, solver, time_limit=time_limit, seed=seed, start=start, until=until)
    try:
        outcome = handle.wait(None if until is None else until - begin)
        if outcome is None and until is not None and handle.begun is not None:
            outcome = handle.wait(max(LATENESS.least, LATENESS.share * (until - begin)))
    finally:
        handle.stop()
    if outcome is not None:
        return outcome
    late = "never began: its process was not ready in time"
    error = late if handle.begun is None else "stopped: it did not end in time"
    return Outcome(None, time.perf_counter() - begin, error)
