"""A small correct input of every problem as a dict of arrays, for tests that spoil it."""

from typing import Any

SQUARE = [[0, 0], [0, 5], [5, 0], [5, 5]]
MATRIX = [[0, 1, 9], [2, 0, 3], [4, 5, 0]]
TABLE = [[1, 2], [2, 1]]

ARRAYS: dict[str, dict[str, Any]] = {
    "tsp": {"coords": SQUARE, "name": "four"},
    "atsp": {"distances": MATRIX, "name": "three"},
    "cvrp": {"coords": SQUARE, "demand": [0, 6, 6, 6], "capacity": 10, "vehicles": 3},
    "hcvrp": {
        "coords": SQUARE,
        "demand": [0, 2, 3, 4],
        "capacities": [10, 5],
        "speeds": [1, 0.5],
        "objective": "min_max",
    },
    "vrp": {
        "coords": SQUARE,
        "demand": [0, 2, 3, 4],
        "time_windows": [[0, 99], [0, 50], [[5, 9], [20, 60]], None],
        "vehicles": [{"count": 2, "capacity": 9}, {"count": 1, "capacity": 5, "fixed": 3}],
        "units": {"time": "min"},
    },
    "op": {"coords": SQUARE, "prizes": [0, 1, 2, 3], "limit": 15},
    "omdcpdp": {
        "depots": [[0, 0], [9, 5]],
        "pickups": [[1, 2], [8, 3]],
        "deliveries": [[4, 4], [2, 5]],
        "capacity": 2,
    },
    "knapsack": {"values": [3, 1, 2], "weights": [2, 1, 2], "capacity": 3},
    "jssp": {"machines": [[0, 1], [1, 0]], "durations": [[3, 2], [2, 4]]},
    "fjsp": {"jobs": [[[[0, 3], [1, 2]], [[1, 4]]], [[[0, 1]]]], "machines": 2},
    "ffsp": {"durations": [[[1, 2], [3, 4]], [[5], [6]]]},
    "exo": {
        "capacity": [4, 3],
        "revenue": [1, 2],
        "uses": [[1, 0], [1, 2]],
        "probability": [[0.3, 0.4], [0.5, 0.5], [0.1, 0.2]],
        "arrivals": [0, -1, 1],
    },
    "packing": {
        "capacity": [8, 4],
        "needs": [[1, 2], [4, 3]],
        "probability": [0.5, 0.3],
        "stays": [2, 3.5],
        "periods": 3,
        "running": True,
        "arrivals": [0, -1, 1],
        "leaves": [2, 3, 3],
    },
    "netflow": {
        "periods": 2,
        "price": 15,
        "production": 5,
        "penalty": 22.5,
        "capacity": [20, 9, 12],
        "storage": [3, 2, 1],
        "shipping": [0.3, 0.6],
        "peak": [2, 16],
        "noise": [2, 0],
        "demand": [[1, 9], [2, 12]],
    },
    "rebalancing": {
        "periods": 2,
        "running": 0.5,
        "vehicles": [5, 1],
        "times": TABLE,
        "rates": [[0, 0.5], [0.2, 0]],
        "prices": [[0, 4], [4, 0]],
        "trips": [[[0, 1], [0, 0]], [[2, 0], [1, 0]]],
    },
}
