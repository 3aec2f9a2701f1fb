"""What pictures share: plain numbers, colours that are told apart, names where there is room."""

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from nco.pictures import axes, colours, things


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (2.0, "2"),
        (1250, "1,250"),
        (-1250.5, "-1,250.5"),
        (0.05, "0.05"),
        (0.00002, "0.00002"),
        (123456789, "123,456,789"),
        (1234567.25, "1,234,567.25"),
        (1e-9, "1e-09"),
        (3e20, "3e+20"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, words: str) -> None:
    """Powers of ten only where nothing else is legible."""
    assert axes.number(value) == words


@pytest.mark.parametrize(("low", "high"), [(1, 2), (1e6, 1e6 + 5), (0, 3e7), (52.1, 52.2)])
def test_ticks_have_no_powers_and_no_offset(low: float, high: float) -> None:
    """Each is the number that it stands for."""
    figure = FigureCanvasAgg(Figure()).figure
    ax = figure.add_subplot()
    ax.plot([low, high], [low, high])
    axes.plain(ax)
    figure.canvas.draw()
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert ax.xaxis.get_offset_text().get_text() == ""
    for word, place in zip(words, ax.get_xticks(), strict=True):
        assert float(word.replace(",", "")) == pytest.approx(place, rel=1e-9)


def _seen_without(cone: str, colour: str) -> np.ndarray:
    """A colour as a person without one kind of cones sees it (Viénot et al. 1999), in [0, 1]."""
    values = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    rows = {"red": (0.11238, 0.88762), "green": (0.29275, 0.70725)}[cone]
    shift = {"red": 0.00401, "green": -0.02234}[cone]
    mixed = linear[0] * rows[0] + linear[1] * rows[1]
    seen = np.array([mixed, mixed, (linear[0] - linear[1]) * shift + linear[2]]).clip(0, 1)
    cube = np.cbrt(
        seen
        @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    )
    return np.array([116 * cube[1], 500 * (cube[0] - cube[1]), 200 * (cube[1] - cube[2])])


@pytest.mark.parametrize("cone", ["red", "green"])
@pytest.mark.parametrize("palette", [colours.LINES, colours.LIGHT[: colours.HUES]])
def test_colours_differ_for_colour_blind_people(cone: str, palette: tuple[str, ...]) -> None:
    """Each pair is at least 8 apart in CIELAB, where 2 is just noticed."""
    for one, two in itertools.combinations(palette, 2):
        away = np.linalg.norm(_seen_without(cone, one) - _seen_without(cone, two))
        assert away > 8, (one, two, away)


def test_neighbours_get_different_numbers() -> None:
    """Also in a ring of an odd length, and with as few as three."""
    ring = [{(k - 1) % 7: 1.0, (k + 1) % 7: 1.0} for k in range(7)]
    dealt = colours.apart(ring, 3)
    assert all(dealt[k] != dealt[(k + 1) % 7] for k in range(7))
    assert set(dealt) == {0, 1, 2}
    assert colours.beside([[0, 1, 1, 0]], 2) == [{1: 2.0}, {0: 2.0}]


def test_near_things_are_neighbours() -> None:
    """The closest has the most weight."""
    found = colours.near(np.array([[0.0, 0], [1, 0], [5, 0]]))
    assert found[0][1] == 1.0
    assert found[0][2] < 1.0


def _written(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The boxes of the names that a figure shows."""
    boxes: dict[str, Any] = {}
    draw = Text.draw

    def noted(text: Text, renderer: Any, *rest: Any, **more: Any) -> None:
        if text.get_fontsize() == things.SIZE and text.get_text():
            boxes[text.get_text()] = text.get_window_extent(renderer).extents
        draw(text, renderer, *rest, **more)

    monkeypatch.setattr(Text, "draw", noted)
    figure.canvas.draw()
    return boxes


def test_names_do_not_cover_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred names some have room; none covers another, of the same or another kind."""
    figure = FigureCanvasAgg(Figure()).figure
    ax = figure.add_subplot()
    places = np.random.default_rng(0).random((100, 2))
    ax.plot(*places.T, "o")
    things.add(ax, "depot", ["depot"], places[:1], {})
    things.add(ax, "stop", [f"customer {k}" for k in range(1, 100)], places[1:], {})
    boxes = _written(figure, monkeypatch)
    assert "depot" in boxes
    assert 20 < len(boxes) < 100
    for one, two in itertools.combinations(boxes.values(), 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart


def test_names_stand_in_bars_that_are_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nowhere else; an axis that falls changes nothing."""
    figure = FigureCanvasAgg(Figure()).figure
    ax = figure.add_subplot()
    ax.set(xlim=(0, 10), ylim=(3, 0))
    bars = np.array([[0.0, 0.1, 4, 0.8], [4, 0.1, 0.1, 0.8], [0, 1.1, 4, 0.8]])
    things.add(ax, "operation", ["Table", "Chair", "$x$"], bars, {})
    boxes = _written(figure, monkeypatch)
    assert sorted(boxes) == ["$x$", "Table"]
    low, high = ax.transData.transform([[0, 0.9], [4, 0.1]])
    assert low[0] <= boxes["Table"][0]
    assert boxes["Table"][2] <= high[0]


def test_crowds_have_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a number that a problem may set."""
    figure = FigureCanvasAgg(Figure()).figure
    ax = figure.add_subplot()
    places = np.random.default_rng(0).random((5, 2))
    things.add(ax, "stop", list("abcde"), places, {}, most=4)
    assert _written(figure, monkeypatch) == {}


def test_things_need_a_place_and_a_fact_each() -> None:
    """None of them may be missing; no things at all are in order."""
    for places, facts in ((np.zeros((1, 2)), {}), (np.zeros((2, 2)), {"load": [1]})):
        with pytest.raises(ValueError, match="2 names"):
            things.Things("stop", ["a", "b"], places, facts)
    figure = FigureCanvasAgg(Figure()).figure
    nothing = things.add(figure.add_subplot(), "stop", [], np.zeros((0, 2)), {})
    figure.canvas.draw()
    assert nothing.boxes().shape == (0, 2)
