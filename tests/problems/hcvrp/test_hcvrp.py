"""A fleet of different vehicles: files, checker, rules, solvers and the network."""

import math
import time
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import nco
from nco.core.conflicts import (
    Closest,
    FirstAgent,
    Handler,
    HighestProbability,
    OneAtATime,
    RandomAgent,
)
from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.imitation import Imitation
from nco.models.nets import PARCOPolicy, TransformerEncoder
from nco.models.reinforce import Reinforce
from nco.problems._routing.kernels import warm
from nco.problems.hcvrp import HCVRP, classical, files
from nco.problems.hcvrp.check import check, every_solution
from nco.problems.hcvrp.plot import plot
from nco.search.budget import Budget
from nco.search.multistart import multistart
from nco.search.sampling import sampling
from nco.search.task import Task
from nco.workers import lanes
from nco.zoo import cards

GOOD = """NAME : three
TYPE : HCVRP
DIMENSION : 4
VEHICLES : 2
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 3 4
2 0 0
3 6 8
4 3 0
DEMAND_SECTION
1 2
2 0
3 5
4 3
CAPACITY_SECTION
1 5
2 7.5
VEHICLES_SPEED_SECTION
1 1
2 0.5
DEPOT_SECTION
2
-1
EOF
"""
TOTAL = GOOD.replace("HCVRP", "HFVRP").replace(
    "VEHICLES_SPEED_SECTION\n1 1\n2 0.5",
    "VEHICLES_FIXED_COST_SECTION\n1 10\n2 20\nVEHICLES_UNIT_DISTANCE_COST_SECTION\n1 1\n2 3",
)
# what to replace in GOOD, by what, then the line, the field and a part of the reason
DEFECTS = {
    "another type": ("HCVRP", "CVRP", 2, "TYPE", "HCVRP"),
    "rounded metric": ("EUC_2D", "CEIL_2D", 5, "EDGE_WEIGHT_TYPE", "EUC_2D"),
    "time windows": ("VEHICLES : 2", "TIME_WINDOW : 2", 4, "TIME_WINDOW", "not a rule"),
    "fleet that lies": ("VEHICLES : 2", "VEHICLES : 3", 4, "VEHICLES 3", "2 rows"),
    "header that lies": ("DIMENSION : 4", "DIMENSION : 5", 3, "DIMENSION", "4 rows"),
    "no capacity": ("CAPACITY_SECTION\n1 5\n2 7.5\n", "", None, "CAPACITY_SECTION", "missing"),
    "capacity 0": ("\n1 5\n", "\n1 0\n", 16, "CAPACITY_SECTION", "positive"),
    "speed 0": ("2 0.5", "2 0", 19, "VEHICLES_SPEED_SECTION", "positive"),
    "speed of another": ("2 0.5", "3 0.5", 19, "VEHICLES_SPEED_SECTION", "no row"),
    "costs": ("VEHICLES_SPEED_SECTION", "VEHICLES_FIXED_COST_SECTION", 19, "FIXED", "belong"),
    "negative demand": ("3 5\n", "3 -5\n", 11, "DEMAND_SECTION", "0 to"),
    "large demand": ("3 5\n", "3 8\n", 11, "DEMAND_SECTION", "largest capacity"),
    "depot's demand": ("2 0\n3 5", "2 1\n3 5", 11, "DEMAND_SECTION", "depot"),
    "text": ("3 6 8", "3 6 x", 9, "NODE_COORD_SECTION", "number"),
    "two depots": ("DEPOT_SECTION\n2", "DEPOT_SECTION\n1 2", 23, "DEPOT_SECTION", "one depot"),
    "no such depot": ("DEPOT_SECTION\n2", "DEPOT_SECTION\n9", 23, "DEPOT_SECTION", "no such"),
}


def three() -> files.Case:
    return files.read(GOOD)


def mixed(size: int, objective: str) -> files.Case:
    """Customers, and vehicles of two kinds."""
    random = np.random.default_rng(size)
    data = {
        "coords": random.random((size + 1, 2)),
        "demand": np.append(0, random.integers(1, 10, size)),
        "capacities": np.repeat([20, 45], size // 5),
    }
    if objective == files.TOTAL:
        data |= {
            "fixed": np.repeat([1.0, 1.5], size // 5),
            "unit": np.repeat([1.0, 1.2], size // 5),
        }
    else:
        data["capacities"] = np.array([20, 45, 45])
        data["speeds"] = np.array([1.0, 0.5, 0.7])
    case = files.from_arrays(data)
    assert case is not None
    return case


def fleet(size: int = 8, vehicles: int = 3, batch: int = 4, seed: int = 0) -> Any:
    problem = HCVRP(size, vehicles)
    return problem, problem.generate(batch, generator(seed, "fleet"))


def network(problem: HCVRP, seed: int = 0, **options: Any) -> PARCOPolicy:
    torch.manual_seed(seed)
    encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=32)
    policy = PARCOPolicy(encoder, heads=2, hidden=32, **options).build(problem.schema)
    for parameter in (policy.point.weight, policy.move.weight):  # a trained one has a say
        torch.nn.init.normal_(parameter)
    return policy


# --------------------------------------------------------------------------------------------------
# Files


def test_a_file_is_read() -> None:
    """Capacities, speeds and the objective are those of the file."""
    case = three()
    assert (case.size, case.objective, case.name) == (3, files.MIN_MAX, "three")
    assert case.coords.tolist() == [[0, 0], [3, 4], [6, 8], [3, 0]]
    assert case.demand.tolist() == [0, 2, 5, 3]
    assert case.capacities.tolist() == [5, 7.5]
    assert case.speeds.tolist() == [1, 0.5]


@pytest.mark.parametrize("text", [GOOD, TOTAL], ids=["min_max", "total"])
def test_what_is_written_is_read(text: str) -> None:
    """Both objectives, and routes with two trips, survive writing and reading."""
    case = files.read(text)
    again = files.read(files.write(case))
    for name in ("coords", "demand", "capacities", "speeds", "fixed", "unit"):
        assert np.array_equal(getattr(case, name), getattr(again, name))
    assert again.objective == case.objective
    routes = [[1, 0, 3], [2]]
    assert files.read_solution(files.write_solution(case, routes, 1.5), case) == routes
    assert files.read_solution('{"solution": [[1], [2, 3]]}', case) == [[1], [2, 3]]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named(name: str) -> None:
    """A broken file is refused in one line with its line, field and reason."""
    old, new, line, field, reason = DEFECTS[name]
    assert GOOD.count(old) == 1
    with pytest.raises(InstanceError) as caught:
        files.read(GOOD.replace(old, new), path="bad.vrp")
    place = "bad.vrp" if line is None else f"bad.vrp:{line}"
    told = str(caught.value)
    assert told.startswith(f"{place}: ")
    assert field in told
    assert reason in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"capacities": []}, "capacities"),
        ({"capacities": [[1]]}, "capacities"),
        ({"capacities": ["many"]}, "capacities"),
        ({"speeds": [1, 1]}, "speeds"),
        ({"speeds": [-1]}, "speeds"),
        ({"coords": [[0, 0]]}, "coords"),
        ({"coords": [[0, 0], [0, math.nan]]}, "coords"),
        ({"demand": [0, 9]}, "demand"),
        ({"objective": "min"}, "objective"),
        ({"fixed": [1], "objective": "min_max"}, "objective"),
        ({"speeds": [1], "fixed": [1]}, "objective"),
        ({"unit": [math.inf]}, "unit"),
    ],
)
def test_arrays_that_cannot_be(change: dict[str, Any], field: str) -> None:
    """Arrays that do not fit together are refused with the key."""
    arrays = {"coords": [[0, 0], [1, 0]], "demand": [0, 2], "capacities": [2]}
    assert files.from_arrays(arrays) is not None
    with pytest.raises(InstanceError) as caught:
        files.from_arrays({**arrays, **change})
    assert caught.value.field == field


def test_a_fleet_that_cannot_carry_all() -> None:
    """One trip each: 10 do not fit into 9. With several trips they do."""
    arrays = {"coords": np.eye(3)[:, :2], "demand": [0, 5, 5], "capacities": [5, 4]}
    assert files.from_arrays(arrays) is not None
    with pytest.raises(InstanceError, match="cannot carry"):
        files.from_arrays({**arrays, "fixed": [0, 0]})


@pytest.mark.parametrize("line", ["Route #3: 1", "Route #1: x", "Road 1", "Route #1:\nRoute #1:"])
def test_bad_solutions(line: str) -> None:
    """Vehicles and customers that are no numbers, or none of the case, raise."""
    with pytest.raises(InstanceError):
        files.read_solution(line, three())


# --------------------------------------------------------------------------------------------------
# Checker


def test_costs_by_hand() -> None:
    """Vehicle 1 drives 10 and 6 at speed 1, vehicle 2 drives 20 at half the speed."""
    report = check(three(), [[1, 0, 3], [2]])
    assert (report.cost, report.violations) == (40, [])
    report = check(files.read(TOTAL), [[], [1, 2]])
    assert report.cost == 20 + 3 * 20
    assert report.violations == ["customer 3 is not visited"]
    assert check(files.read(TOTAL), [[1, 3], [2]]).cost == 10 + (5 + 4 + 3) + 20 + 60


@pytest.mark.parametrize(
    ("routes", "sentence"),
    [
        ([[1, 3, 2], []], "vehicle 1 carries 10 at once"),
        ([[1], [2], [3]], "3 routes, but the case has 2 vehicles"),
        ([[1, 3], [2, 3]], "customer 3 is visited 2 times"),
        ([[1, 3], [4]], "vehicle 2 visits customer 4"),
        ([[1, -1], []], "vehicle 1 visits customer -1"),
        ([[1.5], []], "1.5, which is no customer number"),
        ("routes", "no list of routes"),
    ],
)
def test_broken_rules(routes: Any, sentence: str) -> None:
    """The checker names each broken rule with its vehicle."""
    assert any(sentence in line for line in check(three(), routes).violations)


def test_decimals_fit_exactly() -> None:
    """Demands of 0.1 and 0.2 fill a capacity of 0.3."""
    arrays = {"coords": np.eye(3)[:, :2], "demand": [0, 0.1, 0.2], "capacities": [0.3]}
    case = files.from_arrays(arrays)
    assert case is not None
    assert check(case, [[1, 2]]).feasible


def test_one_trip_for_the_total_cost() -> None:
    """A second trip breaks a rule there, and zeros at the ends do not."""
    assert "makes 2 trips" in check(files.read(TOTAL), [[1, 0, 3], [2]]).violations[0]
    assert check(files.read(TOTAL), [[0, 1, 3, 0], [0, 0, 2]]).feasible  # zeros count for nothing


def test_every_solution_is_enumerated() -> None:
    """Two customers, two vehicles: 2 orders x 2 vehicles x (on with the trip, or 2 new ones)."""
    arrays = {"coords": np.eye(3)[:, :2], "demand": [0, 1, 1], "capacities": [2, 2]}
    case = files.from_arrays(arrays)
    assert case is not None
    found = every_solution(case, 100)
    assert found is not None
    assert len(list(found)) == 12
    assert every_solution(case, 10) is None


# --------------------------------------------------------------------------------------------------
# Instances and rules


def test_published_set() -> None:
    """The fingerprint of seed 24610: the first point of the first instance, which is customer 1."""
    first, second = HCVRP(60, 3).published(60, 2, 24610)
    assert isinstance(first, files.Case)
    assert np.allclose(first.coords[1], [0.45505308, 0.9966301], atol=1e-7)
    assert first.capacities.tolist() == [28, 30, 33]
    assert first.size == second.size == 60
    assert 0.5 <= first.speeds.min() <= first.speeds.max() < 1


@pytest.mark.parametrize("objective", [files.MIN_MAX, files.TOTAL])
def test_a_construction_is_feasible(objective: str) -> None:
    """With either objective, and with more vehicles than are needed."""
    problem = HCVRP(30, 4)
    for case in problem.cases(problem.generate(4, generator(1, "construct"))):
        assert isinstance(case, files.Case)
        arrays = {"coords": case.coords, "demand": case.demand, "objective": objective}
        more = [] if objective == files.MIN_MAX else [40.0] * 3
        same = files.from_arrays({**arrays, "capacities": [*case.capacities, *more]})
        assert same is not None
        assert check(same, same.construct()).feasible


@pytest.mark.parametrize("size", [200, 10_000])
def test_a_large_construction_is_there_at_once(size: int) -> None:
    """Ten thousand customers are planned feasibly in seconds."""
    problem = HCVRP(size, 4)
    (case,) = problem.cases(problem.generate(1, generator(2, "construct")))
    begin = time.perf_counter()
    plan = case.construct()
    assert time.perf_counter() - begin < 5.0  # a tenth of a second on a free machine
    report = check(case, plan)
    assert report.feasible
    # no vehicle is idle while another has most to do
    spent = [
        np.linalg.norm(np.diff(case.coords[[0, *route, 0]], axis=0), axis=1).sum() / speed
        for route, speed in zip(plan, case.speeds, strict=True)
    ]
    assert min(spent) > 0.7 * max(spent)


def test_the_next_customer_is_as_an_obvious_version_chooses() -> None:
    """Every vehicle and every customer looked at anew at every step."""
    problem = HCVRP(15, 3)
    for case in problem.cases(problem.generate(5, generator(3, "construct"))):
        coords, demand = case.coords, [Fraction(repr(x)) for x in case.demand.tolist()]
        capacity = [Fraction(repr(x)) for x in case.capacities.tolist()]
        far = np.linalg.norm(coords[:, None] - coords, axis=-1)
        routes: list[list[int]] = [[] for _ in capacity]
        room, driven, left = list(capacity), [0.0] * 3, set(range(1, 16))
        while left:
            options = []
            for vehicle, route in enumerate(routes):
                here = route[-1] if route else 0
                fitting = [i for i in left if demand[i] <= room[vehicle]]
                reload = not fitting
                ways = {i: far[here, i] for i in fitting}
                if reload:
                    ways = {
                        i: far[here, 0] + far[0, i] for i in left if demand[i] <= capacity[vehicle]
                    }
                for i in sorted(ways, key=ways.__getitem__)[:1]:
                    home = (driven[vehicle] + ways[i] + far[0, i]) / case.speeds[vehicle]
                    options.append((home, vehicle, i, ways[i], reload))
            _, vehicle, customer, way, reload = min(options)
            if reload:
                routes[vehicle].append(0)
                room[vehicle] = capacity[vehicle]
            routes[vehicle].append(customer)
            room[vehicle] -= demand[customer]
            driven[vehicle] += way
            left.remove(customer)
        assert case.construct() == routes


def test_hardly_any_room() -> None:
    """Best fit puts 6 with the 10 and then finds no room for everything at once."""
    arrays = {"coords": np.zeros((7, 2)), "demand": [0, 6, 4, 4, 3, 2, 2], "capacities": [11, 10]}
    case = files.from_arrays({**arrays, "objective": "total"})
    assert case is not None
    assert check(case, case.construct()).feasible


@pytest.mark.parametrize(
    "handler",
    [HighestProbability(), FirstAgent(), RandomAgent(), Closest(), OneAtATime()],
    ids=lambda handler: type(handler).__name__,
)
def test_episodes_end_with_every_handler(handler: Handler) -> None:
    """Whoever wins, the checker finds the routes feasible and of the cost that was paid."""
    problem, instance = fleet()
    policy = network(problem, conflicts=handler)
    played = rollout(problem, policy, instance, 5, sample(generator(1)))
    assert bool((played.picks != played.actions).any())
    for s in range(5):
        found = problem.solution(instance, played.actions[:, s])
        costs = played.cost[:, s].tolist()
        for case, routes, cost in zip(problem.cases(instance), found, costs, strict=True):
            report = check(case, routes)
            assert report.feasible
            assert report.cost == pytest.approx(cost, rel=1e-5)


def test_a_lazy_fleet_comes_to_an_end() -> None:
    """Vehicles that wait whenever they may retire one by one, and the last one serves all."""
    problem, instance = fleet()
    policy = PARCOPolicy(idle=-100.0).build(problem.schema)
    played = rollout(problem, policy, instance, 1, greedy)
    assert played.actions.shape[2] <= problem.horizon(instance)[1]
    plans = problem.solution(instance, played.actions[:, 0])
    cases = problem.cases(instance)
    assert all(check(case, plan).feasible for case, plan in zip(cases, plans, strict=True))
    assert all([bool(route) for route in plan] == [False, False, True] for plan in plans)


# --------------------------------------------------------------------------------------------------
# Network


def test_agents_have_no_order() -> None:
    """Vehicles in another order decide alike."""
    problem, instance = fleet(vehicles=4)
    order = torch.tensor([2, 0, 3, 1])
    nodes = torch.cat([order, torch.arange(4, instance.demand.shape[1])])
    other = type(instance)(
        instance.coords[:, nodes],
        instance.demand[:, nodes],
        instance.capacity[:, order],
        instance.speed[:, order],
    )
    policy = network(problem)
    found = []
    for one in (instance, other):
        seen = problem.observe(one, problem.reset(one, 1))
        found.append(policy.decide(policy.encode(problem.features(one)), seen).logits)
    # who must leave the depot is a matter of order, so customers only
    first, second = found[0][..., order, 4:], found[1][..., 4:]
    assert torch.allclose(first, second, atol=1e-4)


def test_agents_communicate() -> None:
    """What only the third vehicle's context says is known to the others by communication alone."""
    problem, instance = fleet()
    seen = problem.observe(instance, problem.reset(instance, 1))
    context = seen.context.clone()
    context[:, :, 2] += 1
    differs = []
    for communicate in (True, False):
        policy = network(problem, communicate=communicate)
        memory = policy.encode(problem.features(instance))
        other = type(seen)(
            seen.mask, seen.focus, context, stay=seen.stay, shared=seen.shared, moves=seen.moves
        )
        first, second = (policy.decide(memory, one).logits[:, :, :2] for one in (seen, other))
        differs.append(not torch.allclose(first, second, atol=1e-6))
    assert differs == [True, False]


def test_padding_of_agents_and_customers_changes_nothing() -> None:
    """A case is decided in a batch of other sizes as alone."""
    problem = HCVRP(9, 4)
    cases = []
    for size, vehicles in ((5, 2), (9, 4), (7, 3)):
        other = HCVRP(size, vehicles)
        cases += other.cases(other.generate(1, generator(size, "padding")))
    policy = network(problem)
    together = problem.load(cases)
    among = rollout(problem, policy, together, 1, greedy)
    plans = problem.solution(together, among.actions[:, 0])
    for case, plan in zip(cases, plans, strict=True):
        alone = problem.load([case])
        played = rollout(problem, policy, alone, 1, greedy)
        assert problem.solution(alone, played.actions[:, 0]) == [plan]


def test_impossible_networks() -> None:
    """Heads that do not divide the width, and columns that do not exist, raise."""
    with pytest.raises(ValueError, match="heads"):
        PARCOPolicy(TransformerEncoder(width=24, heads=3), heads=5)
    with pytest.raises(NCOError, match="no column 'speed'"):
        PARCOPolicy(prefer={"speed": 1.0}).build(HCVRP.schema)


def test_reinforcement_and_imitation_have_gradients() -> None:
    """Of every parameter, over all agents together."""
    problem, instance = fleet()
    policy = PARCOPolicy(TransformerEncoder(layers=1))
    method = Reinforce(problem, policy, rollouts=4, use_starts=False)
    method.log = lambda *_, **__: None  # type: ignore[method-assign]
    for parameter in (policy.point.weight, policy.move.weight):
        torch.nn.init.normal_(parameter, std=0.01)
    method.loss(instance, generator(1)).backward()
    for name, parameter in policy.named_parameters():
        # agents have no positions among which the distance could count
        moved = parameter.grad is not None and bool(parameter.grad.any())
        assert moved == (name != "block.log_range"), name
    plans = [case.construct() for case in problem.cases(instance)]
    actions = problem.actions(instance, plans)[:, None]
    cost = problem.cost(instance, actions)
    learner = Imitation(problem, policy, views=2)
    learner.log = lambda *_, **__: None  # type: ignore[method-assign]
    assert bool(learner.loss(Labelled(instance, actions, cost), generator(2)).isfinite())


def test_searches_know_agents() -> None:
    """The best of all rollouts, in symmetric images or by chance, is put together row by row."""
    problem, instance = fleet()
    policy = network(problem)
    with torch.inference_mode():
        one = list(multistart(Task(problem, policy, instance), Budget()))[-1]
        assert one.actions.ndim == 3
        assert torch.allclose(problem.cost(instance, one.actions[:, None])[:, 0], one.cost)
        many = list(sampling(Task(problem, policy, instance), Budget(samples=20), one))
    assert all(bool((found.cost <= one.cost).all()) for found in many)


# --------------------------------------------------------------------------------------------------
# Solvers


@pytest.mark.long
@pytest.mark.parametrize("solver", ["ortools", "pyvrp", "sisr"])
@pytest.mark.parametrize("text", [GOOD, TOTAL], ids=["min_max", "total"])
def test_solvers_find_the_optimum(solver: str, text: str) -> None:
    """With and without a start, the best of all plans is found."""
    case = files.read(text)
    every = every_solution(case, 5000)
    assert every is not None
    reports = [check(case, routes) for routes in every]
    least = min(report.cost for report in reports if report.feasible and report.cost is not None)
    warm.compile_kernels()  # the child reads them from the cache
    for start in (None, case.construct()):
        outcome = lanes.run(case, solver, time_limit=0.5, seed=1, start=start)
        report = check(case, outcome.solution)
        assert report.feasible, outcome.error
        assert report.cost == pytest.approx(least)


def test_a_fleet_needs_a_vehicle() -> None:
    """A file without vehicles is refused."""
    text = GOOD.replace("VEHICLES : 2\n", "").replace("\n1 5\n2 7.5\n", "\n")
    text = text.replace("VEHICLES_SPEED_SECTION\n1 1\n2 0.5\n", "")
    with pytest.raises(InstanceError, match=r"CAPACITY_SECTION.*there must be a vehicle"):
        files.read(text)


@pytest.mark.parametrize("objective", [files.MIN_MAX, files.TOTAL])
def test_ruin_and_recreate_is_never_worse_than_its_start_and_the_same_again(objective: str) -> None:
    """Routes told on the way are feasible and better and better, and equal steps end equally."""
    case = mixed(40, objective)
    start, told = case.construct(), []
    routes = classical.sisr(case, time_limit=None, seed=2, found=told.append, iterations=5000)
    costs = [check(case, better).cost for better in told]
    assert all(check(case, better).feasible for better in told)
    assert costs == sorted(costs, reverse=True)
    assert check(case, routes).violations == []
    assert check(case, routes).cost < 0.9 * check(case, start).cost
    assert routes == classical.sisr(case, time_limit=None, seed=2, iterations=5000)
    again = classical.sisr(case, time_limit=0.1, seed=3, start=routes)
    assert check(case, again).cost <= check(case, routes).cost * (1 + 1e-9)


def test_a_fleet_with_hardly_any_room_is_packed() -> None:
    """Two vehicles of 10 and two of 7 are filled in few ways only."""
    case = files.from_arrays(
        {
            "coords": np.random.default_rng(3).random((11, 2)),
            "demand": [0, 6, 4, 5, 3, 2, 4, 3, 3, 3, 1],
            "capacities": [10, 10, 7, 7],
            "fixed": [5.0, 5.0, 2.0, 2.0],
            "unit": [1.0, 1.0, 2.0, 2.0],
        }
    )
    assert case is not None
    routes = classical.sisr(case, time_limit=None, seed=1, iterations=20_000)
    assert check(case, routes).violations == []
    assert check(case, routes).cost < check(case, case.construct()).cost


def test_solve_both_objectives() -> None:
    """Without a network for the total cost the answer is a construction, and then PyVRP's."""
    fast, cheap = nco.solve([three(), files.read(TOTAL)])
    assert fast.feasible
    assert cheap.feasible
    assert cheap.model == "none"
    assert fast.routes == fast.solution
    better = nco.solve(files.read(TOTAL), time_limit=0.7)
    assert better.cost <= cheap.cost
    with pytest.raises(InstanceError, match="--model none"):
        HCVRP().load([files.read(TOTAL)])
    assert cards.choose(files.read(TOTAL)) is None


def test_a_picture_shows_the_vehicles() -> None:
    """There is a line for each trip, with its length and load, and one for the depot."""
    figure, ax = plt.subplots()
    plot(three(), [[1, 0, 3], [2]], ax)
    assert ax.get_title() == "three: cost 40, 2 of 2 vehicles"
    labels = ax.get_legend_handles_labels()[1]
    assert len(labels) == 3
    assert labels[2] == "depot"
    assert labels[:2] == [
        "vehicle 1: length 16, load 5",  # of two trips
        "vehicle 2: length 20, load 5 of 7.5",
    ]
    plt.close(figure)


def test_or_tools_gives_every_vehicle_its_own_speed() -> None:
    """The order in which a fleet is listed makes no difference to what it can do."""
    random = np.random.default_rng(0)
    data = {
        "coords": random.random((13, 2)),
        "demand": np.concatenate([[0], random.integers(1, 10, 12)]),
        "capacities": [30] * 4,
    }
    costs = []
    for speeds in ([1.0, 1.0, 0.25, 0.25], [1.0, 0.25, 1.0, 0.25]):
        case = files.from_arrays({**data, "speeds": speeds})
        assert case is not None
        costs.append(check(case, classical.ortools(case, time_limit=0.5, seed=0)).cost)
    assert costs[1] < 1.5 * costs[0]  # it was four times as much


@pytest.mark.parametrize("solver", ["ortools", "pyvrp"])
@pytest.mark.parametrize("factor", [1e-13, 1e7])
def test_the_unit_of_speeds_makes_no_difference(solver: str, factor: float) -> None:
    """Solvers count in integers, of which an unlucky unit would leave nothing."""
    random = np.random.default_rng(1)
    data = {
        "coords": random.random((13, 2)),
        "demand": np.concatenate([[0], random.integers(1, 10, 12)]),
        "capacities": [20] * 3,
    }
    speeds = np.array([1.0, 0.5, 0.75])
    costs = []
    for scale in (1.0, factor):
        case = files.from_arrays({**data, "speeds": speeds * scale})
        assert case is not None
        solve = getattr(classical, solver)
        costs.append(check(case, solve(case, time_limit=0.5, seed=0)).cost * scale)
    assert costs[1] == pytest.approx(costs[0], rel=0.02)


def test_or_tools_may_load_as_often_as_packing_needs() -> None:
    """Demands of which only two fit into a vehicle: more trips than their sum needs."""
    case = files.from_arrays(
        {
            "coords": np.random.default_rng(2).random((21, 2)),
            "demand": [0, *[34, 35] * 10],
            "capacities": [100],
        }
    )
    assert case is not None
    assert check(case, classical.ortools(case, time_limit=1.0, seed=0)).feasible
