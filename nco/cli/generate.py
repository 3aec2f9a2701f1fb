"""`nco generate`: random instances as files."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import command, count, size

EXAMPLE = "  nco generate --problem tsp --size 50 --instances 3 --output random"


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Write random instances as files."
    parser = command(commands, "generate", run, text, EXAMPLE)
    parser.add_argument("--problem", required=True)
    parser.add_argument("--size", type=size, required=True, metavar="N|LOW-HIGH")
    parser.add_argument("--instances", type=count, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", required=True, metavar="DIR")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco import registry
    from nco.core import atomic
    from nco.core.seeds import generator

    outputs.folder("--output", options.output)
    folder = Path(options.output)
    kind = registry.folder(options.problem).problem_class
    files = registry.folder(options.problem).files
    kind(size=options.size)  # what is wrong with the size, before a folder is made
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(options.instances):
        problem = kind(size=options.size)
        instance = problem.generate(1, generator(options.seed, "generate", index))
        case = problem.cases(instance)[0]
        path = folder / f"{options.problem}-{options.seed}-{index}{files.SUFFIX}"
        atomic.write_text(path, files.write(case))
        print(path)
    return 0
