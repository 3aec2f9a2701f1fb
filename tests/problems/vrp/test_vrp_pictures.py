"""Rich routing is drawn on a map and over time, and written as GeoJSON and folium maps."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import nco
from nco.core.errors import NCOError
from nco.pictures import things
from nco.problems.vrp.case import Break, Case, Route, VehicleType, Window, plain
from nco.problems.vrp.plot import plot, rows, timeline
from nco.solving.checking import examine

BERLIN = np.array([[52.5, 13.4], [52.52, 13.3], [52.45, 13.5], [52.6, 13.42], [52.4, 13.2]])


def a_case(**stated: Any) -> Case:
    """Four clients in Berlin, one of them with a window, and a van with a break."""
    van = VehicleType(
        count=1, name="Van", reloads=(0,), breaks=(Break(Window(20, 90), 15.0),), speed=0.8
    )
    given: dict[str, Any] = {
        "coords": BERLIN,
        "metric": "HAVERSINE",
        "name": "Berlin",
        "names": {"stops": ("Depot", "<b>Ann</b>", "Ben", "Cat", "Dan")},
        "windows": ((), (Window(60, 90),), (), ()),
        "service": np.full(4, 5.0),
        "vehicles": (van, VehicleType(count=1, end=None)),
    }
    return plain(4, **{**given, **stated})


PLAN = [Route(0, [1, 0, 2]), Route(1, [3])]


def solution(case: Case | None = None, plan: Any = None) -> nco.Solution:
    return examine(case or a_case(), PLAN if plan is None else plan)


def test_every_visit_is_a_thing_with_the_facts_of_the_table() -> None:
    """Stops on the map, all rows in time; what is not served has a cross."""
    figure = Figure()
    above, below = figure.subplots(2, 1)
    plot(a_case(), PLAN, above)
    timeline(a_case(), PLAN, below)
    kinds = {each.kind: each for each in things.of(figure)}
    assert kinds["stop"].names == ["<b>Ann</b>", "Ben", "Cat"]
    assert kinds["not served"].names == ["Dan"]
    assert kinds["visit"].facts["action"].count("break") == 1
    assert len(kinds["visit"].names) == 5 + 1 + 2
    assert "1 unassigned" in above.get_title()
    assert below.get_yticklabels()[0].get_text().startswith("route 1 (Van")


def test_a_case_of_matrices_is_drawn_on_a_circle() -> None:
    """Its places are made up, so that the axes have no numbers."""
    square = np.ones((5, 5)) - np.eye(5)
    case = a_case(coords=None, metric="EXPLICIT", distances=(square,))
    ax = Figure().add_subplot()
    plot(case, PLAN, ax)
    assert not len(ax.get_xticks())
    assert rows(case, PLAN) == 2


def test_a_picture_has_the_timeline_below_the_map(tmp_path: Path) -> None:
    """Also the page, whose table belongs to what is drawn; other problems have one picture."""
    found = solution()
    assert len(found.plot().figure.axes) == 2
    found.save(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert "&lt;b&gt;Ann" in page
    assert "<b>Ann" not in page
    tour = nco.solve([[0, 0], [1, 0], [0, 1]], model="none", time_limit=None)
    assert len(tour.plot().figure.axes) == 1


def test_stops_and_geojson_tell_every_stop() -> None:
    """A row each; a line for each route, longitude first."""
    found = solution()
    assert found.stops["name"].tolist()[:3] == ["Depot", "<b>Ann</b>", "Depot"]
    data = json.loads(json.dumps(found.to_geojson()))
    lines = [f for f in data["features"] if f["geometry"]["type"] == "LineString"]
    assert [len(line["geometry"]["coordinates"]) for line in lines] == [6, 2]
    assert lines[0]["geometry"]["coordinates"][0] == [13.4, 52.5]
    chosen = nco.solve("example:knapsack/items.txt", model="none", time_limit=None)
    with pytest.raises(NCOError, match="knapsack have no stops"):
        _ = chosen.stops
    with pytest.raises(NCOError, match="latitude and longitude"):
        solution(a_case(metric="EUCLIDEAN")).to_geojson()


def test_a_map_without_folium_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra."""
    monkeypatch.setitem(sys.modules, "folium", None)
    with pytest.raises(
        NCOError, match=r"^folium is not installed: pip install 'nco-solver\[map\]'$"
    ):
        solution().map()


@pytest.mark.long
def test_a_map_shows_names_as_text(tmp_path: Path) -> None:
    """Routes are layers, and no name is HTML; routes of other problems are maps, too."""
    pytest.importorskip("folium")
    solution().map(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert "route 2" in page
    assert "<b>Ann" not in page
    assert '<html lang="en">' in page
    before, asked, after = page.partition('typeof L === "undefined"')  # is there a network?
    assert asked
    assert "leaflet.js" in before
    assert "L.map(" in after  # which fails without one, so the words come first
    plain_routes = nco.solve(
        "example:cvrp/customers.csv", capacity=40, model="none", time_limit=None
    )
    plain_routes.map(tmp_path / "y.html")
    assert (tmp_path / "y.html").stat().st_size > 5000
