"""The contract of a policy: what is sound passes, each planted fault is named, and so are ours."""

import copy
import inspect
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import pytest
import torch
import yaml
from torch import Tensor, nn

from nco.core.decisions import Categorical, Decision
from nco.core.describe import construct
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.schema import Channel, Schema
from nco.models.nets import TransformerEncoder
from nco.problems.hcvrp import HCVRP
from nco.problems.jssp import JSSP
from nco.problems.knapsack import KnapsackRest
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.testing import check_policy
from nco.testing.policy import CHECKS

ALL = {check.__name__ for check in CHECKS}


class Sound(Policy):
    """Scores each node by all that is known of it and of the state, in a frame of its own.

    The hooks are what the faults below change.
    """

    reads = frozenset(Channel) - {Channel.EDGES, Channel.LINKS}
    scale_free = True

    def make_layers(self, schema: Schema) -> None:
        width = 2 * len(schema.nodes) * (1 + len(schema.focus)) + len(schema.dynamic)
        width += len(schema.context) + len(schema.moves) + len(schema.nodes) * len(schema.groups)
        width += 2 * len(schema.nodes) if schema.follows else 0
        self.network = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, 1))

    def encode(self, features: Features) -> Features:
        return features

    def decide(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        seen = self.seen(self.framed(memory, observation, Channel.NODES), memory, observation)
        logits = self.network(seen)[..., 0]  # [B, S, M, N]
        return self.decided(logits.view(observation.mask.shape), observation)

    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits, observation.mask)

    def seen(self, nodes: Tensor, memory: Features, observation: Observation) -> Tensor:
        """``[B, S, M, N, F]``."""
        agents = observation.mask.shape[2:-1].numel()
        focus = observation.focus.unflatten(2, (agents, -1)) if observation.mask.ndim < 4 else (
            observation.focus
        )  # fmt: skip
        shape = (*observation.mask.shape[:2], agents, nodes.shape[1])
        mean = self.mean(nodes, memory.exists)
        parts = [nodes[:, None, None], mean[:, None, None, None]]
        rows = torch.arange(len(nodes))[:, None, None]
        for slot in range(len(self.schema.focus)):
            at = focus[..., slot]
            here = nodes[rows, at.clamp_min(0)] * (at >= 0)[..., None]
            parts += [here[..., None, :], here[..., None, :] * nodes[:, None, None]]
        if self.schema.dynamic:
            parts.append(self.framed(memory, observation, Channel.DYNAMIC)[:, :, None])
        if self.schema.context:
            context = self.framed(memory, observation, Channel.CONTEXT)
            parts.append(context.reshape(*shape[:3], 1, -1))
        if self.schema.moves:
            parts.append(self.framed(memory, observation, Channel.MOVES))
        parts += self.of_sets(nodes, memory)
        return torch.cat([part.expand(*shape, -1) for part in parts], -1)

    def of_sets(self, nodes: Tensor, memory: Features) -> list[Tensor]:
        """Means over the sets that hold a node, and over its neighbours before and after."""
        found = []
        for kind in range(len(self.schema.groups)):
            assert memory.groups is not None
            group = memory.groups[..., kind]
            alike = ((group[:, :, None] == group[:, None]) & (group >= 0)[:, None]).float()
            found.append((alike @ nodes)[:, None, None])
        if self.schema.follows:
            assert memory.follows is not None
            rows = torch.arange(len(nodes))[:, None, None]
            for end in range(2):
                at = memory.follows[..., end]
                beside = (nodes[rows, at.clamp_min(0)] * (at >= 0)[..., None]).sum(2)
                found.append(beside[:, None, None])
        return found

    def mean(self, nodes: Tensor, exists: Tensor | None) -> Tensor:
        if exists is None:
            return nodes.mean(1)
        return (nodes * exists[..., None]).sum(1) / exists.sum(1, keepdim=True)

    def framed(self, memory: Features, observation: Observation, channel: Channel) -> Tensor:
        """A channel's values, its lengths and times in units of the spread of positions."""
        values = {
            Channel.NODES: memory.nodes,
            Channel.DYNAMIC: observation.nodes,
            Channel.CONTEXT: observation.context,
            Channel.MOVES: observation.moves,
        }[channel]
        assert values is not None
        if memory.xy is None:
            return values
        centre = self.mean(memory.xy, memory.exists)
        away = (memory.xy - centre[:, None]).norm(dim=-1, keepdim=True)
        unit = self.mean(away, memory.exists).view(-1, *[1] * (values.ndim - 1))
        lengths = torch.zeros(values.shape[-1], dtype=torch.bool)
        lengths[self.lengths(channel)] = True
        return torch.where(lengths, values / unit, values)

    def lengths(self, channel: Channel) -> list[int]:
        return list(self.schema.scaled(channel))


PROBLEMS: list[Problem[Any, Any]] = [TSP(), OP(), KnapsackRest(), JSSP(), HCVRP(vehicles=3)]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: type(one).__name__)
def test_a_sound_policy_passes(problem: Problem[Any, Any]) -> None:
    """Every check that has something to ask passes, whatever the problem offers."""
    ran = set(check_policy(Sound(), problem, size=4))
    always = {"decisions_are_distributions", "every_column_read_matters", "padding_changes_nothing"}
    always |= {"nodes_have_no_numbers", "what_would_be_dropped_is_refused"}
    always |= {"instances_are_decided_apart", "rollouts_are_decided_apart"}
    assert always <= ran <= ALL
    assert ("lengths_are_scaled_together" in ran) == (problem.schema.xy > 0)
    assert ("agents_have_no_numbers" in ran) == isinstance(problem, HCVRP)
    assert ("sets_have_no_numbers" in ran) == isinstance(problem, JSSP)


# --------------------------------------------------------------------------------------------------
# Planted faults


class DropsAContext(Sound):
    def framed(self, memory: Features, observation: Observation, channel: Channel) -> Tensor:
        values = super().framed(memory, observation, channel)
        return values * 0 if channel is Channel.CONTEXT else values


class DropsAColumn(Sound):
    def framed(self, memory: Features, observation: Observation, channel: Channel) -> Tensor:
        values = super().framed(memory, observation, channel).clone()
        if channel is Channel.NODES:
            values[..., 2] = 0
        return values


class DropsDynamic(Sound):
    def framed(self, memory: Features, observation: Observation, channel: Channel) -> Tensor:
        values = super().framed(memory, observation, channel)
        return values * 0 if channel is Channel.DYNAMIC else values


class DropsAMove(Sound):
    def framed(self, memory: Features, observation: Observation, channel: Channel) -> Tensor:
        values = super().framed(memory, observation, channel).clone()
        if channel is Channel.MOVES:
            values[..., 4] = 0
        return values


class LooksAtOneEnd(Sound):
    def seen(self, nodes: Tensor, memory: Features, observation: Observation) -> Tensor:
        focus = observation.focus.clone()
        focus[..., 0] = focus[..., 1]
        return super().seen(nodes, memory, replace(observation, focus=focus))


class ForgetsWhatFollows(Sound):
    def of_sets(self, nodes: Tensor, memory: Features) -> list[Tensor]:
        found = super().of_sets(nodes, memory)
        return [*found[:-1], found[-1] * 0]


class CountsPadding(Sound):
    def mean(self, nodes: Tensor, exists: Tensor | None) -> Tensor:
        return nodes.mean(1)


class NumbersNodes(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits + 0.1 * torch.arange(logits.shape[-1]), observation.mask)


class NumbersSets(Sound):
    def of_sets(self, nodes: Tensor, memory: Features) -> list[Tensor]:
        assert memory.groups is not None
        first, *rest = super().of_sets(nodes, memory)
        return [first + memory.groups[:, None, None, :, :1], *rest]


class NumbersAgents(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        numbers = torch.arange(logits.shape[2])[:, None]
        return Categorical(logits * (1 + numbers), observation.mask)


class MixesInstances(Sound):
    def seen(self, nodes: Tensor, memory: Features, observation: Observation) -> Tensor:
        seen = super().seen(nodes, memory, observation)
        return seen - seen.mean(0)


class MixesRollouts(Sound):
    def seen(self, nodes: Tensor, memory: Features, observation: Observation) -> Tensor:
        seen = super().seen(nodes, memory, observation)
        return seen - seen.mean(1, keepdim=True)


class SeesTheRolloutBefore(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits + logits.roll(1, 1), observation.mask)


class LeavesALengthUnscaled(Sound):
    def lengths(self, channel: Channel) -> list[int]:
        return [] if channel is Channel.CONTEXT else super().lengths(channel)


class ScalesNothing(Sound):
    def lengths(self, channel: Channel) -> list[int]:
        return []


class ScalesAPrize(Sound):
    """Takes a prize for a length, which a change of all lengths then changes."""

    def lengths(self, channel: Channel) -> list[int]:
        return [2, *super().lengths(channel)] if channel is Channel.NODES else []


class TakesWhatItDrops(Sound):
    def build(self, schema: Schema) -> Self:
        self.schema = schema
        self.make_layers(schema)
        return self


class ReadsWhatItIgnores(Sound):
    def __init__(self) -> None:
        super().__init__(["context"])

    def build(self, schema: Schema) -> Self:
        self.schema = schema
        self.make_layers(schema)
        return self


class CountsItsCalls(Sound):
    calls = 0

    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        self.calls += 1
        return Categorical(logits * self.calls, observation.mask)


class ForgetsTheMask(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits, torch.ones_like(observation.mask))


class ForgetsToNormalise(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        decision = Categorical(logits, observation.mask)
        decision._log = decision.logits
        return decision


class DividesByZero(Sound):
    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits * torch.nan, observation.mask)


class AllAgentsAreOne(Sound):
    agents = 2


class DividesMore(Sound):
    """Halves by the number of nodes, padding among them."""

    def decided(self, logits: Tensor, observation: Observation) -> Decision:
        return Categorical(logits / logits.shape[-1], observation.mask)


FAULTS: list[tuple[type[Policy], Problem[Any, Any], str]] = [
    (DropsAContext, OP(), r"other values of context\.left change no decision"),
    (DropsAColumn, OP(), r"other values of nodes\.prize change no decision"),
    (DropsDynamic, KnapsackRest(), r"other values of dynamic\.weight_in_free change no decision"),
    (DropsAMove, HCVRP(), r"other values of moves\.room change no decision"),
    (LooksAtOneEnd, TSP(), r"other values of focus\.first change no decision"),
    (ForgetsWhatFollows, JSSP(), r"other values of follows\.before change no decision"),
    (CountsPadding, OP(), "a decision is another where there is padding: .* in instance [0-9]"),
    (DividesMore, TSP(), "a decision is another where there is padding"),
    (NumbersNodes, TSP(), "a decision depends on the order of the nodes"),
    (NumbersSets, JSSP(), "a decision depends on the numbers of the sets"),
    (NumbersAgents, HCVRP(), "a decision depends on the order of the agents"),
    (MixesInstances, TSP(), "a decision is decided otherwise beside other instances"),
    (MixesRollouts, OP(), "a decision is decided otherwise beside other rollouts"),
    (SeesTheRolloutBefore, TSP(), "a decision is decided otherwise beside other rollouts"),
    (LeavesALengthUnscaled, OP(), r"lengths and times are halved: context\.left stays as it is"),
    (ScalesNothing, TSP(), "decisions change where all lengths and times are halved"),
    (ScalesAPrize, OP(), "decisions change where all lengths and times are halved"),
    (TakesWhatItDrops, TSP(), "build takes a problem that offers edges"),
    (ReadsWhatItIgnores, OP(), r"context\.left change decisions, although .* told to ignore"),
    (CountsItsCalls, TSP(), "the same inputs twice lead to different decisions"),
    (ForgetsTheMask, TSP(), "a masked action has a probability"),
    (ForgetsToNormalise, TSP(), "probabilities sum to"),
    (DividesByZero, TSP(), "a decision holds what is no number"),
    (AllAgentsAreOne, TSP(), "agent 1 of 2 decides as agent 0 does"),
]


@pytest.mark.parametrize(("fault", "problem", "sentence"), FAULTS, ids=lambda one: getattr(
    one, "__name__", ""
))  # fmt: skip
def test_a_planted_fault_is_named(
    fault: type[Policy], problem: Problem[Any, Any], sentence: str
) -> None:
    """Each broken policy fails with the sentence that says what is wrong."""
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_policy(fault(), problem, size=4)
    assert str(caught.value).startswith(f"{fault.__name__} on {type(problem).__name__}: ")
    assert "\n" not in str(caught.value)


def test_a_policy_stays_as_it_is() -> None:
    """What is checked is a copy: weights, layers and ignored channels are not touched."""
    torch.manual_seed(0)
    policy = Sound().build(OP.schema)
    before = copy.deepcopy(policy.state_dict())
    check_policy(policy, OP(), size=4)
    after = policy.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_problem_that_is_not_the_policy_s_is_refused() -> None:
    """As `build` refuses it, before any check."""

    class OnlyNodes(Sound):
        reads = frozenset({Channel.NODES})

    with pytest.raises(NCOError, match=r"OnlyNodes does not read focus \(first, current\)"):
        check_policy(OnlyNodes(), TSP())


# --------------------------------------------------------------------------------------------------
# All that ships, and all that a config names

SMALL = {"width": 16, "heads": 2, "layers": 2, "cell": 8, "bf16": False}
NARROW = 16  # hidden width, where it is a width and not a multiple
ROOT = Path(str(files("nco.configs"))).parent


def smaller(description: dict[str, Any]) -> dict[str, Any]:
    """The same policy, narrow and in full precision."""
    path, arguments = description["class_path"], dict(description.get("init_args") or {})
    module, _, name = path.rpartition(".")
    kind = getattr(__import__(module, fromlist=[name]), name)
    parameters = inspect.signature(kind).parameters
    arguments |= {key: value for key, value in SMALL.items() if key in parameters}
    hidden = parameters.get("hidden")
    if hidden is not None and isinstance(hidden.default, int) and hidden.default > NARROW:
        arguments["hidden"] = NARROW
    for key, value in arguments.items():
        if isinstance(value, dict) and "class_path" in value:
            arguments[key] = smaller(value)
    if "encoder" in parameters and arguments.get("encoder") is None:
        plain = f"{TransformerEncoder.__module__}.{TransformerEncoder.__name__}"
        arguments["encoder"] = smaller({"class_path": plain})
    return {"class_path": path, "init_args": arguments}


def pairs_in(value: Any) -> list[tuple[Any, Any]]:
    """Every problem and policy that stand side by side in a description."""
    if not isinstance(value, dict):
        return []
    own = [(value["problem"], value["policy"])] if {"problem", "policy"} <= set(value) else []
    return own + [pair for part in value.values() for pair in pairs_in(part)]


def named() -> dict[str, tuple[Any, Any]]:
    """Each different pair of a problem and a policy by the first file that names it."""
    zoo = sorted((Path(str(files("nco.models"))) / "zoo").glob("*/card.json"))
    configs = sorted(Path(str(files("nco.configs"))).rglob("*.yaml"))
    found: dict[str, tuple[str, tuple[Any, Any]]] = {}
    for path in [*zoo, *configs]:
        text = path.read_text()
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        for problem, policy in pairs_in(content):
            small = smaller(policy)
            key = json.dumps([problem, small], sort_keys=True)
            name = (
                path.parent.name if path.name == "card.json" else f"{path.parent.name}/{path.stem}"
            )
            found.setdefault(key, (name, (problem, small)))
    return dict(found.values())


NAMED = named()


def test_every_kind_of_network_is_named() -> None:
    """The files were found: no list of pairs to check may become empty."""
    kinds = {policy["class_path"].rpartition(".")[2] for _, policy in NAMED.values()}
    assert kinds >= {"AttentionPolicy", "BQPolicy", "PARCOPolicy", "DisjunctivePolicy"}
    assert kinds >= {"MatNetPolicy", "ChoicePolicy", "SharesPolicy", "GraphFlow", "SymmetricFlow"}
    assert kinds >= {"VanillaFlow", "BaseStock"}
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", sorted(NAMED))
def test_networks_of_cards_and_configs_keep_the_contract(name: str) -> None:
    """Each reads every column that it says it reads, and nothing that should not matter."""
    problem, policy = NAMED[name]
    torch.manual_seed(0)
    ran = check_policy(construct(policy), construct(problem), size=4)
    assert "rollouts_are_decided_apart" in ran
    assert "what_would_be_dropped_is_refused" in ran
