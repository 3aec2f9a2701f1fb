"""A rich routing case as plain lists and numbers, from which `arrays` makes the same case."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from nco.problems._routing import metrics
from nco.problems.vrp.case import ALWAYS, Backhauls, Case, Rounding, VehicleType


def data_of(case: Case) -> dict[str, Any]:
    """Arrays of plain lists and numbers from which `arrays.case_of` makes the same case.

    What restricts nothing is left out. The remarks and the source of the case are not in it.
    """
    depots = [
        {
            **({} if depot.window == ALWAYS else {"window": _plain(depot.window)}),
            **({} if depot.service == 0 else {"service": _plain(depot.service)}),
        }
        for depot in case.depots
    ]
    stated: dict[str, Any] = {"problem": "vrp", "name": case.name}
    if case.names.get("stops"):
        stated["names"] = list(case.names["stops"])
    stated["depots"] = depots if any(depots) else len(depots)
    if case.coords is not None:
        stated["coords"] = _plain(case.coords.tolist())
    if not case.distances:
        stated["metric"] = case.metric
    if case.degrees is not None:
        stated["degrees"] = _plain([list(pair) for pair in case.degrees])
    if case.rounding is not Rounding.EXACT:
        stated["rounding"] = case.rounding.value
    for key, matrices in (("distances", case.distances), ("durations", case.durations)):
        if matrices:
            stated[key] = _plain([matrix.tolist() for matrix in matrices])
    stated["vehicles"] = [_vehicle_data(vehicle) for vehicle in case.vehicles]
    stated |= _client_data(case)
    if case.groups:
        stated["groups"] = [
            {"clients": list(group.clients), "required": group.required} for group in case.groups
        ]
    if case.shipments:
        stated["shipments"] = [list(pair) for pair in case.shipments]
    if case.backhauls is not Backhauls.MIXED:
        stated["backhauls"] = case.backhauls.value
    return stated | ({"units": dict(case.units)} if case.units else {})


def _client_data(case: Case) -> dict[str, Any]:
    """What is said of each client."""
    found: dict[str, Any] = {}
    for key, values in (
        ("delivery", case.delivery),
        ("pickup", case.pickup),
        ("service", case.service),
        ("release", case.release),
        ("prize", case.prize),
    ):
        if values.any() or (key == "delivery" and values.shape[1] != 1):
            found[key] = _plain(values.tolist())
    if any(case.windows):
        found["time_windows"] = [_plain([list(w) for w in own]) for own in case.windows]
    if not np.array_equal(case.required, case.prize == 0):
        found["required"] = case.required.tolist()
    if any(own is not None for own in case.allowed):
        found["allowed"] = [None if own is None else list(own) for own in case.allowed]
    return found


def _vehicle_data(vehicle: VehicleType) -> dict[str, Any]:
    """The attributes that are not their defaults; those of `count`, `start` and `end` always."""
    found: dict[str, Any] = {}
    for item in fields(VehicleType):
        value = getattr(vehicle, item.name)
        if item.name not in ("count", "start", "end") and value == item.default:
            continue
        if item.name == "breaks":
            value = [{"window": rest.window, "duration": rest.duration} for rest in value]
        found[item.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Lists for tuples, ints for whole numbers, None for infinity."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        if math.isinf(value):
            return None
        return int(value) if value.is_integer() and abs(value) <= metrics.EXACT else value
    return value
