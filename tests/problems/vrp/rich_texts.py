"""Small files of every form that rich routing reads."""

import json
from typing import Any

NODES = """NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 5
"""
DEMAND = "DEMAND_SECTION\n1 0\n2 2\n3 3\n4 1\n"
WINDOWS = "TIME_WINDOW_SECTION\n1 0 100\n2 10 20\n3 0 50\n4 5 40\n"


def vrplib(kind: str, *more: str, sections: str = "", depots: str = "1\n-1\n") -> str:
    """Four nodes, the depot first; `more` are lines of keywords."""
    lines = [f"TYPE : {kind}", "DIMENSION : 4", "EDGE_WEIGHT_TYPE : EUC_2D", *more]
    return "\n".join(lines) + f"\n{NODES}{DEMAND}{sections}DEPOT_SECTION\n{depots}EOF\n"


VRPTW = vrplib("VRPTW", "VEHICLES : 2", "CAPACITY : 5", "SERVICE_TIME : 4", sections=WINDOWS)
FLEET = vrplib(
    "SDVRPTW",
    "VEHICLES : 3",
    "VEHICLES_MAX_DURATION : 60",
    sections=WINDOWS
    + "CAPACITY_SECTION\n1 5\n2 5\n3 9\n"
    + "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2 3\n2 2 3\n3 2 3 4\n",
)
SOLOMON = """R4

VEHICLE
NUMBER     CAPACITY
  3         50

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0        100          0
    1      3         4         10          5         60          9
    2      6         7         20         10         70          9
"""
LILIM = """3\t50\t1
0\t0\t0\t0\t0\t100\t0\t0\t0
1\t3\t4\t10\t5\t60\t9\t0\t2
2\t6\t8\t-10\t10\t70\t9\t1\t0
"""
VROOM: dict[str, Any] = {
    "vehicles": [
        {"id": 7, "start_index": 0, "end_index": 0, "capacity": [4], "skills": [1]},
        {"id": 8, "start_index": 0, "end_index": 0, "capacity": [4], "time_window": [0, 500]},
    ],
    "jobs": [
        {"id": 1, "location_index": 1, "service": 10, "delivery": [2], "priority": 5},
        {"id": 2, "location_index": 2, "pickup": [1], "skills": [1], "description": "glass"},
    ],
    "shipments": [
        {
            "amount": [3],
            "pickup": {"id": 1, "location_index": 3, "time_windows": [[0, 90]]},
            "delivery": {"id": 1, "location_index": 1},
        }
    ],
    "matrices": {"car": {"durations": [[0, 5, 7, 9], [4, 0, 3, 6], [8, 2, 0, 5], [9, 6, 4, 0]]}},
}
JSON: dict[str, Any] = {
    "problem": "vrp",
    "coords": [[0, 0], [3, 4], [6, 8]],
    "delivery": [1, 2],
    "time_windows": [[5, 60], [[1, 2], [9, 30]]],
    "vehicles": [{"count": 2, "capacity": 4}],
}


def changed(data: dict[str, Any], *path: Any, value: Any = None) -> str:
    """JSON with another value at a path; without a value the key is left out."""
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(copy)
