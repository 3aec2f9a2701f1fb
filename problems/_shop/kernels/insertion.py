"""Takes an operation out of a schedule and puts it elsewhere: the only thing that moves any."""

import numpy as np

from nco.problems._common.kernels.compiling import Whole, part
from nco.problems._shop.kernels.arrays import ONE, Orders, Shop


@part
def unlink(shop: Shop, orders: Orders, v: Whole) -> None:
    """Joins the two neighbours of an operation on its machine."""
    u, w = orders.before[v], orders.after[v]
    if u:
        orders.after[u] = w
    else:
        orders.front[shop.machine[orders.choice[v]]] = w
    if w:
        orders.before[w] = u


@part
def insert(shop: Shop, orders: Orders, v: Whole, u: Whole, choice: Whole) -> None:
    """Puts an operation that is on no machine behind `u`; first on the machine for u = 0."""
    machine = shop.machine[choice]
    w = orders.after[u] if u else orders.front[machine]
    orders.before[v] = u
    orders.after[v] = w
    if u:
        orders.after[u] = v
    else:
        orders.front[machine] = v
    if w:
        orders.before[w] = v
    orders.choice[v] = choice
    orders.duration[v] = shop.length[choice]


@part
def mark_followers(
    orders: Orders, v: Whole, w: Whole, low: Whole, high: Whole, marked: np.ndarray
) -> None:
    """Marks what waits for `w` or for the job's operation after `v`, at positions low to high.

    `v` itself is on no machine and is left out.
    """
    order, before = orders.order, orders.before
    for i in range(low, high + 1):
        x = order[i]
        if x != v and (x == w or x == v + ONE or marked[x - ONE] or marked[before[x]]):
            marked[x] = True


@part
def clear(orders: Orders, low: Whole, high: Whole, marked: np.ndarray) -> None:
    """Takes all marks at positions low to high away."""
    for i in range(low, high + 1):
        marked[orders.order[i]] = False


@part
def shift(orders: Orders, v: Whole, target: Whole) -> None:
    """Moves an operation in the order of all; those in between move by one."""
    order, position = orders.order, orders.position
    i = np.int64(position[v])
    while i < target:
        order[i] = order[i + 1]
        position[order[i]] = i
        i += 1
    while i > target:
        order[i] = order[i - 1]
        position[order[i]] = i
        i -= 1
    order[i] = v
    position[v] = i


@part
def regroup(
    orders: Orders, v: Whole, low: Whole, high: Whole, marked: np.ndarray, moved: np.ndarray
) -> None:
    """Reorders positions low to high, where `v` is one: what is unmarked, then v, then the rest."""
    order, position = orders.order, orders.position
    place, count = low, 0
    for i in range(low, high + 1):
        x = order[i]
        if x == v:
            continue
        if marked[x]:
            marked[x] = False
            moved[count] = x
            count += 1
        else:
            order[place] = x
            position[x] = place
            place += 1
    order[place] = v
    position[v] = place
    for k in range(count):
        place += 1
        order[place] = moved[k]
        position[moved[k]] = place


@part
def reinsert(
    shop: Shop,
    orders: Orders,
    v: Whole,
    u: Whole,
    choice: Whole,
    marked: np.ndarray,
    moved: np.ndarray,
) -> tuple[Whole, Whole]:
    """Moves an operation right behind another, on the same or on another machine.

    The order of all is repaired as by Pearce and Kelly ("A dynamic topological sort algorithm for
    directed acyclic graphs", 2006): only between the first operation that must come after `v` and
    the last one that must come before. If the former leads to the latter, operations would wait in
    a circle; then nothing changes.

    Args:
        shop: the work list.
        orders: a schedule with all its parts; `end` and `tail` are not updated.
        v: the operation.
        u: the one that it comes behind, which is on the machine of `choice`; 0: it comes first.
        choice: the alternative that `v` takes there.
        marked: ``[V]`` bool, all False before and after.
        moved: ``[n]`` uint32, room.

    Returns:
        The positions from which `end`, and up to which `tail`, must be computed anew; (-1, -1)
        where operations would wait in a circle.
    """
    position, job = orders.position, shop.job
    old = orders.before[v]
    unlink(shop, orders, v)
    w = orders.after[u] if u else orders.front[shop.machine[choice]]
    none = len(orders.order)
    low = np.int64(position[w]) if w else none
    if job[v + ONE] >= 0:
        low = min(low, np.int64(position[v + ONE]))
    high = np.int64(position[u]) if u else -1
    if job[v - ONE] >= 0:
        high = max(high, np.int64(position[v - ONE]))
    here = np.int64(position[v])
    if low > high:
        insert(shop, orders, v, u, choice)
        target = min(max(here, high), low)
        # it is between the two already, or takes the place next to the nearer one
        if here < high or here > low:
            shift(orders, v, target)
        return min(here, target), max(here, target)
    mark_followers(orders, v, w, low, high, marked)
    if marked[u] or marked[v - ONE]:
        clear(orders, low, high, marked)
        insert(shop, orders, v, old, orders.choice[v])
        return -1, -1
    insert(shop, orders, v, u, choice)
    if here < low:
        shift(orders, v, low - 1)
        regroup(orders, v, low - 1, high, marked, moved)
    elif here > high:
        shift(orders, v, high + 1)
        regroup(orders, v, low, high + 1, marked, moved)
    else:
        regroup(orders, v, low, high, marked, moved)
    return min(here, low), max(here, high)
