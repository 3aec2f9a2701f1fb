"""Two objectives: how much of a reference front's hyper-volume the agents of one network reach.

    python benchmarks/fronts.py --seconds 60

Trains five agents on tours of 20 nodes on two maps (`configs/tsp/two_objectives.yaml`, a smaller
network) for so many seconds of CPU time on one thread, and compares, on held-out instances, the
front of their greedy tours from all starts with that of the compiled Or-opt on 21 weighted sums of
the two lengths. Before training, the same network's front is measured for comparison.
"""

import argparse
import importlib
import json
import time
from typing import Any

import torch
from torch import Tensor

from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.costs import Scalarised, hypervolume
from nco.models.policy_gradient.experts import compiled
from nco.models.policy_gradient.sources import Fresh
from nco.problems.tsp import TSP, files
from nco.problems.tsp.two_objectives import BiTSP, weighted
from nco.training.method import Training

AGENTS, WEIGHTS, KICKS = 5, 21, 500


class Counted(PolicyGradient):
    """A method without a trainer."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.__dict__["at"] = 0
        super().__init__(*given, **named)

    @property
    def global_step(self) -> int:  # type: ignore[override]
        return int(self.__dict__["at"])

    def log(self, *given: Any, **named: Any) -> None:  # type: ignore[override]
        """Nothing is logged."""


def points_of(problem: BiTSP, instance: Any, actions: Tensor) -> Tensor:
    """Both lengths ``[B, S, 2]``."""
    return torch.stack(list(problem.objectives(instance, actions).values()), -1)


def reference(problem: BiTSP, instance: Any) -> Tensor:
    """``[B, WEIGHTS, 2]``: Or-opt on the weighted sums."""
    solver: Any = compiled(TSP(20))
    importlib.import_module(solver.kernels).compile_kernels()
    fronts = []
    for share in torch.linspace(0, 1, WEIGHTS).tolist():
        distances = weighted(instance, (share, 1 - share)).double().numpy()
        tours = []
        for table in distances:
            case: Any = files.from_arrays({"distances": table})
            found = solver.solve(case, time_limit=None, seed=0, iterations=KICKS)
            tours.append(case.indexed(found))
        fronts.append(points_of(problem, instance, torch.tensor(tours)[:, None]))
    return torch.cat(fronts, 1)


@torch.no_grad()
def front(method: Counted, instance: Any) -> Tensor:
    """``[B, agents * starts, 2]``: the greedy tours of all agents from all starts."""
    problem: Any = method.problem
    starts = problem.starts(instance, problem.start_count(instance))
    found = []
    for agent in range(AGENTS):
        condition = torch.full(starts.shape[:2], agent)
        played = rollout(
            problem,
            method.policy,
            instance,
            starts.shape[1],
            greedy,
            prefix=starts,
            condition=condition,
            logp=False,
        )
        found.append(points_of(problem, instance, played.actions))
    return torch.cat(found, 1)


def shares(fronts: Tensor, best: Tensor) -> float:
    """Mean share of the reference's hyper-volume, below 1.1 times its worst lengths."""
    found = []
    for mine, theirs in zip(fronts, best, strict=True):
        corner = 1.1 * theirs.amax(0)
        found.append(hypervolume(mine, corner) / hypervolume(theirs, corner))
    return sum(found) / len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem = BiTSP(20)
    encoder = TransformerEncoder(width=64, heads=4, layers=2, hidden=128)
    method = Counted(
        problem,
        AttentionPolicy(encoder, heads=4, agents=AGENTS),
        training=Training(lr=1e-3, warmup=10, seed=options.seed),
        source=Scalarised(["first", "second"], AGENTS, source=Fresh(8)),
    )
    held_out = problem.generate(options.instances, generator("fronts"))
    best = reference(problem, held_out)
    before = shares(front(method, held_out), best)
    parts: Any = method.configure_optimizers()
    optimizer, begin = parts["optimizer"], time.process_time()
    while time.process_time() - begin < options.seconds:
        batch = problem.generate(64, generator(options.seed, "batch", method.global_step))
        optimizer.zero_grad()
        loss = method.training_step(batch, 0)
        assert loss is not None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(method.policy.parameters(), 1.0)
        optimizer.step()
        parts["lr_scheduler"]["scheduler"].step()
        method.__dict__["at"] += 1
    row = {
        "seed": options.seed,
        "seconds": options.seconds,
        "updates": method.global_step,
        "instances": options.instances,
        "share_before": round(before, 4),
        "share": round(shares(front(method, held_out), best), 4),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
