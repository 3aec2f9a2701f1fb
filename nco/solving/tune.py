"""`nco tune`: measures what the planner wants to know of this machine, and keeps it (`profile`).

Three things differ from machine to machine: how long torch takes to be there, how long a network's
first search takes, and from which beginning a classical solver comes farthest in a given time,
where it does not begin by itself.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tqdm import tqdm

from nco import registry
from nco.core import atomic
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.solving import certify, machine
from nco.solving.incumbents import Progress
from nco.solving.options import Options
from nco.workers import lanes
from nco.zoo import cards

SEED = 77  # of the cases, which are the same on every machine


def tunable() -> list[str]:
    """Problems with a plan to improve and a classical solver to do it."""
    return [
        name
        for name in registry.names()
        if not registry.folder(name).is_online and registry.folder(name).classical.improvers()
    ]


def usual_size(problem: str) -> int | None:
    """The largest size that a shipped network was both trained for and measured at.

    The smallest one measured where none was trained for; None where no network ships.
    """
    measured, trained = set(), set()
    for card in cards.of_problem(problem).values():
        sizes = {int(row["size"]) for row in card.get("measured", [])}
        measured |= sizes
        trained |= {size for size in sizes if size <= max(card.get("sizes") or [0])}
    return max(trained) if trained else min(measured, default=None)


def begins_anywhere(problem: str) -> bool:
    """Whether the planner chooses what the problem's best classical solver begins from.

    Compiled solvers begin by themselves, and for others a beginning makes no difference.
    """
    folder = registry.folder(problem)
    solver = folder.solver(folder.classical.improvers()[0])
    return not solver.kernels and not solver.same


def tune(
    problems: Sequence[str], sizes: Sequence[int] | None, limits: Sequence[float], instances: int
) -> dict[str, Any]:
    """The profile of this machine, which nothing else should keep busy meanwhile.

    Args:
        problems: folders; those not among `tunable` are an error.
        sizes: of the cases; None: of each problem its own (`usual_size`).
        limits: seconds for the classical solvers.
        instances: cases of each size.

    Raises:
        NCOError: a problem that cannot be tuned.
    """
    for name in problems:
        if name not in tunable():
            raise NCOError(f"{name}: cannot be tuned; {', '.join(tunable())} can")
    _compile(problems)
    networks, starts = [], []
    usual = {name: [size] if (size := usual_size(name)) else [] for name in problems}
    every = [(name, size) for name in problems for size in (sizes or usual[name])]
    for name, size in tqdm(every, unit="problem", disable=None):
        cases = _cases(name, size, instances)
        seconds = _first(cases)
        if seconds is not None:
            row = {"problem": name, "size": size, "seconds_per_instance": seconds}
            networks.append(row)
        for limit in limits if begins_anywhere(name) else ():
            gaps = _starts(cases, limit, seconds)
            row = {"problem": name, "size": size, "time_limit": limit, "gap_percent": gaps}
            starts.append(row)
    return {
        "format": machine.FORMAT,
        "loading": _loading(),
        "networks": networks,
        "starts": starts,
    }


def _compile(problems: Sequence[str]) -> None:
    """Compiles what the problems' solvers need, so that no later answer waits for it."""
    improvers = [solver for name in problems for solver in registry.folder(name).improvers()]
    lanes.current().lane(0).workers.warm(*[solver for solver in improvers if solver.kernels])


def save(profile: dict[str, Any]) -> None:
    """Writes the profile where `nco.solve` looks for it."""
    machine.path().parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(machine.path(), json.dumps(profile, indent=1) + "\n")


def _cases(name: str, size: int, instances: int) -> list[Case]:
    from nco.core.seeds import generator

    problem: Any = registry.folder(name).problem_class(size=size)
    cases: list[Case] = problem.cases(problem.generate(instances, generator(SEED, "tune", name)))
    return cases


def _loading() -> float:
    """Seconds until a fresh process could begin with a network."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import nco.solving.neural"], check=True)
    return time.perf_counter() - begun


def _first(cases: list[Case]) -> float | None:
    """Seconds of the fastest network's first search; None of none."""
    if cards.fastest(cases[0]) is None:
        return None
    _search(cases[0])  # the first time, everything is loaded
    begun = time.perf_counter()
    for case in cases:
        _search(case)
    return (time.perf_counter() - begun) / len(cases)


def _search(case: Case) -> Progress:
    from nco.solving import neural, threads

    progress = Progress([case], time.perf_counter())
    progress.construct()
    with threads.at_most(1):  # as beside a classical solver
        neural.first(progress, Options())
    return progress


def _starts(cases: list[Case], limit: float, seconds: float | None) -> dict[str, float]:
    """Mean gap in percent by beginning, to the best of them on each case."""
    costs = [dict(_finished(case, limit, seconds)) for case in cases]
    names = [name for name in costs[0] if all(name in reached for reached in costs)]
    gaps = {}
    for name in names:
        each = [_percent(reached[name], min(reached.values())) for reached in costs]
        gaps[name] = round(sum(each) / len(each), 4)
    return gaps


def _percent(cost: float, best: float) -> float:
    share = certify.gap(cost, best)
    return math.inf if share is None else 100 * share


def _finished(case: Case, limit: float, seconds: float | None) -> Iterator[tuple[str, float]]:
    """The cost that the classical solver reaches from every beginning in the whole time."""
    folder = registry.folder(case.problem)
    solver = folder.solver(folder.classical.improvers()[0])
    check = folder.check.check
    beginnings: dict[str, tuple[Any, float]] = {"own": (None, 0.0)}
    beginnings["construct"] = (case.construct(), 0.0)
    if seconds is not None and seconds < limit:
        first = _search(case).network[0]
        if first is not None and first.is_feasible:
            beginnings["network"] = (first.solution, seconds)
    lanes.current().lane(0).workers.warm(solver)
    for name, (start, spent) in beginnings.items():
        outcome = lanes.run(case, solver, time_limit=limit - spent, seed=SEED, start=start)
        answers = [answer for answer in (outcome.solution, start) if answer is not None]
        reports = [check(case, answer) for answer in answers]
        costs = [float(r.cost) for r in reports if r.feasible and r.cost is not None]
        if costs:
            yield name, min(costs)
