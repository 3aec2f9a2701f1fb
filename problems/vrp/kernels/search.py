"""Ruin and recreate of rich routing: a search and its answers."""

import math
from dataclasses import dataclass, field

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._routing.kernels import lists
from nco.problems._routing.kernels.ruin import Ruin
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.kernels import arrays, nearby
from nco.problems.vrp.kernels.plan import LEAST_MISSING
from nco.problems.vrp.kernels.step import fill_alone, insert_all, place, step


@dataclass(frozen=True)
class Settings:
    """How the search goes; temperatures are in mean legs of the start.

    Attributes:
        ruin: what a step takes apart.
        neighbours: of a client, beside which it may be put.
        exchanges: for each stop of a route, and at most, how often routes try to exchange their
            ends before a ruin.
        hot, cold: temperatures at the beginning and at the end.
        warm: the first temperature from a given start, which would else be lost.
    """

    ruin: Ruin = field(default_factory=Ruin)
    neighbours: int = 40
    exchanges: tuple[float, int] = (0.1, 5)
    hot: float = 1.0
    cold: float = 0.01
    warm: float = 0.1


class Search:
    """The arrays of one search.

    Args:
        case: with a client at least.
        seed: of the random numbers.
        start: routes to begin from, which keep all rules; None: each client where it costs least.
        settings: how the search goes.
    """

    def __init__(
        self, case: Case, seed: int, start: list[Route] | None, settings: Settings | None = None
    ) -> None:
        self.settings = settings = settings or Settings()
        self.fleet = arrays.kinds(case)
        self.rules, self.order, self.scale = arrays.prepare(case, self.fleet)
        self.first_client = case.first_client
        fill_alone(self.rules, self.plan_of(case))
        self._set_prizes()
        self.near = nearby.near(self.rules, settings.neighbours)
        self.plan = self.plan_of(case)
        self.ruin = Ruin(float(settings.ruin.mean), int(settings.ruin.longest))
        self.journal = lists.journal(self.ruin.most)
        self.random = chance.start(seed)
        self.stop = np.zeros(1, dtype=np.int64)
        self.size = case.size
        if start is not None:
            self._place(start)
        waiting = np.flatnonzero(self.plan.route[: self.size + 1] == len(self.plan.empty))[1:]
        keys = self.near.keys[0] if start is None else np.zeros(self.size + 1)
        waiting = waiting[np.argsort(keys[waiting], kind="stable")].astype(np.uint32)
        insert_all(self.rules, self.plan, self.near, waiting, self.random)
        used = len(self.plan.empty) - int(self.plan.tally[lists.EMPTY])
        each, most = settings.exchanges
        stops = self.size / max(1, used)
        self.exchanges = min(most, math.ceil(each * stops)) if self.near.beside.shape[1] else 0
        self.unit = float(self.plan.cost.sum()) / (self.size + used) or 1.0

    def plan_of(self, case: Case) -> arrays.Plan:
        """Empty routes."""
        return arrays.empty_plan(case, self.fleet, self.rules, self.scale)

    def _set_prizes(self) -> None:
        """A required client costs more to leave out than on the dearest route of its own."""
        alone = self.rules.alone
        possible = alone[np.isfinite(alone)]
        dear = arrays.LEFT_OUT * max(1.0, float(possible.max()) if len(possible) else 1.0)
        self.rules.prize[self.rules.required] = dear

    def _place(self, start: list[Route]) -> None:
        """Puts given routes in."""
        node = np.zeros(self.size, dtype=np.int64)
        node[self.order] = np.arange(1, self.size + 1)
        kind_of = {t: kind for kind, types in enumerate(self.fleet.types) for t in types}
        used = [0] * len(self.fleet.types)
        for route in start:
            if route.stops:
                kind = kind_of[route.vehicle]
                slot = int(self.rules.first[kind]) + used[kind]
                used[kind] += 1
                stops = node[[stop - self.first_client for stop in route.stops]]
                place(self.rules, self.plan, slot, stops.astype(np.uint32))

    @property
    def least(self) -> float:
        """The cost of the best; more than any other where it misses more clients."""
        missing = int(self.plan.tally[LEAST_MISSING])
        return float(self.plan.price[lists.LEAST]) + missing * arrays.LARGEST

    @property
    def missing(self) -> int:
        """Required clients that the best leaves out."""
        return int(self.plan.tally[LEAST_MISSING])

    def step(self, steps: int, temperature: float) -> int:
        """So many steps of the kernel."""
        done: int = step(
            self.rules,
            self.plan,
            self.near,
            self.ruin,
            self.exchanges,
            self.journal,
            self.random,
            self.stop,
            steps,
            temperature,
        )
        return done

    def best(self) -> list[Route]:
        """The best routes in the case's numbers."""
        routes = lists.as_lists(lists.follow(self.plan.best, self.size))
        found: list[Route] = []
        for kind in range(len(self.fleet.types)):
            slots = range(int(self.rules.first[kind]), int(self.rules.first[kind + 1]))
            vehicles = self.fleet.vehicles(kind)
            for slot in slots:
                if routes[slot]:
                    stops = self.order[np.array(routes[slot]) - 1] + self.first_client
                    found.append(Route(next(vehicles), stops.tolist()))
        return found
