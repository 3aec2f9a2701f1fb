"""A problem and a network in a user's own module: `nco fit --config`, then `nco.solve`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import nco
from nco.core.errors import NCOError
from nco.core.seeds import generator
from nco.testing import check_problem
from nco.zoo import weights

MODULE = '''
"""Jobs on one machine: the least sum of weighted completion times."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Channel, Schema, columns


@dataclass(frozen=True, eq=False)
class Jobs(Batch):
    duration: Tensor  # [B, N]
    weight: Tensor  # [B, N]


@dataclass(frozen=True, eq=False)
class Queue(Batch):
    alive: Tensor  # [B, S, N] bool, not yet run
    last: Tensor  # [B, S] long


class Machine(Problem[Jobs, Queue]):
    schema = Schema(nodes=columns("duration", "weight"))

    def __init__(self, size: int = 6) -> None:
        self.size = size

    def generate(self, batch, generator):
        both = torch.rand(2, batch, self.size, generator=generator, device=generator.device)
        return Jobs(*both)

    def features(self, instance):
        return Features(torch.stack([instance.duration, instance.weight], -1))

    def reset(self, instance, rollouts):
        shape = len(instance), rollouts, instance.duration.shape[1]
        alive = torch.ones(shape, dtype=torch.bool, device=instance.device)
        return Queue(alive, alive.new_zeros(shape[:2], dtype=torch.long))

    def observe(self, instance, state):
        jobs = torch.arange(state.alive.shape[-1], device=instance.device)
        again = self.done(instance, state)[..., None] & (jobs == state.last[..., None])
        none = state.last.new_zeros(*state.last.shape, 0)
        return Observation(state.alive | again, none, none.float(), state.alive)

    def step(self, instance, state, action):
        return Queue(state.alive.scatter(-1, action[..., None], False), action)

    def done(self, instance, state):
        return ~state.alive.any(-1)

    def cost(self, instance, actions):
        rows = torch.arange(len(actions), device=actions.device)[:, None, None]
        finish = instance.duration[rows, actions].cumsum(-1)
        return (finish * instance.weight[rows, actions]).sum(-1)

    def horizon(self, instance):
        return instance.duration.shape[1], instance.duration.shape[1]

    def solution(self, instance, actions):
        return actions.tolist()

    def actions(self, instance, solutions):
        return torch.tensor(solutions, device=instance.device)


class Index(Policy):
    """Every job has a priority of its own."""

    reads = frozenset({Channel.NODES})

    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.hidden = hidden

    def make_layers(self, schema):
        layers = nn.Linear(len(schema.nodes), self.hidden), nn.Tanh(), nn.Linear(self.hidden, 1)
        self.score = nn.Sequential(*layers)

    def encode(self, features):
        return self.score(features.nodes)[..., 0]

    def decide(self, memory, observation, condition=None):
        logits = memory[:, None].expand(observation.mask.shape)
        return Categorical(logits, observation.mask)
'''
CONFIG = """
model:
  class_path: nco.models.reinforce.Reinforce
  init_args:
    problem: {class_path: own_machine.Machine, init_args: {size: 5}}
    policy: {class_path: own_machine.Index, init_args: {hidden: 4}}
    advantage: {class_path: nco.training.advantages.LeaveOneOut}
    rollouts: 4
data: {class_path: nco.training.data.Fresh, init_args: {batch_size: 4}}
trainer: {max_steps: 3, accelerator: cpu, logger: false}
checkpoint: {folder: run}
"""
COMMAND = "import sys; from nco.cli import main; main(sys.argv[1:])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user has written a module and a config, and has trained."""
    root = tmp_path_factory.mktemp("user")
    (root / "own_machine.py").write_text(MODULE)
    (root / "own.yaml").write_text(CONFIG)
    # -P: as in the console script, the present folder is not on the path by itself
    words = [sys.executable, "-P", "-c", COMMAND, "fit", "--config", "own.yaml"]
    done = subprocess.run(
        words,
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.long
def test_a_run_is_not_loaded_before_its_module_is_imported(folder: Path) -> None:
    """A downloaded checkpoint must not decide what code is imported."""
    sys.modules.pop("own_machine", None)
    with pytest.raises(NCOError, match="import own_machine yourself"):
        weights.load(folder / "run")


@pytest.mark.long
def test_a_trained_run_solves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: own problem, own network, `nco fit`, `nco.solve` with the run's folder."""
    monkeypatch.syspath_prepend(folder)
    import own_machine

    assert check_problem(own_machine.Machine)
    problem = own_machine.Machine(size=7)
    instance = problem.generate(3, generator(1))
    found = nco.solve(instance, model=str(folder / "run"), device="cpu")
    for row, solution in enumerate(found):
        assert sorted(solution.solution) == list(range(7))
        actions = torch.tensor([[solution.actions]])
        cost = float(problem.cost(instance[row : row + 1], actions))
        assert solution.cost == pytest.approx(cost, rel=1e-6)
        assert solution.status == "FEASIBLE"


@pytest.mark.long
def test_more_time_is_never_worse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without files and checker, too, the search starts from the greedy answer and improves it."""
    monkeypatch.syspath_prepend(folder)
    import own_machine

    instance = own_machine.Machine(size=5).generate(1, generator(2))
    quick = nco.solve(instance, model=str(folder / "run"), device="cpu")
    longer = nco.solve(instance, model=str(folder / "run"), time_limit=0.3, device="cpu")
    assert longer.cost <= quick.cost
    costs = [step.cost for step in longer.history]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == longer.cost
