"""Flexible flow shops: files, arrays, enumeration and solvers."""

import numpy as np
import pytest

from nco import registry
from nco.core.errors import InstanceError
from nco.core.seeds import generator
from nco.problems.ffsp import FFSP, files
from nco.problems.ffsp.check import check
from nco.testing import check_problem
from nco.workers import lanes

TEXT = """FFSP 3 2
2 1
3 4
5 5
2 9
6
7
1
"""


def test_a_file() -> None:
    """Stages, machines and durations are those of the text, and only `ffsp` recognises it."""
    case = files.read(TEXT, path="flow.txt")
    assert (case.name, case.size, case.machines, case.stages) == ("flow", 3, 3, (2, 1))
    assert case.work[2] == [[(0, 2), (1, 9)], [(2, 1)]]
    assert files.write(case) == TEXT
    assert [name for name in registry.names() if registry.folder(name).files.recognise(TEXT)] == [
        "ffsp"
    ]
    found = case.construct()
    assert check(case, found).feasible
    assert files.read_solution(files.write_solution(case, found, 16), case) == found


def test_a_comment_may_come_first() -> None:
    """It changes nothing, and is no shop by itself."""
    text = "# my shop\n\n" + TEXT
    assert files.recognise(text)
    assert files.read(text).work == files.read(TEXT).work
    assert not files.recognise("# FFSP\n")
    assert not files.recognise("FFSP\0")


DEFECTS = {
    "FFSP 3\n": "line 1: header FFSP 3: the first line must be: FFSP jobs stages",
    "FFSP 0 2\n": "jobs 0: must be from 1",
    "FFSP 3 2\n2\n": "line 2: machines 2: there must be a line of 2 numbers",
    "FFSP 3 2\n2 0\n": "line 2: machines 0: must be from 1",
    TEXT.replace("1\n", "", 1): "there must be a line of 2 numbers",
    TEXT.replace("3 4\n", ""): "lines 5: 3 jobs in 2 stages are 6 lines",
    TEXT.replace("3 4", "3"): "line 3: durations 3: stage 0 has 2 machines, job 0 1 durations",
    TEXT.replace("3 4", "3 -4"): "line 3: duration -4: a duration must not be negative",
    TEXT.replace("3 4", "3 nan"): "line 3: duration nan: must be a number",
}


@pytest.mark.parametrize("text", DEFECTS)
def test_a_defect_is_one_line(text: str) -> None:
    """A broken file is refused with the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read(text)
    assert DEFECTS[text] in str(caught.value)


def test_arrays() -> None:
    """Stages may have different numbers of machines, and each wrong value is named."""
    case = files.from_arrays({"durations": np.array([[[3, 4], [5, 5]], [[1, 1], [2, 2]]])})
    assert case is not None
    assert (case.size, case.stages) == (2, (2, 2))
    uneven = files.from_arrays({"durations": [[[3, 4], [5, 5]], [[1], [2]]]})
    assert uneven is not None
    assert uneven.stages == (2, 1)
    assert files.from_arrays({"durations": [[1]], "machines": [[0]]}) is None
    for wrong in ([], [[1, 2]], [[[1]], [[1], [2]]], [[[-1]]], 3):
        with pytest.raises(InstanceError):
            files.from_arrays({"durations": wrong})


@pytest.mark.long
def test_small_flow_shops_are_enumerated() -> None:
    """Two stages of two machines, up to three jobs: all machines and all orders."""
    assert "brute_force_agrees" in check_problem(FFSP(stages=2, machines=2), size=4)


def test_one_machine_a_stage_is_johnsons_problem() -> None:
    """Two machines in line: Johnson's rule (1954) is optimal, and CP-SAT is as good."""
    problem = FFSP(size=6, stages=2, machines=1)
    for case in problem.cases(problem.generate(3, generator(8))):
        pairs = [(job[0][0][1], job[1][0][1]) for job in case.work]
        early = sorted((a, b) for a, b in pairs if a <= b)
        late = sorted(((a, b) for a, b in pairs if a > b), key=lambda pair: -pair[1])
        first = second = 0
        for a, b in early + late:
            first += a
            second = max(first, second) + b
        outcome = lanes.run(case, "ortools", time_limit=5.0)
        assert check(case, outcome.solution).cost == second
