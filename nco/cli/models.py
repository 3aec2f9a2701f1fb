"""`nco models`: what ships, and what a population can do without."""

import argparse
import json
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import command, count


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    parser = command(commands, "models", run, "List the models that ship with the package.")
    parser.add_argument("--json", action="store_true", help="the whole cards")
    inner = parser.add_subparsers(metavar="prune")
    text = "Drop the agents of a population that add nothing on a validation set."
    prune = command(inner, "prune", _prune, text)
    prune.add_argument("model", help="a shipped model, a folder or a checkpoint")
    prune.add_argument("output", help="the new model folder")
    prune.add_argument("--reference", required=True, help="a labelled set, such as tsp100")
    prune.add_argument("--agents", type=count, metavar="K", help="keep at most so many")
    prune.add_argument("--instances", type=count, metavar="I", help="the first of each chunk only")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.zoo.weights import available

    cards = available()
    if options.json:
        print(json.dumps(cards, indent=1))
        return 0
    for name, card in cards.items():
        print(
            f"{name}: {card['problem']['class_path'].rpartition('.')[2]}, "
            f"{card['parameters'] / 1e6:.2f} M parameters"
        )
        for row in card.get("measured", []):
            print(f"  {row['set']}: {row['gap_percent']:.3f} % ({row['search']})")
    return 0


def _prune(options: argparse.Namespace) -> int:
    from nco.training.prune import prune

    outputs.folder("OUTPUT", options.output)
    found = prune(
        options.model,
        Path(options.output),
        options.reference,
        most=options.agents,
        count=options.instances,
    )
    print(
        f"all agents: {found.all_gap:.4f} % on {found.instances} instances of {options.reference}"
    )
    for number, (agent, gap) in enumerate(zip(found.agents, found.gaps, strict=True), 1):
        print(f"{number:>3} kept, with agent {agent}: {gap:.4f} %")
    return 0
