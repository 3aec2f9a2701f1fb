"""The verdict on one list of accepted arrivals, in exact arithmetic."""

from collections import Counter
from fractions import Fraction
from typing import Any

from nco.core.case import Case, Report
from nco.problems._common.decimals import exact, plain
from nco.problems._common.verdicts import is_integer, shown


def check(case: Case, solution: Any) -> Report:
    """Checks that the periods exist, had an arrival, and that the resources suffice.

    Each number counts as the decimal that its source wrote. What is accepted is never given back,
    so it is enough to look at the totals.

    Args:
        case: with ``capacity [R]``, ``revenue [J]``, ``uses [R, J]`` and ``arrivals [T]``.
        solution: accepted periods from 0, in any order.

    Returns:
        The report; its objective is the revenue and its cost is minus that.
    """
    arrivals, capacity, revenue, uses = _numbers(case)
    if arrivals is None:
        return Report(None, None, ["the case has no trace of arrivals to accept any of"])
    if not isinstance(solution, list | tuple):
        kind = type(solution).__name__
        return Report(None, None, [f"the solution must be a list of periods, not {kind}"])
    violations = _unknown(solution, len(arrivals))
    if violations:
        return Report(None, None, violations)
    periods = [int(period) for period in solution]
    doubled = sorted(period for period, times in Counter(periods).items() if times > 1)
    violations += [f"period {period} is accepted more than once" for period in doubled]
    empty = sorted({period for period in periods if arrivals[period] < 0})
    violations += [f"nobody arrives in period {period}" for period in empty]
    kinds = [arrivals[period] for period in sorted(set(periods)) if arrivals[period] >= 0]
    for row, limit in enumerate(capacity):
        used = sum((exact(uses[row][kind]) for kind in kinds), Fraction(0))
        if used > exact(limit):
            name = case.resources[row]  # type: ignore[attr-defined]
            violations.append(
                f"{name}: {plain(used)} are used, above the capacity {plain(exact(limit))}"
            )
    earned = sum((exact(revenue[kind]) for kind in kinds), Fraction(0))
    return Report(plain(-earned), plain(earned), violations)


def _unknown(solution: list | tuple, count: int) -> list[str]:
    """A sentence for each entry that is no period's number."""
    sentences = []
    for place, period in enumerate(solution):
        if not is_integer(period):
            sentences.append(f"place {place} must hold a period's number, not {shown(period)}")
        elif not 0 <= int(period) < count:
            sentences.append(f"period {period} does not exist; they go from 0 to {count - 1}")
    return sentences


def _numbers(case: Any) -> tuple[list[int] | None, list[float], list[float], list[list[float]]]:
    """Arrivals, capacities, revenues and uses of the case as plain lists."""
    arrivals = None if case.arrivals is None else case.arrivals.tolist()
    return arrivals, case.capacity.tolist(), case.revenue.tolist(), case.uses.tolist()
