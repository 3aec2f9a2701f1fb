"""`nco check`: a solution file against its instance file."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from nco.cli import tables
from nco.cli.arguments import command

if TYPE_CHECKING:
    from nco.core.case import Report

EXAMPLE = "  nco check my.vrp best.sol"


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Check a solution file against its instance file."
    parser = command(commands, "check", run, text, EXAMPLE)
    parser.add_argument("instance", metavar="INSTANCE")
    parser.add_argument(
        "solution",
        metavar="SOLUTION",
        help=".tour, .sol, JSON, .csv, .xlsx; a policy in JSON or CSV",
    )
    parser.add_argument("--problem")
    parser.add_argument("--json", action="store_true")
    tables.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.solving.checking import check

    report = check(options.instance, options.solution, options.problem, **tables.given(options))
    if options.json:
        print(json.dumps({**report.__dict__, "feasible": report.feasible}))
    else:
        verdict = "feasible" if report.feasible else "INFEASIBLE"
        print(f"{verdict}, objective {report.objective}{_error(report)}")
        if report.measures:
            print(
                "  " + ", ".join(f"{name} {value:.4g}" for name, value in report.measures.items())
            )
        for violation in report.violations:
            print(f"  {violation}")
    return 0 if report.feasible else 1


def _error(report: "Report") -> str:
    """The standard error of a simulated policy."""
    return "" if report.cost_standard_error is None else f" ±{report.cost_standard_error:.2g}"
