"""Classical solvers give feasible routes, the best ones where enumeration can tell."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from nco.core.errors import NCOError
from nco.problems._routing.kernels import warm
from nco.problems.cvrp import classical, files
from nco.problems.cvrp.check import check

Routes = list[list[int]]
SOLVERS = [solver.solve for solver in classical.solvers().values()]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Kernels are ready: compiling them would take all of a short time limit."""
    warm.compile_kernels()


def make(size: int, seed: int = 0, **fields: object) -> files.Case:
    random = np.random.default_rng(seed)
    demand = np.concatenate([[0], random.integers(1, 10, size)])
    data = {"coords": random.random((size + 1, 2)), "demand": demand, "capacity": 15, **fields}
    case = files.from_arrays(data)
    assert case is not None
    return case


def splits(order: tuple[int, ...]) -> Iterator[Routes]:
    """All ways to cut an order of customers into routes."""
    if not order:
        yield []
    for first in range(1, len(order) + 1):
        for rest in splits(order[first:]):
            yield [list(order[:first]), *rest]


def brute_force(case: files.Case) -> float:
    """The least cost over every order of the customers and every way to cut it."""
    reports = (
        check(case, routes)
        for order in permutations(range(1, case.size + 1))
        for routes in splits(order)
    )
    return min(report.cost for report in reports if report.feasible and report.cost is not None)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_tiny_cases_are_solved_to_the_optimum(solver, size: int) -> None:
    """Up to four customers every solver finds what brute force finds."""
    case = make(size, seed=size)
    routes = solver(case, time_limit=0.1, seed=0)
    report = check(case, routes)
    assert report.violations == []
    assert report.cost == pytest.approx(brute_force(case), rel=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"demand": np.r_[0, np.random.default_rng(3).random(20)], "capacity": 1.0},
        {"demand": [0] + [0.6] * 20, "capacity": 1.0},  # each needs a vehicle of its own
        {"demand": [0] * 21},
        {"coords": np.zeros((21, 2))},
        {"coords": np.random.default_rng(4).random((21, 2)) * 1e9},
        {"coords": None, "distances": np.full((21, 21), 2.0**53)},
        {"vehicles": 12},
    ],
)
def test_any_case_gets_feasible_routes_without_a_limit(solver, fields: dict[str, object]) -> None:
    """Decimals, matrices and fleets are no obstacle."""
    case = make(20, **fields)
    routes = solver(case, time_limit=None, seed=0)
    assert check(case, routes).violations == []


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_is_not_made_worse(solver) -> None:
    """It costs no more afterwards, but for rounded distances."""
    case = make(20)
    start = classical.pyvrp(case, time_limit=0.2, seed=0)
    assert start is not None
    report = check(case, solver(case, time_limit=0.1, seed=0, start=[*start, []]))
    assert report.feasible
    assert report.cost <= check(case, start).cost * (1 + 1e-4)  # distances are rounded
    for broken in ([[1]], [[99]], [list(range(1, 21))]):
        assert check(case, solver(case, time_limit=0.1, seed=0, start=broken)).feasible


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fleet_that_is_too_small_finds_nothing(solver) -> None:
    """Three loads of 15 would be full, which 6, 6 and 3 make; there are too few threes."""
    case = make(8, demand=[0, 6, 6, 6, 6, 6, 6, 4, 5], vehicles=3)
    assert solver(case, time_limit=0.1, seed=0) is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_customers_need_no_routes(solver) -> None:
    """The empty plan is returned."""
    assert solver(make(0), time_limit=0.1, seed=0) == []


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    with pytest.raises(NCOError, match="pyvrp is not installed: pip install"):
        classical.pyvrp(make(3), time_limit=0.1, seed=0)


def test_ruin_and_recreate_reaches_a_published_optimum() -> None:
    """P-n16-k8 of Augerat et al., whose optimum with eight vehicles is 450."""
    places = "30 40 37 52 49 49 52 64 31 62 52 33 42 41 52 41 57 58 62 42 42 57 27 68 43 67 58 48"
    case = files.from_arrays(
        {
            "coords": np.array(f"{places} 58 27 37 69".split(), dtype=float).reshape(-1, 2),
            "demand": [0, 19, 30, 16, 23, 11, 31, 15, 28, 8, 8, 7, 14, 6, 19, 11],
            "capacity": 35,
            "vehicles": 8,
        }
    )
    assert case is not None
    rounded = replace(case, metric="EUC_2D")
    told: list[Routes] = []
    routes = classical.sisr(rounded, time_limit=60, seed=1, found=told.append, iterations=20_000)
    report = check(rounded, routes)
    assert report.violations == []
    assert report.cost == 450
    assert all(check(rounded, better).feasible for better in told)
    assert classical.sisr(rounded, time_limit=None, seed=1, iterations=20_000) == routes


def test_few_vehicles_are_never_too_few_where_the_construction_keeps_to_them() -> None:
    """However few steps there are: what is constructed is the start then."""
    random = np.random.default_rng(0)
    kept = 0
    for size in (5, 8, 13, 30) * 5:
        demand = random.integers(1, 9, size).tolist()
        case = files.from_arrays(
            {
                "coords": random.random((size + 1, 2)),
                "demand": [0, *demand],
                "capacity": 12,
                "vehicles": -(-sum(demand) // 12) + 1,
            }
        )
        assert case is not None
        routes = classical.sisr(case, time_limit=None, seed=1, iterations=1)
        if check(case, case.construct()).feasible:
            kept += 1
            assert check(case, routes).feasible
    assert kept > 3
