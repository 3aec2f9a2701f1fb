"""Tabu search: a walk from schedule to schedule."""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels import evaluate
from nco.problems._shop.kernels.arrays import ONE, Orders, Shop, empty_orders
from nco.problems._shop.kernels.blocks import BlockMoves, collect, empty_moves
from nco.problems._shop.kernels.choice import (
    best_block_move,
    best_machine_move,
    first_place,
    may_follow,
    slot,
)
from nco.problems._shop.kernels.insertion import reinsert
from nco.problems._shop.kernels.path import Path, empty_path, trace
from nco.problems._shop.kernels.pool import copy

# what `counters` hold
COST = 0  # of the present schedule
BEST = 1  # the least of this walk
NOW = 2  # steps of this walk
SINCE = 3  # steps since the best was found
OPTIMAL = 4  # 1: no schedule can cost less
COUNTERS = 5

FORBIDDEN = 1 << 13  # entries of the tabu list


class Walk(NamedTuple):
    """A walk's present schedule, the best, and room for its parts."""

    orders: Orders
    best_order: np.ndarray  # [n] uint32
    best_choice: np.ndarray  # [V] uint32
    path: Path
    moves: BlockMoves
    forbidden: np.ndarray  # [F] int64, until which step, by `slot`
    marked: np.ndarray  # [V] bool
    moved: np.ndarray  # [n] uint32
    counters: np.ndarray  # [COUNTERS] int64


def empty_walk(shop: Shop) -> Walk:
    """Room for a walk."""
    orders = empty_orders(shop)
    size = len(orders.order)
    return Walk(
        orders,
        best_order=np.zeros(size, dtype=np.uint32),
        best_choice=np.zeros(len(shop.job), dtype=np.uint32),
        path=empty_path(size),
        moves=empty_moves(size),
        forbidden=np.zeros(FORBIDDEN, dtype=np.int64),
        marked=np.zeros(len(shop.job), dtype=np.bool_),
        moved=np.zeros(size, dtype=np.uint32),
        counters=np.zeros(COUNTERS, dtype=np.int64),
    )


@part
def set_out(shop: Shop, walk: Walk) -> None:
    """Begins a walk at the schedule of the present order and choices."""
    cost = evaluate.link(shop, walk.orders)
    walk.forbidden[:] = 0
    walk.counters[:] = 0
    walk.counters[COST] = cost
    walk.counters[BEST] = cost
    keep(walk)


@part
def keep(walk: Walk) -> None:
    """Remembers the present schedule as the best."""
    copy(walk.orders.order, walk.best_order)
    copy(walk.orders.choice, walk.best_choice)


@part
def forbid(orders: Orders, v: Whole, u: Whole, forbidden: np.ndarray, until: Whole) -> None:
    """Forbids to undo a move of `v` right behind `u` on its own machine; to be called before it."""
    if u and orders.position[u] > orders.position[v]:
        w = orders.after[v]
        while True:  # they come before v from now on
            forbidden[slot(v, w, len(forbidden))] = until
            if w == u:
                break
            w = orders.after[w]
    else:
        w = orders.before[v]
        while w != u:  # they come behind v
            forbidden[slot(w, v, len(forbidden))] = until
            w = orders.before[w]


@part
def take(shop: Shop, walk: Walk, v: Whole, u: Whole, choice: Whole, until: Whole) -> bool:
    """Makes a move; False, and nothing changed, where operations would wait in a circle."""
    orders = walk.orders
    old = orders.choice[v]
    if choice == old:
        forbid(orders, v, u, walk.forbidden, until)
    low, high = reinsert(shop, orders, v, u, choice, walk.marked, walk.moved)
    if low < 0:
        return False
    if choice != old:
        size = len(walk.forbidden)
        walk.forbidden[slot(v, len(shop.job) + shop.machine[old], size)] = until
    evaluate.forwards(orders, low)
    evaluate.backwards(orders, high)
    return True


@part
def random_machine_move(
    shop: Shop, orders: Orders, path: Path, first: Whole, random: np.ndarray
) -> tuple[Whole, Whole, Whole]:
    """An operation of the path (0: none), the one that it goes behind, and its new alternative."""
    count, v = 0, np.uint32(0)
    for i in range(first, len(path.operation)):
        w = path.operation[i]
        if shop.pointer[w] + ONE < shop.pointer[w + ONE]:
            count += 1
            if below(random, count) == 0:
                v = w
    if v == 0:
        return np.uint32(0), np.uint32(0), np.uint32(0)
    start, many = shop.pointer[v], shop.pointer[v + ONE] - shop.pointer[v]
    place = orders.choice[v] - start + np.uint32(1 + below(random, many - ONE))
    choice = np.uint32(start + place % many)
    u = first_place(shop, orders, v, shop.machine[choice], orders.end[v - ONE])
    if may_follow(shop, orders, v, u):
        return v, u, choice
    return np.uint32(0), np.uint32(0), np.uint32(0)


@part
def pick(shop: Shop, walk: Walk, flexible: bool, random: np.ndarray) -> tuple[Whole, Whole, Whole]:
    """The best move that is allowed, or a random one: as `best_machine_move` states it.

    Sets the counter OPTIMAL where the longest path proves that no schedule is shorter.
    """
    orders, path, moves, counters = walk.orders, walk.path, walk.moves, walk.counters
    now, best = counters[NOW], counters[BEST]
    first = trace(shop, orders, counters[COST], path, random)
    count, helps = collect(orders, path, first, moves)
    least, index, ties = best_block_move(
        orders, path, moves, count, walk.forbidden, now, best, random
    )
    v: Whole = np.uint32(0)
    u: Whole = np.uint32(0)
    choice: Whole = np.uint32(0)
    if flexible:
        least, v, u, choice, ties = best_machine_move(
            shop, orders, path, first, walk.forbidden, now, best, least, ties, random
        )
    elif not helps:
        counters[OPTIMAL] = 1
        return v, u, choice
    if v == 0 and index < 0:
        if count:
            index = below(random, count)
        elif flexible:
            v, u, choice = random_machine_move(shop, orders, path, first, random)
    if v == 0 and index >= 0:
        early, late = path.operation[moves.early[index]], path.operation[moves.late[index]]
        if moves.later[index]:
            v, u = early, late
        else:
            v, u = late, orders.before[early]
        choice = orders.choice[v]
    return v, u, choice


@part
def step(
    shop: Shop, walk: Walk, flexible: bool, least_tenure: Whole, tenures: Whole, random: np.ndarray
) -> bool:
    """Makes a move; False if there is none, or if the present schedule is proven to be optimal.

    Where the move that was picked is not possible, some two neighbours change places.
    """
    orders = walk.orders
    v, u, choice = pick(shop, walk, flexible, random)
    if walk.counters[OPTIMAL]:
        return False
    until = walk.counters[NOW] + least_tenure + below(random, tenures)
    size = len(orders.order)
    begin = np.int64(-1)
    for k in range(size + 1):
        if k > 0:
            if begin < 0:
                begin = np.int64(below(random, size))
            v = orders.order[(begin + k) % size]
            u = orders.after[v]
            choice = orders.choice[v]
        if v and (u or k == 0) and take(shop, walk, v, u, choice, until):
            return True
    return False


@part
def advance(
    shop: Shop,
    walk: Walk,
    flexible: bool,
    least_tenure: Whole,
    tenures: Whole,
    patience: Whole,
    steps: Whole,
    random: np.ndarray,
    stop: np.ndarray,
) -> Whole:
    """Makes at most `steps` steps; returns how many it made.

    It ends early where the best is `patience` steps old, where that is proven to be optimal, where
    no step is possible, and soon after ``stop[0]`` is set.
    """
    counters = walk.counters
    done = 0
    while done < steps and stop[0] == 0 and counters[SINCE] < patience:
        counters[NOW] += 1
        counters[SINCE] += 1
        if not step(shop, walk, flexible, least_tenure, tenures, random):
            counters[SINCE] = patience
            break
        done += 1
        counters[COST] = evaluate.cost(shop, walk.orders)
        if counters[COST] < counters[BEST]:
            counters[BEST] = counters[COST]
            counters[SINCE] = 0
            keep(walk)
    return done
