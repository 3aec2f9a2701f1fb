"""Classical solvers on a TSP case: our own Or-opt, OR-Tools routing, twice, PyVRP and fast-tsp.

All but the first count in whole numbers (`nco.problems._routing.integers`).
"""

import importlib.util
import time
from collections.abc import Callable, Sequence

import numpy as np

from nco.core.errors import InstanceError, NCOError
from nco.problems._common import clock
from nco.problems._routing import integers, metrics, ordering, with_ortools, with_pyvrp
from nco.problems.tsp.files import Case
from nco.registry.interface import Solver


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(
            ortools,
            found=True,
            variants=("ortools", "ortools_pci"),
            modules=with_ortools.MODULES,
            largest=LARGEST_WHOLE,
        ),
        "ortools_pci": Solver(ortools_pci, found=True, modules=with_ortools.MODULES),
        "pyvrp": Solver(
            pyvrp, found=True, iterations=1, modules=with_pyvrp.MODULES, largest=LARGEST_WHOLE
        ),
        "fast_tsp": Solver(
            fast_tsp, found=True, same=True, modules=("fast_tsp",), largest=LARGEST_WHOLE
        ),
        "oropt": Solver(oropt, found=True, iterations=100, kernels="nco.problems.tsp.kernels.warm"),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {"fast_tsp": "fast_tsp", "oropt": "numba", "pyvrp": "pyvrp", "ortools": "ortools"}
    return [name for name, package in needed.items() if importlib.util.find_spec(package)]


LARGEST_UNTIMED = 3000  # nodes; up to here solvers construct a first tour in time to improve it
SLICES, GROWTH = 4, 4  # fast-tsp's runs, and how many times as long each is as the one before
SHORTEST_SLICE = 0.01  # seconds; less is not worth beginning anew
LARGEST_WHOLE = 3000  # cities: the others' tables grow with the square
KICKS = 10  # for each city, where nothing limits Or-opt
LARGEST_FAST = 65_535.0  # fast-tsp stores a distance in 16 bits


Found = Callable[[list[int]], None]


def oropt(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Sequence[int] | None = None,
    found: Found | None = None,
    iterations: int | None = None,
) -> list[int]:
    """Iterated local search by exchanges of up to three edges, Or's among them; compiled.

    Args:
        case: the case.
        time_limit: seconds from here on; None where `iterations` are given, and otherwise
            `KICKS` for each city.
        seed: of the random numbers.
        start: a tour to improve.
        found: is called with better tours on the way.
        iterations: kicks, after which it stops wherever the clock stands.
    """
    begun = time.perf_counter()
    from nco.problems.tsp.kernels.local_search import search

    if case.size <= 3:
        return case.ids.tolist()
    if time_limit is None and iterations is None:
        iterations = KICKS * case.size
    first = _positions(case, start)
    answer = search(
        case.metric,
        case.coords,
        case.distances,
        until=None if time_limit is None else begun + time_limit,
        iterations=iterations,
        seed=seed,
        start=first,
        tell=None if found is None else lambda better: found(case.numbered(better)),
    )
    best = _best(case, [answer.tour, first])
    assert best is not None
    return best


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
    """Searches as `ortools` does, from a first solution by parallel cheapest insertion."""
    return _ortools(case, "PARALLEL_CHEAPEST_INSERTION", time_limit, start, found)


def _ortools(
    case: Case,
    strategy: str,
    time_limit: float | None,
    start: Sequence[int] | None,
    found: Found | None,
) -> list[int] | None:
    """One vehicle that starts at position 0 and comes back."""
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    if case.size <= 3:
        return case.ids.tolist()
    table = _table(case)
    first = _first(case, start, table)
    if first is not None and time_limit is None:
        return case.numbered(first)
    # Above this size a callback gives the distances: neighbour lists would take too long.
    quick = case.size <= with_ortools.LARGEST_TABLE
    routes = with_ortools.solve(
        with_ortools.Model(nodes=case.size, starts=[0], costs=[table]),
        with_ortools.Search(deadline, strategy, lin_kernighan=quick),
        start=None if first is None else [first[1:]],
        tell=None if found is None else lambda better: found(case.numbered([0, *better[0]])),
    )
    return _best(case, [None if routes is None else [0, *routes[0]], first])


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
            None stops at the first local optimum. With thousands of nodes it takes gigabytes and
            runs over its time.
        seed: of PyVRP's own random numbers.
        start: a tour to begin from.
        found: is called with each better tour on the way.
        iterations: of its search, after which it stops wherever the clock stands.
    """
    library = with_pyvrp.load()
    deadline = clock.deadline(time_limit)
    if case.size <= 3:
        return case.ids.tolist()
    table = _table(case)
    first = _first(case, start, table)
    model = with_pyvrp.Model(
        clients=[library.Client(position) for position in range(1, case.size)],
        vehicles=[library.VehicleType(1)],
        distances=[table],
    )
    routes = with_pyvrp.solve(
        model,
        with_pyvrp.Limit(deadline, iterations),
        seed=seed,
        start=None if first is None else [with_pyvrp.Route([at - 1 for at in first[1:]])],
        tell=None if found is None else lambda better: found(case.numbered(_visited(better))),
    )
    return None if routes is None else _best(case, [_visited(routes), first])


def _visited(routes: Sequence[with_pyvrp.Route]) -> list[int]:
    """The positions that the only vehicle visits, the depot's 0 first."""
    return [0, *(client + 1 for client in routes[0].clients)]


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
        found: is called with the tours of ever longer runs (`slices`): fast-tsp says nothing on the
            way, and begins anew each time.
    """
    try:
        import fast_tsp as solver
    except ImportError as error:
        raise NCOError("fast-tsp is not installed: pip install 'nco-solver[solvers]'") from error
    begun = time.monotonic()
    if case.size <= 3:
        return case.ids.tolist()
    longest = integers.longest(case)
    exact = integers.is_whole(case) and longest <= LARGEST_FAST
    factor = 1.0 if exact else LARGEST_FAST / max(longest, 1e-300)
    table = integers.table(case, factor, np.uint16)
    left = case.size / 10_000
    if time_limit is not None:
        left = max(0.001, time_limit - (time.monotonic() - begun))
    tours = [_positions(case, start)]
    for seconds in [left] if found is None else slices(left):
        tour = solver.find_tour(table, duration_seconds=seconds)
        tours.append([int(position) for position in tour])
        if found is not None:
            best = _best(case, tours)
            assert best is not None
            found(best)
    return _best(case, tours)


def slices(seconds: float) -> list[float]:
    """Lengths of the runs of a solver that begins anew each time, the shortest first.

    The last one has three quarters of the time. On 10 files of TSPLIB (100 to 1,002 nodes, 1 s) the
    mean gap after 0.9, 0.67 and 0.52 s was 0.037, 0.045 and 0.079 %: by doubling, where the last
    run has half of the time, the answer would be worse.
    """
    total = sum(GROWTH**turn for turn in range(SLICES))
    shares = [seconds * GROWTH**turn / total for turn in range(SLICES)]
    short = [share for share in shares[:-1] if share < SHORTEST_SLICE]
    return [*shares[len(short) : -1], shares[-1] + sum(short)]


def _table(case: Case) -> np.ndarray:
    """Whole distances, int64 ``[n, n]``; a tour has n legs."""
    return integers.table(case, integers.scale(case, case.size))


def _first(case: Case, start: Sequence[int] | None, table: np.ndarray) -> list[int] | None:
    """A tour of positions to begin with; None where the solver is to construct one itself.

    The solvers' own constructions look at no clock, and take minutes on a large case.
    """
    first = _positions(case, start)
    if first is None and case.size > LARGEST_UNTIMED:
        return ordering.nearest_order(None, table)
    return first


def _positions(case: Case, start: Sequence[int] | None) -> list[int] | None:
    """A warm start in positions, turned to begin at position 0."""
    if start is None:
        return None
    tour = case.indexed(start)
    if sorted(tour) != list(range(case.size)):
        raise InstanceError("a warm start must visit every node once", field="start")
    turn = tour.index(0)
    return tour[turn:] + tour[:turn]


def _best(case: Case, tours: Sequence[list[int] | None]) -> list[int] | None:
    """The shortest of some tours of positions by the case's own distances, in node numbers."""
    there = [tour for tour in tours if tour is not None]
    if not there:
        return None
    best: list[int] = case.numbered(min(there, key=lambda tour: _length(case, tour)))
    return best


def _length(case: Case, tour: Sequence[int]) -> float:
    """The length of a tour of positions."""
    start, end = np.array(tour), np.roll(tour, -1)
    if case.distances is not None:
        return float(case.distances[start, end].sum())
    assert case.coords is not None
    return float(metrics.distances(case.coords[start], case.coords[end], case.metric).sum())
