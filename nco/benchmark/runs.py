"""One solver on one instance: what it cost, how far from the best, and when it was found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nco.solving import certify
from nco.workers.outcome import Improvement

HISTORY, STREAMED, FINAL = "history", "streamed", "final"  # where a run's points come from


@dataclass(frozen=True)
class Run:
    """One solver on one instance at one time limit; one line of ``runs.csv``.

    Attributes:
        cost, objective: by the checker; None where the run failed.
        gap_percent: positive when worse; None until the comparison is over, and for failures.
        seconds: wall time; error: why there is no feasible solution.
        cost_standard_error, measures: of a policy, which is simulated on the same random futures as
            every other one; its cost is then a mean.
        cold: in a fresh process, whose start and imports the wall time includes.
        faults: what went wrong on the way and did not cost the answer.
        points: the solutions on the way, by time and ever better, the last one included.
        traced: where they come from: HISTORY of `nco.solve`, STREAMED out of a classical solver's
            process, or FINAL, the answer alone.
        solution: in the instance's own numbers; kept for its picture.
        best_cost: what gap_percent is to.
        primal_integral: see `nco.benchmark.curve`.
    """

    problem: str
    instance: str
    size: int
    solver: str
    time_limit: float | None
    cost: float | None
    objective: float | None
    gap_percent: float | None
    seconds: float
    error: str | None
    cost_standard_error: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    cold: bool = False
    faults: tuple[str, ...] = ()
    points: tuple[Improvement, ...] = ()
    traced: str = FINAL
    solution: Any = None
    best_cost: float | None = None
    primal_integral: float | None = None


def improvements(points: Sequence[Improvement]) -> tuple[Improvement, ...]:
    """Those that are better than all before them, in the order of time."""
    best = math.inf
    kept = []
    for point in sorted(points, key=lambda point: (point.seconds, point.cost)):
        if point.cost < best:
            best = point.cost
            kept.append(point)
    return tuple(kept)


def with_gaps(runs: Sequence[Run], known: Mapping[tuple[str, str], float | None]) -> list[Run]:
    """The runs with their gaps to the best cost among them, or to the `known` objective values.

    Args:
        runs: of any problems.
        known: by (problem, instance); where a value is given, it alone counts, and where it is
            None, there is no gap.
    """
    maximised = {run.problem for run in runs if run.objective != run.cost}
    best: dict[tuple[str, str], float] = {}
    for run in runs:
        key = run.problem, run.instance
        if run.cost is not None and key not in known:
            best[key] = min(run.cost, best.get(key, math.inf))
    for key, value in known.items():
        if value is not None:
            best[key] = -value if key[0] in maximised else value
    return [_with_gap(run, best.get((run.problem, run.instance))) for run in runs]


def _with_gap(run: Run, best: float | None) -> Run:
    if run.cost is None or best is None:
        return replace(run, best_cost=best)
    return replace(run, best_cost=best, gap_percent=gap_percent(run.cost, best))


def gap_percent(cost: float, best: float) -> float:
    """`certify.gap` in percent; infinite where the best is 0 and the cost is not."""
    share = certify.gap(cost, best)
    return math.copysign(math.inf, cost) if share is None else 100 * share
