"""Instances, and the policy that is to solve them."""

from typing import Any

import torch

from nco.core.seeds import generator
from nco.problems.tsp import TSP
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.testing.play import Probe


class Counting(Probe):
    """Counts how often it embeds."""

    encoded = 0

    def encode(self, features: Any) -> Any:
        self.encoded += 1
        return super().encode(features)


def work() -> tuple[Task, Counting]:
    """Three instances of six nodes."""
    problem = TSP(6)
    policy = Counting().build(problem.schema)
    return Task(problem, policy, problem.generate(3, generator(1))), policy


def test_the_embedding_is_computed_once_and_when_it_is_asked_for() -> None:
    """Other instances have their own."""
    task, policy = work()
    assert task.nodes == 6
    assert policy.encoded == 0
    assert task.memory is task.memory
    assert policy.encoded == 1
    other = task.of(task.instance[:2])
    assert (other.problem, other.policy) == (task.problem, task.policy)
    assert len(other.memory) == 2
    assert policy.encoded == 2
    assert torch.equal(other.memory, task.memory[:2])


def test_the_better_of_two_is_that_of_the_instances() -> None:
    """As `nco.search.incumbent.better` has it."""
    task, _ = work()
    tours = torch.arange(6).expand(3, -1)
    first = Incumbent(tours, torch.tensor([1.0, 2.0, 3.0]), "first")
    second = Incumbent(tours.flip(1), torch.tensor([3.0, 2.0, 1.0]), "second")
    best = task.better(first, second)
    assert best.cost.tolist() == [1.0, 2.0, 1.0]
    assert best.actions[:, 0].tolist() == [0, 0, 5]
