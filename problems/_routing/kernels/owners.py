"""Whose the routes are, what each owner spends, and how routes go from one to another."""

import math
from typing import NamedTuple

import numpy as np

from nco.problems._common.kernels.chance import below
from nco.problems._common.kernels.compiling import Whole, inlined
from nco.problems._routing.kernels.lists import Journal, Routes

TINY = 1e-9  # what sums may be wrong by, as a share


class Fleet(NamedTuple):
    """Who drives the routes, K owners of R routes.

    Attributes:
        last: whether the time of the last owner counts; else the sum of all costs.
        scale: of times: those of all count by the sum of their 16th powers in this unit, which
            moves on where the greatest alone would not.
        given_away: chance that a step gives a route to another owner.
        whole: chance that a step takes whole routes apart.
        shared: chance that in a step customers share the cost of a new route.
        grown: chance that in a step a full route may go to an owner of greater capacity, and that
            each touched route then goes to the owner with whom it costs least.
        capacity: int64 [K], of each of the owner's routes.
        left: int64 [K], how many more routes it may have.
        fixed: float64 [K], the cost of a route beside its length.
        rate: float64 [K], the cost, or the time, of a unit of length.
        spent: float64 [K], the cost, or the time, of all of its routes.
        power: float64 [K], ``(spent / scale) ** 16``.
        owner: uint32 [R]; that of an empty route says what its room is.
        counted: float64 [R], the length of a route that `spent` includes; -1 for no route.
        best: uint32 [R], the owners of the best solution.
        former: float64 [2, K], `spent` and `power` before a step.
        before: int64 [K], `left` before a step.
        given: uint32 [G, 2], routes that got another owner in a step, and the one before.
    """

    last: bool
    scale: float
    given_away: float
    whole: float
    shared: float
    grown: float
    capacity: np.ndarray
    left: np.ndarray
    fixed: np.ndarray
    rate: np.ndarray
    spent: np.ndarray
    power: np.ndarray
    owner: np.ndarray
    counted: np.ndarray
    best: np.ndarray
    former: np.ndarray
    before: np.ndarray
    given: np.ndarray


@inlined
def sum_up(fleet: Fleet) -> float:
    """The sum of all costs; of times their norm."""
    total = 0.0
    if not fleet.last:
        for owner in range(len(fleet.spent)):
            total += fleet.spent[owner]
        return total
    for owner in range(len(fleet.power)):
        total += fleet.power[owner]
    return fleet.scale * math.sqrt(math.sqrt(math.sqrt(math.sqrt(total))))


@inlined
def greatest(fleet: Fleet) -> float:
    """The time of the last owner."""
    time = 0.0
    for owner in range(len(fleet.spent)):
        time = max(time, fleet.spent[owner])
    return time


@inlined
def account(routes: Routes, fleet: Fleet, route: Whole) -> None:
    """Makes its owner's sums those of a route as it is now, which may have become empty or not."""
    owner = fleet.owner[route]
    before, now = fleet.counted[route], routes.length[route]
    used = routes.stops[route] > 0
    if before >= 0.0:
        fleet.spent[owner] -= fleet.fixed[owner] + before * fleet.rate[owner]
        fleet.left[owner] += 1
    if used:
        fleet.spent[owner] += fleet.fixed[owner] + now * fleet.rate[owner]
        fleet.left[owner] -= 1
    fleet.counted[route] = now if used else -1.0
    if fleet.last:
        fleet.power[owner] = power(fleet.spent[owner] / fleet.scale)


@inlined
def power(value: float) -> float:
    square = value * value
    square *= square
    square *= square
    return square * square


@inlined
def own(routes: Routes, fleet: Fleet, route: Whole, owner: Whole) -> None:
    """Gives an empty route, or one that is not accounted for, to another owner."""
    routes.room[route] += fleet.capacity[owner] - fleet.capacity[fleet.owner[route]]
    fleet.owner[route] = owner


@inlined
def give(routes: Routes, fleet: Fleet, journal: Journal, strings: int, random: np.ndarray) -> int:
    """Gives a touched route to another owner, or exchanges those of two; how many have changed."""
    route = journal.touched[below(random, strings)]
    owner = np.uint32(below(random, len(fleet.rate)))
    former = fleet.owner[route]
    load = fleet.capacity[former] - routes.room[route]
    if routes.stops[route] == 0 or owner == former or load > fleet.capacity[owner]:
        return 0
    if fleet.left[owner] > 0:
        hand_over(routes, fleet, route, owner, 0)
        return 1
    for entry in range(strings):
        other = journal.touched[entry]
        returned = fleet.capacity[owner] - routes.room[other]
        if (
            fleet.owner[other] == owner
            and routes.stops[other] > 0
            and returned <= fleet.capacity[former]
        ):
            hand_over(routes, fleet, route, owner, 0)
            hand_over(routes, fleet, other, former, 1)
            return 2
    return 0


@inlined
def hand_over(routes: Routes, fleet: Fleet, route: Whole, owner: Whole, entry: int) -> None:
    """Gives a route to an owner, and writes down whose it was."""
    former = fleet.owner[route]
    fleet.given[entry, 0], fleet.given[entry, 1] = route, former
    length = fleet.counted[route]
    if length >= 0.0:
        fleet.spent[former] -= fleet.fixed[former] + length * fleet.rate[former]
        fleet.left[former] += 1
        fleet.counted[route] = -1.0
        if fleet.last:
            fleet.power[former] = power(fleet.spent[former] / fleet.scale)
    own(routes, fleet, route, owner)
    account(routes, fleet, route)


@inlined
def regrade(routes: Routes, fleet: Fleet, route: Whole, entry: int) -> int:
    """Gives a route to the owner with whom it costs least; whether that is another one."""
    if routes.stops[route] == 0:
        return 0
    former, length = fleet.owner[route], routes.length[route]
    load = fleet.capacity[former] - routes.room[route]
    least, cheapest = (fleet.fixed[former] + fleet.rate[former] * length) * (1.0 - TINY), former
    for owner in range(len(fleet.rate)):
        cost = fleet.fixed[owner] + fleet.rate[owner] * length
        if cost < least and fleet.left[owner] > 0 and load <= fleet.capacity[owner]:
            least, cheapest = cost, np.uint32(owner)
    if cheapest == former:
        return 0
    hand_over(routes, fleet, route, cheapest, entry)
    return 1


@inlined
def worth(fleet: Fleet, owner: Whole, detour: float) -> float:
    """What an owner's detour adds to the cost, or to the sum of powers."""
    added = detour * fleet.rate[owner]
    if not fleet.last:
        return added
    return power((fleet.spent[owner] + added) / fleet.scale) - fleet.power[owner]
