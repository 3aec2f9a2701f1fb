"""`nco check`: a solution file against its instance file."""

import argparse
import json
from typing import Any

from nco.cli.arguments import command

EXAMPLE = "  nco check my.vrp best.sol"


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Check a solution file against its instance file."
    parser = command(commands, "check", run, text, EXAMPLE)
    parser.add_argument("instance", metavar="INSTANCE")
    parser.add_argument("solution", metavar="SOLUTION", help=".tour, .sol, or JSON")
    parser.add_argument("--problem")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.registry.sources import as_case, check

    report = check(as_case(options.instance, options.problem), options.solution)
    if options.json:
        print(json.dumps({**report.__dict__, "feasible": report.feasible}))
    else:
        print(f"{'feasible' if report.feasible else 'INFEASIBLE'}, objective {report.objective}")
        for violation in report.violations:
            print(f"  {violation}")
    return 0 if report.feasible else 1
