"""How solutions are cut into regions that are built anew."""

from nco.core.seeds import generator
from nco.problems.cvrp import CVRPVia
from nco.problems.cvrp.arrangement import by_nearness, grouped


def test_a_region_is_a_route_and_those_nearest_to_it() -> None:
    """Two routes on a line behind one another belong together, although another angle is closer."""
    away = [[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [8.0, 0.5], [1.0, 1.0]]
    plan = [[1], [2], [3], [4]]  # by place: near the depot, far, far, near the depot
    ordered = by_nearness(away, plan, 2)
    assert grouped(ordered, 2) == [[[1], [4]], [[2], [3]]]
    assert by_nearness(away, [], 2) == []


def test_windows_by_either_way_hold_every_customer_once() -> None:
    """And joining what they hold already gives a solution of the same cost."""
    problem = CVRPVia(30)
    instance = problem.generate(2, generator(1))
    plans = [[[at, at + 1, at + 2] for at in range(1, 31, 3)]] * 2
    actions = problem.actions(instance, plans)
    for seed in range(6):
        windows = problem.windows(instance, actions, 7, generator(seed))
        assert windows is not None
        owners, members = windows.places
        for b in range(2):
            held = [
                c
                for owner, inside in zip(owners, members, strict=True)
                if owner == b
                for c in inside
            ]
            assert sorted(held) == list(range(1, 31))
        joined = problem.rejoin(instance, actions, windows, windows.actions)
        costs = [problem.cost(instance, each[:, None]) for each in (actions, joined)]
        assert costs[0].allclose(costs[1])
