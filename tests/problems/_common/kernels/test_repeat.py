"""A kernel without a temperature is repeated to its time, its number of steps or its own end."""

import time

import numpy as np

from nco.problems._common.kernels.driver import Span, repeat


def test_a_number_of_steps_is_made_exactly() -> None:
    """In chunks, after each of which somebody is told."""
    made: list[int] = []
    told: list[int] = []

    def step(steps: int) -> int:
        made.append(steps)
        return steps

    assert repeat(step, Span(iterations=12_345), lambda: told.append(sum(made))) == 12_345
    assert sum(made) == told[-1] == 12_345
    assert len(told) == len(made) > 1


def test_a_time_is_kept() -> None:
    """It ends within a few chunks of its time, and not before it."""
    begun = time.perf_counter()

    def step(steps: int) -> int:
        time.sleep(1e-5 * steps)
        return steps

    assert repeat(step, Span(until=begun + 0.1)) > 100
    assert 0.1 <= time.perf_counter() - begun < 0.3
    assert repeat(step, Span(until=begun)) == 0


def test_a_kernel_may_finish_by_itself() -> None:
    """Fewer steps than it was asked for are its last."""
    calls: list[int] = []

    def step(steps: int) -> int:
        calls.append(steps)
        return steps if len(calls) < 3 else 1

    done = repeat(step, Span(iterations=10**12))
    assert len(calls) == 3
    assert done == sum(calls[:2]) + 1


def test_the_flag_ends_it() -> None:
    """Nothing follows the chunk in which it is set."""
    stop = np.zeros(1, dtype=np.int64)
    calls: list[int] = []

    def step(steps: int) -> int:
        calls.append(steps)
        stop[0] = len(calls) == 2
        return steps

    assert repeat(step, Span(iterations=10**12, stop=stop)) == sum(calls)
    assert len(calls) == 2
