"""Solvers on an orienteering case: OR-Tools routing, PyVRP, CP-SAT, and an annealing of our own.

The first three count in integers, on the customers that can be reached and have a prize. Distances
that are not whole are multiplied by a power of ten and rounded up, so that no route turns out
longer than the limit; what still fits in real numbers is inserted at the end.
"""

import importlib.util
import itertools
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nco.problems._common import clock, with_cpsat
from nco.problems._common.annealing import temperatures
from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems.op.check import check
from nco.problems.op.files import Case, fill
from nco.registry.interface import Solver

LARGEST_LIMIT = 10.0**7  # of the route, in the solvers' units
LARGEST_PRIZES = 10**6  # their sum; times 10,000 legs of the limit it stays within int64
FINEST_PRIZES = 6  # decimals of prizes that are kept where their sum allows
LARGEST_FILLED = 3000  # customers up to which a result is completed by insertions
PRIZES_IN_LIMITS = 3  # measured: of 1 to 8, the best on generated cases of 50 and 100
NOISE = 1e-6  # of a solver's unit: what floating point makes of a whole number


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "ortools": Solver(ortools, modules=with_ortools.MODULES),
        "pyvrp": Solver(pyvrp, modules=with_pyvrp.MODULES),
        "cpsat": Solver(cpsat, modules=("ortools.sat.python.cp_model",)),
        "anneal": Solver(anneal),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    installed = [name for name in ("pyvrp", "ortools") if importlib.util.find_spec(name)]
    return ["anneal", *installed]


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
# Annealing: ruin and recreate, in numpy

RUINED = 10  # the most customers in a row that are taken out
HOT, COLD = 0.02, 0.001  # temperatures, as shares of all prizes
FORCED = 0.3  # share of the steps that force customers in; without, it stays in one region
SPREAD = 0.3  # of the logarithm of the random factors on prizes
POWERS = (0.5, 2.5)  # of prizes, against the detour's 1
STEPS = 2500  # without a time limit; 0.6 s for 100 customers


def anneal(
    case: Case, *, time_limit: float | None, seed: int, start: Sequence[int] | None = None
) -> list[int] | None:
    """Ruin and recreate under simulated annealing.

    Each step takes a random stretch or neighbourhood out of the route, or forces a neighbourhood
    into it and takes out the least worthwhile others; then it inserts, as long as anything fits,
    the customer of most prize for its detour, by prizes raised to a random power times a random
    factor; then 2-opt where that was for the better. After Schrimpf et al. (2000), Record Breaking
    Optimization Results Using the Ruin and Recreate Principle.

    Args:
        case: the case; with more than 3000 useful customers the result is the start.
        time_limit: seconds from here on; None for `STEPS` steps.
        seed: of the random numbers.
        start: a route to begin from; by default the simple construction.
    """
    begun = time.monotonic()
    first = _first(case, start)
    nodes = _useful(case)
    if not 2 <= len(nodes) <= LARGEST_FILLED:
        return _best(case, [first])
    known = set(nodes.tolist())
    route = [node for node in first if node in known]
    search = _Annealing(case, nodes, route, np.random.default_rng(seed))
    left = None if time_limit is None else time_limit - (time.monotonic() - begun)
    for temperature in temperatures(HOT, COLD, time_limit=left, iterations=STEPS):
        search.step(temperature)
    return _best(case, [nodes[search.best[1:-1]].tolist(), first])


class _Annealing:
    """Routes as arrays of places in `nodes`, the depot 0 at both ends."""

    def __init__(
        self, case: Case, nodes: np.ndarray, route: Sequence[int], random: np.random.Generator
    ) -> None:
        self.table = case.between(nodes[:, None], nodes)
        self.prizes = np.where(nodes > 0, case.prizes[nodes], 0.0)
        self.total = float(self.prizes.sum())
        self.limit, self.random = case.limit, random
        self.near = self.table.argsort(1)[:, : 2 * RUINED]
        places = np.searchsorted(nodes, np.array([0, *route, 0]))
        self.current = self.best = places
        self.value = self.most = float(self.prizes[places].sum())

    def step(self, temperature: float) -> None:
        change = self._force if self.random.random() < FORCED else self._ruin
        path = self._recreate(change(self.current))
        value = float(self.prizes[path].sum())
        gain = (value - self.value) / self.total
        if gain > 0:
            path = self._two_opt(path)
        if gain >= 0 or self.random.random() < math.exp(gain / temperature):
            self.current, self.value = path, value
        if value > self.most:
            self.best, self.most = path, value

    def _ruin(self, path: np.ndarray) -> np.ndarray:
        """The path without a stretch of it, or without what is near a random customer."""
        keep = np.ones(len(path), dtype=bool)
        count = int(self.random.integers(1, RUINED + 1))
        if self.random.random() < 0.5 and len(path) > 2:
            place = int(self.random.integers(1, len(path) - 1))
            keep[place : place + count] = False
        else:
            centre = int(self.random.integers(1, len(self.table)))
            keep = ~self._among(self.near[centre, : 2 * count])[path]
        keep[0] = keep[-1] = True
        return path[keep]

    def _force(self, path: np.ndarray) -> np.ndarray:
        """The path with all that is near a random customer, and without what is worth least."""
        table = self.table
        count = int(self.random.integers(1, RUINED + 1))
        near = self.near[int(self.random.integers(1, len(table))), :count]
        forced = self._among(near)
        for node in near[~self._among(path)[near]]:
            path = _inserted(path, int(self._detours(path, node[None])[0].argmin()) + 1, node)
        if self.random.random() < 0.5:
            path = self._two_opt(path)
        length = float(table[path[:-1], path[1:]].sum())
        lure = self._noisy(np.where(forced, 1e9, 1.0) * self.prizes)  # the forced go last
        while length > self.limit and len(path) > 2:
            before, node, after = path[:-2], path[1:-1], path[2:]
            saved = table[before, node] + table[node, after] - table[before, after]
            worst = int((lure[node] / np.maximum(saved, 1e-12 * self.limit)).argmin())
            length -= float(saved[worst])
            path = np.concatenate([path[: worst + 1], path[worst + 2 :]])
        return path

    def _among(self, nodes: np.ndarray) -> np.ndarray:
        """Which of all nodes are among `nodes`."""
        found = np.zeros(len(self.table), dtype=bool)
        found[nodes] = True
        return found

    def _noisy(self, prizes: np.ndarray) -> np.ndarray:
        return prizes * np.exp(SPREAD * self.random.standard_normal(len(prizes)))

    def _detours(self, path: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """What each of `nodes` adds to each leg of the path, [nodes, legs]."""
        near = self.table[nodes].take(path, 1)
        return near[:, :-1] + near[:, 1:] - self.table[path[:-1], path[1:]]

    def _recreate(self, path: np.ndarray) -> np.ndarray:
        """The path with customers inserted until nothing fits."""
        if self.random.random() < 0.2:
            path = self._two_opt(path)
        room = self.limit - float(self.table[path[:-1], path[1:]].sum())
        absent = (~self._among(path)).nonzero()[0]
        lure = self._noisy(self.prizes[absent] ** self.random.uniform(*POWERS))
        while len(absent):
            detour = self._detours(path, absent)
            least = detour.min(1)
            # who is too far away now stays so, by the triangle inequality (or until the next step)
            fits = (least <= room).nonzero()[0]
            if not len(fits):
                break
            absent, lure, least = absent[fits], lure[fits], least[fits]
            pick = int((lure / np.maximum(least, 1e-12 * self.limit)).argmax())
            path = _inserted(path, int(detour[fits[pick]].argmin()) + 1, absent[pick])
            room -= float(least[pick])
            others = np.arange(len(absent)) != pick
            absent, lure = absent[others], lure[others]
        return path

    def _two_opt(self, path: np.ndarray) -> np.ndarray:
        """The path with its best exchange of two legs, as long as there is one."""
        while True:
            start, end = path[:-1], path[1:]
            leg = self.table[start, end]
            gain = leg[:, None] + leg
            gain -= self.table[start[:, None], start] + self.table[end[:, None], end]
            first, second = divmod(int(np.triu(gain, 1).argmax()), len(start))
            if first >= second or gain[first, second] <= 1e-9 * self.limit:
                return path
            path = path.copy()
            path[first + 1 : second + 1] = path[first + 1 : second + 1][::-1]


def _inserted(path: np.ndarray, place: int, node: int) -> np.ndarray:
    """As `np.insert`, at a fifth of its time for so few."""
    return np.concatenate([path[:place], [node], path[place:]])


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
