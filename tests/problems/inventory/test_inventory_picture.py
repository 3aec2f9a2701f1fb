"""A page of an inventory: what a pointer finds of each period and store."""

import json
import re
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import nco
from nco.pictures import page, things
from nco.problems.inventory import plot
from nco.registry import sources

NETWORK = """\
problem: inventory
nodes:
  depot: {holding: 1, stock: 9}
  shop: {holding: 1, penalty: 4, unmet: lost, stock: 5, demand: {poisson: 3}}
edges: [{from: supplier, to: depot, lead_time: 1}, {from: depot, to: shop, lead_time: 1}]
trace: {shop: [2, 4, 3]}
"""
ORDERS = [[4.0, 3.0], [0.0, 2.0], [5.0, 1.0]]


@pytest.fixture
def case(tmp_path: Any) -> Any:
    """A depot and a shop with a known future."""
    path = tmp_path / "net.yaml"
    path.write_text(NETWORK)
    return sources.read(path)


def drawn(case: Any, futures: list[Any]) -> Any:
    figure = FigureCanvasAgg(Figure(dpi=page.DOTS, layout="constrained")).figure
    plot.plot_policy(case, futures, None, figure.add_subplot())
    return figure


def test_each_period_of_a_store_says_stock_order_and_demand(case: Any) -> None:
    """By hand: what comes in, less what is sold, as the checker's books have it."""
    by_store = {each.names[0]: each for each in things.of(drawn(case, [(case, ORDERS)]))}
    assert set(by_store) == {"depot", "shop"}
    shop = by_store["shop"]
    assert list(shop.facts["period"]) == [1, 2, 3]
    assert shop.facts["demand"] == [2, 4, 3]
    assert shop.facts["sent to it"] == [3, 2, 1]
    assert shop.facts["stock"] == [3, 2, 1]  # 5-2, 3+3-4, 2+2-3
    assert shop.places[:, 1].tolist() == [3, 2, 1]
    assert by_store["depot"].facts["stock"] == [6, 8, 7]  # 9-3, 6+4-2, 8+0-1


def test_of_many_futures_it_says_means_and_their_band(case: Any) -> None:
    """Two futures that differ in one demand."""
    from dataclasses import replace

    other = replace(case, trace=case.trace - [[0, 2], [0, 0], [0, 0]])
    shop = things.of(drawn(case, [(case, ORDERS), (other, ORDERS)]))[-1]
    assert shop.names[0] == "shop"
    assert shop.facts["demand"] == [1, 4, 3]
    assert shop.facts["stock"][0] == 4
    low, high = (shop.facts[key][0] for key in list(shop.facts) if key.startswith("stock in"))
    assert 3 <= low < 4 < high <= 5


@pytest.mark.long
def test_a_page_tells_the_week_of_the_season(tmp_path: Any) -> None:
    """Six stores with two years of demand: a row a period, and one title and legend."""
    solution = nco.solve("example:six_stores.yaml", model="none", traces=4, time_limit=2)
    path = tmp_path / "stores.html"
    solution.save(path)
    text = path.read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    kinds = json.loads(found[1])["things"]
    assert {rows["rows"][0][1] for rows in kinds} == {*solution.case.nodes}
    columns = kinds[0]["columns"]
    assert {"period", "stock", "demand", "sent to it"} <= set(columns)
    week = 3 + columns.index("of the 52 of a season")
    first = int(kinds[0]["rows"][0][week])
    assert first == solution.case.phase % 52 + 1
    assert '<p id="caption">six_stores: stock, mean of 100 futures</p>' in text
    (picture,) = re.findall(r'<div id="picture">(<svg.*?</svg>)</div>', text, re.DOTALL)
    assert "order up to" not in picture
