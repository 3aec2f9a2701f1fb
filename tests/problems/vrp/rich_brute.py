"""The best plan of a tiny case by trying every route, judged by the checker alone."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.check import check

Worth = tuple[int, float]  # required clients and groups that are missing, then the cost


def worth(case: Case, plan: list[Route] | None) -> Worth:
    """What a plan is worth that breaks no rule."""
    assert plan is not None
    report = check(case, plan)
    assert not report.violations, report.violations
    assert report.cost is not None
    return len(report.unassigned), round(float(report.cost), 6)


def least(case: Case) -> Worth:
    """What the best plan is worth; of at most about five clients."""
    served = {0: 0.0}  # the least cost by the set of served clients
    for vehicle, kind in enumerate(case.vehicles):
        routes = _routes(case, vehicle)
        for _ in range(case.size if kind.count is None else kind.count):
            more = dict(served)
            for (clients, cost), (before, spent) in itertools.product(
                routes.items(), served.items()
            ):
                if not clients & before:
                    both = clients | before
                    more[both] = min(more.get(both, np.inf), spent + cost)
            if more == served:
                break
            served = more
    return min(each for each in _rated(case, served))


def _rated(case: Case, served: dict[int, float]) -> Iterator[Worth]:
    """What plans are worth, by the clients that they serve."""
    grouped = {place for group in case.groups for place in group.clients}
    for clients, spent in served.items():
        there = {case.first_client + row for row in range(case.size) if clients >> row & 1}
        chosen = [len(there & set(group.clients)) for group in case.groups]
        if any(count > 1 for count in chosen):
            continue
        missing = sum(
            group.required and not count for group, count in zip(case.groups, chosen, strict=True)
        )
        cost = spent
        for row in range(case.size):
            place = case.first_client + row
            if place in there:
                continue
            if case.required[row] and place not in grouped:
                missing += 1
            else:
                cost += float(case.prize[row])
        yield missing, round(cost, 6)


def _routes(case: Case, vehicle: int) -> dict[int, float]:
    """The least cost of a route of a vehicle by the set of clients that it serves."""
    bare = replace(
        case,
        required=np.zeros(case.size, dtype=bool),
        prize=np.zeros(case.size),
        groups=(),
    )
    best: dict[int, float] = {}
    places = range(case.first_client, case.first_client + case.size)
    for count in range(1, case.size + 1):
        for order in itertools.permutations(places, count):
            for stops in _reloaded(case.vehicles[vehicle].reloads, order):
                report = check(bare, [Route(vehicle, stops)])
                if not report.violations:
                    clients = sum(1 << case.client(place) for place in order)
                    assert report.cost is not None
                    best[clients] = min(best.get(clients, np.inf), float(report.cost))
    return best


def _reloaded(depots: tuple[int, ...], order: tuple[int, ...]) -> Iterator[list[int]]:
    """A sequence of clients with a reload, or none, before each but the first."""
    for between in itertools.product((None, *depots), repeat=len(order) - 1):
        stops = [order[0]]
        for depot, place in zip(between, order[1:], strict=True):
            stops += [place] if depot is None else [depot, place]
        yield stops
