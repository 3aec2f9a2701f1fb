"""Every step of the kernel of different vehicles against plain sums."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from recounting import walk

from nco.problems._routing.kernels import fleet_kernel, lists, owners
from nco.problems._routing.kernels.fleet import LAST, MANY, Search, Settings, Task
from nco.problems._routing.kernels.ruin import Ruin

KINDS = ["costs", "few vehicles", "last"]
SMALL = Settings(ruin=Ruin(4.0, 5), neighbours=12)


def make(kind: str, size: int = 30, seed: int = 0) -> Task:
    """A task of one kind of rules."""
    random = np.random.default_rng(seed)
    demand = np.append(0, random.integers(1, 10, size))
    capacities = np.array([12, 20, 33])
    counts = np.full(3, MANY)
    if kind == "few vehicles":
        counts = np.array([math.ceil(demand.sum() / 65)] * 3)
    last = kind == "last"
    return Task(
        coords=random.random((size + 1, 2)),
        demand=demand,
        capacities=capacities,
        counts=counts,
        fixed=np.zeros(3) if last else np.array([0.3, 0.4, 0.7]),
        rates=np.array([1.0, 1.3, 1.6]),
        last=last,
    )


def recount(task: Task, search: Search) -> None:
    """Asserts that all of a search's sums are those of its routes, and what the rules allow."""
    order, routes, fleet = search.order, search.routes, search.fleet
    away = np.linalg.norm(task.coords[order][:, None] - task.coords[order], axis=-1)
    demand, plan = task.demand[order], walk(routes.after, task.size)
    spent, used = np.zeros(len(task.rates)), np.zeros(len(task.rates), dtype=int)
    for number, route in enumerate(plan):
        owner = int(fleet.owner[number])
        assert routes.room[number] == task.capacities[owner] - demand[route].sum() >= 0
        assert routes.stops[number] == len(route)
        assert (routes.route[route] == number).all()
        path = [0, *route, 0]
        length = away[path[:-1], path[1:]].sum()
        assert routes.length[number] == pytest.approx(length, abs=1e-12)
        assert fleet.counted[number] == pytest.approx(length if route else -1.0)
        if route:
            spent[owner] += task.fixed[owner] + length * task.rates[owner]
            used[owner] += 1
    assert fleet.spent == pytest.approx(spent, abs=1e-12)
    assert (fleet.left == np.minimum(task.counts, MANY) - used).all()
    assert (fleet.left >= 0).all()
    visited = [customer for route in plan for customer in route]
    absent = sorted(set(range(1, task.size + 1)) - set(visited))
    assert len(visited) + len(absent) == task.size
    assert (routes.route[absent] == len(plan) + 1).all()
    paid = float(search.prize[absent].sum()) if absent else 0.0
    assert routes.price[lists.PAID] == pytest.approx(paid)
    if task.last:
        norm = fleet.scale * ((spent / fleet.scale) ** 16).sum() ** (1 / 16)
        assert fleet.power == pytest.approx((spent / fleet.scale) ** 16)
        assert routes.price[lists.COST] == pytest.approx(norm)
    else:
        assert routes.price[lists.COST] == pytest.approx(spent.sum() + paid)
    best = search.best()
    if best is not None:
        cost = np.zeros(len(task.rates))
        for owner, route in best:
            path = task.coords[[0, *route, 0]]
            length = np.linalg.norm(path[1:] - path[:-1], axis=1).sum()
            cost[owner] += task.fixed[owner] + length * task.rates[owner]
            assert task.demand[route].sum() <= task.capacities[owner]
        assert search.least == pytest.approx(cost.max() if task.last else cost.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_keeps_the_accounts(kind: str) -> None:
    """Loads, lengths, costs, times and numbers of routes are right after each of 200 steps."""
    task = make(kind)
    search = Search(task, 1, None, SMALL)
    recount(task, search)
    for step in range(200):
        assert search.step(1, (0.003, 0.03, 0.3)[step % 3]) == 1
        recount(task, search)
    assert search.routes.tally[lists.ACCEPTED] > 10
    assert search.routes.tally[lists.BETTER] > 0
    assert search.best() is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_refused_leaves_everything_as_it_was(kind: str) -> None:
    """At no temperature, the routes and owners of a step that is not accepted are those before."""
    task = make(kind, seed=3)
    search = Search(task, 2, None, SMALL)
    search.step(300, 1e-9)
    refused, routes, fleet = 0, search.routes, search.fleet
    for _ in range(100):
        kept = (routes.after, routes.before, routes.route, routes.room, routes.stops, fleet.owner)
        kept += (fleet.spent, fleet.power, fleet.left, routes.price)
        before, accepted = [part.copy() for part in kept], int(routes.tally[lists.ACCEPTED])
        search.step(1, 1e-12)
        if routes.tally[lists.ACCEPTED] == accepted:
            refused += 1
            empty = routes.stops == 0
            for new, old in zip(kept, before, strict=True):
                # what an empty route was once is of no interest
                differ = new != old
                if len(new) == len(empty):
                    differ &= ~empty
                assert not differ.any()
            recount(task, search)
    assert refused > 20


@pytest.mark.parametrize("kind", ["costs", "few vehicles"])
@pytest.mark.parametrize("grown", [False, True])
def test_a_customer_comes_back_where_it_costs_least(kind: str, grown: bool) -> None:
    """Of all places, new routes and larger vehicles of full ones, none costs less."""
    task = make(kind, seed=5)
    search = Search(task, 3, None, Settings(ruin=Ruin(4.0, 5), neighbours=29))
    search.step(100, 0.1)
    routes, fleet = search.routes, search.fleet
    away = np.linalg.norm(task.coords[search.order][:, None] - task.coords[search.order], axis=-1)
    demand, larger = task.demand[search.order], 0
    routes.tally[lists.BLINK] = 10**9

    def costs(customer: int) -> dict[tuple[int, int], float]:
        """What each allowed pair of a node and an owner adds."""
        found = {}
        for number, route in enumerate(walk(routes.after, task.size)):
            path, load = [0, *route, 0], int(demand[route].sum() + demand[customer])
            length = away[path[:-1], path[1:]].sum()
            former = int(fleet.owner[number])
            for owner in range(3):
                other = not route or owner != former
                if load > task.capacities[owner] or (other and fleet.left[owner] == 0):
                    continue
                if route and other and (not grown or load <= task.capacities[former]):
                    continue
                for place, (one, two) in enumerate(itertools.pairwise(path)):
                    longer = away[one, customer] + away[customer, two] - away[one, two]
                    cost = task.fixed[owner] + (length + longer) * task.rates[owner]
                    if route:
                        cost -= task.fixed[former] + length * task.rates[former]
                    node = route[place - 1] if place else task.size + 1 + number
                    found[node, owner] = cost
        return found

    for customer in range(1, task.size + 1):
        route = routes.route[customer]
        if route < len(routes.empty):
            lists.take_out(routes, np.uint32(customer))
            owners.account(routes, fleet, route)
    for customer in range(1, task.size + 1):
        last, owner = fleet_kernel._cheapest(
            routes,
            fleet,
            search.near,
            search.apart,
            search.home,
            search.prize,
            np.uint32(customer),
            0,
            grown,
            np.uint64(0),
            search.random,
        )
        allowed = costs(customer)
        assert allowed[int(last), int(owner)] == pytest.approx(min(allowed.values()))
        chosen = routes.route[last]
        larger += routes.stops[chosen] > 0 and fleet.owner[chosen] != owner
        if fleet.owner[chosen] != owner:
            owners.hand_over(routes, fleet, chosen, owner, 0)
        lists.put_in(routes, np.uint32(customer), last)
        owners.account(routes, fleet, chosen)
    assert (larger > 0) == grown
    assert fleet.spent.sum() > 0


@pytest.mark.long
def test_a_route_goes_to_the_owner_with_whom_it_costs_least() -> None:
    """Of those who have a vehicle left that holds its load."""
    task = replace(make("costs", seed=6), counts=np.array([2, 3, MANY]))
    search = Search(task, 3, None, replace(SMALL, grown=0.0))
    search.step(100, 0.3)
    routes, fleet = search.routes, search.fleet
    changed = 0
    for route in np.flatnonzero(routes.stops).tolist():
        if fleet.left[2] > 0 and fleet.owner[route] != 2:
            owners.hand_over(routes, fleet, route, np.uint32(2), 0)
    for _ in range(2):
        for route in np.flatnonzero(routes.stops).tolist():
            former = int(fleet.owner[route])
            load = task.capacities[former] - routes.room[route]
            fits = (task.capacities >= load) & ((fleet.left > 0) | (np.arange(3) == former))
            cost = np.where(fits, task.fixed + task.rates * routes.length[route], np.inf)
            changed += owners.regrade(routes, fleet, route, 0)
            assert cost[fleet.owner[route]] == pytest.approx(cost.min())
            assert owners.regrade(routes, fleet, route, 0) == 0
        routes.price[lists.COST] = fleet.spent.sum() + routes.price[lists.PAID]
        recount(task, search)
    assert changed > 2
    assert fleet.left.min() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_begins_with_given_routes(kind: str) -> None:
    """Its best is what it was given, and it does not become worse."""
    task = make(kind, seed=4)
    first = Search(task, 1, None, SMALL)
    first.step(2000, 0.001)
    owned = first.best()
    assert owned is not None
    search = Search(task, 2, owned, LAST if task.last else None)
    recount(task, search)
    assert search.least == pytest.approx(first.least)
    assert sorted(search.best() or []) == sorted(owned)
    search.step(200, 10.0)
    assert search.least <= first.least * (1 + 1e-9)


def test_customers_that_fit_into_no_vehicle_are_refused() -> None:
    """A demand above the largest capacity cannot be served."""
    fields = {**vars(make("costs")), "demand": np.append(0, np.full(30, 34))}
    with pytest.raises(ValueError, match="from 0 to the capacity 33"):
        Task(**fields)


def test_powers_are_sixteenth_powers() -> None:
    """The kernel multiplies four times."""
    assert owners.power(1.25) == pytest.approx(1.25**16, rel=1e-15)
