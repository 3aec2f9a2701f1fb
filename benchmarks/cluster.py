"""What a cluster costs: per task, megabyte and actor, and beside a run without one.

    python benchmarks/cluster.py overheads --output costs.json
    python benchmarks/cluster.py overhead --output overhead.json
    python benchmarks/cluster.py solve --knapsacks 1000 --model bq-knapsack --output solve.json
    python benchmarks/cluster.py labels --instances 400 --output labels.json
    python benchmarks/cluster.py nodes --nodes 1 2 4 --output nodes.json

Each writes its figures with the machine's load before and after, and prints them. `overhead` is
`solve` of 10,000 knapsacks and 1,000 routes in four pieces each, with and without a cluster in
turn: a piece that is in the file already is not solved again, so a run that was stopped goes on.
"""

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import processes

import nco
from nco.cluster import batch, labels
from nco.cluster.connect import connected
from nco.cluster.dispatch import Dispatch, Rules
from nco.cluster.fleet import RayFleet
from nco.cluster.inputs import tasks as tasks_of
from nco.cluster.ledger import Ledger
from nco.cluster.task import Answer, Kind, Result, Task
from nco.core import atomic
from nco.core.describe import describe
from nco.labels.store import LabelSpec
from nco.problems.cvrp import CVRP

MEGABYTE = 1_000_000
SETTLED = 10.0  # seconds in which Ray's own processes begin, after a cluster says that it is there


@dataclass(frozen=True)
class Echo:
    """Work that sends back what it gets."""

    def open(self, cores: int) -> "Echo":
        return self

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        return [Answer(task.payload) for task in tasks]

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Sleep:
    """Work that takes its time and no processor, so that one machine can play several nodes."""

    seconds: float

    def open(self, cores: int) -> "Sleep":
        return self

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        time.sleep(self.seconds * len(tasks))
        return [Answer(task.payload) for task in tasks]

    def close(self) -> None:
        pass


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def echoed(fleet: RayFleet, count: int, payload: object, most: int) -> float:
    """Seconds of so many tasks in blocks of `most`."""
    each = (Task(str(i), i, payload) for i in range(count))
    rules = Rules(most=most, target=1e9)
    return timed(lambda: list(Dispatch(fleet, rules).run(each)))


def overheads(words: argparse.Namespace) -> dict[str, float]:
    """Seconds of an actor, a block, a task and a megabyte, and of the driver's own parts."""
    begin = time.perf_counter()
    with connected("local", words.cores) as ray:
        cluster = time.perf_counter() - begin
        begin = time.perf_counter()
        fleet = RayFleet(ray, Echo(), words.cores)
        while not fleet.hosts():
            time.sleep(0.01)
        actor = time.perf_counter() - begin
        echoed(fleet, 50, None, 1)
        block = min(echoed(fleet, 300, None, 1) for _ in range(3)) / 300
        task = min(echoed(fleet, 20_000, None, 200) for _ in range(3)) / 20_000
        large = [echoed(fleet, 20, bytes(4 * MEGABYTE), 1) / 20 for _ in range(3)]
        fleet.close()
    arrays = list(knapsacks(2000))
    reading = timed(lambda: [task.payload.case({}) for task in tasks_of(arrays)]) / len(arrays)
    inputs = drawn(list(routes(1000)))
    row = nco.solve(arrays[0], time_limit=None).to_dict()
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder), {}) as ledger:
        results = [Result(Task(str(i), i, None), Kind.DONE, row) for i in range(5000)]
        writing = timed(lambda: [ledger.add(result) for result in results]) / len(results)
        table = timed(lambda: ledger.export("jsonl")) / len(results)
    return {
        "cluster_seconds": cluster,
        "actor_seconds": actor,
        "block_seconds": block,
        "task_seconds": task,
        "megabyte_seconds": (min(large) - block) / 8,  # there and back
        "input_seconds": inputs,
        "read_seconds": reading,
        "ledger_seconds": writing,
        "table_seconds": table,
    }


def drawn(arrays: list[dict[str, Any]]) -> float:
    """Processor seconds of a row of a manifest, from its line to a task."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in arrays))
        begin = time.process_time()
        for _ in tasks_of([str(path)]):
            pass
        return (time.process_time() - begin) / len(arrays)


def knapsacks(count: int) -> Iterator[dict[str, Any]]:
    """Of 20 items."""
    random = np.random.default_rng(0)
    for _ in range(count):
        values, weights = random.integers(1, 100, (2, 20))
        yield {"values": values.tolist(), "weights": weights.tolist(), "capacity": 250}


def routes(count: int) -> Iterator[dict[str, Any]]:
    """CVRPs of 50 customers."""
    random = np.random.default_rng(1)
    for _ in range(count):
        coords = random.integers(0, 1000, (51, 2))
        demand = [0, *random.integers(1, 10, 50).tolist()]
        yield {"coords": coords.tolist(), "demand": demand, "capacity": 40}


def alone_and_on_cluster(words: argparse.Namespace, arrays: list[Any], **options: Any) -> Any:
    """Seconds, processor seconds and mean cost without and with a cluster, all loaded before."""
    cores = words.cores or len(os.sched_getaffinity(0))
    with nco.Session(cores=cores) as session:
        list(session.solve_iter(arrays[:2], **options))
        alone, own, here = spent(lambda: [s.cost for s in session.solve_iter(arrays, **options)])
    given = batch.given_of(batch.Options(**options))
    with connected("local", cores) as ray:
        fleet = RayFleet(ray, batch.Solve(given, "solution"), cores)
        plan = batch.Plan("local")

        def costs(some: list[Any]) -> list[float]:
            found = batch.results(fleet, tasks_of(some), given, plan, len(some))
            return [result.value.cost for result in found]

        costs(arrays[:2])
        time.sleep(SETTLED)
        cluster, all_own, there = spent(lambda: costs(arrays))
        fleet.close()
    return {
        "instances": len(arrays),
        "alone_seconds": alone,
        "cluster_seconds": cluster,
        "overhead_percent": 100 * (cluster / alone - 1),
        "alone_processor_seconds": own,
        "cluster_processor_seconds": all_own,
        "alone_mean_cost": statistics.fmean(here),
        "cluster_mean_cost": statistics.fmean(there),
    }


def spent(call: Callable[[], list[float]]) -> tuple[float, float, list[float]]:
    """Seconds, processor seconds of this process and its descendants, and what it returns."""
    begin, before = time.perf_counter(), processes.seconds()
    found = call()
    return time.perf_counter() - begin, processes.seconds() - before, found


def solve(words: argparse.Namespace) -> dict[str, Any]:
    found = {}
    if words.knapsacks:
        arrays = list(knapsacks(words.knapsacks))
        given = {"time_limit": None, "bound": False, "model": words.model}
        found["knapsack20"] = alone_and_on_cluster(words, arrays, **given)
    if words.routes:
        arrays = list(routes(words.routes))
        found["cvrp50"] = alone_and_on_cluster(words, arrays, time_limit=0.1, bound=False)
    return found


PIECES = 4
PLACES = ("alone", "cluster")


def overhead(words: argparse.Namespace) -> dict[str, Any]:
    """`solve` piece by piece; the file has what is measured, and the sums over it."""
    path: Path = words.output or Path("overhead.json")
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    work = {
        "knapsack20": (list(knapsacks(words.knapsacks or 10_000)), None),
        "cvrp50": (list(routes(words.routes or 1000)), 0.1),
    }
    for kind, (arrays, limit) in work.items():
        size = -(-len(arrays) // PIECES)
        for first in range(0, len(arrays), size):
            name = f"{kind}/{first}"
            if name not in found:
                piece = arrays[first : first + size]
                found[name] = alone_and_on_cluster(words, piece, time_limit=limit, bound=False)
                found[name]["load"] = os.getloadavg()[0]
                found[kind] = summed([v for k, v in found.items() if k.startswith(f"{kind}/")])
                atomic.write_text(path, json.dumps(found, indent=1) + "\n")
                print(name, json.dumps(found[name]), flush=True)
    return found


def summed(pieces: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of some pieces together; mean costs are those of all instances, as pieces are alike."""
    measured = ("seconds", "processor_seconds")
    names = ("instances", *(f"{where}_{what}" for where in PLACES for what in measured))
    total = {name: sum(piece[name] for piece in pieces) for name in names}
    for what in measured:
        share = total[f"cluster_{what}"] / total[f"alone_{what}"]
        total[f"overhead_percent_of_{what}"] = 100 * (share - 1)
    for where in PLACES:
        total[f"{where}_mean_cost"] = statistics.fmean(p[f"{where}_mean_cost"] for p in pieces)
    return total


def nodes(words: argparse.Namespace) -> dict[str, float]:
    """Instances a second on so many nodes of one core, each of which sleeps for its work."""
    found = {}
    for count in words.nodes:
        with started(count) as address, connected(address) as ray:
            fleet = RayFleet(ray, Sleep(words.seconds))
            while len(fleet.hosts()) < count:
                time.sleep(0.05)
            payload = bytes(4000)
            tasks = [
                Task(str(i), i, payload)
                for i in range(int(count * words.instances * 0.02 / words.seconds))
            ]
            rules = Rules(count=len(tasks))
            took = timed(
                lambda fleet=fleet, rules=rules, tasks=tasks: list(
                    Dispatch(fleet, rules).run(iter(tasks))
                )
            )
            fleet.close()
        found[f"{count}_nodes_instances_per_second"] = len(tasks) / took
    return found


@contextlib.contextmanager
def started(count: int) -> Iterator[str]:
    """The address of a cluster with so many nodes of one core on this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    cluster.add_node(num_cpus=0, object_store_memory=80 * 2**20, include_dashboard=False)
    for _ in range(count):
        cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def label(words: argparse.Namespace) -> dict[str, float]:
    """Labels a second on 1, 2 and 4 nodes of one core each."""
    found = {}
    spec = LabelSpec(
        describe(CVRP(size=20)),
        words.solver,
        None,
        words.instances,
        seed=1,
        chunk=20,
        iterations=50,
    )
    for count in words.nodes:
        moments: list[tuple[float, int]] = []
        with started(count) as address, tempfile.TemporaryDirectory() as folder:
            labels.fill(
                spec,
                folder,
                address,
                lambda done, moments=moments: moments.append((time.perf_counter(), done)),
            )
        (first, before), (last, after) = moments[1], moments[-1]  # once all are ready
        found[f"{count}_nodes_labels_per_second"] = (after - before) / (last - first)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("overheads", "overhead", "solve", "labels", "nodes"))
    parser.add_argument("--cores", type=int, help="of the machine; all")
    parser.add_argument("--knapsacks", type=int, default=0)
    parser.add_argument("--routes", type=int, default=0)
    parser.add_argument("--model", default="auto", help="`solve` knapsacks by this network")
    parser.add_argument("--instances", type=int, default=400)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.1, help="of an instance that sleeps")
    parser.add_argument("--solver", default="pyvrp")
    parser.add_argument("--output", type=Path)
    words = parser.parse_args()
    before = os.getloadavg()[0]
    kinds = {
        "overheads": overheads,
        "overhead": overhead,
        "solve": solve,
        "labels": label,
        "nodes": nodes,
    }
    found = {**kinds[words.what](words), "load": [before, os.getloadavg()[0]]}
    text = json.dumps(found, indent=1)
    print(text)
    if words.output is not None:
        words.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
