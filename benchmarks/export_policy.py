"""Turns a checkpoint of an online problem into a model folder and measures the policy for its card.

    python benchmarks/export_policy.py CHECKPOINT models/zoo/NAME --method "..." --minutes 4 \
        --instances 50000 --cases example:secretary.yaml --reference optimal

Each case gives one row: the gap of the policy's mean cost to that of a reference on the same random
futures. The reference is the name of a rule in the problem's classical.py, or ``hindsight``, which
knows each future and is a bound.
"""

import argparse
import json
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from nco import registry
from nco.core.case import Case
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.registry import sources
from nco.solving.simulate import simulate, standard_error
from nco.workers import pool
from nco.zoo import weights

FORESEEN = 100  # futures that a planner plans


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def measure(folder: Path, case: Case, reference: str, traces: int) -> dict[str, Any]:
    """One row of a card."""
    model = weights.load(str(folder))
    begin = time.perf_counter()
    if reference == "hindsight":
        traces = min(traces, FORESEEN)
        instance = model.problem.traces(case, traces, generator("measure"))
        with torch.inference_mode():
            costs = rollout(model.problem, model.policy, instance, 1, greedy, logp=False).cost[:, 0]
        seconds = time.perf_counter() - begin
        known = torch.tensor([_planned(part) for part in model.problem.cases(instance)])
    else:
        found = simulate(model.problem, model.policy, case, traces=traces)
        costs, seconds = found.costs, found.seconds
        solution = pool.run(case, reference, time_limit=None).solution
        rule = model.problem.rule(case, solution)
        known = simulate(model.problem, rule, case, traces=traces).costs
    scale = abs(float(known.mean()))
    return {
        "set": case.name,
        "size": case.size,
        "instances": len(costs),
        "reference": reference,
        "search": "greedy",
        "cost": round(float(costs.mean()), 4),
        "cost_standard_error": round(standard_error(costs), 4),
        "gap_percent": round(100 * float((costs - known).mean()) / scale, 4),
        "standard_error": round(100 * standard_error(costs - known) / scale, 4),
        "seconds_per_instance": round(seconds / len(costs), 6),
        "threads": torch.get_num_threads(),
        "processor": _processor(),
    }


def _planned(case: Case) -> float:
    """The cost of the best plan for a known future, by the independent checker."""
    outcome = pool.run(case, "hindsight", time_limit=None)
    report = registry.folder(case.problem).check.check(case, outcome.solution)
    assert report.feasible, report.violations
    return float(report.cost)


def canary(folder: Path, instances: int = 8, seed: int = 0) -> dict[str, Any]:
    """The mean cost of a few seeded instances, which a test measures again."""
    model = weights.load(str(folder))
    batch = model.problem.generate(instances, generator("canary", seed))
    played = rollout(model.problem, model.policy, batch, 1, greedy, logp=False)
    cost = float(played.cost.mean())
    return {"size": None, "instances": instances, "seed": seed, "cost": cost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of training")
    parser.add_argument("--instances", type=int, required=True, help="traces of the training")
    parser.add_argument("--cases", nargs="+", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--traces", type=int, default=2000)
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    model = weights.load(str(options.checkpoint))
    about: dict[str, Any] = {
        "training": {
            "method": options.method,
            "hardware": f"one thread of {_processor()}, shared with other jobs",
            "minutes": options.minutes,
            "instances": options.instances,
        },
        "commit": commit.stdout.strip(),
        "steps": model.card["step"],
    }
    weights.save(options.folder, model.problem, model.policy, about, half=False)
    cases = [sources.as_case(name) for name in options.cases]
    rows = [measure(options.folder, case, options.reference, options.traces) for case in cases]
    card = weights.read_card(options.folder / "card.json")
    card["measured"] = rows
    card["canary"] = canary(options.folder)
    weights.write_card(options.folder, card)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
