"""Rollouts, scores, decisions, batches, descriptions, seeds, geometry, and the attention model."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nco.core import geometry, precision
from nco.core.decisions import Categorical
from nco.core.defaults import replay, resize
from nco.core.describe import Described, construct, describe
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Problem
from nco.core.rollout import Interrupted, decisions, forced, greedy, rollout, sample, score
from nco.core.schema import Schema
from nco.core.seeds import derive, generator
from nco.models.nets import AttentionPolicy, TransformerEncoder, attention, pointer, transformer
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP

PROBLEMS = [TSP(6), CVRP(5), CVRPVia(5), Knapsack(6)]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p).__name__)


def network(problem: Problem[Any, Any], seed: int = 0, **options: Any) -> AttentionPolicy:
    """A small network whose every weight matters."""
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    policy = AttentionPolicy(encoder, heads=4, **options).build(problem.schema)
    random = generator(seed, "weights")
    for parameter in policy.parameters():
        noise = torch.randn(parameter.shape, generator=random)
        parameter.data += 0.3 * noise
    return policy


def instances(problem: Problem[Any, Any], batch: int = 3) -> Any:
    return problem.generate(batch, generator("kernel"))


def mixed(problem: Problem[Any, Any]) -> tuple[Any, list[Any]]:
    """A padded batch and its cases."""
    cases = [resize(problem, n).cases(instances(resize(problem, n), 1))[0] for n in (3, 6, 4)]
    return problem.load(cases), cases


# --------------------------------------------------------------------------------------------------
# The rollout loop


@each_problem
def test_sampled_rollouts_are_a_function_of_their_generator(problem: Problem[Any, Any]) -> None:
    """Equal seeds play equal actions, others do not, and the cost is that of the actions."""
    policy, instance = network(problem), instances(problem)
    first = rollout(problem, policy, instance, 4, sample(generator(1)))
    again = rollout(problem, policy, instance, 4, sample(generator(1)))
    other = rollout(problem, policy, instance, 4, sample(generator(2)))
    assert torch.equal(first.actions, again.actions)
    assert not torch.equal(first.actions, other.actions)
    assert first.states is None
    assert torch.equal(first.cost, problem.cost(instance, first.actions))


@each_problem
def test_greedy_takes_the_most_probable_action(problem: Problem[Any, Any]) -> None:
    """Greedy rollouts of an instance are equal and take the mode of each decision."""
    policy, instance = network(problem), instances(problem)
    found = rollout(problem, policy, instance, 2, greedy, logp=False)
    assert found.logp is None
    assert torch.equal(found.actions[:, 0], found.actions[:, 1])
    decision, observation = decisions(problem, policy, instance, found.actions)
    assert torch.equal(decision.mode(), found.actions.flatten(1, 2))
    assert observation.mask.gather(-1, decision.mode()[..., None]).all()


@each_problem
def test_memory_at_hand_is_not_made_again(problem: Problem[Any, Any]) -> None:
    """A rollout that is given the embedding does not encode."""
    policy, instance = network(problem), instances(problem)
    memory = policy.encode(problem.features(instance))
    first = rollout(problem, policy, instance, 2, greedy)
    policy.encode = lambda features: pytest.fail("encoded twice")  # type: ignore[method-assign]
    again = rollout(problem, policy, instance, 2, greedy, memory=memory)
    assert torch.equal(first.actions, again.actions)


@each_problem
def test_a_prefix_is_taken_without_asking(problem: Problem[Any, Any]) -> None:
    """The log-probabilities and states are those of the steps that the policy decided."""
    policy, instance = network(problem), instances(problem)
    whole = rollout(problem, policy, instance, 3, sample(generator(5)))
    given = whole.actions[:, :, :2]
    found = rollout(problem, policy, instance, 3, greedy, prefix=given, keep=True)
    assert torch.equal(found.actions[:, :, :2], given)
    assert found.logp is not None
    assert found.states is not None
    total = found.actions.shape[2]
    assert found.logp.shape[2] == found.states._first().shape[2] == total - 2
    steps = torch.arange(2, total).expand(3, 3, -1)
    scored = score(problem, policy, instance, found.picks, steps=steps)
    torch.testing.assert_close(scored, found.logp)
    kept = score(problem, policy, instance, found.picks, steps=steps, states=found.states)
    torch.testing.assert_close(kept, found.logp)


def test_a_prefix_of_everything_asks_nothing() -> None:
    """Where all actions are given, the policy decides nothing."""
    problem = TSP(4)
    instance = instances(problem)
    order = torch.arange(4).expand(3, 1, 4)
    found = rollout(problem, network(problem), instance, 1, greedy, prefix=order)
    assert torch.equal(found.actions, order)
    assert found.logp is None


def test_a_rollout_stops_when_told() -> None:
    """`stop` is asked before every decision."""
    problem, asked = TSP(6), []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(Interrupted):
        rollout(problem, network(problem), instances(problem), 2, greedy, stop=stop)
    assert len(asked) == 4


@each_problem
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_score_in_chunks(problem: Problem[Any, Any], chunk: int) -> None:
    """Scores are the rollout's own log-probabilities, however many steps are scored at once."""
    policy, instance = network(problem), instances(problem)
    found = rollout(problem, policy, instance, 3, sample(generator(6)), keep=True)
    assert found.logp is not None
    for states in (None, found.states):
        scored = score(problem, policy, instance, found.picks, chunk=chunk, states=states)
        torch.testing.assert_close(scored, found.logp)


@each_problem
def test_score_of_some_steps_of_each_rollout(problem: Problem[Any, Any]) -> None:
    """Scores of chosen steps are those of the same steps in the whole."""
    policy, instance = network(problem), instances(problem)
    found = rollout(problem, policy, instance, 3, sample(generator(6)))
    assert found.logp is not None
    steps = torch.randint(found.actions.shape[2], (3, 3, 4), generator=generator(7))
    scored = score(problem, policy, instance, found.picks, steps=steps, chunk=3)
    torch.testing.assert_close(scored, found.logp.gather(2, steps))


@each_problem
def test_the_gradient_of_a_score_is_that_of_the_rollout(problem: Problem[Any, Any]) -> None:
    """Every parameter has the same gradient both ways."""
    policy, instance = network(problem), instances(problem)
    found = rollout(problem, policy, instance, 3, sample(generator(6)))
    assert found.logp is not None
    parameters = [p for p in policy.parameters() if p.numel()]
    first = torch.autograd.grad(found.logp.sum(), parameters, allow_unused=True)
    scored = score(problem, policy, instance, found.picks, chunk=2)
    second = torch.autograd.grad(scored.sum(), parameters, allow_unused=True)
    for one, other in zip(first, second, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_decisions_know_their_entropy() -> None:
    """At the last step of a tour nothing is left to choose; before, at most log of what is left."""
    problem = TSP(6)
    policy, instance = network(problem), instances(problem)
    found = rollout(problem, policy, instance, 2, greedy)
    decision, observation = decisions(problem, policy, instance, found.actions)
    entropy = decision.entropy().unflatten(1, (2, 6))
    assert torch.equal(entropy[:, :, -1], torch.zeros(3, 2))
    assert (entropy <= observation.mask.sum(-1).float().log().unflatten(1, (2, 6)) + 1e-6).all()
    assert (entropy[:, :, 0] > 0).all()


class Conditioned(Policy):
    """Prefers the node that its condition names."""

    def make_layers(self, schema: Schema) -> None:
        """It has none."""

    def encode(self, features: Features) -> Tensor:
        return features.nodes

    def decide(
        self, memory: Tensor, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        assert condition is not None
        nodes = torch.arange(observation.mask.shape[-1])
        logits = torch.where(nodes == condition[..., None], 5.0, 0.0) + memory[:, None, :, 0]
        return Categorical(logits, observation.mask)


def test_a_condition_stays_with_its_rollout() -> None:
    """In the loop and in a score, rollout s is played by condition s."""
    problem, policy = TSP(5), Conditioned()
    instance = instances(problem)
    condition = torch.tensor([[0, 1, 2, 3], [4, 3, 2, 1], [2, 2, 0, 4]])
    found = rollout(problem, policy, instance, 4, greedy, condition=condition)
    assert torch.equal(found.actions[:, :, 0], condition)
    scored = score(problem, policy, instance, found.picks, condition=condition)
    assert found.logp is not None
    torch.testing.assert_close(scored, found.logp)
    other = score(problem, policy, instance, found.picks, condition=condition.flip(1))
    assert not torch.allclose(other, found.logp)


def test_what_is_executed_may_differ_from_what_is_picked() -> None:
    """`resolve` changes actions; the picks are what is scored, and the actions what is replayed."""
    problem = TSP(5)
    policy, instance = network(problem), instances(problem)

    def last_instead(picks: Tensor, logp: Tensor, observation: Observation) -> Tensor:
        assert logp.shape == picks.shape
        return 4 - observation.mask.flip(-1).float().argmax(-1)

    found = rollout(problem, policy, instance, 3, sample(generator(8)), resolve=last_instead)
    assert torch.equal(found.actions, torch.arange(4, -1, -1).expand(3, 3, 5))
    assert not torch.equal(found.picks, found.actions)
    assert torch.equal(found.cost, problem.cost(instance, found.actions))
    scored = score(problem, policy, instance, found.picks, actions=found.actions)
    assert found.logp is not None
    torch.testing.assert_close(scored, found.logp)


def test_forced_takes_what_it_is_told() -> None:
    """A rollout plays the given actions."""
    problem = TSP(4)
    order = torch.tensor([[[2, 0, 3, 1]], [[1, 0, 2, 3]], [[3, 2, 1, 0]]])
    found = rollout(problem, network(problem), instances(problem), 1, forced(order))
    assert torch.equal(found.actions, order)


# --------------------------------------------------------------------------------------------------
# Decisions


def test_a_masked_action_is_never_sampled() -> None:
    """Neither at the ends, nor in between, however improbable the allowed ones are."""
    mask = torch.tensor([False, True, False, False, True, False]).expand(200, 500, -1)
    logits = torch.tensor([50.0, -30.0, 80.0, 50.0, 30.0, 90.0]).expand(200, 500, -1)
    picks = Categorical(logits, mask).sample(generator("masked"))
    assert set(picks.unique().tolist()) == {4}
    even = Categorical(torch.zeros(200, 500, 6), mask).sample(generator("masked"))
    assert set(even.unique().tolist()) == {1, 4}


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-24, 1.0])
def test_extreme_uniform_numbers(monkeypatch: pytest.MonkeyPatch, number: float) -> None:
    """The smallest and the largest number that a generator can give pick an allowed action."""
    mask = torch.tensor([[[False, True, False, True, False]]]).expand(1, 50, -1)
    logits = torch.randn(1, 50, 5, generator=generator("extreme")) * 20
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, number))
    picks = Categorical(logits, mask).sample()
    assert mask.gather(-1, picks[..., None]).all()
    if number in (0.0, 1 - 2**-24):
        assert (picks == (1 if number == 0 else 3)).float().mean() > 0.4


def test_sampling_frequencies_are_the_probabilities() -> None:
    """Counts lie within four standard deviations, and what has no probability never occurs."""
    wanted = torch.tensor([0.5, 0.0, 0.3, 0.15, 0.05])
    decision = Categorical(wanted.log().nan_to_num(neginf=3.0).expand(1, 40_000, -1), wanted > 0)
    counts = decision.sample(generator("frequencies")).flatten().bincount(minlength=5)
    deviation = (40_000 * wanted * (1 - wanted)).sqrt()
    assert ((counts - 40_000 * wanted).abs() <= 4 * deviation).all()


def test_log_probabilities_and_entropy_by_hand() -> None:
    """Masked actions leave the others their shares, and are infinitely unlikely themselves."""
    probabilities = torch.tensor([0.7, 0.2, 0.1])
    mask = torch.tensor([True, True, False])
    decision = Categorical(probabilities.log()[None, None], mask)
    allowed = torch.tensor([7 / 9, 2 / 9])
    found = decision.log_prob(torch.tensor([[1]]))
    torch.testing.assert_close(found, allowed[1].log()[None, None])
    torch.testing.assert_close(decision.entropy()[0, 0], -(allowed * allowed.log()).sum())
    assert decision.mode().tolist() == [[0]]
    assert decision.log_prob(torch.tensor([[2]])).item() == -math.inf


def test_entropy_has_a_gradient_beside_masked_actions() -> None:
    """The gradient is finite, and zero where an action is masked."""
    logits = torch.randn(1, 2, 4, generator=generator(0), requires_grad=True)
    mask = torch.tensor([True, False, True, True])
    Categorical(logits, mask).entropy().sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad[..., 1] == 0).all()


def test_half_precision_logits_are_decided_in_float32() -> None:
    """A third is a third to seven digits whatever the network ran in."""
    decision = Categorical(torch.zeros(1, 1, 3, dtype=torch.bfloat16), torch.ones(1, 1, 3) > 0)
    assert decision.log_probs.dtype == torch.float32
    expected = torch.full((1, 1, 3), 1 / 3).log()
    torch.testing.assert_close(decision.log_probs, expected, rtol=0, atol=1e-6)


# --------------------------------------------------------------------------------------------------
# Descriptions


class Nested(Described):
    def __init__(self, part: Any, sizes: list[int], *, factor: float = 2.0) -> None:
        self.part = part


class Child(Nested):
    """Its own arguments are remembered, not those it hands to its parent."""

    def __init__(self, label: str) -> None:
        super().__init__(label, [1])


def test_descriptions_round_trip() -> None:
    """Nested objects, defaults, positional arguments and lists survive as JSON."""
    problem = TSP([5, 9], geometry.Clustered(3, uniform_share=0.5))
    plain = json.loads(json.dumps(describe(problem)))
    assert plain["class_path"] == "nco.problems.tsp.problem.TSP"
    assert plain["init_args"]["points"]["init_args"] == {
        "clusters": 3,
        "spread": 0.07,
        "uniform_share": 0.5,
    }
    twin = construct(plain)
    assert isinstance(twin, TSP)
    first, second = (p.generate(2, generator(3)).coords for p in (problem, twin))
    assert torch.equal(first, second)


def test_networks_are_described_by_their_arguments() -> None:
    """A network made from its description takes the weights of the first."""
    policy = AttentionPolicy(TransformerEncoder(16, heads=2, layers=1, hidden=8), heads=2)
    policy.build(TSP.schema)
    twin = construct(describe(policy)).build(TSP.schema)
    twin.load_state_dict(policy.state_dict())
    assert twin.encoder.hidden == 8


def test_the_outermost_class_describes_itself() -> None:
    """Objects within lists are described, and made again with their defaults."""
    found = describe({"things": [Child("x"), (1, 2.5, None, True)]})
    child = {"class_path": f"{__name__}.Child", "init_args": {"label": "x"}}
    assert found == {"things": [child, [1, 2.5, None, True]]}
    twin = construct(found)  # this module is imported already
    assert isinstance(twin["things"][0], Child)
    nested = describe(Nested(Child("y"), [1]))
    assert nested["init_args"]["factor"] == 2.0
    assert construct(nested).part.part == "y"


@pytest.mark.parametrize("thing", [object(), lambda: 0, torch.zeros(1), {1: object()}, nn.ReLU()])
def test_only_plain_things_are_described(thing: object) -> None:
    """What is not plain data, or an object made of it, cannot be in a checkpoint."""
    with pytest.raises(NCOError, match="cannot be stored in a checkpoint"):
        describe(Nested(thing, [1]))


@pytest.mark.parametrize(
    ("path", "arguments", "reason"),
    [
        ("this.Zen", {}, "is not part of nco: import this yourself first if you trust it"),
        ("ncosystem.Evil", {}, "is not part of nco"),
        ("os.system", {"command": "false"}, "is not a Described class"),
        ("nco.core.errors.NCOError", {}, "is not a Described class"),
        ("nco.core.describe.importlib.import_module", {"name": "os"}, "cannot be imported"),
        ("nco.problems.tsp.problem.ATSP", {}, "is not a Described class"),
        ("nco.problems.nowhere.Problem", {}, "cannot be imported"),
        ("nco.problems.tsp.problem.TSP", {"sise": 5}, "takes other arguments"),
    ],
)
def test_a_description_makes_only_known_classes(
    path: str, arguments: dict[str, Any], reason: str
) -> None:
    """What comes with a downloaded card must not be able to run anything else."""
    description = {"class_path": path, "init_args": arguments}
    with pytest.raises(NCOError, match=reason):
        construct([{"policy": description}])


# --------------------------------------------------------------------------------------------------
# Seeds


def test_seeds_are_the_same_on_every_machine() -> None:
    """Labelled sets and resumed runs depend on these very numbers."""
    assert derive(0, "labels", 7) == 2413741511428118293
    assert derive(1, 2) != derive(2, 1)
    assert 0 <= derive("anything") < 2**63


def test_generators_are_fresh_and_leave_the_global_one_alone() -> None:
    """Equal seeds give equal numbers, and torch's own state stays as it was."""
    before = torch.get_rng_state()
    first, second = (torch.rand(3, generator=generator(4, "a")) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(3, generator=generator(4, "b")))
    assert torch.equal(before, torch.get_rng_state())


# --------------------------------------------------------------------------------------------------
# Geometry


def test_the_square_has_eight_symmetries() -> None:
    """All images lie in the square, keep distances, and differ."""
    points = torch.rand(2, 5, 2, generator=generator("square"))
    images = geometry.dihedral(points)
    assert len(images) == 8
    assert torch.equal(images[0], points)
    for i, image in enumerate(images):
        assert image.min() >= 0
        assert image.max() <= 1
        torch.testing.assert_close(torch.cdist(image, image), torch.cdist(points, points))
        for other in images[:i]:
            assert (image - other).abs().max() > 0.01


def test_classical_scaling_recovers_distances() -> None:
    """Points found from distances have these distances."""
    random = np.random.default_rng(0)
    points = random.uniform(-30, 50, (9, 2))
    wanted = np.linalg.norm(points[:, None] - points, axis=-1)
    found = geometry.classical_scaling(wanted)
    assert found.shape == (9, 2)
    distances = np.linalg.norm(found[:, None] - found, axis=-1)
    np.testing.assert_allclose(distances, wanted, atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_classical_scaling_of_few_points(count: int) -> None:
    """One, two or three points at distance 1 are placed exactly."""
    wanted = np.ones((count, count)) - np.eye(count)
    found = geometry.classical_scaling(wanted)
    distances = np.linalg.norm(found[:, None] - found, axis=-1)
    np.testing.assert_allclose(distances, wanted, atol=1e-6)


def test_classical_scaling_of_what_is_no_plane() -> None:
    """Distances that no points have still give finite ones, near where possible."""
    half = np.triu(np.random.default_rng(1).integers(1, 100, (7, 7)).astype(float), 1)
    assert np.isfinite(geometry.classical_scaling(half + half.T)).all()


def test_one_factor_for_both_axes() -> None:
    """A long strip stays a strip: distances keep their proportions."""
    points = np.array([[-10.0, 5], [30, 5], [10, 15]])
    scaled, factor = geometry.unit_square(points)
    assert factor == 40
    np.testing.assert_allclose(scaled, [[0, 0], [1, 0], [0.5, 0.25]])


def test_points_in_the_square_stay() -> None:
    """Points that fill the square are not moved, and equal points become zero."""
    points = np.array([[0.2, 0.3], [1.0, 0.0]])
    assert geometry.unit_square(points) == (pytest.approx(points), 1.0)
    equal, factor = geometry.unit_square(np.full((3, 2), 7.0))
    assert factor == 1.0
    assert (equal == 0).all()


@pytest.mark.parametrize(
    "points", [geometry.Uniform(), geometry.Clustered(2), geometry.Clustered(3, 0.5, 0.5)]
)
def test_random_points_lie_in_the_square(points: geometry.Points) -> None:
    """Each distribution stays within the square and is repeatable."""
    found = points.draw(50, 40, generator("points"))
    assert found.shape == (50, 40, 2)
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(found, points.draw(50, 40, generator("points")))


def test_clusters_are_clusters() -> None:
    """The nearest neighbour of a clustered point is much nearer than that of a uniform one."""

    def nearest(points: geometry.Points) -> float:
        found = points.draw(20, 50, generator("clusters"))
        distances = torch.cdist(found, found) + 9 * torch.eye(50)
        return distances.amin(-1).mean().item()

    assert nearest(geometry.Clustered(3, 0.02)) < 0.3 * nearest(geometry.Uniform())


def test_sizes_are_drawn_from_both_ends() -> None:
    """A range of sizes includes both of its ends."""
    random = generator("sizes")
    drawn = {geometry.draw_size([3, 5], random) for _ in range(60)}
    assert drawn == {3, 4, 5}
    assert geometry.draw_size(7, random) == 7


@pytest.mark.parametrize("size", [0, -1, [5, 3], [0, 4], [1, 2, 3], [4]])
def test_impossible_sizes_are_refused(size: int | list[int]) -> None:
    """Sizes that are not positive, or no range, raise."""
    with pytest.raises(ValueError, match="size must be"):
        TSP(size)


# --------------------------------------------------------------------------------------------------
# The attention model


def explicit_encoder(encoder: TransformerEncoder, features: Features, b: int) -> Tensor:
    """Embeddings ``[n, D]`` of one instance, written out from the weights without any trick."""
    real = slice(None) if features.exists is None else features.exists[b]
    h = encoder.enter(features.nodes[b][real])
    count = len(h)
    width, heads = encoder.width, encoder.heads
    for block in encoder.blocks:
        x = block.norm1(h)
        q, k, v = (x @ weight.T for weight in block.qkv.weight.split(width))
        mixed = []
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            scores = q[:, part] @ k[:, part].T / math.sqrt(width // heads)
            if features.xy is not None:
                xy = features.xy[b][real]
                squared = (xy[:, None] - xy[None]).square().sum(-1)
                scores = scores - block.log_range[head].exp() * count * squared
            mixed.append(scores.softmax(-1) @ v[:, part])
        h = h + torch.cat(mixed, -1) @ block.out.weight.T
        h = h + block.down(block.up(block.norm2(h)).relu())
    return encoder.leave(h)


def explicit_logits(
    policy: AttentionPolicy, problem: Problem[Any, Any], instance: Any, seen: Observation, b: int
) -> Tensor:
    """Logits ``[S, A]`` of one instance at given states, by the formulas of the papers."""
    features = problem.features(instance)
    schema, width, heads = problem.schema, policy.encoder.width, policy.heads
    assert features.exists is None
    h = explicit_encoder(policy.encoder, features, b)
    rows = []
    for s in range(seen.mask.shape[1]):
        query = policy.decoders[0].graph(h.mean(0))
        for slot in range(len(schema.focus)):
            node = int(seen.focus[b, s, slot])
            weight = policy.decoders[0].query.weight[slot * width : (slot + 1) * width]
            query = query + (policy.decoders[0].nowhere[slot] if node < 0 else h[node] @ weight.T)
        if schema.context:
            query = query + policy.decoders[0].context(seen.context[b, s])
        allowed = seen.mask[b, s].reshape(schema.kinds, -1)
        keys, values = (h @ weight.T for weight in policy.decoders[0].key_value.weight.split(width))
        glimpse = []
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            scores = keys[:, part] @ query[part] / math.sqrt(width // heads)
            scores = scores.masked_fill(~allowed.any(0), -math.inf)
            glimpse.append(scores.softmax(-1) @ values[:, part])
        pointed = policy.decoders[0].glimpse(torch.cat(glimpse))
        kinds = []
        for kind in range(schema.kinds):
            targets = h @ policy.decoders[0].point.weight[kind * width : (kind + 1) * width].T
            logits = policy.clip * (targets @ pointed / math.sqrt(width)).tanh()
            last = int(seen.focus[b, s, -1]) if schema.focus else -1
            if policy.decoders[0].nearness is not None and features.xy is not None and last >= 0:
                away = (features.xy[b] - features.xy[b, last]).norm(dim=-1)
                if features.edges is not None:
                    away = features.edges[b, last, :, 0]
                rate = nn.functional.softplus(policy.decoders[0].nearness[kind])
                logits = logits - rate * away * math.sqrt(len(h))
            kinds.append(logits.masked_fill(~allowed[kind], -math.inf))
        rows.append(torch.cat(kinds))
    return torch.stack(rows)


def states(problem: Problem[Any, Any], instance: Any) -> Observation:
    """What is observed on random episodes, ``[B, S * T, ...]``."""
    found = rollout(problem, network(problem, 9), instance, 2, sample(generator("states")))
    return problem.observe(instance, replay(problem, instance, found.actions).fold())


def with_matrix(instance: Any) -> Any:
    """The same instance with distances of its own."""
    noise = torch.rand(*instance.coords.shape[:2], 1, generator=generator("matrix"))
    return replace(instance, distances=torch.cdist(instance.coords, instance.coords) + noise)


EXACT_CASES: list[tuple[Problem[Any, Any], Callable[[Any], Any], dict[str, Any]]] = [
    *[(problem, lambda instance: instance, {}) for problem in PROBLEMS],
    (TSP(6), with_matrix, {}),
    (CVRPVia(5), with_matrix, {}),
    (TSP(6), lambda instance: instance, {"distance": False, "clip": 3.0}),
]


@pytest.mark.parametrize(("problem", "change", "options"), EXACT_CASES)
def test_exact_algebra_equals_the_formulas(
    problem: Problem[Any, Any], change: Callable[[Any], Any], options: dict[str, Any]
) -> None:
    """Tables, folded projections and attention in blocks leave values and gradients as they are."""
    policy, instance = network(problem, **options), change(instances(problem))
    seen = states(problem, instance)
    decision = policy.decide(policy.encode(problem.features(instance)), seen)
    wanted = torch.stack(
        [explicit_logits(policy, problem, instance, seen, b) for b in range(len(instance))]
    )
    allowed = seen.mask
    assert torch.equal(decision.logits == -math.inf, ~allowed)
    torch.testing.assert_close(decision.logits[allowed], wanted[allowed], rtol=1e-4, atol=1e-4)
    chosen = seen.mask.float().argmax(-1)
    plain = Categorical(wanted, allowed)
    torch.testing.assert_close(
        decision.log_prob(chosen), plain.log_prob(chosen), rtol=1e-4, atol=1e-4
    )
    parameters = [p for p in policy.parameters() if p.numel()]
    first = torch.autograd.grad(decision.log_prob(chosen).sum(), parameters, allow_unused=True)
    second = torch.autograd.grad(plain.log_prob(chosen).sum(), parameters, allow_unused=True)
    for one, other in zip(first, second, strict=True):
        if other is None:
            assert one is None or not one.any()
        else:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@each_problem
def test_padding_is_never_looked_at(problem: Problem[Any, Any]) -> None:
    """Embeddings and greedy solutions of an instance are the same among larger ones."""
    policy = network(problem)
    padded, cases = mixed(problem)
    with torch.no_grad():
        h = policy.encoder(problem.features(padded))
        found = rollout(problem, policy, padded, 2, greedy)
        for b, case in enumerate(cases):
            alone = problem.load([case])
            own = policy.encoder(problem.features(alone))
            torch.testing.assert_close(h[b : b + 1, : own.shape[1]], own, rtol=1e-5, atol=1e-5)
            single = rollout(problem, policy, alone, 2, greedy)
            assert single.logp is not None
            assert found.logp is not None
            steps = single.logp.shape[2]
            torch.testing.assert_close(
                found.logp[b, :, :steps], single.logp[0], rtol=1e-5, atol=1e-5
            )
            assert not found.logp[b, :, steps:].any()
            torch.testing.assert_close(found.cost[b], single.cost[0], rtol=1e-5, atol=1e-5)


def test_padding_holds_no_matter_what() -> None:
    """Nothing that stands in the place of a missing node reaches the others."""
    problem = TSP(6)
    policy, (padded, _) = network(problem), mixed(problem)
    assert padded.exists is not None
    dirty = replace(padded, coords=padded.coords.masked_fill(~padded.exists[..., None], 0.7))
    found = [rollout(problem, policy, one, 2, greedy) for one in (padded, dirty)]
    assert found[0].logp is not None
    assert found[1].logp is not None
    torch.testing.assert_close(found[0].logp, found[1].logp, rtol=1e-5, atol=1e-5)


@each_problem
def test_instances_of_a_batch_are_independent(problem: Problem[Any, Any]) -> None:
    """An instance is played alone as it is in a batch."""
    policy, instance = network(problem), instances(problem, 4)
    whole = rollout(problem, policy, instance, 2, greedy)
    assert whole.logp is not None
    for b in range(4):
        alone = rollout(problem, policy, instance[b : b + 1], 2, greedy)
        assert alone.logp is not None
        steps = alone.logp.shape[2]
        torch.testing.assert_close(whole.logp[b, :, :steps], alone.logp[0], rtol=1e-5, atol=1e-5)


@each_problem
def test_rollouts_of_an_instance_are_independent(problem: Problem[Any, Any]) -> None:
    """A rollout is decided alone as it is among others."""
    policy, instance = network(problem), instances(problem)
    seen = states(problem, instance)
    memory = policy.encode(problem.features(instance))
    whole = policy.decide(memory, seen).log_probs
    for s in range(seen.mask.shape[1]):
        alone = policy.decide(memory, seen.map(lambda tensor: tensor[:, s : s + 1])).log_probs  # noqa: B023
        torch.testing.assert_close(whole[:, s : s + 1], alone, rtol=1e-5, atol=1e-5)


@each_problem
def test_the_encoder_in_chunks(problem: Problem[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gradients, queries are taken a few at a time, padding or not."""
    policy = network(problem)
    for instance in (instances(problem), mixed(problem)[0]):
        features = problem.features(instance)
        with_gradient = policy.encoder(features).detach()
        with torch.no_grad():
            whole = policy.encoder(features)
            monkeypatch.setattr(transformer, "QUERY_CHUNK", 4, raising=False)
            monkeypatch.setattr(attention, "BLOCK", 40)
            chunked = policy.encoder(features)
            monkeypatch.undo()
            monkeypatch.setattr(transformer, "TOKENS", 12, raising=False)  # and instances
            rows = policy.encoder(features)
            monkeypatch.undo()
        real = torch.ones(whole.shape[:2], dtype=torch.bool)
        real = real if features.exists is None else features.exists
        torch.testing.assert_close(whole[real], with_gradient[real], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(whole[real], chunked[real], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(whole[real], rows[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("problem", [TSP(6), CVRPVia(5)], ids=lambda p: type(p).__name__)
def test_distances_from_where_one_stands(
    problem: Problem[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For large instances they are computed at every step, and are the same."""
    policy, instance = network(problem), instances(problem)
    seen, features = states(problem, instance), problem.features(instance)
    table = policy.decide(policy.encode(features), seen).logits
    monkeypatch.setattr(pointer, "TABLE", 2)
    memory = policy.encode(features)
    assert memory.edges is None
    torch.testing.assert_close(policy.decide(memory, seen).logits, table, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("block", [1, 7, 60, 2**18])
@pytest.mark.parametrize("masked", [None, 1, 5])
def test_attention_in_blocks(
    monkeypatch: pytest.MonkeyPatch, block: int, masked: int | None
) -> None:
    """Values and gradients of attention by blocks are those of one expression."""
    monkeypatch.setattr(attention, "BLOCK", block)
    random = generator("attention")

    def tensor(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.double).requires_grad_()

    q, k, v = tensor(3, 2, 5, 4), tensor(3, 2, 6, 4), tensor(3, 2, 6, 3)
    hidden = None
    if masked is not None:
        closed = torch.rand(3, masked, 6, generator=random) < 0.4
        closed[..., 0] = False
        hidden = torch.zeros(closed.shape, dtype=torch.double).masked_fill(closed, -math.inf)
    scores = q @ k.transpose(-1, -2)
    weights = (scores if hidden is None else scores + hidden[:, None]).softmax(-1)
    wanted, found = weights @ v, attention.attend(q, k, v, hidden)
    torch.testing.assert_close(found, wanted)
    above = torch.randn(wanted.shape, generator=random, dtype=torch.double)
    for one, other in zip(
        torch.autograd.grad(found, (q, k, v), above),
        torch.autograd.grad(wanted, (q, k, v), above),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        torch.testing.assert_close(attention.attend(q, k, v, hidden), wanted)


def test_half_precision_stays_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that runs in bf16 hands over float32 embeddings near those of float32."""
    monkeypatch.setattr(precision, "for_products", lambda device: torch.bfloat16)
    problem = TSP(6)
    policy, instance = network(problem), instances(problem)
    features = problem.features(instance)
    full = policy.encoder(features)
    policy.encoder.bf16 = True
    half = policy.encoder(features)
    assert half.dtype == torch.float32
    assert 0 < (full - half).abs().max() < 0.1


def test_impossible_widths_are_refused() -> None:
    """A width that the heads do not divide raises."""
    with pytest.raises(ValueError, match="width 10 is not divisible by heads 4"):
        TransformerEncoder(width=10, heads=4)
