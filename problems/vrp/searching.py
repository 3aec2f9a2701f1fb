"""Ruin and recreate by a compiled kernel as a solver of rich routing."""

import time
from collections.abc import Callable

from nco.problems._common.kernels.driver import Span, anneal
from nco.problems.vrp.case import Case, Route

STEPS, LEAST_STEPS = 500, 10_000  # without a limit: a client, and in all

Routes = list[Route]


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int | None = None,
) -> Routes | None:
    until = None if time_limit is None else time.perf_counter() + time_limit
    from nco.problems.vrp.kernels.search import Search, Settings

    if case.size == 0:
        return []
    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * case.size)
    settings = Settings()
    search = Search(case, seed, start, settings)
    hot = settings.hot if start is None else settings.warm
    anneal(search, hot, settings.cold, Span(until, iterations, search.stop), found)
    return search.best()
