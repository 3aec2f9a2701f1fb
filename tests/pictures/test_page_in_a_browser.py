"""The script of a page: zoom, move, names, search, legend and table. It needs a Chromium."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from drawn_plans import solved
from matplotlib.figure import Figure
from small_inputs import ARRAYS

from nco.core.case import Case
from nco.pictures import page as drawing
from nco.pictures import things
from nco.registry import sources
from nco.solving import picture

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no Chromium here")

FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ATTACK = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"


def saved(folder: Path, case: Case, plan: Any) -> Path:
    """The page of a plan in a file."""
    file = folder / "page.html"
    file.write_bytes(picture.written(solved(case, plan), "html"))
    return file


def customers(count: int = 60) -> tuple[Case, Any]:
    """Routes of named customers, one of whom is an attack, and one has an accent."""
    coords = np.random.default_rng(1).random((count + 1, 2))
    arrays = {"coords": coords, "demand": [0, *[1] * count], "capacity": 20, "name": ATTACK}
    names = ["Depot", ATTACK, "Café Ápril", *[f"Customer {k}" for k in range(3, count + 1)]]
    case = replace(sources.as_case(arrays, "cvrp"), names={"stops": names})
    return case, [list(range(k, min(k + 20, count + 1))) for k in range(1, count + 1, 20)]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[browser.Page]:
    """The page of the customers, on a screen of 1280 pixels."""
    with browser.Page(saved(tmp_path, *customers()), tmp_path / "profile") as page:
        page.run(FRAME)
        yield page


def box(page: browser.Page) -> list[float]:
    """What the picture shows: left, top, width and height in its own units."""
    page.run(FRAME)
    text: str = page.run("document.querySelector('#picture svg').getAttribute('viewBox')")
    return [float(value) for value in text.split()]


def names(page: browser.Page) -> list[str]:
    page.run(FRAME)
    found: list[str] = page.run(
        "[...document.querySelectorAll('#over .name')].map((name) => name.textContent)"
    )
    return found


def key(page: browser.Page, name: str) -> None:
    for kind in ("keyDown", "keyUp"):
        more = {"text": name} if len(name) == 1 and kind == "keyDown" else {}
        page.call("Input.dispatchKeyEvent", type=kind, key=name, **more)


def typed(page: browser.Page, words: str) -> None:
    """Words in the search field, in place of those that were there."""
    page.run("document.getElementById('find').focus(), document.getElementById('find').select()")
    page.call("Input.insertText", text=words)
    page.run(FRAME)


def test_names_of_people_run_nothing(page: browser.Page) -> None:
    """They are shown as they are; the page asks for nothing and complains of nothing."""
    assert page.run("document.title") == ATTACK
    typed(page, "onerror")
    assert page.run("document.querySelector('#tip b').textContent") == ATTACK
    assert page.run("document.images.length") == 0
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_wheel_buttons_and_keys_zoom(page: browser.Page) -> None:
    """In, about the pointer, and out again until all of it is seen."""
    whole = box(page)
    at = page.run(browser.MIDDLE % "'#stage'")
    place = {"x": at[0] + 100, "y": at[1]}
    page.call("Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=-240, **place)
    wheeled = box(page)
    assert wheeled[2] < whole[2] * 0.9
    middle = [whole[0] + whole[2] / 2, wheeled[0] + wheeled[2] / 2]
    assert middle[1] > middle[0]  # towards the pointer
    page.point_at("#in", click=True)
    assert box(page)[2] < wheeled[2]
    page.point_at("#all", click=True)
    assert box(page) == pytest.approx(whole)
    page.run("document.getElementById('stage').focus()")
    key(page, "+")
    near = box(page)
    assert near[2] < whole[2]
    key(page, "ArrowDown")
    assert box(page)[1] > near[1]
    key(page, "0")
    assert box(page) == pytest.approx(whole)


def test_dragging_moves_the_picture(page: browser.Page) -> None:
    """As far as the pointer, and not out of sight."""
    page.run("zoom(4)")
    before = box(page)
    x, y = page.run(browser.MIDDLE % "'#stage'")
    scale = page.run("view.scale")
    page.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", buttons=1)
    for step in (20, 40):
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x - step, y=y, buttons=1)
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x - 40, y=y, button="left")
    assert box(page)[0] == pytest.approx(before[0] + 40 / scale, abs=0.5)
    assert page.run("move(1e6, 1e6)") is None
    assert box(page)[0] >= -1
    assert box(page)[1] >= -1


def test_two_fingers_zoom(page: browser.Page) -> None:
    """About the place between them."""
    whole = box(page)
    x, y = page.run(browser.MIDDLE % "'#stage'")
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    for apart, kind in ((50, "touchStart"), (60, "touchMove"), (120, "touchMove")):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        page.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert box(page)[2] < whole[2] * 0.7


def test_nearer_there_is_room_for_more_names(page: browser.Page) -> None:
    """None of which covers another."""
    far = set(names(page))
    page.run("zoom(3)")
    near = set(names(page))
    assert near - far
    apart = page.run(
        """(() => {
          const boxes = [...document.querySelectorAll('#over .name')].map((n) => n.getBBox());
          return boxes.every((a, i) => boxes.every((b, j) => i <= j
            || a.x + a.width <= b.x + 1 || b.x + b.width <= a.x + 1
            || a.y + a.height <= b.y + 6 || b.y + b.height <= a.y + 6));
        })()"""
    )
    assert apart


def test_a_pointer_finds_what_is_there(page: browser.Page) -> None:
    """Its name and figures, and its route stands out; a click keeps it and marks its row."""
    at = page.run(
        """(() => {
          const thing = things.find((each) => each.name === 'Customer 30');
          const box = stage.getBoundingClientRect(), place = onScreen(thing);
          return [box.left + place.left + 2, box.top + place.top + 2];
        })()"""
    )
    place = {"x": at[0], "y": at[1]}
    page.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
    page.run(FRAME)
    tip = page.run("document.getElementById('tip').innerText")
    assert tip.startswith("Customer 30\nroute: 2\norder: 10\nstop: 30")
    assert page.run("document.querySelector('#picture .own').id") == "route-2"
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    page.run(FRAME)
    assert page.run("document.querySelector('#over .pinned') !== null")
    assert "Customer 30" in page.run("document.querySelector('#table tr.hit').innerText")
    page.run("stage.focus()")
    key(page, "Escape")
    page.run(FRAME)
    assert page.run("tip.hidden")


def test_search_shows_and_steps(page: browser.Page) -> None:
    """Capitals and accents do not count; Enter goes from one to the next."""
    typed(page, "cafe april")
    assert page.run("document.getElementById('found').textContent") == "1 found"
    assert page.run("document.querySelector('#tip b').textContent") == "Café Ápril"
    typed(page, "customer 1")
    assert page.run("found.length") == 10  # 10 to 19
    assert page.run("document.querySelectorAll('#over .hit').length") == 10
    key(page, "Enter")
    assert page.run("document.getElementById('found').textContent") == "1 of 10"
    assert box(page)[3] < page.run("whole[3]") / 2.5
    key(page, "Enter")
    page.run(FRAME)
    assert page.run("document.querySelector('#tip b').textContent") == "Customer 11"
    typed(page, "customer 5")
    assert page.run("document.querySelector('#tip b').textContent") == "Customer 5"  # not 50
    typed(page, "route 3")
    assert page.run("found.length") == 20  # nobody is called so: what is said of them counts
    typed(page, "nobody")
    assert page.run("document.getElementById('found').textContent") == "none found"


def test_legend_and_table_lead_into_the_picture(page: browser.Page) -> None:
    """A route's button shows it; a row goes to its stop."""
    page.point_at(".legend button[data-group='route-3']", click=True)
    assert page.run("document.querySelector('#picture .own').id") == "route-3"
    page.point_at(".legend button[data-group='route-3']", click=True)
    assert page.run("document.querySelector('#picture .own')") is None
    page.run("document.querySelector('#table tr[data-thing]').focus()")
    key(page, "Enter")
    page.run(FRAME)
    assert page.run("document.querySelector('#tip b').textContent") == ATTACK


@pytest.mark.parametrize("problem", ["tsp", "jssp", "knapsack", "netflow"])
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_scrolling_sideways(tmp_path: Path, problem: str, dark: bool) -> None:
    """All of the picture is in sight, and its ticks are legible."""
    case = sources.as_case({**ARRAYS[problem], "name": "a_long_name" * 9}, problem)
    plan = [[3, 1, 2], [1, 1, 1]] if problem == "netflow" else case.construct()
    file = saved(tmp_path, case, plan)
    with browser.Page(file, tmp_path / "profile", 390, 844, dark) as page:
        page.run(FRAME)
        assert page.run("document.documentElement.scrollWidth") <= 390
        shown = box(page)
        whole = page.run("whole")
        assert shown[2] >= whole[2] - 0.5
        assert shown[3] >= whole[3] - 0.5
        sizes = page.run(
            """[...document.querySelectorAll('#over .tick, #over .name, #over .inside')].map(
              (text) => parseFloat(getComputedStyle(text).fontSize))"""
        )
        assert sizes
        assert min(sizes) >= 11
        assert page.complaints == []


SEEN = """(texts => texts.map((text) => [text, text.getBoundingClientRect()])
  .map(([text, box]) => [text.textContent, box.left, box.top, box.right, box.bottom]))
  ([...document.querySelectorAll('%s')])"""


def test_a_low_chart_fills_a_phone(tmp_path: Path) -> None:
    """Its rows are high enough to be touched, and both axes have their labels."""
    case = sources.as_case({**ARRAYS["jssp"], "name": "shop"}, "jssp")
    file = saved(tmp_path, case, case.construct())
    with browser.Page(file, tmp_path / "profile", 390, 844) as page:
        page.run(FRAME)
        high = page.run("things.map(onScreen).map((bar) => bar.bottom - bar.top)")
        assert min(high) >= 40
        ticks = {text for text, *_ in page.run(SEEN % "#over .tick")}
        assert {"machine", "time", "0", "1"} <= ticks
        bar = page.run("[onScreen(things[0]), stage.getBoundingClientRect().toJSON()]")
        place = [(bar[0]["left"] + bar[0]["right"]) / 2, (bar[0]["top"] + bar[0]["bottom"]) / 2]
        place = {"x": bar[1]["left"] + place[0], "y": bar[1]["top"] + place[1]}
        page.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
        page.run(FRAME)
        assert page.run("pointed === things[0]")


def test_names_in_bars_keep_off_the_axes(tmp_path: Path) -> None:
    """A bar that goes on to the left has its name in the part that is seen."""
    case = sources.as_case({**ARRAYS["jssp"], "name": "shop"}, "jssp")
    case = replace(case, names={"machines": ["assembly line", "paint shop"]})
    file = saved(tmp_path, case, case.construct())
    with browser.Page(file, tmp_path / "profile") as page:
        page.run("zoom(1.2, stage.clientWidth, 0)")
        page.run(FRAME)
        edge = page.run("rulers(view.scale / least()).left + stage.getBoundingClientRect().left")
        lefts = page.run(
            "things.map((bar) => onScreen(bar).left + stage.getBoundingClientRect().left)"
        )
        assert min(lefts) < edge
        names = page.run(SEEN % "#over .inside")
        assert len(names) == 4
        assert min(left for _, left, *_ in names) >= edge


def test_panels_stand_below_each_other_on_a_phone(tmp_path: Path) -> None:
    """Side by side where there is room; zooming keeps words as large, and areas in their place."""
    figure = Figure(dpi=drawing.DOTS, figsize=(9, 5))
    for place, ax in enumerate(figure.subplots(2, 3).flat):
        ax.fill_between([0, 1, 2], [1, 2, 1], [3, 5, 4], alpha=0.3)
        ax.plot([0, 1, 2], [2, 3, 2], "o")
        ax.set_title(f"store {place}")
        facts = {"stock": [3]}
        things.add(ax, "period", [f"store {place}"], np.array([[1.0, 3.0]]), facts, named=False)
    file = tmp_path / "page.html"
    file.write_text(drawing.page(figure, "stock", [], None))
    with browser.Page(file, tmp_path / "profile", 390, 844) as page:
        page.run(FRAME)
        assert page.run("document.documentElement.scrollWidth") <= 390
        titles = [row for row in page.run(SEEN % "#picture text") if row[0].startswith("store")]
        assert len({round(row[1] / 20) for row in titles}) == 1
        assert [row[0] for row in sorted(titles, key=lambda row: row[2])] == [
            f"store {k}"
            for k in range(1, 6)  # the first axes' title is the page's caption
        ]
        high = titles[0][4] - titles[0][2]
        assert high >= 9
        page.run("zoom(4)")
        page.run(FRAME)
        (first, *_) = [row for row in page.run(SEEN % "#picture text") if row[0] == "store 1"]
        assert first[4] - first[2] == pytest.approx(high, rel=0.1)
        for index in range(6):  # a thing lies inside its panel wherever that stands
            area = f"picture.getElementById('panel-{index}').getBoundingClientRect()"
            inside = page.run(
                f"""(([panel, thing, corner]) => panel.left < thing.left + corner.left
                  && thing.left + corner.left < panel.right && panel.top < thing.top + corner.top
                  && thing.top + corner.top < panel.bottom)
                ([{area}, onScreen(things[{index}]), stage.getBoundingClientRect()])"""
            )
            assert inside
        areas = page.run(
            """[...picture.querySelectorAll('defs path')].filter((path) => !path.closest('clipPath')
              && path.getBBox().width > 40 && path.hasAttribute('transform')).length"""
        )
        assert page.run("marks.length") > 0
        assert areas == 0
        page.resize(1280, 900)
        page.run(FRAME)
        titles = [row for row in page.run(SEEN % "#picture text") if row[0].startswith("store")]
        assert len({round(row[1] / 20) for row in titles}) >= 3


def test_an_address_opens_at_a_thing(tmp_path: Path) -> None:
    """``page.html#find=NAME``, which can be sent to a colleague."""
    file = saved(tmp_path, *customers())
    with browser.Page(file, tmp_path / "profile") as page:
        page.run("location.hash = 'find=Customer%2042'")
        page.run(FRAME)
        page.run(FRAME)
        assert page.run("document.querySelector('#tip b').textContent") == "Customer 42"
