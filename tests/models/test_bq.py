"""BQ-NCO: remaining sub-problems, what is learned of them, and runs that resume."""

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.defaults import replay
from nco.core.describe import describe
from nco.core.problem import Features, Problem
from nco.core.rollout import greedy, rollout
from nco.core.schema import Schema, columns
from nco.core.seeds import generator
from nco.labels import make
from nco.labels.store import Labelled, LabelSpec
from nco.models.bq import BQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.models.subproblems import thinned
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.cvrp.instances import Instance as Fleet
from nco.problems.knapsack import KnapsackRest
from nco.problems.knapsack.problem import Instance as Items
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.problems.tsp.problem import Instance as Cities
from nco.search.beam import beam_search
from nco.search.incumbent import best_of
from nco.search.task import Task
from nco.training.command import main

CROSS = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.6]]])


def policy(problem: Problem[Any, Any], **options: Any) -> BQPolicy:
    torch.manual_seed(1)
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    made = BQPolicy(encoder, **options).build(problem.schema).eval()
    for parameter in made.parameters():  # those that begin at zero would hide what they do
        parameter.data += 0.02 * torch.randn(parameter.shape)
    return made


def seen(problem: Problem[Any, Any], network: BQPolicy, instance: Any, actions: list[int]) -> Any:
    """The sub-problem after the given actions, and what may be done in it."""
    state = problem.reset(instance, 1)
    for action in actions:
        state = problem.step(instance, state, torch.tensor([[action]]))
    observation = problem.observe(instance, state)
    features = network.encode(problem.features(instance))
    return network.look(features, observation), observation, features


# --------------------------------------------------------------------------------------------------
# The sub-problem, on instances made by hand


def test_the_full_tour_has_its_start_at_both_ends() -> None:
    """After the first node: destination and origin are the same place, all others are open."""
    sub, _, _ = seen(TSP(5), policy(TSP()), Cities(CROSS), [3])
    assert sub.nodes.tolist() == [[3, 3, 0, 1, 2, 4]]
    assert sub.open.tolist() == [[False, False, True, True, True, True]]


def test_the_last_two_nodes() -> None:
    """At the end the only order that is left is chosen."""
    sub, _, _ = seen(TSP(5), policy(TSP()), Cities(CROSS), [3, 0, 2])
    assert sub.nodes.tolist() == [[3, 2, 1, 4]]
    sub, observation, features = seen(TSP(5), policy(TSP()), Cities(CROSS), [3, 0, 2, 4])
    assert sub.nodes.tolist() == [[3, 4, 1]]
    assert policy(TSP()).decide(features, observation).mode().tolist() == [[1]]


def test_routes_keep_the_depot_in_sight() -> None:
    """It is the destination wherever the vehicle is; what is left of its load is a feature."""
    demand = torch.tensor([[0.0, 0.5, 0.4, 0.3, 0.2]]).double()
    fleet = Fleet(CROSS, demand, torch.ones(1).double())
    sub, observation, _ = seen(CVRPVia(4), policy(CVRPVia()), fleet, [])
    assert sub.nodes.tolist() == [[0, 0, 1, 2, 3, 4]]
    sub, observation, _ = seen(CVRPVia(4), policy(CVRPVia()), fleet, [1, 2])
    assert sub.nodes.tolist() == [[0, 2, 3, 4]]
    assert observation.context.item() == pytest.approx(0.1)
    assert observation.mask.nonzero()[:, 2].tolist() == [5 + 3, 5 + 4]  # only by the depot


def test_neighbours_are_those_nearest_to_the_origin() -> None:
    """Only these have a probability."""
    network = policy(TSP(), neighbours=2)
    sub, observation, features = seen(TSP(5), network, Cities(CROSS), [0, 2])
    assert sub.nodes[0, :2].tolist() == [0, 2]
    assert set(sub.nodes[0, 2:].tolist()) in ({1, 4}, {3, 4})  # 1 and 3 lie equally far
    log = network.decide(features, observation).log_probs[0, 0]
    assert (log > -torch.inf).sum() == 2


@pytest.mark.parametrize("neighbours", [0, 3])
def test_only_what_remains_is_seen(neighbours: int) -> None:
    """The decision in a state is the one in an instance that never had the visited nodes."""
    network = policy(TSP(), neighbours=neighbours)
    xy = torch.rand(1, 9, 2, generator=generator(1))
    _, observation, features = seen(TSP(9), network, Cities(xy), [5, 1, 7, 3])
    among = network.decide(features, observation).log_probs[0, 0]
    kept = [5, 3, 0, 2, 4, 6, 8]
    _, observation, features = seen(TSP(7), network, Cities(xy[:, kept]), [0, 1])
    alone = network.decide(features, observation).log_probs[0, 0]
    torch.testing.assert_close(among[kept], alone)


def test_a_corner_looks_like_an_instance() -> None:
    """Moved and scaled, a sub-problem gives the same decision."""
    network = policy(TSP())
    xy = torch.rand(1, 8, 2, generator=generator(2))
    logs = []
    for image in (xy, xy * 0.05 + 0.9):
        _, observation, features = seen(TSP(8), network, Cities(image), [0, 1])
        logs.append(network.decide(features, observation).log_probs)
    torch.testing.assert_close(logs[0], logs[1], atol=1e-3, rtol=1e-3)


def test_two_way_ends_are_interchangeable() -> None:
    """What is next to the origin is what would be next to the destination, walked backwards."""
    network = policy(TSP(), two_way=True)
    xy = torch.rand(1, 8, 2, generator=generator(3))
    forth, _, _ = seen(TSP(8), network, Cities(xy), [4, 2, 6])
    back, _, _ = seen(TSP(8), network, Cities(xy), [6, 2, 4])
    torch.testing.assert_close(network.scores(forth)[..., 2:], network.scores(back, 0)[..., 2:])


def test_two_way_needs_two_ends() -> None:
    """A problem without reversed states is refused."""
    with pytest.raises(ValueError, match="two ends"):
        policy(KnapsackRest(), two_way=True)


@pytest.mark.parametrize("problem", [TSP(6), CVRPVia(5), KnapsackRest(6)])
def test_rollouts_decide_as_each_alone(problem: Problem[Any, Any]) -> None:
    """Sub-problems of different sizes in one pass do not disturb one another."""
    network = policy(problem)
    instance = problem.generate(3, generator(4))
    together = rollout(problem, network, instance, 2, greedy, prefix=problem.starts(instance, 2))
    assert together.logp is not None
    for b, s in itertools.product(range(3), range(2)):
        prefix = problem.starts(instance, 2)[b : b + 1, s : s + 1]
        alone = rollout(problem, network, instance[b : b + 1], 1, greedy, prefix=prefix)
        assert alone.logp is not None
        steps = alone.logp.shape[2]
        torch.testing.assert_close(together.logp[b : b + 1, s : s + 1, :steps], alone.logp)


# --------------------------------------------------------------------------------------------------
# What is learned


def method(problem: Problem[Any, Any], dense: float = 0.0, **options: Any) -> BQ:
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    made = BQ(problem, BQPolicy(encoder, **options), tokens=256, dense=dense)
    made.log = lambda *arguments, **named: None  # type: ignore[assignment, misc]
    return made


def batch(problem: Problem[Any, Any], count: int) -> Labelled:
    """Optimal solutions as labels, by a beam that keeps everything."""
    instance = problem.generate(count, generator(6))
    with torch.inference_mode():
        actions, cost = beam_search(Task(problem, method(problem).policy, instance), 4000)
    best = best_of(actions, cost, "beam")
    return Labelled(instance, best.actions[:, None].clone(), best.cost[:, None].double())


@pytest.mark.parametrize("two_way", [False, True])
def test_every_cut_is_learned_from_the_whole_tour_to_the_last_two_nodes(two_way: bool) -> None:
    """Each length of what remains occurs."""
    problem = TSP(5)
    made = method(problem, two_way=two_way)
    cuts: list[int] = []
    real = made.policy.look

    def watched(*arguments: Any) -> Any:
        sub = real(*arguments)
        cuts.append(int(sub.open.sum(-1)[0]))
        return sub

    made.policy.look = watched  # type: ignore[method-assign]
    data = batch(problem, 2)
    for step in range(60):
        made.loss(data, generator("step", step))
    assert set(cuts) == {2, 3, 4}


def test_solutions_of_more_steps_than_nodes_are_cut_anywhere() -> None:
    """Where a route for each customer makes ten steps of six nodes, every cut can be learned."""
    problem = CVRP(5, capacity=9)
    full = torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0, 1.0]).double()
    instance = replace(problem.generate(2, generator(6)), demand=full.expand(2, -1))
    actions = torch.tensor([1, 0, 2, 0, 3, 0, 4, 0, 5, 0]).expand(2, 1, -1)
    made = method(problem)
    data = Labelled(instance, actions, problem.cost(instance, actions).double())
    losses = [made.loss(data, generator("cut", step)).item() for step in range(40)]
    assert all(math.isfinite(loss) for loss in losses)
    assert max(losses) > 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "dense"),
    [
        (TSP(6), 0.0),
        (TSP(6), 1.0),
        (CVRPVia(5), 0.0),
        (CVRPVia(5), 1.0),
        (OP(8), 0.0),
        (OP(8), 1.0),
        (KnapsackRest(8), 0.0),
    ],
    ids=lambda value: value if isinstance(value, float) else type(value).__name__,
)
def test_learning_lowers_the_loss(problem: Problem[Any, Any], dense: float) -> None:
    """A few steps on one batch bring it down."""
    made, data = method(problem, dense), batch(problem, 16)
    optimizer = torch.optim.AdamW(made.policy.parameters(), lr=3e-3)

    def measured() -> float:
        with torch.no_grad():
            return sum(made.loss(data, generator("measure", i)).item() for i in range(20))

    before = measured()
    for step in range(80):
        loss = made.loss(data, generator("step", step))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert measured() < 0.88 * before  # a knapsack leaves many right choices


def test_routes_are_shown_side_by_side_and_room_at_the_end() -> None:
    """Angles 27, 90 and 50 degrees, loads 0.9, 0.3 and 0.2: either way round, [4] is the last."""
    demand = torch.tensor([[0.0, 0.5, 0.4, 0.3, 0.2]]).double()
    fleet, problem = Fleet(CROSS, demand, torch.ones(1).double()), CVRPVia(4)
    label = problem.actions(fleet, [[[4], [3], [1, 2]]])[:, None].expand(-1, 30, -1)
    shown = problem.demonstrations(fleet, label.contiguous(), generator(1))
    plans = {str(problem.solution(fleet, shown[:, s])[0]) for s in range(30)}
    rows = [[[3], route, [4]] for route in ([1, 2], [2, 1])]
    rows += [[route, [3], [4]] for route in ([1, 2], [2, 1])]
    assert plans == {str(row) for row in rows}


def test_an_item_is_described_by_what_remains() -> None:
    """Item 0 of the densest is gone; 1 fits, 2 with it does not."""
    items = Items(
        torch.tensor([[9.0, 4.0, 3.0, 1.0]]).double(),
        torch.tensor([[0.5, 0.25, 0.375, 0.25]]).double(),
        torch.ones(1).double(),
    )
    problem = KnapsackRest(4)
    state = problem.step(items, problem.reset(items, 1), torch.tensor([[0]]))
    nodes = problem.observe(items, state).nodes
    assert nodes is not None
    wanted = [[0.5, 1 / 3, -0.5], [0.75, 2 / 3, 0.25], [0.5, 1.0, 0.75]]
    torch.testing.assert_close(nodes[0, 0, 1:], torch.tensor(wanted))


# --------------------------------------------------------------------------------------------------
# Runs

CONFIG = """
model:
  class_path: nco.models.bq.BQ
  init_args:
    problem: {{class_path: nco.problems.tsp.TSP, init_args: {{size: [4, 6]}}}}
    policy:
      class_path: nco.models.nets.BQPolicy
      init_args:
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {{width: 8, heads: 2, layers: 2, hidden: 12, {variant}}}
    training: {{lr: 1.0e-2, warmup: 3}}
    tokens: 64
data:
  class_path: nco.training.data.Labels
  init_args: {{sets: [{labels}], batch_size: 4, references: [{labels}]}}
trainer:
  limit_train_batches: 4
  log_every_n_steps: 1
  enable_progress_bar: false
  accelerator: cpu
  logger: false
  callbacks:
    - class_path: nco.training.command.MovingAverage
      init_args: {{decay: 0.9}}
"""


@pytest.mark.long
@pytest.mark.parametrize("variant", ["norm: rms, mlp: swiglu", "norm: rezero, mlp: relu"])
def test_a_resumed_run_equals_one_that_went_through(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit: weights, and their moving average, which is what a checkpoint hands over."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spec = LabelSpec(describe(TSP([4, 6])), "ortools", None, instances=12, seed=1, chunk=4)
    make.fill(spec, tmp_path / "tours", 1, lambda done: None)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(labels=tmp_path / "tours", variant=variant))

    def fit(folder: str, *words: str) -> dict[str, Any]:
        main(["fit", "--config", str(config), "--checkpoint.folder", folder, *words])
        found: dict[str, Any] = torch.load(Path(folder) / "last.ckpt", weights_only=True)
        return found

    try:
        whole = fit("whole", "--trainer.max_steps", "7")
        fit("part", "--trainer.max_steps", "5")
        again = fit("again", "--trainer.max_steps", "7", "--ckpt_path", "part/last.ckpt")
    finally:
        torch.set_num_threads(threads)
    moved: list[Tensor] = []
    for part in ("state_dict", "current_model_state"):
        for key, value in whole[part].items():
            assert torch.equal(value, again[part][key]), key
    for key, value in whole["state_dict"].items():
        moved.append((value - whole["current_model_state"][key]).abs().max())
    assert max(moved) > 0


def test_weights_kept_in_bfloat16_follow_every_change() -> None:
    """A copy that is kept is renewed when the weights change."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=32, bf16=True)
    schema = Schema(nodes=columns("first", "second", "third"))
    encoder.build(schema)
    seen = Features(torch.rand(2, 5, 3), None, None)

    def without() -> Tensor:
        with torch.inference_mode():
            return encoder(seen).clone()

    def agrees() -> bool:
        return torch.allclose(without(), encoder(seen), atol=1e-6)

    first = without()
    assert agrees()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1)
    encoder(seen).square().mean().backward()
    optimizer.step()
    assert agrees()
    assert not torch.allclose(first, without(), atol=1e-3)
    other = TransformerEncoder(width=16, heads=2, layers=1, hidden=32, bf16=True)
    encoder.load_state_dict(other.build(schema).state_dict())
    assert agrees()


@pytest.mark.parametrize("problem", [OP(7), KnapsackRest(7), TSP(6), CVRPVia(5)])
def test_what_is_best_stays_so_without_what_it_leaves(problem: Problem[Any, Any]) -> None:
    """Cost of the best way on, by a beam that keeps everything, with and without some nodes."""
    data = batch(problem, 6)
    steps = torch.zeros(6, 1, 1, dtype=torch.long)
    state = replay(problem, data.instance, data.actions, steps).fold()
    whole = problem.observe(data.instance, state)
    some = thinned(whole, data.actions, 1.0, generator("thin"))
    assert whole.alive is not None
    assert some.alive is not None
    gone = whole.alive & ~some.alive
    assert gone.any() == isinstance(problem, OP | KnapsackRest)
    count = whole.alive.shape[2]
    assert not gone.gather(2, data.actions % count).any()
    assert not (some.mask & gone.repeat(1, 1, problem.schema.kinds)).any()
    real = problem.observe

    def without(instance: Any, now: Any) -> Any:
        seen = real(instance, now)
        assert seen.alive is not None
        lost = gone.expand_as(seen.alive)
        mask = seen.mask & ~lost.repeat(1, 1, problem.schema.kinds)
        mask |= seen.mask & ~mask.any(-1, keepdim=True)  # a finished row does what it always does
        return replace(seen, alive=seen.alive & ~lost, mask=mask)

    problem.observe = without  # type: ignore[method-assign]
    try:
        with torch.inference_mode():
            _, cost = beam_search(Task(problem, method(problem).policy, data.instance), 4000)
    finally:
        del problem.observe
    torch.testing.assert_close(cost.amin(1).double(), data.cost[:, 0])
