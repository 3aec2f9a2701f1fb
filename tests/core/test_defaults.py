"""What holds for every problem, with a capability and without."""

from typing import Any, ClassVar

import pytest
import torch
from child_solvers import Plain
from torch import Tensor

from nco.core.defaults import (
    cases_of,
    count_starts,
    demonstrations_of,
    equivalents_of,
    fits,
    has_size,
    load_cases,
    mask_of,
    pad_actions,
    pad_nodes,
    relatives_of,
    replay,
    resize,
    starts_of,
    symmetries_of,
    walked,
)
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.rollout import forced, rollout
from nco.core.schema import Schema
from nco.core.seeds import generator
from nco.problems.cvrp import CVRPVia
from nco.problems.hcvrp import HCVRP
from nco.problems.jssp import JSSP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.problems.tsp.problem import Instance, State, Tours
from nco.testing.play import Probe, play


class Bare(Problem[Instance, State]):
    """The rules of the TSP, and nothing that only some problems have."""

    schema: ClassVar[Schema] = TSP.schema
    generate: Any = TSP.generate
    features: Any = TSP.features
    reset: Any = Tours.reset
    observe: Any = Tours.observe
    step: Any = Tours.step
    done: Any = Tours.done
    cost: Any = Tours.cost
    horizon: Any = Tours.horizon
    solution: Any = Tours.solution
    actions: Any = Tours.actions
    _counts = staticmethod(Tours._counts)

    def __init__(self) -> None:
        self.size, self.points = 5, TSP(5).points


@pytest.fixture(scope="module")
def played() -> tuple[Bare, Instance, Tensor]:
    """A problem without capabilities, two instances, and random episodes."""
    problem = Bare()
    instance = problem.generate(2, generator(1))
    return problem, instance, play(problem, "bare", 2, instance, None).actions


def test_without_starts_the_policy_chooses(played: tuple[Bare, Instance, Tensor]) -> None:
    """One rollout, and no first action is given."""
    problem, instance, _ = played
    assert count_starts(problem, instance) == 1
    assert starts_of(problem, instance, 4) is None


def test_starts_are_the_problems_own() -> None:
    """As many as the largest instance has; a single one is left to the policy."""
    problem = TSP(4)
    instance = problem.generate(1, generator(1))
    assert count_starts(problem, instance) == 4
    starts = starts_of(problem, instance, 6)
    assert starts is not None
    assert starts[0, :, 0].tolist() == [0, 1, 2, 3, 0, 1]
    alone = TSP(1).generate(1, generator(1))
    assert count_starts(problem, alone) == 1
    assert starts_of(problem, alone, 6) is None
    nothing_fits = Knapsack(3, capacity=1e-9).generate(1, generator(1))
    assert count_starts(Knapsack(), nothing_fits) == 1
    assert starts_of(Knapsack(), nothing_fits, 2) is None


def test_without_equal_solutions_actions_stay(played: tuple[Bare, Instance, Tensor]) -> None:
    """Nothing else is equal, neither solutions nor instances."""
    problem, instance, actions = played
    assert equivalents_of(problem, instance, actions, generator(1)) is actions
    assert demonstrations_of(problem, instance, actions, generator(1)) is actions
    assert symmetries_of(problem, instance) == [instance]
    assert relatives_of(problem, instance, actions[:, 0]) == []


def test_demonstrations_are_equivalents_where_no_order_is_better() -> None:
    """By the same random numbers."""
    problem = TSP(6)
    instance = problem.generate(2, generator(1))
    actions = torch.arange(6).expand(2, 3, 6)
    shown = demonstrations_of(problem, instance, actions, generator(2))
    assert torch.equal(shown, problem.equivalent(instance, actions, generator(2)))
    assert len(symmetries_of(problem, instance)) == 8


def test_a_problem_may_have_its_own_demonstrations() -> None:
    """Such as the routes in an order that is easy to learn."""
    problem = CVRPVia(8, capacity=12)
    instance = problem.generate(2, generator(3))
    actions = play(problem, "via", 1, instance, None).actions
    shown = demonstrations_of(problem, instance, actions, generator(2))
    assert torch.equal(shown, problem.demonstrations(instance, actions, generator(2)))
    assert not torch.equal(shown, equivalents_of(problem, instance, actions, generator(2)))


def test_states_are_replayed_by_stepping(played: tuple[Bare, Instance, Tensor]) -> None:
    """All of them, or those before given steps, as the rollout went through them."""
    problem, instance, actions = played
    probe = Probe(1).build(problem.schema)
    kept = rollout(problem, probe, instance, 5, forced(actions), keep=True).states
    assert isinstance(kept, State)
    every = replay(problem, instance, actions)
    assert torch.equal(every.alive, kept.alive)
    assert torch.equal(every.current, kept.current)
    steps = torch.tensor([[[3, 0]] * 5] * 2)
    some = replay(problem, instance, actions, steps)
    assert torch.equal(some.alive, kept.alive[:, :, [3, 0]])
    closed = TSP(5).replay(instance, actions, steps)
    assert torch.equal(closed.current, some.current)
    assert torch.equal(walked(TSP(5), instance, actions, steps).current, some.current)


def test_masks_are_those_of_observe_or_cheaper() -> None:
    """A problem with a cheap mask is not asked to observe."""
    problem = JSSP(3)
    instance = problem.generate(2, generator(1))
    state = problem.reset(instance, 2)
    wanted = problem.observe(instance, state).mask
    problem.observe = None  # type: ignore[method-assign, assignment]
    assert torch.equal(mask_of(problem, instance, state), wanted)


def test_actions_are_padded_by_no_ops() -> None:
    """Also those of agents; what is long enough stays the same object."""
    problem = HCVRP(4, 2)
    instance = problem.generate(2, generator(4))
    actions = play(problem, "fleet", 2, instance, None).actions
    total = actions.shape[2]
    longer = pad_actions(problem, instance, actions, total + 2)
    assert longer.shape == (2, 5, total + 2, 2)
    assert torch.equal(longer[:, :, :total], actions)
    assert torch.equal(longer[:, :, -1], actions[:, :, -1])
    assert pad_actions(problem, instance, actions, total) is actions


def test_nodes_are_padded_by_nodes_that_do_not_exist() -> None:
    """Every axis of nodes grows, and no other one."""
    instance = TSP(4).generate(2, generator(1))
    wide = pad_nodes(instance, 4, 6)
    assert wide.coords.shape == (2, 6, 2)
    assert torch.equal(wide.coords[:, :4], instance.coords)
    assert wide.exists.tolist() == [[True] * 4 + [False] * 2] * 2
    wider = pad_nodes(wide, 6, 7)
    assert wider.exists.sum(1).tolist() == [4, 4]


def test_a_problem_without_cases_says_what_it_needs(played: tuple[Bare, Instance, Tensor]) -> None:
    """In one line, for users who give it a file."""
    problem, instance, _ = played
    with pytest.raises(NCOError, match="Bare has no exact cases: it needs `load` and `cases`"):
        load_cases(problem, [])
    with pytest.raises(NCOError, match="Bare has no exact cases"):
        cases_of(problem, instance)
    known = cases_of(TSP(5), instance)
    assert torch.equal(load_cases(TSP(5), known).coords, instance.coords)


def test_a_problem_fits_all_cases_but_those_it_refuses() -> None:
    """A heterogeneous fleet may be asked for another objective than the networks'."""
    assert fits(TSP(), Plain())
    assert not fits(HCVRP(), Plain())


def test_resize_keeps_the_other_arguments() -> None:
    """And refuses a problem that is constructed without a size."""
    fleet = resize(HCVRP(20, vehicles=4), 7)
    assert (fleet.size, fleet.vehicles) == (7, 4)
    assert has_size(fleet)
    assert not has_size(Bare())
    with pytest.raises(NCOError, match="Bare has no size"):
        resize(Bare(), 3)
