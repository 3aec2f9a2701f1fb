"""Ruin and recreate with equal vehicles, the least total length: tasks, searches and answers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._common.kernels.driver import Span, anneal_anew
from nco.problems._routing import metrics
from nco.problems._routing.kernels import lists, places, savings
from nco.problems._routing.kernels.capacitated_kernel import Rules, step
from nco.problems._routing.kernels.ruin import Ruin
from nco.problems._routing.kernels.searching import (
    LEFT_OUT,
    SPARE_ROUTES,
    RuinSearch,
    check_demands,
    length,
)

RoutesList = list[list[int]]
LONG, HOTTEST = 40.0, 3.0  # stops of a route beyond which a search begins hotter, at most so much


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A depot, n customers, and vehicles that are all the same.

    Attributes:
        metric: ``EXPLICIT`` or one of `metrics.METRICS`.
        coords: float64 [n+1, 2], the depot first; for the metrics of coordinates.
        distances: [n+1, n+1], from row to column, for ``EXPLICIT``.
        demand: int64 [n+1], the depot's 0.
        capacity: of a vehicle.
        vehicles: how many routes are allowed; None for any number.
        limit: of a route's length.
        prizes: float64 [n+1], what leaving a customer out costs, in the unit of the distances; None
            where all must be served.

    Raises:
        ValueError: the arrays do not belong together, or a customer fits into no vehicle.
    """

    metric: str
    coords: np.ndarray | None = None
    distances: np.ndarray | None = None
    demand: np.ndarray
    capacity: int
    vehicles: int | None = None
    limit: float = math.inf
    prizes: np.ndarray | None = None

    def __post_init__(self) -> None:
        stated = self.distances if self.metric == "EXPLICIT" else self.coords
        if stated is None or len(stated) != len(self.demand):
            size = None if stated is None else len(stated)
            raise ValueError(f"{len(self.demand)} demands need places of as many nodes, not {size}")
        check_demands(self.demand, self.capacity)

    @property
    def size(self) -> int:
        """The number of customers."""
        return len(self.demand) - 1

    def cost(self, routes: RoutesList) -> float:
        """The length of all routes, as the metric rounds."""
        starts = [node for route in routes if route for node in (0, *route)]
        ends = [node for route in routes if route for node in (*route, 0)]
        if not starts:
            return 0.0
        if self.metric == "EXPLICIT":
            assert self.distances is not None
            return math.fsum(self.distances[starts, ends].tolist())
        assert self.coords is not None
        legs = metrics.distances(self.coords[starts], self.coords[ends], self.metric)
        return math.fsum(legs.tolist())


@dataclass(frozen=True)
class Settings:
    """How the search goes; distances are in mean legs of the start.

    Attributes:
        ruin: what a step takes apart.
        neighbours: of a customer, beside which it may be put.
        reach: see `Rules`.
        exchanges: for each stop of a route, and at most, how often routes try to exchange their
            ends before a ruin: strings move short routes well enough.
        hot, cold: temperatures at the beginning and at the end.
        warm: the first temperature from a given start that is better than savings by `ahead`, a
            share of their cost, or more: it would else be lost. From a start that is less ahead the
            search begins hotter, and where savings are better it begins from them.
    """

    ruin: Ruin = field(default_factory=Ruin)
    neighbours: int = 60
    reach: float = 3.0
    exchanges: tuple[float, int] = (0.07, 5)
    hot: float = 1.0
    cold: float = 0.01
    warm: float = 0.1
    ahead: float = 0.05


@dataclass(frozen=True)
class Answer:
    """Attributes:
    routes: of customers from 1 to n; none is empty.
    cost: their length.
    steps: how often the search ruined and recreated.
    """

    routes: RoutesList
    cost: float
    steps: int


def ruin_recreate(
    task: Task,
    *,
    until: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    start: RoutesList | None = None,
    tell: Callable[[RoutesList], None] | None = None,
    stop: np.ndarray | None = None,
    settings: Settings | None = None,
) -> Answer | None:
    """Routes never worse than the start's; None where the vehicles have not sufficed.

    Args:
        task: what to solve.
        until: a reading of `time.perf_counter` at which the search ends.
        iterations: steps after which it ends: equal ones give equal answers everywhere.
        seed: of the random numbers.
        start: routes to begin from, which keep all rules; by default savings.
        tell: is called with better routes on the way.
        stop: int64 [1]; whoever sets it ends the search.
    """
    settings = settings or Settings()
    if task.size == 0:
        return Answer([], 0.0, 0)

    def begin(number: int) -> tuple[Search, float]:
        own = chance.further(seed, number)
        search = search_from(task, own, None if number else start, settings)
        return search, search.first_temperature(settings)

    span = Span(until, iterations, **({} if stop is None else {"stop": stop}))
    annealed = anneal_anew(begin, settings.cold, span, length(task.size), tell)
    routes = annealed.search.best()
    return None if routes is None else Answer(routes, task.cost(routes), annealed.steps)


def search_from(task: Task, seed: int, start: RoutesList | None, settings: Settings) -> "Search":
    """A search from the given routes, or from savings where these cost less."""
    search = Search(task, seed, start, settings)
    return search if search.ahead >= 0 else Search(task, seed, None, settings)


class Search(RuinSearch):
    """The arrays of one search with equal vehicles.

    Args:
        task: what to solve.
        seed: of the random numbers.
        start: routes to begin from, which keep all rules; None for savings.
        settings: how the search goes.
        compare: whether to learn how far the start is ahead of savings, which takes their time.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        start: RoutesList | None,
        settings: Settings,
        compare: bool = True,
    ) -> None:
        where = places.prepare(
            task.metric,
            None if task.metric == "EXPLICIT" else task.coords,
            task.distances if task.metric == "EXPLICIT" else None,
        )
        super().__init__(where, seed, settings.ruin, settings.neighbours)
        self.must_serve_all = task.prizes is None
        demand = task.demand[self.order].astype(np.int64)
        self.prize = self._prizes(task)
        self.ahead = 0.0  # how far a given start is better than savings, as a share of their cost
        listed = None if start is None else self.listed([route for route in start if route])
        if listed is None or compare:
            own = self._fewer(self._savings(where, demand, task), demand, task.vehicles)
            self.ahead = 0.0 if listed is None else self._ahead(where, listed, own)
            listed = own if listed is None else listed
        count = int((listed == 0).sum())
        slots = count + SPARE_ROUTES + count // 10 if task.vehicles is None else task.vehicles
        self.routes = lists.empty_routes(
            where, demand, np.full(slots, task.capacity, dtype=np.int64)
        )
        self._begin(listed)
        self.unit = self.least / (self.size + count) or 1.0
        self.rules = Rules(
            symmetric=where.symmetric,
            limit=float(task.limit),
            reach=settings.reach * self.unit,
            exchanges=self._exchanges(*settings.exchanges),
        )

    def step(self, steps: int, temperature: float) -> int:
        """So many steps of the kernel."""
        done: int = step(
            self.rules,
            self.routes,
            self.near,
            self.apart,
            self.home,
            self.prize,
            self.ruin,
            self.journal,
            self.random,
            self.stop,
            steps,
            temperature,
        )
        return done

    def first_temperature(self, settings: Settings) -> float:
        """The temperature at the beginning, in mean legs of the start."""
        hot = settings.hot * self.heat()
        share = min(1.0, max(0.0, self.ahead / settings.ahead))
        return hot * (settings.warm / hot) ** share

    def heat(self) -> float:
        """How much hotter than others to begin: long routes change little at once.

        By trial on instances of 20 to 130 customers a route.
        """
        return min(HOTTEST, max(1.0, self._stops() / LONG))

    def _exchanges(self, each: float, most: int) -> int:
        """How often to try before a ruin; not at all where no customer has a neighbour."""
        return min(most, int(each * self._stops())) if self.near.shape[1] else 0

    def _stops(self) -> float:
        """Customers of a route."""
        return self.size / max(1, len(self.routes.empty) - int(self.routes.tally[lists.EMPTY]))

    def best(self) -> RoutesList | None:
        """The best routes in the caller's numbers; None where they do not serve all that must."""
        routes = [route for route in self.best_routes() if route]
        if self.must_serve_all and sum(map(len, routes)) < self.size:
            return None
        return routes

    def present(self) -> RoutesList:
        """The routes at hand in the caller's numbers, which may cost more than the best."""
        listed = lists.follow(self.routes.after, self.size)
        return [route for route in lists.as_lists(self.order[listed]) if route]

    def _prizes(self, task: Task) -> np.ndarray:
        """What it costs to leave a customer out; of all that must be served, more than to do so."""
        if task.prizes is not None:
            return np.array(task.prizes[self.order], dtype=np.float64)
        if task.vehicles is None:
            return np.full(self.size + 1, math.inf)
        return np.full(self.size + 1, LEFT_OUT * max(float(self.home.max()), 1.0))

    def _ahead(self, where: places.Places, given: np.ndarray, own: np.ndarray) -> float:
        """By which share of the cost of the routes `own` the routes `given` are better."""
        cost = self._price(where, own)
        return (cost - self._price(where, given)) / abs(cost) if cost else 0.0

    def _price(self, where: places.Places, listed: np.ndarray) -> float:
        """The length of routes, each followed by a 0, and what is paid for those left out."""
        nodes = np.concatenate([np.zeros(1, dtype=np.uint32), listed.astype(np.uint32)])
        length = np.zeros(len(listed))
        x, y = where.coords.T.copy()
        places.legs(where.metric, x, y, where.matrix, nodes[:-1].copy(), nodes[1:].copy(), length)
        absent = np.setdiff1d(np.arange(1, self.size + 1), listed)
        return float(length.sum()) + (float(self.prize[absent].sum()) if len(absent) else 0.0)

    def _savings(self, where: places.Places, demand: np.ndarray, task: Task) -> np.ndarray:
        """Savings; where directions differ by the mean of both, and then each route's better."""
        if where.symmetric:
            return savings.savings(
                self.near, self.apart, self.home / 2, demand, task.capacity, task.limit
            )
        rows = np.arange(self.size + 1)[:, None]
        apart = (self.apart + where.matrix[rows, self.near]) / 2
        listed = savings.savings(self.near, apart, self.home / 2, demand, task.capacity, task.limit)
        routes = []
        for route in lists.as_lists(listed):
            both = [route, route[::-1]]
            length = [where.matrix[[0, *way], [*way, 0]].sum() for way in both]
            routes.append(both[int(length[1] < length[0])])
        return lists.as_listed(routes)

    @staticmethod
    def _fewer(listed: np.ndarray, demand: np.ndarray, most: int | None) -> np.ndarray:
        """The most laden routes where there are more than `most`."""
        routes = lists.as_lists(listed)
        if most is None or len(routes) <= most:
            return listed
        load = [int(demand[route].sum()) for route in routes]
        kept = sorted(range(len(routes)), key=lambda place: -load[place])[:most]
        return lists.as_listed([routes[place] for place in kept])

    def _begin(self, listed: np.ndarray) -> None:
        """Fills the routes."""
        length = lists.fill(self.routes, listed)
        absent = np.setdiff1d(np.arange(1, self.size + 1), listed)
        left_out = float(self.prize[absent].sum()) if len(absent) else 0.0
        self.routes.price[:] = (length + left_out, length + left_out, left_out)
        self.routes.best[:] = self.routes.after
