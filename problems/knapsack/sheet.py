"""Knapsacks as tables: items with values and weights, and the chosen ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.columns import match
from nco.tables.forms import CAPACITY, NAME, Column, Form
from nco.tables.reading import Given, Reading
from nco.tables.table import Figure, Table

if TYPE_CHECKING:
    from nco.problems.knapsack.files import Case

VALUE = Column(
    "value", ("values", "profit", "benefit", "utility", "price", "worth", "revenue", "wert")
)
WEIGHT = Column(
    "weight",
    ("weights", "cost", "costs", "size", "mass", "volume", "space", "demand", "gewicht", "budget"),
)
ITEM = Column(NAME.name, ("item", "items", "product", "article", "project", *NAME.synonyms), True)
ITEMS = Form("items", (ITEM, VALUE, WEIGHT), (("value", "weight"),), ("products", "projects"))
FORMS = (ITEMS,)
ARGUMENTS = (CAPACITY,)
PLAN = Form(
    "items",
    (Column("item", ("items", "number"), text=True), Column("name", ITEM.synonyms[2:], text=True)),
    (("item",), ("name",)),
)


def from_tables(given: Given) -> "Case | None":
    """The case.

    Raises:
        InstanceError: no capacity, or values and weights that are impossible.
    """
    import numpy as np

    from nco.problems.knapsack.files import Case

    reading = given.find(ITEMS)
    assert reading is not None
    if not len(reading):
        raise reading.error("there is no row below the headers")
    values, weights = reading.all_numbers("value", 0), reading.all_numbers("weight", 0)
    names = reading.texts("name") if reading.has("name") else []
    return Case(
        name=given.name,
        path=given.path,
        names={"items": names} if any(names) else {},
        remarks=[reading.remark],
        values=np.array(values),
        weights=np.array(weights),
        capacity=given.needed("capacity", "knapsack", "a capacity"),
    )


def table(case: "Case", solution: Sequence[int]) -> Table:
    """A row a chosen item: its number from 0, name, value, weight, and the weight so far."""
    rows: list[list[Any]] = []
    total = 0.0
    for item in solution:
        value, weight = float(case.values[item]), float(case.weights[item])
        total += weight
        rows.append([item, case.called("items", item) or "", value, weight, round(total, 9)])
    figures = (
        Figure("value", "sum", word="value"),
        Figure("weight", "sum", word="weight", limit=float(case.capacity)),
    )
    columns = ("item", "name", "value", "weight", "weight so far")
    return Table(columns, rows, name="items", figures=figures)


def read_solution(table: Table, case: "Case") -> list[int]:
    """The items in a table, by their numbers or names.

    Raises:
        InstanceError: no such columns, or a name that no item or several have.
    """
    reading = Reading(table, PLAN, match(PLAN, table, {}))
    column = "item" if reading.has("item") else "name"
    texts = reading.texts(column)
    names = list(case.names.get("items", ()))
    numeric = all(text.isascii() and text.removeprefix("-").isdecimal() for text in texts)
    in_range = numeric and all(0 <= int(text) < len(case.values) for text in texts)
    named = bool(texts) and set(texts) <= set(names)
    if numeric and not (named and (column == "name" or not in_range)):
        return sorted(int(text) for text in texts)
    items = []
    for row, name in enumerate(texts):
        if names.count(name) != 1:
            reason = "no item is called so" if names else "an item's number belongs here"
            if name in names:
                reason = "several items are called so: add a column item of their numbers"
            raise reading.error(reason, column, row, name)
        items.append(names.index(name))
    return sorted(items)
