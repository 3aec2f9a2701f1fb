"""What networks alone reach: greedy paths, beams and limits of time, on published sets and files.

    python benchmarks/networks.py ../shared/benchmarks --output benchmarks/results/networks.json \
        --machine "Intel Xeon with AMX, one core"

One row is one figure. Rows that the output has are not measured again, so that a run that was
interrupted goes on. A decoder's answers are those of one core in batches of BATCH; within a limit
of time it is `nco.solve` without classical solvers, an instance at a time.
"""

import argparse
import csv
import datetime
import functools
import json
import math
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nco
from nco.benchmark.cores import confined
from nco.core import atomic
from nco.core.case import Case
from nco.core.rollout import greedy as most_probable
from nco.core.rollout import rollout
from nco.labels.store import by_size, read
from nco.problems.cvrp import files as cvrp_files
from nco.problems.hcvrp import HCVRP
from nco.problems.jssp import JSSP
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.search.beam import beam_search
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.task import Task
from nco.training.gaps import mean
from nco.training.references import folder_of
from nco.zoo import weights

COLUMNS = ("figure", "instances", "reference", "gap, %", "worst", "s")
BATCH = 16  # instances that are decoded together
SOLVED = 2.0  # seconds of `nco.solve` for a reference where a set has none
WARM = 3.0  # seconds of a first call, in which solvers and networks are loaded
HUGE, HUGE_LIMIT = 10_000, 60.0  # cities of the largest tours; seconds of their references
REFUSED = {"linhp318"}  # its file fixes edges
COST = "cost"  # in place of a reference: there is none, and costs stand in place of gaps
ROOT = Path(__file__).parent.parent

Decoder = Callable[[Task], torch.Tensor]  # costs [B]


@dataclass(frozen=True)
class Set:
    """Instances as a network sees them, and the best known cost of each; None: costs count."""

    instance: Any
    best: torch.Tensor | None

    def __len__(self) -> int:
        return len(self.instance)


# ---- sets


def loaded(model: str, cases: Sequence[Case], best: Sequence[float] | None) -> Set:
    instance = weights.load(model).problem.load(list(cases))  # type: ignore[attr-defined]
    return Set(instance, None if best is None else torch.tensor(best).double())


def reference(model: str, name: str) -> Set:
    """A labelled set that ships."""
    (part,) = by_size(
        read(folder_of(name), weights.load(model).problem), weights.load(model).problem
    )
    return Set(part.instance, part.cost.amin(1).double())


def kool(folder: Path, count: int) -> Set:
    with np.load(folder / "neural" / "kool_tsp100_seed1234_first200.npz") as file:
        cost = file["cost"][:count].tolist()
    return loaded("bq-tsp", TSP(100).published(100, count, 1234), cost)


def mvmoe(folder: Path, count: int) -> Set:
    with np.load(folder / "neural" / "mvmoe_cvrp100_1000.npz") as file:
        arrays = {key: file[key][:count] for key in file.files}
    cases = []
    for b in range(count):
        coords = np.concatenate([arrays["depot"][b].reshape(1, 2), arrays["coords"][b]])
        demand = np.concatenate([[0.0], arrays["demand"][b]])
        stated = {"coords": coords, "demand": demand, "capacity": float(arrays["capacity"][b])}
        case = cvrp_files.from_arrays(stated)
        assert case is not None
        cases.append(case)
    least = np.minimum(arrays["cost_hgs"], arrays["cost_hgs_pyvrp"])
    return loaded("bq-cvrp", cases, least.tolist())


def solved(model: str, cases: Sequence[Case]) -> Set:
    """Referred to what `nco.solve` finds in SOLVED seconds."""
    nco.solve(cases[0], time_limit=WARM, progress=False)
    found = [nco.solve(case, time_limit=SOLVED, progress=False) for case in cases]
    return loaded(model, cases, [float(one.cost) for one in found])


# ---- decoders


def beam(width: int) -> Decoder:
    return lambda task: beam_search(task, width)[1].amin(1)


def path(task: Task) -> torch.Tensor:
    """One greedy rollout, with a look before each decision."""
    played = rollout(task.problem, task.policy, task.instance, 1, most_probable, logp=False)
    return played.cost[:, 0]


def searched(name: str, budget: Budget) -> Decoder:
    """The last of a search that ends by itself."""
    return lambda task: list(named(name)(task, budget))[-1].cost


def gap(cost: Any, best: Any) -> Any:
    """In percent; costs may be below zero (prizes)."""
    return 100 * (cost - best) / abs(best)


def decoded(model: str, instances: Set, decoder: Decoder) -> tuple[list[float], float]:
    """Gaps in percent, or costs, and seconds for each instance."""
    known = weights.load(model)
    values: list[float] = []
    begin = time.process_time()
    for at in range(0, len(instances), BATCH):
        part = slice(at, at + BATCH)
        with torch.inference_mode():
            cost = decoder(Task(known.problem, known.policy, instances.instance[part])).double()
        if instances.best is not None:
            cost = gap(cost, instances.best[part])
        values += cost.tolist()
    return values, (time.process_time() - begin) / len(values)


# ---- within a limit


def limited(pairs: Sequence[tuple[Any, float]], limit: float) -> tuple[list[float], float]:
    """Gaps of the networks alone on sources with their best known costs; NaN: no answer.

    And the longest of the calls, in seconds.
    """
    gaps, seconds = [], []
    nco.solve(pairs[0][0], time_limit=WARM, classical=False, progress=False)
    for source, best in pairs:
        begin = time.perf_counter()
        found = nco.solve(source, time_limit=limit, classical=False, progress=False)
        seconds.append(time.perf_counter() - begin)
        gaps.append(gap(float(found.cost), best) if found.feasible else math.nan)
    return gaps, max(seconds)


def files(folder: Path, ending: str, least: int, most: int) -> list[tuple[Any, float]]:
    with open(folder / "best_known.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (str(folder / f"{row['name']}{ending}"), float(row["best_known"]))
        for row in rows
        if least <= int(row["n"]) <= most
        and row["name"] not in REFUSED
        and (folder / f"{row['name']}{ending}").exists()
    ]


def cases_of(model: str, name: str) -> list[tuple[Any, float]]:
    """The cases of a labelled set that ships."""
    found = reference(model, name)
    assert found.best is not None
    cases = weights.load(model).problem.cases(found.instance)  # type: ignore[attr-defined]
    return list(zip(cases, found.best.tolist(), strict=True))


def huge(count: int) -> list[tuple[Any, float]]:
    cases = TSP(HUGE).published(HUGE, count, 1234)
    found = [nco.solve(one, time_limit=HUGE_LIMIT, progress=False) for one in cases]
    return [(case, float(one.cost)) for case, one in zip(cases, found, strict=True)]


# ---- figures

Measured = tuple[list[float], float]


def figures(folder: Path) -> Iterator[tuple[str, str, Callable[[], Measured]]]:
    """Name, reference and measurement of each figure."""

    def decode(
        model: str, instances: Callable[[], Set], decoder: Decoder
    ) -> Callable[[], Measured]:
        return lambda: decoded(model, instances(), decoder)

    def limit(
        pairs: Callable[[], list[tuple[Any, float]]], seconds: float
    ) -> Callable[[], Measured]:
        return lambda: limited(pairs(), seconds)

    lkh, hgs = "stored LKH tours", "the better of two stored HGS costs"
    by_solve, stated = f"nco.solve in {SOLVED:g} s", "best known"
    rounds = Budget(rounds=100)

    @functools.cache
    def l2d() -> Set:
        return solved("gnn-jssp", JSSP(10).published(10, 100, 200))

    def fleet() -> Set:
        return loaded("parco-hcvrp", HCVRP(60, vehicles=3).published(60, 128, 24610), None)

    def prizes() -> Set:
        return solved("bq-op", OP(100).published(100, 128, 1234))

    def rounded() -> Decoder:
        return searched("reconstruct", rounds)

    yield "TSP100 greedy, Kool's 200", lkh, decode("bq-tsp", lambda: kool(folder, 200), beam(1))
    yield "TSP100 beam 16, Kool's 200", lkh, decode("bq-tsp", lambda: kool(folder, 200), beam(16))
    yield (
        "TSP100, 100 rounds, Kool's first 64",
        lkh,
        decode("bq-tsp", lambda: kool(folder, 64), rounded()),
    )
    for name, decoder in (
        ("one start", path),
        ("all starts and images", searched("multistart", Budget())),
    ):
        yield (
            f"am-tsp TSP100, {name}, Kool's 200",
            lkh,
            decode("am-tsp", lambda: kool(folder, 200), decoder),
        )
    yield (
        "TSP1000 greedy",
        "stored costs",
        decode("bq-tsp", lambda: reference("bq-tsp", "tsp1000"), beam(1)),
    )
    yield "OP100 greedy, Kool's 128", by_solve, decode("bq-op", prizes, beam(1))
    for width in (1, 16):
        name = "greedy" if width == 1 else "beam 16"
        yield (
            f"ATSP100 {name}",
            "proven optima",
            decode("bq-atsp", lambda: reference("bq-atsp", "atsp100"), beam(width)),
        )
    yield "HCVRP60, 3 vehicles, greedy", COST, decode("parco-hcvrp", fleet, path)
    sampled = searched("sampling", Budget(samples=64))
    yield (
        "HCVRP60, 3 vehicles, 64 samples",
        COST,
        decode("parco-hcvrp", fleet, sampled),
    )
    yield "JSSP 10 x 10 greedy, 100 of L2D", by_solve, decode("gnn-jssp", l2d, path)
    schedules = searched("dispatch", Budget(samples=21))
    yield "JSSP 10 x 10, 21 schedules, 100 of L2D", by_solve, decode("gnn-jssp", l2d, schedules)
    yield (
        "FJSP 10 x 5 greedy",
        "stored costs",
        decode("gnn-fjsp", lambda: reference("gnn-fjsp", "fjsp10"), path),
    )
    for name, decoder in (("greedy", beam(1)), ("beam 16", beam(16))):
        yield (
            f"CVRP100 {name}, MVMoE's first 200",
            hgs,
            decode("bq-cvrp", lambda: mvmoe(folder, 200), decoder),
        )
    every = searched("multistart", Budget())
    yield (
        "am-cvrp CVRP100, all starts and images, MVMoE's first 128",
        hgs,
        decode("am-cvrp", lambda: mvmoe(folder, 128), every),
    )
    tsplib, x = folder / "tsplib", folder / "cvrplib" / "X"
    yield (
        "TSPLIB, 200 to 1,000 cities, 10 s",
        stated,
        limit(lambda: files(tsplib, ".tsp", 200, 1000), 10),
    )
    yield "X up to 500 customers, 5 s", stated, limit(lambda: files(x, ".vrp", 0, 501), 5)
    yield "TSP1000, 10 s", "stored costs", limit(lambda: cases_of("bq-tsp", "tsp1000"), 10)
    yield "CVRP1000, 10 s", "stored costs", limit(lambda: cases_of("bq-cvrp", "cvrp1000"), 10)
    yield "TSP10000, 60 s", "nco.solve in 60 s", limit(lambda: huge(1), 60)


def row_of(name: str, to: str, measured: Measured) -> list[str]:
    values, seconds = measured
    answered = torch.tensor([value for value in values if not math.isnan(value)]).double()
    count = str(len(values))
    if len(answered) < len(values):
        count += f", {len(values) - len(answered)} without an answer"
    summed = mean(answered)
    error = "" if summed.standard_error is None else f" ± {summed.standard_error:.2f}"
    worst = float(answered.max())
    return [name, count, to, f"{summed.percent:.2f}{error}", f"{worst:.2f}", f"{seconds:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the published sets and files")
    parser.add_argument("--only", default="", help="a pattern of figures' names")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--machine", required=True, help="as the page of results shall say")
    options = parser.parse_args()
    if not (options.folder / "neural").is_dir():
        raise SystemExit(
            f"{options.folder}: no folder of published sets, as it has no neural/ in it"
        )
    torch.set_num_threads(1)
    with confined(1):
        measured_all(options)


def measured_all(options: argparse.Namespace) -> None:
    """Adds the rows that are missing."""
    result = begun(options.output, options.machine)
    for name, to, measure in figures(options.folder):
        if not re.search(options.only, name) or any(row[0] == name for row in result["rows"]):
            continue
        result["rows"].append(row_of(name, to, measure()))
        print(" | ".join(result["rows"][-1]), flush=True)
        atomic.write_text(options.output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def begun(output: Path, machine: str) -> dict[str, Any]:
    """A result with the rows that there are."""
    asked = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    at = commit.stdout.strip()
    if output.exists():
        found: dict[str, Any] = json.loads(output.read_text())
        if found["machine"] != machine:
            raise SystemExit(f"{output}: its rows are of {found['machine']}, not of {machine}")
        if at not in found["commit"].split(", "):
            found["commit"] += f", {at}"
        return found
    return {
        "title": "What networks alone reach",
        "section": "Train",
        "date": str(datetime.date.today()),
        "machine": machine,
        "threads": "one core",
        "commit": at,
        "command": "python benchmarks/networks.py ../shared/benchmarks --output networks.json "
        "--machine ...",
        "instances": "published sets, files, and labelled sets that ship",
        "measure": "mean gap in percent (± standard error) to the reference, or the mean cost "
        "where there is none; seconds for each "
        "instance, of a batch of 16 where there is no limit, and the longest where there is one",
        "columns": COLUMNS,
        "rows": [],
    }


if __name__ == "__main__":
    main()
