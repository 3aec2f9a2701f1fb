"""The checker finds every way in which routes can be wrong, and its costs follow TSPLIB."""

from collections.abc import Callable
from itertools import pairwise

import matplotlib
import numpy as np
import pytest

from nco.problems._routing import metrics
from nco.problems.cvrp import files
from nco.problems.cvrp.check import check
from nco.problems.cvrp.plot import plot

Routes = list[list[int]]


def make(size: int = 12, seed: int = 0, **fields: object) -> files.Case:
    """Customers at random, demands 3 to 5 and a capacity of 10: at most three fit a route."""
    random = np.random.default_rng(seed)
    demand = np.concatenate([[0], random.integers(3, 6, size)])
    data = {"coords": random.random((size + 1, 2)), "demand": demand, "capacity": 10, **fields}
    case = files.from_arrays(data)
    assert case is not None
    return case


def pairs(case: files.Case) -> Routes:
    """Two customers a route, which always fit."""
    return [list(range(i, min(i + 2, case.size + 1))) for i in range(1, case.size + 1, 2)]


def drop(routes: Routes) -> str:
    return f"customer {routes[1].pop()} is not visited"


def double(routes: Routes) -> str:
    routes[2].append(routes[0][0])
    return f"customer {routes[0][0]} is visited 2 times, in routes 1, 3"


def repeat(routes: Routes) -> str:
    routes[0].append(routes[0][0])
    return f"customer {routes[0][0]} is visited 2 times, in routes 1, 1"


def replace(routes: Routes) -> str:
    routes[0][0] = 99
    return "route 1 visits customer 99, but the customers are 1 to 12"


def visit_depot(routes: Routes) -> str:
    routes[0].insert(1, 0)
    return "route 1 holds 0, the depot"


def negate(routes: Routes) -> str:
    routes[0][0] *= -1
    return "route 1 visits customer -1"


def merge(routes: Routes) -> str:
    routes[0] += routes.pop(1)
    return "route 1 carries "


def one_route(routes: Routes) -> str:
    routes[:] = [[customer for route in routes for customer in route]]
    return "above the capacity 10"


MUTATIONS = [drop, double, repeat, replace, visit_depot, negate, merge, one_route]


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.parametrize("seed", range(5))
def test_a_mutated_solution_is_flagged(mutate: Callable[[Routes], str], seed: int) -> None:
    """Each way to break a feasible plan is named by the sentence that belongs to it."""
    case = make(seed=seed)
    routes = pairs(case)
    assert check(case, routes).feasible
    sentence = mutate(routes)
    report = check(case, routes)
    assert not report.feasible
    assert any(sentence in violation for violation in report.violations), report.violations


def test_a_swap_between_routes_that_overloads_one_is_flagged() -> None:
    """The load and the capacity are in the sentence."""
    case = make(4, demand=[0, 1, 9, 2, 8])
    assert check(case, [[1, 2], [3, 4]]).feasible
    assert check(case, [[3, 2], [1, 4]]).violations == ["route 1 carries 11, above the capacity 10"]


def test_more_routes_than_vehicles_are_flagged_and_empty_ones_do_not_count() -> None:
    """Only routes with customers need a vehicle."""
    case = make(vehicles=6)
    assert check(case, [*pairs(case), []]).feasible
    split = [*pairs(case)[:-1], [11], [12]]
    assert check(case, split).violations == ["7 routes, but the case has 6 vehicles"]


def test_loads_are_added_as_the_decimals_that_were_stated() -> None:
    """0.1 and 0.2 are exactly 0.3."""
    case = make(2, demand=[0, 0.1, 0.2], capacity=0.3)
    assert check(case, [[1, 2]]).feasible
    case = make(2, demand=[0, 0.1, 0.2], capacity=0.29999)
    assert check(case, [[1, 2]]).violations == ["route 1 carries 0.3, above the capacity 0.29999"]


@pytest.mark.parametrize(
    "garbage",
    [None, 5, "routes", [1, 2], [[1.5]], [["1"]], [[True]], [None], {1: 2}, [[[1]]], [[10**5000]]],
)
def test_garbage_is_one_violation_and_has_no_cost(garbage: object) -> None:
    """Whatever object is given, the checker answers with a sentence."""
    report = check(make(), garbage)
    assert report.cost is None
    assert len(report.violations) == 1
    assert not report.feasible


def test_many_violations_are_cut() -> None:
    """After five the others are counted."""
    report = check(make(1000), [])
    assert len(report.violations) == 6
    assert report.violations[-1] == "and 995 more customers not visited"


def test_numpy_routes_are_routes() -> None:
    """An array of routes costs as the lists do."""
    case = make()
    assert check(case, np.array(pairs(case))).cost == check(case, pairs(case)).cost


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_costs_agree_with_the_distance_matrix(metric: str) -> None:
    """In every metric, legs are priced as the matrix of the readers."""
    random = np.random.default_rng(1)
    coords = np.round(random.uniform(-80, 80, (41, 2)), 1)
    coords[7] = coords[8]
    case = files.Case(
        metric=metric, coords=coords, demand=np.array([0.0] + [1.0] * 40), capacity=9.0
    )
    table = metrics.distance_matrix(coords, metric)
    routes = [list(range(i, i + 8)) for i in range(1, 41, 8)]
    closed = [[0, *route, 0] for route in routes]
    cost = sum(table[a, b] for route in closed for a, b in pairwise(route))
    report = check(case, routes)
    assert report.cost == pytest.approx(cost, rel=1e-9 if metric == "HAVERSINE" else 1e-14)
    assert isinstance(report.cost, float if metric in metrics.REAL else int)


def test_costs_follow_tsplib_by_hand() -> None:
    """Each metric rounds as TSPLIB says, counted on paper."""

    def cost(metric: str) -> float | int | None:
        coords = np.array([[0.0, 0.0], [3.0, 3.5]])
        case = files.Case(metric=metric, coords=coords, demand=np.array([0.0, 1.0]), capacity=1.0)
        return check(case, [[1]]).cost

    assert cost("EUC_2D") == 2 * 5  # 4.61 rounded
    assert cost("CEIL_2D") == 2 * 5
    assert cost("MAN_2D") == 2 * 7  # 6.5 rounds up
    assert cost("MAX_2D") == 2 * 4  # 3.5 rounds up
    assert cost("ATT") == 2 * 2  # sqrt(21.25 / 10) = 1.46 becomes 1, which is shorter, so 2
    assert cost("EUCLIDEAN") == 2 * 21.25**0.5


@pytest.mark.parametrize("stated", ["coords", "distances", "both"])
def test_routes_are_drawn_with_and_without_coordinates(stated: str) -> None:
    """Each route has a line, and the title says cost and number."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    gaps = np.ones((13, 13))
    data = {"coords": {}, "distances": {"coords": None, "distances": gaps}}
    case = make(**data.get(stated, {"distances": gaps}))
    figure, axes = pyplot.subplots()
    plot(case, pairs(case), axes)
    labels = axes.get_legend_handles_labels()[1]
    assert len(labels) == 6 + 1  # the routes and the depot
    assert all("length" in label and "load" in label for label in labels[:6])
    # made-up places have no coordinates
    assert bool(axes.get_xticks().size) == (stated != "distances")
    assert "6 routes" in axes.get_title()
    pyplot.close(figure)
