"""Which customers leave their routes, and in which order they come back.

Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
Problems", Transportation Science 54(2), sections 5.1 and 5.2.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below, uniform
from nco.problems._common.kernels.compiling import Whole, inlined
from nco.problems._routing.kernels.lists import EMPTY, Journal, Linked, Routes, take_out

SPLIT = 0.5  # share of the strings that leave some customers in their middle
DEEPER = 0.01  # chance that no further one is left
MOST_LEFT = 60
MOST_STRINGS = 64


class Ruin(NamedTuple):
    """How much of the routes a step takes apart.

    Attributes:
        mean: customers that leave, on average; the paper's c-bar.
        longest: customers of one string; the paper's L-max.
    """

    mean: float = 10.0
    longest: int = 10

    @property
    def most(self) -> int:
        """Customers that may leave at once."""
        return int(4 * self.mean) + self.longest


@inlined
def remove_strings(
    routes: Routes,
    near: np.ndarray,
    prize: np.ndarray,
    seed: Whole,
    ruin: Ruin,
    journal: Journal,
    random: np.ndarray,
) -> tuple[float, float, int, int, int]:
    """Takes strings out of the routes near a customer, the seed; `journal` lists both.

    The arguments are those of `choose_strings`.

    Returns:
        What that adds to the length, and what `choose_strings` returns.
    """
    paid, count, waiting, strings = choose_strings(routes, near, prize, seed, ruin, journal, random)
    added = 0.0
    for entry in range(count):
        customer = journal.moved[entry]
        journal.place[entry] = routes.before[customer]
        added += take_out(routes, customer)
    return added, paid, count, waiting, strings


@inlined
def choose_strings(
    routes: Linked,
    near: np.ndarray,
    prize: np.ndarray,
    seed: Whole,
    ruin: Ruin,
    journal: Journal,
    random: np.ndarray,
) -> tuple[float, int, int, int]:
    """Writes strings of the routes near a customer, the seed, into `journal.moved` and `out`.

    Args:
        routes: `lists.Linked`, of which only customers that were left out change.
        near: uint32 [n+1, K], the nearest customers of each.
        prize: float64 [n+1], what is paid for a customer that is on no route.
        seed: from 1 to n.
        ruin: `Ruin`.
        journal: `lists.Journal`.

    Returns:
        What is added to the prices paid for those left out; the number of customers that are to
        leave, that of those who wait for a place (these, and what was on no route among the
        neighbours looked at), and that of the routes touched.
    """
    size = len(near) - 1
    waits = len(routes.empty)
    paid, count, strings, waiting = 0.0, 0, 0, 0
    most = min(float(ruin.longest), size / max(1, waits - routes.tally[EMPTY]))
    wanted = int(uniform(random) * (4.0 * ruin.mean / (1.0 + most) - 1.0) + 1.0)
    for rank in range(-1, near.shape[1]):
        customer = np.uint32(seed) if rank < 0 else near[seed, rank]
        route = routes.route[customer]
        if route >= waits:
            if route == waits + 1 and waiting < len(journal.out) // 2:
                paid -= prize[customer]
                routes.route[customer] = waits
                journal.out[waiting] = customer
                waiting += 1
            continue
        known = False
        for entry in range(strings):
            if journal.touched[entry] == route:
                known = True
                break
        if known:
            continue
        journal.touched[strings] = route
        strings += 1
        stops = routes.stops[route]
        length = min(stops, int(uniform(random) * min(most, float(stops)) + 1.0))
        left = 0
        if 1 < length < stops and uniform(random) < SPLIT:
            left = 1
            while length + left < stops and left < MOST_LEFT and uniform(random) > DEEPER:
                left += 1
        gap = 1 + below(random, length - 1) if left > 0 else length
        here = _beginning(routes, customer, np.uint32(size + 1 + route), length + left, random)
        for step in range(length + left):
            if step < gap or step >= gap + left:
                journal.moved[count] = here
                journal.out[waiting] = here
                count += 1
                waiting += 1
            here = routes.after[here]
        if strings in (wanted, MOST_STRINGS):
            break
    return paid, count, waiting, strings


@inlined
def remove_routes(
    routes: Routes,
    near: np.ndarray,
    prize: np.ndarray,
    seed: Whole,
    wanted: int,
    journal: Journal,
    random: np.ndarray,
) -> tuple[float, float, int, int, int]:
    """Takes up to `wanted` routes near the seed apart, of which the journal has room for.

    The other arguments and what is returned are those of `remove_strings`.
    """
    size, room = len(near) - 1, len(journal.out) // 2
    waits = len(routes.empty)
    added, paid, count, strings, waiting = 0.0, 0.0, 0, 0, 0
    for rank in range(-1, near.shape[1]):
        customer = np.uint32(seed) if rank < 0 else near[seed, rank]
        route = routes.route[customer]
        if route >= waits:
            if route > waits and waiting < room:
                paid -= prize[customer]
                routes.route[customer] = waits
                journal.out[waiting] = customer
                waiting += 1
            continue
        if count + routes.stops[route] > room:
            continue
        journal.touched[strings] = route
        strings += 1
        here = routes.after[size + 1 + route]
        while here <= size:
            following = routes.after[here]
            journal.moved[count] = here
            journal.place[count] = routes.before[here]
            journal.out[waiting] = here
            count += 1
            waiting += 1
            added += take_out(routes, here)
            here = following
        if strings == wanted:
            break
    return added, paid, count, waiting, strings


@inlined
def _beginning(
    routes: Linked, customer: Whole, depot: Whole, length: Whole, random: np.ndarray
) -> Whole:
    """Where a string of some length begins that holds a customer, at random."""
    back, here = 0, customer
    while back < length - 1 and routes.before[here] != depot:
        here = routes.before[here]
        back += 1
    ahead, here = 0, customer
    while ahead < length - 1 and routes.after[here] != depot:
        here = routes.after[here]
        ahead += 1
    least = max(0, length - 1 - ahead)
    here = customer
    for _ in range(least + below(random, back - least + 1)):
        here = routes.before[here]
    return here


@inlined
def arrange(
    routes: Routes, home: np.ndarray, journal: Journal, count: int, random: np.ndarray
) -> None:
    """Sorts the customers that wait: by chance, or the largest, farthest or nearest first.

    Args:
        home: float64 [n+1], distances from the depot.
    """
    kind = below(random, 11)
    for entry in range(count):
        customer = journal.out[entry]
        if kind < 4:
            value = uniform(random)
        elif kind < 8:
            value = -np.float64(routes.demand[customer])
        elif kind < 10:
            value = -home[customer]
        else:
            value = home[customer]
        sort_in(journal, entry, customer, value)


@inlined
def sort_in(journal: Journal, count: int, customer: Whole, value: float) -> None:
    """Puts a customer among the first `count` that wait, which are sorted by their values."""
    out, key = journal.out, journal.key
    place = count
    while place > 0 and key[place - 1] > value:
        key[place] = key[place - 1]
        out[place] = out[place - 1]
        place -= 1
    key[place] = value
    out[place] = customer
