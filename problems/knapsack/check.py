"""The verdict on one knapsack solution, in exact arithmetic."""

from fractions import Fraction
from typing import Any

from nco.core.case import Case, Report
from nco.problems._common.decimals import exact, plain
from nco.problems._common.verdicts import is_integer, names_of, shown, titled


def check(case: Case, solution: Any) -> Report:
    """Checks that the items exist, none is taken twice, and their weights fit.

    Each number counts as the decimal its source wrote, which ``repr`` of a float64 gives back. An
    item listed twice is one violation and counts once in value and weight.

    Args:
        case: a knapsack's case: ``values [n]``, ``weights [n]`` and ``capacity``.
        solution: item numbers from 0, in any order.

    Returns:
        The report; its objective is the value and its cost is minus that. Both are ints where
        they are whole, and None where the solution is no list of items that exist.
    """
    values, weights, capacity = _stated(case)
    if not isinstance(solution, list | tuple):
        kind = type(solution).__name__
        return Report(None, None, [f"the solution must be a list of item numbers, not {kind}"])
    unknown = _unknown(solution, len(values))
    chosen: set[int] = set()
    doubled: dict[int, None] = {}  # a set in the order of the solution
    for item in solution:
        if _is_item(item, len(values)):
            if item in chosen:
                doubled[int(item)] = None
            chosen.add(int(item))
    violations = unknown + [
        f"{titled('item', item, names_of(case, 'items'))} is chosen more than once"
        for item in doubled
    ]
    weight = sum((exact(weights[item]) for item in chosen), Fraction(0))
    if weight > exact(capacity):
        limit = plain(exact(capacity))
        violations.append(f"the chosen items weigh {plain(weight)}, above the capacity {limit}")
    if unknown:
        return Report(None, None, violations)
    value = sum((exact(values[item]) for item in chosen), Fraction(0))
    return Report(plain(-value), plain(value), violations)


def _is_item(item: Any, count: int) -> bool:
    """Whether it is the number of an item."""
    return is_integer(item) and 0 <= item < count


def _unknown(solution: list | tuple, count: int) -> list[str]:
    """A sentence for each entry that is no item's number."""
    sentences = []
    for place, item in enumerate(solution):
        if _is_item(item, count):
            continue
        if is_integer(item):
            sentences.append(f"item {item} does not exist; the numbers go from 0 to {count - 1}")
        else:
            sentences.append(f"place {place} must hold an item number, not {shown(item)}")
    return sentences


def _stated(case: Any) -> tuple[list[float], list[float], float]:
    """Values, weights and capacity of the case as plain numbers."""
    return case.values.tolist(), case.weights.tolist(), case.capacity
