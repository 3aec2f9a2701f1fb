"""Lower bounds: never above an optimum by enumeration, and what `nco.solve` makes of them."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nco
from nco.core.case import Bound, Case, Proof, Report
from nco.problems._routing import one_tree
from nco.problems._shop import bound as shop_bound
from nco.problems.atsp import classical as atsp_classical
from nco.problems.cvrp.files import least_bins
from nco.registry import folder
from nco.registry.sources import as_case
from nco.solving import certify
from nco.workers import lanes

quickly = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
TABLE = [
    [0, 43, 32, 58, 52, 57],
    [43, 0, 12, 39, 52, 51],
    [32, 12, 0, 36, 44, 44],
    [58, 39, 36, 0, 23, 17],
    [52, 52, 44, 23, 0, 8],
    [57, 51, 44, 17, 8, 0],
]  # where the least 1-trees of two sides of a ridge have opposite slopes
METRICS = ["EUC_2D", "CEIL_2D", "MAN_2D", "MAX_2D", "ATT", "GEO", "HAVERSINE"]


def cost(case: Case, solution: Any) -> float:
    report: Report = folder(case.problem).check.check(case, solution)
    return float(report.cost) if report.feasible and report.cost is not None else math.inf


def bound(case: Case, known: float | None = None) -> Bound:
    found = folder(case.problem).bound.bound(case, None, known)
    assert isinstance(found, Bound)
    return found


def best_tour(case: Any) -> float:
    first, *rest = case.ids.tolist()
    return min(cost(case, [first, *order]) for order in itertools.permutations(rest))


def tsp_file(rng: np.random.Generator, metric: str, size: int) -> Case:
    coords = rng.random((size, 2)) * (80 if metric in ("GEO", "HAVERSINE") else 1000)
    if metric == "GEO":  # degrees and minutes
        coords = np.trunc(coords) + 0.5 * (coords - np.trunc(coords))
    rows = "".join(f"{k + 1} {x:.3f} {y:.3f}\n" for k, (x, y) in enumerate(coords))
    text = (
        f"TYPE: TSP\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: {metric}\nNODE_COORD_SECTION\n{rows}EOF\n"
    )
    case: Case = folder("tsp").files.read(text)
    return case


@quickly
@given(seeds, st.integers(3, 7), st.sampled_from([*METRICS, "plane", "whole", "real"]))
def test_no_tour_is_shorter(seed: int, size: int, kind: str) -> None:
    """The bound is at most the best tour by brute force, in every metric."""
    rng = np.random.default_rng(seed)
    if kind in METRICS:
        case = tsp_file(rng, kind, size)
    elif kind == "plane":
        case = as_case(rng.random((size, 2)))
    else:
        matrix = rng.integers(0, 30, (size, size)) if kind == "whole" else rng.random((size, size))
        case = as_case({"distances": matrix + matrix.T}, "tsp")
    best = best_tour(case)
    found = bound(case)
    assert found.value <= best
    assert found.value <= bound(case, best).value + 1e-6 * best + 1  # knowing more does no harm
    assert found.value > 0.7 * best - 1
    assert isinstance(found.value, int) == (kind not in ("plane", "real", "HAVERSINE"))


def test_a_ring_is_proven_optimal() -> None:
    """Points on a circle have a bound that meets the tour around it."""
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    ring = np.round(1000 * np.stack([np.cos(angles), np.sin(angles)], 1)).astype(int)
    matrix = np.rint(np.hypot(*(ring[:, None] - ring).transpose(2, 0, 1))).astype(int)
    case = as_case({"distances": matrix})
    assert bound(case).value == cost(case, list(range(30)))


@quickly
@given(seeds, st.integers(3, 6), st.booleans())
def test_no_directed_tour_is_shorter(seed: int, size: int, whole: bool) -> None:
    """The bound is at most the best directed tour by brute force."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 30, (size, size)) if whole else rng.random((size, size))
    case = as_case({"distances": matrix, "problem": "atsp"})
    assert bound(case).value <= best_tour(case)


@pytest.mark.parametrize("size", [20, 60])
def test_random_assignments_are_nearly_tours(size: int) -> None:
    """CP-SAT proves its tour, and the bound comes within a fifth of it."""
    matrix = np.random.default_rng(size).integers(1, 10_000, (size, size))
    case = as_case({"distances": matrix})
    proof = Proof()
    tour = atsp_classical.cpsat(case, time_limit=None, seed=0, proof=proof)
    assert tour is not None
    assert proof.bound == cost(case, tour)
    assert 0.8 * cost(case, tour) < bound(case).value <= cost(case, tour)


def partitions(items: Sequence[int]) -> Iterator[list[list[int]]]:
    """All ways to part the items into routes, in every order within."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for count in range(len(rest) + 1):
        for others in itertools.combinations(rest, count):
            left = [item for item in rest if item not in others]
            for more in partitions(left):
                for order in itertools.permutations([first, *others]):
                    yield [list(order), *more]


@quickly
@given(seeds, st.integers(2, 5), st.booleans())
def test_no_routes_are_shorter(seed: int, size: int, whole: bool) -> None:
    """The bound is at most the best plan by brute force."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {"demand": [0, *rng.integers(0, 6, size).tolist()], "capacity": 8}
    data["coords"] = rng.random((size + 1, 2))
    if whole:
        points = np.rint(20 * data["coords"])
        data["distances"] = np.rint(np.hypot(*(points[:, None] - points).transpose(2, 0, 1)))
    case = as_case(data)
    best = min(cost(case, routes) for routes in partitions(range(1, size + 1)))
    assert bound(case).value <= best
    assert bound(case, best).value <= best


def test_full_vehicles_are_proven_to_go_one_by_one() -> None:
    """Each customer fills a vehicle: the bound is there and back for all of them."""
    points = np.array([[0, 0], [3, 4], [6, 8], [0, 5], [5, 12]])
    case = as_case({"coords": points, "demand": [0, 2, 2, 2, 2], "capacity": 2})
    assert bound(case).value == pytest.approx(2 * (5 + 10 + 5 + 13))


@pytest.mark.long
@quickly
@given(seeds, st.integers(1, 4))
def test_no_different_vehicles_are_cheaper(seed: int, size: int) -> None:
    """The bound is at most the best plan of a mixed fleet by brute force."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {
        "coords": np.rint(30 * rng.random((size + 1, 2))),
        "demand": [0, *rng.integers(1, 6, size).tolist()],
        "capacities": rng.integers(5, 12, 3).tolist(),
        "fixed": rng.integers(0, 30, 3).tolist(),
        "unit": rng.choice([0.5, 1.0, 2.0], 3).tolist(),
        "objective": "total",
    }
    case = as_case(data, "hcvrp")
    plans = folder("hcvrp").check.every_solution(case, 10**6)
    assert plans is not None
    best = min(cost(case, plan) for plan in plans)
    if math.isfinite(best):
        assert bound(case).value <= best + 1e-9
        assert bound(case).value > 0.5 * best


@quickly
@given(seeds, st.integers(1, 9), st.sampled_from(["whole", "real", "decimal"]))
def test_a_small_knapsack_is_proven(seed: int, size: int, kind: str) -> None:
    """The bound is the best value by brute force, for whole and real numbers."""
    rng = np.random.default_rng(seed)
    values, weights = (rng.random(size) for _ in range(2))
    capacity = float(rng.uniform(0.1, 0.6) * size)
    if kind != "real":
        digits = 0 if kind == "whole" else 2
        values, weights = np.round(20 * values, digits), np.round(20 * weights, digits)
        capacity = round(20 * capacity, digits)
    case = as_case({"values": values, "weights": weights, "capacity": max(capacity, 0.01)})
    choices = itertools.chain.from_iterable(
        itertools.combinations(range(size), count) for count in range(size + 1)
    )
    best = min(cost(case, list(choice)) for choice in choices)
    assert bound(case).value == best
    assert bound(case, best).value == best


def test_a_hard_knapsack_has_the_linear_relaxation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where exact methods would take too long, the relaxation is the bound."""
    bounds: Any = folder("knapsack").bound
    monkeypatch.setattr(bounds, "MOST_NODES", 3)
    monkeypatch.setattr(bounds, "ROOM", 1)
    rng = np.random.default_rng(1)
    weights = rng.integers(1000, 9999, 40)
    case = as_case({"values": weights + 500, "weights": weights, "capacity": 90_001})
    found = bound(case)
    assert found.by == "linear relaxation"
    monkeypatch.undo()
    assert found.value <= bound(case).value


@quickly
@given(seeds, st.integers(1, 5), st.booleans())
def test_no_route_collects_more(seed: int, size: int, whole: bool) -> None:
    """The bound is at least the best prize by brute force."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {"prizes": [0, *rng.integers(0, 9, size).tolist()]}
    if whole:
        matrix = rng.integers(1, 9, (size + 1, size + 1))  # shortcuts and all
        data.update(distances=matrix + matrix.T, limit=int(rng.integers(4, 50)))
    else:
        data.update(coords=rng.random((size + 1, 2)), limit=float(rng.uniform(0.2, 3)))
    case = as_case(data)
    routes = itertools.chain.from_iterable(
        itertools.permutations(range(1, size + 1), count) for count in range(size + 1)
    )
    assert bound(case).value <= min(cost(case, list(route)) for route in routes)


@quickly
@given(seeds, st.sampled_from(["jssp", "fjsp", "ffsp"]))
def test_no_schedule_is_shorter(seed: int, problem: str) -> None:
    """The bound is at most the best makespan by brute force."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any]
    if problem == "jssp":
        machines = np.stack([rng.permutation(3) for _ in range(3)])
        data = {"machines": machines, "durations": rng.integers(0, 9, (3, 3))}
    elif problem == "ffsp":
        data = {"durations": [rng.integers(1, 9, (4, 2)).tolist() for _ in range(2)]}
    else:
        data = {"jobs": [[_choices(rng) for _ in range(3)] for _ in range(3)]}
    case = as_case(data)
    solve = folder(problem).solver("cpsat").solve
    proof = Proof()
    solution = solve(case, time_limit=None, seed=0, proof=proof)  # type: ignore[call-arg]
    assert bound(case).value <= cost(case, solution)
    assert proof.bound == cost(case, solution)


def _choices(rng: np.random.Generator) -> list[tuple[int, int]]:
    able = rng.permutation(3)[: rng.integers(1, 4)]
    return [(int(machine), int(rng.integers(1, 9))) for machine in able]


def test_one_machine_is_proven() -> None:
    """Heads 0, tails 0: the sum of the durations is both bound and makespan."""
    case = as_case({"machines": [[0]] * 4, "durations": [[3], [1], [4], [1]]})
    assert bound(case).value == 9


def test_a_bound_needs_no_torch() -> None:
    """As classical solvers it may run where torch is not."""
    for part in (one_tree, certify, shop_bound):
        assert "import torch" not in Path(part.__file__).read_text()


@pytest.mark.parametrize(
    ("loads", "capacity", "least"),
    [
        ([6, 6, 6], 10, 3),
        ([4, 4, 4], 10, 2),
        ([5, 5, 5, 5], 10, 2),
        ([7, 7, 4, 4], 10, 3),
        ([], 1, 0),
    ],
)
def test_fewest_bins(loads: list[int], capacity: int, least: int) -> None:
    """The number of bins is a known one, and no packing has fewer."""
    assert least_bins([Fraction(load) for load in loads], Fraction(capacity)) == least


def test_a_gap_is_a_share_of_the_bound() -> None:
    """Of positive and of negative costs alike; there is none of a bound of zero."""
    assert certify.gap(110, 100) == pytest.approx(0.1)
    assert certify.gap(-90, -100) == pytest.approx(0.1)
    assert certify.gap(100, 100) == 0
    assert certify.gap(1, 0) is None


def test_a_proof_comes_home_from_the_child() -> None:
    """A solver's bound is in its outcome, and rules have none."""
    case = as_case({"machines": [[0, 1], [1, 0]], "durations": [[3, 2], [2, 4]]})
    outcome = lanes.run(case, "cpsat", time_limit=None)
    assert outcome.bound == 7 == cost(case, outcome.solution)
    rule = lanes.run(case, "spt", time_limit=None)
    assert rule.bound is None


def test_a_solvers_proof_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it meets the cost, no other bound is computed."""
    case = as_case({"values": [3, 4], "weights": [1, 1], "capacity": 1})
    monkeypatch.setattr(certify.registry, "folder", lambda *names: pytest.fail("asked for a bound"))
    proven = Bound(-4, "cpsat")
    assert certify.certify(case, Report(-4, 4), None, proven) is proven


def test_solutions_say_what_is_certain(
    tiny: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Bound, gap and the name of the proof are in all forms of a solution."""
    items = {"values": [6, 10, 12], "weights": [1, 2, 3], "capacity": 5}
    found = nco.solve(items, model=tiny["knapsack"], time_limit=None)
    assert (found.cost, found.bound, found.gap, found.status) == (-22, -22, 0.0, "OPTIMAL")
    assert found.to_dict()["bound_by"] == "dynamic programming"
    assert "upper bound 22 (dynamic programming): the optimum is 22, too" in str(found)
    without = nco.solve(items, model=tiny["knapsack"], bound=False, time_limit=None)
    assert (without.bound, without.gap, without.status) == (None, None, "FEASIBLE")
    assert [one.bound for one in nco.solve([items, items], model=tiny["knapsack"])] == [None, None]
    tour = nco.solve(np.random.default_rng(1).random((12, 2)), model=tiny["tsp"], time_limit=None)
    assert 0 <= tour.gap < 0.5
    assert tour.bound <= tour.cost
    assert "lower bound" in str(tour)
    assert "gap" not in str(tour)
    json.dumps(tour.to_dict())


def test_a_bound_keeps_to_the_time(tiny: dict[str, str]) -> None:
    """A twentieth of the limit is kept for it, within ends, and none of a short one."""
    coords = np.random.default_rng(2).random((30, 2))
    assert certify.reserve(as_case(coords), 0.5) == 0
    assert certify.reserve(as_case(coords), 10) == pytest.approx(0.5)
    assert certify.reserve(as_case(coords), 1000) == certify.RESERVE.most
    found = nco.solve(coords, model=tiny["tsp"], time_limit=0.3, classical=False)
    assert found.bound is None
    assert one_tree.tour_bound(np.zeros((5000, 5000), dtype=np.int64), 0, 0.1) is None


def test_notes_are_no_errors(tiny: dict[str, str]) -> None:
    """What is odd about an instance is noted with the solution."""
    found = nco.solve(
        {"values": [3, 1], "weights": [9, 1], "capacity": 1}, model="none", time_limit=None
    )
    assert found.notes == ["1 of 2 items weigh more than the capacity and can never be chosen: 0"]
    assert "note: 1 of 2 items" in str(found)


@pytest.mark.parametrize("seed", range(40))
def test_a_known_tour_makes_no_bound_weaker(seed: int) -> None:
    """The optimum as `known` gives at least the bound that a constructed tour gives."""
    rng = np.random.default_rng(seed)
    case = tsp_file(rng, "GEO" if seed % 2 else "EUC_2D", 6)
    assert bound(case, best_tour(case)).value >= bound(case).value


def test_an_ascent_between_two_trees_is_continued_with_longer_steps() -> None:
    """Steps to a near target went to and fro here and ended 2 % below what a far target gives."""
    table = np.array(TABLE) * 1000
    optimum = 1000 * min(
        sum(TABLE[a][b] for a, b in itertools.pairwise((0, *order, 0)))
        for order in itertools.permutations(range(1, len(TABLE)))
    )
    assert one_tree.tour_bound(table, optimum, None) == optimum


def test_no_time_is_kept_for_a_bound_that_does_not_apply() -> None:
    """Of the time of the last vehicle there is none, of the total cost there is one."""
    data = {"coords": np.eye(4)[:, :2], "demand": [0, 1, 1, 1], "capacities": [2, 2]}
    last = as_case({**data, "speeds": [1, 1]}, "hcvrp")
    total = as_case({**data, "objective": "total"}, "hcvrp")
    assert certify.reserve(last, 10.0) == 0.0
    assert certify.reserve(total, 10.0) > 0.0
