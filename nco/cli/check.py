"""`nco check`: a solution file against its instance file."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from nco.cli import inputs, outputs, tables
from nco.cli.arguments import code_of, command
from nco.cli.solve import keep

if TYPE_CHECKING:
    from nco.core.case import Report

EXAMPLE = """\
  nco check my.vrp best.sol
  nco check day.json plan.csv --save schedule.csv --plot plan.html   a plan made by hand, in full"""


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
    parser.add_argument("--plot", metavar="F", help="draw the solution: .html, .png, .svg, .pdf")
    parser.add_argument(
        "--save", metavar="F", help="write the solution in full: .csv, .xlsx (a schedule), .json"
    )
    tables.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.core.errors import NCOError
    from nco.solving import policytext
    from nco.solving.checking import judged

    outputs.picture("--plot", options.plot)
    outputs.solution("--save", options.save, [options.instance, options.solution])
    words = (options.instance, options.solution)
    if words == (inputs.STDIN, inputs.STDIN):
        raise NCOError("-: the instance or the solution can come from the standard input, not both")
    with inputs.opened(words[:1], options.problem) as one, inputs.opened(words[1:]) as other:
        for word, found in zip(words, (one, other), strict=True):
            if len(found) != 1:
                raise NCOError(f"{word}: {len(found)} files; name one")
        (instance, path), (solution, answer) = *one.items(), *other.items()
        try:
            checked = judged(path, answer, options.problem, **tables.given(options))
        except NCOError as error:
            raise inputs.renamed(inputs.renamed(error, instance, path), solution, answer) from error
    report = checked.report
    if options.json:
        told = {"unassigned": checked.unassigned, "notes": checked.notes}
        print(json.dumps({**report.__dict__, "feasible": report.feasible, **told}))
    else:
        verdict = "feasible" if report.feasible else "PARTIAL" if report.partial else "INFEASIBLE"
        figure = report.objective
        shown = f"{figure:.6g}" if isinstance(figure, float) else str(figure)  # as `nco solve` does
        print(f"{verdict}, objective {shown}{_error(report)}")
        if report.measures:
            print(f"  {policytext.figures(report.measures)}")
        for violation in report.violations:
            print(f"  {violation}")
        for name in checked.unassigned:
            print(f"  unassigned: {name}")
        for note in checked.notes:
            print(f"  note: {note}")
    kept = True
    if options.save or options.plot:
        kept = keep(checked.as_solution(), options.plot, options.save)
    return code_of(report) if kept else 2


def _error(report: "Report") -> str:
    """The standard error of a simulated policy."""
    return "" if report.cost_standard_error is None else f" ±{report.cost_standard_error:.2g}"
