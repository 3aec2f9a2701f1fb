"""Ruin and recreate with different vehicles, the least total cost or the least time of the last."""

import math
from dataclasses import dataclass, field

import numpy as np

from nco.problems._routing.kernels import lists, places
from nco.problems._routing.kernels.fleet_kernel import insert_all, step
from nco.problems._routing.kernels.owners import Fleet
from nco.problems._routing.kernels.ruin import Ruin
from nco.problems._routing.kernels.searching import (
    LEFT_OUT,
    SPARE_ROUTES,
    RuinSearch,
    check_demands,
)

Owned = list[tuple[int, list[int]]]  # routes, each with its owner
MOST_APART = 80  # customers of routes that are taken apart as a whole
MANY = 2**31  # routes of one vehicle


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A depot, n customers, and K owners of routes.

    Attributes:
        coords: float64 [n+1, 2], the depot first; ways are straight lines.
        demand: int64 [n+1], the depot's 0.
        capacities: int64 [K], of each of an owner's routes.
        counts: int64 [K], how many routes it may have.
        fixed: float64 [K], the cost of a route.
        rates: float64 [K], the cost, or the time, of a unit of length.
        last: whether the time of the last owner counts; else the sum of all costs.

    Raises:
        ValueError: a customer fits into no vehicle.
    """

    coords: np.ndarray
    demand: np.ndarray
    capacities: np.ndarray
    counts: np.ndarray
    fixed: np.ndarray
    rates: np.ndarray
    last: bool

    def __post_init__(self) -> None:
        check_demands(self.demand, int(self.capacities.max()))

    @property
    def size(self) -> int:
        """The number of customers."""
        return len(self.demand) - 1


@dataclass(frozen=True)
class Settings:
    """How the search goes; temperatures are in mean legs of the start.

    Attributes:
        ruin: what a step takes apart.
        neighbours: of a customer, beside which it may be put.
        hot, cold: temperatures at the beginning and at the end.
        warm: the first temperature from a given start, which would else be lost.
        given_away: chance that a step gives a route to another owner.
        whole: chance that a step takes whole routes apart.
        shared: chance that in a step customers share the cost of a new route.
        grown: chance that in a step full routes may go to owners of greater capacity.
    """

    ruin: Ruin = field(default_factory=Ruin)
    neighbours: int = 40
    hot: float = 1.0
    cold: float = 0.01
    warm: float = 0.5
    given_away: float = 0.5
    whole: float = 0.1
    shared: float = 0.3
    grown: float = 0.5


# for the time of the last owner
LAST = Settings(neighbours=60, given_away=0.2, shared=0.0, grown=0.0)


def usual(task: Task) -> Settings:
    """The settings that have proved best for the objective."""
    return LAST if task.last else Settings()


class Search(RuinSearch):
    """The arrays of one search with different vehicles.

    Args:
        task: what to solve, with a customer at least.
        seed: of the random numbers.
        start: routes to begin from, which keep all rules; None: customers are put in one by one,
            the largest first.
        settings: how the search goes; None: the usual ones.
    """

    def __init__(
        self, task: Task, seed: int, start: Owned | None, settings: Settings | None = None
    ) -> None:
        self.settings = settings = settings or usual(task)
        self.task = task
        where = places.prepare("EUCLIDEAN", task.coords, None)
        super().__init__(where, seed, settings.ruin, settings.neighbours, MOST_APART)
        demand = task.demand[self.order].astype(np.int64)
        self.prize = np.full(self.size + 1, math.inf if task.last else self._dear())
        slots = self._slots(start)
        room = np.full(slots, task.capacities[0], dtype=np.int64)
        self.routes = lists.empty_routes(where, demand, room)
        self.fleet = self._fleet(slots, 1.0)
        self._begin(start)

    def _dear(self) -> float:
        """The price of a customer that is left out."""
        dearest = self.task.fixed.max() + self.task.rates.max() * max(self.home.max(), 1e-300)
        return LEFT_OUT * float(dearest)

    def _slots(self, start: Owned | None) -> int:
        """How many routes there may be at once."""
        task = self.task
        most = int(min(task.counts.sum(), self.size))
        if start is None:
            smallest = max(1, int(task.capacities.min()))
            needed = 2 * math.ceil(int(task.demand.sum()) / smallest)
        else:
            needed = len(start)
        return min(most, needed + needed // 10 + SPARE_ROUTES)

    def _fleet(self, slots: int, scale: float) -> Fleet:
        task, owners = self.task, len(self.task.rates)
        return Fleet(
            last=task.last,
            scale=scale,
            given_away=float(self.settings.given_away),
            whole=float(self.settings.whole),
            shared=float(self.settings.shared),
            grown=float(self.settings.grown),
            capacity=task.capacities.astype(np.int64),
            left=np.minimum(task.counts, MANY).astype(np.int64),
            fixed=task.fixed.astype(np.float64),
            rate=task.rates.astype(np.float64),
            spent=np.zeros(owners),
            power=np.zeros(owners),
            owner=np.zeros(slots, dtype=np.uint32),
            counted=np.full(slots, -1.0),
            best=np.zeros(slots, dtype=np.uint32),
            former=np.zeros((2, owners)),
            before=np.zeros(owners, dtype=np.int64),
            given=np.zeros((2 * len(self.journal.touched), 2), dtype=np.uint32),
        )

    def _begin(self, start: Owned | None) -> None:
        """Fills the routes; the scale of times is that of a fair share of their sum."""
        routes, fleet, task = self.routes, self.fleet, self.task
        paid = 0.0
        if start is None:
            # times of a first guess: all on a few legs, by the whole fleet
            guess = max(float(self.home.max()), 1e-300) / float((1.0 / task.rates).sum())
            fleet = self.fleet = fleet._replace(scale=guess * max(1.0, math.sqrt(self.size)))
            order = np.argsort(-routes.demand[1:], kind="stable").astype(np.uint32) + np.uint32(1)
            paid = insert_all(
                routes,
                fleet,
                self.near,
                self.apart,
                self.home,
                self.prize,
                order,
                self.random,
            )
        else:
            self._place(start)
        cost = float(fleet.spent.max() if task.last else fleet.spent.sum() + paid)
        fleet = self.fleet = fleet._replace(scale=cost or 1.0)
        fleet.power[:] = (fleet.spent / fleet.scale) ** 16
        whole = fleet.scale * float(fleet.power.sum()) ** (1 / 16) if task.last else cost
        self.routes.price[:] = (whole, cost, paid)
        self.routes.best[:] = self.routes.after
        fleet.best[:] = fleet.owner
        used = np.count_nonzero(routes.stops)
        self.unit = cost / (self.size + used) or 1.0

    def _place(self, start: Owned) -> None:
        """Puts given routes in."""
        fleet, routes = self.fleet, self.routes
        for number, (owner, _) in enumerate(start):
            fleet.owner[number] = owner
            routes.room[number] = fleet.capacity[owner]
            fleet.spent[owner] += fleet.fixed[owner]
            fleet.left[owner] -= 1
        lists.fill(routes, self.listed([route for _, route in start]))
        for number, (owner, _) in enumerate(start):
            fleet.counted[number] = routes.length[number]
            fleet.spent[owner] += routes.length[number] * fleet.rate[owner]

    def step(self, steps: int, temperature: float) -> int:
        """So many steps of the kernel."""
        done: int = step(
            self.routes,
            self.fleet,
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

    def best(self) -> Owned | None:
        """The best routes in the caller's numbers; None where they do not serve all."""
        routes = self.best_routes()
        if sum(map(len, routes)) < self.size:
            return None
        return [
            (owner, route)
            for owner, route in zip(self.fleet.best.tolist(), routes, strict=True)
            if route
        ]
