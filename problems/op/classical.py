"""Solvers on an orienteering case: OR-Tools routing, PyVRP, CP-SAT, and ruin and recreate.

The first three count in integers, on the customers that can be reached and have a prize. Distances
that are not whole are multiplied by a power of ten and rounded up, so that no route turns out
longer than the limit; what still fits in real numbers is inserted at the end.
"""

import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nco.problems._common import clock, with_cpsat
from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems.op.check import check
from nco.problems.op.files import Case, fill
from nco.registry.interface import Solver

if TYPE_CHECKING:  # it imports numba
    from nco.problems._routing.kernels import capacitated

LARGEST_LIMIT = 10.0**7  # of the route, in the solvers' units
LARGEST_PRIZES = 10**6  # their sum; times 10,000 legs of the limit it stays within int64
FINEST_PRIZES = 6  # decimals of prizes that are kept where their sum allows
LARGEST_FILLED = 3000  # customers up to which a result is completed by insertions
PRIZES_IN_LIMITS = 3  # what all prizes count, in routes of full length; chosen by trial
NOISE = 1e-6  # of a solver's unit: what floating point makes of a whole number


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "pyvrp": Solver(pyvrp, modules=with_pyvrp.MODULES),
        "cpsat": Solver(cpsat, modules=("ortools.sat.python.cp_model",)),
        "sisr": Solver(
            sisr,
            found=True,
            iterations=100,
            modules=("nco.problems._routing.kernels.capacitated",),
            kernels="nco.problems._routing.kernels.warm",
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"sisr": "numba", "pyvrp": "pyvrp", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]


def ortools(
    case: Case, *, time_limit: float | None, seed: int, start: Sequence[int] | None = None
) -> list[int] | None:
    """OR-Tools: guided local search from a simple construction until the time is up.

    All prizes together count `PRIZES_IN_LIMITS` times as much as a route of full length: were
    distance to count nothing beside prize, its search would not move.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None is the construction alone.
        seed: unused; the search is deterministic but for its clock.
        start: a route to improve instead of the construction; ignored where it is infeasible.

    Returns:
        The visited customers' numbers in their order.
    """
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    first = _first(case, start)
    whole = _whole(case)
    if len(whole.nodes) == 1 or deadline is None:
        return _best(case, [first])
    routes = with_ortools.solve(
        _ortools_model(whole),
        with_ortools.Search(deadline, "PATH_CHEAPEST_ARC"),
        start=[_places(whole, first)],
    )
    if routes is None:
        return _best(case, [first])
    return _best(case, [whole.nodes[routes[0]].tolist(), first])


def _ortools_model(whole: "Whole") -> with_ortools.Model:
    """One vehicle that may leave out any customer at the price of its prize."""
    weight = max(1, PRIZES_IN_LIMITS * whole.limit // max(1, sum(whole.prizes)))
    return with_ortools.Model(
        nodes=len(whole.nodes),
        starts=[0],
        costs=[whole.table],
        dimensions=[with_ortools.Dimension("length", [whole.table], [whole.limit])],
        optional={at: whole.prizes[at] * weight for at in range(1, len(whole.nodes))},
    )


def pyvrp(
    case: Case, *, time_limit: float | None, seed: int, start: Sequence[int] | None = None
) -> list[int] | None:
    """PyVRP's iterated local search, with one vehicle and customers that are optional.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first feasible solution.
        seed: of PyVRP's own random numbers.
        start: a route to begin from; by default the simple construction.
    """
    library = with_pyvrp.load()
    deadline = clock.deadline(time_limit)
    whole = _whole(case)
    first = _first(case, start)
    if len(whole.nodes) == 1:
        return _best(case, [first])
    clients = [
        library.Client(place, prize=whole.prizes[place] * whole.weight, required=False)
        for place in range(1, len(whole.nodes))
    ]
    vehicle = library.VehicleType(1, max_distance=whole.limit)
    answer = with_pyvrp.solve(
        with_pyvrp.Model(clients, [vehicle], [whole.table]),
        with_pyvrp.Limit(deadline),
        seed=seed,
        start=[with_pyvrp.Route([place - 1 for place in _places(whole, first)])],
        price=10 * sum(whole.prizes),  # a tenth of the limit too much may cost as much as all
    )
    if answer is None:
        return _best(case, [first])
    visits = [client + 1 for route in answer for client in route.clients]
    return _best(case, [first, whole.nodes[visits].tolist()])


def cpsat(
    case: Case, *, time_limit: float | None, seed: int, start: Sequence[int] | None = None
) -> list[int] | None:
    """OR-Tools' CP-SAT on one core: proves the optimum, up to the rounding, of a few dozen nodes.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included; None for no limit.
        seed: of CP-SAT's own random numbers.
        start: a route as a hint; the result is never worse.
    """
    from ortools.sat.python import cp_model

    begun = time.monotonic()
    whole = _whole(case)
    first = _first(case, start)
    count = len(whole.nodes)
    if count == 1:
        return _best(case, [first])
    model = cp_model.CpModel()
    arcs = {(i, j): model.new_bool_var(f"{i} {j}") for i in range(count) for j in range(count)}
    model.add_circuit([(i, j, chosen) for (i, j), chosen in arcs.items()])  # (i, i): left out
    for place in range(1, count):  # no round without the depot
        model.add_implication(arcs[0, 0], arcs[place, place])
    driven = [pair for pair in arcs if pair[0] != pair[1]]
    length = cp_model.LinearExpr.weighted_sum(
        [arcs[pair] for pair in driven], [int(whole.table[pair]) for pair in driven]
    )
    model.add(length <= whole.limit)
    missed = [arcs[place, place] for place in range(1, count)]
    model.minimize(cp_model.LinearExpr.weighted_sum(missed, whole.prizes[1:]))
    _hint(model, arcs, _places(whole, first))
    left = None if time_limit is None else max(time_limit - (time.monotonic() - begun), 0.001)
    solver = with_cpsat.solver(seed, left)
    routes = [first]
    if with_cpsat.has_solution(solver.solve(model)):
        after = {i: j for i, j in driven if solver.boolean_value(arcs[i, j])}
        route, place = [], after.get(0, 0)
        while place:
            route.append(int(whole.nodes[place]))
            place = after[place]
        routes.append(route)
    return _best(case, routes)


def _hint(model: Any, arcs: dict[tuple[int, int], Any], places: Sequence[int]) -> None:
    """Hints at the route of `places`; each of the others is left out."""
    closed = [0, *places, 0]
    driven = set(itertools.pairwise(closed))
    for (i, j), chosen in arcs.items():
        left_out = i == j and i not in closed
        model.add_hint(chosen, left_out or (i != j and (i, j) in driven))


# --------------------------------------------------------------------------------------------------
# Ruin and recreate

WEIGHT = 300  # what all prizes count for the kernel, in routes of full length; chosen by trial
STEPS, LEAST_STEPS = 500, 10_000  # without a limit: a customer, and in all
ROUNDING = 1e-9  # of the limit: what sums of real lengths may be wrong by


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Callable[[list[int]], None] | None = None,
    iterations: int | None = None,
) -> list[int] | None:
    """Ruin and recreate by a compiled kernel: customers leave the route, and others come into it.

    Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
    Problems", with one vehicle, and customers that may be left out at the price of their prize.

    Args:
        case: the case.
        time_limit: seconds from here on, importing numba included; None for `STEPS` of its steps a
            customer, where there is no number of `iterations` either.
        seed: of the random numbers.
        start: a route to begin from; by default the simple construction.
        found: is called with better routes on the way.
        iterations: steps, after which it stops unless the time is up before; equal numbers of
            steps give equal answers on every machine.
    """
    until = None if time_limit is None else time.perf_counter() + time_limit
    from nco.problems._common.kernels.driver import Span, anneal
    from nco.problems._routing.kernels import capacitated

    first = _first(case, start)
    nodes = _useful(case)
    if len(nodes) == 1:
        return _best(case, [first])
    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * len(nodes))
    settings = capacitated.Settings(
        ruin=capacitated.Ruin(10.0, 15),
        neighbours=30,
        exchanges=(0.0, 0),  # few of the customers near a stop are on the route
        hot=2.0,
        cold=0.05,
        warm=0.5,
    )
    place = {node: place for place, node in enumerate(nodes.tolist())}
    route = [place[node] for node in first if node in place]
    search = capacitated.search_from(_task(case, nodes), seed, [route], settings)
    anneal(
        search,
        settings.hot if start is None else settings.warm,
        settings.cold,
        Span(until, iterations, search.stop),
        None if found is None else lambda routes: found(_numbers(case, nodes, routes)),
    )
    routes = search.best()
    assert routes is not None  # nobody must be served
    return _best(case, [nodes[routes[0]].tolist() if routes else [], first])


def _task(case: Case, nodes: np.ndarray) -> "capacitated.Task":
    """One vehicle with room for all; large prizes count as large loads, which come back first."""
    from nco.problems._routing.kernels import capacitated

    prizes = np.where(nodes > 0, case.prizes[nodes], 0.0)
    loads = _prizes(prizes)
    return capacitated.Task(
        metric=case.metric,
        coords=None if case.coords is None else case.coords[nodes],
        distances=None if case.distances is None else case.distances[np.ix_(nodes, nodes)],
        demand=np.array(loads, dtype=np.int64),
        capacity=sum(loads),
        vehicles=1,
        limit=case.limit * (1.0 if case.whole else 1.0 + ROUNDING),
        prizes=prizes * (WEIGHT * case.limit / float(prizes.sum())),
    )


def _numbers(case: Case, nodes: np.ndarray, routes: list[list[int]]) -> list[int]:
    """The route of places in `nodes` in the case's own numbers."""
    return case.numbered(nodes[routes[0]].tolist() if routes else [])


# --------------------------------------------------------------------------------------------------
# What they share


class Whole(NamedTuple):
    """A case in integers, without the customers that are out of reach or have no prize."""

    nodes: np.ndarray  # positions in the case, the depot's 0 first
    table: np.ndarray  # int64 [m+1, m+1] distances
    limit: int
    prizes: list[int]
    weight: int  # times a prize it is more than the longest route


def _useful(case: Case) -> np.ndarray:
    """The positions of the depot and of all customers in reach that have a prize, rising."""
    everywhere = np.arange(case.size + 1)
    home = case.between(np.zeros_like(everywhere), everywhere)
    useful = (2 * home <= case.limit) & (case.prizes > 0)
    useful[0] = False
    return np.concatenate([[0], np.flatnonzero(useful)])


def _whole(case: Case) -> Whole:
    """The case in integers: distances rounded up, the limit rounded down."""
    nodes = _useful(case)
    table = np.empty((len(nodes), len(nodes)))
    for row, node in enumerate(nodes):
        table[row] = case.between(node, nodes)
    limit = min(case.limit, max(float(table.max()), 1e-300) * len(nodes))
    scale = 10.0 ** (math.floor(math.log10(LARGEST_LIMIT / limit)))
    if case.whole:
        scale = min(scale, 1.0)
    whole_limit = math.floor(limit * scale + NOISE)
    table = np.minimum(np.ceil(table * scale - NOISE), whole_limit + 1).astype(np.int64)
    return Whole(
        nodes,
        table,
        whole_limit,
        _prizes(np.where(nodes > 0, case.prizes[nodes], 0.0)),
        whole_limit + 1,
    )


def _prizes(prizes: np.ndarray) -> list[int]:
    """Prizes in whole numbers: exactly where a few decimals suffice, or else rounded."""
    total = float(prizes.sum())
    for decimals in range(FINEST_PRIZES + 1):
        scaled = prizes * 10.0**decimals
        if total * 10.0**decimals > LARGEST_PRIZES:
            break
        if np.allclose(scaled, np.rint(scaled), rtol=0, atol=NOISE):
            return [int(prize) for prize in np.rint(scaled)]
    return [int(prize) for prize in np.rint(prizes * (LARGEST_PRIZES / max(total, 1e-300)))]


def _first(case: Case, start: Sequence[int] | None) -> list[int]:
    """A warm start in positions; the simple construction where it is None or breaks a rule."""
    if start is None or not check(case, list(start)).feasible:
        return case.indexed(case.construct())
    return case.indexed(start)


def _places(whole: Whole, route: Sequence[int]) -> list[int]:
    """The indices in `whole.nodes` of a route of positions; useless customers are left out."""
    index = {int(node): place for place, node in enumerate(whole.nodes)}
    return [index[node] for node in route if node in index]


def _best(case: Case, routes: Sequence[list[int]]) -> list[int] | None:
    """The route of most prize that breaks no rule, in node numbers."""
    best: list[int] | None = None
    most = -1.0
    for route in routes:
        full = fill(case, route) if case.size <= LARGEST_FILLED else route
        numbers = case.numbered(full)
        report = check(case, numbers)
        if report.feasible and report.objective is not None and report.objective > most:
            best, most = numbers, float(report.objective)
    return best
