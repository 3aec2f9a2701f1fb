"""All plans of a tiny case, for comparisons with searches and bounds."""

import itertools
import math
from collections.abc import Iterator, Sequence

from nco.problems.vrp.case import Case, Route


def every_solution(case: Case, most: int) -> Iterator[list[Route]] | None:
    """Every plan that leaves out only what may be left out; None where there are more than `most`.

    Routes are in every order of clients and of every type of vehicles, with at most one reload
    between two clients. Plans that differ only in the order of their routes come once. Which of
    them keep the rules is for the checker.
    """
    if _at_most(case) > most:
        return None
    return _plans(case)


def _optional(case: Case) -> list[int]:
    grouped = {client for group in case.groups for client in group.clients}
    clients = range(case.first_client, case.first_client + case.size)
    return [c for c in clients if c in grouped or not case.required[case.client(c)]]


def _at_most(case: Case) -> int:
    """No fewer than there are: Lah's numbers of sets of lists, times types and reloads."""
    kinds, optional = len(case.vehicles), len(_optional(case))
    gaps = 1 + max((len(set(kind.reloads)) for kind in case.vehicles), default=0)
    plans = 0
    for left_out in range(optional + 1):
        size = case.size - left_out
        sets = sum(
            math.comb(size - 1, routes - 1)
            * (math.factorial(size) // math.factorial(routes))
            * kinds**routes
            * gaps ** (size - routes)
            for routes in range(1, size + 1)
        )
        plans += math.comb(optional, left_out) * max(sets, 1)
    return plans


def _plans(case: Case) -> Iterator[list[Route]]:
    optional = _optional(case)
    every = list(range(case.first_client, case.first_client + case.size))
    for count in range(len(optional) + 1):
        for left_out in itertools.combinations(optional, count):
            served = [client for client in every if client not in left_out]
            for lists in _sets_of_lists(served):
                yield from _driven(case, lists)


def _sets_of_lists(clients: Sequence[int]) -> Iterator[list[list[int]]]:
    """Every way to put clients in a set of non-empty lists."""
    if not clients:
        yield []
        return
    *others, last = clients
    for lists in _sets_of_lists(others):
        yield [*lists, [last]]
        for k, own in enumerate(lists):
            for place in range(len(own) + 1):
                yield [*lists[:k], [*own[:place], last, *own[place:]], *lists[k + 1 :]]


def _driven(case: Case, lists: list[list[int]]) -> Iterator[list[Route]]:
    """The lists with every choice of vehicles that there are, and of reloads."""
    for kinds in itertools.product(range(len(case.vehicles)), repeat=len(lists)):
        counts = [(case.vehicles[kind].count, kinds.count(kind)) for kind in set(kinds)]
        if any(count is not None and used > count for count, used in counts):
            continue
        routes = [list(_reloading(case, kind, own)) for kind, own in zip(kinds, lists, strict=True)]
        for chosen in itertools.product(*routes):
            yield list(chosen)


def _reloading(case: Case, kind: int, clients: list[int]) -> Iterator[Route]:
    """A route with every choice of reloads between its clients."""
    depots = [None, *sorted(set(case.vehicles[kind].reloads))]
    most = case.vehicles[kind].max_trips
    for gaps in itertools.product(depots, repeat=len(clients) - 1):
        if most is not None and sum(gap is not None for gap in gaps) >= most:
            continue
        stops = [clients[0]]
        for gap, client in zip(gaps, clients[1:], strict=True):
            stops += [client] if gap is None else [gap, client]
        yield Route(kind, stops)
