"""Min-cost flows of a fleet, by OR-Tools' SimpleMinCostFlow in the calling process.

Whole vehicles in, whole vehicles out; the arrays are built here, from cases that were checked.
"""

from typing import Any

import numpy as np

from nco.core.errors import NCOError
from nco.problems.rebalancing.files import Case

MISSING = 1_000_000  # cost of a vehicle that is not where it is wished (Gammelli et al. 2023)
GRAIN = 10_000  # money is whole in units of a ten-thousandth


def rebalance(idle: np.ndarray, wished: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, int]:
    """The cheapest empty trips that bring the idle vehicles to where they are wished.

    Minimise ``sum times y + 10^6 sum missing`` with whole y >= 0, no more leaving a region than it
    has, and ``arriving - leaving + missing >= wished - idle``. A vehicle makes one trip, so this is
    a transport problem between regions: origin, destination, and a sink that takes `wished` for
    nothing and more at the cost of one that is missing elsewhere.

    Args:
        idle, wished: ``[N]`` whole; times: ``[N, N]`` whole, negative where there is no way.

    Returns:
        Vehicles sent ``[N, N]``, and the objective.
    """
    from ortools.graph.python import min_cost_flow

    count, total = len(idle), int(idle.sum())
    origins, ends = np.nonzero(times >= 0)
    away = origins != ends
    origins, ends = origins[away], ends[away]
    stay = np.arange(count)
    tails = np.concatenate([origins, stay, count + stay, count + stay])
    heads = np.concatenate([count + ends, count + stay, np.full(2 * count, 2 * count)])
    room = np.concatenate([idle[origins], idle, wished, np.full(count, total)])
    none = np.zeros(count)
    price = np.concatenate([times[origins, ends], none, none, np.full(count, MISSING)])
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(
        tails.astype(np.int32),
        heads.astype(np.int32),
        room.astype(np.int64),
        price.astype(np.int64),
    )
    supplies = np.concatenate([idle, none, [-total]]).astype(np.int64)
    solver.set_nodes_supplies(np.arange(2 * count + 1, dtype=np.int32), supplies)
    if solver.solve() != solver.OPTIMAL:
        raise NCOError("no flow of vehicles was found")
    sent = np.zeros((count, count), dtype=np.int64)
    sent[origins, ends] = solver.flows(arcs[: len(origins)])
    # what is too much somewhere is missing elsewhere, beyond what nobody wished for
    surplus = MISSING * (total - int(wished.sum()))
    return sent, int(solver.optimal_cost()) - surplus


def match(idle: np.ndarray, asked: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Trips served ``[N, N]``: in each region the dearest first; that is optimal, by region."""
    left = idle.astype(np.int64).copy()
    served = np.zeros_like(asked, dtype=np.int64)
    order = np.argsort(-prices, axis=1, kind="stable")
    for rank in range(asked.shape[1]):
        ends = order[:, rank]
        rows = np.arange(len(left))
        taken = np.minimum(left, asked[rows, ends].astype(np.int64))
        served[rows, ends] = taken
        left -= taken
    return served


def perfect(case: Case, trips: np.ndarray) -> list[Any]:
    """The most profitable flows for requests ``[T, N, N]`` that are known.

    One min-cost flow over regions and periods: a vehicle stays, serves a trip, or drives empty.

    Returns:
        For each period the two tables of a solution.
    """
    from ortools.graph.python import min_cost_flow

    periods, count = case.periods, case.size
    sink = (periods + 1) * count
    solver = min_cost_flow.SimpleMinCostFlow()
    total, driving = int(case.vehicles.sum()), case.running * case.times
    fares = np.round((driving - case.prices) * GRAIN).astype(np.int64)
    empty = np.round(driving * GRAIN).astype(np.int64)
    arcs: list[tuple[int, int, int, int]] = []  # arc, period, origin, and served (0) or sent (1)
    ends: list[int] = []
    for period in range(periods):
        for i in range(count):
            here = period * count + i
            solver.add_arc_with_capacity_and_unit_cost(here, here + count, total, 0)
            for j in range(count):
                after = period + int(case.times[i, j])
                target = sink if after > periods else after * count + j
                for kind, price in ((0, fares[i, j]), (1, empty[i, j])):
                    room = int(trips[period, i, j]) if kind == 0 else total
                    if room == 0 or (kind == 1 and i == j):
                        continue
                    arc = solver.add_arc_with_capacity_and_unit_cost(here, target, room, int(price))
                    arcs.append((arc, period, i, kind))
                    ends.append(j)
    for i in range(count):
        solver.add_arc_with_capacity_and_unit_cost(periods * count + i, sink, total, 0)
        solver.set_node_supply(i, int(case.vehicles[i]))
    solver.set_node_supply(sink, -total)
    if solver.solve() != solver.OPTIMAL:
        raise NCOError("no flow of vehicles was found")
    plan = np.zeros((periods, 2, count, count))
    for (arc, period, origin, kind), end in zip(arcs, ends, strict=True):
        plan[period, kind, origin, end] = solver.flow(arc)
    tables: list[Any] = plan.tolist()
    return tables
