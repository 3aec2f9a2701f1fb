"""A certified lower bound of the total cost of different vehicles, by q-routes."""

import numpy as np

from nco.core.case import Bound
from nco.problems._routing import q_routes
from nco.problems.hcvrp.files import TOTAL, Case

LARGEST = 500  # customers


def applies(case: Case) -> bool:
    """Whether a case has a bound, if there is time for it."""
    return case.objective == TOTAL and 0 < case.size <= LARGEST


def bound(case: Case, time_limit: float | None, known: float | int | None = None) -> Bound | None:
    """The bound by q-routes (`_routing.q_routes`), with each kind of vehicle at its own cost.

    Proof. A vehicle makes one trip, which costs its fixed part, on the leg from the depot, and its
    price of each leg. How many vehicles of a kind there are only removes solutions.

    Args:
        case: the case.
        time_limit: seconds; None: a fixed number of passes.
        known: the cost of a solution, where the search ends.

    Returns:
        None for the time of the last vehicle, for more than `LARGEST` customers, or where there is
        no time.
    """
    if not applies(case):
        return None
    lines = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1)
    kinds = np.unique(np.stack([case.capacities, case.fixed, case.unit], 1), axis=0)
    fleet = [
        q_routes.Legs(unit * lines[1:, 1:], unit * lines[0, 1:] + fixed, unit * lines[1:, 0], room)
        for room, fixed, unit in kinds.tolist()
    ]
    required = np.full(case.size, np.inf)
    value = q_routes.bound(fleet, case.demand[1:].tolist(), required, known, time_limit)
    return None if value is None else Bound(value, "q-routes")
