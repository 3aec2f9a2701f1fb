"""Classical solvers of the TSP, and the picture of a tour."""

import sys
import types
from collections.abc import Callable

import numpy as np
import pytest

from nco.core.errors import InstanceError, NCOError
from nco.problems._routing import with_ortools
from nco.problems.tsp import classical, files
from nco.problems.tsp.check import check
from nco.problems.tsp.plot import plot

Solver = Callable[..., list[int] | None]


@pytest.fixture(params=classical.solvers())
def solver(request: pytest.FixtureRequest) -> Solver:
    """Each solver that is installed."""
    if request.param != "ortools":
        pytest.importorskip(request.param)
    return getattr(classical, request.param)


def circle(size: int, scale: float = 1.0) -> files.Case:
    """Points on a circle in a random order, whose best tour goes round; numbers from 5."""
    turn = np.random.default_rng(0).permutation(size) * 2 * np.pi / size
    coords = scale * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return files.Case(metric="EUCLIDEAN", ids=np.arange(5, size + 5), coords=coords)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_finds_the_circle(solver: Solver, scale: float) -> None:
    """Within a third of a second 30 points on a circle are visited in order, at any scale."""
    case = circle(30, scale)
    tour = solver(case, time_limit=0.3, seed=1)
    report = check(case, tour)
    assert report.feasible
    assert report.cost == pytest.approx(scale * 60 * np.sin(np.pi / 30), rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_tiny(solver: Solver, size: int) -> None:
    """From one node up every solver answers, with and without a time limit."""
    case = circle(size)
    for limit in (None, 0.1):
        assert check(case, solver(case, time_limit=limit, seed=1)).feasible


def test_first_solution_is_repeatable(solver: Solver) -> None:
    """Without a time limit there is one quick answer; distances may be all equal or a matrix."""
    equal = files.Case(metric="EUC_2D", ids=np.arange(8), coords=np.ones((8, 2)))
    assert check(equal, solver(equal, time_limit=None, seed=1)).cost == 0
    matrix = files.from_arrays({"distances": circle(12).matrix() * 2.0**49})
    assert matrix is not None
    first = solver(matrix, time_limit=None, seed=1)
    assert check(matrix, first).feasible
    assert solver(matrix, time_limit=None, seed=1) == first


def test_start_is_never_made_worse(solver: Solver) -> None:
    """A warm start that is optimal comes back, and a defective one is refused."""
    case = circle(40)
    assert case.coords is not None
    best = case.numbered(np.argsort(np.arctan2(case.coords[:, 1], case.coords[:, 0])).tolist())
    for limit in (None, 0.05):
        answer = solver(case, time_limit=limit, seed=1, start=best)
        assert check(case, answer).cost == pytest.approx(check(case, best).cost)
    with pytest.raises(InstanceError, match="a warm start must visit every node once"):
        solver(case, time_limit=0.01, seed=1, start=best[1:])


@pytest.mark.parametrize("limit", [None, 0.1])
def test_large_cases_start_from_nearest_neighbours(
    monkeypatch: pytest.MonkeyPatch, limit: float | None
) -> None:
    """A large case is given a first tour; without time for a search that is the answer."""
    monkeypatch.setattr(classical, "LARGEST_UNTIMED", 10)
    monkeypatch.setattr(with_ortools, "LARGEST_TABLE", 10)
    coords = np.random.default_rng(0).random((30, 2))
    case = files.Case(metric="EUCLIDEAN", ids=np.arange(30), coords=coords)
    tour = classical.ortools(case, time_limit=limit, seed=1)
    assert check(case, tour).feasible
    if limit is None:
        assert tour == case.construct()


def test_plot_draws_the_closed_tour() -> None:
    """The line comes back to its first node; GEO has the longitude to the right."""
    figure = pytest.importorskip("matplotlib.figure").Figure()
    case = files.Case(
        name="three",
        metric="GEO",
        ids=np.arange(1, 4),
        coords=np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]),
    )
    axes = figure.add_subplot()
    plot(case, [2, 1, 3], axes)
    assert axes.lines[0].get_xydata().tolist() == [[40, 30], [20, 10], [60, 50], [40, 30]]
    assert axes.get_title().startswith("three: length ")
    matrix = files.from_arrays({"distances": [[0, 1], [1, 0]]})
    assert matrix is not None
    plot(matrix, [1, 0], figure.add_subplot())


@pytest.mark.parametrize(("module", "name"), [("pyvrp", "pyvrp"), ("fast_tsp", "fast-tsp")])
def test_missing_solver_is_named(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    """Without the optional package the error says how to get it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NCOError, match=f"{name} is not installed: pip install 'nco-solver"):
        getattr(classical, module)(circle(5), time_limit=None, seed=1)


def test_fast_tsp_runs_grow_and_share_the_time() -> None:
    """Each is longer than the one before, and the last one has most; short ones are left out."""
    for seconds, count in ((10.0, 4), (1.0, 4), (0.4, 3), (0.1, 2), (0.005, 1)):
        runs = classical.slices(seconds)
        assert len(runs) == count
        assert sum(runs) == pytest.approx(seconds)
        assert runs == sorted(runs)
        assert runs[-1] >= 0.75 * seconds


def test_every_run_of_fast_tsp_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing worse than the start or an earlier run is, although each begins anew."""
    tours = iter([list(range(8)), [0, 2, 1, *range(3, 8)], list(range(8)), list(range(8))])
    module = types.SimpleNamespace(find_tour=lambda table, duration_seconds: next(tours))
    monkeypatch.setitem(sys.modules, "fast_tsp", module)
    case, told = circle(8), []
    start = case.numbered([0, 3, 2, 1, *range(4, 8)])
    best = classical.fast_tsp(case, time_limit=1.0, seed=0, start=start, found=told.append)
    lengths = [classical._length(case, case.indexed(tour)) for tour in told]
    assert len(told) == 4
    assert lengths == sorted(lengths, reverse=True)
    assert best == told[-1]
