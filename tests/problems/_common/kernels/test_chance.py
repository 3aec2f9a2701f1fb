"""Random numbers of kernels are those of the paper's recurrence, counted in Python's integers."""

import math

import numpy as np
import pytest

from nco.problems._common.kernels import chance

MASK = 2**64 - 1


def following(bits: int) -> int:
    """Marsaglia's xorshift with shifts 13, 7 and 17, in unbounded integers."""
    bits ^= bits << 13 & MASK
    bits ^= bits >> 7
    return bits ^ (bits << 17 & MASK)


def test_draws_follow_the_recurrence() -> None:
    """Draws, whole numbers and fractions are the recurrence's bits."""
    state = chance.start(3, 1)
    bits = int(state[0])
    for _ in range(50):
        bits = following(bits)
        assert int(chance.draw(state)) == bits
    for bound in (1, 2, 7, 199, 2**32):
        bits = following(bits)
        assert int(chance.below(state, bound)) == (bits >> 32) * bound >> 32
    for _ in range(20):
        bits = following(bits)
        assert chance.uniform(state) == (bits >> 11) / 2**53
    assert int(state[0]) == bits


def test_exponential_numbers_are_logarithms() -> None:
    """They are minus the logarithm of one less the fraction, to nine digits."""
    state = chance.start(5)
    for _ in range(200):
        before = state.copy()
        drawn = chance.exponential(state)
        assert drawn == pytest.approx(-math.log(1.0 - chance.uniform(before)), rel=1e-8, abs=1e-9)


def test_whole_numbers_are_uniform() -> None:
    """Of 7,000 numbers below 7 each is drawn about 1,000 times."""
    state = chance.start(11)
    counts = np.bincount([chance.below(state, 7) for _ in range(7000)], minlength=7)
    assert len(counts) == 7
    assert np.abs(counts - 1000).max() < 150  # five standard deviations


def test_different_seeds_start_apart() -> None:
    """No two of many seeds, of one number or two, give one state, and none is 0."""
    states = {int(chance.start(*seeds)[0]) for seeds in [(i,) for i in range(-50, 50)]}
    states |= {int(chance.start(i, j)[0]) for i in range(20) for j in range(20)}
    assert len(states) == 500
    assert 0 not in states
