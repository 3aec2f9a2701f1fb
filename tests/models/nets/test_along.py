"""Decisions along a path by an earlier look, beside a look before each of them."""

import itertools
import time
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.problem import Problem
from nco.core.rollout import Rollout, greedy, rollout
from nco.core.seeds import generator
from nco.models.bq import BQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.models.nets.along import Along, Subproblem, spread
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRPVia
from nco.problems.knapsack import KnapsackRest
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.problems.vrp import VRP
from nco.search.beam import beam_search
from nco.search.budget import Budget
from nco.search.reconstruct import reconstruct
from nco.search.task import Task

PATHS = [TSP(9), OP(9), ATSP(7), CVRPVia(8)]


class Walked:
    """A network whose rollouts are decided by `Along`, and which counts its looks."""

    def __init__(self, policy: BQPolicy, sure: float) -> None:
        self.policy, self.rows = policy, 0
        self.schema = policy.schema
        self.logits, self.adjacency = policy.logits, policy.adjacency
        self.encode = policy.encode
        self.decide = Along(self, sure)

    def look(self, memory: Features, observation: Observation) -> Subproblem:
        self.rows += observation.mask.shape[0] * observation.mask.shape[1]
        return self.policy.look(memory, observation)


def network(problem: Problem[Any, Any], **options: Any) -> BQPolicy:
    """A small network whose every weight matters."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    policy = BQPolicy(encoder, **options).build(problem.schema).eval()
    random = generator(0, "weights")
    for parameter in policy.parameters():
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=random)
    return policy


def played(problem: Problem[Any, Any], instance: Any, policy: Any) -> Rollout:
    with torch.inference_mode():
        return rollout(problem, policy, instance, 3, greedy, logp=False)


@pytest.mark.parametrize("problem", PATHS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("neighbours", [0, 4])
def test_never_sure_is_a_look_each_step(problem: Problem[Any, Any], neighbours: int) -> None:
    """Where no probability is above the limit, all decisions are those of the network."""
    policy = network(problem, neighbours=neighbours)
    instance = problem.generate(4, generator(1, "instances"))
    walked = Walked(policy, sure=1.0)
    ours, theirs = played(problem, instance, walked), played(problem, instance, policy)
    assert torch.equal(ours.actions, theirs.actions)
    assert walked.rows == ours.actions.shape[2] * 3 * 4


@pytest.mark.parametrize("problem", PATHS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("neighbours", [0, 4])
def test_a_row_does_not_depend_on_others(problem: Problem[Any, Any], neighbours: int) -> None:
    """Rows that are looked at in different steps end as each of them does alone."""
    policy = network(problem, neighbours=neighbours)
    instance = problem.generate(4, generator(1, "instances"))
    walked = Walked(policy, sure=0.5)
    together = played(problem, instance, walked).actions
    assert 4 * 3 < walked.rows < together.shape[2] * 4 * 3
    for row in range(4):
        alone = played(problem, instance[row : row + 1], Walked(policy, sure=0.5)).actions
        length = min(alone.shape[2], together.shape[2])
        assert torch.equal(alone[0, :, :length], together[row, :, :length])


def test_an_earlier_look_says_what_its_adjacency_says() -> None:
    """After one look at a tour, each further node is the best allowed one after the one before."""
    problem = TSP(8)
    policy = network(problem)
    instance = problem.generate(1, generator(2, "instances"))
    walked = Walked(policy, sure=0.0)
    seen: list[Subproblem] = []
    look = walked.look

    def kept(memory: Features, observation: Observation) -> Subproblem:
        seen.append(look(memory, observation))
        return seen[-1]

    walked.look = kept  # type: ignore[method-assign]
    with torch.inference_mode():
        tour = rollout(problem, walked, instance, 1, greedy, logp=False).actions[0, 0].tolist()
    first = next(at for at, sub in enumerate(seen) if bool(sub.open.sum() >= 6))
    sub = seen[first]
    with torch.inference_mode():
        scores = spread(policy.adjacency(sub)[0, :, 0], sub.nodes.expand(len(sub.nodes[0]), -1), 8)
    token = {node: at for at, node in enumerate(sub.nodes[0].tolist())}
    assert len(seen) < 5
    for here, following in itertools.pairwise(tour[3:]):
        left = set(tour[tour.index(following) :])
        best = max(left, key=lambda node: float(scores[token[here], node]))
        assert following == best


def test_an_earlier_look_knows_both_kinds_of_action() -> None:
    """Logits of a customer after the one look: those of its own row, kind by kind."""
    problem = CVRPVia(6)
    policy = network(problem)
    instance = problem.generate(1, generator(3, "instances"))
    state = problem.reset(instance, 1)
    memory = policy.encode(problem.features(instance))
    along = Along(policy, 0.0)
    with torch.inference_mode():
        first = along(memory, problem.observe(instance, state)).mode()
        sub = policy.look(memory, problem.observe(instance, state))
        after = problem.step(instance, state, first)
        found = along(memory, problem.observe(instance, after)).logits[0, 0]
        here = sub.nodes[0].tolist().index(int(first) % 7, len(problem.schema.focus))
        wanted = policy.adjacency(sub)[0, here].masked_fill(~sub.open[0], -torch.inf)
    by_node = spread(wanted, sub.nodes.expand(2, -1), 7).flatten()
    mask = problem.observe(instance, after).mask[0, 0]
    torch.testing.assert_close(found[mask], by_node[mask])
    assert not torch.allclose(found[:7][mask[7:]], found[7:][mask[7:]])  # the kinds differ


def test_values_of_tokens_become_those_of_nodes() -> None:
    """Padding, which is node 0 again, does not hide what node 0 has."""
    values = torch.tensor([[2.0, 1.0, -torch.inf]])
    nodes: Tensor = torch.tensor([[0, 3, 0]])
    assert spread(values, nodes, 4).tolist() == [[2.0, -torch.inf, -torch.inf, 1.0]]


def test_only_a_path_can_be_sure() -> None:
    """Sets and rich routing, whose features change, are refused; so is what is no probability."""
    for problem in (KnapsackRest(5), VRP(5)):
        with pytest.raises(NCOError, match="sure below 1 needs a path"):
            BQPolicy(sure=0.9).build(problem.schema)
    with pytest.raises(ValueError, match="sure below 1 needs dense"):
        BQ(TSP(5), BQPolicy(sure=0.9))
    with pytest.raises(ValueError, match=r"sure must be a probability, not 1\.5"):
        BQPolicy(sure=1.5)


def test_rows_that_are_taken_keep_what_was_seen_of_them() -> None:
    """States in another order, some of them twice, have the decisions of their parents."""
    problem = TSP(9)
    policy = network(problem)
    instance = problem.generate(2, generator(3, "instances"))
    starts = torch.tensor([[[1], [2], [3]], [[4], [5], [6]]])
    parents = torch.tensor([[2, 0, 0, 1], [1, 1, 2, 0]])
    with torch.inference_mode():
        state = problem.reset(instance, 3)
        for step in range(2):
            state = problem.step(instance, state, (starts[:, :, 0] + step * 2) % 9)
        memory = policy.encode(problem.features(instance))
        straight, turned = Along(policy, 0.0), Along(policy, 0.0)
        best = straight(memory, problem.observe(instance, state)).mode()
        turned(memory, problem.observe(instance, state))
        after = problem.step(instance, state, best)
        wanted = straight(memory, problem.observe(instance, after)).logits
        turned.take(parents)
        found = turned(memory, problem.observe(instance, after.take(parents))).logits
    rows = torch.arange(2)[:, None]
    torch.testing.assert_close(found, wanted[rows, parents])


def test_a_beam_within_a_limit_that_is_never_sure_is_the_beam() -> None:
    """Looks afresh in every step, with rows that come and go, are those of a beam without."""
    problem = TSP(8)
    instance = problem.generate(3, generator(4, "instances"))
    policy = network(problem)
    limit = Budget(deadline=time.perf_counter() + 60)
    with torch.inference_mode():
        theirs, usual = beam_search(Task(problem, policy, instance), 5)
        policy.sure = 1 - 1e-6
        ours, costs = beam_search(Task(problem, policy, instance), 5, limit)
    torch.testing.assert_close(costs, usual)
    assert torch.equal(ours[:, 0], theirs[:, 0])


def test_counted_rounds_have_a_look_each_step() -> None:
    """Without a deadline `sure` changes nothing, so that cards are measured again alike."""
    problem = TSP(8)
    policy, instance = network(problem), problem.generate(3, generator(5, "instances"))
    found = []
    with torch.inference_mode():
        for policy.sure in (1.0, 0.0):
            last = list(reconstruct(Task(problem, policy, instance), Budget(rounds=4)))[-1]
            found.append(last.actions)
    assert torch.equal(*found)
