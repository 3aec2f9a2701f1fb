"""Inventory networks measured: the simulator's speed, policies against exact references, export.

    python benchmarks/inventory.py speed
    python benchmarks/inventory.py table MODEL 'lost_poisson' --traces 2500
    python benchmarks/inventory.py export CHECKPOINT models/zoo/NAME --about about.json \
        --settings 'lost_poisson' --traces 2500

A table's reference is exact where there is one (newsvendor, value iteration, Clark & Scarf), for
transshipment a lower bound, else the best rule with fitted levels.
"""

import argparse
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from nco import read, sources, zoo
from nco.errors import InstanceError
from nco.problems.inventory import Inventory, baseline, exact
from nco.problems.inventory.files import Case
from nco.rollout import greedy, rollout
from nco.seeds import generator
from nco.simulate import simulate

EXAMPLES = "example:inventory/"


def speed(batch: int = 1024, stores: int = 10, periods: int = 50, rounds: int = 20) -> None:
    """Store-periods a second of the simulation alone, forwards, with given orders."""
    problem = Inventory(size=stores, periods=periods)
    instance = problem.generate(batch, generator(0))
    actions = torch.rand(batch, 1, periods, stores + 1, generator=generator(1))
    actions[..., -1] *= stores
    with torch.inference_mode():
        problem.cost(instance, actions)
        wall, work = time.perf_counter(), time.process_time()
        for _ in range(rounds):
            problem.cost(instance, actions)
        wall, work = time.perf_counter() - wall, time.process_time() - work
    done = batch * stores * periods * rounds / 1e6
    threads = torch.get_num_threads()
    print(f"{batch} x {stores} stores x {periods} periods, {threads} threads:")
    print(f"  {done / wall:.1f} million store-periods a second of wall time")
    print(f"  {done / work:.1f} million store-periods a second of one core's processor time")


def reference(case: Case) -> tuple[float, str]:
    """The least cost known of a case, and where it is from."""
    for name, found in (
        ("value iteration", lambda: exact.LostSales.of(case).optimum()),
        ("newsvendor", lambda: exact.newsvendor(case)[1]),
        ("Clark-Scarf", lambda: exact.clark_scarf(case)[0]),
        ("lower bound", lambda: exact.transshipment_bound(case)),
    ):
        try:
            return found(), name
        except InstanceError:
            continue
    problem = Inventory()
    rule = baseline.echelon_stock(case, time_limit=None, seed=0)
    cost = simulate(problem, problem.rule(case, rule), case, traces=1000, seed=1).cost
    return cost, "echelon rule with fitted levels"


def table(model: zoo.Model, pattern: str, traces: int, seed: int = 77) -> list[dict[str, Any]]:
    """A row for every shipped setting whose name matches."""
    rows = []
    for name in sources.examples():
        if not name.startswith(EXAMPLES) or not re.search(pattern, name):
            continue
        case = read(name)
        assert isinstance(case, Case)
        least, origin = reference(case)
        found = simulate(model.problem, model.policy, case, traces=traces, seed=seed)
        assert not found.violations, found.violations
        gap, error = found.cost / least - 1, found.cost_standard_error / least
        rows.append(
            {
                "set": case.name,
                "size": case.size,
                "instances": traces,
                "seed": seed,
                "reference": origin,
                "search": "policy",
                "cost_per_store": round(found.cost / case.size, 4),
                "reference_per_store": round(least / case.size, 4),
                "gap_percent": round(100 * gap, 3),
                "standard_error": round(100 * error, 3),
                "seconds_per_instance": round(found.seconds / traces, 6),
                "threads": torch.get_num_threads(),
            }
        )
        row = rows[-1]
        print(
            f"{case.name:32} {row['cost_per_store']:9.4f}  {origin} "
            f"{row['reference_per_store']:.4f}  gap {100 * gap:.2f} ±{100 * error:.2f} %",
            flush=True,
        )
    return rows


def canary(model: zoo.Model, instances: int = 4, seed: int = 0) -> dict[str, Any]:
    """The mean cost of a few seeded traces, which a test measures again."""
    instance = model.problem.generate(instances, generator("canary", seed))
    with torch.inference_mode():
        cost = rollout(model.problem, model.policy, instance, 1, greedy, logp=False).cost
    return {"size": None, "instances": instances, "seed": seed, "cost": float(cost.mean())}


def export(checkpoint: str, folder: Path, about: dict[str, Any], pattern: str, traces: int) -> None:
    """A model folder with a card from a training checkpoint, in full precision: it is tiny."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    model = zoo.load(checkpoint)
    about = {**about, "commit": commit.stdout.strip(), "steps": model.card["step"]}
    about |= {"measured": [], "canary": canary(model)}
    zoo.save(folder, model.problem, model.policy, about, half=False)
    card = zoo.read_card(folder / "card.json")
    card["measured"] = table(zoo.load(str(folder)), pattern, traces)
    zoo.write_card(folder, card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed")
    measured = commands.add_parser("table")
    measured.add_argument("model")
    measured.add_argument("pattern")
    measured.add_argument("--traces", type=int, default=2500)
    out = commands.add_parser("export")
    out.add_argument("checkpoint")
    out.add_argument("folder", type=Path)
    out.add_argument("--about", type=Path, required=True)
    out.add_argument("--settings", required=True)
    out.add_argument("--traces", type=int, default=2500)
    options = parser.parse_args()
    if options.command == "speed":
        speed()
    elif options.command == "table":
        table(zoo.load(options.model), options.pattern, options.traces)
    else:
        about = json.loads(options.about.read_text())
        export(options.checkpoint, options.folder, about, options.settings, options.traces)


if __name__ == "__main__":
    main()
