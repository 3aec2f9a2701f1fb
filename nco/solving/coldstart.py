"""A program's first call on a busy machine, whose limit ends before any solver's process is ready.

The answer would be the construction. So the limit then counts from when the process is ready, and
the answer says so. Once a session has had a process, limits count from the call, whatever comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nco.registry.interface import Solver
from nco.solving.incumbents import Candidate, Progress
from nco.solving.news import TIMING
from nco.solving.options import Options
from nco.workers.lanes import Lease


@dataclass(frozen=True)
class Cold:
    """When a limit may count from later.

    Attributes:
        least: seconds of a limit, below which nobody expects a process to be ready.
        most: seconds after the limit that the process is waited for.
        last: seconds that a solver has to end after an interrupt.
    """

    least: float = 0.5
    most: float = 10.0
    last: float = 0.2


COLD = Cold()


def applies(lease: Lease, time_limit: float) -> bool:
    """Whether a call may count from later: one that is alone, and for which a process can start."""
    return lease.count > 0 and lease.has(0) and lease.most == 1 and time_limit >= COLD.least


def finish(
    progress: Progress,
    options: Options,
    time_limit: float,
    improvers: Sequence[Solver[Any]],
    lease: Lease,
) -> None:
    """Has the first solver that needs no compiled kernel work for the whole limit.

    Args:
        progress: of one case, with its construction.
        options: of the call.
        time_limit: in seconds.
        improvers: as ranked, at least one.
        lease: with the process, which gets ready already.

    Raises:
        KeyboardInterrupt: with what was found until then in `progress`.
    """
    solver = next((each for each in improvers if not each.kernels), improvers[0])
    start = progress.start(0, "best")
    handle = lease.lane(0).submit(
        progress.cases[0],
        solver,
        time_limit=time_limit,
        seed=options.seed,
        start=None if start is None else start.solution,
        grace=TIMING.grace,
        cores=1,
    )
    interrupted = None
    try:
        outcome = handle.wait(COLD.most)
        if outcome is None and handle.begun is not None:  # it is under way
            outcome = handle.wait(time_limit + TIMING.grace)
    except KeyboardInterrupt as error:
        interrupted = error
        handle.stop()
        outcome = handle.wait(COLD.last)
    if handle.begun is None:
        handle.stop()
    else:
        seconds = handle.begun - progress.begin
        progress.faults[:] = [fault for fault in progress.faults if " began" not in fault]
        progress.fault(
            f"the limit of {time_limit:g} s counts from {seconds:.2f} s on, when the first "
            "solver's process was ready: the machine is busy"
        )
        progress.plan.append(f"{solver.name} from {seconds:.2f} s")
    if outcome is not None and outcome.solution is not None:
        by = progress.begun_by(solver.name, start)
        progress.take(Candidate(0, outcome.solution, None, solver.name, by=by))
        progress.prove(0, outcome.bound, solver.name)
    if interrupted is not None:
        raise interrupted
