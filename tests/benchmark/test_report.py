"""The HTML report: what is in it, that it runs nothing from files, how it behaves in a browser."""

import functools
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import browser
import numpy as np
import pytest

from nco.benchmark import Improvement, Run, drawings, html, with_gaps, with_integrals
from nco.benchmark.drawings import Album, draw
from nco.core.case import Case
from nco.registry import sources

ATTACK = "</script><img src=x onerror=\"document.title='hacked'\"><b>'&amp;$\\frac{$"
ABOUT = {"date": "today", "models": {"nco": [ATTACK]}, "seed": 1234, "nothing": None}
ALERT = "<script>document.title='hacked'</script>"


def square(name: str) -> Case:
    return replace(sources.as_case([[0, 0], [0, 10], [10, 10], [10, 0]]), name=name)


CASES = [(ATTACK, square(ATTACK)), ("plain", square("plain"))]


def run(
    solver: str,
    tour: list[int] | None,
    *,
    instance: str = "plain",
    limit: float | None = 1.0,
    seconds: float = 0.9,
    cold: bool = False,
) -> Run:
    cost = None
    if tour is not None:
        cost = 40.0 if tour == [0, 1, 2, 3] else 48.3
    error = None if tour else f"out of luck {ALERT}"
    points = (
        () if cost is None else (Improvement(0.01, 60.0, ALERT), Improvement(seconds, cost, solver))
    )
    return Run(
        *("tsp", instance, 4, solver, limit, cost, cost, None, seconds, error),
        cold=cold,
        points=points,
        traced="history" if solver == "nco" else "final",
        solution=tour,
        faults=(f"{ALERT} crashed",),
    )


RUNS = with_integrals(
    with_gaps(
        [
            run("nco", [0, 1, 2, 3]),
            run("nco", [0, 1, 2, 3], instance=ATTACK, seconds=0.7),
            run(ALERT, [0, 2, 1, 3], seconds=0.8),
            run(ALERT, None, instance=ATTACK),
            run("nco", [0, 1, 2, 3], limit=None, seconds=0.05),
            run("nco", [0, 1, 2, 3], seconds=3.0, cold=True),
        ],
        {},
    )
)


@functools.cache
def report() -> str:
    """The report of all runs, made once."""
    return html(RUNS, ABOUT, CASES)


class Tags(HTMLParser):
    """Counts tags and keeps what could run or load something."""

    VOID = ("meta", "img", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.suspects: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, _ in attributes:
            if name.startswith("on") or name in ("src", "href", "style", "action"):
                self.suspects.append(f"{tag} {name}")
        if tag in ("link", "iframe", "object", "embed", "base", "b"):
            self.suspects.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class TestPage:
    def test_is_well_formed_and_loads_nothing(self) -> None:
        """Every tag is closed, and nothing comes from elsewhere."""
        tags = Tags(report())
        assert tags.open == []
        assert tags.suspects == []
        assert report().count("<script") == 2  # the pictures and its own
        assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org", "", report())

    def test_has_every_run_row_and_setting(self) -> None:
        """Costs, errors and the setting stand on the page, names with markup as text."""
        text = " ".join(Tags(report()).texts)
        for words in ("40", "48.3", "20.750", "out of luck", "crashed", "cold", "1234", "today"):
            assert words in text, words
        assert report().count("<tr data-caption") == len(RUNS)
        assert ATTACK in text

    def test_draws_a_line_a_solver_and_a_point_a_run(self) -> None:
        """Runs that failed or were cold have no point."""
        assert report().count('class="line"') == 1
        assert report().count('class="dot"') == 4  # those that failed or were cold are none
        assert report().count('class="marker"') == 3
        assert "nan" not in report()[report().index("<main>") : report().index("</main>")]

    def test_of_nothing_or_of_failures_alone_is_a_page(self) -> None:
        """There is no chart then."""
        for runs in ([], [run("nco", None)]):
            page = html(with_gaps(runs, {}), {}, CASES)
            assert Tags(page).open == []
            assert "<svg" not in page

    def test_infinite_gaps_are_named_and_not_drawn(self) -> None:
        """They are in the table, and no point."""
        runs = with_gaps([run("nco", [0, 1, 2, 3])], {("tsp", "plain"): 0.0})
        page = html(with_integrals(runs), {}, CASES)
        assert 'data-value="inf"' in page
        assert 'class="dot"' not in page

    def test_says_what_was_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Solutions beyond the number of pictures are counted."""
        monkeypatch.setattr(drawings, "ROOM", replace(drawings.ROOM, pictures=1))
        assert "2 solutions without a picture" in html(RUNS, {}, CASES)


class TestPictures:
    def test_are_shared_by_equal_solutions_and_bounded(self) -> None:
        """One picture serves equal solutions, and each is a small SVG."""
        album = Album({("tsp", name): case for name, case in CASES})
        numbers = [album.number(each) for each in RUNS]
        assert numbers == [0, 1, 2, None, 0, 0]
        assert len(album.pictures) == 3
        for picture in album.pictures:
            assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
            assert len(picture) < 30_000

    def test_of_policies_are_not_there(self) -> None:
        """A simulated policy has no picture."""
        album = Album({("tsp", name): case for name, case in CASES})
        assert album.number(replace(RUNS[0], cost_standard_error=0.1)) is None
        assert album.pictures == []

    def test_of_many_nodes_are_pixels(self) -> None:
        """Thousands of nodes are a small PNG."""
        case = sources.as_case(np.random.default_rng(0).random((3000, 2)))
        picture = draw(case, list(range(3000)))
        assert picture.startswith("data:image/png;base64,")
        assert len(picture) < 300_000

    def test_that_cannot_be_drawn_say_why(self) -> None:
        """A wrong solution gives a message in the place of the picture."""
        assert "not drawn: InstanceError" in draw(CASES[1][1], [0, 1, 2, 99])

    def test_keep_the_digits_of_words(self) -> None:
        """Numbers within names are not shortened."""
        case = replace(square("costs 1.23456"), name="costs 1.23456")
        assert "costs 1.23456" in draw(case, [0, 1, 2, 3])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    folder = tmp_path_factory.mktemp("report")
    (folder / "report.html").write_text(report())
    with browser.Page(folder / "report.html", folder / "profile") as page:
        yield page


@pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no Chromium here")
class TestBrowser:
    def test_nothing_complains_loads_or_runs_what_names_say(self, page: browser.Page) -> None:
        """In a browser, names with markup are text and nothing is fetched."""
        assert page.run("document.title") == "Benchmark: tsp"
        assert page.run("document.querySelectorAll('main b, main img, main script').length") == 0
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []

    @pytest.mark.parametrize("selector", ["#runs tbody tr", ".dot[data-picture]"])
    def test_the_pointer_shows_the_picture_of_a_run(
        self, page: browser.Page, selector: str
    ) -> None:
        """Over a row or a point the picture of its solution appears."""
        page.point_at("h1")
        assert page.run("document.getElementById('preview').hidden") is True
        page.point_at(selector)
        assert page.run("document.querySelector('#preview img').decode().then(() => true)") is True
        assert page.run("document.querySelector('#preview figcaption').textContent") == (
            "plain · nco · 1 s · cost 40 · gap 0.000 % · 0.900 s"
        )
        page.point_at(selector, click=True)
        page.point_at("h1")
        assert page.run("document.getElementById('preview').hidden") is False
        page.point_at("h1", click=True)
        assert page.run("document.getElementById('preview').hidden") is True
        assert page.complaints == []

    def test_tables_are_sorted_by_number_with_empty_cells_last(self, page: browser.Page) -> None:
        """A click sorts, the next one the other way."""
        rows = "[...document.querySelectorAll('#runs tbody tr')]"
        cells = rows + ".map(row => row.cells[%d].textContent)"
        page.point_at("#runs thead th:nth-child(7) button", click=True)
        order = [float(text) for text in page.run(cells % 6)]
        assert order == sorted(order)
        for _ in range(2):
            page.point_at("#runs thead th:nth-child(5) button", click=True)
            costs = page.run(cells % 4)
            assert costs[-1] == "–"
        assert costs[0] == "48.3"

    def test_runs_are_filtered_and_curves_hidden(self, page: browser.Page) -> None:
        """Only rows with the typed words stay, and a click hides a curve."""
        page.run(
            "(e => { e.value = 'cold nco'; e.dispatchEvent(new Event('input')); })"
            "(document.getElementById('filter'))"
        )
        shown = "[...document.querySelectorAll('#runs tbody tr')].filter(r => !r.hidden).length"
        assert page.run(shown) == 1
        page.point_at(".key", click=True)
        assert page.run("document.querySelectorAll('.series.off').length") == 1

    def test_nothing_is_wider_than_a_telephone(self, page: browser.Page) -> None:
        """At 360 pixels the page does not scroll sideways."""
        page.resize(360, 700)
        assert page.run("document.documentElement.scrollWidth <= innerWidth") is True
        page.resize(1280, 900)


def test_the_pictures_can_be_read_back() -> None:
    """The element ends where it should, whatever the names in it."""
    found = re.search(r'id="pictures">(.*?)</script>', report(), re.DOTALL)
    assert found is not None
    assert len(json.loads(found[1])) == 3
