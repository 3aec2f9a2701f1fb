"""`nco sweep`: which values of a training's configuration are the best."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import command, count, seconds
from nco.core.errors import NCOError

NAME = "sweep"
TUNED = "--tune."
OWN = ("output", "cluster", "trials", "seconds", "metric", "scheduler", "cores", "seed")
EXAMPLE = """\
  nco sweep --config configs/tsp/pomo.yaml --output runs/sweep --trials 8 --seconds 600 \\
      --tune.model.init_args.training.lr 'loguniform(1e-4, 3e-3)'"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Try values of a training's configuration on all cores or a Ray cluster."
    parser = command(commands, NAME, run, text, EXAMPLE)
    parser.add_argument(
        "--tune.KEY",
        dest="tune",
        metavar="DISTRIBUTION",
        help="of a key of the configuration: uniform, loguniform, randint, choice(1, 2) ...",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="the sweep; goes on with it")
    parser.add_argument(
        "--cluster", default="local", metavar="ADDRESS", help="a Ray cluster; local"
    )
    parser.add_argument("--trials", type=count, default=8)
    parser.add_argument(
        "--seconds", type=seconds, default=600.0, help="of a processor, for each trial; 600"
    )
    parser.add_argument("--metric", metavar="val/SET/gap", help="minimised; the first gap")
    parser.add_argument("--scheduler", choices=("asha", "pbt", "searl", "none"), default="asha")
    parser.add_argument("--cores", type=count, help="trials at a time on this machine; all")
    parser.add_argument("--seed", type=int, default=0, help="of the values that are drawn")
    parser.description = f"{text} Everything that is not listed here is passed on to nco fit."


def parted(words: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The sweep's own words for argparse, and what it does not know: ``space`` and ``fit``.

    Raises:
        NCOError: for a flag without a value.
    """
    own, space, rest = list(words[:1]), {}, []
    left = list(words[1:])
    while left:
        flag, equals, value = left.pop(0).partition("=")
        if flag.startswith(TUNED):
            if not equals and not left:
                raise NCOError(f"{flag}: its distribution is missing")
            space[flag.removeprefix(TUNED)] = value if equals else left.pop(0)
        elif flag in ("-h", "--help"):
            own.append(flag)
        elif flag.removeprefix("--") in OWN:
            own += [flag, value] if equals else [flag, *left[:1]]
            left = left if equals else left[1:]
        else:
            rest.append(flag + equals + value)
    return own, {"space": space, "fit": rest}


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.cluster.connect import ray

    ray()
    outputs.folder("--output", options.output)
    if not options.space:
        raise NCOError("nco sweep: nothing to try; give --tune.KEY 'loguniform(1e-4, 3e-3)'")
    from nco.cluster.sweep import Sweep
    from nco.cluster.sweep import run as sweep

    asked = Sweep(
        ("fit", *options.fit),
        options.space,
        options.output,
        options.cluster,
        options.trials,
        options.seconds,
        options.metric,
        options.scheduler,
        options.cores,
        options.seed,
    )
    with contextlib.redirect_stdout(sys.stderr):  # what Ray says of itself is no result
        rows = sweep(asked)
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    print(f"the best: nco solve FILE --model {options.output}/best")
    return 0


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
