"""How many complete random schedules a second the scheduling problems make, in batches.

    python benchmarks/shop.py --threads 2

Every step draws one of the allowed actions at random and takes it; nothing is asked of a policy.
"""

import argparse
import json
import time
from typing import Any

import torch

from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP
from nco.seeds import generator
from nco.shop.problem import Shop


def play(problem: Shop[Any], instance: Any, seed: int) -> torch.Tensor:
    """The makespans of one random episode of every instance."""
    random = generator(seed, device=instance.device)
    state = problem.reset(instance, 1)
    for _ in range(problem.horizon(instance)[1]):
        allowed = problem.choices(instance, state)
        drawn = torch.rand(allowed.shape, generator=random, device=allowed.device)
        choice = drawn.masked_fill(~allowed, -1.0).argmax(-1)
        state = problem.step(instance, state, problem.node(instance, state, choice))
    assert bool(problem.done(instance, state).all())
    return problem.paid(instance, state)


def measure(problem: Shop[Any], batch: int, repeats: int, device: str) -> dict[str, Any]:
    """Episodes a second; the first round does not count."""
    instance = problem.generate(batch, generator(0)).to(device)
    play(problem, instance, 0)
    rates, spans = [], []
    for number in range(repeats):
        begin = time.perf_counter()
        spans.append(float(play(problem, instance, number).mean()))
        rates.append(batch / (time.perf_counter() - begin))
    rates.sort()
    return {
        "problem": type(problem).__name__,
        "jobs": problem.features(instance[:1]).groups[..., 0].max().item() + 1,  # type: ignore[union-attr]
        "batch": batch,
        "episodes_a_second": round(rates[len(rates) // 2]),
        "mean_makespan": round(sum(spans) / len(spans), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for problem in (JSSP(10), FJSP(10), FFSP(20)):
        row = measure(problem, options.batch, options.repeats, options.device)
        print(json.dumps({**row, "threads": options.threads}), flush=True)


if __name__ == "__main__":
    main()
