"""More time never gives a worse answer, seed by seed, whatever the clock of the machine says."""

import itertools
import math

import pytest

from nco import registry
from nco.core.seeds import generator
from nco.search import budget
from nco.solving import neural
from nco.solving.incumbents import Progress
from nco.solving.options import Options

LIMITS = (3, 20, 45)  # readings of the clock, which searches make before every decision


class Clock:
    """A clock that goes on by one whenever it is read."""

    def __init__(self):
        self.readings = itertools.count()

    def perf_counter(self):
        return float(next(self.readings))


def told(case, limit, monkeypatch, **options):
    """The costs that networks tell until a limit in readings, each once, in their order."""
    monkeypatch.setattr(budget, "time", Clock())
    progress, costs = Progress([case], 0.0), []

    def post(candidate):
        costs.append((candidate.source, progress.offer(candidate).cost))

    progress.construct()
    neural.play(progress, Options(**options), limit, lambda: False, post, short=False)
    report = progress.report(0)
    return costs, report.cost if report.feasible else math.inf


@pytest.mark.parametrize(
    ("problem", "size", "options"),
    [
        ("tsp", 8, {}),
        ("tsp", 7, {"model": "bq-tsp"}),
        ("cvrp", 7, {"seed": 5}),
        ("op", 8, {}),
        ("jssp", 3, {}),
    ],
)
def test_a_longer_search_finds_all_that_a_shorter_one_finds(problem, size, options, monkeypatch):
    """The end of the time only cuts off what follows, and the answer never gets worse."""
    rules = registry.folder(problem).problem_class(size=size)
    (case,) = rules.cases(rules.generate(1, generator(3)))
    runs = [told(case, limit, monkeypatch, **options) for limit in LIMITS]
    for (shorter, worse), (longer, better) in itertools.pairwise(runs):
        assert longer[: len(shorter)] == shorter
        assert better <= worse
    assert len(runs[-1][0]) > len(runs[0][0])
