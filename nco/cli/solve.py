"""`nco solve`: instance files to solutions."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nco.cli import cluster, inputs, outputs, tables
from nco.cli.arguments import CODES, code_of, command, worse
from nco.cli.options import add_options, given
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.words import number

if TYPE_CHECKING:
    from nco.solving.solution import Solution

LONGEST = 500  # characters of a rule that are shown to people
EXAMPLE = """\
  nco solve example:capitals.tsp                       an instance that ships with the package
  nco solve my.vrp --time_limit 10 --plot routes.html  your own file, within ten seconds
  nco solve *.vrp --total_time 60 --json               many files, a JSON line for each
  nco solve 'maps/*.vrp' --cluster local --output out  very many, on all cores or machines"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Solve instance files."
    parser = command(commands, "solve", run, text, f"{EXAMPLE}\n\n{CODES}")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="also example:NAME (nco examples), a folder, FILE.gz, -",
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON line for each file")
    parser.add_argument(
        "--plot", metavar="F", help="draw the (last) solution: .html, .png, .svg, .pdf"
    )
    parser.add_argument(
        "--save", metavar="F", help="write the (last) solution: .csv, .xlsx, .json, .sol"
    )
    parser.add_argument("--best_known", type=float, metavar="V", help="report the gap to this")
    cluster.add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    if cluster.is_asked(arguments):
        return cluster.run(arguments)
    outputs.picture("--plot", arguments.plot)
    read = [*arguments.files, arguments.start, arguments.before, *tables.files(arguments)]
    outputs.solution("--save", arguments.save, filter(None, read))
    inputs.plan("--start", arguments.start)
    with inputs.opened(arguments.files, arguments.problem) as files:
        return _solve(files, arguments)


def _solve(files: Mapping[str, str], arguments: argparse.Namespace) -> int:
    """Solves the files, by name to show and path."""
    code = 0
    last = None
    if arguments.save:
        _check_form(arguments.save, list(files.values())[-1], given(arguments))
    try:
        for file, answer in _answers(files, given(arguments)):
            if isinstance(answer, NCOError):
                code = worse(code, 2)
                print(f"nco: {answer}", file=sys.stderr)
                if arguments.json:
                    print(json.dumps({"file": file, "error": str(answer)}), flush=True)
                continue
            last = answer
            _show(file, last, arguments)
            code = worse(code, code_of(last))
            if last.status == "INTERRUPTED":
                code = 130
                break
    finally:  # whatever a later file has done
        if last is not None and not outputs.keep(last, arguments.plot, arguments.save):
            code = 2
    return code


def _answers(
    files: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[tuple[str, "Solution | NCOError"]]:
    """Each file with its solution, or with what is wrong with it."""
    import nco

    if options["total_time"] is not None:
        yield from _together(files, options)
        return
    for file, path in files.items():
        try:
            answer = nco.solve(_announced(file, path, options), **options)
        except NCOError as error:
            answer = inputs.renamed(error, file, path)
        yield file, answer


def _announced(file: str, path: str, options: Mapping[str, Any]) -> "str | Case":
    """The file; where nobody said how long, its case, after a line that says how long at most."""
    from nco.solving import limits
    from nco.solving.options import AUTO, Options

    if options["time_limit"] != AUTO:
        return path  # read within its time
    case = _read(path, options)
    limit = limits.settle(Options(**options), case).time_limit
    if limit is not None:
        text = f"{file}: at most {limit:.3g} s (--time_limit), less once nothing better is found"
        print(f"nco: {text}", file=sys.stderr, flush=True)
    return case


def _check_form(save: str, path: str, options: Mapping[str, Any]) -> None:
    """Refuses a form that the solution of the last file will not have; errors of it come later."""
    from nco.solving import saving

    if Path(save).suffix.lower() not in saving.TABLES:
        return
    try:
        case = _read(path, options)
    except NCOError:
        return
    saving.check_form(Path(save), case, plan=bool(options["hindsight"]))


def _read(path: str, options: Mapping[str, Any]) -> Case:
    from nco.registry.sources import as_case

    tables = {name: options[name] for name in ("columns", "arguments")}
    return as_case(path, options["problem"], **tables)


def _together(
    files: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[tuple[str, "Solution | NCOError"]]:
    """The same for files that share their time, in which they are also read."""
    begin = time.perf_counter()
    from nco.solving.options import OF_ONE
    from nco.solving.solver import solve_iter

    if options["start"] is not None:
        raise NCOError("--start is a plan of one instance: use --time_limit, not --total_time")
    options = {name: value for name, value in options.items() if name not in OF_ONE}
    read = [_case(file, path, options) for file, path in files.items()]
    left = options["total_time"] - (time.perf_counter() - begin)
    left = max(left, 1e-3)  # constructions there are in any case
    cases = [case for case in read if isinstance(case, Case)]
    solutions = solve_iter(cases, **{**options, "total_time": left})
    for file, case in zip(files, read, strict=True):
        answer = next(solutions, None) if isinstance(case, Case) else case
        if answer is None:  # interrupted
            return
        yield file, answer


def _case(file: str, path: str, options: Mapping[str, Any]) -> Case | NCOError:
    """A file's case, or why it has no plan that could be improved in shared time."""
    from nco import registry

    try:
        case = _read(path, options)
    except NCOError as error:
        return inputs.renamed(error, file, path)
    if registry.folder(case.problem).is_online:
        return NCOError(f"{file}: {case.problem} has no plan to improve: use --time_limit")
    return case


def _show(file: str, solution: "Solution", arguments: argparse.Namespace) -> None:
    for fault in solution.faults:
        print(f"nco: {file}: {fault}", file=sys.stderr)
    row = {"file": file, **solution.to_dict(), **_gap(solution, arguments.best_known)}
    if arguments.json:
        row.pop("history")
        print(json.dumps(row), flush=True)
        return
    if len(arguments.files) > 1 or file != arguments.files[0]:
        print(f"{file}:")
    print(solution)
    if "gap_percent" in row:
        doubt = _doubt(solution, row)
        print(f"  gap to {number(arguments.best_known)}: {row['gap_percent']:.3f} %{doubt}")
    from nco.solving import tabular

    assert solution.case is not None
    named = tabular.named_lines(solution)
    if not named:
        plain = json.dumps(solution.solution)
        if len(plain) > LONGEST and solution.orders:  # said in words; --save has it whole
            return
        named = [f"{solution.case.view}: {plain}"]
    print("\n".join(f"  {line}" for line in named), flush=True)


def _doubt(solution: "Solution", row: Mapping[str, Any]) -> str:
    """That nothing is as good as what the caller thinks is known, where the bound says so."""
    turned = solution.objective != solution.cost
    stated = -row["best_known"] if turned else row["best_known"]
    if solution.bound is None or stated >= solution.bound:
        return ""
    return f", and by the bound nothing reaches {number(row['best_known'])}"


def _gap(solution: "Solution", best_known: float | None) -> dict[str, float]:
    """Positive when worse, whichever way the problem's objective is read."""
    from nco.solving.certify import gap

    if best_known is None or solution.objective is None or solution.cost is None:
        return {}
    sign = -1 if solution.objective != solution.cost else 1
    share = gap(solution.cost, sign * best_known)
    return {} if share is None else {"best_known": best_known, "gap_percent": 100 * share}
