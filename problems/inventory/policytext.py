"""Rules as people write them: in a few words, or as a table with a row a node.

``min-max 40 90``, ``s,S 40 90``, ``base-stock 90``, ``capped-base-stock 90 25``,
``echelon-stock store=90 depot=200``, ``reorder-quantity 40 50``; with ``every 2`` at the end where
orders are placed in every second period only. Numbers without a name are those of every store;
``depot=200/400`` has those of one node.
"""

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nco.core.errors import InstanceError
from nco.problems.inventory import tables
from nco.tables import figures

COLUMNS = {  # of each rule: what it says of every node
    "base_stock": ("levels",),
    "capped_base_stock": ("levels", "caps"),
    "echelon_stock": ("levels",),
    "min_max": ("min", "max"),
    "echelon_min_max": ("min", "max"),
    "reorder_quantity": ("min", "quantity"),
}
NAMES = {  # what people call them
    "minmax": "min_max",
    "ss": "min_max",
    "echelonminmax": "echelon_min_max",
    "basestock": "base_stock",
    "orderupto": "base_stock",
    "cappedbasestock": "capped_base_stock",
    "echelonstock": "echelon_stock",
    "echelonbasestock": "echelon_stock",
    "reorderquantity": "reorder_quantity",
    "rq": "reorder_quantity",
    "rnq": "reorder_quantity",
}
HEADERS = {  # of a table
    "node": ("node", "store", "name", "shop", "location"),
    "min": ("min", "s", "reorder", "reorder_point", "reorder_level", "minimum"),
    "max": ("max", "order_up_to", "maximum"),
    "levels": ("level", "levels", "base_stock"),
    "caps": ("cap", "caps", "largest_order"),
    "quantity": ("quantity", "q", "lot", "order_quantity"),
    "review": ("review", "every"),
}
TABLES = {  # the columns of a table to the rule that it is
    frozenset({"min", "max"}): "min_max",
    frozenset({"levels"}): "base_stock",
    frozenset({"max"}): "base_stock",
    frozenset({"levels", "caps"}): "capped_base_stock",
    frozenset({"max", "caps"}): "capped_base_stock",
    frozenset({"min", "quantity"}): "reorder_quantity",
}
FORM = "such as 'min-max 40 90', 'base-stock 90' or 'min-max store=40/90 depot=200/400 every 2'"


def of_words(case: Any, text: str) -> dict[str, Any]:
    """The rule in a few words.

    Args:
        case: a `files.Case`; text: the words.

    Raises:
        InstanceError: naming the word that is not understood.
    """
    words = text.replace("(", " ").replace(")", " ").split()
    first = next((k for k, word in enumerate(words) if re.search("[0-9=]", word)), len(words))
    name = re.sub("[^a-z]", "", "".join(words[:first]).lower())
    if name not in NAMES:
        raise InstanceError(f"a file (.json, .csv) or a rule {FORM}", field="policy", value=text)
    rule = NAMES[name]
    parts, review = _review(words[first:], text)
    keys = COLUMNS[rule]
    numbers: dict[str, list[float]] = {}
    bare = [word for word in parts if "=" not in word]
    if bare:
        shared = _numbers([n for word in bare for n in re.split("[/,]", word) if n], keys, text)
        numbers = {case.nodes[store]: shared for store in case.stores}
    for word in parts:
        if "=" in word:
            node, _, values = word.rpartition("=")
            if node not in case.nodes:
                known = ", ".join(case.nodes[:9])
                raise InstanceError(
                    f"an unknown node; there are {known}", field="policy", value=node
                )
            numbers[node] = _numbers(values.split("/"), keys, text)
    missing = [node for node in case.nodes if node not in numbers]
    if missing:
        every = [] if review is None else ["every", str(review)]
        whole = " ".join([*words[:first], *parts, *_usual(case, missing, keys), *every])
        reason = (
            f"{', '.join(missing[:6])} must have numbers too, such as: "
            f'nco solve {_instance(case)} --policy "{whole}"'
        )
        raise InstanceError(reason, field="policy", value=text)
    solution: dict[str, Any] = {"rule": rule}
    for place, key in enumerate(keys):
        solution[key] = {node: values[place] for node, values in numbers.items()}
    return solution | ({} if review is None else {"review": review})


def _instance(case: Any) -> str:
    """The word for a case's file on a command line."""
    from nco.problems.inventory.files import EXAMPLES, SHIPPED

    path = Path(case.path or "INSTANCE")
    return f"{SHIPPED}{path.name}" if path.parent == EXAMPLES else shlex.quote(str(path))


def _usual(case: Any, missing: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Words with numbers for nodes that have none: demand over the lead time and a little more."""
    from nco.problems.inventory.network import outline

    about = outline(case)
    words = []
    for name in missing:
        node = case.nodes.index(name)
        mean, lead = float(about.mean[node]), float(about.lead_in[node])
        sizes = {"min": lead + 1, "levels": lead + 2, "max": lead + 2, "caps": 2, "quantity": 1}
        words.append(f"{name}=" + "/".join(str(math.ceil(sizes[key] * mean)) for key in keys))
    return words


def _review(words: list[str], text: str) -> tuple[list[str], int | None]:
    """The words before ``every N``, and N."""
    if "every" not in words:
        return words, None
    at = words.index("every")
    if len(words) != at + 2 or not words[at + 1].isdigit():
        raise InstanceError("every must be the last word but a number", field="policy", value=text)
    return words[:at], int(words[at + 1])


def _numbers(words: Sequence[str], keys: Sequence[str], text: str) -> list[float]:
    """As many numbers as a rule has for each node."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != len(keys):
        reason = f"needs {len(keys)} numbers for a node ({', '.join(keys)}), {FORM}"
        raise InstanceError(reason, field="policy", value=text)
    return numbers


def of_rows(
    case: Any, rows: list[dict[str, str]], lines: Sequence[int] = (), delimiter: str = ""
) -> dict[str, Any]:
    """The rule in a table with a row a node: its columns tell which it is.

    Args:
        case: a `files.Case`; rows: header to cell; lines: where each stands in its file.
        delimiter: of the file's columns, which tells decimal commas from points in doubt.

    Raises:
        InstanceError: with the line of a cell that is no number, or the headers that are missing.
    """
    if not rows:
        raise InstanceError("needs a header and a row a node", field="policy")
    found: dict[str, str] = {}
    for header in rows[0]:
        word = re.sub("[^a-z]+", "_", str(header).strip().lower()).strip("_")
        key = next((key for key, names in HEADERS.items() if word in names), None)
        if key is not None:
            found.setdefault(key, header)
    rule = TABLES.get(frozenset(found) - {"node", "review"})
    if "node" not in found or rule is None:
        reason = "needs the columns node, min, max (or level; level, cap; min, quantity)"
        if any(str(header).startswith("order up to, ") for header in rows[0]):
            reason += (
                "; a rule by season, or that counts all below, is read again from --save .json"
            )
        raise InstanceError(reason, field="policy", value=", ".join(map(str, rows[0])))
    if "max" in found and "min" not in found:  # the level of a base stock by another name
        found["levels"] = found.pop("max")
    solution: dict[str, Any] = {"rule": rule} | {
        key: {} for key in found if key not in ("node", "review")
    }
    reviews: dict[str, int] = {}
    numeric = [header for key, header in found.items() if key != "node"]
    mark = figures.decimal_mark((row[header] for row in rows for header in numeric), delimiter)
    for line, row in zip(lines or range(2, len(rows) + 2), rows, strict=True):
        node = str(row[found["node"]]).strip()
        if node not in case.nodes:
            reason = f"an unknown node; there are {', '.join(case.nodes[:9])}"
            raise InstanceError(reason, field="policy", value=node, line=line)
        for key, header in found.items():
            if key == "node":
                continue
            number = _cell(row[header], str(header), line, mark)
            if key == "review":
                reviews[node] = int(number)
            else:
                solution[key][node] = number
    return solution | ({"review": reviews} if reviews else {})


def _cell(cell: Any, header: str, line: int, mark: str) -> float:
    try:
        return tables.amount(cell, mark)
    except figures.Unreadable as error:
        reason = str(error) if str(error).startswith("may be") else "text where a number belongs"
        raise InstanceError(reason, field=header, value=cell, line=line) from None
