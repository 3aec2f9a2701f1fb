"""Ruin and recreate of one large instance on several cores, which share one fall of temperature.

Each core works on a region: routes that lie side by side. Regions are cut anew each round, along
other lines, so that the borders of one round lie inside the regions of the next (Taillard 1993,
"Parallel iterative search methods for vehicle routing problems"). What a region hands on are its
routes at hand, as in one search, and not its best.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from nco.problems._common.kernels import chance
from nco.problems._common.kernels.driver import Span, cool
from nco.problems._routing.grouping import grouped
from nco.problems._routing.kernels.capacitated import (
    Answer,
    RoutesList,
    Search,
    Settings,
    Task,
    search_from,
)

UNEVEN = 1.05  # of an equal share: the largest region of a cut
CUTTING = 0.08  # share of the time that may go into cutting and joining
FEWEST, MOST = 2, 60  # rounds


@dataclass(frozen=True)
class Region:
    """Some routes of the whole.

    Attributes:
        search: of these routes alone, which numbers customers from 1.
        members: the whole's number of each of its customers.
    """

    search: Search
    members: list[int]

    def whole(self, routes: RoutesList) -> RoutesList:
        """Routes in the whole's numbers."""
        return [[self.members[customer - 1] for customer in route] for route in routes]


def ruin_recreate_together(
    task: Task,
    *,
    until: float,
    cores: int,
    seed: int = 0,
    start: RoutesList | None = None,
    tell: Callable[[RoutesList], None] | None = None,
    stop: np.ndarray | None = None,
    settings: Settings | None = None,
) -> Answer:
    """Routes never worse than the start's; the other arguments are those of `ruin_recreate`.

    Args:
        task: with coordinates, any number of vehicles and no prizes.
        cores: threads, of which each has a region.

    Raises:
        ValueError: the task has a limited fleet, prizes, or no coordinates.
    """
    if task.coords is None or task.vehicles is not None or task.prizes is not None:
        raise ValueError("regions need coordinates, any number of vehicles and no prizes")
    settings = settings or Settings()
    first = search_from(task, seed, start, settings)
    routes = best = first.best()
    assert routes is not None
    assert best is not None
    cost, hot, unit = task.cost(best), first.first_temperature(settings), first.unit
    del first  # its arrays are as large as those of all regions
    if tell is not None:
        tell(best)
    begun, random, steps, turn = time.perf_counter(), Random(seed), 0, 0
    span = Span(until) if stop is None else Span(until, stop=stop)
    rounds = FEWEST
    with ThreadPoolExecutor(cores) as pool:
        while not span.is_over(0):
            cut = time.perf_counter()
            regions = _regions(task, routes, cores, seed, turn, random, settings)
            now = time.perf_counter()
            if turn == 0:
                rounds = max(FEWEST, min(MOST, int(CUTTING * (until - begun) / (now - cut))))
            ends = now + (until - now) / max(1, rounds - turn)
            warm = unit * _temperature(hot, settings.cold, begun, until, now)
            cold = unit * _temperature(hot, settings.cold, begun, until, ends)
            part = Span(ends, stop=span.stop)
            for each in regions:
                each.search.stop = span.stop
            runs = [pool.submit(cool, each.search.step, warm, cold, part) for each in regions]
            steps += sum(run.result() for run in runs)
            found = [route for each in regions for route in each.whole(each.search.best() or [])]
            if (length := task.cost(found)) < cost:
                best, cost = found, length
                if tell is not None:
                    tell(best)
            routes = [route for each in regions for route in each.whole(each.search.present())]
            turn += 1
    return Answer(best, cost, steps)


def _temperature(hot: float, cold: float, begun: float, until: float, now: float) -> float:
    """At a time, where it falls at a constant rate."""
    return hot * (cold / hot) ** min(1.0, (now - begun) / (until - begun))


def _regions(
    task: Task,
    routes: RoutesList,
    cores: int,
    seed: int,
    turn: int,
    random: Random,
    settings: Settings,
) -> list[Region]:
    """As many regions as cores, but for routes that cannot be shared out evenly."""
    assert task.coords is not None
    centres = np.array([task.coords[route].mean(0) for route in routes])
    most = math.ceil(UNEVEN * task.size / cores)
    sizes = [len(route) for route in routes]
    groups = grouped(sizes, centres, most, random.uniform(0, math.pi))
    return [
        _region(
            task,
            [routes[place] for place in group],
            chance.further(seed, len(groups) * turn + number),
            settings,
        )
        for number, group in enumerate(groups)
    ]


def _region(task: Task, routes: Sequence[list[int]], seed: int, settings: Settings) -> Region:
    members = [customer for route in routes for customer in route]
    nodes = np.array([0, *members])
    assert task.coords is not None
    small = replace(task, coords=task.coords[nodes], demand=task.demand[nodes])
    own, count = [], 0
    for route in routes:
        own.append(list(range(count + 1, count + len(route) + 1)))
        count += len(route)
    return Region(Search(small, seed, own, settings, compare=False), members)
