"""Plans that cannot be, values from files, and what many runs come to."""

import math
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_inputs import ARRAYS

from nco.benchmark import cores
from nco.benchmark.known import best_known, doubts, remarks
from nco.benchmark.plan import Plan, shown_limit
from nco.benchmark.runs import Run, gap_percent, improvements, with_gaps
from nco.benchmark.summary import summarise
from nco.core.errors import InstanceError, NCOError
from nco.problems.tsp import files
from nco.registry.sources import as_case
from nco.solving import machine
from nco.workers.outcome import Improvement


def run(cost: float | None = 10.0, **changes: Any) -> Run:
    """A run of a solver on a tour; failed where it has no cost."""
    parts: dict[str, Any] = {
        "problem": "tsp",
        "instance": "a",
        "size": 20,
        "solver": "nco",
        "time_limit": 1.0,
        "cost": cost,
        "objective": cost,
        "gap_percent": None,
        "seconds": 0.5,
        "error": None if cost is not None else "no solution",
    }
    return Run(**parts | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time_limits": (1.0, 0.0)}, "time_limits: must be positive seconds, not 0.0"),
        ({"time_limits": (math.inf,)}, "time_limits: must be positive seconds, not inf"),
        ({"time_limits": (math.nan,)}, "time_limits: must be positive seconds, not nan"),
        ({"time_limits": ()}, "at least one solver and one time limit are needed"),
        ({"solvers": ()}, "at least one solver and one time limit are needed"),
        ({"files": ("a.tsp",)}, "size is that of generated instances: leave it out with files"),
        ({"problem": None}, "files are needed, or a problem and a size"),
        ({"size": None}, "files are needed, or a problem and a size"),
        ({"instances": 0}, "instances must be from 1 to 10000, not 0"),
        ({"instances": 10_001}, "instances must be from 1 to 10000, not 10001"),
        ({"instances": 0, "seed": 5}, "instances must be from 1 to inf, not 0"),
        ({"cores": 0}, "cores must be from 1 to the"),
        ({"cores": 10_000}, "cores must be from 1 to the"),
        ({"cold": -1}, "cold must be a number of instances from 0, not -1"),
    ],
)
def test_plans_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    """Each in one line that names the option and its value."""
    with pytest.raises(NCOError) as caught:
        Plan(**({"problem": "tsp", "size": 20} | changes))
    assert str(caught.value).startswith(message)


def test_plans_at_their_ends_are_fine() -> None:
    """Without a limit, with all cores, and more instances than are published for other seeds."""
    plan = Plan(problem="tsp", size=1, time_limits=(None,), cores=machine.cores())
    assert [shown_limit(limit) for limit in (*plan.time_limits, 0.5, 60.0)] == [
        "default",
        "0.5",
        "60",
    ]
    assert Plan(problem="tsp", size=1, instances=20_000, seed=7).instances == 20_000


@pytest.mark.parametrize(
    "name", ["four", "square", "square.tsp", "given", "set/square", "set/square.tsp", "else/four"]
)
def test_a_known_value_is_found_by_any_name(name: str, tmp_path: Path) -> None:
    """That of the comparison, of the instance, or of its file with and without its ending."""
    path = tmp_path / "known.csv"
    path.write_text(f"\ufeffname,n,best_known\n other ,4,9\n {name} ,4,20.5\n")
    (tmp_path / "set").mkdir()
    square = tmp_path / "set" / "square.tsp"
    square.write_text(files.write(as_case(ARRAYS["tsp"])))
    assert best_known(path, [("given", as_case(square))]) == {("tsp", "given"): 20.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,value\nfour,1\n", ":1: best_known: this column is missing"),
        ("", ":1: name: this column is missing"),
        ("name,best_known\nfive,1\n", ": name: has no value for any instance; the first is four"),
        ("name,best_known\n\nfour,much\n", ":3: best_known much: not a finite number"),
        ("name,best_known\nfour,inf\n", ":2: best_known inf: not a finite number"),
        ("name,best_known,scale\nfour,3,ten\n", ":2: scale ten: not a finite number"),
        ("name,best_known\nfour\n", ": name: has no value for any instance; the first is four"),
    ],
)
def test_values_that_are_not_known(text: str, message: str, tmp_path: Path) -> None:
    """The file, the line and the value at fault."""
    path = tmp_path / "known.csv"
    path.write_text(text)
    with pytest.raises(InstanceError) as caught:
        best_known(path, [("four", as_case(ARRAYS["tsp"]))])
    assert str(caught.value) == f"{path}{message}"


def test_values_that_are_missing_cost_their_own_gaps_only(tmp_path: Path) -> None:
    """No row, or an empty one: these have no gap, and one line names them."""
    path = tmp_path / "known.csv"
    path.write_text("name,best_known,scale\nfour,0.2,100\nfive,,\n")
    case = as_case(ARRAYS["tsp"])
    cases = [(name, replace(case, name=name)) for name in ("four", "five", "six")]
    known = best_known(path, cases)
    assert known == {("tsp", "four"): 20.0, ("tsp", "five"): None, ("tsp", "six"): None}
    assert remarks(known, "known.csv") == [
        "known.csv has no value for 2 of 3 instances, whose gaps stay empty: five, six"
    ]
    base = Run("tsp", "four", 4, "nco", 1.0, 30.0, 30.0, None, 0.1, None)
    done = with_gaps([base, replace(base, instance="five")], known)
    assert [run.gap_percent for run in done] == [50.0, None]


def test_two_folders_with_files_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    """A row that may be of either is of none; with its folder it is found."""
    path = tmp_path / "known.csv"
    path.write_text("name,best_known\na/four,1\nb/four,2\nother,3\n")
    case = as_case(ARRAYS["tsp"])
    cases = [("four", case), ("other", replace(case, name="other"))]
    assert best_known(path, cases)["tsp", "four"] is None
    (tmp_path / "b").mkdir()
    file = tmp_path / "b" / "four.tsp"
    file.write_text(files.write(case))
    assert best_known(path, [("x", as_case(file))]) == {("tsp", "x"): 2.0}


def test_values_in_other_units_are_named() -> None:
    """With the scale that would put them right; values that can be are not doubted."""
    base = Run("tsp", "a", 4, "nco", 1.0, 101.0, 101.0, None, 0.1, None)
    runs = [base, replace(base, cost=120.0, objective=120.0), replace(base, instance="b")]
    (line,) = doubts(runs, {("tsp", "a"): 1.0, ("tsp", "b"): 100.0})
    assert "1 of 2 instances: for a 101 times the value was found; a column scale with 100" in line
    assert list(doubts(runs, {("tsp", "a"): 100.0, ("tsp", "b"): None})) == []


def test_a_file_of_values_must_be_readable(tmp_path: Path) -> None:
    """Missing, or no text."""
    path = tmp_path / "known.csv"
    with pytest.raises(InstanceError, match="cannot be read: No such file"):
        best_known(path, [])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InstanceError, match="cannot be read: not text"):
        best_known(path, [])


def test_only_improvements_are_kept() -> None:
    """In the order of time; of two at one moment the better one."""
    points = [(2.0, 5.0), (1.0, 9.0), (1.0, 7.0), (3.0, 6.0), (4.0, 5.0), (5.0, 1.0)]
    kept = improvements([Improvement(seconds, cost) for seconds, cost in points])
    assert [(point.seconds, point.cost) for point in kept] == [(1, 7), (2, 5), (5, 1)]


def test_gaps_are_to_the_best_of_an_instance_or_to_what_is_known() -> None:
    """Of each instance by itself; a failure has none."""
    runs = [run(10.0), run(8.0, solver="b"), run(None, solver="c"), run(5.0, instance="b")]
    gaps = with_gaps(runs, {})
    assert [one.gap_percent for one in gaps] == [25.0, 0.0, None, 0.0]
    assert [one.best_cost for one in gaps] == [8.0, 8.0, 8.0, 5.0]
    known = with_gaps(runs, {("tsp", "a"): 16.0})
    assert [one.gap_percent for one in known] == [-37.5, -50.0, None, 0.0]


def test_known_values_are_in_the_problems_own_sense() -> None:
    """A knapsack's value is minus its cost, and less of it is a positive gap."""
    short = run(-9.0, objective=9.0, problem="knapsack")
    (found,) = with_gaps([short], {("knapsack", "a"): 10.0})
    assert (found.best_cost, found.gap_percent) == (-10.0, 10.0)


@pytest.mark.parametrize(
    ("cost", "best", "gap"), [(0.0, 0.0, 0.0), (1.0, 0.0, math.inf), (-1.0, 0.0, -math.inf)]
)
def test_a_gap_to_nothing(cost: float, best: float, gap: float) -> None:
    """There is none of zero to zero, and an infinite one of anything else."""
    assert gap_percent(cost, best) == gap


def test_a_row_sums_up_what_was_solved() -> None:
    """Failures are counted, and in no figure; cold runs have figures of their own."""
    gaps = [1.0, 2.0, 6.0]
    runs = [run(10.0 + gap, gap_percent=gap, seconds=gap, size=20 + int(gap)) for gap in gaps]
    failed = run(None, instance="bad", size=90)
    cold = run(30.0, gap_percent=9.0, seconds=7.0, cold=True)
    other = run(1.0, gap_percent=0.0, time_limit=None)
    first, second = summarise([*runs, other, failed, cold])
    assert (first.instances, first.failures, first.size) == (4, 1, "20-90")
    assert first.mean_cost == pytest.approx(13.0)
    assert first.gap_percent == pytest.approx(3.0)
    assert first.gap_median == 2.0
    assert first.standard_error == pytest.approx(statistics.stdev(gaps) / math.sqrt(3))
    assert (first.seconds_median, first.seconds_max) == (2.0, 6.0)
    assert (first.cold_gap_percent, first.cold_seconds) == (9.0, 7.0)
    assert first.messages == ["bad: no solution"]
    assert (second.time_limit, second.size, second.standard_error) == (None, 20, None)


def test_a_row_of_failures_has_no_figures() -> None:
    """Those from a cold start are told as such."""
    (row,) = summarise([run(None), run(None, cold=True)])
    assert row.mean_cost is row.gap_percent is row.gap_median is row.seconds_max is None
    assert row.messages == ["a: no solution", "a, cold: no solution"]


def test_errors_of_simulated_means_add_up_as_squares() -> None:
    """And there is none where one of them is not known; measures need all runs."""
    runs = [
        run(cost_standard_error=3.0, measures={"service": 0.5, "only here": 1.0}),
        run(cost_standard_error=4.0, measures={"service": 1.0}),
    ]
    (row,) = summarise(runs)
    assert row.cost_standard_error == pytest.approx(2.5)
    assert row.measures == {"service": 0.75}
    (row,) = summarise([*runs, run()])
    assert row.cost_standard_error is None
    assert row.measures == {}


def test_cores_are_filled_with_seeds_or_threads() -> None:
    """A solver of many threads runs once; of others run its variants, and then more seeds."""
    assert cores.lineup("jssp", "ortools", 4, 7) == [("ortools", 7)]
    assert cores.described("jssp", "ortools", 4, 7) == "one run, 4 threads"
    assert cores.lineup("tsp", "oropt", 3, 7) == [("oropt", 7), ("oropt", 8), ("oropt", 9)]
    said = cores.described("tsp", "oropt", 2, 7)
    assert said == "the best of oropt seed 7, oropt seed 8, one thread each, 2 at a time"
    assert cores.described("jssp", "mwkr", 1, 0) == "one run, 1 thread"
    variants = cores.lineup("tsp", "ortools", 1, 0)
    assert len(variants) == len({name for name, _ in variants}) > 1
    assert {seed for _, seed in variants} == {0}
