"""The whole search: walks from first schedules, and from schedules between elite ones."""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, kernel, part
from nco.problems._shop.kernels.arrays import Shop
from nco.problems._shop.kernels.choice import LARGE
from nco.problems._shop.kernels.pool import (
    SIZE,
    Pool,
    blend,
    copy,
    distance,
    drop,
    empty_pool,
    extreme,
    put,
)
from nco.problems._shop.kernels.starts import Queue, empty_queue, schedule
from nco.problems._shop.kernels.walk import (
    BEST,
    OPTIMAL,
    SINCE,
    Walk,
    advance,
    empty_walk,
    keep,
    set_out,
)

# what `Search.counters` holds
COST = 0  # the least so far
WALKING = 1  # 1: a walk is under way
WALKS = 2  # walks begun
PARENT = 3  # the index of the elite schedule that the walk began near; -1: none
STALE = 4  # walks since the least cost in the pool fell
FINISHED = 5  # 1: nothing better is possible, or as good as wanted
COUNTERS = 6

NOISE = 500  # of schedules by a rule after the first two, see `schedule`


class Settings(NamedTuple):
    """How to search; whole numbers."""

    flexible: bool  # whether an operation has alternatives
    least_tenure: int  # steps for which a move may not be undone
    tenures: int  # how many numbers of steps, from the least one on, are drawn from
    patience: int  # steps without a better schedule after which a walk ends
    target: int  # a cost that is good enough
    nearest: int  # schedules less far from one another than this count as one
    least_share: int  # of the other one in a schedule between two, in thousandths
    shares: int  # how many shares, from the least one on, are drawn from
    tries: int  # schedules by a rule, of which the best begins a walk
    stale: int  # walks without a better schedule after which all but the best are given up


class Search(NamedTuple):
    """Everything that changes during a search."""

    walk: Walk
    pool: Pool
    queue: Queue
    order: np.ndarray  # [n] uint32, the best schedule
    choice: np.ndarray  # [V] uint32
    counters: np.ndarray  # [COUNTERS] int64
    random: np.ndarray  # [1] uint64


@part
def begin_anew(shop: Shop, search: Search, tries: Whole) -> None:
    """Makes the best of some schedules by a rule the present one; the very first have no noise."""
    walk, queue, random = search.walk, search.queue, search.random
    least: Whole = np.int64(LARGE)
    for k in range(tries):
        noise = 0 if search.counters[WALKS] == 0 and k < 2 else NOISE
        cost = schedule(
            shop, walk.orders.order, walk.orders.choice, queue, k % 2 == 0, noise, random
        )
        if cost < least:
            least = cost
            keep(walk)
    copy(walk.best_order, walk.orders.order)
    copy(walk.best_choice, walk.orders.choice)


@part
def depart(shop: Shop, search: Search, settings: Settings) -> None:
    """Begins a walk: from a new schedule while the pool has room, then between two of it."""
    counters, pool, orders = search.counters, search.pool, search.walk.orders
    size = pool.counters[SIZE]
    counters[PARENT] = -1
    if counters[WALKS] == 0 and orders.order[0] > 0:
        pass  # a schedule was given
    elif size < len(pool.cost):
        begin_anew(shop, search, settings.tries)
    else:
        one = below(search.random, size)
        other = (one + 1 + below(search.random, size - 1)) % size
        share = settings.least_share + below(search.random, settings.shares)
        blend(pool, one, other, share, orders.order, orders.choice, search.random)
        counters[PARENT] = one
    set_out(shop, search.walk)
    counters[WALKS] += 1
    counters[WALKING] = 1


@part
def admit(shop: Shop, search: Search, settings: Settings) -> None:
    """Puts the best schedule of a walk into the pool, if it is good or new.

    It replaces all that it is near to if it is as good as they are, and is left out otherwise. It
    replaces the one that its walk began near, or the worst one, if it is as good as that.
    """
    pool, walk = search.pool, search.walk
    cost = walk.counters[BEST]
    parent = search.counters[PARENT]
    k = pool.counters[SIZE] - 1
    while k >= 0:
        if distance(shop, pool, k, walk.best_order, walk.best_choice) < settings.nearest:
            if cost > pool.cost[k]:
                return
            drop(pool, k)
            parent = -1  # numbers have changed
        k -= 1
    size = pool.counters[SIZE]
    index = size
    if size < len(pool.cost):
        pool.counters[SIZE] += 1
    else:
        index = parent
        if parent < 0 or cost > pool.cost[parent]:
            index = extreme(pool, True)
        if cost > pool.cost[index]:
            return
    put(pool, index, walk.best_order, walk.best_choice, cost)


@part
def arrive(shop: Shop, search: Search, settings: Settings) -> None:
    """Ends a walk; gives up all but the best of a pool that has brought nothing for long."""
    counters, pool = search.counters, search.pool
    better = pool.counters[SIZE] == 0
    better = better or search.walk.counters[BEST] < pool.cost[extreme(pool, False)]
    counters[STALE] = 0 if better else counters[STALE] + 1
    admit(shop, search, settings)
    if counters[STALE] >= settings.stale:
        counters[STALE] = 0
        best = extreme(pool, False)
        put(pool, 0, pool.order[best], pool.choice[best], pool.cost[best])
        pool.counters[SIZE] = 1
    counters[WALKING] = 0


@kernel
def proceed(
    shop: Shop, search: Search, settings: Settings, steps: Whole, stop: np.ndarray
) -> Whole:
    """Goes on with a search for `steps` steps; however they are cut up, the answer is the same.

    Returns:
        How many steps were made: fewer where the search is finished, or ``stop[0]`` was set.
    """
    counters, walk = search.counters, search.walk
    done = np.int64(0)
    while done < steps and stop[0] == 0 and counters[FINISHED] == 0:
        if counters[WALKING] == 0:
            depart(shop, search, settings)
            done += 1  # so that walks without a step come to an end
        else:
            done += advance(
                shop,
                walk,
                settings.flexible,
                settings.least_tenure,
                settings.tenures,
                settings.patience,
                steps - done,
                search.random,
                stop,
            )
        if counters[WALKS] == 1 or walk.counters[BEST] < counters[COST]:
            counters[COST] = walk.counters[BEST]
            copy(walk.best_order, search.order)
            copy(walk.best_choice, search.choice)
        if walk.counters[OPTIMAL] or counters[COST] <= settings.target:
            counters[FINISHED] = 1
        if walk.counters[SINCE] >= settings.patience:
            arrive(shop, search, settings)
    return done


def empty_search(shop: Shop, capacity: int, random: np.ndarray) -> Search:
    """A search that is yet to begin."""
    walk = empty_walk(shop)
    size = len(walk.orders.order)
    return Search(
        walk,
        pool=empty_pool(shop, size, capacity),
        queue=empty_queue(shop),
        order=np.zeros(size, dtype=np.uint32),
        choice=np.zeros(len(shop.job), dtype=np.uint32),
        counters=np.zeros(COUNTERS, dtype=np.int64),
        random=random,
    )
