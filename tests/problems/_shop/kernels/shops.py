"""Shops that several tests use."""

import random

from nco.core.seeds import generator
from nco.problems._shop.plan import Work
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP

# Fisher and Thompson (1963), 6 jobs on 6 machines: the optimum is 55
FT06 = """2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1"""
# Lawrence (1984), la01, 10 jobs on 5 machines: the optimum is 666
LA01 = """1 21 0 53 4 95 3 55 2 34
0 21 3 52 4 16 2 26 1 71
3 39 4 98 1 42 2 31 0 12
1 77 0 55 4 79 2 66 3 77
0 83 3 34 2 64 1 19 4 37
1 54 2 43 4 79 0 92 3 62
3 69 4 77 1 87 2 87 0 93
2 38 0 60 1 41 3 24 4 83
3 17 1 49 4 25 0 44 2 98
4 77 3 79 2 43 1 75 0 96"""


def parse(text: str) -> Work:
    """A job shop of lines of machines and durations."""
    rows = [list(map(int, line.split())) for line in text.splitlines()]
    return [[[pair] for pair in zip(row[::2], row[1::2], strict=True)] for row in rows]


def odd_shops(count: int) -> list[Work]:
    """Small shops whose operations often take no time, or whose jobs come back at once."""
    draw = random.Random(0)
    shops: list[Work] = []
    for number in range(count):
        wide = 1 if number % 2 else 2
        shops.append(
            [
                [
                    [
                        (machine, draw.choice([0, 0, 1, 2, 5]))
                        for machine in draw.sample(range(3), draw.randint(1, wide))
                    ]
                    for _ in range(5)
                ]
                for _ in range(5)
            ]
        )
    return shops


def generated(problem: JSSP | FJSP | FFSP, count: int, seed: int) -> list[Work]:
    """Random shops of a problem's generator."""
    return [case.work for case in problem.cases(problem.generate(count, generator(seed)))]
