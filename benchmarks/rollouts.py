"""Asynchronous against synchronous rollouts, at equal processor seconds.

    python benchmarks/rollouts.py --seconds 60 --seeds 3 --output rollouts.json

Trains one network for TSP20 twice with each seed, from the same weights: once it plays itself,
once an actor of a local Ray cluster plays beside it. Processor seconds are those of the learner and
of its actors together, from the moment at which the first group has come; measuring does not count.
The figure is the mean length of the best of 20 greedy tours of 1,000 new instances.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import processes
import torch

from nco.cluster.rollouts import Asynchronous
from nco.core import atomic
from nco.core.defaults import starts_of
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.models.policy_gradient import PolicyGradient
from nco.models.policy_gradient.advantages import Standardised
from nco.models.policy_gradient.sources import Collecting, Fresh, Source
from nco.models.policy_gradient.surrogates import Truncated
from nco.problems.tsp import TSP
from nco.training.method import Training

INSTANCES, ROLLOUTS, TESTS = 64, 8, 1000


class Counted(PolicyGradient):
    """A method without a trainer: it counts its own steps and keeps what it logs."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.__dict__["at"], self.__dict__["logged"] = 0, {}
        super().__init__(*given, **named)

    @property
    def at(self) -> int:
        return int(self.__dict__["at"])

    @property
    def global_step(self) -> int:  # type: ignore[override]
        return self.at

    def log(self, name: str, value: Any, **options: Any) -> None:  # type: ignore[override]
        self.__dict__["logged"][name] = float(value)


def method(source: Source, seed: int) -> Counted:
    torch.manual_seed(seed)  # of the first weights
    policy = AttentionPolicy(TransformerEncoder(width=64, heads=4, layers=3, hidden=128), heads=4)
    training = Training(lr=1e-3, warmup=10, seed=seed)
    advantage, surrogate = Standardised("batch"), Truncated(1.0)
    return Counted(
        TSP(20), policy, training=training, source=source, advantage=advantage, surrogate=surrogate
    )


def actors_seconds() -> float:
    """Processor seconds of the actors of this process."""
    return processes.seconds(b"ray::Player")


def trained(source: Source, seconds: float, seed: int) -> dict[str, float]:
    """What so many processor seconds give."""
    learner = method(source, seed)
    optimizer: Any = learner.configure_optimizers()
    adamw, rate = optimizer["optimizer"], optimizer["lr_scheduler"]["scheduler"]
    if isinstance(source, Asynchronous):
        wait(source, learner)
    begun, wall, busy = time.process_time() + actors_seconds(), time.perf_counter(), 0.0
    while busy < seconds:
        instance = learner.problem.generate(INSTANCES, generator(seed, "batch", learner.at))
        adamw.zero_grad()
        loss = learner.training_step(instance, learner.at)
        assert loss is not None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.policy.parameters(), 1.0)
        adamw.step()
        rate.step()
        learner.__dict__["at"] += 1
        if learner.at % 10 == 0:
            busy = time.process_time() + actors_seconds() - begun
    wall = time.perf_counter() - wall
    figures = dict(source.figures())
    learner.teardown("fit")
    return {"length": length(learner), "updates": learner.at, "wall_seconds": wall, **figures}


def wait(source: Asynchronous, learner: Counted) -> None:
    """Until the actor has played; nothing is learned meanwhile."""
    instance = learner.problem.generate(INSTANCES, generator("wait"))
    step = 0
    while source.own == step:
        task = Collecting(
            learner.problem,
            learner.policy,
            instance,
            0,
            generator("wait", step),
            lambda *where: generator("wait", *where),
        )
        source.collect(task)
        step += 1
        time.sleep(0.2)
    source.own = 0


def length(learner: Counted) -> float:
    """The mean of the best of 20 greedy tours."""
    instance = learner.problem.generate(TESTS, generator("test"))
    prefix = starts_of(learner.problem, instance, None)
    with torch.inference_mode():
        played = rollout(
            learner.problem, learner.policy, instance, prefix.shape[1], greedy, prefix=prefix
        )
    return float(played.cost.amin(1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of processors, for each")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--output", type=Path, help="renewed after each seed; goes on with it")
    words = parser.parse_args()
    torch.set_num_threads(1)
    runs: dict[str, Any] = {}
    if words.output is not None and words.output.exists():
        runs = json.loads(words.output.read_text())["runs"]
    for seed in range(words.seeds):
        if str(seed) in runs:
            continue
        before = os.getloadavg()[0]
        runs[str(seed)] = {
            "synchronous": trained(Fresh(ROLLOUTS), words.seconds, seed),
            "asynchronous": trained(Asynchronous(Fresh(ROLLOUTS)), words.seconds, seed),
            "load": [before, os.getloadavg()[0]],
        }
        text = json.dumps({"seconds": words.seconds, "runs": runs}, indent=1)
        print(seed, json.dumps(runs[str(seed)]), flush=True)
        if words.output is not None:
            atomic.write_text(words.output, text + "\n")


if __name__ == "__main__":
    main()
