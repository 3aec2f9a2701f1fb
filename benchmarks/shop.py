"""Scheduling: how fast the tensors are, and how good the answers to whole folders of files.

    python benchmarks/shop.py speed --threads 2
    python benchmarks/shop.py table FOLDER --limits 1,10 --output table.csv

`speed` plays complete random schedules in batches: every step draws one of the allowed actions and
takes it; nothing is asked of a policy. `table` solves every file below a folder that has a
``best_known.csv`` (names without suffix, with the folder below or without it) with each solver at
each time limit, and appends a line a run to its output; a table that was interrupted goes on where
it stopped.

Measured on weights of `DisjunctivePolicy` that were trained on at most 13 x 13, greedily on one or
two of Taillard's shops of each size, percent above the best known by `lookahead`:

    shop      4     10    all
    20 x 15   9.9   6.4   8.7
    20 x 20   10.1  10.3  11.4
    30 x 20   13.6  8.6   9.6
"""

import argparse
import csv
import fnmatch
import io
import json
import statistics
import time
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import Any

import torch

from nco.benchmark import Plan, Run, prepare
from nco.benchmark.measuring import measure
from nco.benchmark.plan import DEFAULT
from nco.core import atomic
from nco.core.seeds import generator
from nco.problems._shop.problem import Shop
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP

COLUMNS = (
    "name",
    "size",
    "solver",
    "time_limit",
    "cost",
    "best_known",
    "optimal",
    "gap_percent",
    "seconds",
    "error",
)


# ---- speed


def play(problem: Shop, instance: Any, seed: int) -> torch.Tensor:
    """The makespans of one random episode of every instance."""
    random = generator(seed, device=instance.device)
    state = problem.reset(instance, 1)
    for _ in range(problem.horizon(instance)[1]):
        allowed = problem.choices(instance, state)
        drawn = torch.rand(allowed.shape, generator=random, device=allowed.device)
        choice = drawn.masked_fill(~allowed, -1.0).argmax(-1)
        state = problem.step(instance, state, problem.node(instance, state, choice))
    assert bool(problem.done(instance, state).all())
    return state.cost_so_far


def speed_of(problem: Shop, batch: int, repeats: int, device: str) -> dict[str, Any]:
    """Episodes a second by the clock and by the processor's time; the first round is left out."""
    instance = problem.generate(batch, generator(0)).to(device)
    play(problem, instance, 0)
    rates, own, spans = [], [], []
    for number in range(repeats):
        begin, busy = time.perf_counter(), time.process_time()
        spans.append(float(play(problem, instance, number).mean()))
        rates.append(batch / (time.perf_counter() - begin))
        own.append(batch / (time.process_time() - busy))
    return {
        "problem": type(problem).__name__,
        "jobs": problem.features(instance[:1]).groups[..., 0].max().item() + 1,  # type: ignore[union-attr]
        "batch": batch,
        "episodes_a_second": round(statistics.median(rates)),
        "episodes_a_processor_second": round(statistics.median(own)),
        "mean_makespan": round(sum(spans) / len(spans), 1),
    }


def speed(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    for problem in (JSSP(10), FJSP(10), FFSP(20)):
        row = speed_of(problem, options.batch, options.repeats, options.device)
        print(json.dumps({**row, "threads": options.threads}), flush=True)


# ---- table


def files_below(folder: Path, pattern: str, known: Container[str]) -> dict[str, Path]:
    """Instance files by their name in ``best_known.csv``: with the folder below, or without it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).with_suffix("").as_posix()
        name = next((name for name in (inner, path.stem) if name in known), None)
        if path.is_file() and path.suffix != ".csv" and name and fnmatch.fnmatch(name, pattern):
            found[name] = path
    if not found:
        raise SystemExit(f"{folder}: best_known.csv names no file here that matches {pattern}")
    return found


def best_known(folder: Path) -> dict[str, dict[str, str]]:
    with open(folder / "best_known.csv", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def lines(output: Path) -> list[dict[str, str]]:
    """What an earlier run wrote, but for a line that was cut in two."""
    if not output.exists():
        return []
    with open(output, newline="") as file:
        return [row for row in csv.DictReader(file) if row["error"] is not None]


def line_of(run: Run, name: str, known: dict[str, str]) -> dict[str, Any]:
    best = float(known["best_known"])
    error = run.error or ""
    if run.cost is not None and run.cost < best and known["optimal"] == "True":
        error = "better than the proven optimum: the checker or the file is wrong"
    return {
        "name": name,
        "size": known["n"],
        "solver": run.solver,
        "time_limit": DEFAULT if run.time_limit is None else run.time_limit,
        "cost": run.cost,
        "best_known": known["best_known"],
        "optimal": known["optimal"],
        "gap_percent": None if run.cost is None else round(100 * (run.cost / best - 1), 3),
        "seconds": round(run.seconds, 3),
        "error": error,
    }


def fill(options: argparse.Namespace) -> list[dict[str, str]]:
    """Solves the files that the output has not got whole yet; all lines of those asked for.

    Solvers take turns on a file, so that whatever else the machine does hits all alike.
    """
    known = best_known(options.folder)
    files = files_below(options.folder, options.only, known)
    limits = [None if word == DEFAULT else float(word) for word in options.limits.split(",")]
    solvers = options.solvers.split(",")
    asked = {(s, str(DEFAULT if t is None else t)) for s in solvers for t in limits}

    def is_asked(row: dict[str, str]) -> bool:
        return (row["solver"], row["time_limit"]) in asked

    rows = lines(options.output)
    done = Counter(row["name"] for row in rows if is_asked(row))
    left = {str(path): name for name, path in files.items() if done[name] < len(asked)}
    rows = [row for row in rows if not is_asked(row) or row["name"] not in left.values()]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    kept = io.StringIO()
    writer = csv.DictWriter(kept, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(options.output, kept.getvalue())
    if left:
        plan = Plan(files=list(left), solvers=solvers, time_limits=limits, cores=options.cores)
        contest = prepare(plan)
        with open(options.output, "a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            paths = {name: str(case.path) for name, case in contest.cases}
            for run in measure(contest):
                name = left[paths[run.instance]]
                writer.writerow(line_of(run, name, known[name]))
                file.flush()
    return [row for row in lines(options.output) if row["name"] in files and is_asked(row)]


def table(options: argparse.Namespace) -> None:
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in fill(options):
        groups.setdefault((row["time_limit"], row["solver"]), []).append(row)
    print(
        f"{'limit':>8} {'solver':<14} {'files':>5} {'failed':>6} {'mean gap':>9} {'worst':>8} best"
    )
    for (limit, solver), rows in groups.items():
        gaps = [float(row["gap_percent"]) for row in rows if row["gap_percent"]]
        mean = f"{statistics.mean(gaps):8.2f}%" if gaps else " " * 9
        worst = f"{max(gaps):7.2f}%" if gaps else " " * 8
        reached = sum(gap <= 0 for gap in gaps)
        failed = len(rows) - len(gaps)
        print(f"{limit:>8} {solver:<14} {len(rows):>5} {failed:>6} {mean} {worst} {reached}")


# --------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("speed")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--batch", type=int, default=2048)
    one.add_argument("--repeats", type=int, default=3)
    one.add_argument("--device", default="cpu")
    one.set_defaults(act=speed)
    two = commands.add_parser("table")
    two.add_argument("folder", type=Path)
    two.add_argument("--limits", default="1,10", help=f"seconds, or {DEFAULT}: one pass")
    two.add_argument("--solvers", default="nco,ortools")
    two.add_argument("--only", default="*", help="names that match, such as brandimarte/mk*")
    two.add_argument("--cores", type=int, default=1, help="for every solver")
    two.add_argument("--output", type=Path, required=True)
    two.set_defaults(act=table)
    options = parser.parse_args()
    options.act(options)


if __name__ == "__main__":
    main()
