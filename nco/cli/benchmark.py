"""`nco benchmark`: solvers side by side."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli import inputs, outputs
from nco.cli.arguments import command, limits, names

EXAMPLE = """\
  nco benchmark --problem tsp --size 100 --solvers nco,ortools --time_limits 0.1,1 --output tsp100
  nco benchmark --files a.vrp b.vrp --best_known best.csv --output mine"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    parser = command(
        commands,
        "benchmark",
        run,
        "Compare solvers at equal time limits, on instances of one --problem and --size or on "
        "--files. Writes report.html, table.csv, curve.csv, runs.csv, plot.png and about.json.",
        EXAMPLE,
    )
    parser.add_argument("--problem", help="a problem folder, such as tsp")
    parser.add_argument("--size", type=int, metavar="N")
    parser.add_argument("--instances", type=int, default=10, metavar="K")
    parser.add_argument(
        "--seed",
        type=int,
        default=1234,
        help="1234 (the default) and 4321 are the first K of the published sets",
    )
    parser.add_argument("--files", nargs="+", default=[], metavar="F")
    parser.add_argument(
        "--best_known",
        metavar="CSV",
        help="with columns name and best_known, and scale where values are in other units; "
        "default: gaps to the best of this comparison",
    )
    parser.add_argument(
        "--solvers",
        type=names,
        default="nco,ortools",
        help="comma-separated: nco (what nco solve does by default), nco-neural (the networks "
        "alone), nco:MODEL and nco-neural:MODEL (a shipped model, a folder or a checkpoint), and "
        "the solvers of the problem's classical.py, such as ortools or pyvrp (default: "
        "nco,ortools)",
    )
    parser.add_argument(
        "--time_limits",
        type=limits,
        default="1",
        metavar="S,...",
        help="comma-separated seconds for each instance; 'default' leaves it to the solver: one "
        "deterministic pass of the network, the first solution of OR-Tools' routing (default: 1)",
    )
    parser.add_argument("--device", default="auto", help="of the networks")
    parser.add_argument(
        "--cores",
        type=int,
        default=1,
        metavar="K",
        help="of this machine for every solver; single-threaded classical ones run with so many "
        "seeds side by side, and the best counts (default: 1)",
    )
    parser.add_argument(
        "--cold",
        type=int,
        default=1,
        metavar="K",
        help="instances of each problem that are also solved from a cold start, in fresh "
        "processes (default: 1)",
    )
    parser.add_argument("--output", required=True, metavar="DIR")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    outputs.folder("--output", options.output)
    with inputs.opened(options.files, options.problem) as files:
        return _compare(list(files.values()), options)


def _compare(files: list[str], options: argparse.Namespace) -> int:
    from nco.benchmark import Plan, main

    plan = Plan(
        solvers=options.solvers,
        time_limits=options.time_limits,
        problem=options.problem,
        size=options.size,
        instances=options.instances,
        seed=options.seed,
        files=files,
        best_known=options.best_known,
        device=options.device,
        cores=options.cores,
        cold=options.cold,
    )
    return main(plan, Path(options.output))
