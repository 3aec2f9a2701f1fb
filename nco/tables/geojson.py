"""Routes of a table as GeoJSON (RFC 7946): a line for each route and a point for each stop."""

import json
import math
from typing import Any

from nco.core.errors import NCOError
from nco.tables.table import Table


def written(table: Table, path: str) -> str:
    """The text of a file, as of `collection`."""
    return json.dumps(collection(table, path), ensure_ascii=False, allow_nan=False) + "\n"


def collection(table: Table, source: str) -> dict[str, Any]:
    """A FeatureCollection.

    Args:
        table: with columns ``lat`` and ``lon``, in the order of the visits, and perhaps ``route``.
        source: of the table, or the file to write, for the error.

    Raises:
        NCOError: where the stops have no latitude and longitude.
    """
    if not {"lat", "lon"} <= set(table.columns):
        raise NCOError(
            f"{source}: a map needs stops with latitude and longitude (columns lat, lon)"
        )
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    routes: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        routes.setdefault(row.get("route", 1), []).append(row)
    lines = [
        _feature("LineString", [_place(row) for row in stops], _last(route, stops))
        for route, stops in routes.items()
        if len(stops) > 1
    ]
    points = [
        _feature("Point", _place(row), {k: v for k, v in row.items() if k not in ("lat", "lon")})
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": [*lines, *points]}


def _place(row: dict[str, Any]) -> list[float]:
    """Longitude first, as GeoJSON has it, from -180 to 180."""
    longitude = math.remainder(row["lon"], 360.0)
    return [longitude, row["lat"]]


def _last(route: Any, stops: list[dict[str, Any]]) -> dict[str, Any]:
    """What a line is labelled with: the route, and its length where it is known."""
    length = stops[-1].get("distance")
    return {"route": route} if length is None else {"route": route, "distance": length}


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
