"""The order in which the routes of a plan follow one another: around the depot, and by regions."""

import math
from collections.abc import Sequence

import torch
from torch import Generator


def _centre(away: list[list[float]], route: list[int]) -> tuple[float, float]:
    """The mean place of a route's customers; `away` ``[N][2]`` from the depot."""
    x, y = (sum(away[i][axis] for i in route) / len(route) for axis in (0, 1))
    return x, y


def by_angle(away: list[list[float]], plan: list[list[int]]) -> list[list[int]]:
    """Routes by the angle of their centre around the depot; `away` ``[N][2]`` from the depot."""

    def angle(route: list[int]) -> float:
        x, y = _centre(away, route)
        return math.atan2(y, x)

    return sorted(plan, key=angle)


def by_nearness(away: list[list[float]], plan: list[list[int]], length: int) -> list[list[int]]:
    """Routes in an order whose runs of `length` customers (`grouped`) are regions.

    Each is the first route that is left, and those whose centres are nearest to its own.
    """
    left = [(_centre(away, route), route) for route in plan]
    ordered: list[list[int]] = []
    count, middle = length, (0.0, 0.0)
    while left:
        if count >= length:
            middle, count = left[0][0], 0
        far = [math.dist(middle, centre) for centre, _ in left]
        at = far.index(min(far))
        ordered.append(left.pop(at)[1])
        count += len(ordered[-1])
    return ordered


def rotated(plan: list[list[int]], first: int) -> list[list[int]]:
    return plan[first:] + plan[:first]


def draw(count: int, generator: Generator) -> int:
    """A random number below `count`."""
    return int(torch.randint(count, (), generator=generator, device=generator.device))


def grouped(plan: list[list[int]], length: int) -> list[list[list[int]]]:
    """Runs of routes with at least `length` customers each; what remains joins the last one."""
    groups: list[list[list[int]]] = []
    count = length
    for route in plan:
        if count >= length:
            groups.append([])
            count = 0
        groups[-1].append(route)
        count += len(route)
    if len(groups) > 1 and count < length:
        last = groups.pop()
        groups[-1] += last
    return groups


def shuffled(group: list[list[int]], generator: Generator) -> list[list[int]]:
    """The routes in a random order, each in a random direction."""
    order = torch.randperm(len(group), generator=generator, device=generator.device).tolist()
    return [group[i] if draw(2, generator) else group[i][::-1] for i in order]


def renumbered(group: list[list[int]]) -> list[list[int]]:
    """The same routes with customers counted from 1 in their order."""
    count, renumbered = 0, []
    for route in group:
        renumbered.append(list(range(count + 1, count + len(route) + 1)))
        count += len(route)
    return renumbered


def split_routes(path: Sequence[int]) -> list[list[int]]:
    """The non-empty runs of customers between the zeros of `path`."""
    routes: list[list[int]] = [[]]
    for node in path:
        if node:
            routes[-1].append(node)
        elif routes[-1]:
            routes.append([])
    return [route for route in routes if route]
