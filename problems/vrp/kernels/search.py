"""Ruin and recreate of rich routing: a search and its answers."""

import math
from dataclasses import dataclass, field

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._routing.kernels import lists
from nco.problems._routing.kernels.ruin import Ruin
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.kernels import arrays, nearby
from nco.problems.vrp.kernels.plan import LEAST_MISSING, Plan
from nco.problems.vrp.kernels.step import CHEAP, begin, step


@dataclass(frozen=True)
class Settings:
    """How the search goes; temperatures are in mean legs of the start.

    Attributes:
        ruin: what a step takes apart.
        neighbours: of a client, beside which it may be put.
        opens: share of the steps that may open a route below its cost, where clients are optional.
        exchanges: for each stop of a route, and at most, how often routes try to exchange their
            ends before a ruin.
        hot, cold: temperatures at the beginning and at the end.
        warm: the first temperature from a given start, which would else be lost.
    """

    ruin: Ruin = field(default_factory=Ruin)
    neighbours: int = 40
    opens: float = 0.3
    exchanges: tuple[float, int] = (0.1, 5)
    hot: float = 1.0
    cold: float = 0.01
    warm: float = 0.5


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
        self.case = case
        self.fleet = arrays.kinds(case)
        self.clients = arrays.clients(case)
        self.size = len(self.clients.rows)
        self.rules, self.scale = arrays.prepare(case, self.fleet, self.clients)
        self.ruin = Ruin(float(settings.ruin.mean), int(settings.ruin.longest))
        optional = (self.rules.needed[1:] == 0) & (self.rules.fetches[1:] == 0)
        self.opens = settings.opens if optional.any() else 0.0
        self.journal = self._journal()
        self.near = nearby.near(self.rules, settings.neighbours)
        self.plan = self._empty_plan()
        self.random = chance.start(seed)
        self.stop = np.zeros(1, dtype=np.int64)
        prize = self.rules.prize.copy()  # to which the start adds what required clients cost
        self.dear = self._begin(start, 1.0)
        if self.opens > 0 and start is None:
            self._begin_cheaper(prize)
        used = len(self.plan.empty) - int(self.plan.tally[lists.EMPTY])
        each, most = settings.exchanges
        served = int(self.plan.stops.sum())
        stops = served / max(1, used)
        self.exchanges = min(most, math.ceil(each * stops)) if self.near.beside.shape[1] else 0
        # of the legs that are driven: most clients may be left out
        self.unit = float(self.plan.cost.sum()) / max(1, served + used) or 1.0

    def _journal(self) -> lists.Journal:
        """With room for the partners of all that leave, or for the trips beside all that change."""
        # all that were left out near a seed may come back too; compiled code checks no bounds
        most = self.ruin.most + nearby.AROUND
        if not (self.rules.paired or self.rules.chained):
            return lists.journal(most)
        moved, place, touched = (np.zeros(8 * most + 1, dtype=np.uint32) for _ in range(3))
        out = np.zeros(4 * most + 1, dtype=np.uint32)
        return lists.Journal(moved, place, out, np.zeros(8 * most + 1), touched)

    def _empty_plan(self) -> Plan:
        opened = max(len(self.journal.moved), self.size)
        return arrays.empty_plan(self.case, self.fleet, self.rules, self.scale, opened)

    def _begin_cheaper(self, prize: np.ndarray) -> None:
        """Begins with many routes where that costs less than few, as optional clients open none.

        Args:
            prize: that of the rules before any start.
        """
        plan, before = self.plan, self.least
        self.plan = self._empty_plan()
        self.rules.prize[:] = prize
        self.dear = self._begin(None, CHEAP)
        if self.least > before:
            self.plan = plan

    def _begin(self, start: list[Route] | None, share: float) -> float:
        """Puts given routes in, and all others where they cost least; what a missing one costs.

        Args:
            share: what part of its cost each new route is judged by.
        """
        nobody = len(self.plan.empty)
        listed, slots, earlier = self._listed(start or [])
        waiting = np.ones(self.size + 1, dtype=bool)
        waiting[listed] = waiting[0] = False
        present = ~waiting
        for nodes in self.clients.groups:  # one of them stands for all
            waits = waiting[nodes].all()
            waiting[nodes] = False
            waiting[nodes[0]] = waits
        waiting[self.rules.fetches > 0] = False
        self.plan.route[: self.size + 1][~waiting & ~present] = nobody + 2
        queue = np.flatnonzero(waiting)
        queue = queue[np.argsort(self.near.keys[0][queue], kind="stable")]
        moved, place, out, touched = (
            np.zeros(3 * self.size + 1, dtype=np.uint32) for _ in range(4)
        )
        out[: len(queue)] = queue
        journal = lists.Journal(moved, place, out, np.zeros(1), touched)
        dear: float = begin(
            self.rules,
            self.plan,
            self.near,
            journal,
            listed,
            slots,
            earlier,
            len(queue),
            share,
            self.random,
        )
        return dear

    def _listed(self, start: list[Route]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Given routes, as `step.begin` takes them."""
        nodes: dict[int, list[int]] = {}
        for node, row in enumerate(self.clients.rows.tolist(), 1):
            nodes.setdefault(row + self.case.first_client, []).append(node)
        kind_of = {t: kind for kind, types in enumerate(self.fleet.types) for t in types}
        free = self.rules.first.tolist()
        listed: list[int] = []
        slots: list[int] = []
        before: list[int] = []
        for route in start:
            kind, earlier, time = kind_of[route.vehicle], len(self.plan.empty), -math.inf
            for trip in _trips(route.stops, self.case.first_client):
                chosen, time = self._windows(kind, [nodes[stop] for stop in trip], time)
                listed += [*chosen, 0]
                slots.append(free[kind])
                before.append(earlier)
                earlier = free[kind]
                free[kind] += 1
        return (
            np.array(listed, dtype=np.uint32),
            np.array(slots, dtype=np.int64),
            np.array(before, dtype=np.int64),
        )

    def _windows(self, kind: int, copies: list[list[int]], time: float) -> tuple[list[int], float]:
        """Of each client of a trip the copy whose window can be reached first, and the trip's end.

        Args:
            copies: nodes of each client; time: when the trip before ended.
        """
        rules = self.rules
        chosen: list[int] = []
        depot = here = self.size + 1 + int(rules.first[kind])
        way = rules.way[kind]
        released = [float(rules.release[nodes].max()) for nodes in copies]
        time = max([time, float(rules.open[here]), *released]) + float(rules.service[here])
        for nodes in copies:
            arrival = time + float(rules.duration[way, rules.origin[here], nodes[0]])
            node = next((n for n in nodes if arrival <= rules.close[n]), nodes[-1])
            time = max(arrival, float(rules.open[node])) + float(rules.service[node])
            chosen.append(node)
            here = node
        time += float(rules.duration[way, here, rules.target[depot]])
        return chosen, time

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
            self.opens,
            self.journal,
            self.random,
            self.stop,
            steps,
            temperature,
        )
        return done

    def best(self) -> list[Route]:
        """The best routes in the case's numbers."""
        return self.routes(self.plan.best, self.plan.best_later)

    def routes(self, after: np.ndarray, later: np.ndarray) -> list[Route]:
        """The routes that a list of next nodes and one of next trips hold."""
        trips = lists.as_lists(lists.follow(after, self.size))
        heads = np.ones(len(later) + 1, dtype=bool)
        heads[[later[slot] for slot, trip in enumerate(trips) if trip]] = False
        found: list[Route] = []
        for kind in range(len(self.fleet.types)):
            vehicles = self.fleet.vehicles(kind)
            for head in range(int(self.rules.first[kind]), int(self.rules.first[kind + 1])):
                if not trips[head] or not heads[head]:
                    continue
                stops, slot = self._stops(trips[head]), int(later[head])
                position = next(vehicles)
                while slot < len(later):
                    stops += [self.case.vehicles[position].start, *self._stops(trips[slot])]
                    slot = int(later[slot])
                found.append(Route(position, stops))
        return found

    def _stops(self, nodes: list[int]) -> list[int]:
        """Clients in the case's numbers."""
        stops: list[int] = (
            self.clients.rows[np.array(nodes) - 1] + self.case.first_client
        ).tolist()
        return stops


def _trips(stops: list[int], first_client: int) -> list[list[int]]:
    """The clients between reloads, where there are any."""
    trips: list[list[int]] = [[]]
    for stop in stops:
        if stop < first_client:
            trips.append([])
        else:
            trips[-1].append(stop)
    return [trip for trip in trips if trip]
