"""Inventory networks as tables: what to order now beside the rule's levels, or a plan's orders."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.table import Table

if TYPE_CHECKING:
    from nco.problems.inventory.files import Case

HEADERS = {  # of a rule's numbers, as `policytext.of_rows` reads them again
    "min": "reorder point",
    "quantity": "order quantity",
    "levels": "order up to",
    "max": "order up to",
    "caps": "largest order",
}
BELOW = "counting all below"  # of an echelon rule, whose table must not pass for another rule's
FIRST = ("node", "supplier", "stock", "on order", "order now", "sent now")


def table(case: "Case", solution: Sequence[Sequence[float]]) -> Table:
    """Of a plan ``[periods][edges]`` for a known trace, a row for each order."""
    rows: list[list[Any]] = []
    for period, amounts in enumerate(solution):
        for edge, amount in enumerate(amounts):
            if amount > 0:
                lead = int(case.lead[edge])
                rows.append([period, *_ends(case, edge), amount, period + lead])
    return Table(("period", "node", "supplier", "order", "arrives in period"), rows, name="orders")


def policy_table(
    case: "Case", solution: Mapping[str, Any], orders: Sequence[Mapping[str, Any]]
) -> Table:
    """A row for each edge: what its node has, what it orders now, and the node's numbers.

    Numbers that follow the season have a column for each period from now on.

    Args:
        case: the network.
        solution: a rule (`rules`), or ``{"model": NAME}``, which has no numbers.
        orders: as `orders.orders` makes them, a row an edge.
    """
    columns, numbers = _numbers(case, solution)
    rows = [
        [
            *(order["node"], order["from"], order["stock"], order["on_order"]),
            *(order["order"], order["sent"], *numbers.get(order["node"], ())),
        ]
        for order in orders
    ]
    return Table((*FIRST, *columns), rows, name="orders")


def _ends(case: "Case", edge: int) -> tuple[str, str]:
    """The node that an edge leads to, and the one that it leads from."""
    source = int(case.source[edge])
    return case.nodes[int(case.target[edge])], "supplier" if source < 0 else case.nodes[source]


def _numbers(case: "Case", solution: Mapping[str, Any]) -> tuple[list[str], dict[str, list[Any]]]:
    """The headers of a rule's numbers, and those of each node."""
    columns: list[str] = []
    numbers: dict[str, list[Any]] = {name: [] for name in case.nodes}
    below = f", {BELOW}" if str(solution.get("rule", "")).startswith("echelon") else ""
    for key, header in HEADERS.items():
        values = solution.get(key)
        if not isinstance(values, Mapping):
            continue
        most = max((len(v) for v in values.values() if isinstance(v, list | tuple)), default=1)
        for ahead in range(most):
            columns.append(f"{header}{below}{_when(ahead) if most > 1 else ''}")
            for name, row in numbers.items():
                row.append(_at(values[name], case.phase + ahead))
    review = solution.get("review")
    if review is not None:
        columns.append("review")
        for name, row in numbers.items():
            row.append(review.get(name, 1) if isinstance(review, Mapping) else review)
    return columns, numbers


def _when(ahead: int) -> str:
    """Such as `` in 3 periods``."""
    if ahead == 0:
        return " now"
    return f" in {ahead} period{'s' if ahead > 1 else ''}"


def _at(value: Any, period: int) -> Any:
    """A number, or of a list by season the one of a period."""
    return value[period % len(value)] if isinstance(value, list | tuple) else value
