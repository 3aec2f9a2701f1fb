"""Numbers as their source wrote them: exact sums, and factors that make them whole."""

from fractions import Fraction

import pytest

from nco.problems._common import decimals


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -2.5, 1e-300, 2.0**53, 1e23, 1 / 3])
def test_a_number_is_the_decimal_that_it_prints_as(value: float) -> None:
    """Both forms give the decimal of ``repr``, and the float comes back."""
    assert decimals.exact(value) == decimals.rational(value) == Fraction(repr(value))
    assert float(decimals.plain(decimals.exact(value))) == value


def test_sums_of_decimals_are_exact() -> None:
    """Ten times 0.1 is 1, which floats miss."""
    assert sum(decimals.exact(0.1) for _ in range(10)) == 1
    assert decimals.plain(Fraction(4, 2)) == 2
    assert isinstance(decimals.rational(7.0), int)


@pytest.mark.parametrize(
    ("values", "largest", "factor"),
    [([0.5, 0.25], 100, 4), ([3.0, 7.0], 100, 1), ([1 / 3, 50.0], 1000, 20), ([0.0], 10, 1)],
)
def test_the_factor_makes_values_whole_or_stays_small(
    values: list[float], largest: int, factor: int
) -> None:
    """The least common denominator, or as much as the largest value allows."""
    assert decimals.scale(values, largest) == factor
