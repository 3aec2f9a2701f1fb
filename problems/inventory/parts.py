"""The parts of a network's file: nodes, edges, and demands by period."""

import math
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.inventory import tables, values
from nco.tables import figures

SUPPLIER = "supplier"
MAX_NODES, MAX_EDGES, MAX_LEAD, MAX_PERIODS = 10_000, 100_000, 200, 1_000_000
UNMET = ("backlogged", "lost")
KINDS = ("none", "poisson", "geometric", "normal", "history")  # of demand, by number
NODE = {
    *("holding", "penalty", "price", "unmet", "demand", "stock", "on_order", "keeps_stock"),
    "review",
}
EDGE = {"from", "to", "lead_time", "cost", "order_cost", "multiple"}


def node(name: str, value: Any) -> dict[str, Any]:
    """One node's numbers by column."""
    field = f"node {name}"
    if not name or name == SUPPLIER:
        raise InstanceError("the supplier is outside and no node: leave it out", field=field)
    given = values.mapping(value, field, len(NODE), empty=True)
    values.only(given, NODE, field)
    unmet = given.get("unmet", UNMET[0])
    if unmet not in UNMET:
        raise InstanceError(f"unmet demand is {' or '.join(UNMET)}", field=field, value=unmet)
    kind, mean, sd, clip = _demand(given.get("demand"), field)
    row = {
        key: values.number(given.get(key, 0.0), f"{field} {key}")
        for key in ("holding", "penalty", "price", "stock")
    }
    if row["price"] > 0 and unmet != "lost":
        raise InstanceError("a price is earned where unmet demand is lost", field=f"{field} price")
    keeps = values.truth(given.get("keeps_stock", True), f"{field} keeps_stock")
    return {
        **row,
        "lost": unmet == "lost",
        "keeps": keeps,
        "kind": KINDS.index(kind),
        "mean": mean,
        "sd": sd,
        "clip": clip,
        "on_order": _on_order(given.get("on_order", []), f"{field} on_order"),
        "review": values.whole(given.get("review", 1), f"{field} review", 1, MAX_LEAD),
    }


def _on_order(value: Any, field: str) -> list[float]:
    """What is due in 1, 2, ... periods."""
    if not isinstance(value, list) or len(value) > MAX_LEAD:
        raise InstanceError("must list what is due in 1, 2, ... periods", field=field, value=value)
    return [values.number(amount, field) for amount in value]


def _demand(value: Any, field: str) -> tuple[str, float, float, bool]:
    """Kind, mean, standard deviation (before clipping) and whether a normal one is clipped."""
    if value is None:
        return "none", 0.0, 0.0, True
    field = f"{field} demand"
    given = values.mapping(value, field, 1)
    kind, detail = next(iter(given.items()))
    if kind in ("poisson", "geometric"):
        mean = values.number(detail, f"{field} {kind}")
        sd = math.sqrt(mean) if kind == "poisson" else math.sqrt(mean * (mean + 1))
        return kind, mean, sd, True
    if kind == "normal":
        numbers = values.mapping(detail, f"{field} normal", 3)
        values.only(numbers, {"mean", "sd", "clip"}, f"{field} normal")
        mean = values.number(numbers.get("mean"), f"{field} normal mean")
        sd = values.number(numbers.get("sd"), f"{field} normal sd")
        return kind, mean, sd, values.truth(numbers.get("clip", True), f"{field} normal clip")
    raise InstanceError("demand is poisson, geometric or normal", field=field, value=kind)


def from_history(row: dict[str, Any], observed: np.ndarray, name: str) -> None:
    """Puts the figures of observed demand into the row of a node."""
    if row["kind"] != 0:
        raise InstanceError("has a demand and a history: give one", field=f"node {name}")
    row["kind"] = KINDS.index("history")
    row["mean"], row["sd"] = float(observed.mean()), float(observed.std())


def edges(value: Any, names: list[str]) -> dict[str, Any]:
    """The columns of all edges; None in place of one that none has."""
    if not isinstance(value, list) or not value:
        raise InstanceError("must be a list of {from, to, lead_time}", field="edges")
    if len(value) > MAX_EDGES:
        raise InstanceError(f"at most {MAX_EDGES}", field="edges", value=len(value))
    index = {name: number for number, name in enumerate(names)}
    keys = ("source", "target", "lead", "cost", "order_cost", "multiple")
    columns: dict[str, list[Any]] = {key: [] for key in keys}
    seen: set[tuple[int, int]] = set()
    for number, item in enumerate(value, 1):
        field = f"edge {number}"
        given = values.mapping(item, field, len(EDGE))
        values.only(given, EDGE, field)
        for key in ("from", "to", "lead_time"):
            if key not in given:
                raise InstanceError(f"{key} is missing", field=field)
        first, second = str(given["from"]), str(given["to"])
        field = f"edge {first} -> {second}"
        source = -1 if first == SUPPLIER else index.get(first)
        target = index.get(second)
        if source is None or target is None:
            unknown = first if source is None else second
            raise InstanceError(
                f"an unknown node; there are {', '.join(names[:9])}", field=field, value=unknown
            )
        if source == target:
            raise InstanceError("a node does not supply itself", field=field)
        if (source, target) in seen:
            raise InstanceError("is listed twice", field=field)
        seen.add((source, target))
        columns["source"].append(source)
        columns["target"].append(target)
        columns["lead"].append(values.whole(given["lead_time"], f"{field} lead_time", 0, MAX_LEAD))
        for key in ("cost", "order_cost", "multiple"):
            columns[key].append(values.number(given.get(key, 0.0), f"{field} {key}"))
    made: dict[str, Any] = {key: np.array(column) for key, column in columns.items()}
    return made | {key: None for key in ("order_cost", "multiple") if not any(columns[key])}


def series(
    value: Any,
    names: list[str],
    folder: Path | None,
    field: str,
    free: Container[int] = (),
) -> tuple[np.ndarray, list[int], list[str] | None] | None:
    """Demands ``[t, n]``, zero where a node has none, the nodes that have some, and the periods.

    The last are a column of dates or the like (`tables.demands`). Demands of the nodes `free` may
    be negative: their normal demand is not clipped.
    """
    if value is None:
        return None
    path = value if isinstance(value, str) else None
    lines: Sequence[int] = ()
    delimiter = ""
    columns: Mapping[str, Any]
    if isinstance(value, str):
        table = tables.series(value, folder, field)
        columns = {
            name: [row[k] or "" for row in table.rows] for k, name in enumerate(table.columns)
        }
        lines, delimiter = table.lines, table.delimiter
    else:
        columns = values.mapping(value, field, MAX_NODES)
    columns, when = tables.demands(columns, names)
    cells = (cell for column in columns.values() if isinstance(column, list) for cell in column)
    mark = figures.decimal_mark(cells, delimiter)
    rows: dict[int, list[float]] = {}
    for name, column in columns.items():
        if name not in names:
            raise InstanceError("a column of no node", field=field, value=name, path=path)
        if not isinstance(column, list) or not column:
            raise InstanceError("must be a list of demands", field=f"{field} {name}", path=path)
        node, label = names.index(name), f"{field} {name}"
        rows[node] = [
            _cell(cell, label, path, line, node in free, mark)
            for line, cell in zip(lines or range(1, len(column) + 1), column, strict=True)
        ]
    if not rows:
        raise InstanceError("has no column of a store", field=field, path=path)
    lengths = {len(column) for column in rows.values()}
    if len(lengths) != 1:
        raise InstanceError("stores have different numbers of periods", field=field, path=path)
    demands = np.zeros((lengths.pop(), len(names)))
    for node, column in rows.items():
        demands[:, node] = column
    return demands, sorted(rows), when


def _cell(cell: Any, field: str, path: str | None, line: int, free: bool, mark: str) -> float:
    """One demand of a series, with the decimal mark of its table."""
    text = str(cell).strip()
    if not text:
        raise InstanceError("a gap: every period needs a number", field=field, path=path, line=line)
    try:
        number = tables.amount(text, mark)
    except figures.Unreadable as error:
        reason = str(error) if str(error).startswith("may be") else "text where a demand belongs"
        raise InstanceError(reason, field=field, value=text, path=path, line=line) from None
    if not math.isfinite(number) or (number < 0 and not free):
        raise InstanceError(
            "a demand is finite and not negative", field=field, value=text, path=path, line=line
        )
    return number
