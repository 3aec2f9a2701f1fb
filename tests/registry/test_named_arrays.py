"""Names of stops and items beside arrays are kept in cases and tables."""

from typing import Any

import pytest

import nco
from nco.core.errors import InstanceError

COORDS = [[0, 0], [1, 0], [2, 1]]
SQUARE = [[0, 1, 2], [1, 0, 3], [2, 4, 0]]
NAMES = ["Depot", "Mill", "Farm"]
ARRAYS: list[dict[str, Any]] = [
    {"coords": COORDS},
    {"distances": SQUARE},
    {"coords": COORDS, "demand": [0, 1, 2], "capacity": 3},
    {"coords": COORDS, "demand": [0, 1, 2], "capacities": [3, 3]},
    {"coords": COORDS, "prizes": [0, 1, 2], "limit": 9},
    {"values": [1, 2, 3], "weights": [1, 1, 1], "capacity": 3},
]


@pytest.mark.parametrize("arrays", ARRAYS)
def test_names_are_kept(arrays: dict[str, Any]) -> None:
    """In the column of names of a solution's table; another number of them is refused."""
    solution = nco.solve({**arrays, "names": NAMES}, model="none", bound=False)
    assert set(solution.table()["name"]) == set(NAMES)
    with pytest.raises(InstanceError, match="names 2: must be 3 names, one each"):
        nco.solve({**arrays, "names": NAMES[:2]})
