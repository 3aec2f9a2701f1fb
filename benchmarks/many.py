"""Many instances in a total time: `nco.solve_iter` beside PyVRP with an equal share for each.

    python benchmarks/many.py --instances 10000 --seconds 600 --output many.json

Both have all cores, and the same instances and seconds; processes are started and kernels compiled
before. PyVRP has one instance on each core at a time. What each took by the clock is told beside
the mean cost, which is the checker's.
"""

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from kernels import SIZES, compiled_search, drawn_cases, written

import nco
from nco import registry
from nco.core.case import Case
from nco.workers import compiling
from nco.workers.pool import Workers


def by_nco(cases: Sequence[Case], seconds: float, cores: int) -> list[float]:
    """Costs by what a user calls."""
    with nco.Session(cores=cores) as session:
        list(session.solve_iter(cases[: 2 * cores], total_time=2.0))  # processes get ready
        return [float(one.cost) for one in session.solve_iter(cases, total_time=seconds)]


def by_shares(name: str, cases: Sequence[Case], seconds: float, cores: int) -> list[float]:
    """Costs of a classical solver, with an equal share of the time for each case."""
    folder = registry.folder(cases[0].problem)
    share = seconds * cores / len(cases)
    with Workers(cores) as workers:
        workers.warm(folder.solver(name))
        handles = [workers.submit(case, name, time_limit=share) for case in cases]
        costs = []
        for case, handle in zip(cases, handles, strict=True):
            outcome = handle.wait()
            assert outcome is not None
            found = case.construct() if outcome.solution is None else outcome.solution
            costs.append(float(folder.check.check(case, found).cost or 0.0))
        return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(SIZES), default="cvrp")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--solver", default="pyvrp", help="beside nco")
    parser.add_argument("--output", type=Path, help="a JSON file for the page of results")
    words = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    cases = drawn_cases(words.problem, words.size, words.instances)
    compiling.compile_now(compiled_search(words.problem).kernels)
    rows = []
    for name in ("nco", words.solver):
        begun = time.perf_counter()
        if name == "nco":
            costs = by_nco(cases, words.seconds, cores)
        else:
            costs = by_shares(name, cases, words.seconds, cores)
        took = time.perf_counter() - begun
        rows.append([name, f"{took:.1f}", f"{statistics.mean(costs):.4f}"])
        print(*rows[-1], flush=True)
    made = {
        "title": f"{words.instances:,} {words.problem} of {words.size} in {words.seconds:g} s",
        "measure": "mean cost; seconds by the clock, with the start of processes",
        "threads": f"{cores} cores for both",
        "instances": f"the first {words.instances:,} of seed 1234",
        "command": f"python benchmarks/many.py --problem {words.problem} --size {words.size}"
        f" --instances {words.instances} --seconds {words.seconds:g}",
        "columns": ["solver", "seconds", "mean cost"],
        "rows": rows,
    }
    written(made, words.output)


if __name__ == "__main__":
    main()
