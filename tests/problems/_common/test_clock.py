"""Deadlines of solvers."""

import time

from nco.problems._common import clock


def test_a_time_limit_becomes_a_reading_of_the_clock() -> None:
    """Ten seconds from now; no limit has no deadline."""
    begin = time.monotonic()
    deadline = clock.deadline(10)
    assert deadline is not None
    assert begin + 10 <= deadline <= time.monotonic() + 10
    assert clock.deadline(None) is None
