"""Plain data of inventory files: YAML and JSON texts, pandas tables, and rules in words."""

import json
import math
from collections.abc import Mapping
from typing import Any

from nco.core.errors import InstanceError
from nco.problems._common.yamlfile import loader

LARGEST = 20_000_000  # characters of a network's file
DEEPEST = 20


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
