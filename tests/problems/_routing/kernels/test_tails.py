"""Exchanges of routes' ends against an account of all routes after each of them."""

import pytest
from recounting import recount, walk
from test_capacitated_kernel import KINDS, SMALL, make

from nco.problems._routing.kernels import lists
from nco.problems._routing.kernels.capacitated import Search
from nco.problems._routing.kernels.tails import exchange_ends


def exchange(search: Search, seed: int, temperature: float) -> float:
    """One try; the search's cost is what it was and what the move adds."""
    rules = search.rules
    added = exchange_ends(
        rules.symmetric,
        rules.limit,
        search.routes,
        search.near,
        seed,
        temperature,
        search.random,
    )
    search.routes.price[lists.COST] += added
    return added


@pytest.mark.parametrize("kind", KINDS)
def test_every_exchange_keeps_the_accounts(kind: str) -> None:
    """After each of 2000 tries at great heat all arrays are right, and two near ones are joined."""
    task = make(kind, seed=2)
    search = Search(task, 1, None, SMALL)
    moved, across = 0, 0
    for number in range(2000):
        seed = number % task.size + 1
        before = walk(search.routes.after, task.size)
        accepted = exchange(search, seed, 30.0) != 0.0
        after = walk(search.routes.after, task.size)
        assert accepted == (before != after)
        if accepted:
            moved += 1
            across += sorted(map(sorted, before)) != sorted(map(sorted, after))
            route = next(route for route in after if seed in route)
            place = route.index(seed)
            beside = route[max(0, place - 1) : place + 2]
            assert set(beside) & set(search.near[seed].tolist())
            recount(task, search)
            if search.routes.price[lists.COST] < search.least:
                search.routes.price[lists.LEAST] = search.routes.price[lists.COST]
                lists.remember(search.routes)
                recount(task, search)
    assert across > 10
    if kind != "directed":  # where nothing is turned round
        assert moved - across > 10


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "few vehicles"])
def test_exchanges_alone_join_routes(kind: str) -> None:
    """From a route for each customer the length only falls; what is refused changes nothing."""
    task = make(kind, seed=4)
    search = Search(task, 1, [[customer] for customer in range(1, task.size + 1)], SMALL)
    refused, empty = 0, int(search.routes.tally[lists.EMPTY])
    for number in range(1000):
        kept = [search.routes.after.copy(), search.routes.ahead.copy()]
        added = exchange(search, number % task.size + 1, 1e-9)
        assert added <= 1e-9
        if added == 0.0:
            refused += 1
            assert (search.routes.after == kept[0]).all()
            assert (search.routes.ahead == kept[1]).all()
    recount(task, search)
    assert refused > 500
    assert search.routes.tally[lists.EMPTY] > empty + task.size // 3
