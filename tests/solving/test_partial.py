"""Plans that leave something out: which is better, what they are called, and why they do."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nco
from nco.cli import main
from nco.core.case import Report
from nco.problems.vrp import files
from nco.problems.vrp.case import Route, VehicleType, plain
from nco.solving.incumbents import Candidate, Progress, is_better
from nco.solving.solution import Status

FINE = Report(50, 50)
DEAR = Report(90, 90)
ONE_LEFT = Report(10, 10, unassigned=["client 1"])
TWO_LEFT = Report(5, 5, unassigned=["client 1", "client 2"])
BROKEN = Report(1, 1, ["a rule is broken"])
NOTHING = Report(None, None, ["no cost"])


def test_whole_plans_come_before_partial_ones_and_these_before_broken_ones() -> None:
    """Fewer things left out count more than costs."""
    order = [FINE, DEAR, ONE_LEFT, TWO_LEFT, BROKEN, NOTHING]
    for place, report in enumerate(order):
        for worse in order[place + 1 :]:
            assert is_better(report, worse)
            assert not is_better(worse, report)


@pytest.mark.parametrize(
    ("report", "defect"),
    [
        (FINE, ""),
        (TWO_LEFT, "2 unassigned, such as client 1"),
        (BROKEN, "a rule is broken"),
        (Report(None, None), "no cost"),
    ],
)
def test_a_report_says_what_is_wrong_first(report: Report, defect: str) -> None:
    """Feasible ones say nothing."""
    assert report.defect == defect
    assert report.feasible == (defect == "")
    assert report.partial == (report is TWO_LEFT)


def too_much(loads: tuple[float, ...] = (6.0, 6.0, 3.0, 30.0)) -> "nco.problems.vrp.case.Case":
    """Two vans of 10 for clients on a line, the last of which none can carry."""
    return plain(
        len(loads),
        coords=np.array([[float(k), 0] for k in range(len(loads) + 1)]),
        delivery=np.array([[load] for load in loads]),
        vehicles=(VehicleType(count=2, capacity=(10.0,)),),
        name="too much",
    )


def test_solvers_begin_from_partial_plans_and_they_are_no_fault() -> None:
    """Only a plan that breaks a rule is one."""
    progress = Progress([too_much()], 0.0)
    assert progress.take(Candidate(0, [Route(0, [1, 3])], None, "some solver"))
    assert progress.start(0, "best") is not None
    assert not progress.faults
    assert progress.history == [[]]
    assert not progress.take(Candidate(0, [Route(0, [1, 2, 3, 4])], None, "some solver"))
    assert len(progress.faults) == 1


def test_the_best_partial_plan_is_the_answer_with_its_reasons() -> None:
    """What no plan can do is a note; what is left out has its reason."""
    found = nco.solve(too_much(), time_limit=1, model="none")
    assert found.status is Status.PARTIAL
    assert not found.feasible
    assert not found.violations
    assert found.unassigned == [
        "client 4: no plan can serve it: its load of 30 is above the capacity 10"
    ]
    assert found.notes[0] == "client 4 cannot be served: its load of 30 is above the capacity 10"
    assert "unassigned: client 4" in str(found)
    assert found.to_dict()["status"] == "PARTIAL"


def test_a_feasible_answer_has_neither_notes_nor_reasons() -> None:
    """Nothing is looked for then."""
    found = nco.solve(too_much((6.0, 6.0, 3.0)), time_limit=1, model="none")
    assert found.feasible
    assert found.notes == found.unassigned == []


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """The path of a case's file."""

    def write(name: str, *loads: float) -> str:
        path = tmp_path / name
        path.write_text(files.write(too_much(loads)))
        return str(path)

    return write


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return int(stop.value.code or 0)


def test_the_exit_code_tells_partial_from_broken(
    written: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 of a partial plan, 1 of one that breaks rules, 0 of a whole one; the worst counts."""
    partial, whole = written("partial.json", 6, 6, 30), written("whole.json", 6, 6)
    options = ["--model", "none", "--time_limit", "none", "--json"]
    assert code_of("solve", whole, *options) == 0
    assert code_of("solve", partial, whole, *options) == 3
    capsys.readouterr()
    plan = tmp_path / "plan.json"
    for routes, code, word in (
        ([[0, [1]], [0, [2]]], 3, "PARTIAL, objective"),
        ([[0, [1, 2]]], 1, "INFEASIBLE, objective"),
    ):
        plan.write_text(json.dumps(routes))
        assert code_of("check", partial, str(plan)) == code
        out = capsys.readouterr().out
        assert out.startswith(word)
        assert "note: client 3 cannot be served" in out
    assert code_of("check", partial, str(tmp_path / "none.json")) == 2


def test_check_writes_the_schedule_of_a_plan_made_by_hand(
    written: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its costs are printed, and its rows are a table."""
    plan, table = tmp_path / "plan.json", tmp_path / "schedule.csv"
    plan.write_text("[[0, [1]], [0, [2]]]")
    words = ["check", written("whole.json", 6, 6), str(plan), "--save", str(table)]
    assert code_of(*words, "--plot", str(tmp_path / "plan.png")) == 0
    out = capsys.readouterr().out
    assert "routes 2, distance 6, duration 6, distance costs 6" in out
    assert table.read_text(encoding="utf-8-sig").splitlines()[2].startswith("1,1,1,1,")
    assert (tmp_path / "plan.png").stat().st_size > 5000
