"""The paths that searches begin with."""

import itertools
import time

import pytest
import torch

from nco.core.seeds import generator
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.tsp import TSP
from nco.search import bidirectional
from nco.search.bidirectional import first_paths
from nco.search.budget import Budget
from nco.search.task import Task

PROBLEM = TSP(12)


def task(sure: float) -> Task:
    """A network with random weights, on four tours."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=32)
    policy = BQPolicy(encoder, sure=sure).build(PROBLEM.schema).eval()
    for parameter in policy.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator(0))
    return Task(PROBLEM, policy, PROBLEM.generate(4, generator(1)))


def looks(task: Task, budget: Budget, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list]:
    """How often the network looked until each path came, and their costs."""
    counted, found = [0], []
    look = task.policy.look

    def counting(*given, **named):
        counted[-1] += 1
        return look(*given, **named)

    monkeypatch.setattr(task.policy, "look", counting)
    with torch.inference_mode():
        for incumbent in first_paths(task, budget):
            found.append(incumbent.cost)
            counted.append(0)
    return counted, found


def test_the_first_path_of_all_has_the_fewest_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at a whole tour; the next path is kept where it is better."""
    counted, found = looks(task(0.8), Budget(time.perf_counter() + 60), monkeypatch)
    assert counted[0] == 1
    assert sum(counted[1:]) > 2
    assert len(found) == 2
    assert all(bool((later <= earlier).all()) for earlier, later in itertools.pairwise(found))


def test_what_is_counted_is_one_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a deadline, and by a network that is never sure, each step has a look."""
    counted, found = looks(task(0.8), Budget(), monkeypatch)
    assert (counted[0], len(found)) == (12, 1)
    monkeypatch.undo()
    never, again = looks(task(1.0), Budget(time.perf_counter() + 60), monkeypatch)
    assert (never[0], len(again)) == (12, 1)
    assert torch.equal(found[0], again[0])


def test_without_time_there_is_no_path() -> None:
    """A budget that is over gives none, and no error."""
    with torch.inference_mode():
        assert list(first_paths(task(0.8), Budget(time.perf_counter() - 1))) == []


def test_of_many_nodes_there_is_one_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look sees a part of them only, so that the path is by as many looks as the policy wants."""
    monkeypatch.setattr(bidirectional, "SHORT", 11)
    counted, found = looks(task(0.8), Budget(time.perf_counter() + 60), monkeypatch)
    assert len(found) == 1
    assert counted[0] > 2
