"""The best solutions so far."""

import torch

from nco.core.seeds import generator
from nco.problems.knapsack import Knapsack
from nco.search.incumbent import Incumbent, best_of, better, improved


def test_the_cheapest_rollout_of_each_instance_is_taken() -> None:
    """Of two instances with three rollouts each."""
    actions = torch.arange(12).view(2, 3, 2)
    best = best_of(actions, torch.tensor([[3.0, 1.0, 2.0], [0.5, 4.0, 5.0]]), "here")
    assert best.actions.tolist() == [[2, 3], [6, 7]]
    assert best.cost.tolist() == [1.0, 0.5]
    assert best.source == "here"


def test_the_cheaper_of_two_is_kept_instance_by_instance() -> None:
    """The shorter one is filled up with its own no-op; of equals the older stays."""
    problem = Knapsack(4)
    instance = problem.generate(3, generator(1))
    old = Incumbent(torch.tensor([[0, 1], [0, 1], [0, 1]]), torch.tensor([-1.0, -3.0, -2.0]), "old")
    new = Incumbent(torch.tensor([[2], [2], [2]]), torch.tensor([-2.0, -1.0, -2.0]), "new")
    best = better(problem, instance, old, new)
    assert best.cost.tolist() == [-2.0, -3.0, -2.0]
    assert best.actions[1:].tolist() == [[0, 1], [0, 1]]
    assert best.actions[0, 0] == 2
    assert better(problem, instance, None, new) is new


def test_one_better_instance_is_an_improvement() -> None:
    """Equal ones are none, and the first solution always is one."""
    old, same, less = (
        Incumbent(torch.zeros(2, 1), torch.tensor(cost), "")
        for cost in ([1.0, 2.0], [1.0, 2.0], [5.0, 1.0])
    )
    assert improved(None, old)
    assert not improved(old, same)
    assert improved(old, less)
