"""Steps and seconds of all agents at once against one agent at a time, over numbers of agents.

    python benchmarks/parco.py --model parco-hcvrp --size 100 --vehicles 3,5,7,10

The same network and weights: one at a time, only the surest of the agents that want to move does
(`nco.core.conflicts.OneAtATime`). Greedy, on the seeded instances of the problem's `published`.
"""

import argparse
import copy
import json
import time
from typing import Any

import torch

from nco.core.conflicts import Handler, HighestProbability, OneAtATime
from nco.core.rollout import greedy, rollout
from nco.problems.hcvrp import HCVRP
from nco.zoo import weights


def measure(
    model: weights.Model, problem: HCVRP, instance: Any, handler: Handler
) -> dict[str, Any]:
    """Of one batch: steps of the longest episode, seconds of all, mean cost, picks overridden."""
    policy = copy.copy(model.policy)
    policy.conflicts = handler
    with torch.inference_mode():
        rollout(problem, policy, instance[:1], 1, greedy, logp=False)
        begin = time.perf_counter(), time.process_time()
        played = rollout(problem, policy, instance, 1, greedy, logp=False)
        seconds, processor = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return {
        "handler": type(handler).__name__,
        "steps": played.actions.shape[2],
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor, 3),
        "cost": round(float(played.cost.mean()), 3),
        "overridden_percent": round(
            100 * float((played.picks != played.actions).float().mean()), 2
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="parco-hcvrp")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--vehicles", default="3,5,7,10")
    parser.add_argument("--instances", type=int, default=16)
    parser.add_argument("--seed", type=int, default=24610)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = weights.load(options.model)
    for vehicles in map(int, options.vehicles.split(",")):
        problem = HCVRP(options.size, vehicles)
        instance = problem.load(problem.published(options.size, options.instances, options.seed))
        for handler in (HighestProbability(), OneAtATime()):
            row = measure(model, problem, instance, handler)
            print(json.dumps({"size": options.size, "vehicles": vehicles, **row}), flush=True)


if __name__ == "__main__":
    main()
