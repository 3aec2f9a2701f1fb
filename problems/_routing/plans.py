"""Tables of routes that are read: what the ``sheet.py`` of all routing problems share."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nco.tables.columns import match, normal
from nco.tables.forms import NAME, Column, Form
from nco.tables.reading import Reading
from nco.tables.table import Table

ROUTES = Form(
    "routes",
    (
        Column(
            "route",
            (
                *("routes", "tour", "trip", "vehicle", "truck", "van", "driver", "route no"),
                *("route number", "tour no", "vehicle no", "fahrzeug", "lkw", "fahrer", "runde"),
            ),
            text=True,
        ),
        Column(
            "order",
            (
                *("position", "sequence", "seq", "pos", "visit", "step", "stop order", "rank"),
                *("reihenfolge", "stop number", "stop no", "stop sequence", "sequence number"),
            ),
        ),
        Column("stop", ("stop number", "stop no", "customer number", "node", "number"), text=True),
        Column("name", NAME.synonyms, text=True),
        Column("action", ("what",), text=True),
    ),
    (("stop",), ("name",)),
)
NUMBERED = ("stop", "stop number", "stop no")  # headers of numbers, where they may be names
DEPOTS = ("depot", "0", "")  # what the depot's row may be called
SHOWN = 8  # vehicles that an error names
UNORDERED = replace(ROUTES, columns=tuple(c for c in ROUTES.columns if c.name != "order"))


def routes_of(table: Table) -> tuple[Reading, list[list[int]], list[str]]:
    """The rows of each route of a solution's table, in the order of its stops, and their labels."""
    reading = Reading(table, ROUTES, match(ROUTES, table, {}))
    if not reading.match.meets(ROUTES):  # what may be an order may be the stop's number
        reading = Reading(table, UNORDERED, match(UNORDERED, table, {}))
    if not reading.match.meets(ROUTES):
        reason = (
            "a solution needs the column stop or name, and route and order; here are "
            f"{table.headers}: name the missing by --columns name=HEADER "
            "(columns={'name': HEADER})"
        )
        raise table.error(reason)
    labels = reading.texts("route") if reading.has("route") else [""] * len(reading)
    order = reading.numbers("order") if reading.has("order") else [None] * len(reading)
    _check_order(reading, order)
    members: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        members.setdefault(label, []).append(row)
    sorted_rows = [
        sorted(rows, key=lambda row: (order[row] is None, order[row] or 0.0))
        for rows in members.values()
    ]
    return reading, sorted_rows, list(members)


def _check_order(reading: Reading, order: Sequence[float | None]) -> None:
    """Refuses a stop without a place where others have one; the depot's is at the ends anyway."""
    if all(place is None for place in order):
        return
    called = reading.texts("name" if reading.has("name") else "stop")
    for row, place in enumerate(order):
        if place is None and called[row].casefold() not in DEPOTS:
            raise reading.error("is empty: say where the stop comes", "order", row)


def stop_numbers(
    reading: Reading, names: Sequence[str], ids: Iterable[int] | None = None
) -> list[int]:
    """The number of the stop in each row: as stated, or by its name.

    What may be numbers or names is taken for names where all are such, unless the header says
    number (`NUMBERED`) and stops have these numbers.

    Args:
        reading: the table of a solution.
        names: of the stops by position; empty where they have none.
        ids: the stops' numbers by position; None: the positions.

    Raises:
        InstanceError: a name that no stop or several have; a number and a name of different stops.
    """
    own = list(range(len(names))) if ids is None else [int(number) for number in ids]
    numbered = reading.has("stop") and normal(reading.header("stop")) in NUMBERED
    column = "stop" if numbered or not reading.has("name") else "name"
    texts = reading.texts(column)
    counted = [int(text) if _whole(text) else None for text in texts]
    numbers = [number for number in counted if number is not None]
    named = bool(texts) and bool(names) and set(texts) <= set(names)
    if len(numbers) == len(texts) and not (named and not (numbered and set(numbers) <= set(own))):
        if column == "stop" and reading.has("name"):
            _check_agree(reading, numbers, dict(zip(own, names, strict=False)))
        return numbers
    places: dict[str, int] = {}
    twice: set[str] = set()
    for place, name in enumerate(names):
        twice |= {name} if name in places else set()
        places[name] = place
    found = []
    for row, name in enumerate(texts):
        if not name:
            raise reading.error("is empty: a stop's number or name belongs here", column, row)
        if name not in places:
            words = "no stop is called so" if names else "a stop's number belongs here"
            raise reading.error(words, column, row, name)
        if name in twice:
            reason = "several stops are called so: add a column stop of their numbers"
            raise reading.error(reason, column, row, name)
        found.append(own[places[name]])
    return found


def _check_agree(reading: Reading, numbers: list[int], names: dict[int, str]) -> None:
    """Refuses a row whose number is that of one stop, and whose name that of another."""
    known = set(names.values())
    for row, (number, name) in enumerate(zip(numbers, reading.texts("name"), strict=True)):
        called = names.get(number, "")
        if called and name in known and name != called:
            reason = (
                f"stop {number} is {called}: leave one of the columns {reading.header('stop')} and "
                f"{reading.header('name')} out, or say --columns order={reading.header('stop')}; "
                "a plan of another instance, such as the rest of a day, has other numbers"
            )
            raise reading.error(reason, "name", row, name)


def _whole(text: str) -> bool:
    """Whether a text is a whole number."""
    digits = text.removeprefix("-").removesuffix(".0")
    return digits.isascii() and digits.isdecimal()


def vehicle_of(reading: Reading, row: int, label: str, names: Sequence[str], count: int) -> int:
    """The position of the vehicle that a route's label names, by its number from 1 or its name."""
    if label.isascii() and label.isdecimal() and 1 <= int(label[:9]) <= count:
        return int(label[:9]) - 1
    if label in names:
        return list(names).index(label)
    called = f" or {', '.join(names[:SHOWN])}" if any(names) else ""
    reason = f"no such vehicle; they are 1 to {count}{called}"
    raise reading.error(reason, "route", row, label or "''")


def without_depot(numbers: list[int], depot: int = 0) -> list[int]:
    """A route's stops without the depot at its ends."""
    numbers = numbers[1:] if numbers[:1] == [depot] else numbers
    return numbers[:-1] if numbers[-1:] == [depot] else numbers
