"""OR-Tools' CP-SAT as every classical solver sets it up."""

from typing import Any


def solver(seed: int, seconds: float | None = None, cores: int = 1) -> Any:
    """A `CpSolver`; on one core, equal seeds give equal answers but for the clock.

    Args:
        seed: of its random numbers.
        seconds: of its search; None: until the answer is proven.
        cores: threads.
    """
    from ortools.sat.python import cp_model

    made = cp_model.CpSolver()
    made.parameters.num_workers = cores
    made.parameters.random_seed = seed % 2**31
    if seconds is not None:
        made.parameters.max_time_in_seconds = seconds
    return made


def has_solution(status: Any) -> bool:
    """Whether a search that ended so has found a solution."""
    from ortools.sat.python import cp_model

    return status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
