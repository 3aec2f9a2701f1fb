"""Colours that people with any colour vision can tell apart, dealt so that neighbours differ.

Lines have the colours of Okabe and Ito (2008, "Color universal design"), without the yellow, which
vanishes on white. Areas that carry black text have the light scheme of P. Tol (2021, SRON/EPS/TN/
09-002), with violet in place of grey, and then the same darker by a fifth.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8c510a")
LIGHT = (
    *("#77aadd", "#ee8866", "#44bb99", "#ffaabb", "#eedd88", "#99ddff", "#bbcc33", "#a98bec"),
    *("#5c8fc4", "#cc6f50", "#339977", "#dd8899", "#ccbb66", "#77bbdd", "#99aa22", "#8c6fd0"),
)
HUES = 8  # of each
HATCHES = ("", "//", "..", "xx")  # of areas, when all colours are used
STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))  # of lines, when repeated
NEAREST = 6  # neighbours that a route's colour must differ from


def line(number: int) -> str:
    """The colour of a line."""
    return LINES[number % len(LINES)]


def dash(number: int) -> object:
    """How a line is dashed: solid until every colour is used once."""
    return STYLES[number // len(LINES) % len(STYLES)]


def light(number: int) -> str:
    """The colour of an area on which black text stands."""
    return LIGHT[number % len(LIGHT)]


def hatch(number: int) -> str:
    """How an area is hatched: not at all until every colour is used once."""
    return HATCHES[number // len(LIGHT) % len(HATCHES)]


def apart(neighbours: Sequence[Mapping[int, float]], count: int) -> list[int]:
    """A number below `count` for each thing, so that neighbours have different ones if possible.

    The things with the most neighbours choose first, each the number that its neighbours have
    least (by weight), and of those the one that is used least. Numbers that are `HUES` apart are
    shades of one colour, which neighbours should not have either. Where there are enough numbers
    no two things have the same.

    Args:
        neighbours: for each thing the weight of each of its neighbours.
        count: of colours.
    """
    dealt = [-1] * len(neighbours)
    used = [0] * count
    order = sorted(range(len(neighbours)), key=lambda k: (-len(neighbours[k]), k))
    for thing in order:
        clash = [0.0] * count
        for other, weight in neighbours[thing].items():
            if dealt[other] >= 0 and other != thing:
                for k in range(dealt[other] % HUES, count, HUES):
                    clash[k] += weight if k == dealt[other] else weight / 2
        free = [k for k in range(count) if used[k] == 0] if count >= len(dealt) else range(count)
        best = min(free, key=lambda k: (clash[k], used[k], k))
        dealt[thing] = best
        used[best] += 1
    return dealt


def near(places: np.ndarray) -> list[dict[int, float]]:
    """The nearest things of each, closer ones with more weight, as `apart` takes them.

    Args:
        places: ``[n, 2]``, such as the middles of routes.
    """
    found: list[dict[int, float]] = [{} for _ in places]
    for number, place in enumerate(places):
        away = ((places - place) ** 2).sum(1)
        closest = np.argsort(away, kind="stable")[: NEAREST + 1].tolist()
        for rank, other in enumerate(other for other in closest if other != number):
            for one, two in ((number, other), (other, number)):
                found[one][two] = max(found[one].get(two, 0.0), 1.0 / (1 + rank))
    return found


def beside(rows: Iterable[Sequence[int]], count: int) -> list[dict[int, float]]:
    """How often two things follow each other in rows (jobs on a machine), as `apart` takes them.

    Args:
        rows: the things' numbers in their order.
        count: of things.
    """
    found: list[dict[int, float]] = [{} for _ in range(count)]
    for row in rows:
        for one, two in itertools.pairwise(row):
            if one != two:
                found[one][two] = found[one].get(two, 0.0) + 1
                found[two][one] = found[two].get(one, 0.0) + 1
    return found
