"""Flexible job shops: files, checker, CP-SAT and the tensors."""

import copy
import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from nco import registry
from nco.core.errors import InstanceError
from nco.core.seeds import generator
from nco.problems._shop.check import check_plan, every_plan
from nco.problems._shop.plan import RULES, by_rule, makespan
from nco.problems.fjsp import FJSP, classical, files
from nco.problems.fjsp.check import check
from nco.problems.fjsp.plot import plot
from nco.testing import check_cases
from nco.workers import lanes

# the fourth machine is used and 0 is not: machines count from 1
TEXT = """3 4 1.7
2 2 1 3 2 5 1 3 4
1 3 1 9 2 4 4 6
3 1 4 2 2 1 1 2 1 1 2 3
"""


def test_a_file() -> None:
    """Machines count from one in the file and from zero in the case."""
    assert files.recognise(TEXT)
    case = files.read(TEXT, path="few.fjs")
    assert case.name == "few"
    assert (case.size, case.machines, case.base) == (3, 4, 1)
    assert case.work[0] == [[(0, 3), (1, 5)], [(2, 4)]]
    assert files.write(case) == TEXT.replace(" 1.7", "")
    zero = TEXT.replace("4 2 2", "0 2 2", 1)
    assert files.read(zero.replace(" 4 6", " 3 6")).base == 0
    assert [name for name in registry.names() if registry.folder(name).files.recognise(TEXT)] == [
        "fjsp"
    ]


DEFECTS = {
    "": "there must be a line: jobs machines",
    "3\n": "line 1: header 3: the first line must hold two or three numbers",
    "0 4\n": "jobs 0: must be from 1",
    TEXT.replace("3 4 1.7", "4 4"): "jobs 4: the file holds 3 jobs",
    TEXT.replace("3 4 1.7", "2 4"): "line 4: jobs 3 1 4 2 2 1 1 2 1: more than the 2 jobs",
    TEXT.replace("1 3 1 9", "0 3 1 9"): "line 3: operations 0: must be from 1",
    TEXT.replace("1 3 1 9", "1 0 1 9"): "line 3: alternatives 0: must be from 1",
    TEXT.replace("1 3 1 9", "1 3 1 -9"): "line 3: duration -9: a duration must not be negative",
    TEXT.replace("1 3 1 9", "1 3 5 9"): "line 3: machine 5: machines go from 1 to 4 here",
    TEXT.replace("1 3 1 9", "1 3 -1 9"): "line 3: machine -1: machines go from 1 to 4 here",
    TEXT.replace("1 3 1 9", "1 3 2 9"): "machine 2: job 1, operation 0: named twice",
    TEXT.replace(" 4 6\n", " 4\n"): "line 3: duration: the line of job 1 ends before its duration",
    TEXT.replace(" 4 6\n", " 4 6 7\n"): "line 3: operations 7: job 1 has 1 operations, but its l",
    TEXT.replace(" 4 6\n", " 4 x\n"): "line 3: duration x: must be a number",
    TEXT.replace(" 4 6\n", " 4 6.5\n"): "line 3: duration 6.5: must be a whole number",
    "1 1\n1000000000 1 1 1\n": "line 2: operations 1000000000: must be from 1 to 1000000",
}


@pytest.mark.parametrize("text", DEFECTS)
def test_a_defect_is_one_line(text: str) -> None:
    """A broken file is refused in one line with the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read(text)
    assert "\n" not in str(caught.value)
    assert DEFECTS[text] in str(caught.value)


def test_lists() -> None:
    """A dictionary of jobs is a case, and each wrong value is named."""
    jobs = [[[(0, 3), (1, 5)]], [[(1, 2)], [(0, 2)]]]
    case = files.from_arrays({"jobs": jobs, "machines": 4})
    assert case is not None
    assert case.machines == 4
    assert case.work == jobs
    assert files.from_arrays({"durations": [[1]]}) is None
    for wrong in ([], [[]], [[[]]], [[[(0, -1)]]], [[[(0, 0.5)]]], [[[(0,)]]], [3], "x"):
        with pytest.raises(InstanceError):
            files.from_arrays({"jobs": wrong})
    with pytest.raises(InstanceError, match="machine 9"):
        files.from_arrays({"jobs": [[[(9, 1)]]], "machines": 4})


def test_solutions_round_trip() -> None:
    """Start times and machines come back in the file's numbers."""
    case = files.read(TEXT)
    found = case.construct()
    assert check(case, found).feasible
    assert files.read_solution(files.write_solution(case, found, 9), case) == found
    assert case.numbered(case.indexed(found)) == found
    assert {m for row in found["machine"] for m in row} <= {1, 2, 3, 4}
    with pytest.raises(InstanceError, match="machine 7"):
        case.indexed({"start": [[0]], "machine": [[7]]})
    for text in ("", "[]", json.dumps({"start": [[0]]})):
        with pytest.raises(InstanceError):
            files.read_solution(text, case)


def test_the_checker_says_what_is_wrong() -> None:
    """Each broken rule is named with its operation."""
    case = files.read(TEXT)
    good = {"start": [[0, 3], [0], [0, 4, 5]], "machine": [[1, 3], [2], [4, 1, 2]]}
    assert check(case, good).violations == []
    assert check(case, good).cost == 8
    for key, row, place, value, sentence in (
        ("machine", 0, 1, 1, "operation 1 of job 0 is on machine 1; it can be on 3"),
        ("start", 2, 1, 2, "machine 1: operation 1 of job 2 begins at 2, while operation 0 of jo"),
        ("start", 2, 2, 4, "operation 2 of job 2 begins at 4, before 5, when operation 1 ends"),
    ):
        broken = copy.deepcopy(good)
        broken[key][row][place] = value
        report = check(case, broken)
        assert not report.feasible
        assert any(sentence in violation for violation in report.violations)


def test_cpsat_finds_what_enumeration_finds() -> None:
    """The best of all machines and orders, on tiny shops with and without choices."""
    problem = FJSP(size=3)
    compared = 0
    for case in problem.cases(problem.generate(5, generator(5))):
        every = every_plan(case.work, 4000)
        if every is None:
            continue
        reports = [check_plan(case.work, start, machine) for start, machine in every]
        assert all(report.feasible for report in reports)
        least = min(report.cost for report in reports if report.cost is not None)
        outcome = lanes.run(case, "cpsat", time_limit=5.0)
        assert check(case, outcome.solution).cost == least
        compared += 1
    assert compared >= 2


def test_numbers_from_one_and_recirculation() -> None:
    """A job may come back to a machine, and the source's numbers are kept throughout."""
    again = files.from_arrays({"jobs": [[[(0, 2)], [(1, 1)], [(0, 2)]], [[(0, 1), (1, 4)]]]})
    assert again is not None
    assert "brute_force_agrees" in check_cases(FJSP(), [again, files.read("1 2\n2 1 2 3 1 1 4\n")])


@pytest.mark.parametrize("solver", ["tabu", "polish", "ortools", *RULES])
def test_every_solver_gives_a_schedule(solver: str) -> None:
    """Each is feasible, and improvers are no worse than their start."""
    assert solver in classical.solvers()
    problem = FJSP(size=6)
    case = problem.cases(problem.generate(1, generator(3)))[0]
    start = case.construct()
    outcome = lanes.run(case, solver, time_limit=0.5, start=start)
    report = check(case, outcome.solution)
    assert report.feasible
    if solver in ("tabu", "polish", "ortools"):
        assert report.cost <= check(case, start).cost


def test_rules_take_the_machine_that_is_done_first() -> None:
    """Work is spread so that it ends soonest."""
    work = [[[(0, 5), (1, 3)]], [[(0, 5), (1, 3)]], [[(0, 5), (1, 3)]]]
    plan = by_rule(work, "mor")
    assert sorted(row[0] for row in plan.machine) == [0, 1, 1]
    assert makespan(work, plan) == 6


def test_a_chart() -> None:
    """There is a bar for every operation."""
    case = files.read(TEXT)
    _, ax = plt.subplots()
    plot(case, case.construct(), ax)
    assert sum(len(bars.get_paths()) for bars in ax.collections) == 6
    plt.close()


def test_the_generator_keeps_its_ranges() -> None:
    """Operations, choices and durations are within the literature's."""
    problem = FJSP(size=10)
    for case in problem.cases(problem.generate(20, generator(1))):
        counts = [len(job) for job in case.work]
        assert 4 <= min(counts) <= max(counts) <= 6
        for job in case.work:
            for choices in job:
                lengths = np.array([duration for _, duration in choices])
                assert 1 <= lengths.min() <= lengths.max() <= 24
                assert lengths.max() <= 1.5 * lengths.min() + 1
