"""Sentences of checkers: short, on one line, and right about what a number is."""

import numpy as np
import pytest

from nco.problems._common import verdicts


def test_many_sentences_are_counted() -> None:
    """Two of five are spelled out; two of two need no count."""
    assert verdicts.shortened(list("abcde"), 2) == ["a", "b", "and 3 more of this kind"]
    assert verdicts.shortened(["a", "b"], 2, "routes") == ["a", "b"]


def test_anything_is_shown_on_one_line() -> None:
    """Line ends become blanks, and long texts are cut."""
    assert verdicts.shown(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    assert len(verdicts.shown("x" * 100)) == 60


@pytest.mark.parametrize("value", [3, np.int64(3), -1])
def test_whole_numbers_of_any_type_are_integers(value: object) -> None:
    """Python's and numpy's."""
    assert verdicts.is_integer(value)


@pytest.mark.parametrize("value", [True, 3.0, "3", None, [3]])
def test_everything_else_is_no_integer(value: object) -> None:
    """Truth values, and numbers with a point, too."""
    assert not verdicts.is_integer(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0, True), (2.5, True), (-1e-9, False), (float("nan"), False), (1e400, False), (True, False)],
)
def test_amounts_are_finite_and_not_negative(value: object, amount: bool) -> None:
    """What is ordered, sent or made."""
    assert verdicts.is_amount(value) is amount
