"""Classical solvers on a TSP case: OR-Tools routing, twice, PyVRP and fast-tsp.

All count in integers. Distances that are not are multiplied by the power of ten that puts
the longest between 15,000 and 150,000 (100,000 on the unit square).
"""

import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nco.core.errors import InstanceError, NCOError
from nco.problems._routing import tsplib
from nco.problems.tsp.files import Case
from nco.registry.interface import Solver

ROUTING = (
    "ortools.constraint_solver.pywrapcp",
    "ortools.constraint_solver.routing_enums_pb2",
    "ortools.constraint_solver.routing_parameters_pb2",
    "ortools.util.optional_boolean_pb2",
)


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools, found=True, variants=("ortools", "ortools_pci"), modules=ROUTING
        ),
        "ortools_pci": Solver(ortools_pci, found=True, modules=ROUTING),
        "pyvrp": Solver(pyvrp, found=True, iterations=True, modules=("pyvrp", "pyvrp.stop")),
        "fast_tsp": Solver(fast_tsp, found=True, same=True, modules=("fast_tsp",)),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    return [name for name in ("fast_tsp", "pyvrp", "ortools") if importlib.util.find_spec(name)]


LARGEST_SUM = 2.0**50  # of distances; leaves room for the penalties that solvers multiply by
LARGEST_TABLE = 3000  # nodes; OR-Tools copies a table from Python lists, 40 bytes an entry
FIRST_TENTH = 0.1
LARGEST_FAST = 65_535.0  # fast-tsp stores a distance in 16 bits


Found = Callable[[list[int]], None]


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Found | None = None,
) -> list[int] | None:
    """OR-Tools: path of cheapest arcs, then guided local search until the time is up.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None stops at the first solution.
        seed: unused; the search is deterministic but for its clock.
        start: a tour to improve instead of a first solution.
        found: is called with each better tour on the way.

    Returns:
        The tour in node numbers, or None where no solution was found.
    """
    return _ortools(case, "PATH_CHEAPEST_ARC", time_limit, start, found)


def ortools_pci(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Found | None = None,
) -> list[int] | None:
    """As `ortools`, from a first solution by parallel cheapest insertion."""
    return _ortools(case, "PARALLEL_CHEAPEST_INSERTION", time_limit, start, found)


def _ortools(
    case: Case,
    strategy: str,
    time_limit: float | None,
    start: Sequence[int] | None,
    found: Found | None,
) -> list[int] | None:
    from ortools.constraint_solver import pywrapcp

    begun = time.monotonic()
    if case.size <= 3:
        return case.ids.tolist()
    table = _table(case, _scale(case), np.int64)
    first = _positions(case, start)
    if first is None and case.size > LARGEST_TABLE:
        first = _nearest(table)  # the cheapest arcs, for which a callback would take minutes
    if first is not None and time_limit is None:
        return case.numbered(first)
    manager, model = _ortools_model(pywrapcp, table)
    left = None
    if time_limit is not None:
        left = time_limit - (time.monotonic() - begun)
        if left <= 0:
            return None if first is None else case.numbered(first)
    parameters = _ortools_parameters(pywrapcp, case.size, left, strategy)
    model.CloseModelWithParameters(parameters)
    if found is not None:
        best = [math.inf]

        def tell() -> None:  # guided local search also accepts worse tours
            if model.CostVar().Value() < best[0]:
                best[0] = model.CostVar().Value()
                tour = _tour(manager, model, lambda at: model.NextVar(at).Value())
                found(case.numbered(tour))

        model.AddAtSolutionCallback(tell)
    return _better(case, _ortools_search(manager, model, parameters, first), first)


def _ortools_parameters(pywrapcp: Any, size: int, seconds: float | None, strategy: str) -> Any:
    """Guided local search for `seconds`; None: the first solution and no search."""
    from ortools.constraint_solver import routing_enums_pb2
    from ortools.util import optional_boolean_pb2

    parameters = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    parameters.first_solution_strategy = getattr(first, strategy)
    if seconds is None:
        parameters.solution_limit = 1
        return parameters
    search = routing_enums_pb2.LocalSearchMetaheuristic
    parameters.local_search_metaheuristic = search.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(max(1, int(seconds * 1000)))
    if size > LARGEST_TABLE:
        # Its neighbour lists ask the callback n**2 times without a look at the clock: 10 s too
        # much at n = 10,000.
        parameters.local_search_operators.use_lin_kernighan = optional_boolean_pb2.BOOL_FALSE
    return parameters


def _ortools_model(pywrapcp: Any, table: np.ndarray) -> tuple[Any, Any]:
    """One vehicle that starts at position 0 and comes back."""
    manager = pywrapcp.RoutingIndexManager(len(table), 1, 0)
    model = pywrapcp.RoutingModel(manager)
    if len(table) <= LARGEST_TABLE:
        evaluator = model.RegisterTransitMatrix(table.tolist())
    else:
        evaluator = model.RegisterTransitCallback(_lookup(manager, table))
    model.SetArcCostEvaluatorOfAllVehicles(evaluator)
    return manager, model


def _lookup(manager: Any, table: np.ndarray) -> Callable[[int, int], int]:
    """Reads the table of a large case in place."""
    node = [manager.IndexToNode(index) for index in range(len(table) + 1)]  # the end is one more
    rows = [memoryview(row) for row in table]

    def distance(start: int, end: int) -> int:
        return rows[node[start]][node[end]]

    return distance


def _ortools_search(
    manager: Any, model: Any, parameters: Any, first: list[int] | None
) -> list[int] | None:
    """Runs the search, from the tour `first` where there is one; positions, or None."""
    if first is None:
        answer = model.SolveWithParameters(parameters)
    else:
        initial = model.ReadAssignmentFromRoutes([first[1:]], True)
        answer = model.SolveFromAssignmentWithParameters(initial, parameters)
    if answer is None:
        return None
    return _tour(manager, model, lambda at: answer.Value(model.NextVar(at)))


def _tour(manager: Any, model: Any, follower: Callable[[int], int]) -> list[int]:
    """The visited positions, from the first on."""
    index, tour = model.Start(0), []
    while not model.IsEnd(index):
        tour.append(manager.IndexToNode(index))
        index = follower(index)
    return tour


def pyvrp(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Found | None = None,
    iterations: int | None = None,
) -> list[int] | None:
    """PyVRP's iterated local search, with one vehicle of no capacity.

    Args:
        case: the case.
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first local optimum. At 10,000 nodes it takes 3 GB and runs half a
            minute over.
        seed: of PyVRP's own random numbers.
        start: a tour to begin from.
        found: is called with each better tour on the way.
        iterations: of its search, after which it stops wherever the clock stands.
    """
    try:
        import pyvrp as solver
        from pyvrp.stop import FirstFeasible, MaxIterations, MaxRuntime
    except ImportError as error:
        raise NCOError("pyvrp is not installed: pip install 'nco-solver[solvers]'") from error
    begun = time.monotonic()
    if case.size <= 3:
        return case.ids.tolist()
    table = _table(case, _scale(case), np.int64)
    first = _positions(case, start)
    if first is None and case.size > LARGEST_TABLE:
        first = _nearest(table)  # PyVRP's own first solution has no regard for the time
    data = _pyvrp_data(solver, table)
    initial = None
    if first is not None:
        initial = solver.Solution(data, [[position - 1 for position in first[1:]]])
    stop: Any = FirstFeasible() if iterations is None else MaxIterations(iterations)
    if time_limit is not None:
        stop = MaxRuntime(max(0.0, time_limit - (time.monotonic() - begun)))
    tell = None if found is None else lambda best: found(case.numbered(_pyvrp_tour(best)))
    best = solver.solve(
        data,
        stop,
        seed=seed,
        collect_stats=False,
        display=False,
        params=solver.SolveParams(ils=watched(tell)),
        initial_solution=initial,
    ).best
    if not best.is_feasible():
        return None
    return _better(case, _pyvrp_tour(best), first)


def _pyvrp_tour(best: Any) -> list[int]:
    """The positions that the only vehicle visits, the depot's 0 first."""
    return [0, *(visit.idx + 1 for visit in best.routes()[0].schedule() if visit.is_client())]


def watched(tell: Callable[[Any], None] | None) -> Any:
    """PyVRP's search parameters, which have `tell` called with every better feasible solution."""
    from pyvrp import IteratedLocalSearchCallbacks, IteratedLocalSearchParams

    class Watch(IteratedLocalSearchCallbacks):
        def on_start(self, search: Any) -> None:
            self.on_best(search.initial_solution)

        def on_best(self, best: Any) -> None:
            if tell is not None and best.is_feasible():
                tell(best)

    return IteratedLocalSearchParams(callbacks=Watch())


def _pyvrp_data(solver: Any, table: np.ndarray) -> Any:
    """PyVRP's model: position 0 is the depot, client i - 1 is position i."""
    # PyVRP measures by its matrices; coordinates only serve its pictures.
    return solver.ProblemData(
        [solver.Location(0.0, 0.0) for _ in table],
        [solver.Client(position) for position in range(1, len(table))],
        [solver.Depot(0)],
        [solver.VehicleType(1)],
        [table],
        [np.zeros_like(table)],
    )


def fast_tsp(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Found | None = None,
) -> list[int] | None:
    """fast-tsp's Or-opt; up to 20 nodes it is exact. Distances are scaled into 16 bits.

    Args:
        case: the case.
        time_limit: seconds from here on, the matrix included and importing fast-tsp not; None is
            a hundredth of a second for every 100 nodes.
        seed: unused; fast-tsp takes none.
        start: fast-tsp cannot begin from a tour; the better of the two is returned.
        found: is called with the tour of the first tenth of the time, at the end of which fast-tsp
            has to begin anew, as it says nothing on the way.
    """
    try:
        import fast_tsp as solver
    except ImportError as error:
        raise NCOError("fast-tsp is not installed: pip install 'nco-solver[solvers]'") from error
    begun = time.monotonic()
    if case.size <= 3:
        return case.ids.tolist()
    longest = _longest(case)
    exact = _is_whole(case) and longest <= LARGEST_FAST
    table = _table(case, 1.0 if exact else LARGEST_FAST / max(longest, 1e-300), np.uint16)
    left = case.size / 10_000
    if time_limit is not None:
        left = max(0.001, time_limit - (time.monotonic() - begun))
    if found is not None:
        found(case.numbered([int(at) for at in solver.find_tour(table, FIRST_TENTH * left)]))
        left *= 1 - FIRST_TENTH
    tour = solver.find_tour(table, duration_seconds=left)
    return _better(case, [int(position) for position in tour], _positions(case, start))


def _is_whole(case: Case) -> bool:
    """Whether the case's distances are whole numbers."""
    if case.distances is not None:
        return case.distances.dtype == np.int64
    return case.metric != "EUCLIDEAN"


def _longest(case: Case) -> float:
    """An upper bound of the longest distance; the distance itself for a matrix."""
    if case.distances is not None:
        return float(case.distances.max())
    if case.metric == "GEO":
        return 25_000.0  # half the way round the earth
    assert case.coords is not None
    width, height = np.ptp(case.coords, axis=0).tolist()
    if case.metric == "EUCLIDEAN":
        return math.hypot(width, height)
    return width + height + 1


def _scale(case: Case) -> float:
    """The factor that makes distances integers which no solver's sums overflow."""
    longest = _longest(case)
    if longest <= 0:
        return 1.0
    scale = 1.0 if _is_whole(case) else 10.0 ** (5 - math.ceil(math.log10(longest / 1.5)))
    return min(scale, LARGEST_SUM / (longest * case.size))


def _table(case: Case, scale: float, dtype: type[np.integer]) -> np.ndarray:
    """Integer distances [n, n]."""
    if case.distances is not None:
        blocks: Iterable[tuple[int, np.ndarray]] = [(0, case.distances)]
    else:
        assert case.coords is not None
        blocks = tsplib.distance_rows(case.coords, case.metric)
    table = np.empty((case.size, case.size), dtype=dtype)
    for first, block in blocks:
        table[first : first + len(block)] = block if scale == 1 else np.rint(block * scale)
    return table


def _nearest(table: np.ndarray) -> list[int]:
    """The tour that always goes on to the nearest node, from position 0."""
    left = np.arange(1, len(table))
    tour = [0]
    while len(left):
        place = int(table[tour[-1]][left].argmin())
        tour.append(int(left[place]))
        left[place] = left[-1]
        left = left[:-1]
    return tour


def _positions(case: Case, start: Sequence[int] | None) -> list[int] | None:
    """A warm start in positions, turned to begin at position 0."""
    if start is None:
        return None
    tour = case.indexed(start)
    if sorted(tour) != list(range(case.size)):
        raise InstanceError("a warm start must visit every node once", field="start")
    turn = tour.index(0)
    return tour[turn:] + tour[:turn]


def _better(case: Case, found: list[int] | None, first: list[int] | None) -> list[int] | None:
    """The shorter of two tours of positions by the case's own distances, in node numbers."""
    tours = [tour for tour in (found, first) if tour is not None]
    if not tours:
        return None
    best: list[int] = case.numbered(min(tours, key=lambda tour: _length(case, tour)))
    return best


def _length(case: Case, tour: Sequence[int]) -> float:
    start, end = np.array(tour), np.roll(tour, -1)
    if case.distances is not None:
        return float(case.distances[start, end].sum())
    assert case.coords is not None
    return float(tsplib.distances(case.coords[start], case.coords[end], case.metric).sum())
