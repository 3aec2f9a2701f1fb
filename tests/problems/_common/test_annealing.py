"""Temperatures fall from hot to cold, over steps or over time."""

import time

import pytest

from nco.problems._common.annealing import temperatures


def test_over_steps() -> None:
    """Temperatures fall by equal factors."""
    found = list(temperatures(1.0, 0.01, time_limit=None, iterations=4))
    assert found == pytest.approx([1.0, 0.1**0.5, 0.1, 0.1**1.5])


def test_over_time() -> None:
    """With a time limit they fall by the clock, whatever the number of steps."""
    begin, found = time.perf_counter(), []
    for temperature in temperatures(2.0, 0.02, time_limit=0.2, iterations=1):
        found.append(temperature)
        time.sleep(0.01)
    assert 0.2 <= time.perf_counter() - begin < 1.0
    assert len(found) > 2  # the number of steps does not count
    assert found == sorted(found, reverse=True)
    assert found[0] == 2.0
    assert 0.02 <= found[-1] < 0.5
    assert list(temperatures(2.0, 0.02, time_limit=-1.0, iterations=9)) == [2.0]
