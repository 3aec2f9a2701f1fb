"""Routes of a table on a map of the world: folium's, an extra, whose tiles come from the network.

Words of a user stand in popups as text, never as HTML.
"""

from html import escape
from typing import Any

from nco.core.errors import NCOError
from nco.pictures import colours
from nco.tables import geojson
from nco.tables.table import Table, shown

TILES = "OpenStreetMap"
OFFLINE = """<script>
if (typeof L === "undefined") document.write(
  "<p style='font: 1rem system-ui, sans-serif; margin: 1rem'>This map comes from the network, "
  + "which cannot be reached. <code>--plot x.html</code> makes a page that needs none.</p>");
</script>"""  # the scripts of the head have been loaded by then, or have failed


def drawn(table: Table, title: str) -> Any:
    """A `folium.Map` of a table with columns ``lat`` and ``lon``, and perhaps ``route``.

    Args:
        table: a row a stop, in the order of the visits.
        title: what pointing at the map's corner says.

    Raises:
        NCOError: where folium is not installed, or the table has no latitudes and longitudes.
    """
    features = geojson.collection(table, "the map")["features"]
    folium = _folium()
    lines = [each for each in features if each["geometry"]["type"] == "LineString"]
    points = [each for each in features if each["geometry"]["type"] == "Point"]
    world = folium.Map(tiles=TILES, control_scale=True)
    looks = {line["properties"]["route"]: k for k, line in enumerate(lines)}
    layers: dict[Any, Any] = {}
    for line in lines:
        route = line["properties"]["route"]
        layers[route] = folium.FeatureGroup(name=escape(f"route {route}")).add_to(world)
        words = ", ".join(f"{name} {shown(value)}" for name, value in line["properties"].items())
        folium.PolyLine(
            [_turned(place) for place in line["geometry"]["coordinates"]],
            color=colours.line(looks[route]),
            tooltip=escape(words),
        ).add_to(layers[route])
    for point in points:
        facts = point["properties"]
        layer = layers.get(facts.get("route"), world)
        folium.CircleMarker(
            _turned(point["geometry"]["coordinates"]),
            radius=5,
            color=colours.line(looks.get(facts.get("route"), 0)),
            fill=True,
            tooltip=escape(str(facts.get("name") or facts.get("stop", ""))),
            popup=_popup(facts),
        ).add_to(layer)
    folium.LayerControl(collapsed=len(lines) > 12).add_to(world)
    places = [_turned(point["geometry"]["coordinates"]) for point in points]
    if places:
        corners = [[f(place[k] for place in places) for k in (0, 1)] for f in (min, max)]
        world.fit_bounds(corners)
    root = world.get_root()
    root.title = title
    root.html.add_child(folium.Element(OFFLINE))
    return world


def page(world: Any) -> bytes:
    """The HTML of a map, which needs the network for its tiles and scripts."""
    text: str = world.get_root().render().replace("<html>", '<html lang="en">', 1)
    return text.encode("utf-8", "replace")


def _turned(place: list[float]) -> list[float]:
    """Latitude first, as folium has it."""
    return [place[1], place[0]]


def _popup(facts: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(shown(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<table>{rows}</table>"


def _folium() -> Any:
    try:
        import folium
    except ImportError:
        raise NCOError("folium is not installed: pip install 'nco-solver[map]'") from None
    return folium
