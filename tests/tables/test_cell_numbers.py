"""Numbers as people write them into cells."""

import datetime
import math

import pytest

from nco.tables import figures

NUMBERS = [
    ("12", "", 12.0),
    (12, "", 12.0),
    ("12,5", ",", 12.5),
    ("12,5", "", 12.5),
    ("1.234,5", ",", 1234.5),
    ("1,234.5", ".", 1234.5),
    ("1,234", ".", 1234.0),
    ("1,234", ",", 1.234),
    ("1.234", ".", 1.234),
    ("1.234", "", 1.234),
    ("1.234.567", "", 1234567.0),
    ("1\u202f234,5", ",", 1234.5),
    ("1'234", "", 1234.0),
    ("12 kg", "", 12.0),
    ("€ 5", "", 5.0),
    ("\u22123", "", -3.0),
    (".5", "", 0.5),
    ("1e3", "", 1000.0),
]
NONE = [
    ("abc", "", "a number belongs here"),
    ("1.2.3", "", "a number belongs here"),
    ("1,234", "", "may be 1234 or 1.234"),
    ("1.234", ",", "may be 1234 or 1.234"),
    ("=A1", "", "a formula, which is not computed"),
    ("#REF!", "", "a formula without a value"),
    ("1e999", "", "must be finite"),
    (math.inf, "", "must be finite"),
    (10**400, "", "must be finite"),
    (True, "", "not a truth value"),
    (datetime.date(2024, 1, 2), "", "not a date"),
    ("9" * 100, "", "a number belongs here"),
]


@pytest.mark.parametrize(("cell", "mark", "value"), NUMBERS)
def test_numbers_are_read(cell: object, mark: str, value: float) -> None:
    """Decimal marks, thousands, units, currencies and signs of every habit."""
    assert figures.number(cell, mark) == value


@pytest.mark.parametrize(("cell", "mark", "reason"), NONE)
def test_what_is_no_number_says_why(cell: object, mark: str, reason: str) -> None:
    """Formulas, dates, and what may be a thousand or a decimal are refused."""
    with pytest.raises(figures.Unreadable, match=reason):
        figures.number(cell, mark)


@pytest.mark.parametrize(
    ("cells", "delimiter", "mark"),
    [
        (["48,13", "11,5"], ";", ","),
        (["48.13"], ";", "."),
        (["1,234"], ",", "."),
        (["1,234"], ";", ","),
        (["1,234"], "\t", ""),
        (["1,5", "1.5"], ";", ""),
        (["1.234,5", "2.000"], ",", ","),
    ],
)
def test_the_decimal_mark_is_that_of_the_column(
    cells: list[str], delimiter: str, mark: str
) -> None:
    """What cells say clearly counts, then what parts the columns."""
    assert figures.decimal_mark(cells, delimiter) == mark


@pytest.mark.parametrize("cell", ["", " ", None, "nan", "N/A", "-", math.nan, "#N/A"])
def test_nothing_is_nothing(cell: object) -> None:
    """Empty cells of people, Excel and pandas."""
    assert figures.nothing(cell)
    assert not figures.nothing("0")
