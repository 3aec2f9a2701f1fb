"""BQ-NCO by labels of all sizes at once, padded: what a GPU makes steps of, here on a CPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nco.core.capabilities import HasFixedFirstAction
from nco.core.defaults import replay
from nco.core.describe import describe
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.labels import make, store
from nco.labels.store import Labelled, LabelSpec
from nco.models.bq import BQ
from nco.models.graphed import Bank, GraphedBQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.models.nets.transformer import _attend, fused
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRPVia
from nco.problems.knapsack import KnapsackRest
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.search.beam import beam_search
from nco.search.incumbent import best_of
from nco.search.task import Task
from nco.training.command import main
from nco.training.method import Method, Training

KINDS = [TSP, ATSP, CVRPVia, OP, KnapsackRest]


def method(problem: Problem[Any, Any], **options: Any) -> BQ:
    torch.manual_seed(1)
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    return BQ(problem, BQPolicy(encoder, **options), dense=1.0 if problem.schema.focus else 0.0)


def groups(kind: type[Problem[Any, Any]]) -> list[Labelled]:
    """Good solutions of two sizes; in the second, of which a policy began two in its own way."""
    found = []
    for size in (5, 8):
        problem = kind(size)  # type: ignore[call-arg]
        instance = problem.generate(3, generator("groups", size))
        with torch.inference_mode():
            actions, cost = beam_search(Task(problem, method(problem).policy, instance), 200)
        best = best_of(actions, cost, "beam")
        found.append(Labelled(instance, best.actions[:, None].clone(), best.cost[:, None].double()))
    last = found[-1]
    twice = last.actions.expand(-1, 2, -1).contiguous()
    given = torch.tensor([1, 3]).expand(3, -1)
    found.append(Labelled(last.instance, twice, last.cost.expand(-1, 2), given))
    return found


def walked(problem: Problem[Any, Any], instance: Any, actions: torch.Tensor) -> int:
    """How many steps there are until the one row is over."""
    state = problem.reset(instance, 1)
    for step in range(actions.shape[1]):
        if bool(problem.done(instance, state)):
            return step
        state = problem.step(instance, state, actions[:, step, None])
    return actions.shape[1]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("arrangements", [0, 3])
def test_a_bank_holds_the_same_solutions(kind: type[Problem[Any, Any]], arrangements: int) -> None:
    """Costs of what was drawn are those of the set, in any arrangement."""
    problem, given = kind([5, 8]), groups(kind)  # type: ignore[call-arg]
    bank = Bank.of(problem, given, arrangements, generator("bank"))
    times = max(arrangements, 1)
    wanted = [group.cost.repeat_interleave(times, 1) for group in given[:2]] + [given[2].cost]
    cost = problem.cost(bank.instance[bank.owner], bank.actions[:, None])[:, 0]
    torch.testing.assert_close(
        cost.double(), torch.cat([c.flatten() for c in wanted]), rtol=1e-6, atol=1e-6
    )
    assert bank.own.tolist() == [False] * (6 * times) + [True] * 6


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_steps_are_decisions_of_every_label(kind: type[Problem[Any, Any]]) -> None:
    """From the first that is to be learned to the last that is a choice, and no other."""
    problem = kind([5, 8])  # type: ignore[call-arg]
    bank = Bank.of(problem, groups(kind), 0, generator("bank"))
    begun = 1 if isinstance(problem, HasFixedFirstAction) else 0
    seen: dict[int, set[int]] = {}
    for step in range(80):
        random = generator("step", step)
        pick = torch.randint(len(bank.owner), (32,), generator=generator("step", step))
        instance, actions, steps = bank.drawn(problem, 32, random, arranged=True)
        assert torch.equal(actions[:, 0], bank.actions[pick])
        before = problem.observe(instance, replay(problem, instance, actions, steps).fold())
        assert bool(before.mask.gather(2, actions.gather(2, steps[:, 0, :, None])).all())
        for label, cut in zip(pick.tolist(), steps.flatten().tolist(), strict=True):
            seen.setdefault(label, set()).add(cut)
    for label, cuts in seen.items():
        decisions = walked(problem, bank.instance[bank.owner[[label]]], bank.actions[[label]])
        first = min((1, 3)[label % 2], decisions - 1) if bank.own[label] else begun
        assert cuts == set(range(first, max(decisions - 1, first + 1)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_padding_changes_no_loss(kind: type[Problem[Any, Any]]) -> None:
    """Instances of several sizes have the loss that they have alone."""
    problem = kind([5, 8])  # type: ignore[call-arg]
    bank = Bank.of(problem, groups(kind), 0, generator("bank"))
    made = method(problem, two_way=len(problem.schema.focus) == 2 and not problem.schema.edges)
    for step in range(4):
        found = bank.drawn(problem, 24, generator("drawn", step), arranged=False)
        instance, actions, steps = found
        total = actions.shape[2]
        after = (steps + torch.arange(total)).clamp_max(total - 1)
        rest = actions.gather(2, after)
        nodes = problem.features(instance).nodes.shape[1]
        free = made.compare.named(instance, actions, steps, rest, generator())
        fixed = made.compare.named(instance, actions, steps, rest, generator(), nodes)
        assert free.keys() == fixed.keys()
        for name, value in free.items():
            torch.testing.assert_close(value, fixed[name])


@pytest.mark.parametrize("width", [16, 19])
def test_one_kernel_attends_as_it_is_written_out(width: int) -> None:
    """Values and gradients are equal, with and without padding."""
    random = generator("attend")
    q, k, v = (
        torch.randn(2, 3, 7, w, generator=random).requires_grad_() for w in (width, width, 16)
    )
    exists = torch.arange(7) < torch.tensor([[4], [7]])
    for real in (None, exists):
        both = fused(q, k, v, real), _attend(q, k, v, real, None)
        torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)
        slopes = [torch.autograd.grad(found.square().sum(), (q, k, v)) for found in both]
        torch.testing.assert_close(*slopes, atol=1e-4, rtol=1e-4)


CONFIG = """
model:
  class_path: nco.models.graphed.GraphedBQ
  init_args:
    problem: {{class_path: nco.problems.tsp.TSP, init_args: {{size: [4, 6]}}}}
    policy:
      class_path: nco.models.nets.BQPolicy
      init_args:
        encoder:
          class_path: nco.models.nets.TransformerEncoder
          init_args: {{width: 8, heads: 2, layers: 2, hidden: 12}}
    training: {{lr: 1.0e-2, warmup: 3}}
    tokens: 64
data:
  class_path: nco.training.data.Labels
  init_args: {{sets: [{labels}], batch_size: 1, references: [{labels}]}}
trainer:
  limit_train_batches: 4
  enable_progress_bar: false
  accelerator: cpu
  logger: false
  callbacks:
    - class_path: nco.training.command.MovingAverage
      init_args: {{decay: 0.9}}
"""


def loss(checkpoint: str, tours: Path) -> float:
    """Of `BQ`, in its own way."""
    encoder = TransformerEncoder(width=8, heads=2, layers=2, hidden=12)
    made = BQ(TSP([4, 6]), BQPolicy(encoder), training=Training(initial=checkpoint))
    made.log = lambda *arguments, **named: None  # type: ignore[assignment, misc]
    with torch.no_grad():
        parts = list(store.read(tours, made.problem))
        return sum(float(made.loss(part, generator("loss", i))) for i in range(9) for part in parts)


@pytest.mark.long
def test_a_run_learns_and_resumes_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights after a pause are those of a run without one."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spec = LabelSpec(describe(TSP([4, 6])), "ortools", None, instances=12, seed=1, chunk=4)
    make.fill(spec, tmp_path / "tours", 1, lambda done: None)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(labels=tmp_path / "tours"))

    def fit(folder: str, steps: int, *words: str) -> dict[str, Any]:
        limit = f"--trainer.max_steps={steps}"
        main(["fit", "--config", str(config), "--checkpoint.folder", folder, *words, limit])
        found: dict[str, Any] = torch.load(Path(folder) / "last.ckpt", weights_only=True)
        return found

    try:
        whole = fit("whole", 7)
        fit("part", 5)
        again = fit("again", 7, "--ckpt_path", "part/last.ckpt")
        long = fit("long", 40)
    finally:
        torch.set_num_threads(threads)
    for part in ("state_dict", "current_model_state"):
        for key, value in whole[part].items():
            assert torch.equal(value, again[part][key]), key
    assert long["global_step"] == 40
    after, before = (loss(f"{name}/last.ckpt", tmp_path / "tours") for name in ("long", "part"))
    assert after < 0.9 * before


def test_a_loss_that_is_no_number_reaches_no_checkpoint() -> None:
    """Saving raises, and names the step."""
    encoder = TransformerEncoder(width=8, heads=2, layers=2, hidden=12)
    made = GraphedBQ(TSP(5), BQPolicy(encoder))
    made._losses = {"loss": torch.tensor(torch.nan)}
    made.check_finite = lambda loss: Method.check_finite(SimpleNamespace(global_step=7), loss)
    with pytest.raises(FloatingPointError, match="nan at step 7"):
        made.on_save_checkpoint({})
