"""Inventory networks: files, simulator, checker, exact references, rules and networks."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nco
from nco.benchmark import Plan, compare, save
from nco.core.defaults import resize
from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.hdpo import HDPO
from nco.models.nets import GraphFlow, SymmetricFlow, VanillaFlow
from nco.problems.inventory import Inventory, classical, exact, files, fit, rules
from nco.problems.inventory.check import check, simulate
from nco.problems.inventory.levels import BaseStock
from nco.problems.inventory.network import outline
from nco.problems.tsp import TSP
from nco.solving.simulate import next_action
from nco.solving.simulate import simulate as evaluate
from nco.workers import lanes
from nco.zoo import weights

STORE = {"holding": 1, "penalty": 4, "unmet": "lost", "demand": {"poisson": 5}}
EDGE = {"from": "supplier", "to": "store", "lead_time": 2}


def case(**changes: Any) -> files.Case:
    """One lost-sales store, with changes at the top level."""
    found = files.from_arrays({"nodes": {"store": STORE}, "edges": [EDGE], **changes})
    assert found is not None
    return found


def store(**changes: Any) -> files.Case:
    return case(nodes={"store": {**STORE, **changes}})


def example(name: str) -> files.Case:
    found = nco.read(f"example:inventory/{name}.yaml")
    assert isinstance(found, files.Case)
    return found


# ---- exact references; the figures were computed elsewhere, not by this code


@pytest.mark.parametrize(
    ("lead", "penalty", "level", "cost"),
    [
        (1, 4, 11.90, 3.1666),
        (4, 9, 29.58, 6.2769),
        (10, 19, 63.72, 10.9420),
        (20, 39, 119.38, 17.13),
    ],
)
def test_newsvendor(lead: int, penalty: int, level: float, cost: float) -> None:
    """Level and cost are those of the newsvendor's formula, and no other level is cheaper."""
    found = exact.newsvendor(example(f"backlogged_L{lead}_p{penalty}"))
    assert found[0] == pytest.approx(level, abs=0.02)
    assert found[1] == pytest.approx(cost, rel=1e-3)
    case = example(f"backlogged_L{lead}_p{penalty}")
    costs = [exact.base_stock_cost(case, found[0] + step) for step in (-0.5, 0.0, 0.5)]
    assert costs[1] == pytest.approx(found[1]) == min(costs)


ZIPKIN = {
    ("poisson", 1): (4.0407, 5.4382, 6.6757, 7.8359),
    ("poisson", 2): (4.3953, 6.0936, 7.6644, 9.1064),
    ("poisson", 3): (4.5987, 6.5314, 8.3625, 10.0385),
    ("geometric", 1): (9.8175, 14.5082, 19.2179, 23.8657),
    ("geometric", 2): (10.2402, 15.5029),
}


@pytest.mark.parametrize(("kind", "lead"), ZIPKIN)
def test_value_iteration_of_lost_sales(kind: str, lead: int) -> None:
    """The optima are those of Zipkin (2008), table 1."""
    for penalty, cost in zip((4, 9, 19, 39), ZIPKIN[kind, lead], strict=False):
        model = exact.LostSales.of(example(f"lost_{kind}_L{lead}_p{penalty}"))
        assert model.optimum() == pytest.approx(cost, abs=2e-4)


@pytest.mark.parametrize(
    ("name", "base_stock", "capped"),
    [
        ("lost_poisson_L1_p4", (4.163, 12), (4.065, 12, 6)),
        ("lost_poisson_L1_p39", (7.863, 16), (7.842, 16, 9)),
        ("lost_poisson_L2_p9", (6.316, 19), (6.119, 19, 6)),
        ("lost_poisson_L2_p39", (9.190, 22), (9.133, 22, 8)),
    ],
)
def test_best_rules_of_lost_sales(
    name: str, base_stock: tuple[float, int], capped: tuple[float, int, int]
) -> None:
    """The best base-stock and capped base-stock rules have known costs and levels."""
    model = exact.LostSales.of(example(name))
    assert model.best_base_stock() == (pytest.approx(base_stock[0], abs=6e-4), base_stock[1])
    assert model.best_capped() == (pytest.approx(capped[0], abs=6e-4), *capped[1:])


@pytest.mark.parametrize(
    ("name", "cost", "levels"),
    [
        ("serial_L1_p9", 8.3670, (14.65, 32.55, 56.80, 67.35)),
        ("serial_L2_p39", 11.9132, None),
        ("serial_L4_p4", 8.7527, None),
        ("serial_L4_p9", 10.7341, (32.35, 49.00, 72.80, 83.20)),
    ],
)
def test_clark_scarf(name: str, cost: float, levels: tuple[float, ...] | None) -> None:
    """Cost and echelon levels are those known of the serial systems."""
    found, by_node = exact.clark_scarf(example(name))
    assert found == pytest.approx(cost, abs=2e-4)
    if levels is not None:
        assert list(by_node.values()) == pytest.approx(list(levels), abs=0.06)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("n3_L2_p4_rho0", 5.1514),
        ("n3_L6_p9_rho5", 9.6753),
        ("n5_L2_p9_rho0", 5.7561),
        ("n5_L6_p9_rho5", 8.9886),
    ],
)
def test_transshipment_bound(name: str, bound: float) -> None:
    """The bound for each store is the known one."""
    network = example(f"transshipment_{name}")
    assert exact.transshipment_bound(network) / network.size == pytest.approx(bound, abs=2e-4)


@pytest.mark.parametrize("reference", ["newsvendor", "clark_scarf", "transshipment_bound"])
def test_references_refuse_other_systems(reference: str) -> None:
    """An exact method raises for a system that it is not for."""
    with pytest.raises(InstanceError):
        getattr(exact, reference)(case())
    with pytest.raises(InstanceError, match="one store"):
        exact.LostSales.of(example("one_warehouse_n3"))


# ---- the simulator


def plays(network: files.Case, orders: Any) -> tuple[float, Any]:
    """The cost by tensors and by the checker's books."""
    problem = Inventory()
    instance = problem.load([network])
    actions = problem.actions(instance, [orders])[:, None]
    report = check(network, problem.solution(instance, actions[:, 0])[0])
    assert report.violations == []
    assert report.cost is not None
    found = float(problem.cost(instance, actions))
    assert report.cost == pytest.approx(found, rel=1e-5, abs=1e-5)
    return found, simulate(network, orders)


def test_lost_sales_by_hand() -> None:
    """Stock 4, demands 3, 3, 3; 2 ordered at once arrive in the second period."""
    network = case(
        nodes={"store": {**STORE, "stock": 4}},
        edges=[{**EDGE, "lead_time": 1}],
        trace={"store": [3, 3, 3]},
    )
    cost, books = plays(network, [[2.0], [0.0], [0.0]])
    # ends with 1; 3 - 3 = 0; 0 - 3 lost: 1 + 0 + 12
    assert cost == pytest.approx(13 / 3)
    assert books.stock == [[1.0], [0.0], [0.0]]
    assert books.sold == [[3.0], [3.0], [0.0]]


def test_backlog_by_hand() -> None:
    """The backlog is paid in every period that it lasts, and served first."""
    network = case(
        nodes={"store": {**STORE, "unmet": "backlogged"}},
        edges=[{**EDGE, "lead_time": 1}],
        trace={"store": [2, 0, 1]},
    )
    cost, books = plays(network, [[0.0], [4.0], [0.0]])
    assert books.stock == [[-2.0], [-2.0], [1.0]]
    assert cost == pytest.approx((4 * 2 + 4 * 2 + 1) / 3)


def test_without_lead_time_goods_are_there_before_demand() -> None:
    """An order of the same period serves its demand."""
    network = case(edges=[{**EDGE, "lead_time": 0}], trace={"store": [5, 2]})
    assert plays(network, [[5.0], [2.0]])[0] == pytest.approx(0.0, abs=1e-6)


def chain_of(**depot: Any) -> dict[str, Any]:
    shop = {"holding": 1, "penalty": 10, "demand": {"poisson": 2}}
    return {
        "nodes": {"one": shop, "two": shop, "depot": {"holding": 0.5, "stock": 6, **depot}},
        "edges": [
            {"from": "depot", "to": "one", "lead_time": 0, "cost": 0.25},
            {"from": "depot", "to": "two", "lead_time": 0},
            {"from": "supplier", "to": "depot", "lead_time": 1, "cost": 2},
        ],
        "trace": {"one": [2, 2], "two": [2, 2]},
    }


def test_what_is_short_is_rationed_in_proportion() -> None:
    """6 are there and 3 + 9 ordered: 1.5 and 4.5 are sent; edges cost what they carry."""
    network = files.from_arrays(chain_of())
    assert network is not None
    cost, books = plays(network, [[3.0, 9.0, 1.0], [0.0, 0.0, 0.0]])
    assert books.shipped[0] == [1.5, 4.5, 1.0]
    first = 0.5 * 10 + 2.5 * 1 + 1.5 * 0.25 + 1 * 2
    second = 2.5 * 10 + 0.5 * 1 + 0.5 * 1  # backlog grows to 2.5; two keeps .5; the depot's 1
    assert cost == pytest.approx((first + second) / 2)


def test_a_cross_dock_sends_all_it_has() -> None:
    """In proportion to orders, or equally where there are none."""
    network = files.from_arrays(chain_of(keeps_stock=False))
    assert network is not None
    assert plays(network, [[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])[1].shipped[0] == [2.0, 4.0, 0.0]
    equal = plays(network, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])[1].shipped[0]
    assert equal == pytest.approx([3.0, 3.0, 0.0])


def test_profit_is_a_negative_cost() -> None:
    """Sales at a price are subtracted, and the objective is what was earned in all."""
    network = case(
        nodes={"store": {"holding": 1, "price": 3, "unmet": "lost", "stock": 4}},
        history={"store": [2, 3, 4]},
        trace={"store": [3, 3]},
    )
    plan = [[0.0], [0.0]]
    assert plays(network, plan)[0] == pytest.approx((1 - 9 + 0 - 3) / 2)
    assert check(network, plan).objective == pytest.approx(5.5)


def test_the_gradient_is_that_of_differences() -> None:
    """In double precision, away from kinks: random orders lie on none."""
    problem = Inventory(periods=6)
    instance = problem.generate(2, generator(3))
    instance = instance.map(lambda t: t.double() if t.is_floating_point() else t)
    shape = 2, 1, 6, instance.source.shape[1]
    actions = 0.3 + torch.rand(shape, generator=generator(4), dtype=torch.double)

    def cost(orders: torch.Tensor) -> torch.Tensor:
        return problem.cost(instance, orders)

    assert torch.autograd.gradcheck(cost, actions.requires_grad_(), eps=1e-7, atol=1e-5)


def test_padding_changes_no_cost() -> None:
    """A network costs the same in a batch with larger ones as alone."""
    problem = Inventory(periods=8)
    parts = [resize(problem, n).generate(1, generator(n)) for n in (2, 5, 3)]
    known = [c for part in parts for c in problem.cases(part)]
    together = problem.load(known)
    assert together.exists is not None
    for b, part in enumerate(parts):
        links = part.source.shape[1]
        actions = torch.rand(1, 1, 8, links, generator=generator(9))
        wide = torch.rand(3, 1, 8, together.source.shape[1], generator=generator(8))
        wide[b, :, :, :links] = actions[0]
        found = problem.cost(together, wide)[b]
        assert torch.allclose(problem.cost(part, actions)[0], found, rtol=1e-5)


@pytest.mark.parametrize(
    "policy", [GraphFlow(8), SymmetricFlow(8, [8])], ids=["graph", "symmetric"]
)
def test_one_network_fits_any_number_of_stores(policy: Any) -> None:
    """Padded or alone, a network decides the same; it was built for no number of nodes."""
    problem = Inventory(periods=4)
    torch.manual_seed(0)
    policy.build(problem.schema)
    for parameter in policy.parameters():  # not the newsvendor that it begins as
        torch.nn.init.normal_(parameter, std=0.3)
    parts = [resize(problem, n).generate(1, generator(n)) for n in (2, 5)]
    together = problem.load([c for part in parts for c in problem.cases(part)])
    with torch.no_grad():
        wide = rollout(problem, policy, together, 1, greedy)
        for b, part in enumerate(parts):
            alone = rollout(problem, policy, part, 1, greedy)
            assert torch.allclose(alone.cost[0], wide.cost[b], rtol=1e-4)


# ---- demand


def drawn(network: files.Case, periods: int = 400, count: int = 200) -> np.ndarray:
    instance = Inventory().traces(replace(network, periods=periods), count, generator(1))
    found: np.ndarray = instance.demand.flatten(0, 1).double().numpy()
    return found


def test_moments_of_demand() -> None:
    """Means and variances of 80,000 periods within a percent or so."""
    poisson = drawn(store())[:, 0]
    assert (poisson.mean(), poisson.var()) == pytest.approx((5, 5), rel=0.02)
    geometric = drawn(store(demand={"geometric": 5}))[:, 0]
    assert (geometric.mean(), geometric.var()) == pytest.approx((5, 30), rel=0.03)
    assert (geometric == 0).mean() == pytest.approx(1 / 6, rel=0.03)
    clipped = drawn(store(demand={"normal": {"mean": 5, "sd": 2}}))[:, 0]
    assert clipped.min() == 0
    assert clipped.mean() == pytest.approx(5.004, abs=0.03)
    free = drawn(store(demand={"normal": {"mean": 1, "sd": 2, "clip": False}}))[:, 0]
    assert free.min() < -3


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.7])
def test_correlation_of_demand(rho: float) -> None:
    """The demands of all pairs of stores have the correlation that the file states."""
    shop = {"holding": 1, "penalty": 4, "demand": {"normal": {"mean": 9, "sd": 1}}}
    edges = [{"from": "supplier", "to": name, "lead_time": 1} for name in "abc"]
    network = files.from_arrays(
        {"nodes": dict.fromkeys("abc", shop), "edges": edges, "correlation": rho}
    )
    assert network is not None
    found = np.corrcoef(drawn(network, 100, 400).T)
    assert found[~np.eye(3, dtype=bool)] == pytest.approx([rho] * 6, abs=0.03)


def test_a_history_is_drawn_in_blocks() -> None:
    """Blocks of consecutive periods are kept, and every period can be drawn."""
    network = case(
        nodes={"store": {"holding": 1, "penalty": 4}},
        history={"store": list(range(1, 21))},
        block=4,
    )
    demand = drawn(network, 12, 50)[:, 0].reshape(50, 3, 4)
    assert (np.diff(demand, axis=2) == 1).all()
    assert set(demand.flatten()) == set(range(1, 21))


# ---- policies


@pytest.mark.long
def test_simulated_rules_cost_what_theory_says() -> None:
    """Newsvendor, Clark-Scarf and a capped rule, each within four standard errors."""
    problem = Inventory()
    model = exact.LostSales.of(case())
    tests: list[tuple[files.Case, dict[str, Any], float]] = [
        (case(), {"rule": "capped_base_stock", "levels": {"store": 17}, "caps": {"store": 5}}, 0.0),
        (example("backlogged_L4_p9"), {}, 6.2769),
        (example("serial_L1_p4"), {}, 6.8988),
    ]
    for network, rule, cost in tests:
        if not rule:
            solver = classical.echelon_stock if len(network.nodes) > 1 else classical.newsvendor
            rule = solver(network, time_limit=None, seed=0) or {}
        short = replace(network, periods=160, warmup=60)
        found = evaluate(problem, rules.policy(network, rule), short, traces=600, seed=2)
        assert found.violations == []
        expected = cost or model.capped(17, 5)
        assert abs(found.cost - expected) < 4 * found.cost_standard_error
        assert found.cost_standard_error < 0.02 * expected


@pytest.mark.long
def test_the_pathwise_gradient_finds_the_best_level() -> None:
    """From 3 units off, to within 3 % of the newsvendor's level for one backlogged store."""
    name = "example:inventory/backlogged_L1_p9.yaml"
    problem = Inventory(networks=[name], periods=24)
    method = HDPO(problem, BaseStock(level=1.5, ignore=["nodes", "links", "dynamic"]))
    method.log = lambda *arguments, **options: None  # type: ignore[method-assign]
    optimizer = torch.optim.Adam(method.policy.parameters(), lr=0.08)
    for step in range(60):
        optimizer.zero_grad()
        method.loss(problem.generate(32, generator(step)), generator(0)).backward()
        optimizer.step()
    level = method.policy.level.item() * 5
    assert level == pytest.approx(exact.newsvendor(example("backlogged_L1_p9"))[0], rel=0.05)


@pytest.mark.long
def test_fitted_levels_beat_a_newsvendors() -> None:
    """Levels fitted by gradient are cheaper than each store's own newsvendor."""
    network = example("one_warehouse_n3")
    problem, short = Inventory(), replace(network, periods=70, warmup=30)
    costs = {}
    for name, rule in (
        ("newsvendor", classical.newsvendor(network, time_limit=None, seed=0)),
        ("fitted", fit.fitted(network, seed=0, kind=fit.Kind(echelon=True), steps=20)),
    ):
        costs[name] = evaluate(problem, rules.policy(network, rule), short, traces=100).cost
    assert costs["fitted"] < 0.98 * costs["newsvendor"]


def test_amounts_cannot_be_optimised_where_there_are_none() -> None:
    """HDPO refuses a problem whose actions are choices."""
    with pytest.raises(ValueError, match="TSP has no amounts"):
        HDPO(TSP(5), VanillaFlow())


def test_noise_makes_a_network_explore() -> None:
    """Rollouts of one instance differ, and each step has a log-probability."""
    problem = Inventory(networks=["example:inventory/lost_poisson_L1_p4.yaml"], periods=5)
    policy = VanillaFlow(noise=0.2).build(problem.schema)
    played = rollout(problem, policy, problem.generate(2, generator(0)), 4, sample(generator(1)))
    assert played.logp is not None
    assert played.logp.shape == (2, 4, 5)
    assert len(played.cost[0].unique()) == 4


@pytest.mark.parametrize(
    ("solution", "words"),
    [
        ({"rule": "magic"}, "not a rule"),
        ({"rule": "base_stock"}, "levels: must map nodes"),
        ({"rule": "base_stock", "levels": {"shop": 3}}, "levels shop: an unknown node"),
        ([[1.0]], "not a rule"),
    ],
)
def test_unknown_rules_are_refused(solution: Any, words: str) -> None:
    """A rule that does not exist, or lacks its numbers, is refused with the reason."""
    with pytest.raises(InstanceError, match=words):
        rules.policy(case(), solution)


# ---- plans with perfect information


def test_hindsight_is_the_best_of_all_plans() -> None:
    """Every whole plan of a small trace is priced by the checker; none is cheaper."""
    network = case(
        nodes={"store": {**STORE, "stock": 1, "penalty": 1.5}},
        edges=[{**EDGE, "lead_time": 1, "cost": 0.6}],
        trace={"store": [2, 0, 3, 1]},
    )
    plans = itertools.product(range(5), repeat=4)
    costs = [check(network, [[float(q)] for q in plan]).cost for plan in plans]
    found = classical.hindsight(network, time_limit=None, seed=0)
    assert check(network, found).cost == pytest.approx(min(c for c in costs if c is not None))


@pytest.mark.parametrize("name", ["many_warehouses_n10", "transshipment_n3_L2_p4_rho5"])
def test_hindsight_is_no_dearer_than_just_in_time(name: str) -> None:
    """The plan with perfect information costs no more than any other."""
    network = replace(example(name), periods=25, warmup=0)
    problem = Inventory()
    (known,) = problem.cases(problem.traces(network, 1, generator(0)))
    best = check(known, classical.hindsight(known, time_limit=None, seed=0))
    timely = check(known, classical.just_in_time(known, time_limit=None, seed=0))
    assert best.cost is not None
    assert timely.cost is not None
    assert best.cost <= timely.cost + 1e-6
    if name.startswith("many"):  # the fast warehouse costs more: just in time pays for it
        assert best.cost < 0.95 * timely.cost


def test_just_in_time_leaves_no_stock_and_no_shortage() -> None:
    """Every period's order arrives as that period's demand."""
    network = case(trace={"store": [4.0, 7.0, 2.0, 5.0]})
    plan = classical.just_in_time(network, time_limit=None, seed=0)
    assert plan == [[2.0], [5.0], [0.0], [0.0]]
    assert simulate(network, plan).stock == [[0.0]] * 4


def test_plans_need_a_trace() -> None:
    """Without a known future there is nothing to plan and nothing to check."""
    assert classical.hindsight(case(), time_limit=None, seed=0) is None
    assert classical.just_in_time(case(), time_limit=None, seed=0) is None
    assert check(case(), [[1.0]]).violations


# ---- the checker


def known(whole: bool = True) -> files.Case:
    return case(trace={"store": [4, 7, 2]}, whole_units=whole)


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([[1.0], [2.0]], "3 periods of orders, not 2"),
        ([[1.0], [2.0, 3.0], [0.0]], "period 1 must list an order for each of 1 edges"),
        ([[1.0], [-2.0], [0.0]], "period 1, edge supplier -> store: an order must not be negative"),
        ([[1.0], [float("nan")], [0.0]], "must be a finite number"),
        ([[1.0], ["x"], [0.0]], "must be a finite number"),
        ([[1.0], [True], [0.0]], "must be a finite number"),
        ([[1.0], [2.5], [0.0]], "must be a whole number, not 2.5"),
        ({"rule": "base_stock"}, "rules are simulated"),
        (None, "not NoneType"),
    ],
)
def test_the_checker_flags(orders: Any, words: str) -> None:
    """Each defect of a plan is named with its period."""
    report = check(known(), orders)
    assert not report.feasible
    assert words in " ".join(report.violations)


def test_the_checker_prices_every_change() -> None:
    """Another order changes the cost, unless it arrives after the end."""
    network = known(whole=False)
    cost = check(network, [[4.0], [5.0], [0.0]]).cost
    changed = check(network, [[4.5], [5.0], [0.0]])
    assert changed.feasible
    assert changed.cost != cost
    assert check(network, [[4.0], [5.5], [0.0]]).cost == cost  # what arrives after the end


def test_a_wrong_simulation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holding stock for nothing would be noticed by the checker's own books."""
    step = Inventory.step

    def free(self: Inventory, instance: Any, state: Any, action: Any) -> Any:
        return step(self, replace(instance, holding=instance.holding * 0), state, action)

    monkeypatch.setattr(Inventory, "step", free)
    problem = Inventory()
    rule = {"rule": "base_stock", "levels": {"store": 20}}
    short = replace(case(), periods=40, warmup=10)
    found = evaluate(problem, rules.policy(case(), rule), short, traces=2)
    assert "was simulated" in found.violations[0]


# ---- files

TEXT = """problem: inventory
nodes:
  store: {holding: 1, penalty: 4, unmet: lost, demand: {poisson: 5}}
edges:
  - {from: supplier, to: store, lead_time: 2}
"""


def test_the_shortest_file() -> None:
    """A file of one store is recognised and read; other texts are not recognised."""
    found = files.read(TEXT, path="net.yaml")
    assert (found.name, found.size, found.whole) == ("net", 1, True)
    assert files.recognise(TEXT)
    assert files.recognise('{"problem": "inventory", "nodes": {}}')
    assert not files.recognise("NAME: x\nTYPE: TSP\n")
    assert not files.recognise("")


@pytest.mark.parametrize(
    "name",
    ["lost_geometric_L3_p9", "serial_L2_p4", "transshipment_n3_L2_p4_rho5", "many_warehouses_n10"],
)
def test_written_files_read_back(name: str) -> None:
    """Writing and reading again changes no number, with a trace or without."""
    first = example(name)
    second = files.read(files.write(first))
    for field in ("holding", "penalty", "mean", "sd", "source", "target", "lead", "cost", "keeps"):
        assert np.array_equal(getattr(first, field), getattr(second, field))
    assert files.write(first) == files.write(second)
    (with_trace,) = Inventory().cases(
        Inventory().traces(replace(first, periods=7), 1, generator(0))
    )
    again = files.read(files.write(with_trace))
    assert again.trace is not None
    assert np.array_equal(again.trace, with_trace.trace)


def nodes(**changes: Any) -> dict[str, Any]:
    return {"nodes": {"store": {**STORE, **changes}}}


def edges(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"edges": list(rows)}


LOOP = {
    "nodes": {"store": STORE, "depot": {}, "hub": {}},
    "edges": [
        EDGE,
        {"from": "supplier", "to": "hub", "lead_time": 1},
        {"from": "hub", "to": "depot", "lead_time": 0},
        {"from": "depot", "to": "hub", "lead_time": 0},
    ],
}
DEFECTS: list[tuple[dict[str, Any], str]] = [
    (LOOP, "edges depot, hub: a cycle without lead time"),
    (edges({**EDGE, "to": "shop"}), "edge supplier -> shop shop: an unknown node"),
    (edges({**EDGE, "from": "depot"}), "edge depot -> store depot: an unknown node"),
    (edges({**EDGE, "lead_time": -1}), "edge supplier -> store lead_time -1: must not be below 0"),
    (edges({**EDGE, "lead_time": 1.5}), "lead_time 1.5: must be a whole number"),
    (edges({**EDGE, "cost": -2}), "edge supplier -> store cost -2: must not be below 0"),
    (edges({**EDGE, "cots": 2}), "edge 1 cots: an unknown key"),
    (edges(EDGE, EDGE), "edge supplier -> store: is listed twice"),
    (edges({"from": "store", "to": "store", "lead_time": 1}), "does not supply itself"),
    (edges({"from": "supplier", "to": "store"}), "edge 1: lead_time is missing"),
    (edges(), "edges: must be a list"),
    (nodes(holding=-1), "node store holding -1: must not be below 0"),
    (nodes(penalty=float("nan")), "node store penalty nan: must be a finite number"),
    (nodes(penalty=float("inf")), "node store penalty inf: must be a finite number"),
    (nodes(holding="one"), "node store holding one: must be a number"),
    (nodes(unmet="gone"), "node store gone: unmet demand is backlogged or lost"),
    (nodes(demand={"uniform": 3}), "node store demand uniform: demand is poisson"),
    (nodes(demand={"poisson": -3}), "node store demand poisson -3: must not be below 0"),
    (nodes(demand=5), "node store demand 5: must be a mapping"),
    (nodes(unmet="backlogged", price=2), "node store price: a price is earned"),
    (nodes(keeps_stock=False), "node store keeps_stock: a node that keeps no stock"),
    ({"nodes": {"store": STORE, "shop": STORE}}, "node shop: this store has no supplier"),
    ({"nodes": {"store": STORE, "hub": {}}}, "node hub: this node has no supplier"),
    ({"nodes": {"store": {"holding": 1}}}, "nodes: no node has demand"),
    ({"nodes": {}}, "nodes {}: must be a mapping"),
    ({"nodes": {"supplier": STORE}}, "node supplier: the supplier is outside"),
    ({"correlation": 2}, "correlation 2.0: a correlation lies between"),
    ({"correlation": 0.5}, "correlation: only normal demands"),
    ({"history": {"store": [1, 2]}}, "node store: has a demand and a history"),
    ({"trace": {"store": [1, "x", 2]}}, "line 2: trace store x: text where a demand belongs"),
    ({"trace": {"store": [1, None, 2]}}, "text where a demand belongs"),
    ({"trace": {"store": [1, float("nan")]}}, "line 2: trace store: a gap"),
    ({"trace": {"store": [1, -2]}}, "line 2: trace store -2: a demand is finite and not negative"),
    ({"trace": {"shop": [1]}}, "trace shop: a column of no node"),
    ({"simulation": {"periods": 10, "warmup": 10}}, "simulation warmup 10: must be a whole"),
    ({"whole_units": "yes"}, "whole_units yes: must be true or false"),
    ({"demand": 3}, "file demand: an unknown key"),
]


@pytest.mark.parametrize(("changes", "sentence"), DEFECTS)
def test_defects_are_named(changes: dict[str, Any], sentence: str) -> None:
    """What is wrong with arrays is said in one line."""
    with pytest.raises(InstanceError) as caught:
        case(**changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("holding: 1", "holding: [1"), "net.yaml:3: file: not YAML"),
        (TEXT + "edges: []\n", "net.yaml:6: key edges: is there twice"),
        (TEXT.replace("lost", "&a lost") + "name: *a\n", "aliases are not read"),
        ("problem: inventory\n", "net.yaml: nodes: must be a mapping"),
        ("- problem: inventory\n", "net.yaml: file: must be a mapping"),
        ("problem: inventory\nnodes: " + "[" * 99 + "]" * 99, "file: nested too deeply"),
    ],
)
def test_texts_that_are_no_network(text: str, sentence: str) -> None:
    """What is wrong with a file is said with its line."""
    with pytest.raises(InstanceError) as caught:
        files.read(text, path="net.yaml")
    assert sentence in str(caught.value)


CSV = "week,store\n1,4\n2,6\n3,5\n"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (CSV.replace("2,6", "2,"), "demand.csv:3: history store: a gap"),
        (CSV.replace("2,6", "2,six"), "demand.csv:3: history store six: text where a demand"),
        (CSV.replace("2,6", "2,nan"), "demand.csv:3: history store nan: a demand is finite"),
        (CSV.replace("2,6", "2"), "demand.csv:3: history store: a gap"),
        (CSV.replace("store", "shop"), "history shop: a column of no node"),
        ("week,store\n", "needs a header"),
        (None, "cannot be read"),
    ],
)
def test_csv_defects_are_named(tmp_path: Path, table: str | None, sentence: str) -> None:
    """What is wrong with a table of demands is said with the table's line."""
    path = tmp_path / "net.yaml"
    text = TEXT.replace(", demand: {poisson: 5}", "")
    path.write_text(text + "history: demand.csv\n")
    if table is not None:
        (tmp_path / "demand.csv").write_text(table)
    with pytest.raises(InstanceError) as caught:
        nco.read(path)
    assert sentence in str(caught.value)


def test_csv_beside_the_file(tmp_path: Path) -> None:
    """A history may be a table beside the file, but not elsewhere."""
    path = tmp_path / "net.yaml"
    path.write_text(TEXT.replace(", demand: {poisson: 5}", "") + "history: demand.csv\n")
    (tmp_path / "demand.csv").write_text(CSV)
    found = nco.read(path)
    assert isinstance(found, files.Case)
    assert found.history is not None
    assert found.history[:, 0].tolist() == [4, 6, 5]
    assert found.mean.tolist() == [5]
    path.write_text(path.read_text().replace("demand.csv", "../demand.csv"))
    with pytest.raises(InstanceError, match="beside this file"):
        nco.read(path)


class Table(dict):
    """The little of a pandas DataFrame that the reader uses."""

    columns = ()

    def __init__(self, by_orient: dict[str, Any]) -> None:
        self.by_orient = by_orient

    def to_dict(self, orient: str) -> Any:
        return self.by_orient[orient]


def test_tables_in_place_of_mappings() -> None:
    """Empty cells of a table (NaN) are absent, but gaps in demands are defects."""
    table = {"store": {"holding": 1.0, "penalty": 4.0, "stock": float("nan"), "unmet": "lost"}}
    data = {
        "nodes": Table({"index": table}),
        "edges": Table({"records": [EDGE]}),
        "history": Table({"list": {"store": [3.0, 5.0]}}),
    }
    found = files.from_arrays(data)
    assert found is not None
    assert found.stock.tolist() == [0.0]
    data["history"] = Table({"list": {"store": [3.0, float("nan")]}})
    with pytest.raises(InstanceError, match="a gap"):
        files.from_arrays(data)


# ---- the whole way


@pytest.mark.long
def test_solve_evaluates_a_policy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command prints mean cost, standard error and service level, and draws a picture."""
    from nco.cli import main

    path = tmp_path / "network.yaml"
    path.write_text(TEXT)
    with pytest.raises(SystemExit) as stop:
        main(["solve", str(path), "--json", "--traces", "60", "--plot", str(tmp_path / "a.png")])
    assert stop.value.code == 0
    row = json.loads(capsys.readouterr().out)
    assert row["cost"] == pytest.approx(4.4, abs=0.3)
    assert 0 < row["cost_standard_error"] < 0.1
    assert 0.8 < row["service_level"] < 1
    assert row["feasible"]
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_the_next_order_is_what_the_position_lacks() -> None:
    """Level 20, 3 on hand and 4 + 5 on order: 8 are ordered now, before any demand is known."""
    network = case(nodes={"store": {**STORE, "stock": 3, "on_order": [4, 5]}})
    rule = {"rule": "base_stock", "levels": {"store": 20}}
    assert next_action(network, rule) == [[8.0]]


def test_an_instance_is_not_planned_unasked() -> None:
    """Its trace is its future."""
    network = case(trace={"store": [4, 7, 2, 5, 6]}, edges=[{**EDGE, "cost": 0.1}])
    found = nco.solve(network, hindsight=True)
    assert found.model == "hindsight"
    assert found.cost == check(network, found.solution).cost
    with pytest.raises(NCOError, match="only online problems"):
        nco.solve([[0, 0], [1, 1], [2, 0]], hindsight=True)


@pytest.mark.long
def test_rules_come_from_child_processes() -> None:
    """A classical solver returns its rule, which is shown in words."""
    outcome = lanes.run(case(), "capped_base_stock", time_limit=30)
    assert outcome.solution == {
        "rule": "capped_base_stock",
        "levels": {"store": 17.0},
        "caps": {"store": 5.0},
    }
    said = "store: order up to 17, counting stock here and on the way, but at most 5 at a time"
    assert case().words(outcome.solution) == said


def test_an_echelon_holds_all_that_is_below_it() -> None:
    """The warehouse's demand is that of all its stores, each correlated with the others."""
    network = example("one_warehouse_n3")
    about = outline(network)
    warehouse = network.nodes.index("warehouse")
    assert about.below[warehouse].all()
    assert about.mean[warehouse] == pytest.approx(network.mean.sum())
    sds = network.sd[network.stores]
    variance = 0.5 * sds.sum() ** 2 + 0.5 * (sds**2).sum()
    assert about.sd[warehouse] == pytest.approx(variance**0.5)
    assert about.reach[warehouse] == 3 + network.lead[network.source == warehouse].max()


@pytest.mark.long
def test_policies_are_compared_on_the_same_futures(tmp_path: Path) -> None:
    """A benchmark ranks rules, and has no figure for plans of an unknown future."""
    path = tmp_path / "network.yaml"
    path.write_text(TEXT + "simulation: {periods: 30, warmup: 10}\n")
    solvers = ["newsvendor", "capped_base_stock", "hindsight"]
    runs = compare(Plan(files=[str(path)], solvers=solvers, time_limits=[None]))
    newsvendor, capped, hindsight = runs
    assert newsvendor.cost is not None
    assert capped.cost is not None
    assert capped.cost < newsvendor.cost
    assert capped.measures["service_level"] < newsvendor.measures["service_level"] < 1
    assert capped.cost_standard_error is not None
    assert hindsight.error == "no solution found"  # the file holds no future to plan
    save(runs, tmp_path / "out", {})
    header = (tmp_path / "out" / "table.csv").read_text().splitlines()[0]
    assert "cost_standard_error,service_level" in header


def test_networks_to_train_on_are_read_from_files_and_examples(tmp_path: Path) -> None:
    """A path and an example give the same case; a file that is not there is named."""
    name = "example:inventory/lost_poisson_L1_p4.yaml"
    shipped = files.from_file(name)
    path = tmp_path / "copy.yaml"
    path.write_text(files.write(shipped))
    assert np.array_equal(files.from_file(str(path)).lead, shipped.lead)
    with pytest.raises(InstanceError, match=r"missing.yaml: cannot be read"):
        files.from_file("example:inventory/missing.yaml")


@pytest.mark.long
def test_shipped_networks_are_for_the_networks_they_were_trained_on() -> None:
    """A model is offered only for systems like those of its training."""
    assert weights.fitting("inventory", case()) == ["hdpo-lost"]
    assert weights.fitting("inventory", store(penalty=7)) == []
    assert weights.fitting("inventory", example("one_warehouse_n20")) == ["hdpo-warehouse"]
    assert weights.fitting("inventory", example("serial_L3_p19")) == ["hdpo-serial"]
