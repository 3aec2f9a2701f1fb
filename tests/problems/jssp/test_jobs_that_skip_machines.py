"""Job shops whose jobs visit some of the machines, and machines with names."""

import numpy as np
import pytest

import nco
from nco.core.errors import InstanceError
from nco.problems.fjsp import files as flexible
from nco.problems.jssp import JSSP, files
from nco.problems.jssp.check import check
from nco.registry.sources import as_case
from nco.testing import check_cases
from nco.workers import lanes

TEXT = "3 4\n0 30 1 15 2 20\n0 45 3 10 2 25\n3 20 1 10\n"


def test_files_of_jobs_that_skip_machines_are_job_shops(tmp_path) -> None:
    """They are recognised, and come back as they were; a knapsack's items are none."""
    case = files.read(TEXT)
    assert case.routes == [[0, 1, 2], [0, 3, 2], [3, 1]]
    assert files.write(case) == TEXT
    path = tmp_path / "shop.txt"
    path.write_text(TEXT)
    assert nco.read(path).problem == "jssp"
    assert not files.recognise("3 100\n60 10\n40 20\n20 30\n")


def test_machines_may_count_from_one_where_no_job_visits_all() -> None:
    """The last one's number tells."""
    assert files.read("2 3\n1 5 3 2\n2 4 3 1\n").routes == [[0, 2], [1, 2]]
    assert files.read("2 3\n1 5 2 2\n2 4 1 1\n").routes == [[1, 2], [2, 1]]


def test_network_and_rules_agree_with_every_schedule() -> None:
    """The contract of a problem holds for jobs of different length."""
    case = files.read("3 3\n0 3 1 2\n1 4\n2 2 0 1 1 1\n")
    assert "brute_force_agrees" in check_cases(JSSP(), [case])


@pytest.mark.parametrize("solver", ["tabu", "ortools", "mwkr", "spt"])
def test_solvers_take_them(solver: str) -> None:
    """Each gives a feasible schedule with an operation for each that there is."""
    case = files.read(TEXT)
    outcome = lanes.run(case, solver, time_limit=1.0)
    assert list(map(len, outcome.solution)) == [3, 3, 2]
    assert check(case, outcome.solution).feasible


def test_lists_of_pairs_are_a_job_shop_with_names() -> None:
    """Nested lists with alternatives are a flexible one."""
    case = as_case({"jobs": [[("saw", 3), ("drill", 2)], [("drill", 4)]], "names": ["a", "b"]})
    assert isinstance(case, files.Case)
    assert case.names == {"machines": ["saw", "drill"], "jobs": ["a", "b"]}
    assert case.work == [[[(0, 3)], [(1, 2)]], [[(1, 4)]]]
    other = as_case({"jobs": [[[("saw", 3), ("mill", 2)]], [[("mill", 4)]]]})
    assert isinstance(other, flexible.Case)
    assert other.names == {"machines": ["saw", "mill"]}
    again = as_case({"jobs": [[("saw", 3), ("mill", 2), ("saw", 1)]]})
    assert again.problem == "fjsp"
    assert as_case({"jobs": [[(0, 3), (1, 2)]]}).problem == "jssp"


def test_rows_of_arrays_may_differ_in_length_and_hold_names() -> None:
    """Machines and durations beside each other."""
    data = {"machines": [["saw"], ["drill", "saw"]], "durations": [[1], [2, 3]]}
    case = as_case(data)
    assert isinstance(case, files.Case)
    assert (case.routes, case.names["machines"]) == ([[0], [1, 0]], ["saw", "drill"])
    with pytest.raises(InstanceError, match=r"durations .*: must be as many in each job"):
        as_case({"machines": [[0], [1, 0]], "durations": [[1], [2]]})


@pytest.mark.parametrize("row", [[0, -1, 1], [-1, -1, -1], [0, 0, -1], [0, -2, -1]])
def test_only_the_places_behind_the_last_operation_are_empty(row: list[int]) -> None:
    """Anything else is refused."""
    machines = np.array([[0, 1, 2], row])
    with pytest.raises(InstanceError, match="job 1 must"):
        files.Case(machines=machines, durations=np.ones_like(machines))
