"""Orders of a known trace priced by another way of counting, and networks that cannot be."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core.errors import InstanceError
from nco.problems.inventory import files
from nco.problems.inventory.check import check

STORE: dict[str, Any] = {"holding": 1, "penalty": 4, "demand": {"poisson": 5}}
LINE = {"from": "supplier", "to": "store", "lead_time": 1}


def case(nodes: dict[str, Any] | None = None, edges: Any = None, **more: Any) -> files.Case:
    """A network; without more, one store."""
    data = {"nodes": nodes or {"store": STORE}, "edges": edges or [LINE], **more}
    made = files.from_arrays(data)
    assert made is not None
    return made


AMOUNTS = st.lists(st.integers(0, 9), min_size=6, max_size=6)


@given(AMOUNTS, AMOUNTS, st.integers(0, 3), st.booleans(), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_one_store_costs_what_its_stock_says(
    orders: list[int], wanted: list[int], lead: int, lost: bool, stock: int
) -> None:
    """Lost or backlogged, with any lead time: the stock is recounted from its beginning."""
    made = case(
        nodes={"store": STORE | {"unmet": "lost" if lost else "backlogged", "stock": stock}},
        edges=[LINE | {"lead_time": lead, "cost": 0.5}],
        trace={"store": wanted},
    )
    report = check(made, [[amount] for amount in orders])
    have, total = float(stock), 0.0
    for period, demand in enumerate(wanted):
        have += orders[period - lead] if period >= lead else 0
        short = max(demand - have, 0) if have >= 0 else demand - have
        have -= demand
        total += 4 * short + max(have, 0) + 0.5 * orders[period]
        have = max(have, 0) if lost else have
    assert report.violations == []
    assert report.cost == pytest.approx(total / len(wanted))
    assert report.objective == report.cost


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
@settings(max_examples=60, deadline=None)
def test_a_depot_shares_what_it_has(
    supply: list[int], first: list[int], second: list[int], wanted: list[int]
) -> None:
    """In proportion to the orders; nothing is made of nothing, so that goods always balance."""
    made = case(
        nodes={
            "depot": {"holding": 0.25},
            "a": STORE | {"demand": {"normal": {"mean": 5, "sd": 1}}},
            "b": STORE | {"demand": {"normal": {"mean": 5, "sd": 1}}},
        },
        edges=[
            {"from": "supplier", "to": "depot", "lead_time": 0},
            {"from": "depot", "to": "a", "lead_time": 1},
            {"from": "depot", "to": "b", "lead_time": 1},
        ],
        trace={"a": wanted, "b": wanted[::-1]},
    )
    report = check(made, [list(row) for row in zip(supply, first, second, strict=True)])
    depot, a, b, total = 0.0, 0.0, 0.0, 0.0
    coming = (0.0, 0.0)
    for period in range(6):
        a, b = a + coming[0], b + coming[1]
        asked = first[period] + second[period]
        share = min(1.0, depot / asked) if asked else 0.0
        coming = first[period] * share, second[period] * share
        depot += supply[period] - sum(coming)
        total += 0.25 * depot
        for place, want in (("a", wanted[period]), ("b", wanted[5 - period])):
            have = a if place == "a" else b
            total += 4 * max(want - have, 0) + max(have - want, 0)
            a, b = (a - want, b) if place == "a" else (a, b - want)
    assert report.violations == []
    assert report.cost == pytest.approx(total / 6)


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        ("rule", "orders must be a list with a row a period, not str: rules are simulated"),
        ({"rule": "base_stock"}, "orders must be a list with a row a period, not dict"),
        ([[1]], "there must be 2 periods of orders, not 1"),
        ([[1], 2], "period 1 must list an order for each of 1 edges"),
        ([[1], [2, 3]], "period 1 must list an order for each of 1 edges"),
        ([[1], [-2]], "period 1, edge supplier -> store: an order must not be negative, as -2 is"),
        ([[1], [True]], "period 1, edge supplier -> store: an order must be a finite number"),
        ([[float("nan")], [1]], "period 0, edge supplier -> store: an order must be a finite"),
        ([["1"], [1]], "period 0, edge supplier -> store: an order must be a finite number"),
        ([[1.5], [1]], "period 0, edge supplier -> store: an order must be a whole number, not 1"),
    ],
)
def test_what_is_no_order_is_named(orders: Any, sentence: str) -> None:
    """By its period and edge."""
    report = check(case(trace={"store": [3, 4]}), orders)
    assert report.cost is None
    assert report.violations[0].startswith(sentence)
    assert check(case(trace={"store": [3, 4]}), [[2.0001], [1]]).feasible  # of single precision


def test_without_a_trace_there_is_no_verdict() -> None:
    """Orders are for a future that is known."""
    assert check(case(), [[1]]).violations == [
        "the case holds no trace of demands to check orders against"
    ]


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ({"a": {"holding": 1}}, [LINE | {"to": "a"}], "nodes: no node has demand"),
        ({"store": STORE, "far": {}}, None, "node far: this node has no supplier: add an edge"),
        ({"store": STORE, "two": STORE}, None, "node two: this store has no supplier"),
        ({"store": STORE | {"keeps_stock": False}}, None, "node store keeps_stock: a node that ke"),
        (None, [LINE, LINE], "edge supplier -> store: is listed twice"),
        (
            None,
            [LINE | {"to": "stroe"}],
            "edge supplier -> stroe stroe: an unknown node; there are",
        ),
        (None, [LINE | {"from": "store"}], "edge store -> store: a node does not supply itself"),
        (None, [{"from": "supplier", "to": "store"}], "edge 1: lead_time is missing"),
        (None, [LINE | {"speed": 1}], "edge 1 speed: an unknown key; there are cost, from"),
        (None, {"from": "supplier"}, "edges: must be a list of {from, to, lead_time}"),
        (
            None,
            [LINE | {"lead_time": 0.5}],
            "edge supplier -> store lead_time 0.5: must be a whole",
        ),
        (None, [LINE | {"cost": -1}], "edge supplier -> store cost -1: must not be below 0"),
        ({"supplier": STORE}, None, "node supplier: the supplier is outside and no node"),
        ({"store": STORE | {"holding": "1"}}, None, "node store holding 1: must be a number"),
        ({"store": STORE | {"stock": 1e10}}, None, "node store stock 10000000000.0: beyond 1e9"),
        ({"store": STORE | {"price": 9}}, None, "node store price: a price is earned where unmet"),
        ({"store": STORE | {"unmet": "gone"}}, None, "node store gone: unmet demand is backlogged"),
        ({"store": STORE | {"on_order": 3}}, None, "node store on_order 3: must list what is due"),
        (
            {"store": STORE | {"demand": {"uniform": 1}}},
            None,
            "node store demand uniform: demand is",
        ),
        ({"store": STORE | {"demand": {"poisson": 0}}}, None, "nodes: no store has any demand"),
        ({}, None, None),
    ],
)
def test_networks_that_cannot_be(nodes: Any, edges: Any, message: str | None) -> None:
    """Each in one line that names the node or the edge."""
    if message is None:
        data = {"nodes": {}, "edges": [LINE]}
        with pytest.raises(InstanceError, match=r"nodes.*: must be a mapping of names to values"):
            files.from_arrays(data)
        return
    with pytest.raises(InstanceError) as caught:
        case(nodes, edges)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_goods_cannot_go_in_a_circle_within_a_period() -> None:
    """One edge that takes time is enough to break it."""
    nodes = {"a": STORE, "b": STORE}
    edges = [
        LINE | {"to": "a"},
        {"from": "a", "to": "b", "lead_time": 0},
        {"from": "b", "to": "a", "lead_time": 0},
    ]
    with pytest.raises(InstanceError, match=r"^edges a, b: a cycle without lead time"):
        case(nodes, edges)
    edges[2]["lead_time"] = 1
    assert case(nodes, edges).size == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"correlation": 2}, "correlation 2.0: a correlation lies between -1 and 1"),
        ({"correlation": 0.5}, "correlation: only normal demands may be correlated"),
        ({"block": 0}, "block 0: must "),
        ({"simulation": {"periods": 10, "warmup": 10}}, "simulation warmup 10: must be a whole"),
        ({"simulation": {"weeks": 10}}, "simulation weeks: an unknown key"),
        ({"whole_units": "yes"}, "whole_units yes: "),
        ({"trace": {"store": []}}, "trace"),
        ({"trace": {"other": [1]}}, "trace"),
        ({"trace": {"store": [1, -2]}}, "line 2: trace store -2: a demand is finite"),
        ({"history": {"store": [1, 2]}}, "node store: has a demand and a history: give one"),
        ({"colour": 1}, "file colour: an unknown key; there are block, "),
    ],
)
def test_figures_of_the_whole_that_cannot_be(more: dict[str, Any], message: str) -> None:
    """Correlation, history, trace and simulation."""
    with pytest.raises(InstanceError) as caught:
        case(**more)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_three_stores_cannot_all_be_opposites() -> None:
    """Below -1/2 there are no such demands."""
    normal = {"demand": {"normal": {"mean": 5, "sd": 1}}}
    nodes = dict.fromkeys("abc", STORE | normal)
    edges = [LINE | {"to": name} for name in "abc"]
    assert case(nodes, edges, correlation=-0.5).correlation == -0.5
    with pytest.raises(InstanceError, match=r"3 stores cannot all be correlated below -0\.5"):
        case(nodes, edges, correlation=-0.6)


def same(first: files.Case, second: files.Case) -> bool:
    """Whether all fields but the path are equal."""
    for field in dataclasses.fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if field.name != "path" and not np.array_equal(one, other):
            return False
    return True


@pytest.mark.parametrize("path", sorted(files.EXAMPLES.glob("*.yaml"))[::9], ids=lambda p: p.stem)
def test_shipped_settings_survive_writing_and_reading(path: Path) -> None:
    """Every ninth of them, in YAML, and as JSON, which is YAML."""
    made = files.from_file(str(path))
    again = files.read(files.write(made))
    assert same(made, again)
    import yaml

    as_json = files.read(json.dumps(yaml.safe_load(files.write(made))))
    assert same(made, as_json)


def test_everything_a_network_may_have_survives() -> None:
    """Stock, orders on their way, prices, cross-docks, a trace and names with an arrow in them."""
    made = case(
        nodes={
            "a -> b": {"keeps_stock": False},
            "shop: 1": STORE | {"unmet": "lost", "price": 1e-5, "stock": 3, "on_order": [1, 0, 2]},
        },
        edges=[
            {"from": "supplier", "to": "a -> b", "lead_time": 2, "cost": 1 / 3},
            {"from": "a -> b", "to": "shop: 1", "lead_time": 0},
        ],
        trace={"shop: 1": [1, 2, 0]},
        name="everything",
    )
    assert same(made, files.read(files.write(made)))
