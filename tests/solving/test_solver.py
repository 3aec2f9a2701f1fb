"""`nco.solve`: every kind of source, deadlines, interruption, determinism, and the verdict."""

import itertools
import os
import time

import matplotlib
import numpy as np
import pytest

import nco
from nco.core.geometry import lengths
from nco.core.seeds import generator
from nco.problems.cvrp import CVRP
from nco.problems.tsp import TSP
from nco.solving import neural
from nco.solving.schedule import ELSEWHERE
from nco.workers import pool

matplotlib.use("Agg")
SQUARE = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
ROUTES = {
    "coords": [[0, 0], [0, 2], [0, 4], [3, 0], [6, 0]],
    "demand": [0, 1, 1, 1, 1],
    "capacity": 2,
}
ITEMS = {"values": [6, 10, 12], "weights": [1, 2, 3], "capacity": 5}


def test_a_square_is_solved_by_its_outline(tiny):
    """The tour goes round, is feasible, and costs 4."""
    found = nco.solve(SQUARE, model=tiny["tsp"], time_limit=None)
    assert found.cost == 4.0
    assert sorted(found.tour) == [0, 1, 2, 3]
    assert found.feasible
    assert found.status == "FEASIBLE"
    assert found.objective == found.cost


def test_routes_and_items_have_their_own_names(tiny):
    """A solution has its problem's word as an attribute, and no other's."""
    routes = nco.solve(ROUTES, model=tiny["cvrp"], time_limit=None)
    assert routes.cost == 20.0
    assert sorted(sorted(route) for route in routes.routes) == [[1, 2], [3, 4]]
    items = nco.solve(ITEMS, model=tiny["knapsack"], time_limit=None)
    assert items.objective == -items.cost
    assert items.items == items.solution
    with pytest.raises(AttributeError, match="tour"):
        _ = items.tour


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_tiny_and_degenerate_instances(tiny, count):
    """One to five points, equal or on a line, have the shortest tour."""
    for coords in ([[0.5, 0.5]] * count, [[float(i), 2.0 * i] for i in range(count)]):
        found = nco.solve(coords, model=tiny["tsp"], time_limit=None)
        assert found.feasible
        assert sorted(found.tour) == list(range(count))
        assert found.cost == pytest.approx(2 * np.hypot(*np.ptp(np.array(coords), axis=0)))


def test_nobody_to_serve_and_nothing_to_pack(tiny):
    """Without customers, or with an item too heavy, the empty solution is the answer."""
    nobody = nco.solve(
        {"coords": [[1, 1]], "demand": [0], "capacity": 1}, model=tiny["cvrp"], time_limit=None
    )
    assert nobody.routes == []
    assert nobody.cost == 0
    nothing = nco.solve(
        {"values": [3], "weights": [2], "capacity": 1}, model=tiny["knapsack"], time_limit=None
    )
    assert nothing.items == []
    assert nothing.objective == 0


def test_any_scale_gives_the_same_tour(tiny):
    """Coordinates in another unit, and moved, give a tour of about the same length."""
    coords = np.random.default_rng(1).random((12, 2)) * [1.0, 0.3]
    one = nco.solve(coords, model=tiny["tsp"], time_limit=None)
    moved = nco.solve(coords * 4096 - 512, model=tiny["tsp"], time_limit=None)
    assert moved.cost == pytest.approx(4096 * one.cost, rel=0.05)


def test_multistart_over_all_symmetries_is_invariant_to_them(tiny):
    """A rotated instance has the same cost."""
    coords = np.random.default_rng(2).random((9, 2))
    turned = np.stack([1 - coords[:, 1], coords[:, 0]], 1)
    one, other = (nco.solve(c, model=tiny["tsp"], time_limit=None).cost for c in (coords, turned))
    assert one == pytest.approx(other, rel=1e-6)


def test_a_list_of_mixed_sizes_and_problems_keeps_its_order(tiny):
    """Each answer is that of its instance alone."""
    random = np.random.default_rng(3)
    sources = [random.random((n, 2)) for n in (9, 4, 12, 4, 1)]
    together = nco.solve(sources, model=tiny["tsp"])
    assert [found.n for found in together] == [9, 4, 12, 4, 1]
    for source, found in zip(sources, together, strict=True):
        assert nco.solve(source, model=tiny["tsp"], time_limit=None).cost == pytest.approx(
            found.cost, rel=1e-5
        )


def test_tensors_are_a_source_too(tiny):
    """A batch of tensors gives a solution for each instance."""
    instance = TSP(size=7).generate(3, generator(0))
    found = nco.solve(instance, model=tiny["tsp"])
    assert len(found) == 3
    assert all(one.feasible and one.n == 7 for one in found)


def test_distances_without_coordinates(tiny):
    """A matrix alone is solved by a network that thinks in the plane."""
    matrix = [[0, 1, 9, 1], [1, 0, 1, 9], [9, 1, 0, 1], [1, 9, 1, 0]]
    assert nco.solve({"distances": matrix}, model=tiny["tsp"], time_limit=None).cost == 4


def test_the_same_seed_gives_the_same_answer(tiny):
    """Two calls give the same tour."""
    coords = np.random.default_rng(4).random((15, 2))
    first, second = (
        nco.solve(coords, model=tiny["tsp"], time_limit=None, seed=5).tour for _ in range(2)
    )
    assert first == second


def test_a_time_limit_is_kept_and_improves(tiny):
    """More time is not exceeded, and gives no worse answer."""
    coords = np.random.default_rng(5).random((40, 2))
    quick = nco.solve(coords, model=tiny["tsp"], time_limit=0.001, classical=False)
    begin = time.perf_counter()
    found = nco.solve(coords, model=tiny["tsp"], time_limit=1.0, classical=False)
    assert time.perf_counter() - begin < 1.5
    assert quick.feasible
    assert found.cost <= quick.cost
    costs = [step.cost for step in found.history]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == found.cost
    assert {step.source for step in found.history} <= {
        "construct",
        "greedy",
        "multistart",
        "active",
        "sampling",
        ELSEWHERE,
    }


@pytest.mark.parametrize("classical", [False, True])
def test_a_large_instance_is_answered_in_time_all_the_same(tiny, classical):
    """Nine thousand items are packed near the optimum within a second."""
    random = np.random.default_rng(8)
    nco.solve({**ITEMS, "capacity": 3}, model=tiny["knapsack"], time_limit=0.5)  # starts the child
    items = {"values": random.random(9000), "weights": random.random(9000), "capacity": 2000}
    begin = time.perf_counter()
    found = nco.solve(items, model=tiny["knapsack"], time_limit=1.0, classical=classical)
    assert found.feasible
    assert found.objective > 3000  # by density alone; the upper bound is about 3600
    assert time.perf_counter() - begin < 4


def test_classical_solvers_run_only_when_allowed(tiny, monkeypatch):
    """With `classical` false no child process is asked for anything but networks."""
    coords = np.random.default_rng(6).random((30, 2))
    called = []
    real = pool.Workers.submit

    def watched(workers, case, solver, **options):
        called.append(solver.name)
        return real(workers, case, solver, **options)

    monkeypatch.setattr(pool.Workers, "submit", watched)
    nco.solve(coords, model=tiny["tsp"], time_limit=0.2, classical=False)
    assert set(called) <= {ELSEWHERE}
    called.clear()
    found = nco.solve(coords, model=tiny["tsp"], time_limit=0.5)
    assert called
    assert found.history[-1].source in {*called, "construct", "greedy", "multistart"}


def test_an_interrupt_returns_the_best_so_far(tiny, monkeypatch):
    """Ctrl-C in a search gives what was there, with its status."""

    class Tired:
        def __call__(self, *arguments):
            yield from itertools.islice(real(*arguments), 1)
            raise KeyboardInterrupt

    real = neural.named("multistart")
    monkeypatch.setattr(neural, "named", lambda name: Tired())
    found = nco.solve(SQUARE, model=tiny["tsp"], time_limit=None)
    assert found.status == "INTERRUPTED"
    assert found.feasible


def test_an_answer_is_never_better_than_brute_force(tiny):
    """The best of all plans costs no more than any answer."""
    instance = CVRP(size=4).generate(1, generator(1))
    case = CVRP(size=4).cases(instance)[0]
    best = min(
        nco.check(case, split(order, cuts)).cost
        for order in itertools.permutations(range(1, 5))
        for cuts in itertools.product([False, True], repeat=3)
        if nco.check(case, split(order, cuts)).feasible
    )
    found = nco.solve(case, model=tiny["cvrp"], time_limit=None)
    assert found.cost >= best - 1e-9
    assert nco.check(case, found).cost == found.cost


def split(order, cuts):
    routes = [[order[0]]]
    for customer, cut in zip(order[1:], cuts, strict=True):
        if cut:
            routes.append([])
        routes[-1].append(customer)
    return routes


def test_solutions_are_saved_printed_and_drawn(tiny, tmp_path):
    """A saved solution is read and priced as before, in both formats."""
    for name, source in (("tsp", SQUARE), ("cvrp", ROUTES), ("knapsack", ITEMS)):
        found = nco.solve(source, model=tiny[name], time_limit=None)
        for suffix in (".json", ".sol"):
            path = tmp_path / f"{name}{suffix}"
            found.save(path)
            assert nco.check(source, path).cost == found.cost
        assert str(found.n) in str(found)
        assert found.plot().figure is not None
        matplotlib.pyplot.close("all")


def test_wrong_sources_and_models_are_one_line(tiny):
    """Each wrong argument raises an error that names it."""
    with pytest.raises(nco.NCOError, match="not the arrays of"):
        nco.solve({"nonsense": 1}, model=tiny["tsp"], time_limit=None)
    with pytest.raises(nco.NCOError, match="neither shipped"):
        nco.solve(SQUARE, model="no-such-model")
    with pytest.raises(nco.NCOError, match="not one for tsp"):
        nco.solve(SQUARE, model=tiny["cvrp"], time_limit=None)
    with pytest.raises(nco.NCOError, match="time_limit"):
        nco.solve(SQUARE, model=tiny["tsp"], time_limit=-1)
    with pytest.raises(nco.NCOError, match="cannot be read"):
        nco.solve("no-such-file.tsp", model=tiny["tsp"], time_limit=None)


def test_importing_nco_imports_no_torch():
    """A fresh process that imports the package has neither torch nor OR-Tools."""
    code = "import nco, sys; assert 'torch' not in sys.modules and 'ortools' not in sys.modules"
    assert os.spawnl(os.P_WAIT, os.sys.executable, "python", "-c", code) == 0


def test_the_cost_of_a_batch_is_the_checkers(tiny):
    """The cost of each tour is the length of its legs."""
    instance = TSP(size=6).generate(2, generator(7))
    found = nco.solve(instance, model=tiny["tsp"])
    for b, one in enumerate(found):
        order = instance.coords.new_tensor([*one.tour, one.tour[0]]).long()[None, None]
        assert one.cost == pytest.approx(float(lengths(instance.coords[b : b + 1], order).sum()))
