"""What is said of an answer in a line: its cost with its unit, and its bound with its kind."""

from collections.abc import Mapping

from nco.core.case import Case
from nco.core.words import amount, average, number

LEAST = 0.01  # percent that are shown


def figure(value: float | int | None, case: Case | None, error: float | None = None) -> str:
    """A cost or an objective as people write it.

    Args:
        value: in the case's units; None where it cannot be told.
        case: which may say the unit; None where there is none.
        error: the standard error of a mean.
    """
    if value is None:
        return "unknown"
    unit = "" if case is None else case.cost_unit
    if error is None:
        return amount(value, unit)
    return f"{average(value, error)} ±{error:.2g}{f' {unit}' if unit else ''}"


def certificate(
    bound: float | int, by: str | None, cost: float | int | None, turned: bool, case: Case | None
) -> str:
    """A bound in the sense of the objective, and how far the optimum may be away.

    Args:
        bound: what no feasible solution costs less than; by: its proof.
        cost: of the feasible solution at hand; None where there is none.
        turned: whether the objective is the cost with the other sign.
        case: which may say the unit.
    """
    kind, value, way = ("upper", -bound, "higher") if turned else ("lower", bound, "lower")
    shown = figure(value, case)
    text = f"  {kind} bound {shown} ({by})"
    if not cost:
        return text
    percent = 100 * max(0.0, (cost - bound) / abs(cost))
    if percent == 0:
        return f"{text}: the optimum is {shown}, too"
    away = f"at most {percent:.2f} %" if percent >= LEAST else f"less than {LEAST:g} %"
    away = f"is {away} {way}"
    return f"{text}: the optimum {away}"


def measures(values: Mapping[str, float]) -> str:
    """Means of what was simulated, to four digits: ``service_level 0.95, traces 10,000``."""
    return ", ".join(f"{name} {number(float(f'{value:.4g}'))}" for name, value in values.items())
