"""Plain data of inventory files: YAML and JSON texts, pandas tables, and rules in words."""

import json
import math
import re
from collections.abc import Container, Mapping
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from nco.core.errors import InstanceError
from nco.problems._common.yamlfile import loader
from nco.tables import figures
from nco.tables import files as tablefiles
from nco.tables.table import Table, shown

LARGEST = 20_000_000  # characters of a network's file
DEEPEST = 20
PERIODS = {  # headers of a column that counts or names periods, and how long these are
    **{"period": "period", "periode": "period", "date": "date", "datum": "date"},
    **{"week": "week", "woche": "week", "kw": "week", "day": "day", "tag": "day"},
    **{"month": "month", "monat": "month", "quarter": "quarter", "quartal": "quarter"},
}
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y")
CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)[T /].*")  # a date with a time, or the first of a period
WEEK = re.compile(r"(\d{4}[-/ ]?)?(w|kw|cw|week|woche)[ .]*\d{1,2}([-/ ]\d{4})?", re.IGNORECASE)


def parse(text: str) -> Any:
    """The data of a YAML (so also JSON) text, without anchors, tags and doubled keys.

    Raises:
        InstanceError: with the line of a syntax error.
    """
    import yaml

    if len(text) > LARGEST:
        raise InstanceError("larger than 20 MB: name a CSV beside the file", field="file")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            # an alias can make a small file stand for a huge one
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1
                raise InstanceError("anchors and aliases are not read", field="file", line=line)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_keys(root, 0)
        return yaml.load(text, Loader=loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, InstanceError):
            raise
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "cannot be read"
        line = None if mark is None else mark.line + 1
        raise InstanceError(f"not YAML: {reason}", field="file", line=line) from error


def _check_keys(node: Any, depth: int) -> None:
    """Refuses a key that is there twice, and data nested too deeply."""
    import yaml

    if depth > DEEPEST:
        raise InstanceError("nested too deeply", field="file")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise InstanceError("is there twice", field="key", value=name, line=line)
            seen.add(name)
            _check_keys(value, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value, depth + 1)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """A user's dict with pandas tables turned into dicts and lists."""
    network = dict(data)
    nodes = network["nodes"]
    if hasattr(nodes, "to_dict"):
        table = nodes.set_index("name") if "name" in nodes.columns else nodes
        network["nodes"] = {
            name: _filled(row) for name, row in table.to_dict(orient="index").items()
        }
    edges = network["edges"]
    if hasattr(edges, "to_dict"):
        network["edges"] = [_filled(row) for row in edges.to_dict(orient="records")]
    for key in ("history", "trace"):
        series: Any = network.get(key)
        if hasattr(series, "to_dict"):
            network[key] = {name: _cells(column) for name, column in series.to_dict("list").items()}
        elif isinstance(series, Mapping):
            network[key] = {name: _cells(column) for name, column in series.items()}
    return network


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table without its empty cells."""
    return {
        str(key): value.item() if hasattr(value, "item") else value
        for key, value in row.items()
        if not (isinstance(value, float) and math.isnan(value)) and value is not None
    }


def _cells(column: Any) -> list[Any]:
    """A column with its gaps as empty text, which the reader reports."""
    cells = column.tolist() if hasattr(column, "tolist") else list(column)
    return ["" if isinstance(c, float) and math.isnan(c) else c for c in cells]


def dump(data: dict[str, Any]) -> str:
    """The YAML text of a file."""
    import yaml

    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=100)


def read_json(text: str) -> Any:
    """The data of a JSON text, or what it holds under "solution"."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"not JSON: {error}", field="solution") from error
    return data["solution"] if isinstance(data, dict) and "solution" in data else data


def write_json(data: dict[str, Any]) -> str:
    """The JSON text of a solution."""
    return json.dumps(data) + "\n"


# ---- demands by period


def series(name: str, folder: Path | None, field: str) -> Table:
    """The table of demands in a file beside the network's file; headers are its columns.

    Raises:
        InstanceError: a file elsewhere, or one that cannot be read or holds no rows.
    """
    if folder is None:
        raise InstanceError("a CSV must lie beside a file: give the table itself", field=field)
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise InstanceError("must lie beside this file or below it", field=field, value=name)
    try:
        table = tablefiles.read(folder / name)[0]
    except InstanceError as error:
        raise InstanceError(error.reason, field=field, path=name, line=error.line) from error
    columns, rows, lines = table.columns, table.rows, table.lines
    if not table.headed:  # stores may be called by numbers
        columns, rows, lines = tuple(map(shown, rows[0])), rows[1:], lines[1:]
    if not rows:
        raise InstanceError("needs a header with the stores and a row a period", path=name)
    return Table(columns, rows, lines, path=name, delimiter=table.delimiter)


def demands(
    columns: Mapping[str, list[Any]], names: Container[str]
) -> tuple[dict[str, list[Any]], list[str] | None]:
    """The columns of stores, and the column that says when, where there is one.

    The latter is called ``week``, ``Datum`` or the like, or is the first one, and all its cells are
    dates or weeks. It comes with its header first, in English, and with its dates as ISO 8601 has
    them, as `season.recognise` wants it.
    """
    kept: dict[str, list[Any]] = {}
    when: list[str] | None = None
    for place, (name, cells) in enumerate(columns.items()):
        known = PERIODS.get(str(name).strip().lower())
        texts = [str(cell).strip() for cell in cells] if isinstance(cells, list) else []
        dates = _dates(texts)
        weeks = all(map(WEEK.fullmatch, texts)) and bool(texts)
        if name in names or not (known or (place == 0 and (dates or weeks or not name))):
            kept[name] = cells
        elif when is None:
            kind = known or ("date" if dates else "week" if weeks else "period")
            when = [kind, *(dates or texts)]
    return kept, when


def _dates(texts: list[str]) -> list[str] | None:
    """Dates as ISO 8601 has them, of the first form that all of them have; None: no dates."""
    days = [match[1] if (match := CLOCK.fullmatch(text)) else text for text in texts]
    for form in DATES if days else ():
        try:
            return [datetime.strptime(day, form).date().isoformat() for day in days]
        except ValueError:
            continue
    return None


def amount(cell: Any, mark: str) -> float:
    """The number in a cell, with the decimal mark of its table (`figures.decimal_mark`).

    Raises:
        figures.Unreadable: text, and what may be one number or another, such as 1.234.
    """
    text = str(cell).strip()
    try:
        if mark != "," or "." not in text:
            return float(text)
    except ValueError:
        pass
    return figures.number(text, mark)
