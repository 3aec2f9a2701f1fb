"""What many runs come to: a row for each solver and time limit."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nco.benchmark.runs import Run


@dataclass(frozen=True)
class Row:
    """One solver at one time limit; all but `messages` and `measures` are columns of ``table.csv``.

    Attributes:
        size: the instances' size, or "least-most".
        instances: runs; failures: those without a feasible solution, which no figure includes.
        gap_percent: mean over the instances; standard_error: of it, None for less than two.
        primal_integral: mean of the runs'; see `nco.benchmark.curve`.
        points: what it is computed from: "history", "streamed", "final".
        cold_gap_percent, cold_seconds: means of the runs in fresh processes.
        messages: what went wrong, an instance each.
        cost_standard_error, measures: of policies that were simulated: of their mean cost over the
            instances, and means of other figures by name. Columns only where there are any.
    """

    problem: str
    size: int | str
    solver: str
    time_limit: float | None
    instances: int
    failures: int
    mean_cost: float | None
    gap_percent: float | None
    standard_error: float | None
    gap_median: float | None
    primal_integral: float | None
    points: str
    seconds_median: float | None
    seconds_max: float | None
    cold_gap_percent: float | None
    cold_seconds: float | None
    messages: list[str]
    cost_standard_error: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)


def summarise(runs: Iterable[Run]) -> list[Row]:
    """One row a problem, solver and time limit, in the order of their first runs."""
    groups: dict[tuple[str, str, float | None], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.problem, run.solver, run.time_limit), []).append(run)
    return [_row(group) for group in groups.values()]


def _row(group: Sequence[Run]) -> Row:
    warm = [run for run in group if not run.cold]
    cold = [run for run in group if run.cold]
    solved = [run for run in warm if run.cost is not None]
    sizes = [run.size for run in group]
    least, most = min(sizes), max(sizes)
    gaps = _gaps(solved)
    spread = len(gaps) > 1 and all(map(math.isfinite, gaps))
    seconds = [run.seconds for run in solved]
    integrals = [run.primal_integral for run in solved if run.primal_integral is not None]
    failed = [run for run in group if run.cost is None]
    return Row(
        problem=group[0].problem,
        size=least if least == most else f"{least}-{most}",
        solver=group[0].solver,
        time_limit=group[0].time_limit,
        instances=len(warm),
        failures=len(warm) - len(solved),
        mean_cost=_mean([run.cost for run in solved if run.cost is not None]),
        gap_percent=_mean(gaps),
        standard_error=statistics.stdev(gaps) / math.sqrt(len(gaps)) if spread else None,
        gap_median=statistics.median(gaps) if gaps else None,
        primal_integral=_mean(integrals),
        points=" ".join(dict.fromkeys(run.traced for run in solved)),
        seconds_median=statistics.median(seconds) if seconds else None,
        seconds_max=max(seconds, default=None),
        cold_gap_percent=_mean(_gaps(cold)),
        cold_seconds=_mean([run.seconds for run in cold if run.cost is not None]),
        messages=[f"{run.instance}{', cold' * run.cold}: {run.error}" for run in failed],
        cost_standard_error=_together([run.cost_standard_error for run in solved]),
        measures=_means([run.measures for run in solved]),
    )


def _gaps(runs: Sequence[Run]) -> list[float]:
    return [run.gap_percent for run in runs if run.gap_percent is not None]


def _together(errors: Sequence[float | None]) -> float | None:
    """The standard error of the mean of independent means."""
    known = [error for error in errors if error is not None]
    if not known or len(known) < len(errors):
        return None
    return math.sqrt(sum(error**2 for error in known)) / len(known)


def _means(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of what all of them name."""
    names = [name for name in (measures[0] if measures else {}) if all(name in m for m in measures)]
    return {name: sum(m[name] for m in measures) / len(measures) for name in names}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
