"""Every problem keeps the contract, and a problem that breaks it hears where."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from nco import registry
from nco.core.batch import Batch
from nco.core.case import Case, Report
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema, columns
from nco.core.seeds import generator
from nco.problems.cvrp import CVRP
from nco.problems.tsp import TSP
from nco.problems.tsp import check as tsp_check
from nco.problems.tsp import classical as tsp_classical
from nco.problems.tsp.problem import Instance, State
from nco.registry.interface import Solver
from nco.testing import check_cases, check_problem
from nco.workers import lanes
from nco.workers.pool import Outcome

RANDOM = np.random.default_rng(1)
# what can only be asked of a problem that has cases, a checker and a classical solver
EXACT = {
    "load_inverts_cases",
    "padding_changes_nothing",
    "checker_agrees",
    "checker_flags_mutations",
    "brute_force_agrees",
    "classical_solver_replays",
}
# the same of a problem whose actions are amounts: they cannot be enumerated
AMOUNTS = {
    "load_inverts_cases",
    "checker_agrees",
    "observations_do_not_look_ahead",
    "traces_are_random_futures",
    "classical_solver_replays",
}


def shipped() -> list[type[Problem[Any, Any]]]:
    """Every problem class that a folder names."""
    found = []
    for name in registry.names():
        package = importlib.import_module(f"nco.problems.{name}")
        members = [getattr(package, member) for member in package.__all__]
        found += [part for part in members if isinstance(part, type) and issubclass(part, Problem)]
    return found


# whose brute force or simulations take longest
LONGEST = {
    "Inventory",
    "Rebalancing",
    "SupplyChain",
    "SupplyShares",
    "FJSP",
    "FFSP",
    "JSSP",
    "OMDCPDP",
}


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(
            problem,
            id=problem.__name__,
            marks=[pytest.mark.long] if problem.__name__ in LONGEST else [],
        )
        for problem in shipped()
    ],
)
def test_contract(problem: type[Problem[Any, Any]]) -> None:
    """Every shipped problem passes, with the checks that none may leave out."""
    ran = check_problem(problem)
    assert set(ran) >= (AMOUNTS if problem.continuous else EXACT)


def case(problem: str, **arrays: object) -> Case:
    found = registry.folder(problem).files.from_arrays(arrays)
    assert found is not None
    return found


def matrix(nodes: int) -> np.ndarray:
    half = np.triu(RANDOM.integers(1, 100, (nodes, nodes)), 1)
    return half + half.T


def routes(demand: list[float], capacity: float, side: float = 1.0) -> Case:
    coords = RANDOM.uniform(-side, side, (len(demand), 2))
    return case("cvrp", coords=coords, demand=np.array(demand), capacity=capacity)


def items(values: list[float], weights: list[float], capacity: float) -> Case:
    return case("knapsack", values=np.array(values), weights=np.array(weights), capacity=capacity)


GEO = """NAME : odyssey
TYPE : TSP
DIMENSION : 4
EDGE_WEIGHT_TYPE : GEO
NODE_COORD_SECTION
7 38.24 20.42
3 39.57 26.15
9 40.56 25.32
1 36.26 23.12
EOF
"""
TOURS = {
    "far apart": [case("tsp", coords=RANDOM.uniform(-5e5, 5e5, (n, 2))) for n in (5, 3)],
    "matrices": [case("tsp", distances=matrix(n)) for n in (4, 5)],
    "a matrix among points": [
        case("tsp", distances=matrix(5)),
        case("tsp", coords=RANDOM.uniform(0, 30, (6, 2))),
    ],
    "one, two and three nodes": [
        case("tsp", coords=RANDOM.uniform(0, 2, (n, 2))) for n in (1, 2, 3)
    ],
    "one node": [case("tsp", coords=[[3.0, 4.0]])],
    "equal points": [case("tsp", coords=[[3.0, 3.0]] * 4)],
    "kilometres": [registry.folder("tsp").files.read(GEO)],
}
ROUTES = {
    "far apart": [routes([0, 1, 2, 3, 4, 5], 7, 1e4), routes([0, 5, 5], 7, 5)],
    "decimals that fit exactly": [routes([0, 0.1, 0.2, 0.1, 0.2], 0.3), routes([0, 0.3], 0.3)],
    "thirds": [routes([0, *[1 / 3] * 4], 1)],
    "full vehicles": [routes([0, 9, 9, 9], 9)],
    "no demand": [routes([0, 0, 3, 9, 0], 9), routes([0, 0], 9)],
    "one customer": [routes([0, 2], 9)],
    "a matrix among points": [
        case("cvrp", distances=matrix(5), demand=np.array([0.0, 1, 2, 3, 4]), capacity=5),
        routes([0, 3, 3, 3], 6, 40),
    ],
    "all in one place": [
        case("cvrp", coords=np.ones((4, 2)), demand=np.array([0.0, 1, 2, 3]), capacity=3)
    ],
}
ITEMS = {
    "too heavy": [items([1, 2, 900, 4], [1, 2, 20, 3], 5), items([1, 2], [7, 8], 5)],
    "nothing fits": [items([1, 2], [7, 8], 5)],
    "no weight": [items([1, 2, 3], [0, 2, 0], 2), items([0, 0], [0, 0], 1)],
    "decimals that fit exactly": [items([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.7], 0.3)],
    "one item": [items([1], [1], 5), items([1], [3], 1)],
    "large numbers": [items([1e6, 2e6, 3e6], [1e5, 2e5, 3e5], 5e5)],
}
GIVEN = [
    *[("tsp", "TSP", name, cases) for name, cases in TOURS.items()],
    *[("cvrp", "CVRP", name, cases) for name, cases in ROUTES.items()],
    *[("cvrp", "CVRPVia", name, cases) for name, cases in ROUTES.items()],
    *[("knapsack", "Knapsack", name, cases) for name, cases in ITEMS.items()],
]


@pytest.mark.parametrize(
    ("folder", "name", "cases"),
    [
        pytest.param(folder, name, cases, id=f"{name}, {kind}")
        for folder, name, kind, cases in GIVEN
    ],
)
def test_contract_of_given_cases(folder: str, name: str, cases: list[Case]) -> None:
    """Files and arrays with their own distances, sizes, units and odd corners."""
    problem = getattr(importlib.import_module(f"nco.problems.{folder}"), name)()
    ran = check_cases(problem, cases)
    assert set(ran) >= {"padding_changes_nothing", "checker_agrees"}


# --------------------------------------------------------------------------------------------------
# A user's own problems, with no files, checker or solver beside them


@dataclass(frozen=True, eq=False)
class Jobs(Batch):
    duration: Tensor  # [B, N]
    weight: Tensor  # [B, N]


@dataclass(frozen=True, eq=False)
class Waiting(Batch):
    alive: Tensor  # [B, S, N] bool
    time: Tensor  # [B, S]


class Sequencing(Problem[Jobs, Waiting]):
    """Order jobs on one machine, over the least weighted sum of completion times."""

    schema: ClassVar[Schema] = Schema(
        nodes=columns("duration", "weight"), context=columns("time"), dynamic=columns("end")
    )
    count = 4

    def generate(self, batch: int, generator: Generator) -> Jobs:
        drawn = torch.rand(2, batch, self.count, generator=generator)
        return Jobs(drawn[0], drawn[1])

    def features(self, instance: Jobs) -> Features:
        return Features(torch.stack([instance.duration, instance.weight], -1))

    def reset(self, instance: Jobs, rollouts: int) -> Waiting:
        batch = len(instance)
        alive = torch.ones(batch, rollouts, self.count, dtype=torch.bool)
        return Waiting(alive, torch.zeros(batch, rollouts))

    def observe(self, instance: Jobs, state: Waiting) -> Observation:
        focus = torch.zeros(*state.time.shape, 0, dtype=torch.long)
        ends = state.time[..., None] + instance.duration[:, None]
        return Observation(state.alive, focus, state.time[..., None], state.alive, ends[..., None])

    def step(self, instance: Jobs, state: Waiting, action: Tensor) -> Waiting:
        alive = state.alive.scatter(-1, action[..., None], False)
        return Waiting(alive, state.time + instance.duration.gather(1, action))

    def done(self, instance: Jobs, state: Waiting) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Jobs, actions: Tensor) -> Tensor:
        rows = torch.arange(len(actions))[:, None, None]
        ends = instance.duration[rows, actions].cumsum(-1)
        return (ends * instance.weight[rows, actions]).sum(-1)

    def horizon(self, instance: Jobs) -> tuple[int, int]:
        return self.count, self.count

    def solution(self, instance: Jobs, actions: Tensor) -> list[Any]:
        return actions.tolist()

    def actions(self, instance: Jobs, solutions: Sequence[Any]) -> Tensor:
        return torch.tensor(solutions)


class TwoMachines(Sequencing):
    """The same with two agents: an axis M in masks, actions and log-probabilities."""

    def observe(self, instance: Jobs, state: Waiting) -> Observation:
        seen = super().observe(instance, state)

        def twice(tensor: Tensor) -> Tensor:
            return tensor[:, :, None].expand(-1, -1, 2, -1)

        return replace(
            seen, mask=twice(seen.mask), focus=twice(seen.focus), context=twice(seen.context)
        )

    def step(self, instance: Jobs, state: Waiting, action: Tensor) -> Waiting:
        return super().step(instance, state, action[..., 0])

    def cost(self, instance: Jobs, actions: Tensor) -> Tensor:
        second = super().cost(instance, actions[..., 1])
        return super().cost(instance, actions[..., 0]) + second


def test_a_problem_without_files() -> None:
    """Only what its author wrote is asked for."""
    ran = check_problem(Sequencing)
    assert not set(ran) & {*EXACT, "resize_sets_the_size", "starts_are_allowed"}
    assert set(ran) >= {"random_episodes_end", "score_equals_rollout", "no_leak_between_instances"}


def test_a_problem_of_agents() -> None:
    """Several actions a step keep the contract."""
    assert "score_equals_rollout" in check_problem(TwoMachines())


def test_a_given_object_keeps_its_arguments() -> None:
    """An object is checked at the size and seed asked for, with its other arguments."""
    ran = check_problem(CVRP(size=200, capacity=9), size=3, seed=5)
    assert set(ran) >= EXACT


def test_a_range_of_capacities_is_drawn_from_and_leaves_all_else_as_it_is() -> None:
    """Places and demands are those of the same seed."""
    ranged, fixed = CVRP(size=5, capacity=[10, 90]), CVRP(size=5)
    drawn = [ranged.generate(2, generator(seed)).capacity.tolist() for seed in range(60)]
    assert all(first == second for first, second in drawn)
    lows = [pair[0] for pair in drawn]
    assert min(lows) >= 10
    assert max(lows) <= 90
    assert 20 <= sum(low < 30 for low in lows) <= 40  # half of them below the geometric mean
    assert torch.equal(*(made.generate(2, generator(3)).coords for made in (ranged, fixed)))
    for wrong in (8, [8, 90], [90, 10], [10, 20, 30]):
        with pytest.raises(ValueError, match="capacity"):
            CVRP(size=5, capacity=wrong)
    with pytest.raises(ValueError, match="published"):
        ranged.published(20, 1, 1234)


# --------------------------------------------------------------------------------------------------
# Broken problems


class LeakingMask(TSP):
    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        crowd = int(instance.coords.mean((0, 2)).argmax())  # over the whole batch
        mask = seen.mask.clone()
        mask[:, :, crowd] &= (state.first >= 0) | (mask.sum(-1) == 1)
        return replace(seen, mask=mask)


class LeakingCost(TSP):
    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        cost = super().cost(instance, actions)
        return cost - 0.1 * cost.mean(1, keepdim=True)


class StepInPlace(TSP):
    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        first = torch.where(state.first < 0, action, state.first)
        alive = state.alive.scatter_(-1, action[..., None], False)
        return State(first, action, alive)


class InstanceInPlace(TSP):
    def features(self, instance: Instance) -> Features:
        instance.coords.mul_(0.9)
        return super().features(instance)


class OpenTour(TSP):
    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        path = instance.coords[torch.arange(len(actions))[:, None, None], actions]
        length = (path[:, :, 1:] - path[:, :, :-1]).norm(dim=-1).sum(-1)
        return length if instance.scale is None else length * instance.scale[:, None]

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        return actions


class WrongReplay(TSP):
    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        return super().replay(instance, actions, None if steps is None else (steps - 1).clamp(0))


class SeveralNoOps(TSP):
    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        return replace(seen, mask=seen.mask | self.done(instance, state)[..., None])


class NoOpMoves(TSP):
    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        after = super().step(instance, state, action)
        moved = torch.where(self.done(instance, state), after.first + 1, after.first)
        return replace(after, first=moved)


class Unseeded(TSP):
    def generate(self, batch: int, generator: Generator) -> Instance:
        return Instance(torch.rand(batch, self.size, 2))


class Constant(TSP):
    def generate(self, batch: int, generator: Generator) -> Instance:
        return Instance(torch.rand(batch, self.size, 2, generator=Generator().manual_seed(0)))


class NotANumber(TSP):
    def features(self, instance: Instance) -> Features:
        found = super().features(instance)
        return replace(found, nodes=found.nodes / (found.nodes - found.nodes[:, :1]))


class ThirdFeature(TSP):
    def features(self, instance: Instance) -> Features:
        found = super().features(instance)
        return replace(found, nodes=torch.cat([found.nodes, found.nodes[..., :1]], -1))


class OneFocus(TSP):
    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        return replace(seen, focus=seen.focus[..., 1:])


class StartsOutside(TSP):
    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        return super().starts(instance, rollouts) + 1


class EqualStarts(TSP):
    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        return super().starts(instance, rollouts) * 0


class StartsAnywhere(TSP):
    """Wraps at the width of the batch, which for a smaller instance is padding."""

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        first = torch.arange(rollouts) % instance.coords.shape[1]
        return first.expand(len(instance), -1)[..., None]


class DeadEnd(TSP):
    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        stuck = state.alive.sum(-1, keepdim=True) == 2
        return replace(seen, mask=seen.mask & ~stuck)


class TooShort(TSP):
    def horizon(self, instance: Instance) -> tuple[int, int]:
        count = instance.coords.shape[1]
        return count - 2, count - 1


class TooLong(TSP):
    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        stay = torch.arange(seen.mask.shape[-1]) == state.current[..., None]
        return replace(seen, mask=seen.mask | (stay & self.done(instance, state)[..., None]))

    def horizon(self, instance: Instance) -> tuple[int, int]:
        count = instance.coords.shape[1]
        return count + 1, count + 1


class OtherTour(TSP):
    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        order = torch.randperm(actions.shape[2], generator=generator)
        return actions[:, :, order]


class UnseededRotation(TSP):
    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        unseeded = Generator()
        unseeded.seed()
        return super().equivalent(instance, actions, unseeded)


class LargerImage(TSP):
    def symmetries(self, instance: Instance) -> list[Instance]:
        return [*super().symmetries(instance), replace(instance, coords=instance.coords * 0.5)]


class LostNode(TSP):
    def solution(self, instance: Instance, actions: Tensor) -> list[list[int]]:
        return [tour[:-1] or tour for tour in super().solution(instance, actions)]


class VisitsPadding(TSP):
    def reset(self, instance: Instance, rollouts: int) -> State:
        return super().reset(replace(instance, exists=None), rollouts)


class OneEnd(TSP):
    """Both ends of what remains are where the path is."""

    def reversed_state(self, instance: Instance, state: State) -> State:
        return State(state.current, state.current, state.alive)


class JoinedAnyhow(TSP):
    """A row that is over is not kept at the last node of all."""

    def joined(self, instance: Instance, actions: Tensor, behind: Tensor) -> Tensor:
        return super().joined(replace(instance, exists=None), actions, behind)


class ForgetsTheWayBack(TSP):
    """What remains is a tour of its own, wherever the first one began and stands."""

    def remaining(self, instance: Instance, state: State) -> list[Case]:
        return super().remaining(instance, replace(state, first=state.current))

    def resumed(self, instance: Instance, state: State, solutions: Sequence[Any]) -> Tensor:
        return super().resumed(instance, replace(state, first=state.current), solutions)


class PaddingExists(TSP):
    def padded(self, instance: Instance, nodes: int) -> Instance:
        wide = super().padded(instance, nodes)
        return replace(wide, exists=torch.ones_like(wide.coords[..., 0], dtype=torch.bool))


class NarrowMask(TSP):
    """Begins with 0, 1, 2: all tours within the mask are tours, but the best may be missing."""

    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        nodes, left = torch.arange(seen.mask.shape[-1]), state.alive.sum(-1, keepdim=True)
        step = instance.coords.shape[1] - left
        return replace(seen, mask=seen.mask & ~((step < 3) & (left > 0) & (nodes != step)))

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        return super().starts(instance, rollouts) * 0

    def start_count(self, instance: Instance) -> int:
        return 1

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        return actions


class Deaf(TSP):
    """Is of one size, whatever it is asked for."""

    def __init__(self, size: int = 6) -> None:
        super().__init__(6)


BROKEN = {
    LeakingMask: "generated batch: instance . alone has other observations at step 0 than in its b",
    LeakingCost: "rollout 0 alone has other costs than beside others",
    StepInPlace: "what `reset` returned was changed in place later: `alive`",
    InstanceInPlace: "the instance was changed in place: `coords`",
    OpenTour: "the checker's cost is .*, `cost` gives .* of instance 0, rollout 0",
    WrongReplay: "replay of given steps differs from stepping: `first`",
    SeveralNoOps: "padded batch: instance 0, rollout 0 is finished at step 3, but observe allows",
    NoOpMoves: "finished at step 3, but its no-op changes `first`",
    Unseeded: "generate made two different batches from equal generators: `coords`",
    Constant: "generate made the same batch from two different generators",
    NotANumber: r"Features.nodes\[0, 0, 0\] is not a finite number",
    ThirdFeature: r"Features.nodes must be \[B, N, F\] = \[3, 6, 2\], not \[3, 6, 3\]",
    OneFocus: r"Observation.focus must be int64 \[3, 5, 2\], not int64 \[3, 5, 1\], at step 0",
    StartsOutside: "starts gives instance 0, rollout . a first action that the mask forbids",
    EqualStarts: "start_count says 6, but 6 starts are 1 different ones",
    StartsAnywhere: "padded batch: starts gives instance 0, rollout 3 a first action that the mask",
    DeadEnd: "observe allows no action at step 4 of instance 0, rollout 0",
    TooShort: "instance 0, rollout 0 is not finished after 5 steps, the most that horizon allows",
    TooLong: "horizon says at least 7 steps, but every row was finished after 6",
    OtherTour: "what equivalent gave (costs something else|takes action)",
    UnseededRotation: "equivalent differs between equal generators",
    LargerImage: "image 8 of symmetries has other costs",
    LostNode: "rollout 0 takes action . at step 5 of instance 0, rollout 0, where the mask forbids",
    VisitsPadding: r"padded batch: the mask allows padding at step . of instance 0",
    NarrowMask: "the best solution within the masks costs .*, but the best that the checker",
    OneEnd: "reversing twice changes states of step 2: `first`",
    JoinedAnyhow: "padded batch: what joined gave takes action",
    ForgetsTheWayBack: "going on as the best solution of what remains costs .*, but .* is possible",
    PaddingExists: "what padded added can be visited in instance 0, rollout 0",
    Deaf: r"resize\(7\) gave cases of the sizes \[6, 6, 6\]",
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "sentence"),
    [pytest.param(problem, text, id=problem.__name__) for problem, text in BROKEN.items()],
)
def test_a_broken_problem_hears_where(problem: type[TSP], sentence: str) -> None:
    """Each defect is found, and the sentence names what is at fault."""
    with pytest.raises(AssertionError, match=f"^{problem.__name__}.*{sentence}"):
        check_problem(problem)


def length(case: Any, tour: list[int]) -> float:
    ends = case.coords[case.indexed([*tour, tour[0]])]
    return float(np.linalg.norm(np.diff(ends, axis=0), axis=1).sum())


def lenient(case: Any, solution: Any) -> Report:
    """A checker that counts a node once, however often it is visited."""
    numbers = set(case.ids.tolist())
    whole = isinstance(solution, list) and all(type(entry) is int for entry in solution)
    if not whole or set(solution) != numbers:
        return Report(None, None, ["unknown or missing"])
    return Report(length(case, list(dict.fromkeys(solution))), None, [])


def credulous(case: Any, solution: Any) -> Report:
    """A checker that fails over what it does not expect."""
    return Report(length(case, solution), None, [])


def test_a_lenient_checker_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that overlooks a node visited twice fails the contract."""
    monkeypatch.setattr(tsp_check, "check", lenient)
    with pytest.raises(AssertionError, match=r"does not flag a solution with . doubled"):
        check_problem(TSP)


def test_a_crash_says_in_which_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exceptions of the author's code come through as they are, with a note."""

    def crash(self: TSP, instance: Instance, rollouts: int) -> Tensor:
        raise IndexError("out of range")

    monkeypatch.setattr(TSP, "starts", crash)
    with pytest.raises(IndexError) as caught:
        check_problem(TSP)
    note = "TSP, generated batch: raised in the check starts_are_allowed"
    assert caught.value.__notes__ == [note]


@pytest.mark.long
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Outcome(None, 0.1, "timed out"), "ortools found nothing: timed out"),
        (Outcome([0, 1, 1, 3], 0.1), "the checker refuses ortools's solution"),
    ],
)
def test_a_broken_solver_is_found(
    monkeypatch: pytest.MonkeyPatch, answer: Outcome, sentence: str
) -> None:
    """One that fails, or is better than the optimum, fails the contract."""

    def run(case: Case, solver: Solver[Any], *, time_limit: float, seed: int) -> Outcome:
        assert solver == tsp_classical.solvers()["ortools"]
        return answer

    monkeypatch.setattr(lanes, "run", run)
    with pytest.raises(AssertionError, match=sentence):
        check_problem(TSP)
