"""Schedules by plain lists and loops: what the kernels must come to."""

import itertools
from typing import NamedTuple

from nco.problems._shop.kernels.arrays import Orders, Shop
from nco.problems._shop.plan import Work


class Numbered(NamedTuple):
    """A work list whose operations have the kernels' numbers."""

    job: dict[int, int]  # of each operation
    choices: dict[int, list[tuple[int, int]]]  # its machines and durations
    base: dict[int, int]  # the index of its first alternative


def numbered(work: Work) -> Numbered:
    """Counts operations from 1, and one number more after each job."""
    shop = Numbered({}, {}, {})
    number, alternatives = 1, 0
    for j, job in enumerate(work):
        for choices in job:
            shop.job[number] = j
            shop.choices[number] = [(machine, length) for machine, length in choices]
            shop.base[number] = alternatives
            alternatives += len(choices)
            number += 1
        number += 1
    return shop


class Schedule(NamedTuple):
    """Who is on which machine, in which order."""

    lists: dict[int, list[int]]  # of each machine
    length: dict[int, int]  # of each operation there


def schedule_of(shop: Numbered, orders: Orders) -> Schedule:
    """Reads the lists of the kernels' arrays, and checks that these are lists both ways."""
    lists: dict[int, list[int]] = {}
    for machine in range(len(orders.front)):
        lists[machine] = []
        before, v = 0, int(orders.front[machine])
        while v:
            assert int(orders.before[v]) == before
            lists[machine].append(v)
            before, v = v, int(orders.after[v])
    length = {}
    for v, choices in shop.choices.items():
        machine, length[v] = choices[int(orders.choice[v]) - shop.base[v]]
        assert v in lists[machine]
        assert int(orders.duration[v]) == length[v]
    assert sorted(v for row in lists.values() for v in row) == sorted(shop.job)
    return Schedule(lists, length)


def moved(shop: Numbered, old: Schedule, v: int, u: int, choice: int) -> Schedule:
    """The schedule with `v` right behind `u`, or first (0), on the machine of an alternative."""
    lists = {machine: [w for w in row if w != v] for machine, row in old.lists.items()}
    machine, length = shop.choices[v][choice - shop.base[v]]
    place = lists[machine].index(u) + 1 if u else 0
    lists[machine].insert(place, v)
    return Schedule(lists, old.length | {v: length})


def followers(shop: Numbered, schedule: Schedule) -> dict[int, list[int]]:
    """What waits directly for each operation: the next of its job and of its machine."""
    found: dict[int, list[int]] = {v: [] for v in shop.job}
    for v in shop.job:
        if shop.job.get(v + 1) == shop.job[v]:
            found[v].append(v + 1)
    for row in schedule.lists.values():
        for v, w in itertools.pairwise(row):
            found[v].append(w)
    return found


def reached(follow: dict[int, list[int]], v: int) -> set[int]:
    """All that waits for an operation, directly or not."""
    seen: set[int] = set()
    ahead = list(follow[v])
    while ahead:
        w = ahead.pop()
        if w not in seen:
            seen.add(w)
            ahead += follow[w]
    return seen


def is_feasible(shop: Numbered, schedule: Schedule) -> bool:
    """Whether no operation waits for itself."""
    follow = followers(shop, schedule)
    return all(v not in reached(follow, v) for v in shop.job)


def times(shop: Numbered, schedule: Schedule) -> tuple[dict[int, int], dict[int, int]]:
    """When each operation ends, and from its beginning to the end of all that waits for it."""
    follow = followers(shop, schedule)
    end = dict(schedule.length)
    tail = dict(schedule.length)
    for _ in shop.job:  # Bellman and Ford: as many rounds as there are operations
        for v, waiting in follow.items():
            for w in waiting:
                end[w] = max(end[w], end[v] + schedule.length[w])
                tail[v] = max(tail[v], tail[w] + schedule.length[v])
    return end, tail


def verify(shop: Numbered, arrays: Shop, orders: Orders, cost: int) -> Schedule:
    """Checks all parts of the kernels' schedule; returns it."""
    schedule = schedule_of(shop, orders)
    order = orders.order.tolist()
    assert sorted(order) == sorted(shop.job)
    assert [int(orders.position[v]) for v in order] == list(range(len(order)))
    place = {v: i for i, v in enumerate(order)}
    for v, waiting in followers(shop, schedule).items():
        assert all(place[v] < place[w] for w in waiting)
    end, tail = times(shop, schedule)
    assert {v: int(orders.end[v]) for v in shop.job} == end
    assert {v: int(orders.tail[v]) for v in shop.job} == tail
    assert cost == max(end.values()) == max(tail.values())
    free = [v for v in range(len(arrays.job)) if v not in shop.job]
    assert all(orders.end[v] == orders.tail[v] == orders.duration[v] == 0 for v in free)
    return schedule
