"""Which shipped model is chosen, by what the cards say of time and quality."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from small_inputs import ARRAYS

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.zoo import cards


def case(size: int = 100) -> Case:
    """A tour through so many points."""
    made = registry.folder("tsp").files.from_arrays({"coords": [[k, k % 7] for k in range(size)]})
    assert made is not None
    return made


def row(size: int, gap: float, seconds: float) -> dict[str, Any]:
    """A measurement."""
    return {"size": size, "gap_percent": gap, "seconds_per_instance": seconds}


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Three models of two problems."""
    found = {
        "small": {"measured": [row(20, 0.1, 0.01), row(100, 1.0, 0.04)]},
        "large": {"measured": [row(1000, 2.0, 4.0)]},
        "unmeasured": {"measured": []},
    }
    monkeypatch.setattr(cards, "of_problem", lambda problem: found if problem == "tsp" else {})
    return found


def test_seconds_lie_on_a_line_between_two_measurements() -> None:
    """Of logarithms; beyond the ends they grow with the square of the size."""
    rows = [row(20, 0, 0.01), row(100, 0, 0.25)]
    assert cards.seconds(rows, 20) == pytest.approx(0.01)
    assert cards.seconds(rows, 100) == pytest.approx(0.25)
    middle = round(math.sqrt(20 * 100))
    assert cards.seconds(rows, middle) == pytest.approx(0.05, rel=0.02)
    assert cards.seconds(rows, 200) == pytest.approx(1.0)
    assert cards.seconds(rows, 10) == pytest.approx(0.0025)
    assert cards.seconds([], 10) == math.inf


def test_later_measurements_of_a_size_count() -> None:
    """A card lists its searches in an order; the last of one size is taken."""
    assert cards.seconds([row(20, 0, 0.5), row(20, 0, 0.1)], 20) == pytest.approx(0.1)


@pytest.mark.parametrize(("size", "model"), [(20, "small"), (100, "small"), (900, "large")])
def test_the_least_gap_near_the_size_is_chosen(
    size: int, model: str, shipped: dict[str, dict[str, Any]]
) -> None:
    """Nearness is that of logarithms; a model without measurements comes last."""
    assert cards.choose(case(size)) == model


def test_a_better_model_is_preferred_that_takes_about_as_long(
    shipped: dict[str, dict[str, Any]],
) -> None:
    """Up to half as long again, and no longer."""
    shipped["better"] = {"measured": [row(100, 0.5, 0.055)]}
    assert cards.fastest(case(100)) == "better"
    shipped["better"] = {"measured": [row(100, 0.5, 0.065)]}
    assert cards.fastest(case(100)) == "small"
    assert cards.first_seconds(case(100), "small") == pytest.approx(0.04)


def test_no_model_ships_for_a_variant_or_another_problem(
    shipped: dict[str, dict[str, Any]],
) -> None:
    """Networks were trained for one objective each."""
    fleet = registry.folder("hcvrp").files.from_arrays(ARRAYS["hcvrp"])
    total = ARRAYS["hcvrp"] | {"objective": "total", "speeds": None}
    variant = registry.folder("hcvrp").files.from_arrays(total)
    for other in (fleet, variant):
        assert cards.choose(other) is None
        assert cards.fastest(other) is None
        assert not cards.may_play([other], "auto")
    assert variant.variant == "total"
    assert cards.may_play([fleet, case()], "auto")
    assert cards.may_play([fleet], "some-model")
    assert not cards.may_play([case()], cards.NO_MODEL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a model card"),
        ("[]", "not a model card"),
        ("{}", "not a model card"),
        ('{"format": 1}', "a card of nco 0.1, which this version does not read: train anew"),
        ('{"format": 99}', "format 99, but this version reads 2: update nco"),
    ],
)
def test_cards_that_cannot_be_read(text: str, message: str, tmp_path: Path) -> None:
    """Each in one line with the file."""
    path = tmp_path / "card.json"
    path.write_text(text)
    with pytest.raises(NCOError) as caught:
        cards.read_card(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_model_is_found_by_name_folder_or_checkpoint(tmp_path: Path) -> None:
    """A checkpoint in a folder comes before a card; what is none is answered with what ships."""
    name = next(iter(cards.available()))
    assert cards.locate(name) == cards.FOLDER / name / "card.json"
    (tmp_path / "card.json").write_text(json.dumps({"format": cards.FORMAT}))
    assert cards.locate(tmp_path) == tmp_path / "card.json"
    (tmp_path / "last.ckpt").write_bytes(b"")
    assert cards.locate(str(tmp_path)) == tmp_path / "last.ckpt"
    assert cards.locate(tmp_path / "last.ckpt") == tmp_path / "last.ckpt"
    for missing, message in (
        ("other", r"neither shipped nor a folder with card.json; nco models lists"),
        ("other.ckpt", r"other\.ckpt: no such checkpoint$"),
    ):
        with pytest.raises(NCOError, match=message):
            cards.locate(tmp_path / missing)


def test_a_model_of_another_problem_is_refused() -> None:
    """Before it is loaded, by its card."""
    name = next(iter(cards.of_problem("tsp")))
    cards.check(name, "tsp")
    with pytest.raises(NCOError, match=f"^model {name} is not one for cvrp$"):
        cards.check(name, "cvrp")


@pytest.mark.parametrize("problem", registry.names())
def test_every_shipped_card_belongs_to_one_folder(problem: str) -> None:
    """And is found there under its own name."""
    for name, card in cards.of_problem(problem).items():
        assert card["name"] == name
        assert (cards.FOLDER / name / "weights.safetensors").exists()
        assert cards.available()[name] == card
