"""Poppy: the population as a network, its gradient, its search, and that agents specialise."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from nco.cli import main
from nco.core.batch import Batch
from nco.core.defaults import count_starts, pad_actions
from nco.core.errors import NCOError
from nco.core.problem import Features, Observation, Problem
from nco.core.rollout import greedy, rollout, sample, score
from nco.core.schema import Schema, columns
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, BQPolicy, LatentPolicy, TransformerEncoder
from nco.models.poppy import Poppy
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.search.budget import Budget
from nco.search.population import population
from nco.search.task import Task
from nco.training.advantages import Advantage, Group, Polychromic, Winner
from nco.training.method import Training
from nco.training.prune import prune, select
from nco.zoo import weights

PROBLEMS = [TSP(6), CVRP(5), CVRPVia(5), Knapsack(6)]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p).__name__)
each_kind = pytest.mark.parametrize("kind", [AttentionPolicy, LatentPolicy])


def encoder() -> TransformerEncoder:
    return TransformerEncoder(width=16, heads=2, layers=1, hidden=16)


def network(
    problem: Problem[Any, Any], agents: int = 3, kind: type = AttentionPolicy
) -> AttentionPolicy:
    torch.manual_seed(3)
    made: AttentionPolicy = kind(encoder(), heads=2, agents=agents).build(problem.schema)
    for parameter in made.parameters():  # zeros would hide what they are multiplied with
        nn.init.normal_(parameter, std=0.3)
    return made


def make(problem: Problem[Any, Any], agents: int = 3, **options: Any) -> Poppy:
    """A small method that logs into a dictionary of its own."""
    method = Poppy(problem, AttentionPolicy(encoder(), heads=2, agents=agents), **options)
    method.logged = {}
    method.log = lambda name, value, **_: method.logged.update({name: float(value)})
    return method


@each_problem
@each_kind
def test_agents_played_together_are_those_played_alone(
    problem: Problem[Any, Any], kind: type
) -> None:
    """In blocks and in any order, each rollout is decided by the agent of its condition."""
    policy = network(problem, 3, kind).eval()
    instance = problem.generate(4, generator(0))
    alone = {}
    for agent in range(3):
        single = policy.keep([agent])
        alone[agent] = rollout(problem, single, instance, 1, greedy)
    for order in ([0, 1, 2], [2, 0, 1], [1, 1, 0, 0, 2, 2], [0, 1, 0]):
        condition = torch.tensor(order).expand(4, -1)
        found = rollout(problem, policy, instance, len(order), greedy, condition=condition)
        for place, agent in enumerate(order):
            total = max(found.actions.shape[2], alone[agent].actions.shape[2])
            together = pad_actions(problem, instance, found.actions[:, place : place + 1], total)
            assert torch.equal(
                together, pad_actions(problem, instance, alone[agent].actions, total)
            )
            assert found.logp is not None
            wanted = alone[agent].logp
            assert wanted is not None
            logp = found.logp[:, place].sum(-1)
            assert torch.allclose(logp, wanted[:, 0].sum(-1), atol=1e-5)


@each_problem
@each_kind
def test_a_different_agent_for_every_instance(problem: Problem[Any, Any], kind: type) -> None:
    """Rollout and score agree where each row has its own agent."""
    policy = network(problem, 3, kind).eval()
    instance = problem.generate(5, generator(0))
    condition = torch.randint(3, (5, 4), generator=generator(1))
    played = rollout(problem, policy, instance, 4, sample(generator(2)), condition=condition)
    assert played.logp is not None
    logp = score(problem, policy, instance, played.picks, condition=condition)
    assert torch.allclose(logp, played.logp, atol=1e-5)
    for b in range(5):
        for s in range(4):
            single = policy.keep([int(condition[b, s])])
            again = score(problem, single, instance[b : b + 1], played.picks[b : b + 1, s : s + 1])
            assert torch.allclose(again[0, 0], played.logp[b, s], atol=1e-5)


def test_agents_differ() -> None:
    """Three agents play an instance differently."""
    problem = TSP(8)
    policy = network(problem, 3)
    instance = problem.generate(8, generator(0))
    condition = torch.arange(3).expand(8, -1)
    found = rollout(problem, policy, instance, 3, greedy, condition=condition).cost
    assert (found[:, 0] != found[:, 1]).any()
    assert (found[:, 1] != found[:, 2]).any()


@each_kind
def test_a_clone_begins_as_the_single_policy(kind: type, tmp_path) -> None:
    """By way of a model folder, as `single` loads it: strictly, every weight of it."""
    problem = TSP(6)
    single = network(problem, 1)
    weights.save(tmp_path / "single", problem, single, {}, half=False)
    policy = kind(encoder(), heads=2, agents=4)
    method = Poppy(problem, policy, single=str(tmp_path / "single"))
    instance = problem.generate(4, generator(0))
    condition = torch.arange(4).expand(4, -1)
    found = rollout(problem, method.policy, instance, 4, greedy, condition=condition)
    wanted = rollout(problem, single, instance, 1, greedy)
    assert torch.equal(found.actions, wanted.actions.expand_as(found.actions))
    smaller = network(problem, 2)
    larger = AttentionPolicy(encoder(), heads=2, agents=4).build(problem.schema)
    larger.begin_as(smaller)
    for index, source in enumerate([0, 0, 1, 1]):
        mine, theirs = larger.decoders[index].state_dict(), smaller.decoders[source].state_dict()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


def test_what_cannot_be_cloned() -> None:
    """Decoders of another number, or none, are refused."""
    problem = TSP(6)
    policy = AttentionPolicy(encoder(), heads=2, agents=4).build(problem.schema)
    with pytest.raises(NCOError, match="3 decoders cannot be cloned to 4"):
        policy.begin_as(network(problem, 3))
    with pytest.raises(NCOError, match="BQPolicy has no decoder"):
        policy.begin_as(BQPolicy(encoder()).build(problem.schema))
    other = AttentionPolicy(TransformerEncoder(width=32, heads=2, layers=1, hidden=16), heads=2)
    with pytest.raises(NCOError, match="another network"):
        policy.begin_as(other.build(problem.schema))
    with pytest.raises(ValueError, match="at least 2 rollouts of each start, not 1"):
        make(problem, agents=1)


@each_problem
@pytest.mark.parametrize("advantage", [Winner(), Polychromic()])
def test_the_loss_by_hand(problem: Problem[Any, Any], advantage: Advantage) -> None:
    """Against a stepwise rollout with gradients of the same samples."""
    method = make(problem, 3, advantage=advantage, samples=2)
    batch = problem.generate(4, generator(0))
    loss = method.loss(batch, generator(1))
    loss.backward()
    found = [p.grad.clone() for p in method.policy.parameters() if p.grad is not None]
    method.policy.zero_grad()
    prefix = method._starts(batch)
    starts = 1 if prefix is None else prefix.shape[1]
    condition = torch.arange(3).repeat_interleave(2 * starts).expand(4, -1)
    played = rollout(
        problem,
        method.policy,
        batch,
        6 * starts,
        sample(generator(1)),
        prefix=None if prefix is None else prefix.repeat(1, 6, 1),
        condition=condition,
    )
    assert played.logp is not None
    found_advantage = advantage(Group(batch, played.cost, played.actions, starts=starts))[..., 0]
    wanted = (found_advantage * played.logp.sum(2)).mean()
    if isinstance(advantage, Winner):  # one of six is scored
        wanted = 6 * wanted
    wanted.backward()
    assert torch.allclose(loss, wanted, atol=1e-6)
    again = [p.grad for p in method.policy.parameters() if p.grad is not None]
    for mine, theirs in zip(found, again, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_who_does_not_win_gets_no_gradient_and_is_not_moved() -> None:
    """Not by momentum and not by weight decay either."""
    problem = TSP(6)
    method = make(problem, 3, training=Training(weight_decay=0.1, lr=1e-2))
    optimizer: Any = method.configure_optimizers()["optimizer"]
    instance = problem.generate(4, generator(0))

    def step(winner: int | None) -> None:
        if winner is not None:
            method.advantage = Fixed(winner)
        optimizer.zero_grad()
        method.loss(instance, generator("step", str(winner))).backward()
        method.on_before_optimizer_step(optimizer)
        optimizer.step()

    step(None)  # everybody has momentum from here on
    before = [_flat(decoder) for decoder in method.policy.decoders]
    enter = method.policy.encoder.enter.weight.clone()
    method.advantage = Fixed(1)
    optimizer.zero_grad()
    method.loss(instance, generator(5)).backward()
    for agent, decoder in enumerate(method.policy.decoders):
        grads = [p.grad for p in decoder.parameters() if p.grad is not None]
        assert any(bool(grad.any()) for grad in grads) == (agent == 1)
    step(1)
    after = [_flat(decoder) for decoder in method.policy.decoders]
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    assert not torch.equal(before[1], after[1])
    assert not torch.equal(enter, method.policy.encoder.enter.weight)


class Fixed(Advantage):
    """One agent wins, whatever its cost."""

    of_start, scored = True, 1

    def __init__(self, winner: int) -> None:
        super().__init__()
        self.winner = winner

    def forward(self, group: Group) -> Tensor:
        cost = group.by_start(group.cost)
        found = torch.zeros_like(cost)
        weight = torch.rand(len(cost), cost.shape[2], generator=generator("weight"))
        found[:, self.winner] = -weight
        return found.flatten(1, 2)[..., None]


def _flat(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_a_frozen_encoder_stays() -> None:
    """Only decoders have a gradient."""
    problem = TSP(6)
    method = make(problem, 2, freeze_encoder=True)
    method.loss(problem.generate(4, generator(0)), generator(1)).backward()
    assert all(p.grad is None for p in method.policy.encoder.parameters())
    assert any(bool(p.grad.any()) for p in method.policy.decoders.parameters())


def test_ties_and_wins_are_logged() -> None:
    """Where all agents play alike, every instance is a tie."""
    problem = TSP(6)
    method = make(problem, 2)
    for decoder in method.policy.decoders:  # always the nearest: all rollouts of a start are equal
        decoder.nearness.data.fill_(1e6)
    method.loss(problem.generate(4, generator(0)), generator(1))
    assert method.logged["train/ties"] == 1
    assert method.logged["train/wins/0"] == method.logged["train/wins/1"] == 0
    method = make(problem, 2)
    method.loss(problem.generate(4, generator(0)), generator(1))
    assert method.logged["train/ties"] < 1
    assert method.logged["train/wins/0"] + method.logged["train/wins/1"] == pytest.approx(1)


@dataclass(frozen=True, eq=False)
class Arms(Batch):
    """Three arms; in which of two families an instance is, nobody can see."""

    family: Tensor  # [B] long


@dataclass(frozen=True, eq=False)
class Pulled(Batch):
    count: Tensor  # [B, S] long


class Families(Problem[Arms, Pulled]):
    """Arm 0 costs nothing in the first family, arm 1 in the second, and 1 elsewhere; arm 2 always
    costs 0.4. Alone, the best is arm 2; two do best by dividing the families between them."""

    schema = Schema(nodes=columns("first", "second", "third"))

    def generate(self, batch: int, generator: Generator) -> Arms:
        return Arms(torch.randint(2, (batch,), generator=generator))

    def features(self, instance: Arms) -> Features:
        return Features(torch.eye(3).expand(len(instance), -1, -1))

    def reset(self, instance: Arms, rollouts: int) -> Pulled:
        return Pulled(torch.zeros(len(instance), rollouts, dtype=torch.long))

    def observe(self, instance: Arms, state: Pulled) -> Observation:
        shape = state.count.shape
        mask = (state.count == 0)[..., None] | (torch.arange(3) == 2)
        nothing = torch.zeros(*shape, 0)
        return Observation(mask, nothing.long(), nothing)

    def step(self, instance: Arms, state: Pulled, action: Tensor) -> Pulled:
        return Pulled(state.count + 1)

    def done(self, instance: Arms, state: Pulled) -> Tensor:
        return state.count > 0

    def cost(self, instance: Arms, actions: Tensor) -> Tensor:
        pulled = actions[:, :, 0]
        lucky = pulled == instance.family[:, None]
        return torch.where(pulled == 2, 0.4, 1.0).masked_fill(lucky, 0.0)

    def horizon(self, instance: Arms) -> tuple[int, int]:
        return 1, 1

    def solution(self, instance: Arms, actions: Tensor) -> list[Any]:
        return actions[:, 0].tolist()

    def actions(self, instance: Arms, solutions: Sequence[Any]) -> Tensor:
        return torch.tensor(solutions)[:, None]


@pytest.mark.long
def test_two_agents_specialise() -> None:
    """Each learns one of two families of instances."""
    problem = Families()
    policy = AttentionPolicy(encoder(), heads=2, agents=2)
    method = Poppy(problem, policy, training=Training(lr=1e-2, warmup=1))
    method.log = lambda *_, **__: None
    optimizer: Any = method.configure_optimizers()["optimizer"]
    for step in range(200):
        optimizer.zero_grad()
        method.loss(problem.generate(64, generator("train", step)), generator(step)).backward()
        method.on_before_optimizer_step(optimizer)
        optimizer.step()
    instance = problem.generate(64, generator("test"))
    condition = torch.arange(2).expand(64, -1)
    found = rollout(problem, method.policy, instance, 2, greedy, condition=condition)
    assert sorted(found.actions[0, :, 0].tolist()) == [0, 1]
    assert (found.cost.amin(1) == 0).all()  # the best single arm costs 0.4


@each_problem
@each_kind
def test_search(problem: Problem[Any, Any], kind: type) -> None:
    """Better and better, never worse than every agent from every start; samples within budget."""
    policy = network(problem, 3, kind).eval()
    instance = problem.generate(3, generator(0))
    starts = count_starts(problem, instance)
    prefix = problem.starts(instance, starts).repeat(1, 3, 1) if starts > 1 else None
    condition = torch.arange(3).repeat_interleave(starts).expand(3, -1)
    every = rollout(
        problem, policy, instance, 3 * starts, greedy, prefix=prefix, condition=condition
    ).cost
    with torch.inference_mode():
        greedily = list(population(Task(problem, policy, instance), Budget()))
        sampled = list(population(Task(problem, policy, instance), Budget(samples=3 * starts + 60)))
        again = list(population(Task(problem, policy, instance), Budget(samples=3 * starts + 60)))
    assert torch.allclose(greedily[-1].cost, every.amin(1))
    assert (sampled[-1].cost <= greedily[-1].cost).all()
    assert torch.equal(sampled[-1].actions, again[-1].actions)
    for incumbent in sampled:
        assert torch.allclose(
            problem.cost(instance, incumbent.actions[:, None])[:, 0], incumbent.cost
        )
    for old, new in itertools.pairwise(sampled):
        assert (new.cost <= old.cost).all()


def test_selection_of_agents() -> None:
    """Greedy forward selection: the best alone, then whoever helps it most; no idlers."""
    gaps = torch.tensor([[1.0, 5.0, 1.0, 3.0], [1.0, 0.0, 2.0, 3.0], [2.0, 9.0, 2.0, 0.0]])
    assert select(gaps, 4) == [0, 3, 1]
    assert select(gaps, 2) == [0, 3]
    assert select(torch.tensor([[1.0, 1.0]]), 2) == [0]


@pytest.mark.long
def test_prune_command(tmp_path, capsys) -> None:
    """A population, two of whose agents are the same, loses one and answers as before."""
    problem = TSP(6)
    policy = network(problem, 3)
    policy.decoders[2].load_state_dict(policy.decoders[0].state_dict())
    weights.save(tmp_path / "all", problem, policy, {"measured": [{"set": "x"}]}, half=False)
    labels = tmp_path / "labels"
    command = ["label", "--problem", "tsp", "--size", "6", "--instances", "24", "--seed", "1"]
    words = ["--solver", "fast_tsp", "--time_limit", "0.05", "--output", str(labels)]
    _run([*command, *words])
    folders = [str(tmp_path / "all"), str(tmp_path / "few")]
    _run(["models", "prune", *folders, "--reference", str(labels)])
    out = capsys.readouterr().out
    assert "2 kept" in out
    assert "3 kept" not in out
    few = weights.load(str(tmp_path / "few"))
    assert few.policy.agents == 2
    assert few.card["measured"] == []
    found = prune(str(tmp_path / "all"), tmp_path / "again", str(labels))
    assert found.gaps[-1] == pytest.approx(found.all_gap)
    with pytest.raises(NCOError, match="one agent"):
        prune("am-tsp", tmp_path / "one", str(labels))


def _run(arguments: Sequence[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert not stop.value.code


def test_random_numbers_are_the_steps(tmp_path) -> None:
    """The same generator, the same loss: nothing else is drawn from."""
    problem = TSP(6)
    batch = problem.generate(4, generator(0))

    def loss(seed: Generator) -> float:
        return float(make(problem, 2).loss(batch, seed).detach())

    assert loss(generator(1)) == loss(generator(1))
    assert loss(generator(1)) != loss(generator(2))
