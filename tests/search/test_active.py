"""Efficient active search: what it changes, what it leaves alone, and that it pays."""

import time
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.adam import Adam
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, BQPolicy, TransformerEncoder
from nco.problems.cvrp import CVRP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.search.active import Active
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import Incumbent
from nco.search.multistart import greedily
from nco.search.sampling import sampling
from nco.search.task import Task

PROBLEMS = [TSP(12), CVRP(10), Knapsack(15)]
PARTS = ["embeddings", "layer", "table"]


def name_of(problem: Any) -> str:
    return type(problem).__name__


def policy(problem: Problem[Any, Any], kind: type[AttentionPolicy] = AttentionPolicy) -> Policy:
    """Without the preference for what is near, which leaves an untrained network little to find."""
    torch.manual_seed(2)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    return kind(encoder, heads=2, distance=False).build(problem.schema).eval()


def last(found: list[Incumbent]) -> Incumbent:
    assert found
    return found[-1]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=name_of)
def test_it_improves_and_prices_what_it_finds(problem: Problem[Any, Any], part: str) -> None:
    """Also inside the inference mode that `nco.solve` searches in."""
    network, budget = policy(problem), Budget(samples=100, seed=1)
    with torch.inference_mode():
        instance = problem.generate(2, generator(3))
        found = list(Active(adapt=part, rate=0.02)(Task(problem, network, instance), budget))
        again = list(Active(adapt=part, rate=0.02)(Task(problem, network, instance), budget))
    costs = torch.stack([step.cost for step in found])
    assert found[0].source == "greedy"
    assert len(found) > 1
    assert (costs[1:] <= costs[:-1]).all()
    assert (costs[1:] < costs[:-1]).any(1).all()
    for step in found:
        priced = problem.cost(instance, step.actions[:, None])[:, 0]
        torch.testing.assert_close(priced, step.cost)
    assert torch.equal(last(found).actions, last(again).actions), "equal seeds, equal answers"


class Watched(AttentionPolicy):
    """Keeps the tensors that a search was offered, and what they were."""

    def adaptable(self, memory: Any, part: str, random: Any) -> tuple[Any, list[Tensor]]:
        memory, self.offered = super().adaptable(memory, part, random)
        self.before = [tensor.detach().clone() for tensor in self.offered]
        self.memory = memory
        return memory, self.offered


@pytest.mark.parametrize("part", ["embeddings", "layer"])
def test_only_what_is_offered_changes(part: str) -> None:
    """The network's own weights are the same afterwards."""
    problem = TSP(10)
    network = policy(problem, Watched)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    instance = problem.generate(2, generator(4))
    list(Active(adapt=part)(Task(problem, network, instance), Budget(samples=50, seed=1)))
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert isinstance(network, Watched)
    for old, new in zip(network.before, network.offered, strict=True):
        for row in range(2):
            assert not torch.equal(old[row], new[row]), "every instance's own tensors are trained"


def test_a_layer_begins_without_effect() -> None:
    """The new layer changes no decision before it has learned."""
    problem = CVRP(6)
    network = policy(problem)
    instance = problem.generate(3, generator(5))
    observation = problem.observe(instance, problem.reset(instance, 4))
    with torch.no_grad():
        memory = network.encode(problem.features(instance))
        changed, tensors = network.adaptable(memory, "layer", generator(1))
        one = network.decide(memory, observation).log_prob(torch.ones(3, 4, dtype=torch.long))
        two = network.decide(changed, observation).log_prob(torch.ones(3, 4, dtype=torch.long))
    assert torch.equal(one, two)
    assert all(tensor.requires_grad and len(tensor) == 3 for tensor in tensors)


@pytest.mark.parametrize("part", PARTS)
def test_instances_do_not_mix(part: str) -> None:
    """Another neighbour in the batch changes nothing."""
    problem = TSP(9)
    network = policy(problem)
    instance = problem.generate(3, generator(6))
    budget = Budget(samples=60, seed=2)
    pairs = (torch.tensor([0, 1]), torch.tensor([0, 2]))
    ends = [
        last(list(Active(adapt=part, rate=0.02)(Task(problem, network, instance[pair]), budget)))
        for pair in pairs
    ]
    assert all(end.source == "active" for end in ends)
    torch.testing.assert_close(ends[0].cost[0], ends[1].cost[0])
    assert torch.equal(ends[0].actions[0], ends[1].actions[0])
    assert not torch.equal(ends[0].actions[1], ends[1].actions[1])


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_it_beats_sampling_at_equal_rollouts(part: str) -> None:
    """The mean cost is lower than that of plain samples."""
    problem = TSP(15)
    network = policy(problem)
    instance = problem.generate(4, generator(7))
    budget = Budget(samples=600, seed=1)
    with torch.inference_mode():
        start = greedily(Task(problem, network, instance), Budget())
        sampled = last(list(sampling(Task(problem, network, instance), budget, start)))
        search = Active(adapt=part, rate=0.02)(Task(problem, network, instance), budget, start)
        adapted = last(list(search))
    assert (adapted.cost <= sampled.cost).all()
    assert (adapted.cost < sampled.cost).any()
    assert adapted.cost.mean() < 0.97 * sampled.cost.mean()


def test_it_stops_at_the_deadline_and_is_found_by_name() -> None:
    """It ends within a step of the deadline."""
    problem = TSP(12)
    instance = problem.generate(1, generator(8))
    begin = time.perf_counter()
    found = list(
        named("active")(Task(problem, policy(problem), instance), Budget(deadline=begin + 0.5))
    )
    assert found
    assert 0.4 < time.perf_counter() - begin < 5  # on a busy machine


def test_steps_are_those_of_adam() -> None:
    """Numbers are those of torch's own optimiser."""
    numbers = torch.randn(5, 7, generator=generator(1))
    ours, theirs = (numbers.clone().requires_grad_() for _ in range(2))
    mine, reference = Adam([ours], 0.1), torch.optim.Adam([theirs], lr=0.1)
    for turn in range(4):
        gradient = torch.randn(5, 7, generator=generator(2, turn))
        mine.step([gradient])
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_other_networks_have_the_table_only() -> None:
    """A network that offers nothing to adapt is refused, but for the table."""
    problem = TSP(8)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    network = BQPolicy(encoder).build(problem.schema).eval()
    instance = problem.generate(2, generator(9))
    with pytest.raises(NCOError, match="BQPolicy has nothing to adapt; use adapt='table'"):
        list(Active()(Task(problem, network, instance), Budget(samples=20)))
    assert list(Active(adapt="table")(Task(problem, network, instance), Budget(samples=20)))


def test_it_does_not_begin_where_gradients_do_not_fit() -> None:
    """A large instance gives no solution instead of filling the memory."""
    problem = TSP(4000)
    instance = problem.generate(1, generator(1))
    assert list(Active()(Task(problem, policy(problem), instance), Budget())) == []
