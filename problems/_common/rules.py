"""Rules of online problems as plain data: ``{"rule": NAME}``, perhaps with figures."""

from collections.abc import Collection, Mapping
from typing import Any

from nco.core.errors import NCOError


def name_of(solution: Any) -> str | None:
    """The rule's name; None where the solution is no rule."""
    return str(solution["rule"]) if isinstance(solution, Mapping) and "rule" in solution else None


def known_name(solution: Any, names: Collection[str]) -> str:
    """The rule's name, which is one of `names`.

    Raises:
        NCOError: naming them.
    """
    name = name_of(solution)
    if name not in names or name is None:
        known = ", ".join(names)
        raise NCOError(f"{solution!r}: no rule to follow; there are {known}, as {{'rule': NAME}}")
    return name
