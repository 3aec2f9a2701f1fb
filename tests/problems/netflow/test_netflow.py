"""Supply chains: the lower level against its linear programme, perfect plans, rules, files."""

import math

import numpy as np
import pytest
import torch

from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.bilevel import Bilevel
from nco.models.nets.network import GraphValue, SharesPolicy
from nco.problems.netflow import SupplyChain, SupplyShares, files, flows, rules
from nco.problems.netflow.check import check
from nco.problems.netflow.problem import AHEAD, mean_demand
from nco.registry import folder

classical = folder("netflow").classical


# ---- the demand and the perfect plan, against figures computed elsewhere (HiGHS)


@pytest.mark.parametrize(
    ("stores", "profit", "revenue"), [(2, 2456, 4950), (3, 4715, 8100), (10, 12085, 25200)]
)
def test_perfect_plans_earn_what_the_literature_settings_allow(stores, profit, revenue):
    """The mean over 50 episodes elsewhere was 2456, 4715 and 12085, with deviations near 100."""
    problem = SupplyChain(stores)
    instance = problem.generate(12, generator(1))
    earned = []
    for case in problem.cases(instance):
        report = check(case, flows.perfect(case, case.demand))
        assert report.feasible
        earned.append(report.objective)
    noise = 100 / math.sqrt(12) + 100 / math.sqrt(50)
    assert np.mean(earned) == pytest.approx(profit, abs=3 * noise)
    # 30 periods of the mean demand at 15; the noise of a period is uniform on 0, 1, 2
    sold = float(instance.demand.sum((1, 2)).mean()) * 15
    spread = 15 * math.sqrt(30 * stores * 2 / 3 / 12)
    assert sold == pytest.approx(revenue, abs=4 * spread)
    assert float(mean_demand(instance)[0].sum()) * 450 == pytest.approx(revenue, rel=0.02)


def test_demand_by_hand():
    """Store 1 of 2 with peak 2 in period 0 of 30: round(1 + cos(8 pi / 30) + u)."""
    problem = SupplyChain(2)
    demand = problem.generate(300, generator(2)).demand
    swing = 1 + math.cos(4 * math.pi * 2 / 30)
    assert set(demand[:, 0, 1].tolist()) == {round(swing + noise) for noise in range(3)}
    swing = 8 + 8 * math.cos(4 * math.pi * (4 + 7) / 30)
    assert set(demand[:, 7, 2].tolist()) == {round(swing + noise) for noise in range(3)}


def test_no_plan_beats_the_perfect_one():
    """A plan that looks a few periods ahead earns no more than the one that knows all."""
    problem = SupplyChain(3, periods=12)
    instance = problem.generate(4, generator(3))
    for b, case in enumerate(problem.cases(instance)):
        best = check(case, classical.hindsight(case, time_limit=None, seed=0))
        ahead = check(case, classical.mpc(case, time_limit=None, seed=0))
        assert best.feasible
        assert ahead.feasible
        assert ahead.objective <= best.objective + 1e-6
        assert ahead.objective >= best.objective - 0.02 * abs(best.objective) - 20
        actions = torch.rand(1, 1, 12, 4, generator=generator(b)) * 12
        assert -float(problem.cost(instance[b : b + 1], actions)) <= best.objective


# ---- the lower level


@pytest.mark.parametrize("seed", range(12))
def test_the_closed_form_is_the_linear_programme(seed):
    """Flows of the lower level have GLOP's objective, from the states of random episodes."""
    problem = SupplyShares(3, periods=8)
    instance = problem.generate(1, generator(seed))
    state = problem.reset(instance, 1)
    random = generator("shares", seed)
    for _ in range(8):
        action = torch.rand(1, 1, 5, generator=random) * torch.tensor([1, 1, 1, 1, 2.5])
        wanted = problem.desired(instance, state, action)[0, 0].numpy()
        done = problem.amounts(instance, state, action)[0, 0].numpy()
        there = (state.stock + state.coming)[0, 0].numpy()
        demand = problem.window(instance, state.step)[0, 0, :2].sum(0)[1:].numpy()
        capacity = instance.capacity[0].numpy()
        found = flows.closest(wanted[1:], there, demand, capacity)
        over = np.maximum(there[1:] + done[1:] - demand - capacity[1:], 0).sum()
        objective = np.abs(done - wanted)[1:].sum() + flows.OVERFLOW * over
        assert objective == pytest.approx(found.objective, abs=1e-5)
        assert done[0] == wanted[0]
        state = problem.step(instance, state, action)


def test_a_reachable_desire_is_met_exactly():
    """What is wished for, and can be had, is made and sent."""
    problem = SupplyShares(2)
    instance = problem.generate(1, generator(0))
    state = problem.reset(instance, 1)
    state = problem.step(instance, state, torch.tensor([[[1.0, 0.0, 0.0, 1.0]]]))
    made = float(state.coming[0, 0, 0])
    assert made == 11  # the mean total demand of 1F2S
    action = torch.tensor([[[2 / 11, 4 / 11, 5 / 11, 0.0]]])
    found = problem.amounts(instance, state, action)[0, 0].tolist()
    assert found == pytest.approx([0, 4, 5], abs=1e-5)


def test_nothing_wished_nothing_moves():
    """Without a wish nothing is made and nothing is sent."""
    problem = SupplyShares(2)
    instance = problem.generate(1, generator(0))
    state = problem.reset(instance, 1)
    still = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
    assert problem.amounts(instance, state, still)[0, 0].tolist() == [0, 0, 0]


def test_more_than_there_is_is_shared_in_proportion():
    """Stores that ask for too much get the same share of it."""
    problem = SupplyChain(2)
    instance = problem.generate(1, generator(0))
    state = problem.step(instance, problem.reset(instance, 1), torch.tensor([[[9.0, 0, 0]]]))
    sent = problem.amounts(instance, state, torch.tensor([[[0.0, 12.0, 6.0]]]))
    assert sent[0, 0].tolist() == [0, 6, 3]


# ---- rules and the method


def test_order_up_to_orders_up_to():
    """Stock and orders on the way are filled up to the level where there is enough."""
    problem = SupplyChain(2)
    case = problem.cases(problem.generate(1, generator(1)))[0]
    policy = rules.policy(case, {"rule": "order_up_to", "store": 5, "factory": 12})
    instance = problem.load([case])
    played = rollout(problem, policy, instance, 1, greedy, logp=False)
    plan = problem.solution(instance, played.actions[:, 0])[0]
    assert plan[0] == [12, 0, 0]  # nothing there yet: produce up to the level
    first = case.demand[0]
    wanted = 5 + first  # the backlog of the first period on top
    share = min(1.0, 12 / wanted.sum())
    assert plan[1][1:] == pytest.approx((wanted * share).tolist(), rel=1e-3)
    assert check(case, plan).feasible


def test_levels_are_searched_for():
    """The search finds levels no worse than those of the published code, on other traces."""
    problem = SupplyChain(2)
    instance = problem.generate(100, generator(4))
    case = problem.cases(instance)[0]
    found = classical.order_up_to(case, time_limit=None, seed=0)

    def cost(solution):
        policy = rules.policy(case, solution)
        return float(rollout(problem, policy, instance, 1, greedy, logp=False).cost.mean())

    assert cost(found) <= cost({"rule": "order_up_to", "store": 16, "factory": 19}) + 20
    with pytest.raises(NCOError, match="no rule to follow"):
        rules.policy(case, {"rule": "order_up_to"})


def test_advantages_by_hand():
    """Generalised advantages are those computed on paper."""
    method = Bilevel(SupplyShares(2), SharesPolicy(width=8), discount=0.5, credit=0.5)
    step_costs, values = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[4.0, 6.0]]])
    # errors: 1 + 0.5 * 6 - 4 = 0 and 2 - 6 = -4; the first hears a quarter of the second
    assert method._advantages(step_costs, values).tolist() == [[[-1.0, -4.0]]]


def test_the_method_learns(monkeypatch):
    """A few dozen steps of a small network make it much better than it was."""
    problem = SupplyShares(2, periods=10)
    critic = GraphValue(width=16)
    method = Bilevel(problem, SharesPolicy(width=16), critic=critic)
    monkeypatch.setattr(method, "log", lambda *arguments, **options: None)
    optimizer = torch.optim.Adam(method.parameters(), lr=5e-3)
    test = problem.generate(64, generator("test"))

    def cost():
        with torch.no_grad():
            played = rollout(problem, method.policy, test, 1, greedy, logp=False)
        return float(played.cost.mean())

    before = cost()
    for step in range(30):
        batch = problem.generate(32, generator("train", step))
        loss = method.loss(batch, generator("loss", step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert cost() < before - 0.2 * abs(before)


def test_an_untrained_wish_is_just_in_time():
    """Untrained, shares are in proportion to what stores lack; made is what is needed."""
    problem = SupplyShares(2)
    policy = SharesPolicy(width=8, lack="lack", need="factory_lacks").build(problem.schema)
    instance = problem.generate(1, generator(1))
    played = rollout(problem, policy, instance, 1, greedy, logp=False)
    plan = problem.solution(instance, played.actions[:, 0])[0]
    demand = problem.cases(instance)[0].demand
    made = demand[:3].sum()
    assert plan[0] == pytest.approx([made, 0, 0], abs=0.05)
    lacked = demand[:3].sum(0)  # in period 1, with the demand of 2 known and nothing there
    sent = made * lacked / lacked.sum()
    assert plan[1][1:] == pytest.approx(sent.tolist(), abs=0.4)  # a little is kept


def test_one_network_serves_any_number_of_stores():
    """The same weights play chains of one, two and five stores."""
    policy = SharesPolicy(width=8).build(SupplyShares.schema)
    for stores in (1, 2, 5):
        problem = SupplyShares(stores, periods=4)
        instance = problem.generate(2, generator(stores))
        played = rollout(problem, policy, instance, 1, sample(generator(0)))
        assert played.actions.shape == (2, 1, 4, stores + 2)
        assert played.logp.isfinite().all()


def test_padding_does_not_change_a_network():
    """A case of two stores among cases of three is decided on as alone."""
    policy = SharesPolicy(width=8).build(SupplyShares.schema)
    cases = [
        case
        for stores in (2, 3)
        for case in SupplyChain(stores).cases(SupplyChain(stores).generate(1, generator(7)))
    ]
    problem = SupplyShares()
    together, alone = problem.load(cases), problem.load(cases[:1])
    costs = [
        rollout(problem, policy, instance, 1, greedy, logp=False).cost[0, 0].item()
        for instance in (together, alone)
    ]
    assert costs[0] == pytest.approx(costs[1], rel=1e-3)


# ---- files and the checker

CHAIN = """problem: netflow
name: two
periods: 3
price: 15
production: 5
penalty: 22.5
factory: {capacity: 20, storage: 3}
stores:
  north: {capacity: 9, storage: 2, shipping: 0.3, demand: {peak: 2, noise: 2}}
  south: {capacity: 12, storage: 1, shipping: 0.6, demand: {peak: 16, noise: 2}}
trace: [[1, 2], [0, 3], [1, 4]]
"""


def test_the_checker_prices_by_hand():
    """Make 10; ship 3 and 5; arrive. Backlog 3 and then 6, three owed units less, then stock."""
    report = check(files.read(CHAIN), [[10, 0, 0], [0, 3, 5], [0, 0, 0]])
    first = 15 * 3 - 5 * 10 - 22.5 * 3
    second = 15 * 3 - 0.3 * 3 - 0.6 * 5 - 3 * 2 - 22.5 * 6
    third = 15 * 5 - 3 * 2 - 2 * 1 - 22.5 * 4
    assert report.feasible
    assert report.objective == pytest.approx(first + second + third)


@pytest.mark.parametrize(
    ("plan", "violation"),
    [
        ([[10, 1, 0], [0, 0, 0], [0, 0, 0]], "period 0: 1 are shipped, but 0 there"),
        ([[10, 0, 0], [0, 8, 3], [0, 0, 0]], "period 1: 11 are shipped, but 10 there"),
        ([[-1, 0, 0], [0, 0, 0], [0, 0, 0]], "period 0: an amount must be at least 0, not -1"),
        ([[0, 0, 0], [0, 0, 0]], "must hold a row for each of the 3 periods, not 2"),
        ([[0, 0], [0, 0, 0], [0, 0, 0]], "period 0: must be 3 amounts"),
        ([[0, 0, math.nan], [0, 0, 0], [0, 0, 0]], "not nan"),
        ("plan", "not str"),
    ],
)
def test_the_checker_flags(plan, violation):
    """Amounts that are not there, negative or missing are named with their period."""
    report = check(files.read(CHAIN), plan)
    assert not report.feasible
    assert violation in report.violations[0]


def test_a_file_is_read_and_written_back():
    """Every field of a file survives, names of stores included."""
    case = files.read(CHAIN)
    assert files.recognise(CHAIN)
    again = files.read(files.write(case))
    for field in ("capacity", "storage", "shipping", "peak", "noise", "demand"):
        assert np.array_equal(getattr(case, field), getattr(again, field))
    assert again.stores == ("north", "south")
    plan = [[1.5, 0, 0]] * 3
    assert files.read_solution(files.write_solution(case, plan, 1.0), case) == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "periods: 3",
            "periods: 4",
            "trace 3: must list a row of demands for each of the 4",
        ),
        ("[0, 3]", "[0]", "period 1: must be a demand for each of the 2 stores"),
        ("[0, 3]", "[0, many]", "trace: period 1, south many: must be a number"),
        ("[0, 3]", "[0, -3]", "trace: period 1, south -3: must be finite, not negative"),
        ("penalty: 22.5", "penalty: .inf", "penalty inf: must be finite"),
        ("penalty: 22.5\n", "", "penalty: is missing"),
        ("shipping: 0.3, ", "", "stores.north .*must hold exactly"),
        ("noise: 2}}\ntr", "noise: 1.5}}\ntr", r"noise 1.5: entry \[1\]: must be a whole number"),
        ("storage: 3", "storage: -3", "factory.storage -3: must be finite, not negative"),
        ("name: two", "lead: 2", "lead: no such field"),
    ],
)
def test_defects_are_named(old, new, message):
    """A broken file is refused with field, value and reason."""
    assert old in CHAIN
    with pytest.raises(InstanceError, match=message):
        files.read(CHAIN.replace(old, new, 1), path="chain.yaml")


def test_only_the_next_periods_are_known():
    """Demand beyond the forecast is masked."""
    problem = SupplyChain(2)
    instance = problem.generate(1, generator(0))
    known = problem.mask_future(instance, 4)
    assert torch.equal(known.demand[:, : 4 + AHEAD], instance.demand[:, : 4 + AHEAD])
    assert not known.demand[:, 4 + AHEAD :].any()
