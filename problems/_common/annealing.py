"""The temperatures of simulated annealing, by the clock or by a number of steps."""

import time
from collections.abc import Iterator


def temperatures(
    hot: float, cold: float, *, time_limit: float | None, iterations: int
) -> Iterator[float]:
    """The temperature of each step, at least one: from `hot` to `cold` by equal factors.

    Kirkpatrick, Gelatt and Vecchi (1983), "Optimization by Simulated Annealing".

    Args:
        hot, cold: positive.
        time_limit: seconds from the first step on; None for `iterations` steps.
        iterations: steps of a schedule without a time limit; with one they count for nothing.
    """
    begun = time.perf_counter()
    share, steps = 0.0, 0
    while share < 1:
        yield hot * (cold / hot) ** share
        steps += 1
        share = steps / iterations
        if time_limit is not None:
            share = (time.perf_counter() - begun) / max(time_limit, 1e-9)
