"""Two objectives: how much of a reference front's hyper-volume the agents of one network reach.

    python benchmarks/fronts.py --problem tsp --seconds 60

Trains five agents (`configs/<problem>/two_objectives.yaml`, a smaller network) for so many seconds
of CPU time on one thread, and compares, on held-out instances, the front of their greedy solutions
from all starts with that of a classical solver on 21 weighted sums of the two objectives: the
compiled Or-opt for tours of 20 nodes on two maps, branch and bound for 50 items of two values.
Before training, the same network's front is measured for comparison.
"""

import argparse
import importlib
import json
import time
from typing import Any

import torch
from torch import Tensor

from nco import registry
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.costs import Scalarised, hypervolume
from nco.models.policy_gradient.experts import compiled
from nco.models.policy_gradient.sources import Fresh
from nco.problems.knapsack import files as knapsacks
from nco.problems.knapsack.two_values import BiKnapsack
from nco.problems.tsp import TSP
from nco.problems.tsp import files as tours
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


def points_of(problem: Any, instance: Any, actions: Tensor) -> Tensor:
    """Both objectives ``[B, S, 2]``."""
    return torch.stack(list(problem.objectives(instance, actions).values()), -1)


def best_tours(problem: BiTSP, instance: Any, share: float) -> Tensor:
    """Actions ``[B, 1, T]``: Or-opt on the weighted sum of both lengths."""
    solver: Any = compiled(TSP(20))
    importlib.import_module(solver.kernels).compile_kernels()
    found = []
    for table in weighted(instance, (share, 1 - share)).double().numpy():
        case: Any = tours.from_arrays({"distances": table})
        found.append(case.indexed(solver.solve(case, time_limit=None, seed=0, iterations=KICKS)))
    return torch.tensor(found)[:, None]


def best_items(problem: BiKnapsack, instance: Any, share: float) -> Tensor:
    """Actions ``[B, 1, T]``: an exact solution for the weighted sum of both values."""
    solve = registry.folder("knapsack").classical.solvers()["ortools"].solve
    values = share * instance.values + (1 - share) * instance.other
    found = []
    for value, weight, capacity in zip(values, instance.weights, instance.capacity, strict=True):
        size = float(capacity)
        data = {"values": value.numpy(), "weights": weight.numpy() * size, "capacity": size}
        found.append(solve(knapsacks.from_arrays(data), time_limit=None, seed=0))
    return problem.actions(instance, found)[:, None]


PROBLEMS = {"tsp": (BiTSP(20), best_tours), "knapsack": (BiKnapsack(50), best_items)}


def reference(problem: Any, solved: Any, instance: Any) -> Tensor:
    """``[B, WEIGHTS, 2]``: what a solver finds for even weights of the two objectives."""
    found = [
        points_of(problem, instance, solved(problem, instance, share))
        for share in torch.linspace(0, 1, WEIGHTS).tolist()
    ]
    return torch.cat(found, 1)


@torch.no_grad()
def front(method: Counted, instance: Any) -> Tensor:
    """``[B, agents * starts, 2]``: the greedy solutions of all agents from all starts."""
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
    """Mean share of the reference's hyper-volume, up to a tenth above its worst objectives."""
    found = []
    for mine, theirs in zip(fronts, best, strict=True):
        worst = theirs.amax(0)
        corner = worst + 0.1 * worst.abs()
        found.append(hypervolume(mine, corner) / hypervolume(theirs, corner))
    return sum(found) / len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), default="tsp")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem, solved = PROBLEMS[options.problem]
    encoder = TransformerEncoder(width=64, heads=4, layers=2, hidden=128)
    method = Counted(
        problem,
        AttentionPolicy(encoder, heads=4, agents=AGENTS),
        training=Training(lr=1e-3, warmup=10, seed=options.seed),
        source=Scalarised(["first", "second"], AGENTS, source=Fresh(8)),
    )
    held_out = problem.generate(options.instances, generator("fronts"))
    best = reference(problem, solved, held_out)
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
        "problem": options.problem,
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
