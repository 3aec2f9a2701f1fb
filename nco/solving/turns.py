"""Solvers of one call that take turns in one child process, none of which makes the call late.

Free of torch, so that the process can get ready while the caller imports it.
"""

import time
from dataclasses import dataclass
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving import effort
from nco.solving.options import Options
from nco.workers.handle import Handle
from nco.workers.lane import Lane
from nco.workers.outcome import Outcome
from nco.zoo import cards


@dataclass(frozen=True)
class Lateness:
    """How long a solver that has begun is waited for after its time.

    Attributes:
        share: of the time that there was; least: seconds in any case.
        told, told_share: seconds, and share of a limit, by which a call may be late without a word.
        eaten: share of a limit that importing torch may take; beyond it nothing could be searched.
    """

    share: float = 0.05
    least: float = 0.5
    told: float = 0.05
    told_share: float = 0.02
    eaten: float = 0.7


LATENESS = Lateness()
UNREADY = "never began"  # how the errors of runs begin whose process was not ready


def deadline_of(options: Options, begin: float) -> float | None:
    """When a call must end; None where it has no limit in seconds."""
    limit: Any = options.time_limit
    return begin + limit if isinstance(limit, int | float) else None


@dataclass(frozen=True)
class Turn:
    """A turn that has begun.

    Attributes:
        handle: of the run.
        begin: the `time.perf_counter` reading at which it was asked for.
    """

    handle: Handle
    begin: float

    def outcome(self, until: float | None, ready: float | None = None) -> Outcome:
        """What the solver came to; it is waited for until then, and a little longer if it runs.

        Args:
            until: the reading of the clock at which the turn ends.
            ready: the one at which its process must be ready; None: only by `until`.
        """
        handle = self.handle
        try:
            outcome = None
            if handle.begun is None and ready is not None:
                outcome = handle.wait(max(ready - time.perf_counter(), 0.0))
            if outcome is None and (handle.begun is not None or ready is None):
                outcome = handle.wait(None if until is None else until - time.perf_counter())
            if outcome is None and until is not None and handle.begun is not None:
                outcome = handle.wait(max(LATENESS.least, LATENESS.share * (until - self.begin)))
        finally:
            handle.stop()
        if outcome is not None:
            return outcome
        late = f"{UNREADY}: its process was not ready in time"
        error = late if handle.begun is None else "stopped: it did not end in time"
        return Outcome(None, time.perf_counter() - self.begin, error)


@dataclass(frozen=True)
class Ahead:
    """The turn of the rule `name`, which began before the caller had imported torch."""

    name: str
    turn: Turn


def ahead(lane: Lane, case: Case, options: Options, begin: float) -> Ahead | None:
    """Begins with the first rule of an online case, or has the process import what it will need.

    Args:
        lane: the process.
        case: an online one.
        options: of the call, whose seconds count from `begin` on.

    Returns:
        The turn; None where there is no rule to find.
    """
    folder = registry.folder(case.problem)
    rules = options.classical and options.model in ("auto", cards.NO_MODEL)
    if not rules or options.hindsight or folder.policies is None:
        return None
    names = folder.policies.policies(case)
    if not names:
        return None
    parts = 1 if options.what_if is None else 2
    end = effort.search_end(begin, deadline_of(options, begin), parts)
    limit = effort.first(begin, end, len(names))
    if limit is not None:
        limit = max(limit, effort.EFFORT.least)
    lane.warm_later(*(folder.solver(name) for name in names))
    handle = lane.submit(case, names[0], time_limit=limit, seed=options.seed, until=end)
    return Ahead(names[0], Turn(handle, time.perf_counter()))


def start_of(options: Options, begin: float, imported: float) -> tuple[float, list[str]]:
    """When the limit of a call begins to count, and what is said of it.

    That of a first call whose time is over before it can search counts from now on.
    """
    limit: Any = options.time_limit
    if not isinstance(limit, int | float) or imported < LATENESS.eaten * limit:
        return begin, []
    now = time.perf_counter()
    said = f"the limit of {limit:g} s counts from {now - begin:.1f} s on, when torch was imported"
    return now, [said]


def exceeded(options: Options, begin: float, imported: float) -> list[str]:
    """That a limit could not hold, and why, in at most one sentence."""
    limit: Any = options.time_limit
    over = time.perf_counter() - begin - limit
    if over <= max(LATENESS.told, LATENESS.told_share * limit):
        return []
    why = "the machine is busy, or the fewest futures take longer"
    if imported > over / 2:
        why = f"importing torch took {imported:.1f} s, which only a program's first call needs"
    return [f"the limit of {limit:g} s was exceeded by {over:.1f} s: {why}"]


def run(
    lane: Lane | None,
    case: Case,
    solver: str | Solver[Any],
    *,
    time_limit: float | None,
    until: float | None,
    seed: int,
    start: Any = None,
    ready: float | None = None,
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
        ready: the reading at which the process must be ready; None: at `until`.
    """
    begin = time.perf_counter()
    if lane is None:
        return Outcome(None, 0.0, f"{UNREADY}: every process was taken")
    if until is not None and begin >= until:
        return Outcome(None, 0.0, f"{UNREADY}: there was no time left")
    handle = lane.submit(case, solver, time_limit=time_limit, seed=seed, start=start, until=until)
    return Turn(handle, begin).outcome(until, ready)
