"""`nco tune`: what this machine can do."""

import argparse
from typing import Any

from nco.cli.arguments import command, count, limits, names, numbers


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = (
        "Compile the searches that are compiled, then measure how long networks take to load and "
        "to search, and from which start classical solvers come farthest: a few minutes, in which "
        "nothing else should run. What is found is kept for later calls of nco solve."
    )
    parser = command(commands, "tune", run, text)
    parser.add_argument("--problems", type=names, help="comma-separated; default: all")
    parser.add_argument(
        "--sizes",
        type=numbers,
        metavar="N,...",
        help="default: of each problem the largest that its networks were trained for",
    )
    parser.add_argument(
        "--time_limits",
        type=limits,
        default="0.1,1",
        metavar="S,...",
        help="seconds at which starts are compared (default: 0.1,1)",
    )
    parser.add_argument(
        "--instances", type=count, default=3, metavar="K", help="of each problem and size; 3"
    )


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.solving import machine, tune

    limits = [limit for limit in options.time_limits if limit is not None]
    problems = options.problems or tune.tunable()
    tune.save(tune.tune(problems, options.sizes, limits, options.instances))
    print(machine.path())
    return 0
