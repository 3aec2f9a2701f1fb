"""Pages with pictures: well formed, complete, escaped, self-contained, and small."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_plans import solved
from matplotlib.figure import Figure
from small_inputs import ARRAYS

import nco
from nco.core.case import Case
from nco.pictures import document, page, svg, things
from nco.registry import sources
from nco.solving import picture
from nco.tables.table import Table

ATTACK = "</script><script>document.title='hacked'</script><img src=x onerror=alert(1)>\" $x_{"
STYLED = 'a style="}body{display:none}" b'
VOID = {"meta", "input", "link", "br", "img"}


class Reader(HTMLParser):
    """Elements must be closed in order; collects what a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for key, value in attrs if key == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)


def html(case: Case, plan: Any) -> str:
    return picture.written(solved(case, plan), "html").decode()


def planned(problem: str) -> tuple[Case, Any]:
    """A small case of each problem and a plan; those whose future is known have one by hand."""
    case = sources.as_case({**ARRAYS[problem], "name": problem}, problem)
    by_hand = {
        "exo": [0],
        "packing": [[0, 2]],
        "netflow": [[3, 1, 2], [1, 1, 1]],
        "rebalancing": np.zeros((2, 2, 2, 2)).tolist(),
    }
    return case, by_hand[problem] if problem in by_hand else case.construct()


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("problem", sorted(ARRAYS))
def test_each_problem_has_a_page_of_its_own(problem: str) -> None:
    """Well formed, nothing is loaded from elsewhere, and a pointer finds things."""
    text = html(*planned(problem))
    read = Reader(text)
    assert len(set(read.ids)) == len(read.ids)
    for tag, attributes in read.tags:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for key in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(key) or "#").startswith(("#", "data:image/png"))
        assert "style" not in attributes  # the policy would forbid it
        assert not any(key.startswith("on") for key in attributes)
    assert "url(http" not in text
    assert "@import" not in text
    (drawn,) = re.findall(r'<div id="picture">(<svg.*?</svg>)</div>', text, re.DOTALL)
    ElementTree.fromstring(drawn)
    data = data_of(text)
    assert data["things"]
    width, height = (float(v) for v in re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0])
    for kind in data["things"]:
        for box, _, group, *facts in kind["rows"]:
            assert all(-1 <= x <= width + 1 for x in box[::2])
            assert all(-1 <= y <= height + 1 for y in box[1::2])
            assert len(facts) == len(kind["columns"])
            assert not group or f'id="{group}"' in drawn
    assert len(text) < 100_000


@pytest.mark.parametrize(
    ("problem", "kind", "count"),
    [
        ("cvrp", "stops", 4),
        ("tsp", "stops", 4),
        ("atsp", "stops", 3),
        ("op", "stops", 4),
        ("hcvrp", "stops", 4),
        ("hcvrp", "vehicles", 2),
        ("omdcpdp", "orders", 2),
        ("omdcpdp", "vehicles", 2),
        ("knapsack", "items", 3),
        ("jssp", "jobs", 2),
        ("jssp", "machines", 2),
        ("fjsp", "jobs", 2),
        ("ffsp", "machines", 3),
    ],
)
def test_names_are_there_and_do_nothing(problem: str, kind: str, count: int) -> None:
    """In the picture's data, its table or its axes; markup in them stays text."""
    case, plan = planned(problem)
    names = [f"{ATTACK} {STYLED} {k}" for k in range(count)]
    case = replace(case, names={kind: names}, name=ATTACK)
    text = html(case, plan)
    read = Reader(text)
    assert [tag for tag, _ in read.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in read.tags]
    assert "body{display:none}" not in re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]  # type: ignore[index]
    told = json.dumps(data_of(text), ensure_ascii=False) + json.dumps(read.texts)
    assert told.count("document.title='hacked'") >= 1
    assert "body{display:none}" in told
    assert f"<h1>{ATTACK[:2]}" not in text


def test_the_policy_allows_the_pages_own_script_and_style() -> None:
    """By their hashes, and nothing else."""
    text = html(*planned("tsp"))
    (policy,) = [a["content"] for tag, a in Reader(text).tags if tag == "meta" and "content" in a][
        :1
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:")
    assert "unsafe" not in policy
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(style) == len(script) == 1
    for part in (*style, *script):
        assert document._hash(part) in policy


def test_rows_of_the_table_lead_to_things() -> None:
    """Each stop's row to its stop, each operation's to its bar; the depot's rows to nothing."""
    for problem in ("cvrp", "jssp", "knapsack", "op", "omdcpdp"):
        text = html(*planned(problem))
        kinds = data_of(text)["things"]
        rows = [(kind["kind"], kind["columns"], row) for kind in kinds for row in kind["rows"]]
        heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', text)
        lines = re.findall(r'<tr data-thing="(\d+)" tabindex="0">(.*?)</tr>', text)
        assert lines
        for number, line in lines:
            cells = dict(zip(heads, re.findall(r"<td[^>]*>(.*?)</td>", line), strict=True))
            _, columns, (_, _, _, *facts) = rows[int(number)]
            stated = dict(zip(columns, facts, strict=True))
            shared = set(cells) & set(stated)
            assert shared
            assert all(cells[key] == stated[key] for key in shared)


@pytest.mark.long
def test_a_hundred_stops_are_small_and_ten_thousand_still_zoom() -> None:
    """Under 100 kB and 3 MB; the table stops after 2,000 rows and says so."""
    random = np.random.default_rng(0)
    sizes = {}
    for count in (100, 10_000):
        coords = random.random((count + 1, 2))
        arrays = {"coords": coords, "demand": [0, *[1] * count], "capacity": 50}
        case = sources.as_case(arrays, "cvrp")
        order = (np.argsort(coords[1:, 0]) + 1).tolist()
        routes = [order[k : k + 50] for k in range(0, count, 50)]
        text = html(case, routes)
        assert sum(len(kind["rows"]) for kind in data_of(text)["things"]) == count + 1
        sizes[count] = len(text)
    assert sizes[100] < 120_000
    assert sizes[10_000] < 3_000_000
    assert text.count("<tr") == 2001
    assert "the first 2,000 of 10,400 rows" in text


def test_what_would_be_too_large_is_kept_in_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Things are still found in it."""
    monkeypatch.setattr(svg, "LARGEST", 1000)
    text = html(*planned("tsp"))
    assert '<svg class="pixels"' in text
    assert "data:image/png;base64," in text
    assert len(data_of(text)["things"][0]["rows"]) == 4


@pytest.mark.long
def test_a_solution_is_saved_as_a_page_and_as_pictures(tmp_path: Path) -> None:
    """By the ending, in Python and on the command line alike."""
    solution = nco.solve(ARRAYS["tsp"], problem="tsp", model="none")
    solution.save(tmp_path / "x.HTML")
    assert (tmp_path / "x.HTML").read_text().startswith("<!doctype html>")
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for ending, begin in begins.items():
        assert picture.written(solution, ending).startswith(begin)
    with pytest.raises(nco.NCOError, match="cannot be plotted"):
        picture.written(replace(solution, case=None), "html")


def test_schedules_in_a_dict_are_no_policies() -> None:
    """A flexible shop's solution names starts and machines, and is drawn."""
    case, plan = planned("fjsp")
    assert isinstance(plan, dict)
    assert solved(case, plan).plot().get_title().startswith("fjsp: makespan")


def test_axes_that_people_read_are_told() -> None:
    """A chart's range and its names of ticks; a map has none."""
    figure = Figure(dpi=page.DOTS)
    ax = figure.add_subplot()
    ax.set(xlim=(0, 10), ylim=(1, 0), xlabel="time")
    ax.set_yticks([0, 1], ["saw", "drill"])
    things.add(ax, "operation", ["Table"], np.array([[0, 0, 5, 1]]), {"start": [0]})
    table = Table(("start",), [[0]], name="schedule")
    text = page.page(figure, "shop", ["a line"], table)
    (told,) = data_of(text)["axes"]
    assert told["x"] == {"span": [0.0, 10.0], "label": "time", "names": []}
    assert told["y"]["names"] == [[0.0, "saw"], [1.0, "drill"]]
    ((box, *_),) = data_of(text)["things"][0]["rows"]
    left, _, right, _ = told["box"]
    assert box[0] == pytest.approx(left, abs=0.1)
    assert box[2] == pytest.approx((left + right) / 2, abs=0.1)
    assert data_of(html(*planned("tsp")))["axes"] == []


def test_many_lines_of_one_kind_are_folded() -> None:
    """The picture stands near the top; what is below a heading, and the first such, is open."""
    figure = Figure(dpi=page.DOTS)
    figure.add_subplot()
    notes = [f"  note: <{k}>" for k in range(3)]
    words = [
        "cost 4",
        "  order now:",
        "    shop: 3",
        "  rule:",
        "    shop: 9",
        *notes,
        "  fault: x",
    ]
    text = page.page(figure, "stock", words, None)
    header = re.search(r"<header>.*</header>", text, re.DOTALL)
    assert header is not None
    assert header[0] == (
        "<header><h1>stock</h1><p>cost 4</p>"
        "<details open><summary>order now <small>1</small></summary>"
        "<div><p>shop: 3</p></div></details>"
        "<details><summary>rule <small>1</small></summary><div><p>shop: 9</p></div></details>"
        "<details><summary>notes <small>3</small></summary>"
        "<div><p>&lt;0&gt;</p><p>&lt;1&gt;</p><p>&lt;2&gt;</p></div></details>"
        "<p>fault: x</p></header>"
    )
    many = ["cost 4", "  order now:", *(f"    shop {k}: 3" for k in range(11))]
    assert "<details open>" not in page.page(figure, "stock", many, None)


def test_empty_columns_take_no_room() -> None:
    """Stops without names have no column of names; the rows still lead to their things."""
    figure = Figure(dpi=page.DOTS)
    things.add(
        figure.add_subplot(), "stop", ["4"], np.array([[0.0, 0.0]]), {"name": [""], "stop": [4]}
    )
    text = page.page(figure, "tour", [], Table(("name", "stop"), [["", 4]], name="tour"))
    assert re.findall(r"<th [^>]*>(.*?)</th>", text) == ["stop"]
    assert '<tr data-thing="0" tabindex="0"><td class="number">4</td></tr>' in text


def test_axes_of_one_picture_are_panels() -> None:
    """A phone shows them below each other: where each is, and which things are in it, is told."""
    figure = Figure(dpi=page.DOTS)
    for place, ax in enumerate(figure.subplots(1, 2)):
        ax.set_xlabel("period")
        things.add(ax, "period", [f"store {place}"], np.array([[0.5, 0.5]]), {"stock": [1]})
    text = page.page(figure, "stock", [], None)
    data = data_of(text)
    assert [kind["panel"] for kind in data["things"]] == [0, 1]
    first, second = data["panels"]
    assert first[2] < second[0]
    for place, kind in enumerate(data["things"]):
        assert f'id="panel-{place}"' in text
        (((x, y), *_),) = kind["rows"]
        left, top, right, bottom = kind["frame"]
        assert left < x < right
        assert top < y < bottom
    assert data["axes"] == []  # rulers at the edges would belong to one of them only
    assert data_of(html(*planned("jssp")))["panels"] == []


def test_a_legend_says_what_colours_mean() -> None:
    """In words and not by a bar, which a phone makes too small to read; pale areas are pale."""
    text = html(*planned("packing"))
    assert "share of the capacity" not in text
    assert "<span>20% full</span>" in text
    assert "<span>100% full</span>" in text
    figure = Figure(dpi=page.DOTS)
    figure.add_subplot().fill_between([0, 1], 0, 1, alpha=0.25, label="band")
    assert 'fill-opacity="0.25"' in page.page(figure, "stock", [], None)


def test_lengths_have_their_unit(tmp_path: Path) -> None:
    """Of places on the globe, in the legend and below the picture."""
    file = tmp_path / "stops.csv"
    file.write_text("name,lat,lon,demand\ndepot,52,5,0\na,52.1,5.1,1\nb,52.2,5.2,1\n")
    text = html(nco.read(file, arguments={"capacity": 2}), [[1, 2]])
    assert re.search(r"<span>route 1: length [\d.]+ km, load 2 of 2</span>", text)
    assert re.search(r'<p id="caption">[^<]*: length [\d.]+ km, 1 route</p>', text)


def test_greys_turn_round_in_the_dark() -> None:
    """Colours stay."""
    figure = Figure(dpi=page.DOTS)
    figure.add_subplot().plot([0, 1], color="#0072b2", gid="line")
    _, sheet = svg.written(figure)
    light, dark = sheet.split("@media (prefers-color-scheme: dark)")
    assert "stroke: #0072b2" in light
    assert "#0072b2" not in dark
    assert "stroke:#e8e8e8" in dark  # of the frame, which is black by day


@pytest.mark.long
def test_a_policy_has_a_page_with_its_orders_or_without_a_table(tmp_path: Path) -> None:
    """Of an inventory the table says what to order; an airline's prices are no table."""
    for name, table in (("inventory/six_stores.yaml", True), ("exo/airline.yaml", False)):
        path = tmp_path / "policy.html"
        solution = nco.solve(f"example:{name}", model="none", traces=4, time_limit=2)
        solution.save(path)
        text = path.read_text()
        assert ("<table" in text) == table
        future = (
            "six_stores: stock, mean of 100 futures" if table else "airline, one random future: "
        )
        assert f'<p id="caption">{future}' in text
