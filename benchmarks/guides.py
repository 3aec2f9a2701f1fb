"""Do networks help compiled searches? From a network's solution, and from nothing, in equal time.

    python benchmarks/guides.py --instances 16 --limits 0.1 0.3 1 --output guides.json

For each problem the networks have a share of the time, as `nco.solve` gives it to them, and the
compiled search goes on from their best with the rest. Networks are loaded and kernels compiled
before. Costs are the checker's, in percent above those of the same search from nothing with all of
the time: below zero the networks help. The error is that of the mean of pairs.
"""

import argparse
import math
import statistics
from pathlib import Path

from kernels import compiled_search, drawn_cases, timed_call, written

import nco
from nco import registry
from nco.core.case import Case

SIZES = {"tsp": (100, 500), "cvrp": (100, 300), "op": (100,), "atsp": (50,), "jssp": (10, 20)}
SHARES = (0.25, 0.5)


def compared(name: str, size: int, instances: int, limit: float) -> list[list[str]]:
    """A row for each share of the time that networks have."""
    solver, cases = compiled_search(name), drawn_cases(name, size, instances)
    check = registry.folder(name).check.check

    def guided(case: Case, share: float) -> float:
        """The cost, with networks for a share of the time."""
        start, left = None, limit
        if share:
            begun = nco.solve(case, time_limit=share * limit, classical=False, bound=False)
            start, left = begun.solution, limit - begun.seconds
        return check(case, timed_call(solver, case, time_limit=left, start=start)[0]).cost

    guided(cases[0], max(SHARES))
    alone = [guided(case, 0.0) for case in cases]
    rows = []
    for share in SHARES:
        changes = [
            100 * (guided(case, share) - own) / abs(own)
            for case, own in zip(cases, alone, strict=True)
        ]
        error = statistics.stdev(changes) / math.sqrt(len(changes))
        change = f"{statistics.mean(changes):+.2f} ± {error:.2f}"
        rows.append([name, str(size), solver.name, f"{limit:g}", f"{share:g}", change])
        print(*rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--instances", type=int, default=16)
    parser.add_argument("--limits", type=float, nargs="+", default=[0.1, 0.3, 1.0], metavar="S")
    parser.add_argument("--output", type=Path, help="a JSON file for the page of results")
    words = parser.parse_args()
    rows = [
        row
        for name in words.problems
        for size in SIZES[name]
        for limit in words.limits
        for row in compared(name, size, words.instances, limit)
    ]
    made = {
        "title": "Networks before compiled searches",
        "measure": "mean cost (± standard error of the pairs) in percent above the same search"
        " from nothing in the same time; below zero the networks help",
        "threads": "one",
        "instances": f"the first {words.instances} of seed 1234 of each size",
        "command": "python benchmarks/guides.py",
        "columns": ["problem", "size", "solver", "limit in s", "share of networks", "change, %"],
        "rows": rows,
    }
    written(made, words.output)


if __name__ == "__main__":
    main()
