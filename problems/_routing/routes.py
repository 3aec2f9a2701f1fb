"""Routes as text: lines ``Route #1: 21 31 19`` as in CVRPLIB's `.sol` files, and JSON."""

import json
import re
from typing import Any

from nco.core.errors import InstanceError
from nco.problems._routing.tsplib import number_text

LONGEST = 200  # characters of a line without customers: matching takes their square
_ROUTE = re.compile(r"\s*route\s*#?\s*(\d{1,9})\s*:(.*)", re.IGNORECASE)
_FIGURE = re.compile(  # such as "Cost 784"
    r"\s*[a-z][a-z ]*[:=]?\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE
)
_REMARK = re.compile(r"\s*(comment|optimal)\s*:.*", re.IGNORECASE)  # as PyVRP's instances have


def read(text: str) -> list[tuple[int, int, list[int]]]:
    """The line, the number and the customers of every route; lines such as "Cost 784" are passed.

    Raises:
        InstanceError: for any other line.
    """
    stated = []
    for line, written in enumerate(text.splitlines(), 1):
        if match := _ROUTE.fullmatch(written):
            customers = [_customer(token, line) for token in match[2].split()]
            stated.append((line, int(match[1]), customers))
        elif _REMARK.fullmatch(written):
            continue
        elif written.strip() and not (len(written) <= LONGEST and _FIGURE.fullmatch(written)):
            reason = "a line must be 'Route #1: 5 2 7' or 'Cost 784'"
            raise InstanceError(reason, field="solution", value=written, line=line)
    return stated


def _customer(token: str, line: int) -> int:
    """The number of a customer in a line of a solution."""
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", token):
        reason = "a customer number belongs here"
        raise InstanceError(reason, field="Route", value=token, line=line)
    return int(token)


def from_json(text: str) -> list[list[int]]:
    """A JSON list of lists of customers, or an object with it as ``solution``."""
    stated = stated_in_json(text)
    if not isinstance(stated, list) or not all(isinstance(route, list) for route in stated):
        raise InstanceError("must be a list of routes", field="solution", value=json.dumps(stated))
    for route in stated:
        check_numbers(route, "a customer number belongs here")
    return stated


def stated_in_json(text: str) -> Any:
    """What JSON says, or what an object has as ``solution``."""
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"this is no JSON ({error})", field="solution") from error
    if isinstance(stated, dict):
        if "solution" not in stated:
            raise InstanceError("the JSON object has no key 'solution'", field="solution")
        stated = stated["solution"]
    return stated


def check_numbers(values: list[Any], reason: str) -> None:
    """Refuses, for this `reason`, what is no whole number."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InstanceError(reason, field="solution", value=json.dumps(value))


def write(lists: list[list[int]], cost: float | None) -> str:
    """Routes numbered from 1; no ``Cost`` line where the cost is None."""
    lines = [
        f"Route #{number}: {' '.join(map(str, route))}".rstrip()
        for number, route in enumerate(lists, 1)
    ]
    if cost is not None:
        lines.append(f"Cost {number_text(cost)}")
    return "\n".join([*lines, ""])
