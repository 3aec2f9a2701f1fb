"""Random numbers for kernels: the same on every machine, compiled or not.

Marsaglia (2003), "Xorshift RNGs", 64 bits, shifts 13, 7 and 17. The state is an array of one
unsigned number, never 0. Nothing here rounds differently on another processor.
"""

import math

import numpy as np

from nco.problems._common.kernels.compiling import Whole, inlined

SPREAD = 0x9E3779B97F4A7C15  # of SplitMix64 (Steele, Lea and Flood, 2014)
BITS = 2**64 - 1
ROOT = 0.7071067811865476  # of 1/2
LOG_2 = 0.6931471805599453


def start(*seeds: int) -> np.ndarray:
    """A state, uint64 [1], in which any two different rows of seeds are far apart."""
    state = 0
    for seed in seeds:
        state = (state ^ (seed & BITS)) + SPREAD & BITS
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & BITS
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & BITS
        state ^= state >> 31
    return np.array([state or SPREAD], dtype=np.uint64)


def further(seed: int, number: int) -> int:
    """The seed of a caller's search of a number from 0 on, whose first one has the caller's own."""
    return int(start(seed, number)[0] >> np.uint64(1)) if number else seed


@inlined
def draw(state: np.ndarray) -> np.uint64:
    """The next 64 bits, uint64."""
    bits = state[0]
    bits ^= bits << np.uint64(13)
    bits ^= bits >> np.uint64(7)
    bits ^= bits << np.uint64(17)
    state[0] = bits
    return bits


@inlined
def below(state: np.ndarray, bound: Whole) -> Whole:
    """A whole number from 0 to bound - 1, int64; the bound is from 1 to 2^32."""
    return np.int64(((draw(state) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@inlined
def uniform(state: np.ndarray) -> float:
    """A number from 0 up to but without 1, a multiple of 2^-53."""
    return np.float64(draw(state) >> np.uint64(11)) * 1.1102230246251565e-16


@inlined
def exponential(state: np.ndarray) -> float:
    """A number of mean 1: minus the logarithm of a uniform one, to nine digits.

    The logarithms of the systems' libraries differ in their last bit; additions, products and
    quotients do not.
    """
    mantissa, exponent = math.frexp(1.0 - uniform(state))
    share = (mantissa - ROOT) / (mantissa + ROOT)
    square = share * share
    series = 1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9)))
    return (0.5 - exponent) * LOG_2 - 2.0 * share * series
