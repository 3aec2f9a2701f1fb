"""Vehicle rebalancing: flows against an integer programme, the fleet's bookkeeping, files."""

import numpy as np
import pytest
import torch
from ortools.sat.python import cp_model

from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.bilevel import Bilevel
from nco.models.nets.network import GraphValue, SharesPolicy
from nco.problems.rebalancing import Rebalancing, RebalancingShares, files, flows, rules
from nco.problems.rebalancing.check import check
from nco.registry import folder

classical = folder("rebalancing").classical


def integer_programme(idle, wished, times):
    """The objective of the lower level, as stated and not as a flow, by CP-SAT."""
    model, count = cp_model.CpModel(), len(idle)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j and times[i, j] >= 0]
    sent = {pair: model.new_int_var(0, int(idle[pair[0]]), "") for pair in pairs}
    missing = [model.new_int_var(0, int(idle.sum() + wished.sum()), "") for _ in idle]
    for i in range(count):
        leaving = sum(sent[pair] for pair in pairs if pair[0] == i)
        arriving = sum(sent[pair] for pair in pairs if pair[1] == i)
        model.add(leaving <= int(idle[i]))
        model.add(arriving - leaving + missing[i] >= int(wished[i] - idle[i]))
    driven = sum(int(times[pair]) * sent[pair] for pair in pairs)
    model.minimize(driven + flows.MISSING * sum(missing))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


@pytest.mark.parametrize("seed", range(40))
def test_flows_have_the_integer_programmes_objective(seed):
    """40 random fleets of 4 to 11 regions, every other one on a sparse graph."""
    random = np.random.default_rng(seed)
    count = int(random.integers(4, 12))
    idle = random.integers(0, 9, count)
    share = random.dirichlet(np.full(count, 0.5))
    wished = np.floor(share * idle.sum()).astype(np.int64)
    times = random.integers(1, 9, (count, count))
    if seed % 2:
        times[random.random((count, count)) < 0.6] = -1  # no way
    sent, objective = flows.rebalance(idle, wished, times)
    assert objective == integer_programme(idle, wished, times)
    after = idle - sent.sum(1) + sent.sum(0)
    missing = np.maximum(wished - after, 0).sum()
    assert (sent.sum(1) <= idle).all()
    assert objective == (sent * np.maximum(times, 0)).sum() + flows.MISSING * missing
    if not seed % 2:
        assert missing == 0


def test_a_fleet_that_is_as_wished_stays():
    """Nothing is driven, and nothing paid."""
    idle = np.array([3, 0, 2])
    sent, objective = flows.rebalance(idle, idle, np.ones((3, 3), dtype=np.int64))
    assert not sent.any()
    assert objective == 0


def test_the_dearest_trips_are_served():
    """The problem's own matching, that on arrays, and an integer programme agree on the fares."""
    problem = Rebalancing(5, demand=4.0)
    instance = problem.generate(3, generator(0))
    state = problem.reset(instance, 1)
    served = problem.served(instance, state)[:, 0].numpy()
    for b, case in enumerate(problem.cases(instance)):
        asked = case.trips[0]
        found = flows.match(case.vehicles, asked, case.prices)
        assert np.array_equal(found, served[b])
        model = cp_model.CpModel()
        trips = {
            (i, j): model.new_int_var(0, int(asked[i, j]), "") for i in range(5) for j in range(5)
        }
        for i in range(5):
            model.add(sum(trips[i, j] for j in range(5)) <= int(case.vehicles[i]))
        cents = np.round(case.prices * 100).astype(int)
        model.maximize(sum(int(cents[pair]) * trips[pair] for pair in trips))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        assert solver.solve(model) == cp_model.OPTIMAL
        assert round(solver.objective_value) == (cents * found).sum()


def test_perfect_flows_are_feasible_and_bound_every_policy():
    """No rule earns more than the plan that knows all."""
    problem = Rebalancing(4, periods=10)
    instance = problem.generate(6, generator(1))
    cases = problem.cases(instance)
    known = []
    for case in cases:
        report = check(case, classical.hindsight(case, time_limit=None, seed=0))
        assert report.feasible
        known.append(report.objective)
    known = torch.tensor(known)
    earned = {}
    for name in ("stay", "equal"):
        policy = rules.policy(cases[0], {"rule": name})
        earned[name] = -rollout(problem, policy, instance, 1, greedy, logp=False).cost[:, 0]
        assert (earned[name] <= known + 1e-6).all()
    random = torch.rand(6, 1, 10, 32, generator=generator(2)) * 3
    assert (-problem.cost(instance, random)[:, 0] <= known + 1e-6).all()


def test_the_optimum_by_hand():
    """One vehicle at a; b asks for a trip to a in period 1, fare 5: sent empty at once, then home.

    Running costs 0.5 a period, each way takes one: 5 - 0.5 - 0.5.
    """
    trips = np.zeros((2, 2, 2))
    trips[1, 1, 0] = 1
    case = files.from_arrays(
        {
            "periods": 2,
            "running": 0.5,
            "vehicles": [1, 0],
            "times": [[1, 1], [1, 1]],
            "rates": [[0, 0], [0, 0]],
            "prices": [[0, 5], [5, 0]],
            "trips": trips,
        }
    )
    plan = flows.perfect(case, trips)
    report = check(case, plan)
    assert report.feasible
    assert report.objective == pytest.approx(4.0)
    assert plan[0][1] == [[0, 1], [0, 0]]
    assert plan[1][0] == [[0, 0], [1, 0]]


def test_shares_are_where_vehicles_end():
    """Of five idle vehicles in each of four regions, all are wished in the last."""
    problem = RebalancingShares(4, periods=6)
    instance = problem.generate(1, generator(3))
    instance = problem.mask_future(instance, -1)  # nobody asks
    state = problem.reset(instance, 1)
    moved = problem.amounts(instance, state, torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]))
    assert moved[0, 0, 1, :, 3].tolist() == [5, 5, 5, 0]
    for _ in range(2):  # the grid's farthest corner is two periods away
        state = problem.step(instance, state, torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]))
    assert state.idle[0, 0].tolist() == [0, 0, 0, 20]


def test_both_encodings_cost_the_same():
    """What shares come to is a plan of flows, which costs what the shares cost."""
    problem, plain = RebalancingShares(4, periods=6), Rebalancing(4, periods=6)
    instance = problem.generate(3, generator(4))
    shares = torch.rand(3, 1, 6, 4, generator=generator(5))
    plans = problem.solution(instance, shares[:, 0])
    again = plain.cost(instance, plain.actions(instance, plans)[:, None])
    assert torch.allclose(problem.cost(instance, shares), again)
    for case, plan in zip(problem.cases(instance), plans, strict=True):
        assert check(case, plan).feasible


def test_the_method_trains_through_flows(monkeypatch):
    """Policy and critic have gradients."""
    problem = RebalancingShares(4, periods=5)
    critic = GraphValue(width=8)
    method = Bilevel(problem, SharesPolicy(width=8, amounts=0), critic=critic)
    monkeypatch.setattr(method, "log", lambda *arguments, **options: None)
    loss = method.loss(problem.generate(4, generator(0)), generator(1))
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.policy.parameters())


def test_one_network_serves_any_number_of_regions():
    """The same weights play two and five regions."""
    policy = SharesPolicy(width=8, amounts=0).build(RebalancingShares.schema)
    for regions in (2, 5):
        problem = RebalancingShares(regions, periods=3)
        played = rollout(
            problem, policy, problem.generate(2, generator(0)), 1, sample(generator(1))
        )
        assert played.actions.shape == (2, 1, 3, regions)


def test_an_unknown_rule_is_named():
    """A rule that does not exist is refused."""
    with pytest.raises(NCOError, match="no rule to follow"):
        rules.policy(None, {"rule": "best"})


# ---- files and the checker

FLEET = """{"problem": "rebalancing", "name": "pair", "periods": 2, "running": 0.5,
 "vehicles": {"a": 2, "b": 0}, "times": [[1, 1], [2, 1]],
 "rates": [[0, 0.5], [1, 0]], "prices": [[0, 4], [6, 0]],
 "trace": [[[0, 1], [0, 0]], [[0, 3], [2, 0]]]}
"""
STILL = [[0, 0], [0, 0]]


def test_a_file_is_read_and_written_back():
    """Every field of a file survives, names of regions included."""
    case = files.read(FLEET)
    assert files.recognise(FLEET)
    again = files.read(files.write(case))
    for field in ("vehicles", "times", "rates", "prices", "trips"):
        assert np.array_equal(getattr(case, field), getattr(again, field))
    assert again.regions == ("a", "b")
    plan = [[STILL, STILL], [STILL, STILL]]
    assert files.read_solution(files.write_solution(case, plan, 0.0), case) == plan


def test_the_checker_prices_by_hand():
    """One trip and one empty vehicle a to b, then a trip back: 4 - 1 + 6 - 1."""
    plan = [[[[0, 1], [0, 0]], [[0, 1], [0, 0]]], [[[0, 0], [1, 0]], STILL]]
    report = check(files.read(FLEET), plan)
    assert report.feasible
    assert report.objective == pytest.approx(4 - 0.5 - 0.5 + 6 - 1)


@pytest.mark.parametrize(
    ("plan", "violation"),
    [
        ([[[[0, 2], [0, 0]], STILL], [STILL, STILL]], "period 0: 2 trips 0 to 1, but 1 asked for"),
        ([[STILL, [[0, 3], [0, 0]]], [STILL, STILL]], "3 vehicles leave region 0, but 2 are"),
        ([[STILL, STILL], [[[0, 0], [1, 0]], STILL]], "1 vehicles leave region 1, but 0 are"),
        ([[STILL, [[0, 0.5], [0, 0]]], [STILL, STILL]], "0.5 is no whole number"),
        ([[STILL, [[0, -1], [0, 0]]], [STILL, STILL]], "-1 is no whole number"),
        ([[STILL, STILL]], "for each of the 2 periods, not 1"),
        ([[STILL], [STILL, STILL]], "period 0: must be two tables of 2 by 2"),
        ([[STILL, [[0], [0]]], [STILL, STILL]], "period 0: must be two tables"),
        (3, "not int"),
    ],
)
def test_the_checker_flags(plan, violation):
    """Vehicles that are not there, and passengers who are not, are named."""
    report = check(files.read(FLEET), plan)
    assert not report.feasible
    assert violation in report.violations[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[2, 1]]", "[0, 1]]", r"times 0.0: entry \[1, 0\]: must be finite, positive"),
        ("[2, 1]]", "[1.5, 1]]", r"times 1.5: entry \[1, 0\]: must be a whole number"),
        ('"a": 2', '"a": -2', "vehicles.a -2: must be finite, not negative"),
        ("[1, 0]]", "[1, 0, 3]]", "rates"),
        ("0.5]", '"x"]', "rates"),
        ('"periods": 2', '"periods": 3', "trips .* must be"),
        ('"running": 0.5, ', "", "running: is missing|vehicles"),
        ('"name"', '"label"', "label: no such field"),
    ],
)
def test_defects_are_named(old, new, message):
    """A broken file is refused with field, value and reason."""
    text = FLEET.replace("\n", " ")
    assert old in text
    with pytest.raises(InstanceError, match=message):
        files.read(text.replace(old, new, 1), path="fleet.json")
