"""Knapsacks as tables: items with values and weights, and the chosen ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nco.tables.columns import match
from nco.tables.forms import CAPACITY, NAME, Column, Form
from nco.tables.reading import Given, Reading
from nco.tables.table import Table

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
CHOSEN = Form(
    "items",
    (Column("item", ("items", "number", "id")), Column("name", ("product", "article"), text=True)),
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
    return Table(("item", "name", "value", "weight", "weight so far"), rows, name="items")


def read_solution(table: Table, case: "Case") -> list[int]:
    """The items in a table, by their numbers or names.

    Raises:
        InstanceError: no such columns, or a name that no item or several have.
    """
    reading = Reading(table, CHOSEN, match(CHOSEN, table, {}))
    if reading.has("item"):
        numbers = reading.all_numbers("item")
        for row, number in enumerate(numbers):
            if not number.is_integer():
                raise reading.error("an item's number belongs here", "item", row, f"{number:g}")
        return sorted(int(number) for number in numbers)
    reading.require("name")
    names = list(case.names.get("items", ()))
    items = []
    for row, name in enumerate(reading.texts("name")):
        if names.count(name) != 1:
            reason = "several items are called so" if name in names else "no item is called so"
            raise reading.error(f"{reason}: add a column item", "name", row, name)
        items.append(names.index(name))
    return sorted(items)
