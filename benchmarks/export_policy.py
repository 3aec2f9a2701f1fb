"""Turns a checkpoint of an online problem into a model folder and measures the policy for its card.

    python benchmarks/export_policy.py CHECKPOINT models/zoo/NAME --method "..." --minutes 4 \
        --instances 50000 --cases example:secretary.yaml --reference optimal

Each case gives one row: the gap of the policy's mean cost to that of a reference on the same random
futures. The reference is the name of a rule in the problem's classical.py, or ``hindsight``, which
knows each future and is a bound.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from nco.benchmark.cards import measure_case
from nco.benchmark.setting import processor
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.registry import sources
from nco.zoo import weights


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
            "hardware": f"one thread of {processor()}, shared with other jobs",
            "minutes": options.minutes,
            "instances": options.instances,
        },
        "commit": commit.stdout.strip(),
        "steps": model.card["step"],
    }
    weights.save(options.folder, model.problem, model.policy, about, half=False)
    cases = [sources.as_case(name) for name in options.cases]
    rows = [
        measure_case(str(options.folder), case, options.reference, options.traces) for case in cases
    ]
    card = weights.read_card(options.folder / "card.json")
    card["measured"] = rows
    card["canary"] = canary(options.folder)
    weights.write_card(options.folder, card)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
