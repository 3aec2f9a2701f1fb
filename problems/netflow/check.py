"""The verdict on one plan of a supply chain, in exact arithmetic."""

from fractions import Fraction
from typing import Any

from nco.core.case import Case, Report
from nco.problems._common.decimals import exact
from nco.problems._common.verdicts import is_amount, shown

TOLERANCE = Fraction(1, 10**3)  # plans of networks are float32


def check(case: Case, solution: Any) -> Report:
    """Checks that amounts are not negative and no more is shipped than is there; prices the plan.

    Args:
        case: a netflow case with ``demand [T, n]``.
        solution: for each period a row: production, and what is shipped to each store.

    Returns:
        The report; its objective is the profit and its cost is minus that.
    """
    if case.demand is None:  # type: ignore[attr-defined]
        return Report(None, None, ["the case has no trace of demand to plan for"])
    demand = case.demand.tolist()  # type: ignore[attr-defined]
    violations = _form(solution, len(demand), len(demand[0]) + 1)
    if violations:
        return Report(None, None, violations)
    plan = [[exact(amount) for amount in row] for row in solution]
    profit, violations = _play(case, plan, [[exact(value) for value in row] for row in demand])
    return Report(float(-profit), float(profit), violations)


def _play(
    case: Any, plan: list[list[Fraction]], demand: list[list[Fraction]]
) -> tuple[Fraction, list[str]]:
    """Profit, and what is wrong, period by period."""
    capacity = [exact(value) for value in case.capacity.tolist()]
    storage = [exact(value) for value in case.storage.tolist()]
    shipping = [exact(value) for value in case.shipping.tolist()]
    price, making, penalty = (exact(x) for x in (case.price, case.production, case.penalty))
    stock = [Fraction(0)] * len(capacity)
    coming = [Fraction(0)] * len(capacity)
    profit, violations = Fraction(0), list[str]()
    for period, (made, *sent) in enumerate(plan):
        stock = [held + new for held, new in zip(stock, coming, strict=True)]
        if sum(sent) > stock[0] + TOLERANCE:
            violations.append(
                f"period {period}: {float(sum(sent)):g} are shipped, but {float(stock[0]):g} there"
            )
        stock[0] -= sum(sent)
        for store, wanted in enumerate(demand[period]):
            stock[store + 1] -= wanted
            profit += price * wanted - shipping[store] * sent[store]
        profit -= making * made
        for node, held in enumerate(stock):
            over = max(held - capacity[node], Fraction(0))
            short = max(-held, Fraction(0))
            profit -= storage[node] * max(held, Fraction(0)) + penalty * (over + short)
            stock[node] = min(held, capacity[node])
        coming = [made, *sent]
    return profit, violations


def _form(solution: Any, periods: int, columns: int) -> list[str]:
    """A sentence for each row that is no row of amounts."""
    if not isinstance(solution, list | tuple) or len(solution) != periods:
        stated = len(solution) if isinstance(solution, list | tuple) else type(solution).__name__
        return [f"the plan must hold a row for each of the {periods} periods, not {stated}"]
    sentences = []
    for period, row in enumerate(solution):
        if not isinstance(row, list | tuple) or len(row) != columns:
            sentences.append(f"period {period}: must be {columns} amounts, production first")
            continue
        for amount in row:
            if not is_amount(amount):
                sentences.append(
                    f"period {period}: an amount must be at least 0, not {shown(amount)}"
                )
    return sentences
