"""Latitudes and longitudes as kilometres on a flat map, for problems of straight lines."""

import numpy as np

from nco.problems._routing.metrics import RADIUS, distances

SAMPLE = 300  # places between which the error of the map is measured
WORST = 0.01  # relative error above which there is no such map


def flat(degrees: np.ndarray) -> tuple[np.ndarray, float]:
    """Kilometres east and north of the middle, and how wrong straight lines are at most.

    The azimuthal equidistant projection (Snyder, "Map Projections", USGS 1987, p. 195): distances
    from the middle are exact, others too long by about the sixth part of the square of their
    distance from it in Earth radii.

    Args:
        degrees: float64 [n, 2], latitude first.

    Returns:
        float64 [n, 2], and the largest relative error between places that are not the same, of a
        sample of them.
    """
    longitude = degrees[:, 1]
    if np.ptp(longitude) > 180:  # across the date line
        longitude = longitude % 360
    north, east = np.radians(degrees[:, 0]), np.radians(longitude)
    middle_north = (north.min() + north.max()) / 2
    turn = east - (east.min() + east.max()) / 2
    cosine = np.sin(middle_north) * np.sin(north)
    cosine += np.cos(middle_north) * np.cos(north) * np.cos(turn)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    stretch = RADIUS / np.maximum(np.sinc(angle / np.pi), 1e-9)
    x = stretch * np.cos(north) * np.sin(turn)
    y = stretch * (
        np.cos(middle_north) * np.sin(north) - np.sin(middle_north) * np.cos(north) * np.cos(turn)
    )
    coords = np.stack([x, y], axis=1)
    return coords, _error(degrees, coords)


def _error(degrees: np.ndarray, coords: np.ndarray) -> float:
    """The largest relative error between any two of some places."""
    step = max(1, len(degrees) // SAMPLE)
    places, flat_places = degrees[::step], coords[::step]
    true = distances(places[:, None], places[None], "HAVERSINE")
    drawn = np.linalg.norm(flat_places[:, None] - flat_places[None], axis=-1)
    apart = true > 1e-6
    return float((np.abs(drawn - true)[apart] / true[apart]).max(initial=0.0))
