"""Open pickup and delivery: files, checker, construction, OR-Tools, episodes, and the picture."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nco import registry
from nco.core.case import Case
from nco.core.conflicts import OneAtATime, settle
from nco.core.errors import InstanceError
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import PARCOPolicy
from nco.problems._routing.kernels import orders as orders_search
from nco.problems.omdcpdp import OMDCPDP, classical, files
from nco.problems.omdcpdp.check import check, every_solution
from nco.problems.omdcpdp.plot import plot
from nco.registry.sources import as_case, read
from nco.search.budget import Budget
from nco.search.sampling import ROUND, sampling
from nco.search.task import Task
from nco.solving.solver import solve
from nco.testing import check_cases, check_problem
from nco.testing.play import Probe, walk

GOOD = """problem: omdcpdp
name: by hand
capacity: 2
vehicles: [[0, 0], [10, 0.5]]
orders:
  - {from: [3, 4], to: [3, 8]}
  - {from: [0, 8], to: [0, 4]}
  - {from: [10, 2.5], to: [10, -1]}
"""
# what to replace in GOOD, by what, then the field (with its value) and a part of the reason
DEFECTS = {
    "another problem": ("problem: omdcpdp", "problem: cvrp", "problem", "must say"),
    "unknown field": ("capacity: 2", "capacities: 2", "capacities", "no such field"),
    "no YAML": ("vehicles: [[0, 0]", "vehicles: [[0, 0", ":", "not valid YAML"),
    "capacity 0": ("capacity: 2", "capacity: 0", "capacity 0", "whole number from 1"),
    "negative capacity": ("capacity: 2", "capacity: -1", "capacity -1", "whole number from 1"),
    "half an order": ("capacity: 2", "capacity: 1.5", "capacity 1.5", "whole number"),
    "no vehicles": ("vehicles: [[0, 0], [10, 0.5]]\n", "", "vehicles", "missing"),
    "zero vehicles": ("[[0, 0], [10, 0.5]]", "[]", "vehicles 0", "list of 1 to"),
    "a number of vehicles": ("[[0, 0], [10, 0.5]]", "2", "vehicles 2", "list of 1 to"),
    "flat vehicles": ("[[0, 0], [10, 0.5]]", "[0, 0]", "vehicles: vehicle 1 0", "two numbers"),
    "three coordinates": ("[10, 0.5]]", "[10, 0, 5]]", "vehicles: vehicle 2 [10", "two numbers"),
    "words": ("[10, 0.5]", "[here, there]", "vehicles: vehicle 2", "two numbers"),
    "true": ("[10, 0.5]", "[true, 1]", "vehicles: vehicle 2", "two numbers"),
    "not a number": ("[10, 0.5]", "[.nan, 1]", "vehicles: vehicle 2 nan", "finite"),
    "too far": ("[10, 0.5]", "[1.0e+300, 1]", "vehicles: vehicle 2 1e+300", "within 1e+12"),
    "huge": ("[10, 0.5]", f"[1{'0' * 400}, 1]", "vehicles: vehicle 2", "two numbers"),
    "no orders": (GOOD[GOOD.index("orders") :], "orders: []\n", "orders 0", "list of 1 to"),
    "no delivery": (", to: [3, 8]}", "}", "orders: order 1", "from: [x, y], to: [x, y]"),
    "a third end": (", to: [3, 8]}", ", to: [3, 8], via: [1, 1]}", "orders: order 1", "must be"),
    "an order of words": ("{from: [3, 4], to: [3, 8]}", "one", "orders: order 1 one", "must be"),
    "infinite delivery": ("to: [0, 4]", "to: [.inf, 4]", "orders: order 2: to inf", "finite"),
    "no list": ("to: [0, 4]", "to: 04", "orders: order 2: to 4", "two numbers"),
}


def made(orders: int, vehicles: int, seed: int = 0, capacity: int = 3) -> files.Case:
    return OMDCPDP(vehicles=vehicles, capacity=capacity).published(orders, 1, seed)[0]


# --------------------------------------------------------------------------------------------------
# Files, arrays, solutions


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_place(name: str) -> None:
    """A broken file is refused in one line with its line, field and reason."""
    old, new, field, reason = DEFECTS[name]
    assert old in GOOD
    with pytest.raises(InstanceError) as caught:
        files.read(GOOD.replace(old, new, 1), path="tiny.yaml")
    message = str(caught.value)
    assert message.startswith("tiny.yaml:"), message
    assert message.removeprefix("tiny.yaml").lstrip(": ").startswith(field.lstrip(": 5")), message
    assert reason in message
    assert "\n" not in message


def test_a_file_is_read_and_written(tmp_path: Path) -> None:
    """Numbers of any magnitude survive writing and reading."""
    path = tmp_path / "by_hand.yaml"
    path.write_text(GOOD)
    case = read(path)
    assert isinstance(case, files.Case)
    assert (case.name, case.size, case.capacity) == ("by hand", 3, 2)
    assert case.depots.tolist() == [[0, 0], [10, 0.5]]
    assert case.pickups[1].tolist() == [0, 8]
    assert case.deliveries[2].tolist() == [10, -1]
    scaled = files.Case(
        depots=case.depots * 1e-9, pickups=case.pickups / 3, deliveries=case.deliveries * 1e11
    )
    for one in (case, scaled):
        again = files.read(files.write(one))
        assert all(np.array_equal(getattr(again, f), getattr(one, f)) for f in files.PLACES)
    named = files.Case(**{**case.__dict__, "name": "Zürich \U0001f6b2"})
    assert files.read(files.write(named)).name == named.name
    as_json = {
        "problem": "omdcpdp",
        "vehicles": [[1e-5, 0]],
        "orders": [{"from": [1e-7, 1], "to": [2, 2]}],
    }
    found = files.read(json.dumps(as_json))
    assert (found.depots[0, 0], found.pickups[0, 0], found.capacity) == (1e-5, 1e-7, 3)
    claims = [name for name in registry.names() if registry.folder(name).files.recognise(GOOD)]
    assert claims == ["omdcpdp"]


def test_arrays_are_a_case() -> None:
    """A dictionary of places is a case, with a capacity of three orders where none is stated."""
    data = {"depots": [[0, 0]], "pickups": [[1, 0], [2, 0]], "deliveries": [[3, 0], [4, 0]]}
    case = as_case(data)
    assert isinstance(case, files.Case)
    assert (case.size, case.capacity) == (2, 3)
    assert as_case({**data, "capacity": np.int64(1)}).capacity == 1
    assert files.from_arrays({"coords": [[0, 0]]}) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"deliveries": None}, "deliveries.*numbers only"),
        ({"deliveries": [[1, 1]]}, "deliveries 1: must be as many as the pickups, 2"),
        ({"depots": np.zeros((0, 2))}, r"depots \[0, 2\]: must be \[n, 2\]"),
        ({"pickups": [[1, 2, 3]]}, r"pickups \[1, 3\]: must be"),
        ({"pickups": [[1, 2], [3, np.nan]]}, "pickups nan: row 1: coordinates must be finite"),
        ({"capacity": 0}, "capacity 0: must be a whole number from 1"),
    ],
)
def test_defective_arrays_are_named(fields: dict[str, object], reason: str) -> None:
    """Arrays that do not fit together are refused with the key and the reason."""
    good = {"depots": [[0, 0]], "pickups": [[1, 0], [2, 0]], "deliveries": [[3, 0], [4, 0]]}
    with pytest.raises(InstanceError, match=reason):
        files.from_arrays({**good, **fields})


def test_a_missing_array_is_named() -> None:
    """The key that is missing is named beside those that there are."""
    with pytest.raises(InstanceError, match="depots: needed beside deliveries, pickups"):
        files.from_arrays({"pickups": [[0, 0]], "deliveries": [[1, 1]]})


def test_solutions_are_read_and_written() -> None:
    """Routes of pickups and deliveries come back, and other texts raise."""
    case = files.read(GOOD)
    text = files.write_solution(case, [[1, -1], [3, -3]], 7.5)
    assert files.read_solution(text, case) == [[1, -1], [3, -3]]
    assert files.read_solution("[[1, -1], []]", case) == [[1, -1], []]
    for junk in ("", "hello", "[1, -1]", "[[1.5]]", "[[true]]", '{"a": 1}'):
        with pytest.raises(InstanceError):
            files.read_solution(junk, case)
    with pytest.raises(InstanceError, match="orders go from 1 to 3"):
        case.indexed([[4, -4], []])


# --------------------------------------------------------------------------------------------------
# The checker

# 0,0 to 3,4 takes 5, on to 0,8 another 5, to 3,8 3, to 0,4 5; the second vehicle 2 and then 3.5
PLAN = [[1, 2, -1, -2], [3, -3]]


def test_an_instance_by_hand() -> None:
    """The cost is the sum of arrival times, counted on paper."""
    case = files.read(GOOD)
    report = check(case, PLAN)
    assert (report.feasible, report.cost, report.objective) == (True, 13 + 18 + 5.5, 36.5)
    assert check(case, [[1, -1, 2, -2], [3, -3]]).cost == 9 + 16 + 5.5
    assert check(case, np.array([[1, 2, 3], [-1, -2, -3]], dtype=object)).cost is not None


@pytest.mark.parametrize(
    ("solution", "sentences"),
    [
        ([[1, 2, -1], [3, -3]], ["order 2 is delivered never"]),
        ([[1, -1], [3, -3]], ["order 2 is picked up never", "order 2 is delivered never"]),
        ([[1, 2, -1, -2, -2], [3, -3]], ["order 2 is delivered 2 times"]),
        ([[1, 1, -1, 2, -2], [3, -3]], ["order 1 is picked up 2 times"]),
        ([[-1, 1, 2, -2], [3, -3]], ["vehicle 1 delivers order 1 before it is picked up"]),
        ([[1, 2, -2], [3, -3, -1]], ["picks up order 1, but vehicle 2 delivers"]),
        ([[1, 2, 3, -1, -2, -3], []], ["vehicle 1 has 3 orders on board, above the capacity 2"]),
        ([[1, 2, -1, -2, 3, -3]], ["1 routes, but the case has 2 vehicles"]),
        ([*PLAN, []], ["3 routes, but the case has 2 vehicles"]),
        ([[0, 1, 2, -1, -2], [3, -3]], ["vehicle 1 stops at 0"]),
        ([[1, 2, -1, -2], [3, -3, 4]], ["vehicle 2 stops at 4, but the stops are 1 to 3"]),
        ([[1, 2, -1, -2], [3, -3, 10**30]], ["a huge integer"]),
        ([[1.0], []], ["route 1 holds 1.0"]),
        ([[True], []], ["route 1 holds True"]),
        ([1, -1], ["route 1 is no list"]),
        ("1 -1", ["no list of routes but str"]),
        (None, ["no list of routes"]),
    ],
)
def test_each_broken_rule_is_one_sentence(solution: object, sentences: list[str]) -> None:
    """The checker names each broken rule once."""
    report = check(files.read(GOOD), solution)
    assert not report.feasible
    assert len(report.violations) == len(sentences)
    for violation, sentence in zip(report.violations, sentences, strict=True):
        assert sentence in violation


def test_a_large_construction_is_there_at_once() -> None:
    """Two thousand orders are planned feasibly in seconds."""
    case = made(2000, 10)
    begin = time.perf_counter()
    plan = case.construct()
    assert time.perf_counter() - begin < 5.0  # a tenth of a second on a free machine
    assert check(case, plan).feasible
    assert all(plan)


def test_mutations_of_a_large_solution_are_flagged() -> None:
    """Stops dropped, doubled, swapped, moved to another vehicle: always a sentence."""
    case = made(20, 4)
    plan = case.construct()
    assert check(case, plan).feasible
    for vehicle, route in enumerate(plan):
        for place, stop in enumerate(route):
            for changed in (
                [*route[:place], *route[place + 1 :]],
                [*route, stop],
                [*route[:place], -stop, *route[place + 1 :]],
                [*route[:place], *route[place + 1 :], stop] if stop > 0 else [stop, *route],
            ):
                assert not check(case, [*plan[:vehicle], changed, *plan[vehicle + 1 :]]).feasible
            moved = [list(other) for other in plan]
            moved[vehicle].remove(stop)
            moved[(vehicle + 1) % 4].append(stop)
            assert not check(case, moved).feasible


# --------------------------------------------------------------------------------------------------
# Construction and OR-Tools


def best_cost(case: files.Case) -> float:
    every = every_solution(case, 10**6)
    assert every is not None
    reports = (check(case, solution) for solution in every)
    return min(report.cost for report in reports if report.feasible and report.cost is not None)


@pytest.mark.parametrize(
    ("orders", "vehicles", "capacity", "seed"), [(2, 2, 3, 1), (3, 1, 1, 1), (2, 3, 1, 3)]
)
def test_ortools_finds_what_brute_force_finds(
    orders: int, vehicles: int, capacity: int, seed: int
) -> None:
    """The optimum of tiny cases is found."""
    case = made(orders, vehicles, seed, capacity)
    found = classical.ortools(case, time_limit=2.0, seed=0)
    report = check(case, found)
    assert report.violations == []
    assert report.cost == pytest.approx(best_cost(case), rel=1e-4)


def test_the_first_insertion_is_the_best_one() -> None:
    """A single order goes to the vehicle and place that brute force finds."""
    for seed in range(10):
        case = made(1, 3, seed)
        assert check(case, case.construct()).cost == pytest.approx(best_cost(case))


@pytest.mark.parametrize(("orders", "vehicles", "capacity"), [(25, 5, 3), (25, 5, 1), (120, 2, 2)])
def test_constructions_are_feasible_and_decent(orders: int, vehicles: int, capacity: int) -> None:
    """Better than orders one after another, each by the nearest vehicle."""
    case = made(orders, vehicles, 1, capacity)
    report = check(case, case.construct())
    assert report.violations == []
    plain: list[list[int]] = [[] for _ in range(vehicles)]
    for order in range(orders):
        away = np.linalg.norm(case.depots - case.pickups[order], axis=-1)
        plain[int(away.argmin())] += [order + 1, -order - 1]
    assert report.cost is not None
    assert report.cost < 0.7 * check(case, plain).cost


def test_places_of_one_spot_and_far_apart() -> None:
    """Distances of zero and of billions are planned feasibly."""
    here = files.Case(depots=np.ones((2, 2)), pickups=np.ones((3, 2)), deliveries=np.ones((3, 2)))
    far = files.read(GOOD)
    for case in (here, far, files.Case(depots=far.depots * 1e9, pickups=far.pickups * 1e9,
                                       deliveries=far.deliveries * 1e9)):  # fmt: skip
        report = check(case, classical.ortools(case, time_limit=0.1, seed=0))
        assert report.violations == []
    assert check(here, here.construct()).cost == 0


def test_ortools_is_never_worse_than_its_start_and_ignores_a_broken_one() -> None:
    """A start is kept or improved, unless it breaks a rule."""
    case = made(25, 5)
    start = case.construct()
    found = classical.ortools(case, time_limit=1.5, seed=0, start=start)
    assert check(case, found).feasible
    assert check(case, found).cost < check(case, start).cost
    again = classical.ortools(case, time_limit=0.3, seed=0, start=found)
    assert check(case, again).cost <= check(case, found).cost
    assert check(case, classical.ortools(case, time_limit=0.1, seed=0, start=[[1]])).feasible
    assert classical.ortools(case, time_limit=None, seed=0) == start
    assert set(classical.improvers()) <= set(classical.solvers())


# --------------------------------------------------------------------------------------------------
# Ruin and recreate


@pytest.mark.parametrize(
    ("orders", "vehicles", "capacity", "seed"),
    [(2, 2, 3, 1), (3, 1, 1, 1), (3, 1, 3, 2), (2, 3, 1, 3), (3, 2, 2, 4), (1, 2, 1, 5)],
)
def test_ruin_and_recreate_finds_what_brute_force_finds(
    orders: int, vehicles: int, capacity: int, seed: int
) -> None:
    """Of few orders the cost is the least of all plans."""
    case = made(orders, vehicles, seed, capacity)
    report = check(case, classical.sisr(case, time_limit=None, seed=0, iterations=2000))
    assert report.violations == []
    assert report.cost == pytest.approx(best_cost(case), rel=1e-9)


def test_ruin_and_recreate_tells_better_routes_and_is_the_same_again() -> None:
    """Routes on the way are feasible and better and better, and equal steps end equally."""
    case, told = made(40, 4), []
    routes = classical.sisr(case, time_limit=None, seed=3, found=told.append, iterations=5000)
    reports = [check(case, better) for better in told]
    assert all(report.feasible for report in reports)
    costs = [report.cost for report in reports]
    assert costs == sorted(costs, reverse=True)
    assert check(case, routes).cost <= costs[-1]
    assert check(case, routes).cost < 0.97 * check(case, case.construct()).cost
    assert routes == classical.sisr(case, time_limit=None, seed=3, iterations=5000)
    again = classical.sisr(case, time_limit=0.05, seed=4, start=routes)
    assert check(case, again).cost <= check(case, routes).cost * (1 + 1e-9)
    assert check(case, classical.sisr(case, time_limit=0.05, seed=0, start=[[1]])).feasible


def test_ruin_and_recreate_leaves_what_takes_too_much_memory(monkeypatch) -> None:
    """Tables of paths beyond a bound are not made; the construction is the answer."""
    monkeypatch.setattr(orders_search, "MOST_ENTRIES", 10)
    case = made(25, 5)
    assert classical.sisr(case, time_limit=1.0, seed=0) == case.construct()


# --------------------------------------------------------------------------------------------------
# The problem


@pytest.mark.long
@pytest.mark.parametrize(
    "problem",
    [OMDCPDP(vehicles=2), OMDCPDP(vehicles=1, capacity=1), OMDCPDP(vehicles=[2, 5], capacity=2)],
    ids=["two vehicles", "one vehicle", "padded vehicles"],
)
def test_contract(problem: OMDCPDP) -> None:
    """The problem keeps the contract, brute force included, for one and more vehicles."""
    ran = check_problem(problem)
    assert {"checker_agrees", "classical_solver_replays", "brute_force_agrees"} <= set(ran)


GIVEN: dict[str, list[Case]] = {
    "in a large unit": [files.read(GOOD)],
    "one spot": [
        files.Case(depots=np.ones((2, 2)), pickups=np.ones((3, 2)), deliveries=np.ones((3, 2)))
    ],
    "other capacities": [made(4, 3, 1, 1), made(4, 3, 2, 2), made(3, 3, 3, 9)],
}


@pytest.mark.parametrize("name", GIVEN)
def test_contract_of_given_cases(name: str) -> None:
    """Cases from files keep the contract too."""
    ran = check_cases(OMDCPDP(), GIVEN[name])
    assert {"padding_changes_nothing", "checker_agrees"} <= set(ran)


def played(problem: OMDCPDP, instance: object, rollouts: int, eager: float) -> torch.Tensor:
    """Random actions ``[B, S, T, M]``; `eager` is the weight of moving against staying's 1."""
    random, state, actions = generator(2), problem.reset(instance, rollouts), []
    while not problem.done(instance, state).all():
        seen = problem.observe(instance, state)
        weight = seen.mask * eager
        stays = seen.mask.gather(-1, seen.stay[..., None]).float()
        weight = weight.scatter(-1, seen.stay[..., None], stays)
        drawn = torch.multinomial(weight.flatten(0, 2), 1, generator=random)[:, 0]
        picks = drawn.unflatten(0, seen.stay.shape)
        priority = torch.rand(picks.shape, generator=random)
        actions.append(settle(picks, priority, seen))
        state = problem.step(instance, state, actions[-1])
        assert len(actions) <= problem.horizon(instance)[1]
    assert torch.allclose(problem.cost(instance, torch.stack(actions, 2)), state.cost_so_far)
    return torch.stack(actions, 2)


@pytest.mark.parametrize("eager", [1.0, 0.01])
def test_thousands_of_random_episodes_are_feasible(eager: float) -> None:
    """By the independent checker, at its price, also where everybody would rather stay."""
    problem = OMDCPDP(size=6, vehicles=4, capacity=2)
    instance = problem.generate(8, generator(1))
    actions = played(problem, instance, 150, eager)
    cases, cost = problem.cases(instance), problem.cost(instance, actions)
    for s in range(150):
        for b, routes in enumerate(problem.solution(instance, actions[:, s])):
            report = check(cases[b], routes)
            assert report.violations == []
            assert report.cost == pytest.approx(float(cost[b, s]), rel=1e-5)


def test_who_has_nothing_on_board_may_stay() -> None:
    """Masks allow waiting exactly where a vehicle is empty."""
    case = files.read(GOOD)
    problem = OMDCPDP()
    instance = problem.load([case])
    state = problem.reset(instance, 1)
    assert problem.observe(instance, state).mask[0, 0].long().tolist() == [
        [1, 0, 1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 1, 0, 0, 0],
    ]
    state = problem.step(instance, state, torch.tensor([[[0, 1]]]))
    # order 3 waits 2 from the second vehicle, the others at least 5 from the first
    assert problem.observe(instance, state).mask[0, 0].long().tolist() == [
        [1, 0, 1, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0],
    ]
    rested = problem.step(instance, state, torch.tensor([[[0, 4]]]))
    # the first vehicle has stayed twice, as who loses two conflicts does, and may still go
    assert problem.observe(instance, rested).mask[0, 0].long().tolist() == [
        [1, 0, 1, 1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 1],
    ]
    state = problem.step(instance, problem.reset(instance, 1), torch.tensor([[[0, 4]]]))
    # the capacity is 2: with two on board a vehicle has to deliver, and it has to move
    for first in (2, 3):
        state = problem.step(instance, state, torch.tensor([[[first, 4]]]))
    assert problem.observe(instance, state).mask[0, 0].long().tolist() == [
        [0, 0, 0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ]
    assert problem.solution(instance, torch.tensor([[[0, 4], [2, 7], [3, 7], [5, 7], [6, 7]]])) == [
        [[1, 2, -1, -2], [3, -3]]
    ]
    assert problem.actions(instance, [PLAN]).tolist() == [[[2, 4], [3, 7], [5, 7], [6, 7]]]
    assert float(problem.cost(instance, problem.actions(instance, [PLAN])[:, None])) == 36.5


def test_one_at_a_time_ends_and_uses_every_vehicle() -> None:
    """Who does not get its way in a step stays, and must not be lost for that."""
    problem = OMDCPDP(size=12, vehicles=5)
    instance = problem.generate(4, generator(3))
    torch.manual_seed(0)
    prefer = {"distance": -10.0, "distance_to_delivery": 5.6, "delay": -0.5, "onward": -0.9}
    prefer |= {"behind_first": -44.7, "is_delivery": -1.3, "is_own_place": -38.3}
    policy = PARCOPolicy(prefer=prefer, idle=0.0)
    policy.build(problem.schema)
    every = rollout(problem, policy, instance, 1, greedy, logp=False)
    policy.conflicts = OneAtATime()
    alone = rollout(problem, policy, instance, 1, greedy, logp=False)
    assert alone.actions.shape[2] > 2 * every.actions.shape[2]
    assert float(alone.cost.mean()) < 1.5 * float(every.cost.mean())


def test_the_masks_leave_every_solution() -> None:
    """Each feasible plan of a small case can be played, at the checker's price."""
    case = made(2, 2, 5, 1)
    problem = OMDCPDP()
    every = every_solution(case, 1000)
    assert every is not None
    plans = [plan for plan in every if check(case, plan).feasible]
    # one vehicle each: 2 ways; both by one of the two, which has room for 1: 2 orders each
    assert len(plans) == 2 + 2 * 2
    for plan in plans:
        instance = problem.load([case])
        actions = problem.actions(instance, [plan])[:, None]
        walk(problem, instance, actions, "a feasible plan")
        assert problem.solution(instance, actions[:, 0]) == [plan]
        assert float(problem.cost(instance, actions)) == pytest.approx(check(case, plan).cost)


def test_vehicles_that_are_padding_never_move() -> None:
    """In a batch of different fleets the added vehicles stay."""
    problem = OMDCPDP()
    cases = [made(4, 2, 1), made(6, 5, 2), made(3, 4, 3)]
    instance = problem.load(cases)
    assert (instance.vehicles, instance.orders) == (5, 6)
    actions = played(problem, instance, 40, 0.1)
    assert bool((actions[0, :, :, 2:] == torch.arange(2, 5)).all())
    for b, case in enumerate(cases):
        for routes in problem.solution(instance, actions[:, 0])[b : b + 1]:
            assert len(routes) == len(case.depots)
            assert check(case, routes).feasible


def test_sets_of_our_own_are_seeded() -> None:
    """A larger set begins with the smaller one, and numbers are numpy's."""
    few, many = (OMDCPDP(vehicles=10).published(25, count, 3333) for count in (2, 5))
    assert all(np.array_equal(a.pickups, b.pickups) for a, b in zip(few, many, strict=False))
    assert [len(case.depots) for case in many] == [10] * 5
    random = np.random.RandomState(3333)
    assert np.array_equal(few[0].depots, random.uniform(size=(10, 2)))
    assert np.array_equal(few[0].pickups, random.uniform(size=(25, 2)))
    counts = {len(case.depots) for case in OMDCPDP(vehicles=[3, 5]).published(4, 30, 1)}
    assert counts == {3, 4, 5}


def test_sizes_and_vehicles_are_drawn_for_each_batch() -> None:
    """All sizes and fleets of a range occur, and impossible ranges raise."""
    problem = OMDCPDP(size=[2, 4], vehicles=[1, 3])
    drawn = [problem.generate(1, generator(s)) for s in range(60)]
    assert {(i.orders, i.vehicles) for i in drawn} == set(
        itertools.product(range(2, 5), range(1, 4))
    )
    for wrong in ({"size": 0}, {"vehicles": [2, 1]}, {"capacity": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            OMDCPDP(**wrong)


def test_an_instance_in_any_unit_is_solved_without_a_network() -> None:
    """The optimum by hand is found, with routes and actions."""
    solution = solve(files.read(GOOD), model="none", time_limit=0.5)
    assert solution.feasible
    assert solution.cost == 30.5  # of the plans by hand the second
    assert solution.routes == solution.solution
    assert len(solution.actions[0]) == 2


class Watched(Probe):
    """Remembers how many rollouts it was asked about at once."""

    def decide(self, memory: Any, observation: Any, condition: Any = None) -> Any:
        self.widths.append(observation.mask.shape[1])
        return super().decide(memory, observation, condition)


def test_samples_come_in_rounds_that_a_deadline_may_end() -> None:
    """There are no starts to make rounds of, and all that fits into memory takes minutes."""
    problem = OMDCPDP(size=4, vehicles=2)
    instance, policy = problem.generate(1, generator(0)), Watched().build(problem.schema)
    policy.widths = []
    one = next(sampling(Task(problem, policy, instance), Budget(deadline=time.perf_counter() + 60)))
    assert set(policy.widths) == {ROUND}
    policy.widths = []
    all_of_them = list(sampling(Task(problem, policy, instance), Budget(samples=3 * ROUND)))
    assert set(policy.widths) == {3 * ROUND}
    assert all_of_them[-1].cost <= one.cost + 1e-6


# --------------------------------------------------------------------------------------------------
# The picture


@pytest.mark.parametrize("case", [files.read(GOOD), made(120, 12)], ids=lambda case: case.name)
def test_plot(case: files.Case) -> None:
    """The title counts the vehicles that drive."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    plot(case, case.construct(), ax)
    figure.canvas.draw()
    assert f"of {len(case.depots)} vehicles" in ax.get_title()
    labels = ax.get_legend_handles_labels()[1]
    driving = sum(1 for route in case.construct() if len(route))
    assert len(labels) == driving + 3  # depot, pickup, delivery
    plt.close(figure)
