"""Turns a training checkpoint into a model folder and measures it for its card.

    python benchmarks/export.py CHECKPOINT models/zoo/NAME --about about.json \
        --references tsp50,tsp100

Every reference set (a labelled set, or the name of one in configs/references) gives one row of the
card: the gap of `nco.solve`'s deterministic pass, by the independent checker, to the stored costs.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from nco.benchmark.cards import figures, measure_set
from nco.core.defaults import resize
from nco.core.seeds import generator
from nco.labels.store import read
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.task import Task
from nco.solving.solver import solve
from nco.training.references import folder_of
from nco.zoo import weights


def measure_search(
    folder: Path, reference: str, name: str, rollouts: int, count: int | None
) -> dict[str, Any]:
    """A row of a card's `searches`: the gap of one search of `rollouts`, one thread."""
    where = folder_of(reference)
    model = weights.load(str(folder))
    gaps: list[float] = []
    begin = time.perf_counter()
    for part in read(where, model.problem):
        part = part[:count] if count else part
        best = None
        with torch.inference_mode():
            task = Task(model.problem, model.policy, part.instance)
            for found in named(name)(task, Budget.counting(rollouts)):
                best = found
        assert best is not None
        reference_cost = part.cost.amin(1)
        gaps += (100 * (best.cost - reference_cost) / reference_cost.abs()).tolist()
    return {
        "set": where.name,
        "instances": len(gaps),
        "search": name,
        "rollouts": rollouts,
        **figures(gaps),
        "seconds_per_instance": round((time.perf_counter() - begin) / len(gaps), 4),
        "threads": torch.get_num_threads(),
    }


def canary(folder: Path, size: int, instances: int = 4, seed: int = 0) -> dict[str, Any]:
    """The mean cost of a few seeded instances, which a test measures again."""
    problem = resize(weights.load(str(folder)).problem, size)
    batch = problem.generate(instances, generator("canary", seed))
    costs = [found.cost for found in solve(batch, model=str(folder))]
    return {"size": size, "instances": instances, "seed": seed, "cost": sum(costs) / len(costs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--about", type=Path, help="JSON: distribution, sizes, training")
    parser.add_argument("--references", default="")
    parser.add_argument("--count", type=int, help="first instances of every chunk only")
    parser.add_argument(
        "--searches", default="", help="more rows of the card, such as beam:1,reconstruct:100"
    )
    parser.add_argument("--half", default=True, action=argparse.BooleanOptionalAction)
    options = parser.parse_args()
    about: dict[str, Any] = json.loads(options.about.read_text()) if options.about else {}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    about["commit"] = commit.stdout.strip()
    model = weights.load(str(options.checkpoint))
    about["steps"] = model.card["step"]
    weights.save(options.folder, model.problem, model.policy, about, options.half)
    rows = [
        measure_set(str(options.folder), name, options.count)
        for name in options.references.split(",")
        if name
    ]
    card = weights.read_card(options.folder / "card.json")
    card["measured"] = rows
    pairs = [item.partition(":") for item in options.searches.split(",") if item]
    card["searches"] = [
        measure_search(options.folder, reference, search, int(rollouts), options.count)
        for reference in options.references.split(",")
        for search, _, rollouts in pairs
    ]
    card["canary"] = canary(options.folder, rows[0]["size"] if rows else 20)
    weights.write_card(options.folder, card)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
