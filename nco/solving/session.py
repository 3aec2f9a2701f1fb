"""A session: the processes that solve, which its calls on any threads share."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from nco.solving import solver
from nco.workers import lanes

if TYPE_CHECKING:
    from nco.solving.solution import Solution


class Session:
    """Owns the processes in which solvers run, and divides cores among calls.

    `nco.solve` and `nco.solve_iter` use one session of the process, which is made at their first
    use, and anew after a fork. One of your own limits what a part of a program takes, and ends its
    processes at a time that you choose: it is a context manager. Its methods may be called on any
    number of threads at once.

    A call alone has a process on every core. Of k calls at once each has a k-th part of the cores,
    at least one process; who has more than that gives it back when another call begins. Where all
    workers are taken a call waits in line, within its time limit. `Solution.plan` and
    `Solution.faults` say what a call had. Processes start when they are needed, stay for later
    calls, and end with the session or the program.

    Args:
        cores: that the calls of the session share; None: all that the process may use.
        workers: processes at most, and so calls at a time; None: 4 for each core, at least 16.

    Raises:
        NCOError: a number below one.

    >>> import nco
    >>> with nco.Session(cores=1) as session:
    ...     session.solve([[0, 0], [3, 1], [2, 5]], time_limit=0.1).cost
    13.647...
    """

    def __init__(self, *, cores: int | None = None, workers: int | None = None) -> None:
        self._lanes = lanes.Lanes(cores, workers)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def solve(self, source: Any, **options: Any) -> Any:
        """`nco.solve` with the processes of this session, and the same options.

        Raises:
            NCOError: as `nco.solve`; after `close`.
        """
        with lanes.within(self._lanes):
            return solver.solve(source, **options)

    def solve_iter(self, source: Iterable[Any], **options: Any) -> "Iterator[Solution]":
        """`nco.solve_iter` with the processes of this session, and the same options.

        Raises:
            NCOError: as `nco.solve_iter`; after `close`.
        """
        solutions = solver.solve_iter(source, **options)
        while True:
            with lanes.within(self._lanes):  # and not what the caller does between two solutions
                solution = next(solutions, None)
            if solution is None:
                return
            yield solution

    def close(self) -> None:
        """Ends the processes. Calls under way return the best that they have, with a fault."""
        self._lanes.close()
