"""Rules as sentences that a clerk can follow."""

from collections.abc import Mapping
from typing import Any

import numpy as np

LARGE = 20.0  # from here on a fraction of a unit tells nobody anything


def in_words(case: Any, solution: Mapping[str, Any]) -> str | None:
    """A rule of a case (`files.Case`) in a sentence a node; None for a network's policy."""
    parts = sentences(case, solution)
    return "; ".join(f"{name}: {text}" for name, text in parts.items()) if parts else None


def sentences(case: Any, solution: Mapping[str, Any]) -> dict[str, str]:
    """Node to what it does each period; empty where that cannot be said."""
    rule = solution.get("rule")
    keys = ("levels", "caps", "min", "max", "quantity")
    numbers = {key: solution[key] for key in keys if isinstance(solution.get(key), Mapping)}
    if rule is None or not numbers:
        return {}
    named = next(iter(numbers.values()))
    return {name: _sentence(case, rule, name, numbers, solution.get("review")) for name in named}


def _sentence(case: Any, rule: str, name: str, numbers: dict[str, Any], review: Any) -> str:
    """What one node does."""

    def amount(key: str) -> str:
        return in_season(case, numbers[key].get(name, 0.0))

    below = rule.startswith("echelon") and _supplies(case, name)
    here = "here and downstream" if below else "here and on the way"
    if "quantity" in numbers:
        said = (
            f"when stock {here} is {amount('min')} or less, order {amount('quantity')} "
            f"(as often as needed to be above {amount('min')})"
        )
    elif "min" in numbers and numbers["min"].get(name) != numbers["max"].get(name):
        said = f"when stock {here} is {amount('min')} or less, order up to {amount('max')}"
    else:
        key = "levels" if "levels" in numbers else "max"
        said = f"order up to {amount(key)}, counting stock {here}"
    if "caps" in numbers:
        said += f", but at most {amount('caps')} at a time"
    every = review.get(name, 1) if isinstance(review, Mapping) else review
    if every not in (None, 1):
        said += f", every {every} periods"
    return said


def in_season(case: Any, value: Any) -> str:
    """A number, or of a list by season the one of the first period and its range."""
    if not isinstance(value, list | tuple):
        return number(value)
    if len(value) == 1:
        return number(value[0])
    return f"{number(value[case.phase])} now ({number(min(value))} to {number(max(value))})"


def number(value: float) -> str:
    """Whole where it is or is large, else three digits."""
    if value == round(value) or abs(value) >= LARGE:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _supplies(case: Any, name: str) -> bool:
    """Whether other nodes order from this one."""
    node = case.nodes.index(name) if name in case.nodes else -1
    return bool(np.any(case.source == node)) if node >= 0 else False
