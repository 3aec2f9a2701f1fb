"""Large solutions in parts: what is cut is joined again, and nothing gets worse."""

import itertools
import time
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch

import nco
from nco import registry
from nco.core.defaults import resize
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.problems.cvrp import CVRP
from nco.problems.cvrp import decomposition as parts
from nco.problems.tsp import TSP
from nco.registry import sources
from nco.search.budget import Budget
from nco.search.reconstruct import reconstruct
from nco.search.task import Task
from nco.solving import decomposition, group
from nco.zoo.weights import load

BUSY = "of a processor", "timed out", "never began"  # faults of a machine with too much to do


def case(count=60, seed=0, **more):
    random = np.random.default_rng(seed)
    demand = np.concatenate([[0], random.integers(1, 5, count)])
    return sources.as_case(
        {"coords": random.random((count + 1, 2)), "demand": demand, "capacity": 12, **more}
    )


@pytest.mark.parametrize("most", [1, 10, 25, 1000])
def test_parts_are_disjoint_and_together_the_whole(most):
    """Every customer lies in one part, and routes stay whole."""
    whole = case()
    solution = whole.construct()
    cut = parts.cut(whole, solution, most, Random(1))
    members = [customer for part in cut for customer in part.members]
    assert sorted(members) == list(range(1, 61))
    longest = max(map(len, solution))
    assert all(part.case.size <= max(most, longest) for part in cut)
    assert sum(nco.check(part.case, part.solution).cost for part in cut) == pytest.approx(
        nco.check(whole, solution).cost
    )


def test_another_cut_runs_elsewhere():
    """Another seed gives other borders."""
    whole = case()
    solution = whole.construct()
    one, other = (parts.cut(whole, solution, 20, Random(seed)) for seed in (1, 2))
    assert [part.members for part in one] != [part.members for part in other]


def test_what_a_part_gains_the_whole_gains():
    """Joining a changed part changes the whole's cost by as much as the part's."""
    whole = case()
    solution = whole.construct()
    before = nco.check(whole, solution).cost
    for part in parts.cut(whole, solution, 20, Random(3)):
        worse = [[c] for c in range(1, part.case.size + 1)]
        gain = nco.check(part.case, worse).cost - nco.check(part.case, part.solution).cost
        joined = nco.check(whole, parts.join(whole, solution, part, worse))
        assert joined.feasible
        assert joined.cost == pytest.approx(before + gain)


def test_a_stated_matrix_and_a_fleet_are_cut_too():
    """Parts have their rows of the matrix and their share of the vehicles."""
    plain = case()
    apart = np.linalg.norm(plain.coords[:, None] - plain.coords[None], axis=-1)
    solution = plain.construct()
    stated = sources.as_case(
        {
            "distances": apart,
            "demand": plain.demand,
            "capacity": plain.capacity,
            "vehicles": len(solution) + 1,
        }
    )
    cut = parts.cut(stated, solution, 20, Random(0))
    assert sum(part.case.vehicles for part in cut) == len(solution)
    total = sum(nco.check(part.case, part.solution).cost for part in cut)
    assert total == pytest.approx(nco.check(plain, solution).cost)


def test_the_classical_solver_improves_parts_and_never_spoils_them(monkeypatch):
    """The result is feasible and cheaper than the start."""
    pytest.importorskip("pyvrp")
    monkeypatch.setattr(decomposition, "PIECES", replace(decomposition.PIECES, size=25))
    whole = case()
    told = []
    start = whole.construct()
    found = decomposition.improve(whole, time_limit=1.0, seed=0, start=start, found=told.append)
    costs = [nco.check(whole, one).cost for one in [start, *told]]
    assert costs == sorted(costs, reverse=True)
    assert nco.check(whole, found).cost == costs[-1] < costs[0]
    assert decomposition.improve(whole, time_limit=0.1, seed=0, start=None) is None


@pytest.mark.long
def test_regions_are_improved_on_all_cores_in_rounds(monkeypatch):
    """Where no solver takes a case whole: the plan says so, and costs fall."""
    pytest.importorskip("pyvrp")
    small = replace(registry.folder("cvrp").solver("pyvrp"), largest=50)
    monkeypatch.setattr(group, "improvers_of", lambda case, options: [small])
    with nco.Session(cores=2) as session:
        for core in range(2):
            lane = session._lanes.lane(core)
            lane.workers.warm(decomposition.on_parts(registry.folder("cvrp").solver("pyvrp")))
        begin = time.perf_counter()
        found = session.solve(case(200), time_limit=3.0, model="none")
    assert time.perf_counter() - begin < 8
    assert found.feasible
    assert all("parts" in line for line in found.plan)
    assert not [fault for fault in found.faults if not any(words in fault for words in BUSY)]
    assert {step.source for step in found.history} == {"construct", "pyvrp on parts"}
    costs = [step.cost for step in found.history]
    assert costs == sorted(costs, reverse=True)


# ---- windows of tensors, for networks


def mixed(problem, sizes, seed=0):
    """A padded batch."""
    cases = [problem.cases(resize(problem, n).generate(1, generator(seed, n)))[0] for n in sizes]
    return problem.load(cases)


def random_solutions(problem, instance, tiny):
    policy = load(tiny[type(problem).__name__.lower()]).policy
    found = rollout(problem, policy, instance, 1, sample(generator(5)), logp=False)
    return found.actions[:, 0]


@pytest.mark.parametrize("problem", [TSP(), CVRP()], ids=["tsp", "cvrp"])
@pytest.mark.parametrize("sizes", [[12], [9, 14, 11]])
@pytest.mark.parametrize("length", [2, 4, 7])
def test_windows_join_to_what_they_were_cut_from(tiny, problem, sizes, length):
    """Unchanged windows give solutions of the same cost."""
    instance = mixed(problem, sizes)
    actions = random_solutions(problem, instance, tiny)
    cost = problem.cost(instance, actions[:, None])[:, 0]
    windows = problem.windows(instance, actions, length, generator(1))
    same = problem.rejoin(instance, actions, windows, windows.actions)
    assert torch.allclose(problem.cost(instance, same[:, None])[:, 0], cost)
    # another solution of the parts changes the whole by what it changes the parts
    small, old = windows.instance, windows.actions[:, None]
    policy = load(tiny[type(problem).__name__.lower()]).policy
    prefix = old[:, :, : windows.given]
    other = rollout(problem, policy, small, 1, sample(generator(2)), prefix=prefix, logp=False)
    change = (other.cost - problem.cost(small, old)).sum()
    joined = problem.rejoin(instance, actions, windows, other.actions[:, 0])
    after = problem.cost(instance, joined[:, None])[:, 0]
    assert torch.allclose(after.sum() - cost.sum(), change, atol=1e-4)
    for one, solution in zip(
        problem.cases(instance), problem.solution(instance, joined), strict=True
    ):
        assert nco.check(one, one.numbered(solution)).feasible


def test_a_tour_too_short_for_a_window_has_none():
    """A window needs two nodes more than it may change."""
    problem = TSP()
    instance = resize(problem, 6).generate(1, generator(0))
    actions = torch.arange(6)[None]
    assert problem.windows(instance, actions, 5, generator(0)) is None
    assert problem.windows(instance, actions, 4, generator(0)) is not None


@pytest.mark.parametrize("problem", [TSP(), CVRP()], ids=["tsp", "cvrp"])
def test_reconstruction_never_worsens_any_instance_of_a_batch(tiny, problem):
    """Every instance's cost falls or stays, whatever its size."""
    instance = mixed(problem, [20, 26])
    policy = load(tiny[type(problem).__name__.lower()]).policy
    costs = [
        found.cost for found in reconstruct(Task(problem, policy, instance), Budget(samples=80))
    ]
    assert len(costs) > 1
    for before, after in itertools.pairwise(costs):
        assert bool((after <= before).all())
