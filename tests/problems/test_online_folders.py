"""Problems in which the future is unknown: pictures, rules in words, and cases without a trace."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from small_inputs import ARRAYS

from nco import registry
from nco.core.errors import InstanceError, NCOError
from nco.problems.exo.files import Case as Exo
from nco.problems.netflow.files import Case as Netflow
from nco.problems.packing.files import Case as Packing
from nco.problems.rebalancing.files import Case as Rebalancing

TRACES = {"exo": "arrivals", "packing": "arrivals", "netflow": "demand", "rebalancing": "trips"}
WORDS = {
    "exo": {"greedy": "accept whatever fits", "optimal": "accept when", "bayes": "accept what"},
    "packing": {
        "first_fit": "the first open bin",
        "best_fit": "the open bin that will be",
        "sum_of_squares": "where the numbers of open bins",
    },
    "netflow": {"equal": "produce the mean demand"},
    "rebalancing": {"equal": "send idle vehicles", "stay": "never send an empty vehicle"},
}


def case(name: str, **changes: Any) -> Any:
    """The small case of a problem."""
    made = registry.folder(name).files.from_arrays(ARRAYS[name] | changes)
    assert made is not None
    return made


@pytest.fixture
def ax() -> Iterator[Axes]:
    """Axes of a figure that is closed afterwards."""
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.mark.parametrize("name", TRACES)
def test_a_setting_without_a_trace_has_no_verdict_and_no_plan(name: str) -> None:
    """The checker says so in a sentence, and solvers of known futures refuse it."""
    folder = registry.folder(name)
    setting = case(name, **{TRACES[name]: None})
    assert not setting.foreseen
    assert case(name).foreseen
    report = folder.check.check(setting, setting.construct())
    assert not report.feasible
    assert report.cost is None
    assert report.violations[0].startswith("the case has no trace of ")
    with pytest.raises(NCOError, match=r"^the case has no trace of \w+ that could be planned for$"):
        folder.classical.solvers()["hindsight"].solve(setting, time_limit=1.0, seed=0)


@pytest.mark.parametrize("name", TRACES)
def test_no_plan_is_improved_on(name: str) -> None:
    """It would have to know the future; the rules that suit a case are among the solvers."""
    classical = registry.folder(name).classical
    assert list(classical.improvers()) == []
    rules = classical.policies(case(name))
    assert set(rules) < set(classical.solvers())
    assert "hindsight" not in rules


@pytest.mark.parametrize(("name", "rule"), [(n, r) for n, rules in WORDS.items() for r in rules])
def test_rules_are_said_in_words(name: str, rule: str) -> None:
    """A person can follow them; other solutions have no words."""
    made = case(name)
    assert made.words({"rule": rule}).startswith(WORDS[name][rule])
    assert made.words({"rule": "no such"}) is None
    assert made.words([[1, 2]]) is None


def test_levels_are_said_with_their_figures() -> None:
    """Of the stores and of the factory."""
    said = case("netflow").words({"rule": "order_up_to", "store": 4, "factory": 11.5})
    assert said == "ship so that each store has 4, produce so that the factory has 11.5"


@pytest.mark.parametrize("name", ["exo", "packing"])
def test_periods_that_do_not_exist_are_named(name: str) -> None:
    """They count from 0, and come back sorted as Python's own numbers."""
    made = case(name)
    wrong = [3] if name == "exo" else [[0], [3]]
    with pytest.raises(InstanceError, match="period 3: the numbers go from 0 to 2"):
        made.indexed(wrong)
    if name == "exo":
        assert made.numbered(np.array([2, 0])) == [0, 2]


def test_flows_are_plain_lists_of_floats() -> None:
    """From any arrays."""
    assert case("netflow").indexed(np.ones((2, 3), dtype=np.float32)) == [[1.0] * 3] * 2
    plan = case("rebalancing").indexed(np.ones((2, 2, 2, 2)))
    assert plan == [[[[1.0, 1.0]] * 2] * 2] * 2


def test_the_picture_of_accepted_arrivals(ax: Axes) -> None:
    """One point an arrival, by what became of it, and a line a resource that ends at what is
    left of it."""
    made: Exo = case("exo")
    registry.folder("exo").plot.plot(made, [2], ax)
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    assert list(lines) == ["rejected (1)", "accepted (1)", "left of R0", "left of R1"]
    assert lines["accepted (1)"].get_xydata().tolist() == [[2.0, 1.0]]
    assert lines["rejected (1)"].get_xydata().tolist() == [[0.0, 0.5]]
    used = made.uses[:, 1] / made.capacity
    for row in range(2):
        left = lines[f"left of R{row}"].get_ydata()
        assert np.asarray(left).tolist() == pytest.approx([1, 1, 1 - used[row]])
    assert ax.get_title() == "unnamed: revenue 2"


def test_the_picture_of_bins(ax: Axes) -> None:
    """A row a bin; how full it is, by the scarcest resource, and nothing where it is empty."""
    made: Packing = case("packing")
    registry.folder("packing").plot.plot(made, [[0], [2]], ax)
    image = np.ma.filled(ax.get_images()[0].get_array().astype(float), np.nan)
    assert np.array_equal(image, [[0.5, 0.5, np.nan], [np.nan, np.nan, 0.75]], equal_nan=True)
    assert ax.get_title() == "unnamed: 2 bins"


def test_the_picture_of_stocks(ax: Axes) -> None:
    """Demand makes a backlog, and what was made yesterday lies in the factory today."""
    made: Netflow = case("netflow")
    registry.folder("netflow").plot.plot(made, [[4.0, 0, 0], [0, 3.0, 0]], ax)
    lines = {str(line.get_label()): np.asarray(line.get_ydata()).tolist() for line in ax.lines}
    assert lines["factory"] == [0, 1]
    assert lines["store 1"] == [-1, -3]
    assert lines["store 2"] == [-9, -21]


def test_the_picture_of_a_fleet(ax: Axes) -> None:
    """How many are asked for, served and sent in each period."""
    made: Rebalancing = case("rebalancing")
    plan = np.zeros((2, 2, 2, 2))
    plan[1, 0] = [[2, 0], [0, 0]]
    plan[0, 1, 0, 1] = 3
    registry.folder("rebalancing").plot.plot(made, plan.tolist(), ax)
    lines = {str(line.get_label()): np.asarray(line.get_ydata()).tolist() for line in ax.lines}
    assert lines == {"asked for": [1, 3], "served": [0, 2], "sent empty": [3, 0]}


@pytest.mark.parametrize("name", ["packing", "netflow", "rebalancing"])
def test_a_picture_without_a_trace_says_so(name: str, ax: Axes) -> None:
    """There is nothing to draw."""
    setting = replace(case(name, **{TRACES[name]: None}), name="plain")
    registry.folder(name).plot.plot(setting, [], ax)
    assert ax.get_title() == "plain: no trace"
    assert not ax.lines


def test_a_hundred_thousand_periods_are_judged_at_once() -> None:
    """The checker's time grows with the number of accepted periods, not with its square."""
    periods = 100_000
    made = Exo(
        capacity=np.array([1e9]),
        revenue=np.array([1.0]),
        uses=np.ones((1, 1)),
        probability=np.ones((periods, 1)),
        arrivals=np.zeros(periods, dtype=np.int64),
    )
    begun = time.process_time()
    report = registry.folder("exo").check.check(made, [*range(periods), 7])
    assert report.violations == ["period 7 is accepted more than once"]
    assert time.process_time() - begun < 10


# ---- checkers against another way of counting


def _netflow_profit(made: Netflow, plan: list[list[int]]) -> float:
    """Profit of a plan in plain floats, node by node instead of period by period."""
    assert made.demand is not None
    total = 0.0
    for node in range(made.size + 1):
        stock, coming = 0.0, 0.0
        for period in range(made.periods):
            stock += coming
            out = sum(plan[period][1:]) if node == 0 else made.demand[period, node - 1]
            stock -= out
            if node:
                total += made.price * out - made.shipping[node - 1] * plan[period][node]
            else:
                total -= made.production * plan[period][0]
            total -= made.storage[node] * max(stock, 0)
            total -= made.penalty * (max(-stock, 0) + max(stock - made.capacity[node], 0))
            stock = min(stock, made.capacity[node])
            coming = plan[period][node]
    return total


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=2))
@settings(max_examples=60, deadline=None)
def test_a_plan_earns_what_each_node_earns(plan: list[list[int]]) -> None:
    """Also where stores overflow, and where more is shipped than there is, which is a violation."""
    made = case("netflow")
    report = registry.folder("netflow").check.check(made, plan)
    assert report.objective == pytest.approx(_netflow_profit(made, plan))
    first, second = (sum(row[1:]) for row in plan)  # shipped; nothing is there at first
    broken = [first > 0, second > plan[0][0] - first]
    assert [f"period {t}" in " ".join(report.violations) for t in (0, 1)] == broken


@given(st.lists(st.integers(0, 2), min_size=6, max_size=6), st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_bins_are_judged_as_a_clock_would(bins: list[int], seed: int) -> None:
    """Every period by itself: what is there fits or not, and who pays for running bins."""
    draw = np.random.default_rng(seed)
    made: Packing = replace(
        case("packing"),
        periods=6,
        arrivals=(arrivals := draw.integers(-1, 2, 6)),
        leaves=(leaves := np.minimum(np.arange(6) + draw.integers(1, 5, 6), 6)),
    )
    kinds = arrivals.tolist()
    parts = [[t for t in range(6) if bins[t] == b and kinds[t] >= 0] for b in range(3)]
    solution = [part for part in parts if part]
    over = gap = False
    running = 0
    for part in solution:
        for period in range(6):
            load = sum((made.needs[kinds[t]] for t in part if t <= period < leaves[t]), np.zeros(2))
            over |= bool((load > made.capacity).any())
            running += bool((load > 0).any())
            inside = part[0] <= period < max(leaves[t] for t in part)
            gap |= inside and not (load > 0).any()
    # a bin that stands empty for no whole period is empty at the arrival all the same
    touching = any(
        place and not any(leaves[t] > period for t in part[:place])
        for part in solution
        for place, period in enumerate(part)
    )
    report = registry.folder("packing").check.check(made, solution)
    assert any("above the capacity" in line for line in report.violations) == over
    assert any("is empty before" in line for line in report.violations) == (gap or touching)
    if report.feasible:
        assert report.cost == running


@given(st.lists(st.integers(0, 3), min_size=16, max_size=16))
@settings(max_examples=80, deadline=None)
def test_a_fleet_is_judged_vehicle_by_vehicle(amounts: list[int]) -> None:
    """No region is left by more vehicles than are there, and no more is served than asked for."""
    made: Rebalancing = case("rebalancing")
    plan = np.array(amounts, dtype=float).reshape(2, 2, 2, 2)
    assert made.trips is not None
    there = made.vehicles.copy()
    arriving = {period: np.zeros(2) for period in range(5)}
    profit, unasked, missing = 0.0, False, False
    for period in range(2):
        there += arriving[period]
        empty = plan[period, 1] * (1 - np.eye(2))
        leaving = plan[period, 0] + empty
        missing |= bool((leaving.sum(1) > there).any())
        unasked |= bool((plan[period, 0] > made.trips[period]).any())
        there -= leaving.sum(1)
        profit += float((plan[period, 0] * made.prices).sum())
        profit -= made.running * float((made.times * leaving).sum())
        for i, j in np.ndindex(2, 2):
            arriving[period + int(made.times[i, j])][j] += leaving[i, j]
    report = registry.folder("rebalancing").check.check(made, plan.tolist())
    assert report.objective == pytest.approx(profit)
    assert any("asked for" in line for line in report.violations) == unasked
    assert any("vehicles leave region" in line for line in report.violations) == missing
