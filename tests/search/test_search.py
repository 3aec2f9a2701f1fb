"""Beam search and re-construction, against brute force and against themselves."""

import itertools
import math
import time
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.capabilities import HasFixedFirstAction
from nco.core.decisions import Categorical
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import Interrupted, greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, BQPolicy, TransformerEncoder
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.knapsack import Knapsack, KnapsackRest
from nco.problems.tsp import TSP
from nco.problems.tsp.problem import State
from nco.search import beam as beams
from nco.search.beam import beam, beam_search
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import best_of
from nco.search.reconstruct import Kind, Kinds, reconstruct
from nco.search.task import Task

SMALL = [TSP(6), CVRP(4), CVRPVia(5), Knapsack(7), KnapsackRest(7)]


def name_of(problem: Any) -> str:
    return type(problem).__name__


def policy(problem: Problem[Any, Any], kind: type = BQPolicy) -> Policy:
    torch.manual_seed(2)
    made: Policy = kind(TransformerEncoder(width=16, heads=2, layers=1, hidden=16))
    return made.build(problem.schema).eval()


def every_end(problem: Problem[Any, Any], instance: Any) -> float:
    """The least cost over all episodes of one instance, by depth-first enumeration of masks."""
    least = float("inf")
    fixed = isinstance(problem, HasFixedFirstAction)
    prefix = problem.fixed_first_action(instance, 1) if fixed else None
    todo: list[tuple[Any, list[int]]] = [(problem.reset(instance, 1), [])]
    if prefix is not None:
        first = prefix[:, :, 0]
        todo = [(problem.step(instance, todo[0][0], first), [int(first)])]
    while todo:
        state, actions = todo.pop()
        if bool(problem.done(instance, state).all()):
            least = min(least, float(problem.cost(instance, torch.tensor([[actions]]))))
            continue
        for action in problem.observe(instance, state).mask[0, 0].nonzero()[:, 0].tolist():
            todo.append(
                (problem.step(instance, state, torch.tensor([[action]])), [*actions, action])
            )
    return least


@pytest.mark.long
@pytest.mark.parametrize("problem", SMALL, ids=name_of)
def test_a_wide_beam_is_brute_force(problem: Problem[Any, Any]) -> None:
    """A beam that keeps everything finds the optimum."""
    instance = problem.generate(2, generator(1))
    with torch.inference_mode():
        _, cost = beam_search(Task(problem, policy(problem), instance), 4000)
    for b in range(2):
        assert cost[b].min().item() == pytest.approx(
            every_end(problem, instance[b : b + 1]), rel=1e-5
        )


def watched(network: Policy) -> list[Any]:
    """What `network` is shown from now on."""
    seen: list[Any] = []
    real = network.decide

    def decide(memory: Any, observation: Any, condition: Tensor | None = None) -> Any:
        seen.append(observation)
        return real(memory, observation, condition)

    network.decide = decide  # type: ignore[method-assign]
    return seen


def test_equivalent_states_are_kept_once() -> None:
    """After t of 6 cities there are at most C(5, t - 1) (t - 1) different pairs (set, origin)."""
    problem, network = ATSP(6), policy(ATSP(6))
    seen = watched(network)
    beam_search(Task(problem, network, problem.generate(3, generator(2))), 10_000)
    widths = [observation.mask.shape[1] for observation in seen]
    assert widths == [1, 5, 20, 30, 20]  # without merging: 1, 5, 20, 60, 120


def test_paths_between_the_same_ends_are_equivalent_whichever_end_comes_first() -> None:
    """Of such states only one is kept."""
    problem, network = TSP(7), policy(TSP(7))
    seen = watched(network)
    beam_search(Task(problem, network, problem.generate(1, generator(2))), 10_000)
    turned = 0
    for observation in seen[1:]:  # the first is asked twice, because its ends are one
        states = [
            (frozenset(ends), tuple(alive))
            for ends, alive in zip(
                observation.focus[0].tolist(), observation.alive[0].tolist(), strict=True
            )
        ]
        assert len(set(states)) == len(states)
        turned += sum(ends[0] != 0 for ends in observation.focus[0].tolist())
    assert turned, "the path has grown at the side of city 0 as well"


def test_a_tour_grows_at_the_surer_end() -> None:
    """Against a path that is a list, and probabilities that are kept in a dictionary."""
    problem, network = TSP(14), policy(TSP(14))
    instance = problem.generate(5, generator(8))
    with torch.inference_mode():
        actions, cost = beam_search(Task(problem, network, instance), 1)
        for b in range(5):
            one = instance[b : b + 1]
            memory = network.encode(problem.features(one))

            def asked(
                path: list[int], end: int, memory: Any = memory, one: Any = one
            ) -> dict[int, float]:
                alive = torch.ones(1, 1, 14, dtype=torch.bool)
                alive[0, 0, path] = False
                ends = torch.tensor([[path[-1 - end]]]), torch.tensor([[path[end]]])
                decision = network.decide(memory, problem.observe(one, State(*ends, alive)))
                assert isinstance(decision, Categorical)
                log_probs = decision.log_probs[0, 0]
                return {node: math.exp(log_probs[node]) for node in range(14) if node not in path}

            path = [0]
            known = {0: asked(path, 0), -1: asked(path, -1)}
            sides = set()
            while len(path) < 14:
                for end, shares in known.items():
                    left = {node: share for node, share in shares.items() if node not in path}
                    known[end] = {node: share / sum(left.values()) for node, share in left.items()}
                end = 0 if max(known[0].values()) > max(known[-1].values()) else -1
                node = max(known[end], key=known[end].__getitem__)
                path.insert(0 if end == 0 else len(path), node)
                sides.add(end)
                if len(path) < 14:
                    known[end] = asked(path, end)
            assert sides == {0, -1}
            start = path.index(0)
            tour = path[start:] + path[:start]
            # at first both ends are city 0, and rounding says which is the surer one
            assert actions[b, 0].tolist() in (tour, tour[:1] + tour[:0:-1])
            path_length = problem.cost(one, torch.tensor([[path]]))
            torch.testing.assert_close(cost[b : b + 1], path_length)


@pytest.mark.parametrize("problem", [ATSP(12), CVRPVia(10), KnapsackRest(12)], ids=name_of)
def test_a_beam_of_one_is_greedy(problem: Problem[Any, Any]) -> None:
    """It plays as the greedy rollout does."""
    instance = problem.generate(4, generator(3))
    network = policy(problem)
    with torch.inference_mode():
        fixed = isinstance(problem, HasFixedFirstAction)
        prefix = problem.fixed_first_action(instance, 1) if fixed else None
        wanted = rollout(problem, network, instance, 1, greedy, prefix=prefix)
        actions, cost = beam_search(Task(problem, network, instance), 1)
    assert torch.equal(actions, wanted.actions)
    torch.testing.assert_close(cost, wanted.cost)


@pytest.mark.parametrize("problem", SMALL, ids=name_of)
def test_costs_are_those_of_the_actions(problem: Problem[Any, Any]) -> None:
    """Of rows that end early, too, and of places in the beam that were never taken."""
    instance = problem.generate(5, generator(4))
    with torch.inference_mode():
        actions, cost = beam_search(Task(problem, policy(problem), instance), 6)
    real = cost.isfinite()
    assert real.any(1).all()
    torch.testing.assert_close(problem.cost(instance, actions)[real], cost[real])


@pytest.mark.long
@pytest.mark.parametrize("kind", [AttentionPolicy, BQPolicy])
@pytest.mark.parametrize("problem", [TSP(15), CVRPVia(12), KnapsackRest(12)], ids=name_of)
def test_reconstruction_only_improves(problem: Problem[Any, Any], kind: type) -> None:
    """Costs fall, the actions are worth them, and equal seeds give equal results."""
    instance = problem.generate(3, generator(5))
    network = policy(problem, kind)
    with torch.inference_mode():
        found = list(reconstruct(Task(problem, network, instance), Budget(samples=120, seed=1)))
        again = list(reconstruct(Task(problem, network, instance), Budget(samples=120, seed=1)))
    assert found[0].source == "greedy"
    if problem.schema.focus:  # an untrained network leaves much to improve
        assert len(found) > 1
    costs = torch.stack([step.cost for step in found])
    assert (costs[1:] <= costs[:-1]).all()
    assert (costs[1:] < costs[:-1]).any(1).all(), "each yield is an improvement somewhere"
    for step in found:
        torch.testing.assert_close(problem.cost(instance, step.actions[:, None])[:, 0], step.cost)
    assert torch.equal(found[-1].actions, again[-1].actions), "equal seeds, equal answers"


def test_reconstruction_goes_on_from_a_given_start() -> None:
    """Nothing worse than the start is offered."""
    problem = TSP(10)
    instance = problem.generate(2, generator(6))
    tours = torch.stack([torch.arange(10), torch.randperm(10, generator=generator(7))])[:, None]
    start = best_of(tours, problem.cost(instance, tours), "given")
    with torch.inference_mode():
        steps = list(
            reconstruct(
                Task(problem, policy(problem), instance), Budget(samples=200, seed=3), start
            )
        )
    assert all(step.source == "reconstruct" for step in steps)
    assert (steps[-1].cost < start.cost).all()


@pytest.mark.parametrize(("total", "kinds"), [(4, 1), (12, 1), (40, 1), (60, 2), (1000, 2)])
def test_windows_are_as_long_as_solutions_allow(total: int, kinds: int) -> None:
    """Every kind has lengths, and none is longer than the solution."""
    problem = TSP(6)
    task = Task(problem, policy(problem), problem.generate(1, generator(1)))
    made = Kinds.of(task, total).kinds
    assert len(made) == kinds
    assert all(1 <= kind.low < kind.high <= total + 1 for kind in made)


def test_windows_that_gain_have_more_rounds_and_the_others_some() -> None:
    """Where nothing gains, all kinds do about the same work."""
    works = (1.0, 2.0, 10.0)
    for gaining, least, most in ((None, 0.2, 0.5), (1, 0.6, 0.95)):
        kinds = Kinds([Kind(at, at + 1, work) for at, work in enumerate(works)], 5 * sum(works))
        done = [0.0, 0.0, 0.0]
        for _ in range(1000):
            kind = kinds.likeliest()
            done[kind.low] += works[kind.low]
            kinds.learn(kind, 1e-3 if kind.low == gaining else 0.0, works[kind.low])
        assert least < done[1] / sum(done) < most
        assert min(done) > 0


@pytest.mark.parametrize("name", ["beam", "reconstruct"])
def test_searches_stop_at_the_deadline(name: str) -> None:
    """They end within a step of it."""
    problem = TSP(12)
    instance = problem.generate(1, generator(8))
    network = policy(problem)
    begin = time.perf_counter()
    with torch.inference_mode():
        budget = Budget(deadline=begin + 2)
        found = list(
            itertools.islice(named(name)(Task(problem, network, instance), budget), 10_000)
        )
    assert found
    assert time.perf_counter() - begin < 8  # on a busy machine
    assert name == "beam" or time.perf_counter() - begin >= 2


def test_an_interrupted_beam_says_so() -> None:
    """It raises where no complete solution is there."""
    problem = TSP(8)
    instance, over = problem.generate(1, generator(9)), Budget(cancelled=lambda: True)
    with pytest.raises(Interrupted):
        beam_search(Task(problem, policy(problem), instance), 2, over)


def test_large_instances_have_narrow_beams(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width falls so that memory does not grow."""
    widths = []

    def watched(task: Task, width: int, budget: Budget) -> tuple[Tensor, Tensor]:
        widths.append(width)
        return torch.arange(task.nodes).expand(1, 1, -1), torch.ones(1, 1)

    monkeypatch.setattr(beams, "beam_search", watched)
    for size in (50, 1000, 3000):
        problem = TSP(size)
        list(beam(Task(problem, policy(problem), problem.generate(1, generator(1))), Budget()))
    assert widths[0] == beams.WIDTH
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 1
