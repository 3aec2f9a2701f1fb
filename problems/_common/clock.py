"""When a solver's time is up, as a reading of `time.monotonic`."""

import time


def deadline(time_limit: float | None) -> float | None:
    """The reading at which so many seconds from now are over; None: never."""
    return None if time_limit is None else time.monotonic() + time_limit
