"""The kernel of equal vehicles: the least total length of routes within a capacity.

Ruin and recreate after Christiaens and Vanden Berghe (2020); a customer comes back beside one of
its nearest, or on a route of its own. Distances may be asymmetric, routes limited in length, and
customers left out at a price each.

Time windows and other rules: `nco.problems.vrp.kernels`.
"""

from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below, exponential
from nco.problems._common.kernels.compiling import Whole, inlined, kernel
from nco.problems._routing.kernels.lists import (
    ACCEPTED,
    BLINK,
    COST,
    EMPTY,
    LEAST,
    Journal,
    Routes,
    leg,
    note_moves,
    put_in,
    remember,
    undo,
)
from nco.problems._routing.kernels.ruin import Ruin, arrange, remove_strings
from nco.problems._routing.kernels.tails import exchange_ends

OVERLOOKED = 199  # of so many better places one is overlooked, at the most
WINDOW = 1000  # customers to which steps keep for so long: what they need stays in the cache
TINY = 1e-9  # what sums of distances may be wrong by, as a share


class Rules(NamedTuple):
    """What a route is measured by.

    Attributes:
        symmetric: whether all distances are the same both ways.
        limit: of a route's length; infinity for none.
        reach: how much longer than the best detour so far a leg may be for a customer to be put
            into it from an end that is farther away than half of both.
        exchanges: how often routes try to exchange their ends before each ruin.
    """

    symmetric: bool
    limit: float
    reach: float
    exchanges: int


@kernel
def step(
    rules: Rules,
    routes: Routes,
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    prize: np.ndarray,
    ruin: Ruin,
    journal: Journal,
    random: np.ndarray,
    stop: np.ndarray,
    steps: int,
    temperature: float,
) -> int:
    """Ruins and recreates `steps` times, or until `stop` is set; how often.

    Args:
        rules: `Rules`.
        routes: `lists.Routes`.
        near, apart: of `neighbours.nearest`.
        home: float64 [n+1], to the depot and back.
        prize: float64 [n+1], what it costs to leave a customer out; infinity where it must not be.
        ruin: `ruin.Ruin`.
        journal: `lists.Journal`.
        random: uint64 [1].
        stop: int64 [1]; another thread may set it.
        temperature: in the unit of the distances.
    """
    price, size = routes.price, len(near) - 1
    window: Whole = 0
    cost = price[COST]
    done = 0
    while done < steps and stop[0] == 0:
        if done % WINDOW == 0:
            window = below(random, size)
        done += 1
        for _ in range(rules.exchanges):
            cost += exchange_ends(
                rules.symmetric,
                rules.limit,
                routes,
                near,
                _seed(window, size, random),
                temperature,
                random,
            )
        former = cost
        added, paid, removed, waiting, _ = remove_strings(
            routes, near, prize, _seed(window, size, random), ruin, journal, random
        )
        cost += added + paid
        arrange(routes, home, journal, waiting, random)
        limit = former + temperature * exponential(random)
        moves, entry = removed, 0
        while entry < waiting and cost < limit:
            customer = journal.out[entry]
            least, last = _cheapest(rules, routes, near, apart, home, prize, customer, random)
            cost += least
            if last == 0:
                routes.route[customer] = len(routes.empty) + 1
            else:
                put_in(routes, customer, last)
                journal.moved[moves] = customer
                journal.place[moves] = last
                moves += 1
            entry += 1
        if cost < limit:
            routes.tally[ACCEPTED] += 1
            note_moves(routes, journal, moves)
        else:
            undo(routes, journal, removed, waiting, moves)
            cost = former
        if cost < price[LEAST] - TINY * former:
            price[LEAST] = cost
            remember(routes)
    price[COST] = cost
    return done


@inlined
def _seed(window: Whole, size: int, random: np.ndarray) -> Whole:
    """A random customer of those from the window's first on."""
    return (window + below(random, min(WINDOW, size))) % size + 1


@inlined
def _cheapest(
    rules: Rules,
    routes: Routes,
    near: np.ndarray,
    apart: np.ndarray,
    home: np.ndarray,
    prize: np.ndarray,
    customer: Whole,
    random: np.ndarray,
) -> tuple[float, Whole]:
    """Where a customer adds least: what it adds, and the node before it, 0 to leave it out.

    Between a neighbour and a node that is farther away, a customer adds at least twice its way to
    the neighbour less the leg between them; from the nearer end that place was seen before.
    """
    demand, away = routes.demand[customer], home[customer]
    least, last = prize[customer], np.uint32(0)
    if routes.tally[EMPTY] > 0 and away < least and away <= rules.limit:
        route = routes.empty[routes.tally[EMPTY] - 1]
        least, last = away, np.uint32(len(home) + route)
    for rank in range(near.shape[1]):
        there = apart[customer, rank]
        lower = there + min(there, 0.5 * away) if rules.symmetric else -np.inf
        if lower - rules.reach >= least:
            break
        other = near[customer, rank]
        ahead, behind = routes.ahead[other], routes.behind[other]
        route = routes.route[other]
        if lower - max(ahead, behind) < least and routes.room[route] >= demand:
            ahead, behind = _detours(rules, routes, customer, other, there)
            if min(ahead, behind) < least and (
                routes.length[route] + min(ahead, behind) <= rules.limit
            ):
                routes.tally[BLINK] -= 1
                if routes.tally[BLINK] == 0:
                    routes.tally[BLINK] = below(random, OVERLOOKED) + 1
                elif ahead <= behind:
                    least, last = ahead, other
                else:
                    least, last = behind, routes.before[other]
    return least, last


@inlined
def _detours(
    rules: Rules, routes: Routes, customer: Whole, other: Whole, there: float
) -> tuple[float, float]:
    """What a customer adds right behind another one, and right before it.

    Args:
        there: from the other one to the customer.
    """
    after, before = routes.after[other], routes.before[other]
    back = there
    if not rules.symmetric:
        back = leg(routes, customer, other)
    ahead = there + leg(routes, customer, after) - routes.ahead[other]
    behind = leg(routes, before, customer) + back - routes.behind[other]
    return ahead, behind
