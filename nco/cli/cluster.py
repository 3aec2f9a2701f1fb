"""`nco solve --cluster`: its flags, and the run."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nco.cli import outputs
from nco.cli.arguments import seconds
from nco.cli.options import given
from nco.core.errors import NCOError

NEEDS = ("output", "format", "order", "shared", "patience", "dry_run")  # `--cluster` beside them


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    group = parser.add_argument_group(
        "many machines", "FILES may then be patterns and manifests (.jsonl, .csv, .parquet), too"
    )
    group.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="solve on a Ray cluster: HOST:PORT of its head, 'auto' for the one that runs on this "
        "machine, 'local' for one that is begun here",
    )
    group.add_argument(
        "--output",
        metavar="DIR",
        help="keep each result there as it comes; the same command goes on with what is left",
    )
    group.add_argument("--format", choices=("jsonl", "parquet"), help="of DIR/results; jsonl")
    group.add_argument(
        "--order", choices=("input", "done"), help="of the results: that of FILES, or as they come"
    )
    group.add_argument(
        "--shared",
        action="store_true",
        help="all nodes have the files at the same paths, and read them",
    )
    group.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        help="for a block of instances without a limit, until its node is started again; 600",
    )
    group.add_argument(
        "--dry_run", action="store_true", help="say what the run will cost, and solve nothing"
    )


def is_asked(arguments: argparse.Namespace) -> bool:
    """Whether a cluster solves.

    Raises:
        NCOError: for a flag that says nothing without `--cluster`, or nothing with it.
    """
    if arguments.cluster is None:
        for name in NEEDS:
            if getattr(arguments, name):
                raise NCOError(f"--{name}: only with --cluster")
        return False
    for name in ("plot", "save", "best_known"):
        if getattr(arguments, name) is not None:
            raise NCOError(f"--{name}: is for a few files; with --cluster, --output DIR keeps all")
    return True


def run(arguments: argparse.Namespace) -> int:
    """Solves on the cluster; the exit code."""
    from nco.cluster import batch, estimate
    from nco.cluster.connect import ray
    from nco.cluster.task import Kind
    from nco.solving.options import Options

    ray()  # or the line that says what to install
    if arguments.output is not None:
        outputs.folder("--output", arguments.output)
    elif arguments.format is not None:
        raise NCOError("--format: needs --output DIR, where results are kept")
    order = arguments.order or "input"
    patience = arguments.patience or batch.PATIENCE
    plan = batch.Plan(arguments.cluster, arguments.shared, order == "input", patience)
    options = Options(**given(arguments))
    output = None if arguments.output is None else Path(arguments.output)
    if arguments.dry_run:
        print(estimate.estimate(arguments.files, options, plan, output))
        return 0
    show = _printer() if output is None or arguments.json else None
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what Ray says of itself is no result
            summary = batch.run(
                arguments.files, options, plan, output, arguments.format or "jsonl", show
            )
    except KeyboardInterrupt:
        kept = "nothing is kept without --output" if output is None else "the same command goes on"
        print(f"nco: interrupted; {kept}", file=sys.stderr)
        return 130
    print(f"nco: {_words(summary)}", file=sys.stderr)
    if summary.counts[Kind.REFUSED] or summary.counts[Kind.QUARANTINED]:
        return 2
    return 1 if summary.infeasible else 0


def _printer() -> Callable[[dict[str, Any]], None]:
    """Writes rows to what is the standard output now."""
    stream = sys.stdout
    return lambda row: print(json.dumps(row), file=stream, flush=True)


def _words(summary: Any) -> str:
    """What a person should know at the end."""
    counts = ", ".join(f"{count} {kind}" for kind, count in summary.counts.items() if count)
    where = "" if summary.written is None else f"; {summary.written}"
    return f"{counts or 'nothing to do'} in {summary.seconds:.1f} s{where}"
