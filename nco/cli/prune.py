"""`nco models prune`: what a population can do without."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import command, count

NAME = "models prune"  # argparse sees two words as one


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Drop the agents of a population that add nothing on a validation set."
    parser = command(commands, NAME, run, text)
    parser.add_argument("model", help="a shipped model, a folder or a checkpoint")
    parser.add_argument("output", help="the new model folder")
    parser.add_argument("--reference", required=True, help="a labelled set, such as tsp100")
    parser.add_argument("--agents", type=count, metavar="K", help="keep at most so many")
    parser.add_argument("--instances", type=count, metavar="I", help="the first of each chunk only")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    outputs.folder("OUTPUT", options.output)
    from nco.training.prune import prune

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
