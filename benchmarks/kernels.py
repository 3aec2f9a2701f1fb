"""Compiled searches: their steps a second, and how many labels a second one core makes.

    python benchmarks/kernels.py speed --output benchmarks/results/kernel_speed.json
    python benchmarks/kernels.py labels --output benchmarks/results/label_speed.json

`speed` counts the steps of each search, compiled and as plain Python (``NUMBA_DISABLE_JIT=1``, in
a process of its own). What is prepared before the first step is not counted: two runs of different
numbers of steps are compared.

`labels` solves the same instances for longer and longer, until their mean cost is at most
`CLOSE` percent above that of a long run; a label takes what the solver's call then takes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from nco import registry
from nco.benchmark import Plan, prepare
from nco.benchmark.contest import Contest
from nco.benchmark.setting import describe_setting
from nco.core import atomic
from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving import certify
from nco.workers import compiling

FEW, MANY = 200, 50_000  # steps of a plain and of a compiled run
TIMES = 3  # runs of each, of which the median counts
CLOSE = 0.3  # percent
LIMITS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
SIZES = {  # of the speed, in the problem's own size
    "cvrp": (100, 1000),
    "hcvrp": (60,),
    "op": (100,),
    "omdcpdp": (25,),
    "tsp": (100, 1000),
    "atsp": (100,),
    "jssp": (10,),
    "fjsp": (10,),
    "ffsp": (20,),
}
LABELS = {"cvrp": 100, "jssp": 10, "op": 100, "hcvrp": 60, "omdcpdp": 25, "tsp": 100, "atsp": 100}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "labels", "plain"))
    parser.add_argument("--output", type=Path, help="a JSON file for the page of results")
    parser.add_argument("--instances", type=int, default=20, help="of `labels`")
    parser.add_argument("--long", type=float, default=10.0, metavar="S", help="of `labels`")
    arguments = parser.parse_args()
    if arguments.what == "plain":  # what `speed` starts
        print(json.dumps([[name, size, speed(name, size, FEW)] for name, size in _sizes()]))
        return
    made = speeds() if arguments.what == "speed" else labels(arguments.instances, arguments.long)
    written(made, arguments.output)


def written(made: dict[str, Any], output: Path | None) -> None:
    """Prints the rows of a result, and writes it for the page of results."""
    made |= {"section": "Compare", "date": str(date.today()), "machine": _machine()}
    made["commit"] = _commit()
    print(json.dumps(made["rows"], indent=1))
    if output is not None:
        atomic.write_text(output, json.dumps(made, indent=1) + "\n")


def speeds() -> dict[str, Any]:
    """Steps a second of every search, compiled and plain."""
    run = subprocess.run(
        [sys.executable, __file__, "plain"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = []
    for name, size, plain in json.loads(run.stdout):
        compiled = speed(name, size, MANY)
        solver = compiled_search(name).name
        cells = [name, str(size), solver, f"{compiled:,.0f}", f"{plain:,.0f}"]
        rows.append([*cells, f"{compiled / plain:.0f}"])
    return {
        "title": "Steps a second of compiled searches",
        "measure": "steps a second, median of three; a step is one removal and insertion of a few "
        "stops (sisr), one kick and its repair (oropt), one move (tabu)",
        "threads": "one",
        "instances": "the first of seed 1234, shops with as many machines as usual for their size",
        "command": "python benchmarks/kernels.py speed",
        "columns": ["problem", "size", "solver", "compiled", "plain Python", "ratio"],
        "rows": rows,
    }


def speed(name: str, size: int, steps: int) -> float:
    """Steps a second of a problem's search."""
    solver, case = compiled_search(name), drawn_cases(name, size, 1)[0]
    timed_call(solver, case, iterations=10)
    taken = []
    for seed in range(TIMES):
        short = timed_call(solver, case, iterations=steps // 10, seed=seed)[1]
        long = timed_call(solver, case, iterations=steps, seed=seed)[1]
        taken.append((long - short) / (steps - steps // 10))
    return 1 / statistics.median(taken)


def labels(instances: int, long: float) -> dict[str, Any]:
    """Of each problem, the labels a second and core that are close to a long run."""
    rows = []
    for name, size in LABELS.items():
        solver, cases = compiled_search(name), drawn_cases(name, size, instances)
        check = registry.folder(name).check.check
        best = [check(case, timed_call(solver, case, time_limit=long)[0]).cost for case in cases]
        for limit in LIMITS:
            answers = [timed_call(solver, case, time_limit=limit) for case in cases]
            costs = [
                check(case, found).cost for case, (found, _) in zip(cases, answers, strict=True)
            ]
            share = certify.gap(sum(costs), sum(best))
            assert share is not None
            gap = 100 * share
            if gap <= CLOSE:
                break
        seconds = statistics.mean(took for _, took in answers)
        row = [name, str(size), solver.name, f"{limit:g}", f"{gap:.2f}", f"{1 / seconds:.1f}"]
        rows.append(row)
        print(*row, file=sys.stderr, flush=True)
    return {
        "title": "Labels a second",
        "measure": f"the shortest of {len(LIMITS)} limits within {CLOSE:g} % of {long:g} s",
        "threads": "one",
        "instances": f"the first {instances} of seed 1234",
        "command": "python benchmarks/kernels.py labels",
        "columns": ["problem", "size", "solver", "limit in s", "gap in percent", "labels a second"],
        "rows": rows,
    }


def _sizes() -> Iterator[tuple[str, int]]:
    for name, sizes in SIZES.items():
        yield from ((name, size) for size in sizes)


def drawn_cases(name: str, size: int, count: int) -> list[Case]:
    return [case for _, case in _contest(name, size, count).cases]


def _contest(name: str, size: int, count: int) -> Contest:
    return prepare(Plan(problem=name, size=size, instances=count, solvers=("nco",)))


def compiled_search(name: str) -> Solver[Any]:
    """A problem's compiled search that can count its steps and does nothing else."""
    found = registry.folder(name).classical.solvers()
    return next(solver for solver in found.values() if solver.kernels and not solver.proof)


def timed_call(solver: Solver[Any], case: Case, seed: int = 0, **limit: Any) -> tuple[Any, float]:
    """A solver's answer and the seconds that it took."""
    compiling.compile_now(solver.kernels)
    begun = time.perf_counter()
    found = solver.solve(case, **{"time_limit": None, "seed": seed, **limit})
    return found, time.perf_counter() - begun


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(
        asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def _machine() -> str:
    setting = describe_setting(_contest("knapsack", 2, 1))
    return f"{setting['processor']}, {os.cpu_count()} cores, no GPU"


if __name__ == "__main__":
    main()
