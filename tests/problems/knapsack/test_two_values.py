"""Items of two values: the contract, both values, and the front that weighted sums find."""

import itertools

import pytest
import torch

from nco.core.seeds import generator
from nco.models.policy_gradient.costs import hypervolume
from nco.problems.knapsack.two_values import BiKnapsack, by_second
from nco.testing import check_problem


def test_two_values_keep_the_contract() -> None:
    """All that is asked of every problem."""
    check_problem(BiKnapsack(), size=5)


def test_both_values_by_hand() -> None:
    """Item by item, once each; the cost is minus their sum."""
    problem = BiKnapsack(8)  # capacity 2, so that two items always fit
    instance = problem.generate(1, generator("two"))
    actions = torch.tensor([[[3, 1, 1]]])  # the last is a no-op
    found = problem.objectives(instance, actions)
    for name, values in (("first", instance.values[0]), ("second", instance.other[0])):
        assert float(found[name]) == pytest.approx(-float(values[3] + values[1]))
    torch.testing.assert_close(problem.cost(instance, actions), found["first"] + found["second"])


def test_the_second_value_has_columns_of_its_own() -> None:
    """Exchanging the values exchanges their columns and leaves the weights."""
    problem = BiKnapsack(9)
    instance = problem.generate(2, generator("columns"))
    exchanged = by_second(instance)
    exchanged = type(exchanged)(
        exchanged.values, exchanged.weights, exchanged.capacity, other=instance.values
    )
    before, after = problem.features(instance).nodes, problem.features(exchanged).nodes
    value, relative, weight, denser, overfull, *other = before.unbind(-1)
    wanted = torch.stack(
        [other[0], relative, weight, other[1], other[2], value, denser, overfull], -1
    )
    torch.testing.assert_close(after, wanted)


def test_no_weighted_sum_is_better_than_the_front_of_all_choices() -> None:
    """Every choice of seven items, by its two values, in plain Python."""
    problem = BiKnapsack(7)
    instance = problem.generate(1, generator("front"))
    items = range(7)
    weights = instance.weights[0].tolist()
    chosen = [
        subset
        for count in range(1, 8)
        for subset in itertools.combinations(items, count)
        if sum(weights[item] for item in subset) <= 1
    ]
    actions = problem.actions(instance, [list(subset) for subset in chosen])[None]
    found = problem.objectives(instance, actions)
    points = torch.stack([found["first"][0], found["second"][0]], 1)
    rows = [
        [-sum(float(of[0, item]) for item in subset) for of in (instance.values, instance.other)]
        for subset in chosen
    ]
    torch.testing.assert_close(points, torch.tensor(rows, dtype=torch.double))
    best = [int((w * points[:, 0] + (1 - w) * points[:, 1]).argmin()) for w in (0.0, 0.5, 1.0)]
    front = points[best]
    corner = points.amax(0) + 0.1
    assert 0 < hypervolume(front, corner) <= hypervolume(points, corner) + 1e-9
