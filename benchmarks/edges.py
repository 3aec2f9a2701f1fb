"""What could a network's candidate edges give Or-opt? An oracle's against the nearest cities.

    python benchmarks/edges.py --size 1000 --instances 12 --limit 1 --output edges.json

The oracle gives each city its neighbours on `TOURS` long searches' tours, and the nearest cities up
to `CANDIDATES`. No network knows as much of an instance, so what the oracle gains in equal time is
more than any network's edges can. The time of a network is not counted.
"""

import argparse
import math
import statistics
import time
from pathlib import Path

import numpy as np
from kernels import written

from nco.problems.tsp.kernels.candidates import candidates
from nco.problems.tsp.kernels.local_search import search

TOURS = 3
CANDIDATES = 5  # of a city; Or-opt's own are ten


def tour(coords: np.ndarray, seconds: float, seed: int, pairs: np.ndarray | None) -> list[int]:
    """What Or-opt finds in so many seconds."""
    until = time.perf_counter() + seconds
    return search("EUCLIDEAN", coords, None, until=until, seed=seed, pairs=pairs).tour


def length(coords: np.ndarray, order: list[int]) -> float:
    """Of a tour."""
    places = coords[order]
    return float(np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1).sum())


def oracle(coords: np.ndarray, tours: list[list[int]]) -> np.ndarray:
    """Candidates [n, K]: neighbours on the tours, those on most of them first; then the nearest."""
    padded = np.vstack([coords[:1], coords])
    near = candidates(padded, None, 2 * CANDIDATES, 0)[1:].astype(int) - 1
    seen = np.zeros(len(coords), dtype=object)
    seen[:] = [{} for _ in coords]
    for order in tours:
        for one, other in zip(order, order[1:] + order[:1], strict=True):
            seen[one][other] = seen[one].get(other, 0) + 1
            seen[other][one] = seen[other].get(one, 0) + 1
    rows = []
    for known, others in zip(seen, near.tolist(), strict=True):
        first = sorted(known, key=known.__getitem__, reverse=True)
        rows.append([*first, *(city for city in others if city not in known)][:CANDIDATES])
    return np.array(rows)


def gained(size: int, seed: int, limit: float, long: float) -> float:
    """By how many percent the oracle's tour is longer than the one by the nearest cities."""
    coords = np.random.default_rng(seed).random((size, 2))
    pairs = oracle(coords, [tour(coords, long, 100 + k, None) for k in range(TOURS)])
    own, guided = (length(coords, tour(coords, limit, 1, given)) for given in (None, pairs))
    return 100 * (guided / own - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=12)
    parser.add_argument("--limit", type=float, default=1.0, metavar="S")
    parser.add_argument("--long", type=float, default=5.0, metavar="S", help="of an oracle's tour")
    parser.add_argument("--output", type=Path, help="a JSON file for the page of results")
    words = parser.parse_args()
    gained(words.size, 0, words.limit, words.limit)  # compiled, and in the cache
    changes = [gained(words.size, 1 + k, words.limit, words.long) for k in range(words.instances)]
    error = statistics.stdev(changes) / math.sqrt(len(changes))
    row = [f"{words.size}", f"{words.limit:g}", f"{statistics.mean(changes):+.3f} ± {error:.3f}"]
    print(*row)
    made = {
        "title": "Candidate edges of an oracle",
        "measure": "mean length (± standard error of the pairs) of Or-opt's tour in percent above"
        " that with its own candidates in the same time; below zero the oracle helps",
        "threads": "one",
        "instances": f"{words.instances} uniform ones; the oracle knows {TOURS} tours of"
        f" {words.long:g} s each",
        "command": "python benchmarks/edges.py",
        "columns": ["cities", "limit in s", "change, %"],
        "rows": [row],
    }
    written(made, words.output)


if __name__ == "__main__":
    main()
