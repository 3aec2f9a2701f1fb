"""Validation on instances of the size that is trained."""

from pathlib import Path
from typing import Any

import pytest
from training_runs import fit

from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.labels.store import read, read_spec
from nco.problems.exo import Revenue
from nco.problems.tsp import TSP
from nco.training import references
from nco.training.curve import Curve

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache folder of the test's own, and few instances."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in (("INSTANCES", 4), ("SIZES", 2), ("LEAST", 0.02), ("MOST", 0.02)):
        monkeypatch.setattr(references, name, value)


@pytest.mark.long
def test_a_run_of_another_size_is_validated_on_its_own(
    config: Path, capfd: pytest.CaptureFixture
) -> None:
    """The set is made at the first use and found at the next one; what was named stays."""
    words = ("--model.init_args.problem.init_args.size", "[9, 12]", "--trainer.max_steps", "2")
    fit(config, "x", *words)
    row = Curve.read(Path("x/curve.csv")).rows[2]
    assert {"val/tours/gap", "val/own/gap", "val/own/gap_standard_error"} <= set(row)
    assert "makes 4 instances of the trained kind" in capfd.readouterr().err
    (folder,) = Path("cache/nco/references").iterdir()
    assert [len(part) for part in read(folder)] == [2, 2]
    assert read_spec(folder).problem == describe(TSP([9, 12]))
    fit(config, "y", *words)
    assert "makes" not in capfd.readouterr().err
    assert Curve.read(Path("y/curve.csv")).rows[2]["val/own/gap"] == row["val/own/gap"]


def test_a_run_of_a_reference_s_size_is_left_alone(config: Path) -> None:
    """Nothing is made for it."""
    fit(config, "x", "--trainer.max_steps", "1")
    assert not Path("cache").exists()


@pytest.mark.parametrize(
    ("size", "names", "unlike"),
    [
        (50, ["tsp50"], False),
        ([20, 49], ["tsp50"], True),
        ([20, 50], ["tsp50"], False),
        (200, ["tsp50", "tsp200"], False),
        (20, ["tsp50", "own"], False),
        (20, [], False),
    ],
)
def test_sizes_are_compared(size: Any, names: list[str], unlike: bool) -> None:
    """One reference within the trained sizes is enough; without any there is no validation."""
    assert references.is_unlike(names, TSP(size)) == unlike


def test_a_problem_of_policies_has_no_such_set() -> None:
    """No classical solver plans it."""
    with pytest.raises(NCOError, match="no classical solver can make the set 'own' of Revenue"):
        references.own(Revenue())
