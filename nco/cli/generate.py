"""`nco generate`: random instances as files."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli.arguments import command, count, size
from nco.core.errors import NCOError


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    parser = command(commands, "generate", run, "Write random instances as files.")
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

    kind = registry.folder(options.problem).problem_class
    files = registry.folder(options.problem).files
    folder = Path(options.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NCOError(f"{folder}: cannot be made a folder ({error.strerror})") from error
    for index in range(options.instances):
        problem = kind(size=options.size)
        instance = problem.generate(1, generator(options.seed, "generate", index))
        case = problem.cases(instance)[0]
        path = folder / f"{options.problem}-{options.seed}-{index}{files.SUFFIX}"
        atomic.write_text(path, files.write(case))
        print(path)
    return 0
