"""A network with a single number changed by its name: ``edges.depot.lead_time=5``.

``nodes.NODE.KEY``, ``nodes.NODE.demand.poisson`` and so on as the file has them; ``edges.NODE.KEY``
is of the edge to a node, ``edges.FROM->NODE.KEY`` of one of several; ``*`` stands for all nodes or
edges that may have the key; ``correlation``, ``simulation.periods`` are keys of the file. Several
changes are separated by semicolons.
"""

from typing import Any

from nco.core.errors import InstanceError

KINDS = ("poisson", "geometric", "normal")  # of demand, of which a node has one
FORM = "such as edges.depot.lead_time=5 or nodes.store.penalty=9"


def changed(data: dict[str, Any], change: str) -> dict[str, Any]:
    """The data of a network's file (which is changed in place) after all changes.

    Raises:
        InstanceError: naming the part of a change that the network does not have.
    """
    for part in change.split(";"):
        if part.strip():
            _change(data, part.strip())
    return data


def _change(data: dict[str, Any], change: str) -> None:
    import yaml

    left, equals, text = change.rpartition("=")
    place, _, rest = left.partition(".")
    if not equals or not left:
        raise InstanceError(f"a change is {FORM}", field="what_if", value=change)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InstanceError("no value", field="what_if", value=text) from error
    if place == "nodes":
        name, key = _split(rest, list(data["nodes"]), change)
        chosen = list(data["nodes"].values()) if name == "*" else [data["nodes"][name]]
        if name == "*" and (key == "penalty" or key.startswith("demand")):
            chosen = [row for row in chosen if "demand" in row or "penalty" in row]
    elif place == "edges":
        names = {f"{edge['from']}->{edge['to']}": edge for edge in data["edges"]}
        for edge in data["edges"]:
            to = [other for other in data["edges"] if other["to"] == edge["to"]]
            if len(to) == 1:
                names[edge["to"]] = edge
        name, key = _split(rest, list(names), change)
        chosen = data["edges"] if name == "*" else [names[name]]
    else:
        chosen, key = [data], left
    for row in chosen:
        _set(row, key.split("."), value)


def _split(rest: str, names: list[str], change: str) -> tuple[str, str]:
    """The name, which may hold dots, and the key after it."""
    for name in sorted([*names, "*"], key=len, reverse=True):
        if rest.startswith(f"{name}."):
            return name, rest[len(name) + 1 :]
    known = ", ".join(names[:9])
    raise InstanceError(f"a change is {FORM}; there are {known}", field="what_if", value=change)


def _set(row: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = row.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InstanceError("has no parts", field="what_if", value=key)
        row = inner
    if len(keys) > 1 and keys[0] == "demand" and keys[-1] not in row and keys[-1] in KINDS:
        row.clear()  # another kind of demand takes the place of the first
    row[keys[-1]] = value
