"""Tabu search of shops: from a work list to the best plan within a time or a number of steps."""

import time
from collections.abc import Callable

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._common.kernels.driver import Span, Teller, repeat
from nco.problems._shop.bound import makespan_bound
from nco.problems._shop.kernels.arrays import Shop, plan_of, sequence_of, shop_of
from nco.problems._shop.kernels.search import COST, Settings, empty_search, proceed
from nco.problems._shop.plan import Plan, Work

ELITES = 3  # schedules between which new walks begin
PATIENCE = 100, 50  # steps for each operation without a better schedule; with alternatives
TRIES, TRYING = 16, 2_000_000  # first schedules a walk; looks at jobs that they may take
# of an elite schedule in a new one near another, in thousandths: the least, and how many from there
# on are drawn from; without and with alternatives
LEAST_SHARE, SHARES = (100, 20), (400, 80)
BOUNDING = 0.01  # share of the time that a bound at which the search may end may take


def settings_of(shop: Shop) -> Settings:
    """How to search a shop of this size."""
    jobs, machines = len(shop.first), shop.machines
    operations = int((shop.job >= 0).sum())
    tenure = 10 + jobs / machines
    flexible = len(shop.machine) > operations
    return Settings(
        flexible=flexible,
        least_tenure=int(tenure),
        tenures=int(tenure * (1.4 if jobs <= 2 * machines else 1.5)) - int(tenure) + 1,
        patience=PATIENCE[flexible] * operations,
        target=0,
        nearest=max(1, operations // 10),
        least_share=LEAST_SHARE[flexible],
        shares=SHARES[flexible],
        tries=max(1, min(TRIES, TRYING // (operations * jobs))),
        stale=50,
    )


def improve(
    jobs: Work,
    *,
    until: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    start: Plan | None = None,
    tell: Callable[[Plan], None] | None = None,
    stop: np.ndarray | None = None,
    settings: Settings | None = None,
    elites: int = ELITES,
) -> Plan:
    """The best plan that walks of tabu search come to; it ends early where that is proven optimal.

    Each walk goes from schedule to schedule by the best move that is not forbidden (`walk`). The
    first ones begin at schedules by a rule, later ones between two of the best (`search`), after
    Peng, Lu and Cheng, "A tabu search/path relinking algorithm to solve the job shop scheduling
    problem" (Computers & Operations Research 53, 2015).

    Args:
        jobs: the work list.
        until: a reading of `time.perf_counter`.
        iterations: instead, so many steps: equal ones give equal answers everywhere.
        seed: of the random numbers.
        start: a feasible plan, at which the first walk begins; the answer is never worse.
        tell: is called with better plans on the way.
        stop: int64 [1]; whoever sets it ends the search.
        settings: how to search, by default `settings_of`.
        elites: how many of the best schedules are kept, at least 2.
    """
    span = Span(until, iterations, **({} if stop is None else {"stop": stop}))
    shop = shop_of(jobs)
    search = empty_search(shop, elites, chance.start(seed))
    if start is not None:
        order, choice = sequence_of(jobs, start)
        search.walk.orders.order[:] = order
        search.walk.orders.choice[:] = choice
    left = None if until is None else BOUNDING * (until - time.perf_counter())
    rules = settings or settings_of(shop)._replace(target=makespan_bound(jobs, left))
    proceed(shop, search, rules, 1, np.zeros(1, dtype=np.int64))  # there is always an answer

    def best() -> Plan:
        return plan_of(jobs, search.order, search.choice)

    def step(steps: int) -> int:
        return int(proceed(shop, search, rules, steps, span.stop))

    teller = Teller(tell, best)
    teller.look(search.counters[COST])
    repeat(step, span, lambda: teller.look(search.counters[COST]))
    return best()
