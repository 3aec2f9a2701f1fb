"""`nco check`: a solution file against its instance file."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from nco.cli import inputs, tables
from nco.cli.arguments import code_of, command

if TYPE_CHECKING:
    from nco.core.case import Report

EXAMPLE = "  nco check my.vrp best.sol"


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Check a solution file against its instance file."
    parser = command(commands, "check", run, text, EXAMPLE)
    parser.add_argument(
        "instance", metavar="INSTANCE", help="a file, also .gz; - is the standard input"
    )
    parser.add_argument(
        "solution",
        metavar="SOLUTION",
        help=".tour, .sol, JSON, .csv, .xlsx, also .gz, or -; a policy in JSON or CSV",
    )
    parser.add_argument("--problem")
    parser.add_argument("--json", action="store_true")
    tables.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.core.errors import NCOError
    from nco.solving.checking import check

    words = (options.instance, options.solution)
    if words == (inputs.STDIN, inputs.STDIN):
        raise NCOError("-: the instance or the solution can come from the standard input, not both")
    with inputs.opened(words[:1], options.problem) as one, inputs.opened(words[1:]) as other:
        for word, found in zip(words, (one, other), strict=True):
            if len(found) != 1:
                raise NCOError(f"{word}: {len(found)} files; name one")
        (instance, path), (solution, answer) = *one.items(), *other.items()
        try:
            report = check(path, answer, options.problem, **tables.given(options))
        except NCOError as error:
            raise inputs.renamed(inputs.renamed(error, instance, path), solution, answer) from error
    if options.json:
        print(json.dumps({**report.__dict__, "feasible": report.feasible}))
    else:
        verdict = "feasible" if report.feasible else "PARTIAL" if report.partial else "INFEASIBLE"
        figure = report.objective
        shown = f"{figure:.6g}" if isinstance(figure, float) else str(figure)  # as `nco solve` does
        print(f"{verdict}, objective {shown}{_error(report)}")
        if report.measures:
            print(
                "  " + ", ".join(f"{name} {value:.4g}" for name, value in report.measures.items())
            )
        for violation in report.violations:
            print(f"  {violation}")
        for name in report.unassigned:
            print(f"  unassigned: {name}")
    return code_of(report)


def _error(report: "Report") -> str:
    """The standard error of a simulated policy."""
    return "" if report.cost_standard_error is None else f" ±{report.cost_standard_error:.2g}"
