"""Every step of the kernel of pickup and delivery against plain sums and all places."""

import itertools

import numpy as np
import pytest

from nco.problems._routing.kernels import orders_kernel
from nco.problems._routing.kernels.orders import Search, fits

KINDS = [(25, 5, 3), (25, 5, 1), (40, 2, 4), (3, 1, 1), (1, 1, 1)]
Plan = list[list[int]]


class Ends:
    """Depots, pickups and deliveries of a kind, and what plans of them cost."""

    def __init__(self, size: int, fleet: int, capacity: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.depots, self.pickups, self.deliveries = (
            random.random((count, 2)) for count in (fleet, size, size)
        )
        self.size, self.capacity = size, capacity

    def begin(self, seed: int, routes: Plan | None = None) -> Search:
        """A search, from orders one after another, each on the next vehicle."""
        fleet = len(self.depots)
        if routes is None:
            every = range(1, self.size + 1)
            routes = [
                [stop for order in every if order % fleet == v for stop in (order, -order)]
                for v in range(fleet)
            ]
        ends = self.depots, self.pickups, self.deliveries
        return Search(*ends, self.capacity, routes, seed)

    def cost(self, plan: Plan) -> float:
        """The sum of arrivals at the deliveries of a plan in which all rules hold."""
        assert sorted(stop for route in plan for stop in route) == sorted(
            stop for order in range(1, self.size + 1) for stop in (order, -order)
        )
        cost = self.price(plan)
        assert cost is not None
        return cost

    def price(self, plan: Plan) -> float | None:
        """The sum of arrivals; None where too many orders are on board or one is not."""
        cost = 0.0
        for depot, route in zip(self.depots, plan, strict=True):
            here, time, board = depot, 0.0, set()
            for stop in route:
                ends = self.pickups if stop > 0 else self.deliveries
                time += float(np.linalg.norm(ends[abs(stop) - 1] - here))
                here = ends[abs(stop) - 1]
                if stop > 0:
                    board.add(stop)
                elif -stop not in board:
                    return None
                else:
                    board.remove(-stop)
                    cost += time
                if len(board) > self.capacity:
                    return None
        return cost


def current(search: Search) -> Plan:
    """The routes where the search is."""
    orders, first, size = search.orders, search.fleet - 1, search.size
    plan = []
    for path, count in zip(orders.path, orders.stops, strict=True):
        stops = [int(node) - first for node in path[1:count]]
        plan.append([stop if stop <= size else size - stop for stop in stops])
    return plan


@pytest.mark.parametrize(("size", "fleet", "capacity"), KINDS)
def test_every_step_keeps_the_accounts(size: int, fleet: int, capacity: int) -> None:
    """Costs, owners and the best are right after each of 200 steps at three heats."""
    ends = Ends(size, fleet, capacity)
    search = ends.begin(1)
    orders, least = search.orders, search.least
    assert search.best() == current(search)
    for step in range(200):
        assert search.step(1, (0.001, 0.1, 3.0)[step % 3]) == 1
        plan = current(search)
        assert orders.price[0] == pytest.approx(ends.cost(plan))
        assert search.least == pytest.approx(ends.cost(search.best()))
        assert search.least <= least
        least = search.least
        for vehicle, route in enumerate(plan):
            assert all(orders.vehicle[stop - 1] == vehicle for stop in route if stop > 0)
        assert not orders.mark.any()
    assert orders.tally[orders_kernel.BETTER] > 0 or size == 1


@pytest.mark.parametrize(("size", "fleet", "capacity"), KINDS[:3])
def test_a_step_that_is_refused_leaves_everything_as_it_was(
    size: int, fleet: int, capacity: int
) -> None:
    """At no temperature, all figures of a step that is not accepted are those before it."""
    search = Ends(size, fleet, capacity).begin(2)
    search.step(500, 1e-9)
    orders, refused = search.orders, 0
    for _ in range(100):
        before = {name: np.copy(part) for name, part in orders._asdict().items()}
        accepted, plan = int(orders.tally[orders_kernel.ACCEPTED]), current(search)
        search.step(1, 1e-12)
        if orders.tally[orders_kernel.ACCEPTED] == accepted:
            refused += 1
            assert current(search) == plan
            for name in ("stops", "vehicle", "cost", "price", "best", "best_stops"):
                assert (getattr(orders, name) == before[name]).all()
            for vehicle, count in enumerate(orders.stops):
                for name in ("arrival", "leg", "later", "board"):
                    figures = getattr(orders, name)[vehicle, :count]
                    assert (figures == before[name][vehicle, :count]).all()
    assert refused > 20


def test_an_order_goes_to_the_best_of_all_its_places() -> None:
    """Against every place of every vehicle, priced by plain sums."""
    ends = Ends(12, 3, 2)
    search = ends.begin(3)
    search.step(300, 0.05)
    routes = current(search)
    for order in range(1, 13):
        short = [[stop for stop in route if abs(stop) != order] for route in routes]
        rest = ends.begin(0, short)
        every = [
            [*short[:v], [*path[:i], order, *path[i:j], -order, *path[j:]], *short[v + 1 :]]
            for v, path in enumerate(short)
            for i, j in itertools.combinations_with_replacement(range(len(path) + 1), 2)
        ]
        prices = [price for plan in every if (price := ends.price(plan)) is not None]
        added = min(
            orders_kernel.cheapest(rest.orders, vehicle, order - 1, np.inf)[0]
            for vehicle in range(3)
        )
        assert added + rest.least == pytest.approx(min(prices))


def test_what_takes_too_much_memory_does_not_fit() -> None:
    """Tables have a row a vehicle, each as long as all stops."""
    assert fits(5, 1000)
    assert not fits(10_000, 1000)
    assert not fits(1, 0)
