"""Which header of a table is which column of a form."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from nco.core.errors import InstanceError
from nco.tables.figures import are_times
from nco.tables.forms import Column, Form
from nco.tables.table import Table

UNITS = frozenset(
    [
        *("kg", "g", "t", "lb", "lbs", "ton", "tons", "m3", "l", "litre", "litres", "liter"),
        *("liters", "km", "m", "mi", "mile", "miles", "meter", "meters", "metre", "metres", "cm"),
        *("mm", "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "s", "sec"),
        *("secs", "second", "seconds", "day", "days", "eur", "euro", "euros", "usd", "dollar"),
        *("dollars", "gbp", "chf", "pcs", "piece", "pieces", "unit", "units", "pallets", "boxes"),
        *("deg", "degree", "degrees", "kmh"),
    ]
)
TIMES = {  # the last word of a header -> the unit of time that it says
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sekunden"), "seconds"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuten", "minutos"), "minutes"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunden", "horas"), "hours"),
    **dict.fromkeys(("d", "day", "days", "tage", "dias"), "days"),
}
MONEY = frozenset(
    [
        *("cost", "costs", "price", "rate", "wage", "fee", "tariff", "kosten", "preis"),
        *("eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "chf"),
    ]
)
WAYS = {  # what money may be for -> how a header is then read
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), "km"),
    **dict.fromkeys(("mi", "mile", "miles"), "mile"),
    **dict.fromkeys(("h", "hr", "hour", "hours", "std", "stunde"), "hour"),
}
_SIGNS = {"€": " eur ", "$": " usd ", "£": " gbp "}
_RATE = re.compile(r"(?:/|\b(?:per|pro)\b)\s*([a-z]+)\W*$")
_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|\{.*?\}")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # customerName


def normal(header: str) -> str:
    """A header in lower case, without accents, brackets and marks.

    A price of a unit of way or time is one word for all: "EUR/km" is "cost per km".
    """
    plain = unicodedata.normalize("NFKD", _HUMPS.sub(" ", header[:200]))
    plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
    plain = plain.lower().replace("ß", "ss")
    for sign, word in _SIGNS.items():
        plain = plain.replace(sign, word)
    rate = _RATE.search(plain)
    if rate and rate[1] in WAYS and _is_money(plain[: rate.start()]) and "overtime" not in plain:
        return f"cost per {WAYS[rate[1]]}"
    return re.sub(r"[^a-z0-9]+", " ", _BRACKETS.sub(" ", plain)).strip()


def _is_money(words: str) -> bool:
    return not MONEY.isdisjoint(re.findall(r"[a-z]+", words))


def without_unit(words: str) -> str:
    """A normal header without the units at its end: "demand in kg" is "demand".

    Money for a unit of way or time is another thing than money: "cost per km" stays.
    """
    parts = words.split()
    if words.startswith("cost per ") and parts[-1] in WAYS:
        return words
    while len(parts) > 1 and (parts[-1] in UNITS or parts[-1] in ("in", "of", "per")):
        parts.pop()
    return " ".join(parts)


def time_unit(header: str) -> str:
    """The unit of time at the end of a header, in brackets or not; empty where there is none."""
    words = re.findall(r"[a-z]+", header.lower())
    return TIMES.get(words[-1], "") if words else ""


@dataclass(frozen=True)
class Match:
    """The columns of a form that a table has.

    Attributes:
        places: column name -> index of the table's column.
        doubled: column name -> two headers that say the same, of which neither can be preferred.
    """

    places: dict[str, int]
    doubled: dict[str, tuple[str, str]]

    def meets(self, form: Form) -> bool:
        """Whether all columns of one of the sets are there that the form needs."""
        return any(set(needed) <= set(self.places) for needed in form.needs)


def match(form: Form, table: Table, stated: Mapping[str, str]) -> Match:
    """Recognises headers; what the user has stated comes first.

    Args:
        form: what is looked for.
        table: its headers.
        stated: column name -> header, of the user; those of other forms and of other tables are
            passed over.
    """
    stated = {
        name: header
        for name, header in {**stated, **table.stated}.items()
        if has_header(header, table)
    }
    words = [normal(header) for header in table.columns]
    places: dict[str, int] = {}
    doubled: dict[str, tuple[str, str]] = {}
    for column in form.columns:
        if column.name in stated:
            place = _place_of(stated[column.name], table)
            assert place is not None
            places[column.name] = place
    for column in form.columns:
        if column.name in stated:
            continue
        free = [place for place in range(len(words)) if place not in places.values()]
        best = _best(column, [(place, words[place]) for place in free])
        if column.sole:
            named = [p for p in free if without_unit(words[p]).rstrip("s") == column.name]
            best = named or [
                *best,
                *_others(column, best, [(place, words[place]) for place in free]),
            ]
        if len(best) > 1:
            doubled[column.name] = (table.columns[best[0]], table.columns[best[1]])
        if not best and column.over_times:
            weak = Column(column.over_times[0], column.over_times[1:])
            best = [
                place
                for place in _best(weak, [(place, words[place]) for place in free])
                if are_times(row[place] for row in table.rows)
            ][:1]
        if best:
            places[column.name] = best[0]
    return Match(places, doubled)


def _place_of(header: str, table: Table) -> int | None:
    """The index of a header as it stands, or nearly."""
    if header in table.columns:
        return table.columns.index(header)
    wanted = normal(header)
    found = [place for place, name in enumerate(table.columns) if normal(name) == wanted]
    return found[0] if len(found) == 1 and wanted else None


def _best(column: Column, headers: list[tuple[int, str]]) -> list[int]:
    """The places of those headers that stand for a column best."""
    synonyms = [_joined(normal(word)) for word in (column.name, *column.synonyms)]
    for bare in (False, True):
        known = [(place, _joined(without_unit(w) if bare else w)) for place, w in headers]
        for synonym in synonyms:
            found = [place for place, words in known if words == synonym]
            if found:
                return found
    return []


def _others(column: Column, best: list[int], headers: list[tuple[int, str]]) -> list[int]:
    """The places of further headers that may stand for a column, beside the best."""
    synonyms = {_joined(normal(word)) for word in column.synonyms}
    return [p for p, w in headers if p not in best and _joined(without_unit(w)) in synonyms]


def _joined(words: str) -> str:
    """Words without blanks: "xcoord" is "x coord"."""
    return words.replace(" ", "")


def has_header(header: str, table: Table) -> bool:
    """Whether a table has a header that the user stated, as it stands or nearly."""
    return _place_of(header, table) is not None


def unknown_headers(stated: Mapping[str, str], table: Table) -> InstanceError | None:
    """An error for a header of the user's that the table does not have."""
    for name, header in stated.items():
        if not has_header(header, table):
            reason = f"no such column; there are {table.headers}"
            return table.error(reason, field=f"columns {name}=", value=header)
    return None
