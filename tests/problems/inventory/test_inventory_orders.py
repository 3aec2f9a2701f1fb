"""What a planner asks of an inventory: orders of practice, seasons, rules in words and tables."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import nco
from nco.core.errors import InstanceError
from nco.core.seeds import generator
from nco.problems.inventory import Inventory, classical, exact, files, fit, rules, season
from nco.problems.inventory.check import check, simulate
from nco.solving.drawing import draw
from nco.solving.simulate import difference, next_action
from nco.solving.simulate import simulate as evaluate

STORE = {"holding": 1, "penalty": 9, "demand": {"poisson": 10}}
EDGE = {"from": "supplier", "to": "store", "lead_time": 0}
TWO = {
    "nodes": {
        "shop": {"holding": 1, "penalty": 9, "demand": {"poisson": 5}},
        "depot": {"holding": 0.3},
    },
    "edges": [
        {"from": "supplier", "to": "depot", "lead_time": 2},
        {"from": "depot", "to": "shop", "lead_time": 1},
    ],
}


def case(**changes: Any) -> files.Case:
    """One backlogged store, with changes at the top level."""
    found = files.from_arrays({"nodes": {"store": STORE}, "edges": [EDGE], **changes})
    assert found is not None
    return found


def six() -> files.Case:
    """The shipped example of six stores."""
    found = nco.read("example:inventory/six_stores.yaml")
    assert isinstance(found, files.Case)
    return found


def played(network: files.Case, rule: dict[str, Any], traces: int = 200, seed: int = 3) -> Any:
    """The evaluation of a rule."""
    return evaluate(rules.problem(), rules.policy(network, rule), network, traces=traces, seed=seed)


# ---- orders that cost something, come in cases, or leave on some days only


def agreed(network: files.Case, orders: list[list[float]]) -> tuple[float, Any]:
    """The cost, on which tensors and the checker's books agree."""
    problem = Inventory()
    instance = problem.load([network])
    actions = problem.actions(instance, [orders])[:, None]
    cost = float(problem.cost(instance, actions))
    report = check(network, problem.solution(instance, actions[:, 0])[0])
    assert report.violations == []
    assert report.cost == pytest.approx(cost, rel=1e-5)
    return cost, simulate(network, orders)


def test_an_order_has_a_cost_of_its_own() -> None:
    """Two orders are placed in three periods: 2 x 7 beside what holding and shortages cost."""
    network = case(edges=[{**EDGE, "order_cost": 7}], trace={"store": [4, 4, 4]})
    cost, _ = agreed(network, [[4.0], [0.0], [9.0]])
    assert cost == pytest.approx((2 * 7 + 0 + 9 * 4 + 1) / 3)


def test_orders_are_whole_cases() -> None:
    """13 is nearest to one case of 12, 20 to two; what is no multiple is a violation of a plan."""
    network = case(edges=[{**EDGE, "multiple": 12}], trace={"store": [4, 4]})
    assert agreed(network, [[13.0], [20.0]])[1].shipped == [[12.0], [24.0]]
    said = check(network, [[13.0], [0.0]]).violations
    assert said == ["period 0, edge supplier -> store: an order must be a multiple of 12, not 13"]


def test_orders_leave_in_every_second_period() -> None:
    """A policy's order in between does not leave, and a plan's is a violation."""
    network = case(nodes={"store": {**STORE, "review": 2}}, trace={"store": [4, 4, 4]})
    problem = Inventory()
    instance = problem.load([network])
    actions = problem.actions(instance, [[[9.0], [5.0], [1.0]]])[:, None]
    assert problem.solution(instance, actions[:, 0])[0] == [[9.0], [0.0], [1.0]]
    assert float(problem.cost(instance, actions)) == pytest.approx((5 + 1 + 2 * 9) / 3)
    said = check(network, [[9.0], [5.0], [1.0]]).violations[0]
    assert said.endswith("orders leave every 2 periods, from period 0 on")


@pytest.mark.parametrize(
    ("edge", "node"), [({"order_cost": 5}, {}), ({"multiple": 6}, {}), ({}, {"review": 2})]
)
def test_such_orders_survive_writing_and_have_no_linear_plan(
    edge: dict[str, Any], node: dict[str, Any]
) -> None:
    """A written file has them, batches with other networks as well, and hindsight refuses them."""
    network = case(
        nodes={"store": {**STORE, **node}},
        edges=[{**EDGE, **edge}],
        trace={"store": [4, 4]},
    )
    again = files.read(files.write(network))
    assert not again.simple
    assert files.write(again) == files.write(network)
    together = Inventory().load([case(trace={"store": [4, 4]}), network])
    back = Inventory().cases(together)
    assert check(back[1], [[6.0], [0.0]]).cost == check(network, [[6.0], [0.0]]).cost
    assert back[0].order_cost is None or not back[0].order_cost.any()
    for solver in ("hindsight", "just_in_time"):
        with pytest.raises(InstanceError, match="no plan with perfect information"):
            classical.solvers()[solver].solve(network, time_limit=None, seed=0)


def min_max_cost(mean: float, fixed: float, low: int, high: int) -> float:
    """The exact cost of (s, S) with h = 1, p = 9 and no lead time, by renewal (Veinott & Wagner).

    An order is placed where the position is `low` or less; demand is Poisson, backlogged.
    """
    chance = [math.exp(-mean)]
    for k in range(1, 200):
        chance.append(chance[-1] * mean / k)

    def period(stock: int) -> float:
        return sum(p * max(stock - d, 9 * (d - stock)) for d, p in enumerate(chance))

    visits = [1 / (1 - chance[0])]
    for j in range(1, high - low):
        before = sum(chance[i] * visits[j - i] for i in range(1, j + 1))
        visits.append(before / (1 - chance[0]))
    paid = fixed + sum(m * period(high - j) for j, m in enumerate(visits))
    return paid / sum(visits)


@pytest.mark.long
def test_a_min_max_rule_costs_what_theory_says() -> None:
    """The best (s, S) for K = 64 and a demand of 10 is (6, 40) at 35.022; simulation agrees."""
    assert min_max_cost(10, 64, 6, 40) == pytest.approx(35.022, abs=1e-3)
    grid = [(min_max_cost(10, 64, s, S), s, S) for s in range(3, 10) for S in range(36, 45)]
    assert min(grid)[1:] == (6, 40)
    network = case(edges=[{**EDGE, "order_cost": 64}])
    for low, high in ((6, 40), (2, 50)):
        rule = {"rule": "min_max", "min": {"store": low}, "max": {"store": high}}
        found = played(network, rule, traces=300)
        expected = min_max_cost(10, 64, low, high)
        assert found.violations == []
        assert abs(found.cost - expected) < 4 * found.cost_standard_error
        assert found.cost_standard_error < 0.01 * expected


def test_the_search_finds_the_best_min_max_rule() -> None:
    """From an economic order quantity to within half a percent of the exact optimum."""
    network = case(edges=[{**EDGE, "order_cost": 64}])
    assert classical.policies(network) == ["min_max"]
    rule = classical.min_max(network, time_limit=None, seed=0)
    assert rule is not None
    low, high = int(rule["min"]["store"]), int(rule["max"]["store"])
    assert min_max_cost(10, 64, low, high) < 1.005 * 35.022


def test_exact_references_refuse_orders_that_are_not_free() -> None:
    """A newsvendor's cost knows no cost of orders."""
    normal = {**STORE, "demand": {"normal": {"mean": 5, "sd": 1}}}
    network = case(nodes={"store": normal}, edges=[{**EDGE, "order_cost": 64}])
    for reference in (exact.newsvendor, exact.clark_scarf, exact.transshipment_bound):
        with pytest.raises(InstanceError, match="orders that are free in size and time"):
            reference(network)


@pytest.mark.long
@pytest.mark.parametrize("lead", [1, 2])
@pytest.mark.parametrize("penalty", [4, 19])
def test_the_search_finds_the_best_capped_rule(lead: int, penalty: int) -> None:
    """Its level and cap cost at most half a percent more than the best ones, by exact values."""
    network = nco.read(f"example:inventory/lost_poisson_L{lead}_p{penalty}.yaml")
    assert isinstance(network, files.Case)
    rule = fit.fitted(network, seed=1, kind=fit.Kind(capped=True))
    model = exact.LostSales.of(network)
    (node,) = network.nodes
    found = model.capped(int(rule["levels"][node]), int(rule["caps"][node]))
    assert found < 1.005 * model.best_capped()[0]


def test_a_reorder_quantity_brings_the_position_above_its_level() -> None:
    """At 3, with a reorder point of 10 and lots of 6, two lots are ordered; at 11 none."""
    rule = {"rule": "reorder_quantity", "min": {"store": 10}, "quantity": {"store": 6}}
    for stock, order in ((3, 12), (10, 6), (11, 0), (4, 12), (5, 6)):
        network = case(nodes={"store": {**STORE, "stock": stock}})
        assert next_action(network, rule) == [[float(order)]]


@pytest.mark.long
def test_a_rule_with_a_review_orders_in_its_periods_only() -> None:
    """Ordering up to 20 every third period costs what the network with that review costs."""
    levels = {"store": 30}
    every = played(case(), {"rule": "base_stock", "levels": levels, "review": 3})
    own = played(
        case(nodes={"store": {**STORE, "review": 3}}), {"rule": "base_stock", "levels": levels}
    )
    free = played(case(), {"rule": "base_stock", "levels": levels})
    assert every.cost == pytest.approx(own.cost, rel=1e-5)
    assert every.measures["service_level"] < free.measures["service_level"]


# ---- seasons


def yearly(years: int = 2, seed: int = 1, swing: float = 0.6) -> list[int]:
    """Weekly demand with a peak in the middle of each year."""
    weeks = np.arange(52 * years)
    mean = 20 * (1 - swing * np.cos(2 * np.pi * weeks / 52))
    drawn: list[int] = np.random.default_rng(seed).poisson(mean).tolist()
    return drawn


def sold(demand: list[int], **changes: Any) -> files.Case:
    """A store with a history, a lead time of two weeks and lost sales."""
    node = {"holding": 1, "penalty": 9, "unmet": "lost"}
    edge = {**EDGE, "lead_time": 2}
    return case(nodes={"store": node}, edges=[edge], history={"store": demand}, **changes)


def test_a_season_is_recognised_and_told() -> None:
    """Two years that are alike have one, two years of plain noise have none; a file may say so."""
    network = sold(yearly())
    assert (network.season, network.phase, network.whole) == (52, 0, True)
    assert (network.periods - network.warmup) % 52 == 0
    (note,) = network.notes()
    assert note.startswith("season: demand repeats itself every 52 periods")
    plain = sold(yearly(swing=0.0))
    assert plain.season == 0
    assert "no season of 52 periods was recognised" in plain.notes()[0]
    assert sold(yearly(), season=False).season == 0
    assert sold(yearly(1)).season == 0
    assert sold(yearly(swing=0.0), season=26).season == 26
    with pytest.raises(InstanceError, match="season 60: needs two cycles of 60 periods"):
        sold(yearly(), season=60)
    with pytest.raises(InstanceError, match="only a history has a season"):
        case(season=52)


def test_noise_is_seldom_taken_for_a_season() -> None:
    """In at most one of 60 histories of unrelated weeks, and in each of 20 with a real swing."""
    draw = np.random.default_rng(5)
    noise = [draw.poisson(10, (104, 3)).astype(float) for _ in range(60)]
    assert sum(season.skill(each, 52) > season.SKILL for each in noise) <= 1
    real = [np.array(yearly(seed=k, swing=0.4), dtype=float)[:, None] for k in range(20)]
    assert all(season.skill(each, 52) > season.SKILL for each in real)


def test_the_table_says_how_long_a_period_is(tmp_path: Path) -> None:
    """Months have a year of twelve; dates are measured."""
    assert (
        season.recognise(np.tile(np.arange(12.0), 3)[:, None], ["month", *map(str, range(36))])[0]
        == 12
    )
    days = [f"2024-{1 + d // 28:02}-{1 + d % 28:02}" for d in range(28)]
    week = np.tile([5.0, 5, 5, 5, 9, 14, 2], 4)[:, None]
    assert season.recognise(week, ["date", *days])[0] == 7
    assert season.recognise(week, None)[0] == 0


def test_futures_keep_the_time_of_the_year() -> None:
    """Each week is drawn from the weeks at most two away, of any year; the first follows the last
    row of the history."""
    demand = [week + 100 * year for year in range(2) for week in range(52)][:-10]
    network = replace(sold(demand, season=26), season=52, periods=60)
    drawn = Inventory().traces(network, 400, generator(0)).demand[..., 0].numpy()
    week = drawn % 100
    for t in (0, 9, 12, 40, 59):
        apart = (week[:, t] - (t + 42)) % 52
        assert set(np.minimum(apart, 52 - apart).tolist()) == {0.0, 1.0, 2.0}
    assert {0.0, 1.0} == set((drawn // 100).flatten().tolist())


@pytest.mark.long
def test_levels_follow_the_season_and_that_pays() -> None:
    """A rule with a level for each week beats the best rule with one level, on equal futures."""
    network = replace(sold(yearly()), periods=156, warmup=52)
    kind = fit.Kind()
    seasonal = fit.fitted(network, seed=0, kind=kind, steps=10)
    levels = seasonal["levels"]["store"]
    assert len(levels) == 52
    assert 15 <= int(np.argmax(levels)) <= 30
    costs = {}
    for level in range(40, 110, 5):
        rule = {"rule": "base_stock", "levels": {"store": level}}
        costs[level] = played(network, rule, traces=60)
    best = min(costs.values(), key=lambda each: each.cost)
    less, error = difference(best, played(network, seasonal, traces=60))
    assert less > 5 * error
    assert less > 0.1 * best.cost


# ---- rules in words, in tables, and said


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("min-max 40 90", {"rule": "min_max", "min": {"store": 40.0}, "max": {"store": 90.0}}),
        ("(s, S) 40 90", {"rule": "min_max", "min": {"store": 40.0}, "max": {"store": 90.0}}),
        ("base-stock 90", {"rule": "base_stock", "levels": {"store": 90.0}}),
        (
            "base stock 90 every 4",
            {"rule": "base_stock", "levels": {"store": 90.0}, "review": 4},
        ),
        (
            "r,Q store=40/50",
            {"rule": "reorder_quantity", "min": {"store": 40.0}, "quantity": {"store": 50.0}},
        ),
        (
            "capped-base-stock 90 20",
            {"rule": "capped_base_stock", "levels": {"store": 90.0}, "caps": {"store": 20.0}},
        ),
    ],
)
def test_rules_are_read_from_words(text: str, rule: dict[str, Any]) -> None:
    """As people say them, and they can be played."""
    assert case().policy_in_words(text) == rule
    rules.policy(case(), rule)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a file .* or a rule such as 'min-max 40 90'"),
        ("mim-max 40 90", "policy mim-max 40 90: a file"),
        ("min-max 40", "needs 2 numbers for a node"),
        ("min-max 40 x", "needs 2 numbers for a node"),
        ("min-max depot=40/90", "policy depot: an unknown node; there are store"),
        ("base-stock 90 every", "every must be the last word"),
    ],
)
def test_words_that_are_no_rule_are_named(text: str, sentence: str) -> None:
    """With what a rule looks like."""
    with pytest.raises(InstanceError, match=sentence):
        case().policy_in_words(text)


def test_a_depot_must_be_named_too() -> None:
    """Words without names are for the stores; a depot without a level would starve them."""
    network = files.from_arrays(TWO)
    assert network is not None
    with pytest.raises(InstanceError, match=r'--policy "min-max 10 20 depot=15/20"'):
        network.policy_in_words("min-max 10 20")
    rule = network.policy_in_words("min-max 10 20 depot=30/60")
    assert rule["max"] == {"shop": 20.0, "depot": 60.0}
    with pytest.raises(InstanceError, match="levels depot: no number for this node"):
        rules.policy(network, {"rule": "base_stock", "levels": {"shop": 3}})


def test_rules_are_read_from_tables() -> None:
    """The columns tell which rule it is; cells and headers that are wrong are named."""
    rows = [{"Store": "store", "Reorder level": "40", "Order up to": "90", "note": "old"}]
    rule = {"rule": "min_max", "min": {"store": 40.0}, "max": {"store": 90.0}}
    assert case().policy_of_rows(rows) == rule
    reviewed = case().policy_of_rows([{"node": "store", "level": "90", "review": "2"}])
    assert reviewed == {"rule": "base_stock", "levels": {"store": 90.0}, "review": {"store": 2}}
    for row, sentence in (
        ({"node": "shop", "level": "9"}, "2: policy shop: an unknown node"),
        ({"node": "store", "level": "x"}, "2: level x: text where a number"),
        ({"node": "store", "min": "9"}, "policy node, min: needs the columns"),
    ):
        with pytest.raises(InstanceError, match=sentence):
            case().policy_of_rows([row])


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"rule": "min_max", "min": {"store": 9}, "max": {"store": 3}}, "store: a min above its"),
        ({"rule": "min_max", "min": {"store": 9}}, "max: must map nodes to numbers"),
        ({"rule": "base_stock", "levels": {"store": [1, 2]}}, "2 numbers, but .* no season"),
        ({"rule": "base_stock", "levels": {"store": "9"}}, "levels store 9: must be a number"),
        ({"rule": "base_stock", "levels": {"store": 9}, "cap": 3}, "cap: not of base_stock"),
        ({"rule": "base_stock", "levels": {"store": 9}, "review": 0}, "review store 0: must be"),
        (
            {"rule": "reorder_quantity", "min": {"store": 9}, "quantity": {"store": 0}},
            "quantity: a quantity must be positive",
        ),
    ],
)
def test_rules_that_cannot_be_are_named(rule: dict[str, Any], sentence: str) -> None:
    """In one sentence, with the place."""
    with pytest.raises(InstanceError, match=sentence):
        rules.policy(case(), rule)


def test_a_rule_is_said_for_a_clerk() -> None:
    """Whole numbers, what is counted, and the season's level of now."""
    network = files.from_arrays(TWO)
    assert network is not None
    levels = {"shop": 24.0, "depot": 113.8}
    said = network.words({"rule": "echelon_stock", "levels": levels})
    assert said == (
        "shop: order up to 24, counting stock here and on the way; "
        "depot: order up to 114, counting stock here and downstream"
    )
    said = network.words({"rule": "min_max", "min": {"shop": 10}, "max": {"shop": 24}, "review": 2})
    assert said == (
        "shop: when stock here and on the way is 10 or less, order up to 24, every 2 periods"
    )
    seasonal = sold(yearly()).words({"rule": "base_stock", "levels": {"store": [*range(30, 82)]}})
    assert seasonal is not None
    assert "order up to 30 now (30 to 81)" in seasonal


# ---- this week's orders


def test_orders_are_rows_in_whole_units_and_short_stock_is_shared() -> None:
    """A depot with 10 for orders of 12 and 8 sends 6 and 4; what the file leaves out is said."""
    data = {
        "nodes": {
            "a": {**STORE, "stock": 3},
            "b": STORE,
            "depot": {"holding": 0.3, "stock": 10, "on_order": [5]},
        },
        "edges": [
            {"from": "depot", "to": "a", "lead_time": 1},
            {"from": "depot", "to": "b", "lead_time": 1},
            {"from": "supplier", "to": "depot", "lead_time": 2},
        ],
    }
    network = files.from_arrays(data)
    assert network is not None
    rule = {"rule": "base_stock", "levels": {"a": 15, "b": 8, "depot": 40}}
    rows = network.orders(next_action(network, rule))
    assert [(r["node"], r["order"], r["from"], r["sent"]) for r in rows] == [
        ("a", 12, "depot", 6),
        ("b", 8, "depot", 4),
        ("depot", 25, "supplier", 25),
    ]
    assert (rows[2]["stock"], rows[2]["on_order"]) == (10, 5)
    assert network.assumptions() == [
        "the orders assume that b have no stock and nothing on order: "
        "write stock: and on_order: into the file"
    ]
    assert six().assumptions() == []


def test_small_amounts_are_not_rounded_away() -> None:
    """Half a tonne a week is ordered to two digits, twenty in whole tonnes."""
    small = {"holding": 1, "penalty": 9, "demand": {"normal": {"mean": 0.5, "sd": 0.1}}}
    network = case(nodes={"store": small})
    assert network.orders([[0.6789]])[0]["order"] == 0.68
    large = case(nodes={"store": {**small, "demand": {"normal": {"mean": 20, "sd": 3}}}})
    assert large.orders([[26.6]])[0]["order"] == 27


# ---- a changed network


def test_a_number_is_changed_by_its_name() -> None:
    """Of a node, of an edge by where it leads or by both ends, of all nodes, of the file."""
    network = files.from_arrays(TWO)
    assert network is not None
    longer = network.changed("edges.depot.lead_time=5")
    assert longer.lead.tolist() == [5, 1]
    assert network.lead.tolist() == [2, 1]
    assert network.changed("edges.depot->shop.lead_time=4").lead.tolist() == [2, 4]
    assert network.changed("nodes.shop.penalty=19").penalty.tolist() == [19, 0]
    assert network.changed("nodes.*.holding=2; edges.*.cost=1").cost.tolist() == [1, 1]
    assert network.changed("nodes.shop.demand.poisson=7").mean.tolist() == [7, 0]
    assert network.changed("nodes.shop.demand.geometric=7").kind.tolist() == [2, 0]
    assert network.changed("simulation.periods=500").periods == 500
    assert six().changed("nodes.park.stock=3").season == 52


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("edges.hub.lead_time=5", "there are supplier->depot, depot->shop, depot, shop"),
        ("edges.depot.lead=5", "edge 1 lead: an unknown key"),
        ("edges.depot.lead_time=-1", "lead_time -1: must not be below 0"),
        ("depot", "a change is such as edges.depot.lead_time=5"),
        ("holding=3", "file holding: an unknown key"),
        ("nodes.shop.holding.x=3", "what_if holding: has no parts"),
    ],
)
def test_changes_that_cannot_be_are_named(change: str, sentence: str) -> None:
    """With what there is to change."""
    network = files.from_arrays(TWO)
    assert network is not None
    with pytest.raises(InstanceError, match=sentence):
        network.changed(change)


# ---- the shipped example and its picture


def test_the_six_stores_have_a_season_and_all_that_orders_need() -> None:
    """Two years of whole weekly demands, a recognised season, stock and orders on their way."""
    network = six()
    assert network.history is not None
    assert network.history.shape == (104, 7)
    assert (network.season, network.whole, network.size) == (52, True, 6)
    assert network.notes()[0].startswith("season:")
    assert files.read(files.write(network)).season == 52


@pytest.mark.long
def test_the_picture_has_axes_for_each_node() -> None:
    """Mean, band and level of each; a depot is there too, and the title has no single cost."""
    network = six()
    levels = dict.fromkeys(network.nodes, 100.0)
    figure = Figure()
    ax = figure.add_subplot()
    draw(network, {"rule": "base_stock", "levels": levels}, ax)
    panels = [panel for panel in figure.axes if panel is not ax]
    assert [panel.get_title().split(" (")[0] for panel in panels] == list(network.nodes)
    for panel in panels:
        labels = panel.get_legend_handles_labels()[1]
        assert {"stock", "10-90 %", "stock and on the way", "order up to"} == set(labels)
        assert 2 <= len(panel.get_yticks()) <= 8
    assert figure.get_suptitle() == "six_stores: stock, mean of 100 futures"


def test_a_picture_shows_the_position_that_is_compared() -> None:
    """Without lead time the position is the stock; with one, 3 on hand and 4 + 5 under way."""
    from nco.problems.inventory.plot import _position

    network = case(
        nodes={"store": {**STORE, "stock": 30, "on_order": [4, 5]}},
        edges=[{**EDGE, "lead_time": 2}],
        trace={"store": [1, 2, 3, 4]},
    )
    orders = [[6.0], [0.0], [7.0], [0.0]]
    books = simulate(network, orders)
    position = _position(network, books)[:, 0]
    assert position.tolist() == [30 + 9 + 6 - 1, 44 - 2, 42 + 7 - 3, 46 - 4]
