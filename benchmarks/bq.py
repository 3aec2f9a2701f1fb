"""What BQ-NCO's network costs: training samples a second, and greedy decoding of large instances.

    python benchmarks/bq.py --threads 2 --sizes 1000,10000

Training is one step of `nco.models.bq.BQ` on random tours of 50 nodes (the arithmetic is that of
optimal ones), forward, backward and AdamW; the rate of matrix products is the fraction of what one
large product of the same type reaches on the same threads.
"""

import argparse
import json
import resource
import statistics
import time
from typing import Any

import torch

from nco.core.defaults import resize
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.bq import BQ
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.tsp import TSP
from nco.search.beam import beam_search
from nco.search.task import Task
from nco.zoo import weights


def matmul_rate(dtype: torch.dtype, device: str, repeats: int = 5) -> float:
    """Floating-point operations a second of a product of 2048 x 2048 matrices; the median."""
    one = torch.randn(2048, 2048, dtype=dtype, device=device)
    seconds = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        float((one @ one)[0, 0])
        seconds.append(time.perf_counter() - begin)
    return 2 * 2048**3 / statistics.median(seconds[1:])


def training(device: str, steps: int = 12) -> dict[str, Any]:
    """Sub-problems and tokens a second of one training run."""
    encoder = TransformerEncoder(width=128, heads=8, layers=6, hidden=512, bf16=True)
    problem = TSP(50)
    method = BQ(problem, BQPolicy(encoder, two_way=True), tokens=6400).to(device)
    method.log = lambda *given, **named: None
    optimizer = torch.optim.AdamW(method.policy.parameters(), lr=1e-4)
    seen: list[tuple[int, int]] = []
    look = method.policy.look

    def watched(*given: Any) -> Any:
        sub = look(*given)
        seen.append((len(sub.nodes), sub.nodes.numel()))
        return sub

    method.policy.look = watched
    instance = problem.generate(64, generator("speed", device=device))
    tours = torch.rand(64, 1, 50, generator=generator("tours")).argsort(-1).to(device)
    batch = Labelled(instance, tours, problem.cost(instance, tours).double())
    begin = 0.0
    for step in range(steps + 2):
        if step == 2:  # two steps of warm-up
            seen.clear()
            begin = time.perf_counter()
        loss = method.loss(batch, generator("step", step, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())
    seconds = time.perf_counter() - begin
    rows, tokens = (sum(counts) for counts in zip(*seen, strict=True))
    count = sum(p.numel() for p in method.policy.parameters() if p.ndim > 1)
    rate = 6 * count * tokens / seconds  # forward and backward: 6 a weight and token
    return {
        "sub_problems_per_second": round(rows / seconds),
        "tokens_per_second": round(tokens / seconds),
        "weights": count,
        "linear_gflops": round(rate / 1e9, 1),
        "share_of_bf16_product": round(rate / matmul_rate(torch.bfloat16, device), 3),
        "share_of_fp32_product": round(rate / matmul_rate(torch.float32, device), 3),
    }


def decoding(model: str, nodes: int, device: str) -> dict[str, Any]:
    """Seconds and memory of one greedy tour."""
    found = weights.load(model, device)
    instance = resize(found.problem, nodes).generate(1, generator("decode")).to(device)
    begin = time.perf_counter()
    with torch.inference_mode():
        _, cost = beam_search(Task(found.problem, found.policy, instance), 1)
    length = float(cost.min())
    return {
        "nodes": nodes,
        "seconds": round(time.perf_counter() - begin, 2),
        "length": round(length, 3),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bq-tsp")
    parser.add_argument("--sizes", default="1000")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows: list[dict[str, Any]] = [{"training": training(options.device)}]
    for nodes in options.sizes.split(","):
        rows.append({"greedy": decoding(options.model, int(nodes), options.device)})
    for row in rows:
        print(json.dumps({"threads": options.threads, "device": options.device, **row}))


if __name__ == "__main__":
    main()
