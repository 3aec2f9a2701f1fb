"""Tours that are short on two maps: the contract, both lengths, and fronts."""

import itertools

import pytest
import torch

from nco.core.seeds import generator
from nco.models.policy_gradient.costs import hypervolume
from nco.problems.tsp.two_objectives import BiTSP, weighted
from nco.testing import check_problem


def test_it_keeps_the_contract() -> None:
    """All that is asked of every problem."""
    check_problem(BiTSP(), size=5)


def test_both_lengths_by_hand() -> None:
    """Edge by edge, on either map; the cost is their sum."""
    problem = BiTSP(4)
    instance = problem.generate(1, generator("two"))
    tour = [2, 0, 3, 1]
    actions = torch.tensor([[tour]])
    found = problem.objectives(instance, actions)
    for name, places in (("first", instance.coords[0]), ("second", instance.other[0])):
        pairs = zip(tour, [*tour[1:], tour[0]], strict=True)
        wanted = sum(float((places[a] - places[b]).norm()) for a, b in pairs)
        assert float(found[name]) == pytest.approx(wanted, rel=1e-5)
    assert torch.equal(problem.cost(instance, actions), found["first"] + found["second"])


def test_weighted_distances_are_those_of_the_sum() -> None:
    """The length of a tour by them is the weighted sum of its lengths; so fronts follow."""
    problem = BiTSP(5)
    instance = problem.generate(1, generator("front"))
    tours = torch.tensor([[[0, *rest] for rest in itertools.permutations(range(1, 5))]])
    one, other = problem.objectives(instance, tours).values()
    points = torch.stack([one[0], other[0]], 1)
    chosen = []
    for share in (0.0, 0.3, 0.7, 1.0):
        distances = weighted(instance, (share, 1 - share))[0]
        closed = torch.cat([tours, tours[:, :, :1]], 2)[0]
        total = distances[closed[:, :-1], closed[:, 1:]].sum(1)
        torch.testing.assert_close(total, share * one[0] + (1 - share) * other[0])
        chosen.append(points[total.argmin()])
    reference = points.amax(0) + 0.1
    assert 0 < hypervolume(torch.stack(chosen), reference) <= hypervolume(points, reference) + 1e-9
