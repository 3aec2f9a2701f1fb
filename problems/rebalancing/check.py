"""The verdict on the flows of a fleet, in exact arithmetic."""

import math
from collections import Counter
from fractions import Fraction
from typing import Any

from nco.core.case import Case, Report
from nco.problems._common.decimals import exact

Table = list[list[float]]


def check(case: Case, solution: Any) -> Report:
    """Checks that only requests are served, and no more vehicles leave a region than are there.

    Args:
        case: a rebalancing case with ``trips [T, N, N]``.
        solution: for each period two tables ``[N][N]``: trips served, and vehicles sent empty.

    Returns:
        The report; its objective is the profit and its cost is minus that.
    """
    if case.trips is None:  # type: ignore[attr-defined]
        return Report(None, None, ["the case has no trace of requests to serve"])
    violations = _form(solution, case.periods, case.size)  # type: ignore[attr-defined]
    if violations:
        return Report(None, None, violations)
    profit, violations = _drive(case, solution)
    return Report(float(-profit), float(profit), violations)


def _drive(case: Any, solution: list[list[Table]]) -> tuple[Fraction, list[str]]:
    """The profit, and what is wrong, period by period."""
    regions = range(case.size)
    idle = [int(count) for count in case.vehicles.tolist()]
    due: dict[int, Counter[int]] = {}  # by period: how many arrive at each region
    running = exact(case.running)
    profit, violations = Fraction(0), list[str]()
    for period, (served, sent) in enumerate(solution):
        for region, count in due.pop(period, Counter[int]()).items():
            idle[region] += count
        for i in regions:
            leaving = 0
            for j in regions:
                trips, empty = int(served[i][j]), int(sent[i][j])
                asked = int(case.trips[period, i, j])
                if trips > asked:
                    violations.append(
                        f"period {period}: {trips} trips {i} to {j}, but {asked} asked for"
                    )
                empty = 0 if i == j else empty  # sent to where it is: it stays
                time = int(case.times[i, j])
                profit += trips * exact(case.prices[i, j])
                profit -= running * time * (trips + empty)
                due.setdefault(period + time, Counter())[j] += trips + empty
                leaving += trips + empty
            if leaving > idle[i]:
                violations.append(
                    f"period {period}: {leaving} vehicles leave region {i}, but {idle[i]} are there"
                )
            idle[i] -= leaving
    return profit, violations


def _form(solution: Any, periods: int, regions: int) -> list[str]:
    """A sentence for each period whose tables hold no whole numbers of vehicles."""
    if not isinstance(solution, list | tuple) or len(solution) != periods:
        shown = len(solution) if isinstance(solution, list | tuple) else type(solution).__name__
        return [f"the flows must hold two tables for each of the {periods} periods, not {shown}"]
    sentences = []
    for period, tables in enumerate(solution):
        good = isinstance(tables, list | tuple) and len(tables) == 2
        rows = [row for table in tables for row in table] if good and _lists(tables) else []
        if len(rows) != 2 * regions or any(len(row) != regions for row in rows):
            sentences.append(f"period {period}: must be two tables of {regions} by {regions}")
            continue
        for value in (value for row in rows for value in row):
            if isinstance(value, bool) or not isinstance(value, int | float):
                sentences.append(f"period {period}: {value!r} is no number of vehicles")
            elif not math.isfinite(value) or value < 0 or value != int(value):
                sentences.append(f"period {period}: {value!r} is no whole number of vehicles")
    return sentences


def _lists(tables: Any) -> bool:
    """Whether all tables are lists of lists."""
    kinds = list | tuple
    return all(
        isinstance(table, kinds) and all(isinstance(row, kinds) for row in table)
        for table in tables
    )
