"""Equal cores for all, the best of several runs, solutions on the way, and cold starts."""

import itertools
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from child_solvers import Plain, cores_here

from nco import registry
from nco.benchmark import Plan, compare, measuring
from nco.benchmark.answers import best_of, priced
from nco.benchmark.contest import Entrant, prepare
from nco.benchmark.cores import confined, described, lineup
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.seeds import generator
from nco.problems.cvrp import files as cvrp
from nco.registry.interface import Solver
from nco.workers.outcome import Improvement, Outcome
from nco.workers.pool import Workers

PLAN = Plan(problem="tsp", size=5, solvers=["ortools"])


def generated(problem: str, size: int) -> Case:
    kind = registry.folder(problem).problem_class(size=size)
    return kind.cases(kind.generate(1, generator(3)))[0]


class TestLineup:
    @pytest.mark.parametrize(
        ("problem", "solver", "cores", "runs"),
        [
            ("tsp", "ortools", 1, [("ortools", 7), ("ortools_pci", 7)]),
            ("tsp", "ortools", 2, [("ortools", 7), ("ortools_pci", 7)]),
            ("cvrp", "ortools", 3, [("ortools", 7), ("ortools_pci", 7), ("ortools", 8)]),
            ("tsp", "ortools_pci", 1, [("ortools_pci", 7)]),
            ("tsp", "pyvrp", 1, [("pyvrp", 7)]),
            ("tsp", "pyvrp", 2, [("pyvrp", 7), ("pyvrp", 8)]),
            ("jssp", "ortools", 2, [("ortools", 7)]),  # has threads of its own
            ("jssp", "cpsat", 2, [("cpsat", 7), ("cpsat", 8)]),
        ],
    )
    def test_fills_the_cores(
        self, problem: str, solver: str, cores: int, runs: list[tuple[str, int]]
    ) -> None:
        """Threads or variants and seeds of a solver use as many cores as networks may."""
        assert lineup(problem, solver, cores, 7) == runs

    @pytest.mark.parametrize(
        ("size", "runs"), [(20, [("sisr", 7), ("sisr", 8)]), (2000, [("sisr", 7)])]
    )
    def test_a_solver_that_shares_cores_does_so_on_large_cases_alone(
        self, size: int, runs: list[tuple[str, int]]
    ) -> None:
        """On a small one it has seeds side by side like any other."""
        demand = np.append(0.0, np.ones(size))
        coords = np.random.default_rng(0).random((size + 1, 2))
        case = cvrp.Case(metric="EUCLIDEAN", coords=coords, demand=demand, capacity=9.0)
        assert lineup("cvrp", "sisr", 2, 7, case) == runs

    def test_in_words(self) -> None:
        """The report says how many runs and threads a solver had."""
        assert described("jssp", "ortools", 2, 1) == "one run, 2 threads"
        assert described("tsp", "fast_tsp", 1, 1) == "one run, 1 thread"
        assert described("tsp", "pyvrp", 2, 1) == (
            "the best of pyvrp seed 1, pyvrp seed 2, one thread each, 2 at a time"
        )

    def test_unknown_solvers_are_one_line(self) -> None:
        """The error names those that there are."""
        with pytest.raises(NCOError, match="magic: no such solver; tsp has"):
            lineup("tsp", "magic", 1, 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be chosen here")
def test_children_are_confined_to_the_same_cores_and_the_process_gets_its_own_back() -> None:
    """A solver sees one core, and afterwards all are there again."""
    before = os.sched_getaffinity(0)
    with confined(1):
        assert len(os.sched_getaffinity(0)) == 1
        with Workers() as crew:
            found = crew.run(Plain(), Solver(cores_here), time_limit=None).solution
    assert found == 1
    assert os.sched_getaffinity(0) == before


class TestBestOf:
    def test_takes_the_best_feasible_solution_and_the_longest_time(self) -> None:
        """Several runs of a solver count as one."""
        case = generated("tsp", 4)
        check = registry.folder("tsp").check.check
        tours = [[0, 1, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2]]
        tours.sort(key=lambda tour: check(case, tour).cost)
        told = Improvement(0.5, math.nan, "a", tours[2])
        outcomes = [
            Outcome(tours[1], 1.0, None, (told,)),
            Outcome(tours[0], 2.0),
            Outcome([0, 0, 0, 0], 0.5),
            Outcome(None, 0.1, "d: crashed"),
        ]
        best = best_of(case, outcomes)
        assert (best.solution, best.seconds, best.error) == (tours[0], 2.0, None)
        assert best.faults == ("d: crashed",)
        assert best.improvements == (told,)

    def test_is_an_error_only_where_all_fail(self) -> None:
        """The error then names each."""
        case = generated("tsp", 4)
        outcomes = [Outcome(None, 1.0, "a: crashed"), Outcome(None, 1.0, "b: hung")]
        assert best_of(case, outcomes).error == "a: crashed; b: hung"
        run = priced("x", case, "a", 1.0, best_of(case, outcomes), PLAN)
        assert (run.cost, run.error, run.points) == (None, "a: crashed; b: hung", ())

    def test_rubbish_on_the_way_is_no_point(self) -> None:
        """Only feasible solutions that were told are on the curve."""
        case = generated("tsp", 4)
        told = ((0.1, "rubbish"), (0.2, [0, 1, 2, 3]), (0.3, [3, 0, 1, 2]))
        steps = tuple(Improvement(seconds, math.nan, "a", tour) for seconds, tour in told)
        run = priced("x", case, "a", 1.0, Outcome([0, 1, 2, 3], 0.9, None, steps), PLAN)
        assert [(point.seconds, point.source) for point in run.points] == [(0.2, "a")]
        assert run.traced == "streamed"


@pytest.mark.long
@pytest.mark.parametrize(
    ("problem", "solver"),
    [
        *[("tsp", "ortools"), ("tsp", "ortools_pci"), ("tsp", "pyvrp"), ("atsp", "ortools")],
        *[("cvrp", "ortools"), ("cvrp", "ortools_pci"), ("cvrp", "pyvrp"), ("atsp", "pyvrp")],
        *[("jssp", "ortools"), ("jssp", "tabu"), ("jssp", "polish"), ("fjsp", "cpsat")],
        *[("fjsp", "tabu"), ("ffsp", "ortools"), ("atsp", "ortools_pci")],
    ],
)
def test_solvers_tell_their_solutions_on_the_way(problem: str, solver: str) -> None:
    """Feasible ones, ever better but for ties of rounding, and the last as good as the answer."""
    assert registry.folder(problem).solver(solver).found
    shop = problem in ("jssp", "fjsp", "ffsp")  # whose solvers are given their imports' time too
    case, limit = generated(problem, 4 if shop else 12), None if shop else 0.1
    solve = registry.folder(problem).solver(solver).solve
    told: list[object] = []
    answer = solve(case, time_limit=limit, seed=1, found=told.append)
    check = registry.folder(problem).check.check
    reports = [check(case, solution) for solution in [*told, answer]]
    assert len(told) >= 1
    assert all(report.feasible for report in reports)
    costs = [report.cost for report in reports]
    assert all(after <= before * (1 + 1e-4) for before, after in itertools.pairwise(costs))
    assert costs[-1] <= min(costs) * (1 + 1e-4)


def test_schedules_that_are_mappings_are_no_policies() -> None:
    """A flexible shop's solution is a mapping too, but not one to be simulated."""
    plan = Plan(problem="fjsp", size=3, instances=1, seed=5, solvers=["spt"], time_limits=[None])
    (run,) = compare(plan)
    assert run.error is None
    assert run.cost is not None
    assert run.traced == "final"


@pytest.mark.long
def test_a_cold_start_is_from_a_fresh_process(
    tmp_path: Path, tiny: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first instance alone, the start of the process included, and for both kinds."""
    monkeypatch.setattr(measuring, "WARM_UP", (0.05,))
    solvers = [f"nco-neural:{tiny['tsp']}", "ortools_pci"]
    plan = Plan(
        problem="tsp", size=6, instances=2, solvers=solvers, time_limits=[0.05], cold=1, seed=1234
    )
    assert prepare(plan).runs == 6
    runs = compare(plan)
    assert [(run.instance, run.solver, run.cold) for run in runs] == [
        ("tsp6-1234-0", solvers[0], False),
        ("tsp6-1234-0", solvers[1], False),
        ("tsp6-1234-1", solvers[0], False),
        ("tsp6-1234-1", solvers[1], False),
        ("tsp6-1234-0", solvers[0], True),
        ("tsp6-1234-0", solvers[1], True),
    ]
    assert all(run.error is None for run in runs)
    assert runs[4].seconds > runs[0].seconds
    assert runs[5].seconds > runs[1].seconds + 0.05


def test_a_cold_start_that_fails_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of the process is the error of the run."""
    from nco.benchmark import cold

    monkeypatch.setattr(cold, "CODE", "raise SystemExit('no such luck')")
    outcome = cold.outcome(Entrant("nco", "auto"), generated("tsp", 4), 1.0, replace(PLAN))
    assert outcome.error == "ended with code 1: no such luck"
