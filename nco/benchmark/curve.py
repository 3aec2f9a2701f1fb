"""The gap over time, and its integral.

The *primal integral* (Berthold, "Measuring the impact of primal heuristics", Operations Research
Letters 41, 2013, section 2). The primal gap of a solution of cost c to the best cost ``c*`` is::

    gamma(c) = 0                            where c = c*,
               1                            where c c* < 0, and before there is a solution,
               |c - c*| / max(|c|, |c*|)    elsewhere;

p(t) is that of the best solution after t seconds, a step function from 1 downwards, and

    P(T) = integral of p(t) for t from 0 to T = sum of p(t[i - 1]) (t[i] - t[i - 1]).

What is reported is 100 P(T) / T, T the time limit: the primal gap in percent, averaged over the
time. 100 is a solver that found nothing, 0 one that had the best at once; small is good, and early
solutions count as much as good ones. Three details that the paper leaves open: a solution better
than ``c*`` (a best known value, not the optimum) counts as ``c*``; what comes after T does not
count; without a time limit there is no T, and so no integral.
"""

import bisect
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nco.benchmark.runs import FINAL, Run, gap_percent, improvements
from nco.workers.outcome import Improvement

MOST = 300  # places of a curve; more would not be seen


class Place(NamedTuple):
    """A point of a mean curve: percent above the best, and the standard error over instances."""

    seconds: float
    gap_percent: float
    standard_error: float


def primal_gap(cost: float, best: float) -> float:
    """gamma, from 0 to 1."""
    if cost <= best:
        return 0.0
    if cost * best < 0:
        return 1.0
    return (cost - best) / max(abs(cost), abs(best))


def primal_integral(points: Sequence[Improvement], best: float, limit: float) -> float:
    """100 P(T) / T of solutions found until the time limit T.

    Args:
        points: improvements in the order of time.
        best: the cost c*.
        limit: T in seconds.
    """
    before, level, area = 0.0, 1.0, 0.0
    for point in points:
        if point.seconds >= limit:
            break
        area += level * (point.seconds - before)
        before, level = point.seconds, primal_gap(point.cost, best)
    return 100 * (area + level * (limit - before)) / limit


def with_integrals(runs: Sequence[Run]) -> list[Run]:
    """The runs with their primal integrals, after their gaps are known.

    A solver of which only final solutions are known is given those of its shorter runs on the same
    instance too, at their ends: the integral is then an upper bound of what it would have shown.
    """
    shorter: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        if run.traced == FINAL and not run.cold and run.time_limit is not None:
            shorter.setdefault((run.problem, run.instance, run.solver), []).append(run)
    joined = [replace(run, points=_joined(run, shorter)) for run in runs]
    return [replace(run, primal_integral=_integral(run)) for run in joined]


def _joined(
    run: Run, shorter: Mapping[tuple[str, str, str], Sequence[Run]]
) -> tuple[Improvement, ...]:
    if run.traced != FINAL or run.cold or run.time_limit is None:
        return run.points
    points = list(run.points)
    for other in shorter[run.problem, run.instance, run.solver]:
        if other.time_limit is not None and other.time_limit < run.time_limit:
            points += other.points
    return improvements(points)


def _integral(run: Run) -> float | None:
    if run.time_limit is None or run.best_cost is None or run.cost_standard_error is not None:
        return None  # the cost of a policy is a simulation's mean, which is not found on the way
    return primal_integral(run.points, run.best_cost, run.time_limit)


def mean_curve(runs: Iterable[Run]) -> list[Place]:
    """The mean gap over the instances at every time, from when all of them have a solution.

    Args:
        runs: of one solver at one time limit, with gaps; failed ones are left out, as in the table.

    Returns:
        Places in the order of time; the mean holds from each to the next. The last is at the time
        limit, or where an answer came later.
    """
    solved = [run for run in runs if run.points and run.best_cost is not None]
    if not solved:
        return []
    first = max(run.points[0].seconds for run in solved)
    ends = {run.time_limit or run.seconds for run in solved}
    times = sorted({point.seconds for run in solved for point in run.points} | {first} | ends)
    places = [_place(solved, seconds) for seconds in _thinned([t for t in times if t >= first])]
    return [place for place in places if math.isfinite(place.gap_percent)]


def _place(runs: Sequence[Run], seconds: float) -> Place:
    gaps = [_gap_at(run, seconds) for run in runs]
    finite = len(gaps) > 1 and all(map(math.isfinite, gaps))
    error = statistics.stdev(gaps) / math.sqrt(len(gaps)) if finite else 0.0
    return Place(seconds, sum(gaps) / len(gaps), error)


def _gap_at(run: Run, seconds: float) -> float:
    assert run.best_cost is not None
    held = bisect.bisect_right(run.points, seconds, key=lambda point: point.seconds)
    return gap_percent(run.points[held - 1].cost, run.best_cost)


def _thinned(times: list[float]) -> list[float]:
    """At most `MOST` of them, the first and the last included."""
    if len(times) <= MOST:
        return times
    return [times[round(index * (len(times) - 1) / (MOST - 1))] for index in range(MOST)]
