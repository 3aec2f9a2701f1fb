"""Rich routing: nco beside PyVRP alone on the public sets, at equal times and one core each.

    python benchmarks/rich_routing.py run ROOT --output table.csv
    python benchmarks/rich_routing.py run ROOT --output table.csv --sets VRPB,VRPTW --limits 20
    python benchmarks/rich_routing.py report table.csv --output benchmarks/results/rich_routing.json

ROOT holds the sets as folders of files with a ``best_known.csv`` (`SETS`), or as arrays of many
instances of a variant (`VARIANTS`: MVMoE's, of which so many of each variant are solved; the gap is
to the lowest stored cost, which with backhauls was found under a looser rule of loads). The gaps of
`BREAKS` are to the best known of the files as they are, and hold what the breaks cost. `run` takes
so many files of each set, at equal distances in the order of their names, solves them with each
solver at each time limit, and appends a line a run. It stops before a file for which less than its
time is left of ``--seconds``, and goes on where it stopped when it is called again: so it fits into
slots of a shared machine. `report` sums up what is there.
"""

import argparse
import csv
import datetime
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from variants import case_of

from nco.benchmark import Plan, prepare
from nco.benchmark.measuring import measure
from nco.core import atomic
from nco.problems.vrp import files
from nco.problems.vrp.case import Break, Window

SETS = {  # folder of the files, and what a cost of a file is in units of best_known
    "VRPTW": ("vrp_pyvrp/VRPTW", 1),
    "PCVRPTW": ("vrp_pyvrp/PCVRPTW", 1),
    "MDVRPTW": ("vrp_pyvrp/MDVRPTW", 1),
    "SDVRPTW": ("vrp_pyvrp/SDVRPTW", 1),
    "VRPB": ("vrp_pyvrp/VRPB", 1),
    "MTVRPTWR": ("vrp_pyvrp/MTVRPTWR", 1),
    "GVRP": ("vrp_pyvrp/GVRP", 1),
    "HFVRP": ("vrp_pyvrp/HFVRP", 100),  # its files state costs times 100
    "Solomon": ("vrptw_solomon", 1),
    "LiLim100": ("pdptw_li_lim/100", 1),
    "LiLim200": ("pdptw_li_lim/200", 1),
}
VARIANTS = {  # folder of the arrays, customers, and whether variants have backhauls
    "MVMoE50": ("neural/mvmoe", 50, False),
    "MVMoE50B": ("neural/mvmoe", 50, True),
    "MVMoE100": ("neural/mvmoe", 100, False),
    "MVMoE100B": ("neural/mvmoe", 100, True),
}
BREAKS = {"SolomonBreaks": "Solomon"}  # sets whose vehicles are given a break
COLUMNS = ("set", "name", "size", "solver", "limit", "cost", "gap_percent", "seconds", "error")
OVERHEAD = 6.0  # seconds of a file beside its runs: reading, warming up


def chosen(root: Path, name: str, count: int) -> list[tuple[Path, dict[str, str]]]:
    """Files of a set, at equal distances, with their lines of ``best_known.csv``."""
    folder = root / SETS[name][0]
    table = next(path for path in (folder, folder.parent) if (path / "best_known.csv").exists())
    with open(table / "best_known.csv", newline="") as file:
        known = {row["name"].split("/")[-1].lower(): row for row in csv.DictReader(file)}
    listed = [
        (path, known[path.stem.lower()])
        for path in sorted(folder.iterdir())
        if path.suffix in (".vrp", ".txt") and path.stem.lower() in known
    ]
    step = max(1, len(listed) // count)
    return listed[step // 2 :: step][:count]


def generated(root: Path, name: str, count: int, to: Path) -> list[tuple[Path, dict[str, str]]]:
    """Instances of each variant of a set of arrays, as files, with their lowest stored costs."""
    folder, size, backhauls = VARIANTS[name]
    found = []
    for path in sorted((root / folder).glob(f"mvmoe_*{size}_*.npz")):
        variant = path.name.split("_")[1]
        if ("vrpb" in variant) != backhauls:
            continue
        arrays = np.load(path)
        costs = np.stack([arrays[key] for key in arrays.files if key.startswith("cost_")])
        step = costs.shape[1] // count
        for number in range(step // 2, step * count, step):
            file = to / f"{variant}-{number}.json"
            case = replace(case_of(arrays, number), name=f"{variant}-{number}")
            to.mkdir(parents=True, exist_ok=True)
            atomic.write_text(file, files.write(case))
            best = float(np.nanmin(costs[:, number]))
            found.append((file, {"best_known": repr(best), "n": str(size)}))
    return found


def with_breaks(root: Path, name: str, count: int, to: Path) -> list[tuple[Path, dict[str, str]]]:
    """Files of a set, each vehicle with a break: a twentieth of its shift, begun in its middle."""
    found = []
    for path, known in chosen(root, BREAKS[name], count):
        case = files.read(path.read_text())
        shift = case.depots[0].window
        length = shift.close - shift.open
        middle = Window(*(round(shift.open + share * length) for share in (0.4, 0.6)))
        rest = Break(middle, float(round(length / 20)))
        vehicles = tuple(replace(v, breaks=(rest,)) for v in case.vehicles)
        file = to / f"{path.stem}-breaks.json"
        to.mkdir(parents=True, exist_ok=True)
        atomic.write_text(file, files.write(replace(case, vehicles=vehicles)))
        found.append((file, known))
    return found


def rows_of(output: Path) -> list[dict[str, str]]:
    """What earlier calls wrote, but for a line that was cut in two."""
    if not output.exists():
        return []
    with open(output, newline="") as file:
        return [row for row in csv.DictReader(file) if row["error"] is not None]


def runs(
    path: Path, known: dict[str, str], name: str, solvers: list[str], limits: list[float]
) -> Iterator[dict[str, Any]]:
    """A line for each run on a file."""
    best = float(known["best_known"]) * (SETS[name][1] if name in SETS else 1)
    plan = Plan(files=[str(path)], solvers=solvers, time_limits=limits, cores=1, problem="vrp")
    for run in measure(prepare(plan)):
        gap = None if run.cost is None else round(100 * (run.cost / best - 1), 3)
        yield {
            "set": name,
            "name": path.stem,
            "size": known["n"],
            "solver": run.solver,
            "limit": f"{run.time_limit:g}",
            "cost": run.cost,
            "gap_percent": gap,
            "seconds": round(run.seconds, 3),
            "error": run.error or "",
        }


def run(options: argparse.Namespace) -> None:
    """Solves what is not solved yet, until the time is up."""
    begin = time.monotonic()
    solvers, limits = options.solvers.split(","), [float(s) for s in options.limits.split(",")]
    done = {(r["set"], r["name"], r["solver"], r["limit"]) for r in rows_of(options.output)}
    if not options.output.exists():
        atomic.write_text(options.output, ",".join(COLUMNS) + "\n")
    for name in options.sets.split(","):
        to = options.output.parent / f"{options.output.stem}_files"
        if name in VARIANTS:
            listed = generated(options.root, name, options.files, to)
        elif name in BREAKS:
            listed = with_breaks(options.root, name, options.files, to)
        else:
            listed = chosen(options.root, name, options.files)
        for path, known in listed:
            wanted = itertools.product(solvers, [f"{limit:g}" for limit in limits])
            if all((name, path.stem, *each) in done for each in wanted):
                continue
            needed = OVERHEAD + len(solvers) * sum(limits)
            if time.monotonic() - begin + needed > options.seconds:
                print("the time is up; call again to go on")
                return
            lines = list(runs(path, known, name, solvers, limits))
            with open(options.output, "a", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(lines)
            for line in lines:
                print(*(line[column] for column in COLUMNS), flush=True)
    print("all is solved")


def report(options: argparse.Namespace) -> None:
    """Mean gaps of each set, by solver and time limit, over the files that all of them solved."""
    rows = [row for table in options.tables for row in rows_of(table)]
    limits = sorted({row["limit"] for row in rows}, key=float)
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        sizes = sorted({int(row["size"]) for row in own})
        counts = [len({row["name"] for row in own if row["limit"] == limit}) for limit in limits]
        files = f"{', '.join(str(count) for count in counts if count)} of {sizes[0]}-{sizes[-1]}"
        for solver in dict.fromkeys(row["solver"] for row in own):
            cells = [_mean(own, solver, limit) for limit in limits]
            lines.append([name, files, solver, *cells])
    result = {
        "title": "Rich routing within a time limit",
        "section": "Compare",
        "status": options.status,
        "date": datetime.date.today().isoformat(),
        "commit": options.commit,
        "machine": options.machine or f"{os.cpu_count()} cores",
        "threads": "one core for every solver",
        "command": "python benchmarks/rich_routing.py run ROOT --output table.csv",
        "instances": options.instances,
        "measure": "mean gap in percent to the best known, ± its standard error, over the files "
        "that both solved; in brackets files without an answer. Li and Lim's best known has the "
        "fewest vehicles first, so that gaps below 0 have more",
        "columns": ["set", "files", "solver", *(f"{limit} s" for limit in limits)],
        "rows": lines,
        "runs": [[row[column] for column in COLUMNS] for row in rows],
    }
    atomic.write_text(options.output, json.dumps(result, indent=1) + "\n")
    for line in lines:
        print(*line)


def _mean(rows: list[dict[str, str]], solver: str, limit: str) -> str:
    """A mean gap over the files that all solved, and how many of the solver's own have none."""
    at_limit = [row for row in rows if row["limit"] == limit]
    unsolved = {row["name"] for row in at_limit if not row["gap_percent"]}
    own = [row for row in at_limit if row["solver"] == solver]
    gaps = [float(row["gap_percent"]) for row in own if row["name"] not in unsolved]
    lacking = sum(not row["gap_percent"] for row in own)
    failed = f" ({lacking})" if lacking else ""
    if not gaps:
        return f"-{failed}"
    error = f" ± {statistics.stdev(gaps) / len(gaps) ** 0.5:.2f}" if len(gaps) > 1 else ""
    return f"{statistics.mean(gaps):.2f}{error}{failed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.add_argument("root", type=Path)
    one.add_argument("--sets", default=",".join([*SETS, *VARIANTS]))
    one.add_argument("--files", type=int, default=3, help="of each set, or variant")
    one.add_argument("--limits", default="5,20")
    one.add_argument("--solvers", default="nco,pyvrp")
    one.add_argument("--seconds", type=float, default=float("inf"))
    one.add_argument("--output", type=Path, required=True)
    one.set_defaults(act=run)
    two = commands.add_parser("report")
    two.add_argument("tables", type=Path, nargs="+")
    two.add_argument("--instances", default="files of the public sets, by the order of their names")
    two.add_argument("--status", default="measured")
    two.add_argument("--commit", default="")
    two.add_argument("--machine", default="")
    two.add_argument("--output", type=Path, required=True)
    two.set_defaults(act=report)
    options = parser.parse_args()
    options.act(options)


if __name__ == "__main__":
    main()
