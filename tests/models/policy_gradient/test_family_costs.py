"""Sums of measures, soft constraints, and the hyper-volume."""

from typing import Any

import pytest
import torch
from family_runs import Counted, collecting, network, updates

from nco.core.seeds import generator
from nco.models.policy_gradient.costs import Lagrangian, Scalarised, hypervolume
from nco.models.policy_gradient.sources import Fresh
from nco.problems.cvrp import CVRP
from nco.problems.tsp import TSP

MEASURES = ["cost", "longest_route"]


def on_cvrp(source: Any, agents: int = 1, **parts: Any) -> Counted:
    return Counted(CVRP(6, capacity=60), network(agents), source=source, **parts)


def longest(trained: Counted, actions: list[int]) -> float:
    """Route by route, in plain Python."""
    instance = trained.problem.generate(1, generator("one"))
    points, best, total, last = instance.coords[0], 0.0, 0.0, 0
    for node in [*actions, 0]:
        total += float((points[node] - points[last]).norm())
        last = node
        if node == 0:
            best, total = max(best, total), 0.0
    return best


def test_the_longest_route_by_hand() -> None:
    """Of three routes, one behind the other, and with no-ops at the end."""
    trained = on_cvrp(Fresh(2))
    actions = [1, 2, 0, 3, 0, 4, 5, 6, 0, 0]
    instance = trained.problem.generate(1, generator("one"))
    found = trained.problem.objectives(instance, torch.tensor([[actions]]))["longest_route"]
    assert float(found) == pytest.approx(longest(trained, actions), rel=1e-5)


def test_each_instance_has_its_preference() -> None:
    """Costs are the weighted sums of cost and longest route by the instance's agent."""
    source = Scalarised(MEASURES, agents=3, units=[2.0, 1.0], source=Fresh(4))
    trained = on_cvrp(source, agents=3)
    (kept,) = source.collect(collecting(trained))
    assert kept.condition is not None
    assert set(kept.condition.flatten().tolist()) <= {0, 1, 2}
    assert bool((kept.condition == kept.condition[:, :1]).all())
    weight = source.preferences()[kept.condition]
    length = trained.problem.cost(kept.instance, kept.actions)
    other = trained.problem.objectives(kept.instance, kept.actions)["longest_route"]
    wanted = weight[..., 0] * length / 2 + weight[..., 1] * other
    torch.testing.assert_close(kept.cost, wanted)
    assert all(loss == loss for loss in updates(trained, 2))


def test_agents_and_preferences_are_equally_many() -> None:
    """Otherwise both numbers are named; an unknown measure is refused, too."""
    with pytest.raises(ValueError, match="Scalarised has 5 preferences, the policy 3 agents"):
        on_cvrp(Scalarised(MEASURES), agents=3)
    with pytest.raises(ValueError, match="TSP has no objectives beside its cost, so no longest"):
        Counted(TSP(5), network(), source=Lagrangian("longest_route", 1.0))
    source = Lagrangian("smell", 1.0)
    with pytest.raises(ValueError, match="CVRP has no objective smell: it has cost, longest_route"):
        source.collect(collecting(on_cvrp(source)))


def test_a_price_by_hand() -> None:
    """It rises by the rate times the excess of the mean, from zero."""
    source = Lagrangian("longest_route", 0.5, Fresh(4), rate=0.1)
    trained = on_cvrp(source)
    task = collecting(trained)
    (kept,) = source.collect(task)
    used = trained.problem.objectives(kept.instance, kept.actions)["longest_route"]
    torch.testing.assert_close(kept.cost, trained.problem.cost(kept.instance, kept.actions))
    assert float(source.price) == pytest.approx(0.1 * (float(used.mean()) - 0.5), rel=1e-4)
    price = source.price
    (again,) = source.collect(collecting(trained, step=1))
    used = trained.problem.objectives(again.instance, again.actions)["longest_route"]
    plain = trained.problem.cost(again.instance, again.actions)
    torch.testing.assert_close(again.cost, plain + price * used)


def test_a_slack_constraint_costs_nothing() -> None:
    """Its price falls to zero and stays there."""
    source = Lagrangian("longest_route", 100.0, Fresh(4), rate=0.01)
    trained = on_cvrp(source)
    source.price = torch.tensor(1.5)
    updates(trained, 3)
    assert float(source.price) == 0


@pytest.mark.long
def test_a_constraint_shortens_the_longest_route() -> None:
    """With a price it becomes shorter than without."""
    found = []
    for limit in (100.0, 0.5):
        trained = on_cvrp(Lagrangian("longest_route", limit, Fresh(8), rate=10.0))
        updates(trained, 40, 16)
        kept = trained.groups()[0]
        used = trained.problem.objectives(kept.instance, kept.actions)["longest_route"]
        found.append(float(used.mean()))
    assert found[1] < found[0] - 0.02


def test_the_hyper_volume_by_hand() -> None:
    """Two steps of a staircase; dominated points and those beyond the reference add nothing."""
    front = torch.tensor([[1.0, 3.0], [2.0, 1.0], [2.5, 2.0], [9.0, 0.0]])
    reference = torch.tensor([4.0, 4.0])
    assert hypervolume(front, reference) == pytest.approx(3 * 1 + 2 * 2)
    assert hypervolume(front[:1], reference) == pytest.approx(3.0)
    assert hypervolume(front[3:], reference) == 0


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: Scalarised(["cost"]), "two objectives"),
        (lambda: Scalarised(MEASURES, units=[1.0]), "a positive unit"),
        (lambda: Lagrangian("cost", 1.0, rate=0), "rate above 0"),
    ],
)
def test_impossible_costs_are_refused(wrong: Any, reason: str) -> None:
    """At construction, in one line."""
    with pytest.raises(ValueError, match=reason):
        wrong()
