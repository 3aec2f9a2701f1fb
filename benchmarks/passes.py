"""The share of a core's product rate that networks reach in their passes.

    python benchmarks/passes.py --result benchmarks/results/passes.json

A pass is one greedy solution of each instance, from the instance to its cost, with a look before
each decision: an instance alone, and BATCH of them. Its products are counted by torch; the rate
that they are compared with is that of one large product in bfloat16 on the same core, measured in
the same run. What is no product (softmax, masks, look-ups, the problem's own rules) takes the rest
of the time.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from kernels import written
from torch.utils.flop_counter import FlopCounterMode

from nco.benchmark.cores import confined
from nco.core.defaults import resize
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.zoo import weights

NETWORKS = {  # sizes at which a pass is measured
    "am-tsp": 100,
    "am-cvrp": 100,
    "bq-tsp": 100,
    "bq-cvrp": 100,
    "bq-op": 100,
    "bq-atsp": 100,
    "bq-vrp": 50,
    "parco-hcvrp": 60,
    "gnn-jssp": 10,
    "gnn-fjsp": 10,
}
BATCH = 16
REPEATS = 5
LARGE = 2048  # rows and columns of the product that the rate is taken from


def seconds_of(act: Callable[[], Any]) -> float:
    """Median of some times, after a first one."""
    act()
    taken = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def rate() -> float:
    """Operations a second of a large product in bfloat16; a product and a sum count as two."""
    left = torch.randn(LARGE, LARGE, dtype=torch.bfloat16)
    return 2 * LARGE**3 / seconds_of(lambda: left @ left)


def pass_of(name: str, size: int, instances: int) -> Callable[[], Any]:
    """One greedy solution of each of so many instances."""
    model = weights.load(name)
    problem = resize(model.problem, size)
    batch = problem.generate(instances, generator("passes", name))
    return lambda: rollout(problem, model.policy, batch, 1, greedy, logp=False)


def operations(act: Callable[[], Any]) -> int:
    """Of all products in it."""
    counter = FlopCounterMode(display=False)
    with counter:
        act()
    return int(counter.get_total_flops())


def row(name: str, size: int, best: float) -> list[str]:
    """Milliseconds of an instance, its products, and their share of the rate, alone and batched."""
    cells = [name, str(size)]
    for instances in (1, BATCH):
        act = pass_of(name, size, instances)
        with torch.inference_mode():
            count, seconds = operations(act), seconds_of(act)
        if instances == 1:
            cells.append(f"{count / 1e9:.2f}")
        cells += [f"{1e3 * seconds / instances:.1f}", f"{100 * count / seconds / best:.1f}"]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--result", type=Path, help="a JSON file for the page of results")
    parser.add_argument("--networks", default="", help="names with commas; all by default")
    options = parser.parse_args()
    chosen = options.networks.split(",") if options.networks else list(NETWORKS)
    if unknown := set(chosen) - set(NETWORKS):
        raise SystemExit(f"no network {unknown.pop()}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(1)
    with confined(1):
        best = rate()
        rows = [row(name, NETWORKS[name], best) for name in chosen]
    made = {
        "title": "How busy networks keep a core",
        "measure": f"products of a greedy solution with a look before each decision, and the share "
        f"of {best / 1e9:,.0f} GFLOPS that they reach, the rate of a product of {LARGE} x {LARGE} "
        f"in bfloat16; medians of {REPEATS}",
        "threads": "one core",
        "instances": f"generated, one alone and {BATCH} together",
        "command": "python benchmarks/passes.py --result benchmarks/results/passes.json",
        "columns": ["network", "size", "GFLOP", "ms alone", "%", f"ms of {BATCH}", "%"],
        "rows": rows,
    }
    written(made, options.result)


if __name__ == "__main__":
    main()
