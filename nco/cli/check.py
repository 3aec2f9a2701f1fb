"""`nco check`: a solution file against its instance file."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from nco.cli import inputs, outputs, tables
from nco.cli.arguments import code_of, command

if TYPE_CHECKING:
    from nco.solving.solution import Solution

EXAMPLE = """\
  nco check my.vrp best.sol                    whether it keeps the rules, its routes, a bound
  nco check my.vrp best.sol --save best.xlsx   the same with a table of every stop"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Check a solution file against its instance file, and show what it holds."
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
    parser.add_argument("--save", metavar="F", help="write it anew: .csv, .xlsx, .json, .sol")
    tables.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.core.errors import NCOError
    from nco.solving.checking import examine

    words = (options.instance, options.solution)
    if words == (inputs.STDIN, inputs.STDIN):
        raise NCOError("-: the instance or the solution can come from the standard input, not both")
    outputs.picture("--plot", options.plot)
    outputs.solution("--save", options.save, [*words, *tables.files(options)])
    with inputs.opened(words[:1], options.problem) as one, inputs.opened(words[1:]) as other:
        for word, found in zip(words, (one, other), strict=True):
            if len(found) != 1:
                raise NCOError(f"{word}: {len(found)} files; name one")
        (instance, path), (solution, answer) = *one.items(), *other.items()
        try:
            checked = examine(path, answer, options.problem, **tables.given(options))
        except NCOError as error:
            raise inputs.renamed(inputs.renamed(error, instance, path), solution, answer) from error
    if options.json:
        print(json.dumps(_row(checked)), flush=True)
    else:
        print("\n".join(_lines(checked)), flush=True)
    kept = outputs.keep(checked, options.plot, options.save)
    if not kept:
        return 2
    return code_of(checked)


def _row(checked: "Solution") -> dict[str, Any]:
    """The verdict as plain data."""
    assert checked.case is not None
    return {
        "cost": checked.cost,
        "objective": checked.objective,
        "unit": checked.case.cost_unit,
        "feasible": checked.feasible,
        "violations": checked.violations,
        "unassigned": checked.unassigned,
        "declined": checked.declined,
        "cost_standard_error": checked.cost_standard_error,
        "measures": checked.measures,
        "bound": checked.bound,
        "bound_by": checked.bound_by,
        "gap": checked.gap,
    }


def _lines(checked: "Solution") -> list[str]:
    """The verdict, what is wrong, how far the optimum may be, and what the solution holds."""
    from nco.solving import phrases, tabular

    case, objective = checked.case, checked.objective
    assert case is not None
    verdict = "feasible" if checked.feasible else checked.status
    shown = phrases.figure(objective, case, checked.cost_standard_error)
    lines = [f"{verdict}, objective {shown}"]
    lines += [f"  {violation}" for violation in checked.violations]
    lines += [line for line in str(checked).splitlines()[1:] if "  violated: " not in line]
    if checked.cost is not None:  # else it names things that do not exist
        lines += [f"  {line}" for line in tabular.plan_lines(checked)]
    return lines
