"""The statistics of the comparison of objectives, against tables of the literature."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """`benchmarks/objectives_page.py` as a module."""
    path = ROOT / "benchmarks" / "objectives_page.py"
    spec = importlib.util.spec_from_file_location("objectives_page", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["objectives_page"] = found
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(("free", "t"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262)])
def test_quantiles_are_students(page: ModuleType, free: int, t: float) -> None:
    """Two-sided, at 5 %, as printed in tables."""
    assert page.quantile(free) == pytest.approx(t, abs=1e-3)
    assert page.student(t, free) == pytest.approx(0.05, abs=1e-4)


def test_an_interval_by_hand(page: ModuleType) -> None:
    """1, 2, 3: mean 2, half-width 4.303 / sqrt 3."""
    mean, half, p = page.interval([1.0, 2.0, 3.0])
    assert (mean, half) == (2.0, pytest.approx(4.303 / 3**0.5, abs=1e-3))
    assert p == pytest.approx(0.0742, abs=1e-3)
    assert page.interval([1.0])[1] is None


def test_holm_by_hand(page: ModuleType) -> None:
    """The least p is compared with a third of 5 %, the next one with a half, and so on."""
    assert page.holm({"a": 0.016, "b": 0.024, "c": 0.06}) == {"a", "b"}
    assert page.holm({"a": 0.02, "b": 0.02, "c": 0.02}) == set()


def test_a_saturating_curve_is_foreseen(page: ModuleType) -> None:
    """Made by the formula itself: the last point is met."""
    compute = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
    gaps = tuple(30.0 - 25.0 / (1 + 2.0 / c) if c else 30.0 for c in compute)
    curve = page.Curve(compute, 32.0, gaps, 0.0, 0, False)
    assert page.predicted(curve) == pytest.approx(gaps[-1], abs=1e-6)


@pytest.mark.long
def test_the_page_is_that_of_the_file(page: ModuleType, tmp_path: Path) -> None:
    """Writing it again changes nothing."""
    text = page.PAGE.read_text()
    rows = [line for key, found in page.read().items() for line in page.table(*key, found)]
    assert "\n".join(rows) in text
