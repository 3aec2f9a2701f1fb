"""What a person gets back: one line, its certificate, plain data, and files that are whole."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from small_inputs import ARRAYS

from nco import registry
from nco.core import atomic
from nco.core.errors import NCOError
from nco.solving.solution import Solution, Status
from nco.workers.outcome import Improvement


def made(**changes: Any) -> Solution:
    """A solution of three items, with changes."""
    case = registry.folder("knapsack").files.from_arrays(ARRAYS["knapsack"] | {"name": "three"})
    parts: dict[str, Any] = {
        "problem": "knapsack",
        "name": "three",
        "n": 3,
        "cost": -4,
        "objective": 4,
        "feasible": True,
        "violations": [],
        "solution": [0, 1],
        "taken": lambda: [0, 1, 3],
        "status": Status.FEASIBLE,
        "seconds": 1.23456,
        "setup_seconds": 0.5,
        "model": "none",
        "found_by": "sisr",
        "seed": 7,
        "case": case,
    }
    return Solution(**parts | changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "three (knapsack, n = 3): objective 4, FEASIBLE, 1.23 s, found by sisr"),
        ({"cost": 4}, "three (knapsack, n = 3): cost 4, FEASIBLE, 1.23 s, found by sisr"),
        ({"cost": 4.0, "objective": None}, "three (knapsack, n = 3): cost 4, FEASIBLE, 1.23 s, fo"),
        ({"objective": 2 / 3}, "three (knapsack, n = 3): objective 0.666667, FEASIBLE, 1.23 s"),
        (
            {"cost": None, "objective": None, "status": Status.INFEASIBLE},
            "three (knapsack, n = 3): cost unknown, INFEASIBLE, 1.23 s, found by sisr",
        ),
        (
            {"objective": 4.5, "cost_standard_error": 0.123, "status": Status.SIMULATED},
            "three (knapsack, n = 3): objective 4.50 ±0.12, SIMULATED, 1.23 s, found by sisr",
        ),
    ],
)
def test_the_first_line_says_the_figure(changes: dict[str, Any], line: str) -> None:
    """In the problem's own sense; whole numbers are whole."""
    assert str(made(**changes)).splitlines()[0].startswith(line)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"bound": -5, "gap": 0.25},
            "  upper bound 5 (proof): the optimum is at most 25.00 % higher",
        ),
        ({"bound": -4, "gap": 0.0}, "  upper bound 4 (proof): the optimum is 4, too"),
        (
            {"cost": 4, "bound": 3.25, "gap": 0.23},
            "  lower bound 3.25 (proof): the optimum is at most 18.75 % lower",
        ),
        ({"cost": 4, "objective": None, "bound": 3}, "  lower bound 3 (proof): the opti"),
        ({"bound": -5, "feasible": False}, "  upper bound 5 (proof)"),
    ],
)
def test_a_bound_is_said_in_the_sense_of_the_objective(changes: dict[str, Any], line: str) -> None:
    """What is maximised has an upper bound."""
    assert str(made(bound_by="proof", **changes)).splitlines()[1].startswith(line)


def test_everything_else_has_a_line_of_its_own() -> None:
    """Measures, notes, violations and faults, in this order."""
    solution = made(
        measures={"traces": 100.0, "service": 0.98765},
        notes=["an odd item"],
        violations=["item 9 does not exist"],
        faults=["pyvrp died"],
    )
    assert str(solution).splitlines()[1:] == [
        "  traces 100, service 0.9877",
        "  note: an odd item",
        "  violated: item 9 does not exist",
        "  fault: pyvrp died",
    ]


def test_a_rule_is_said_in_words() -> None:
    """Where the case knows words for it."""
    case = registry.folder("packing").files.from_arrays(ARRAYS["packing"])
    solution = made(problem="packing", case=case, solution={"rule": "first_fit"})
    assert str(solution).splitlines()[1] == "  rule: the first open bin that fits"


def test_the_problems_own_word_names_the_solution() -> None:
    """Other words are unknown, also without a case."""
    solution = made()
    assert solution.items == solution.solution == [0, 1]
    for one in (solution, made(case=None)):
        with pytest.raises(AttributeError, match="a knapsack solution has no tour"):
            one.tour  # noqa: B018
    with pytest.raises(AttributeError, match="has no items"):
        made(case=None).items  # noqa: B018


def test_actions_are_made_once_and_when_asked_for() -> None:
    """They can take a while."""
    calls: list[int] = []
    solution = made(taken=lambda: calls.append(1) or [5])
    str(solution)
    solution.to_dict()
    assert calls == []
    assert solution.actions == solution.actions == [5]
    assert calls == [1]


def test_plain_data_is_json(tmp_path: Path) -> None:
    """What is printed with --json; a simulated policy has its figures, a plan has none of them."""
    history = [Improvement(seconds=0.123456, cost=-3, source="construction", solution=[0])]
    data = made(history=history, bound=-5, bound_by="proof", gap=0.25).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["history"] == [{"seconds": 0.1235, "cost": -3, "source": "construction"}]
    assert (data["status"], data["seconds"], data["gap"]) == ("FEASIBLE", 1.2346, 0.25)
    assert "cost_standard_error" not in data
    simulated = made(cost_standard_error=0.5, measures={"service": 0.9}).to_dict()
    assert (simulated["cost_standard_error"], simulated["service"]) == (0.5, 0.9)
    assert simulated["rule"] is None
    made().save(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == made().to_dict()


def test_other_files_have_the_problems_own_form(tmp_path: Path) -> None:
    """They read back as the solution."""
    solution = made()
    solution.save(tmp_path / "x.sol")
    files = registry.folder("knapsack").files
    assert files.read_solution((tmp_path / "x.sol").read_text(), solution.case) == [0, 1]


def test_a_file_that_cannot_be_written_is_told_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older one is still there, whole, and nothing is left beside it."""
    target = tmp_path / "x.json"
    target.write_text("older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    solution = made()
    message = f"{target}: cannot be written (No space left on device)"
    with pytest.raises(NCOError) as caught:
        solution.save(target)
    assert str(caught.value) == message
    assert solution.faults == [message]
    assert target.read_text() == "older"
    assert list(tmp_path.iterdir()) == [target]


def test_without_a_case_there_is_no_picture_and_no_file(tmp_path: Path) -> None:
    """A problem without files has solutions all the same."""
    for action, word in (
        (lambda: made(case=None).plot(), "plotted"),
        (lambda: made(case=None).save(tmp_path / "x.sol"), "saved so"),
    ):
        with pytest.raises(NCOError, match=f"its solutions cannot be {word}"):
            action()


def test_a_picture_is_not_drawn_to_a_path() -> None:
    """What writes a page is named."""
    with pytest.raises(NCOError, match=r"not to x\.html: save\('x\.html'\) writes a page"):
        made().plot("x.html")  # type: ignore[arg-type]


def test_a_picture_is_drawn_on_given_axes_or_new_ones() -> None:
    """And both are returned."""
    figure, given = plt.subplots()
    assert made().plot(given) is given
    new = made().plot()
    assert new is not given
    assert new.get_title().startswith("three")
    plt.close(figure)
    plt.close(new.figure)  # type: ignore[arg-type]
