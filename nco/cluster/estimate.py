"""What a run will cost, before it: instances, nodes, hours."""

import dataclasses
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from nco.cluster import inputs
from nco.cluster.batch import Plan
from nco.cluster.connect import LOCAL, connected
from nco.core.errors import NCOError
from nco.solving.options import Options
from nco.workers.cores import usable_cores

SAMPLE = 3  # instances that are solved here where no limit says how long one takes
NOT_HERE = 10.0  # seconds after which no further one is


def estimate(words: Sequence[str], options: Options, plan: Plan, output: Path | None) -> str:
    """Lines for people: how many instances, on what, how long, and how sure that is.

    Args:
        words: files, patterns, folders and manifests.
        options, plan: of the run.
        output: a folder in which some may have ended.

    Raises:
        NCOError: where there is no cluster, or an input is wrong.
    """
    total, ended = inputs.count(words) or 0, _ended(output)
    left = max(total - ended, 0)
    nodes, cores = _machine(plan)
    each, source = _each(words, options)
    lines = [f"instances: {total}" + (f", {ended} of which have ended" if ended else "")]
    lines.append(f"cluster: {nodes} nodes, {cores} cores")
    if options.total_time is not None:
        lines.append(f"time: {_span(options.total_time)} in all, as --total_time says")
        lines.append(f"cost: {options.total_time * cores / 3600:.3g} core-hours")
        return "\n".join(lines)
    lines.append(f"an instance: {each:.3g} s of one core at most, {source}")
    lines.append(f"time: {_span(each * left / max(cores, 1))}, and a minute to begin")
    lines.append(f"cost: {each * left / 3600:.3g} core-hours")
    return "\n".join(lines)


def _ended(output: Path | None) -> int:
    if output is None or not (output / "ledger.jsonl").exists():
        return 0
    with open(output / "ledger.jsonl", "rb") as file:
        return sum(line.endswith(b"\n") for line in file)


def _machine(plan: Plan) -> tuple[int, int]:
    """Nodes and their cores."""
    if plan.address == LOCAL:
        return 1, usable_cores()
    with connected(plan.address) as ray:
        cpus = [int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]]
    return sum(cpu >= 1 for cpu in cpus), sum(cpus)


def _each(words: Sequence[str], options: Options) -> tuple[float, str]:
    """Seconds of an instance, and how they are known."""
    from nco.solving import limits
    from nco.solving.solver import solve

    if isinstance(options.time_limit, int | float):
        return float(options.time_limit), "as --time_limit says"
    given = {"columns": options.columns, "arguments": options.arguments, "problem": options.problem}
    took: list[float] = []
    for task in islice(inputs.tasks(words), SAMPLE):
        try:
            case = task.payload.case(given)
        except NCOError:
            continue
        limit = limits.settle(options, case).time_limit
        begin = time.perf_counter()
        if limit is None:
            fields = {f.name: getattr(options, f.name) for f in dataclasses.fields(options)}
            for name in ("columns", "arguments", "cluster"):
                del fields[name]
            solve(case, **fields)
            limit = time.perf_counter() - begin
        took.append(float(limit))
        if sum(took) > NOT_HERE:
            break
    if not took:
        raise NCOError("--dry_run: none of the first instances can be read")
    mean = sum(took) / len(took)
    return mean, f"as the first {len(took)} take here"


def _span(seconds: float) -> str:
    """In the unit that people would use."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.3g} seconds"
