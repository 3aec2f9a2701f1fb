"""Vehicles in a user's arrays and in JSON, and who may serve whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from nco.core.errors import InstanceError
from nco.problems.vrp.case import ALWAYS, Break, VehicleType, Window
from nco.problems.vrp.formats import reads

NUMBERS = {  # fields of a vehicle that are one number, or None for no limit
    *("max_duration", "max_overtime", "max_distance", "fixed", "unit_distance", "unit_duration"),
    *("unit_overtime", "speed"),
}
WHOLE = {"count", "max_stops", "max_trips", "start", "end", "profile"}
VEHICLE = {item.name for item in fields(VehicleType)} | {"skills"}


def vehicles(
    data: Mapping[str, Any],
) -> tuple[tuple[VehicleType, ...], list[frozenset[str]]]:
    """The types, and the skills of each."""
    capacity: tuple[float, ...] = ()
    if "capacity" in data:
        capacity = _capacity(data["capacity"], "capacity")
    stated = data.get("vehicles")
    if stated is None or hasattr(stated, "item") or isinstance(stated, int | float):
        count = None if stated is None else reads.whole(stated, "vehicles")
        return (VehicleType(count=count, capacity=capacity),), [frozenset()]
    if capacity:
        reason = "vehicles have their own capacities: leave it out"
        raise InstanceError(reason, field="capacity", value=str(data["capacity"]))
    types, skills = [], []
    for number, one in enumerate(reads.listed(stated, "vehicles")):
        items = dict(reads.mapping(one, f"vehicles: {number}"))
        types.append(vehicle_of(items, f"vehicles: {number}"))
        own = reads.listed(items.get("skills") or [], f"vehicles: {number} skills")
        skills.append(frozenset(str(skill) for skill in own))
    if not types:
        raise InstanceError("there must be a type of vehicles", field="vehicles", value="[]")
    return tuple(types), skills


def _capacity(value: Any, field: str) -> tuple[float, ...]:
    """A number, or one for each dimension; None is no limit."""
    many = isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0
    return tuple(
        reads.number(one, field) for one in (reads.listed(value, field) if many else [value])
    )


def vehicle_of(items: Mapping[str, Any], field: str) -> VehicleType:
    """A type of vehicles from a mapping by the names of `VehicleType`'s attributes.

    An `end` of None is an open route; without the key it ends where it starts. A `count` of None is
    any number, and other limits of None are none.
    """
    reads.known(items, VEHICLE, field)
    found: dict[str, Any] = {}
    for key, value in items.items():
        where = f"{field} {key}"
        if key in WHOLE:
            found[key] = None if value is None else reads.whole(value, where)
        elif key in NUMBERS:
            found[key] = reads.number(value, where)
        elif key in READ:
            found[key] = READ[key](value, where)
    if "end" not in items:
        found["end"] = found.get("start", 0)
    for key in ("start", "profile"):
        if found.get(key, 0) is None:
            raise InstanceError("a whole number belongs here", field=f"{field} {key}")
    return VehicleType(**found)


def _shift(value: Any, field: str) -> Window:
    return ALWAYS if value is None else reads.window(value, field)


def _breaks(value: Any, field: str) -> tuple[Break, ...]:
    """Mappings ``{window, duration}``."""
    found = []
    for stated in reads.listed(value, field):
        items = dict(reads.mapping(stated, field))
        reads.known(items, {"window", "duration"}, field)
        for key in ("window", "duration"):
            if items.get(key) is None:
                raise InstanceError(f"a break needs its {key}", field=field)
        duration = reads.number(items["duration"], field)
        found.append(Break(reads.window(items["window"], field), duration))
    return tuple(found)


def _reloads(value: Any, field: str) -> tuple[int, ...]:
    return tuple(reads.whole(depot, field) for depot in reads.listed(value, field))


READ: Mapping[str, Callable[[Any, str], Any]] = {
    "capacity": lambda value, field: () if value is None else _capacity(value, field),
    "shift": _shift,
    "breaks": _breaks,
    "reloads": _reloads,
    "name": lambda value, field: " ".join(str(value).split()),
}


def serving(
    needed: Sequence[frozenset[str]], skills: Sequence[frozenset[str]]
) -> tuple[tuple[int, ...] | None, ...]:
    """For each client the types of vehicles that have all the skills it needs; None: every type.

    Args:
        needed: of each client; skills: of each type.
    """
    found: dict[frozenset[str], tuple[int, ...] | None] = {frozenset(): None}
    for needs in needed:
        if needs not in found:
            able = tuple(number for number, own in enumerate(skills) if needs <= own)
            found[needs] = None if len(able) == len(skills) else able
    return tuple(found[needs] for needs in needed)


def allowed(
    data: Mapping[str, Any], skills: Sequence[frozenset[str]], rows: reads.Rows
) -> tuple[tuple[int, ...] | None, ...]:
    """From ``skills``, or stated as ``allowed``: types of vehicles by number."""
    if "skills" in data and "allowed" in data:
        raise InstanceError("skills say it already: leave one out", field="allowed")
    if "allowed" in data:
        listed = rows.listed(data["allowed"], "allowed")[rows.depots :]
        return tuple(
            None
            if one is None
            else tuple(reads.whole(v, "allowed") for v in reads.listed(one, "allowed"))
            for one in listed
        )
    needed = [frozenset[str]()] * rows.clients
    if "skills" in data:
        listed = rows.listed(data["skills"], "skills")[rows.depots :]
        needed = [frozenset(str(s) for s in reads.listed(one or [], "skills")) for one in listed]
    return serving(needed, skills)
