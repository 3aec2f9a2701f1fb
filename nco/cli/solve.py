"""`nco solve`: instance files to solutions."""

import argparse
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nco.cli.arguments import command, seconds, truth
from nco.core.errors import NCOError


def add(commands: Any) -> None:
    parser = command(commands, "solve", run, "Solve instance files with a trained network.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="or example:NAME (nco examples)")
    parser.add_argument("--problem", help="the problem folder, where the file does not tell")
    parser.add_argument("--model", default="auto", help="a shipped model, a folder or a checkpoint")
    parser.add_argument("--time_limit", type=seconds, metavar="S", help="seconds for each file")
    parser.add_argument(
        "--total_time",
        type=seconds,
        metavar="S",
        help="seconds for all files together, which share the processors",
    )
    parser.add_argument(
        "--iterations",
        type=int,
        metavar="K",
        help="instead of seconds: rollouts of each search and iterations of the classical solver; "
        "equal seeds give equal answers on the same hardware and threads",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--classical",
        type=truth,
        default=True,
        metavar="true|false",
        help="within a time limit let classical solvers work, and networks where cores and time "
        "allow; false: networks alone",
    )
    parser.add_argument(
        "--bound",
        type=truth,
        metavar="true|false",
        help="add a certified bound and the gap to it, where the problem has one (default: true; "
        "with --total_time only what solvers prove by the way)",
    )
    parser.add_argument(
        "--traces", type=int, default=1000, metavar="K", help="futures of an online problem"
    )
    parser.add_argument(
        "--hindsight",
        action="store_true",
        help="of an online problem: plan with perfect information, which is a bound and no policy",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line for each file")
    parser.add_argument("--verbose", action="store_true", help="print the plan before it runs")
    parser.add_argument("--plot", metavar="PNG", help="draw the (last) solution")
    parser.add_argument("--save", metavar="F", help="write the (last) solution: .json, .tour, .sol")
    parser.add_argument("--best_known", type=float, metavar="V", help="report the gap to this")


def run(options: argparse.Namespace) -> int:
    code = 0
    last = None
    for file, found in _answers(options):
        if isinstance(found, NCOError):
            code = 2
            print(f"nco: {found}", file=sys.stderr)
            if options.json:
                print(json.dumps({"file": file, "error": str(found)}), flush=True)
            continue
        last = found
        _show(file, last, options)
        if not last.feasible:
            code = max(code, 1)
        if last.status == "INTERRUPTED":
            code = 130
            break
    if last is not None:
        _keep(last, options.plot, options.save)
    return code


def _answers(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Each file with its solution, or with what is wrong with it."""
    import nco

    if options.total_time is not None:
        yield from _together(options)
        return
    for file in options.files:
        try:
            yield (
                file,
                nco.solve(
                    file,
                    problem=options.problem,
                    model=options.model,
                    time_limit=options.time_limit,
                    iterations=options.iterations,
                    seed=options.seed,
                    device=options.device,
                    classical=options.classical,
                    bound=options.bound,
                    hindsight=options.hindsight,
                    traces=options.traces,
                    verbose=options.verbose,
                ),
            )
        except NCOError as error:
            yield file, error


def _together(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """The same for files that share their time, in which they are also read."""
    from nco import registry
    from nco.core import lazy
    from nco.registry.sources import as_case
    from nco.solving.solver import solve_iter

    begin = lazy.called()
    if options.hindsight or options.bound:
        name = "hindsight" if options.hindsight else "bound"
        raise NCOError(f"--{name} needs a time of its own for each file: use --time_limit")
    cases: list[Any] = []
    for file in options.files:
        try:
            case = as_case(file, options.problem)
            if registry.folder(case.problem).is_online:
                raise NCOError(f"{file}: {case.problem} has no plan to improve: use --time_limit")
            cases.append(case)
        except NCOError as error:
            cases.append(error)
    left = options.total_time - (time.perf_counter() - begin)
    found = solve_iter(
        [case for case in cases if not isinstance(case, NCOError)],
        model=options.model,
        time_limit=options.time_limit,
        iterations=options.iterations,
        seed=options.seed,
        device=options.device,
        classical=options.classical,
        verbose=options.verbose,
        total_time=max(left, 1e-3),  # constructions there are in any case
    )
    for file, case in zip(options.files, cases, strict=True):
        answer = case if isinstance(case, NCOError) else next(found, None)
        if answer is None:  # interrupted
            return
        yield file, answer


def _show(file: str, found: Any, options: argparse.Namespace) -> None:
    for fault in found.faults:
        print(f"nco: {file}: {fault}", file=sys.stderr)
    row = {"file": file, **found.to_dict(), **_gap(found, options.best_known)}
    if options.json:
        row.pop("history")
        print(json.dumps(row), flush=True)
        return
    print(found)
    if "gap_percent" in row:
        print(f"  gap to {options.best_known:g}: {row['gap_percent']:.3f} %")
    print(f"  {found.case.view}: {json.dumps(found.solution)}", flush=True)


def _gap(solution: Any, best_known: float | None) -> dict[str, float]:
    """Positive when worse, whichever way the problem's objective is read."""
    if best_known is None or solution.objective is None or best_known == 0:
        return {}
    sign = -1 if solution.objective != solution.cost else 1
    gap = 100 * sign * (solution.objective - best_known) / abs(best_known)
    return {"best_known": best_known, "gap_percent": gap}


def _keep(solution: Any, plot: str | None, save: str | None) -> None:
    if plot:
        import matplotlib

        from nco.core import atomic

        matplotlib.use("Agg")
        image = io.BytesIO()
        form = Path(plot).suffix[1:] or "png"
        solution.plot().figure.savefig(image, format=form, dpi=150, bbox_inches="tight")
        try:
            atomic.write_bytes(Path(plot), image.getvalue())
        except OSError as error:
            raise NCOError(f"{plot}: cannot be written ({error.strerror})") from error
    if save:
        solution.save(save)
