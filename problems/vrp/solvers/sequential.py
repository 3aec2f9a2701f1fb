"""One route after the other, each filled with the clients that gain most by being on it.

The insertion heuristic I1 of Solomon (1987): a route begins with a far client; then the client
whose own route would cost most beside its cheapest place here is put there, until nothing fits.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nco.problems.vrp.case import INFINITE, Route
from nco.problems.vrp.solvers.feasible import Judge, Track
from nco.problems.vrp.solvers.fitting import Fitting

NEAR = 150  # clients near the first one that a route is filled with
TRIES = 5  # clients that are judged exactly at a time
ALONE = 0.4  # weight of a client's own route against its detour (Solomon's lambda)
PUSH = 0.1  # weight of the time by which it delays what comes later


class Filling:
    """Fills routes with clients.

    Args:
        judge: of the case.

    Attributes:
        alone: the way from a depot to each place and back, ``[D+n]``; the more so the fewer
            vehicle types may go there.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.fitting = Fitting(judge)
        self.alone = self._ways_alone() * self._scarcity()

    def _scarcity(self) -> np.ndarray:
        """How many vehicles there are for each that may serve a client, ``[D+n]``."""
        case = self.judge.case
        share = np.ones(self.judge.ways.nowhere)
        for client, types in enumerate(case.allowed):
            if types is not None:
                share[self.judge.first + client] = len(case.vehicles) / max(len(types), 1)
        return share

    def _ways_alone(self) -> np.ndarray:
        """The least distance from a depot to each place and back, ``[D+n]``."""
        ways, places = self.judge.ways, np.arange(self.judge.ways.nowhere)
        least = np.full(ways.nowhere, INFINITE)
        trips = {
            (ways.of[vehicle], kind.start, ways.nowhere if kind.end is None else kind.end)
            for vehicle, kind in enumerate(self.judge.case.vehicles)
        }
        for sort, start, end in trips:
            there, _ = ways.between(sort, start, places)
            back, _ = ways.between(sort, places, end)
            least = np.minimum(least, there + back)
        return least

    def fill(self, route: Route, track: Track, waiting: np.ndarray) -> tuple[Route, Track]:
        """A route with as many of the waiting clients as fit; alternatives are not among them.

        Args:
            route: with its first client; track: of it.
            waiting: places, the nearest ones first.
        """
        kind = self.judge.case.vehicles[route.vehicle]
        worth = ALONE * kind.unit_distance * self.alone
        scale = PUSH * (kind.unit_distance + kind.unit_duration)
        while len(waiting):
            fit = self.fitting.fit(waiting, self.fitting.legs(route, track))
            pushed = np.where(fit.fits, fit.push, 0.0)  # endless after the last window
            costs = np.where(fit.fits, fit.added + scale * pushed, INFINITE)
            best = costs.argmin(1)
            least = costs[np.arange(len(waiting)), best]
            possible = least < INFINITE
            waiting, best, least = waiting[possible], best[possible], least[possible]
            if not len(waiting):
                break
            gains = worth[waiting] - least
            changed = None
            for chosen in np.argsort(-gains)[:TRIES].tolist():
                place, leg = int(waiting[chosen]), int(best[chosen])
                stops = [*route.stops[:leg], place, *route.stops[leg:]]
                changed = self.judge.route(route.vehicle, stops)
                if changed is not None:
                    route, track = Route(route.vehicle, stops), changed
                    waiting = np.delete(waiting, chosen)
                    break
            if changed is None:
                break
        return route, track

    def near(self, place: int, vehicle: int, waiting: np.ndarray) -> np.ndarray:
        """The waiting clients near a place."""
        if len(waiting) <= NEAR:
            return waiting
        far, _ = self.judge.ways.between(self.judge.ways.of[vehicle], place, waiting)
        return waiting[np.argpartition(far, NEAR)[:NEAR]]


Opener = Callable[[int], tuple[Route, Track] | None]


def routes(
    filling: Filling, clients: Sequence[int], opened: Opener
) -> Iterator[tuple[Route, Track]]:
    """Routes that serve clients, each once, until no vehicle is left for any.

    Args:
        filling: of the case.
        clients: places; the dearest of them begin routes.
        opened: makes a route of a client and takes a vehicle for it; None where there is none.
    """
    waiting = np.array(sorted(clients), dtype=np.int64)
    left = set(clients)
    for place in sorted(clients, key=lambda place: -filling.alone[place]):
        if place not in left:
            continue
        begun = opened(place)
        if begun is None:
            continue
        waiting = waiting[waiting != place]
        route, track = filling.fill(*begun, filling.near(place, begun[0].vehicle, waiting))
        served = set(route.stops)
        left -= served
        waiting = waiting[~np.isin(waiting, route.stops)]
        yield route, track
