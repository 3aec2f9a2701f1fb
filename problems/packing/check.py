"""The verdict on one packing, in exact arithmetic."""

from fractions import Fraction
from typing import Any

from nco.core.case import Case, Report
from nco.problems._common.decimals import exact
from nco.problems._common.verdicts import is_integer, shown


def check(case: Case, solution: Any) -> Report:
    """Checks that every item is in one bin, fits when it comes, and no bin stands empty between.

    Each number counts as the decimal that its source wrote.

    Args:
        case: with ``capacity [R]``, ``needs [J, R]``, ``arrivals [T]``, ``leaves [T]``, `running`.
        solution: for each bin, the periods from 0 whose items it takes, in any order.

    Returns:
        The report; its cost is the number of bins, or of periods in which bins hold anything.
    """
    if case.arrivals is None:  # type: ignore[attr-defined]
        return Report(None, None, ["the case has no trace of items to place"])
    if not isinstance(solution, list | tuple):
        kind = type(solution).__name__
        return Report(None, None, [f"the solution must be a list of bins, not {kind}"])
    arrivals: list[int] = case.arrivals.tolist()  # type: ignore[attr-defined]
    leaves: list[int] = case.leaves.tolist()  # type: ignore[attr-defined]
    violations = _strange(solution, len(arrivals))
    if violations:
        return Report(None, None, violations)
    bins = [sorted(int(period) for period in part) for part in solution]
    violations += _once(bins, arrivals)
    placed = [[period for period in part if arrivals[period] >= 0] for part in bins]
    for number, part in enumerate(placed):
        violations += _fits(case, number, part, arrivals, leaves)
    cost = sum(1 for part in placed if part)
    if case.running:  # type: ignore[attr-defined]
        cost = sum(max(leaves[period] for period in part) - part[0] for part in placed if part)
    return Report(cost, cost, violations)


def _strange(solution: Any, count: int) -> list[str]:
    """A sentence for each bin that is no list of periods."""
    sentences = []
    for number, part in enumerate(solution):
        if not isinstance(part, list | tuple) or not part:
            sentences.append(
                f"bin {number} must be a list of at least one period, not {shown(part)}"
            )
            continue
        for period in part:
            if not is_integer(period):
                sentences.append(f"bin {number} must hold periods, not {shown(period)}")
            elif not 0 <= int(period) < count:
                sentences.append(f"period {period} does not exist; they go from 0 to {count - 1}")
    return sentences


def _once(bins: list[list[int]], arrivals: list[int]) -> list[str]:
    """A sentence for each item that is not in exactly one place."""
    times = [0] * len(arrivals)
    for part in bins:
        for period in part:
            times[period] += 1
    sentences = []
    for period, count in enumerate(times):
        if count and arrivals[period] < 0:
            sentences.append(f"nobody arrives in period {period}")
        elif count > 1:
            sentences.append(f"the item of period {period} is in {count} places")
        elif not count and arrivals[period] >= 0:
            sentences.append(f"the item of period {period} is in no bin")
    return sentences


def _fits(
    case: Any, number: int, part: list[int], arrivals: list[int], leaves: list[int]
) -> list[str]:
    """Whether one bin holds its items, at each arrival, and never stands empty between two."""
    sentences = []
    for place, period in enumerate(part):
        present = [item for item in part[:place] if leaves[item] > period]
        if place and not present:
            sentences.append(f"bin {number} is empty before period {period}: list a new one there")
        for column, limit in enumerate(case.capacity.tolist()):
            needs = [exact(case.needs[arrivals[item], column]) for item in [*present, period]]
            if sum(needs, Fraction(0)) > exact(limit):
                name = case.resources[column]
                total = float(sum(needs, Fraction(0)))
                sentences.append(
                    f"bin {number}, period {period}: {name} {total:g}, above the capacity {limit:g}"
                )
    return sentences
