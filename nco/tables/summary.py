"""A solution's table in a few lines, by names."""

from nco.tables.table import Cell, Table, shown

GROUPS = ("route", "machine")  # what a line is for
THINGS = ("name", "job")  # what it lists
MOST = 30  # lines, and names in a line


def lines(table: Table) -> list[str]:
    """A line for each route or machine with what comes on it, or one for all that is chosen."""
    columns = list(table.columns)
    thing = next((name for name in THINGS if name in columns), None)
    if thing is None:
        return []
    group = next((name for name in GROUPS if name in columns), None)
    members: dict[str, list[str]] = {}
    rows = table.rows
    if "start" in columns:
        rows = sorted(rows, key=lambda row: row[columns.index("start")])
    for row in rows:
        cells: dict[str, Cell] = dict(zip(columns, row, strict=True))
        label = "" if group is None else f"{group} {shown(cells[group])}"
        label += f" ({cells['vehicle']})" if cells.get("vehicle") else ""
        name = shown(cells[thing]) or shown(cells.get("stop", cells.get("item")))
        name += f" ({cells['action']})" if cells.get("action") in ("pickup", "delivery") else ""
        name += f" {cells['start']}-{cells['end']}" if "start" in columns else ""
        members.setdefault(label, []).append(name)
    texts = [f"{label}: {_listed(names)}".removeprefix(": ") for label, names in members.items()]
    more = [f"and {len(texts) - MOST} more"] if len(texts) > MOST else []
    return texts[:MOST] + more


def _listed(names: list[str]) -> str:
    """The first of many names."""
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join(names[:MOST] + more)
