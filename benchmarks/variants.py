"""Measures networks of rich routing on the published sets of MVMoE's 16 variants.

    python benchmarks/variants.py FOLDER --model runs/vrp --instances 64 --widths 1,16 \
        --output benchmarks/results/variants.json --machine "AMD EPYC, one core"

FOLDER holds ``mvmoe_{variant}{size}_256.npz`` with the arrays depot, coords, demand (negative: a
backhaul), capacity, open; with a limit route_limit; with windows service, tw_start, tw_end and
depot_tw_end; and stored costs as ``cost_*``. A gap is to the least stored cost of an instance. Most
of OR-Tools' plans with backhauls deliver what was picked up, which `vrp` does not allow: where
ortools_separate says so, the reference is what `sisr` finds in `ITERATIONS`.
"""

import argparse
import datetime
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from nco.core.errors import NCOError
from nco.problems.vrp.case import ALWAYS, INFINITE, Case, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.problems.vrp.solvers.searching import sisr
from nco.search.beam import beam_search
from nco.search.task import Task
from nco.training.gaps import mean
from nco.zoo import weights

FILE = re.compile(r"mvmoe_([a-z]+)(\d+)_256\.npz")
BATCH = 16  # instances that are searched together
ITERATIONS = 500  # of a client, where no stored cost keeps the rules


class Published(NamedTuple):
    """A set: its variant and size, the cases, and the least stored cost of each."""

    variant: str
    size: int
    cases: list[Case]
    cost: torch.Tensor


def published(folder: Path, count: int, sizes: list[int]) -> Iterator[Published]:
    """The first `count` instances of each set in a folder."""
    for path in sorted(folder.glob("*.npz")):
        name = FILE.fullmatch(path.name)
        if name is None or int(name[2]) not in sizes:
            continue
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        # HGS exceeds windows by up to 6e-4
        skipped = {"cost_hgs"} if "tw_start" in arrays else set()
        stored = [
            arrays[key][:count] for key in arrays if key.startswith("cost_") if key not in skipped
        ]
        cases = [case_of(arrays, b) for b in range(count)]
        least = np.nanmin(np.stack(stored), 0)
        for b in np.flatnonzero(~arrays.get("ortools_separate", np.ones(count, bool))[:count]):
            least[b] = solved(cases[b])
        yield Published(name[1], int(name[2]), cases, torch.from_numpy(least))


def solved(case: Case) -> float:
    """The cost of a good plan."""
    plan = sisr(case, time_limit=None, seed=0, iterations=ITERATIONS * case.size)
    cost = check(case, plan).cost
    assert cost is not None
    return float(cost)


def case_of(arrays: dict[str, np.ndarray], b: int) -> Case:
    """One instance of a set."""
    demand, opened = arrays["demand"][b].astype(float), bool(arrays["open"])
    limit = float(arrays["route_limit"][b]) if "route_limit" in arrays else INFINITE
    stated: dict[str, Any] = {}
    shift = ALWAYS
    if "tw_start" in arrays:
        ends = zip(arrays["tw_start"][b].tolist(), arrays["tw_end"][b].tolist(), strict=True)
        stated["windows"] = tuple((Window(*window),) for window in ends)
        stated["service"] = arrays["service"][b].astype(float)
        shift = ALWAYS if opened else Window(0.0, float(arrays["depot_tw_end"][b]))
    vehicle = VehicleType(
        count=None,
        capacity=(float(arrays["capacity"][b]),),
        end=None if opened else 0,
        shift=shift,
        max_distance=limit,
    )
    places = np.concatenate([arrays["depot"][b].reshape(1, 2), arrays["coords"][b]])
    return plain(
        len(demand),
        vehicles=(vehicle,),
        coords=places.astype(float),
        delivery=np.maximum(demand, 0)[:, None],
        pickup=np.maximum(-demand, 0)[:, None],
        **stated,
    )


def row_of(
    found: Published, model: weights.Model, widths: list[int], held_out: bool
) -> dict[str, Any]:
    """The mean gap of each width of beam, in percent, and how long an instance takes."""
    problem = model.problem
    row: dict[str, Any] = {"set": f"{found.variant}{found.size}", "held_out": held_out}
    instance = problem.load(found.cases)  # type: ignore[attr-defined]
    for width in widths:
        gaps, begin = [], time.process_time()
        for first in range(0, len(found.cases), BATCH):
            part = slice(first, first + BATCH)
            with torch.inference_mode():
                task = Task(problem, model.policy, instance[part])
                cost = beam_search(task, width)[1].amin(1).double()
            gaps.append(100 * (cost / found.cost[part] - 1))
        gap = mean(torch.cat(gaps))
        name = "greedy" if width == 1 else f"beam {width}"
        row[f"{name}, %"], row[f"{name}, standard error"] = (
            round(gap.percent, 2),
            gap.standard_error,
        )
        row[f"{name}, s"] = round((time.process_time() - begin) / len(found.cases), 3)
    return row


def summary(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means over sets that were trained on and over those held out, by size."""
    sizes = sorted({re.sub(r"\D", "", row["set"]) for row in rows}, key=int)
    for size in sizes:
        for held_out in (False, True):
            mine = [r for r in rows if r["set"].endswith(size) and r["held_out"] is held_out]
            figures = [key for key in (mine[0] if mine else ()) if key.endswith(("%", ", s"))]
            means = {key: round(sum(row[key] for row in mine) / len(mine), 3) for key in figures}
            if mine:
                kind = "held out" if held_out else "seen"
                yield {"set": f"mean of {len(mine)} {kind}, {size}", "held_out": held_out, **means}


def result(rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """The rows as a page of results shows them: a line for each variant and mean."""
    kinds = [key.removesuffix(", %") for key in rows[0] if key.endswith(", %")]
    lines = []
    for row in rows:
        cells = []
        for kind in kinds:
            error = row.get(f"{kind}, standard error")
            cells.append(f"{row[f'{kind}, %']:.2f}" + (f" ± {error:.2f}" if error else ""))
            cells.append(f"{row[f'{kind}, s']:.3f}")
        lines.append([row["set"], "held out" if row["held_out"] else "", *cells])
    return {
        "title": "One network on the 16 variants",
        "section": "Train",
        "date": datetime.date.today().isoformat(),
        "commit": options.commit,
        "machine": options.machine,
        "threads": "1",
        "command": f"python benchmarks/variants.py FOLDER --model {options.model} "
        f"--instances {options.instances} --widths {options.widths}",
        "instances": f"the first {options.instances} of MVMoE's of each variant and size",
        "measure": "mean gap in percent (± standard error) to the least stored cost, with "
        f"backhauls where OR-Tools kept the rules and else to sisr of {ITERATIONS} steps a client; "
        "processor seconds an instance",
        "columns": ["set", "trained", *(c for kind in kinds for c in (f"{kind}, %", f"{kind}, s"))],
        "rows": lines,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--instances", type=int, default=64)
    parser.add_argument("--widths", default="1,16")
    parser.add_argument("--sizes", default="50,100")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--machine", default="")
    parser.add_argument("--commit", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = weights.load(options.model)
    variants = getattr(model.problem, "variants", None)
    if variants is None:
        raise NCOError(f"{options.model}: is no model of vrp")
    widths, sizes = ([int(n) for n in text.split(",")] for text in (options.widths, options.sizes))
    rows = []
    for found in published(options.folder, options.instances, sizes):
        rows.append(row_of(found, model, widths, found.variant not in variants))
        print(rows[-1], flush=True)
    rows += summary(rows)
    for row in rows[-2 * len(sizes) :]:
        print(row)
    if options.output is not None:
        options.output.write_text(json.dumps(result(rows, options), indent=1) + "\n")


if __name__ == "__main__":
    main()
