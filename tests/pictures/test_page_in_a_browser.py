"""The script of a page: zoom, move, names, search, legend and table. It needs a Chromium."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from drawn_plans import solved
from small_inputs import ARRAYS

from nco.core.case import Case
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


def test_an_address_opens_at_a_thing(tmp_path: Path) -> None:
    """``page.html#find=NAME``, which can be sent to a colleague."""
    file = saved(tmp_path, *customers())
    with browser.Page(file, tmp_path / "profile") as page:
        page.run("location.hash = 'find=Customer%2042'")
        page.run(FRAME)
        page.run(FRAME)
        assert page.run("document.querySelector('#tip b').textContent") == "Customer 42"
