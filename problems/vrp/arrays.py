"""Rich routing cases from a user's arrays, and as such: the data of our own JSON form.

A row of `coords`, `demand`, `service` and the like is a place, depots first; of all but `coords`,
`distances` and `durations` the rows of the depots may be left out. What is not stated restricts
nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from nco.core.errors import InstanceError, did_you_mean
from nco.problems._routing import depots as shared
from nco.problems._routing import tsplib
from nco.problems.vrp.case import (
    ALWAYS,
    INFINITE,
    Backhauls,
    Break,
    Case,
    Depot,
    Group,
    Rounding,
    Shipment,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.faults import Fault, checked

T = TypeVar("T")

OWN = {  # keys that no other problem has
    *("delivery", "pickup", "time_windows", "service", "release", "prize", "required", "groups"),
    *("shipments", "skills", "allowed", "backhauls", "rounding", "units", "depots", "metric"),
}
ARRAYS = OWN | {
    *("problem", "name", "names", "coords", "degrees", "distances", "durations", "demand"),
    *("capacity", "vehicles"),
}
NUMBERS = {  # fields of a vehicle that are one number, or None for no limit
    *("max_duration", "max_overtime", "max_distance", "fixed", "unit_distance", "unit_duration"),
    *("unit_overtime", "speed"),
}
WHOLE = {"count", "max_stops", "max_trips", "start", "end", "profile"}
VEHICLE = {item.name for item in fields(VehicleType)} | {"skills"}
METRICS = tsplib.METRICS
MOST_PROFILES = 1000


def recognise(data: Mapping[Any, Any]) -> bool:
    """Whether some arrays are those of this problem, and of no other."""
    keys = {key for key in data if data[key] is not None}
    if "problem" in keys:
        return str(data["problem"]) == "vrp"
    fleet = data.get("vehicles")
    listed = isinstance(fleet, list | tuple) and all(isinstance(one, Mapping) for one in fleet)
    own = keys & OWN or (listed and fleet) or keys >= {"distances", "durations"}
    return bool(own) and keys <= ARRAYS


def case_of(data: Mapping[str, Any], path: str | None = None) -> Case:
    """The case of arrays.

    Args:
        data: by the keys in `ARRAYS`.
        path: the file that they come from.

    Raises:
        InstanceError: naming the key, the place and the value.
    """
    try:
        return checked(_case(data, path))
    except InstanceError as error:
        field = error.field
        if isinstance(error, Fault):
            field = _key(error, data)
        raise InstanceError(error.reason, field=field, value=error.value, path=path) from error


def _key(fault: Fault, data: Mapping[str, Any]) -> str:
    """What the user calls an attribute."""
    if fault.kind == "vehicle":
        return f"vehicles: {fault.field}"
    other = {"windows": "time_windows", "delivery": "demand"}
    field = fault.field or ""
    return other.get(field, field) if field not in data else field


def _case(data: Mapping[str, Any], path: str | None) -> Case:
    data = {str(key): value for key, value in data.items() if value is not None}
    for key in data:
        if key not in ARRAYS:
            near = did_you_mean(key, ARRAYS) or f" there are {', '.join(sorted(ARRAYS))}"
            raise InstanceError(f"no such key;{near}", field=key)
    depots = _depots(data.get("depots"))
    coords, distances, durations, remarks = _ways(data)
    known = coords if coords is not None else distances[0]
    rows = _Rows(len(known), len(depots))
    if rows.clients < 0:
        reason = f"there are {len(depots)} depots, which come first"
        raise InstanceError(reason, field="coords", value=f"{rows.places} places")
    delivery, pickup = _loads(data, rows)
    windows = _windows(data, rows)
    service = rows.numbers(data, "service", any_depot=True)
    vehicles, skills = _vehicles(data, delivery.shape[1], len(depots))
    prize = rows.numbers(data, "prize")
    shipments, delivery, pickup = _shipments(data, delivery, pickup, rows)
    names = _names(data, rows)
    return plain(
        rows.clients,
        name=str(data.get("name", "unnamed")) or "unnamed",
        path=path,
        names={"stops": names} if names else {},
        remarks=tuple(remarks),
        degrees=_degrees(data, rows),
        depots=tuple(
            Depot(
                depot.window if windows[place] is None else _one(windows[place], place),
                depot.service or float(service[place]),
            )
            for place, depot in enumerate(depots)
        ),
        vehicles=vehicles,
        coords=coords,
        metric=_word(data, "metric", METRICS, "EXPLICIT" if coords is None else "EUCLIDEAN"),
        rounding=Rounding(_word(data, "rounding", list(Rounding), Rounding.EXACT)),
        distances=distances,
        durations=durations,
        delivery=delivery,
        pickup=pickup,
        service=service[rows.depots :],
        windows=tuple(window or () for window in windows[rows.depots :]),
        release=rows.numbers(data, "release")[rows.depots :],
        prize=prize[rows.depots :],
        required=_required(data, prize, rows)[rows.depots :],
        allowed=_allowed(data, skills, rows),
        groups=_groups(data),
        shipments=shipments,
        backhauls=Backhauls(_word(data, "backhauls", list(Backhauls), Backhauls.MIXED)),
        units={str(key): str(word) for key, word in _mapping(data.get("units", {}), "units")},
    )


def _mapping(value: object, field: str) -> Sequence[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        raise InstanceError("must be a mapping", field=field, value=type(value).__name__)
    return list(value.items())


def _word(data: Mapping[str, Any], key: str, choices: Sequence[str], default: str) -> str:
    """One of some words."""
    value = data.get(key, default)
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(str(choice) for choice in choices)
        raise InstanceError(f"must be one of {words}", field=key, value=value)
    return value


class _Rows:
    """How many places there are, and arrays with a row for each.

    Attributes:
        places: D+n; depots: D; clients: n.
    """

    def __init__(self, places: int, depots: int) -> None:
        self.places, self.depots, self.clients = places, depots, places - depots

    def listed(self, value: Any, field: str) -> list[Any]:
        """A list with an entry for each place; None for depots that were left out."""
        entries = _list(value, field)
        if len(entries) == self.clients:
            return [*[None] * self.depots, *entries]
        if len(entries) != self.places:
            raise InstanceError(self.expected, field=field, value=f"{len(entries)} rows")
        return entries

    @property
    def expected(self) -> str:
        """How many rows an array must have."""
        return f"must have {self.places} rows, depots first, or {self.clients} without depots"

    def array(self, value: Any, field: str, any_depot: bool = False) -> np.ndarray:
        """Numbers ``[D+n, ...]``; those of depots are 0."""
        numbers = shared.array(value, field, decimal=True)
        if numbers.ndim not in (1, 2) or len(numbers) not in (self.clients, self.places):
            raise InstanceError(self.expected, field=field, value=str(numbers.shape))
        if len(numbers) == self.clients:
            filler = np.zeros((self.depots, *numbers.shape[1:]))
            numbers = np.concatenate([filler, numbers])
        if not any_depot and numbers[: self.depots].any():
            place = int((numbers[: self.depots] != 0).reshape(self.depots, -1).any(1).argmax())
            reason = f"place {place} is a depot: the number must be 0"
            raise InstanceError(reason, field=field, value=str(numbers[place].tolist()))
        return numbers

    def numbers(self, data: Mapping[str, Any], key: str, any_depot: bool = False) -> np.ndarray:
        """A number for each place: 0 without the key; one number is that of all clients."""
        if key not in data:
            return np.zeros(self.places)
        value = data[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return np.where(np.arange(self.places) < self.depots, 0.0, float(value))
        numbers = self.array(value, key, any_depot)
        if numbers.ndim != 1:
            raise InstanceError("must be one number a place", field=key, value=str(numbers.shape))
        return numbers


def _list(value: Any, field: str) -> list[Any]:
    """A list, of an array or a tuple too."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InstanceError("must be a list", field=field, value=type(value).__name__)
    return list(value)


def _number(value: Any, field: str) -> float:
    """A number; None is infinity."""
    if value is None:
        return INFINITE
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InstanceError("a number belongs here", field=field, value=repr(value))
    return float(value)


def _whole(value: Any, field: str) -> int:
    number = _number(value, field)
    if not number.is_integer():
        raise InstanceError("a whole number belongs here", field=field, value=value)
    return int(number)


def _depots(value: Any) -> list[Depot]:
    """How many there are, or a mapping for each."""
    if value is None:
        return [Depot()]
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= tsplib.MAX_NODES:
            raise InstanceError("there must be a depot", field="depots", value=value)
        return [Depot()] * value
    found = []
    for place, stated in enumerate(_list(value, "depots")):
        field = f"depots: {place}"
        items = dict(_mapping(stated, field))
        _known(items, {"window", "service"}, field)
        window = _window(items["window"], field) if items.get("window") is not None else ALWAYS
        found.append(Depot(window, _number(items.get("service", 0), field)))
    if not found:
        raise InstanceError("there must be a depot", field="depots", value="[]")
    return found


def _known(items: Mapping[str, Any], names: set[str], field: str) -> None:
    for key in items:
        if key not in names:
            near = did_you_mean(str(key), names) or f" there are {', '.join(sorted(names))}"
            raise InstanceError(f"no such key;{near}", field=field, value=str(key))


def _ways(
    data: Mapping[str, Any],
) -> tuple[np.ndarray | None, tuple[np.ndarray, ...], tuple[np.ndarray, ...], list[str]]:
    """Coordinates, distances and durations, and remarks on them."""
    coords = None
    if "coords" in data:
        coords = shared.array(data["coords"], "coords")
        if coords.ndim != 2 or coords.shape[1] != 2:
            reason = "must be a row of two numbers for each place, depots first"
            raise InstanceError(reason, field="coords", value=str(coords.shape))
    distances, durations = (_matrices(data, key) for key in ("distances", "durations"))
    remarks: list[str] = []
    if coords is None and not distances:
        if not durations:
            reason = "this key is missing: add coords [n, 2] or distances [n, n], depots first"
            raise InstanceError(reason, field="coords")
        distances = durations
        remarks.append("no distances are stated: travel times are what ways cost")
    for matrices, key in ((durations, "durations"), (distances, "distances")):
        first = coords if coords is not None else distances[0]
        if matrices and len(matrices[0]) != len(first):
            reason = f"must be of {len(first)} places, as the others are"
            raise InstanceError(reason, field=key, value=str(matrices[0].shape))
    return coords, distances, durations, remarks


def _matrices(data: Mapping[str, Any], key: str) -> tuple[np.ndarray, ...]:
    """One matrix, or one for each profile."""
    if key not in data:
        return ()
    values = shared.array(data[key], key, decimal=True)
    stacked = values[None] if values.ndim == 2 else values
    if stacked.ndim != 3 or stacked.shape[1] != stacked.shape[2] or not stacked.shape[0]:
        reason = "must be a square of numbers, or one for each profile"
        raise InstanceError(reason, field=key, value=str(values.shape))
    if len(stacked) > MOST_PROFILES:
        reason = f"there are at most {MOST_PROFILES} profiles"
        raise InstanceError(reason, field=key, value=len(stacked))
    return tuple(stacked)


def _loads(data: Mapping[str, Any], rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """Deliveries and pickups ``[n, K]``."""
    if "demand" in data and "delivery" in data:
        raise InstanceError("says the same as delivery: leave one out", field="demand")
    key = "delivery" if "delivery" in data else "demand"
    found = {
        name: values.reshape(len(values), -1)[rows.depots :]
        for name in (key, "pickup")
        if name in data
        for values in [rows.array(data[name], name)]
    }
    some = next(iter(found.values()), np.zeros((rows.clients, 1)))
    delivery, pickup = (found.get(name, np.zeros_like(some)) for name in (key, "pickup"))
    if delivery.shape != pickup.shape:
        reason = f"has {pickup.shape[1]} dimensions, but {key} has {delivery.shape[1]}"
        raise InstanceError(reason, field="pickup")
    return delivery, pickup


def _window(value: Any, field: str) -> Window:
    """``[open, close]``; a close of None is never."""
    pair = _list(value, field)
    if len(pair) != 2:
        raise InstanceError("a window is [open, close]", field=field, value=str(pair))
    begin = 0.0 if pair[0] is None else _number(pair[0], field)
    return Window(begin, _number(pair[1], field))


def _windows(data: Mapping[str, Any], rows: _Rows) -> list[tuple[Window, ...] | None]:
    """Of each place one window, several, or none; None where nothing is said."""
    if "time_windows" not in data:
        return [None] * rows.places
    field = "time_windows"
    found: list[tuple[Window, ...] | None] = []
    for place, stated in enumerate(rows.listed(data[field], field)):
        where = f"{field}: place {place}"
        entries = None if stated is None else _list(stated, where)
        if not entries:
            found.append(None)
        elif isinstance(entries[0], list | tuple) or hasattr(entries[0], "tolist"):
            found.append(tuple(_window(entry, where) for entry in entries))
        else:
            found.append((_window(entries, where),))
    return found


def _one(windows: tuple[Window, ...] | None, place: int) -> Window:
    """The window of a depot."""
    if windows is None or len(windows) != 1:
        reason = f"place {place} is a depot: it has one window"
        raise InstanceError(reason, field="time_windows", value=len(windows or ()))
    return windows[0]


def _required(data: Mapping[str, Any], prize: np.ndarray, rows: _Rows) -> np.ndarray:
    """Whether each place must be visited; without the key, whether it has no prize."""
    if "required" not in data:
        return prize == 0
    listed = rows.listed(data["required"], "required")
    for place, value in enumerate(listed):
        if value is not None and not isinstance(value, bool | np.bool_) and value not in (0, 1):
            reason = f"true or false belongs at place {place}"
            raise InstanceError(reason, field="required", value=repr(value))
    return np.array([bool(value) for value in listed], dtype=bool)


def _names(data: Mapping[str, Any], rows: _Rows) -> list[str]:
    """Of all places; empty without the key."""
    if "names" not in data:
        return []
    return [
        "" if name is None else " ".join(str(name).split())
        for name in rows.listed(data["names"], "names")
    ]


def _degrees(data: Mapping[str, Any], rows: _Rows) -> list[list[float]] | None:
    """Latitudes and longitudes of all places, for maps."""
    if "degrees" not in data:
        if data.get("metric") == "HAVERSINE" and "coords" in data:
            degrees: list[list[float]] = shared.array(data["coords"], "coords").tolist()
            return degrees
        return None
    values = shared.array(data["degrees"], "degrees")
    if values.shape != (rows.places, 2) or not (np.abs(values) <= [90.0, 180.0]).all():
        reason = f"must be a latitude and a longitude for each of {rows.places} places"
        raise InstanceError(reason, field="degrees", value=str(values.shape))
    listed: list[list[float]] = values.tolist()
    return listed


def _groups(data: Mapping[str, Any]) -> tuple[Group, ...]:
    """Lists of places, or mappings ``{clients, required}``."""
    found = []
    for number, stated in enumerate(_list(data.get("groups", []), "groups")):
        field = f"groups: {number}"
        required = True
        if isinstance(stated, Mapping):
            _known(stated, {"clients", "required"}, field)
            required = stated.get("required", True)
            stated = stated.get("clients", [])
            if not isinstance(required, bool):
                raise InstanceError("required must be true or false", field=field, value=required)
        found.append(Group(tuple(_whole(one, field) for one in _list(stated, field)), required))
    return tuple(found)


def _shipments(
    data: Mapping[str, Any], delivery: np.ndarray, pickup: np.ndarray, rows: _Rows
) -> tuple[tuple[Shipment, ...], np.ndarray, np.ndarray]:
    """Pairs ``[pickup, delivery]`` of places, or mappings that also state the ``amount``."""
    found = []
    delivery, pickup = delivery.copy(), pickup.copy()
    for number, stated in enumerate(_list(data.get("shipments", []), "shipments")):
        field = f"shipments: {number}"
        amount: Any = None
        if isinstance(stated, Mapping):
            _known(stated, {"pickup", "delivery", "amount"}, field)
            amount = stated.get("amount")
            stated = [stated.get("pickup"), stated.get("delivery")]
        pair = [None if one is None else _whole(one, field) for one in _list(stated, field)]
        if len(pair) != 2 or None in pair:
            reason = "a shipment is [pickup, delivery], two places"
            raise InstanceError(reason, field=field, value=str(pair))
        shipment = Shipment(*[place for place in pair if place is not None])
        found.append(shipment)
        if amount is None:
            continue
        load = np.atleast_1d(shared.array(amount, field, decimal=True))
        for place, table in ((shipment.pickup, pickup), (shipment.delivery, delivery)):
            if not rows.depots <= place < rows.places:
                reason = f"the clients are the places {rows.depots} to {rows.places - 1}"
                raise InstanceError(reason, field=field, value=place)
            if load.shape != table.shape[1:]:
                reason = f"the amount must be {table.shape[1]} numbers"
                raise InstanceError(reason, field=field, value=str(load.tolist()))
            if table[place - rows.depots].any():
                reason = f"place {place} has a load of its own: state it once"
                raise InstanceError(reason, field=field, value=str(load.tolist()))
            table[place - rows.depots] = load
    return tuple(found), delivery, pickup


def rounding_of(word: object) -> Rounding:
    """The rule of a word.

    Raises:
        InstanceError: where there is no such rule.
    """
    if word not in list(Rounding):
        reason = f"must be one of {', '.join(Rounding)}"
        raise InstanceError(reason, field="rounding", value=str(word))
    return Rounding(str(word))


# --------------------------------------------------------------------------------------------------
# Vehicles


def _vehicles(
    data: Mapping[str, Any], dimensions: int, depots: int
) -> tuple[tuple[VehicleType, ...], list[frozenset[str]]]:
    """The types, and the skills of each."""
    capacity: tuple[float, ...] = ()
    if "capacity" in data:
        capacity = _capacity(data["capacity"], "capacity")
    stated = data.get("vehicles")
    if stated is None or hasattr(stated, "item") or isinstance(stated, int | float):
        count = None if stated is None else _whole(stated, "vehicles")
        return (VehicleType(count=count, capacity=capacity),), [frozenset()]
    if capacity:
        reason = "vehicles have their own capacities: leave it out"
        raise InstanceError(reason, field="capacity", value=str(data["capacity"]))
    types, skills = [], []
    for number, one in enumerate(_list(stated, "vehicles")):
        items = dict(_mapping(one, f"vehicles: {number}"))
        types.append(vehicle_of(items, f"vehicles: {number}"))
        own = _list(items.get("skills") or [], f"vehicles: {number} skills")
        skills.append(frozenset(str(skill) for skill in own))
    if not types:
        raise InstanceError("there must be a type of vehicles", field="vehicles", value="[]")
    return tuple(types), skills


def _capacity(value: Any, field: str) -> tuple[float, ...]:
    """A number, or one for each dimension; None is no limit."""
    many = isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0
    return tuple(_number(one, field) for one in (_list(value, field) if many else [value]))


def vehicle_of(items: Mapping[str, Any], field: str) -> VehicleType:
    """A type of vehicles from a mapping by the names of `VehicleType`'s attributes.

    An `end` of None is an open route; without the key it ends where it starts. A `count` of None is
    any number, and other limits of None are none.
    """
    _known(items, VEHICLE, field)
    found: dict[str, Any] = {}
    for key, value in items.items():
        where = f"{field} {key}"
        if key in WHOLE:
            found[key] = None if value is None else _whole(value, where)
        elif key in NUMBERS:
            found[key] = _number(value, where)
        elif key in READ:
            found[key] = READ[key](value, where)
    if "end" not in items:
        found["end"] = found.get("start", 0)
    for key in ("start", "profile"):
        if found.get(key, 0) is None:
            raise InstanceError("a whole number belongs here", field=f"{field} {key}")
    return VehicleType(**found)


def _shift(value: Any, field: str) -> Window:
    return ALWAYS if value is None else _window(value, field)


def _breaks(value: Any, field: str) -> tuple[Break, ...]:
    """Mappings ``{window, duration}``."""
    found = []
    for stated in _list(value, field):
        items = dict(_mapping(stated, field))
        _known(items, {"window", "duration"}, field)
        for key in ("window", "duration"):
            if items.get(key) is None:
                raise InstanceError(f"a break needs its {key}", field=field)
        duration = _number(items["duration"], field)
        found.append(Break(_window(items["window"], field), duration))
    return tuple(found)


def _reloads(value: Any, field: str) -> tuple[int, ...]:
    return tuple(_whole(depot, field) for depot in _list(value, field))


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


def _allowed(
    data: Mapping[str, Any], skills: Sequence[frozenset[str]], rows: _Rows
) -> tuple[tuple[int, ...] | None, ...]:
    """From ``skills``, or stated as ``allowed``: types of vehicles by number."""
    if "skills" in data and "allowed" in data:
        raise InstanceError("skills say it already: leave one out", field="allowed")
    if "allowed" in data:
        listed = rows.listed(data["allowed"], "allowed")[rows.depots :]
        return tuple(
            None if one is None else tuple(_whole(v, "allowed") for v in _list(one, "allowed"))
            for one in listed
        )
    needed = [frozenset[str]()] * rows.clients
    if "skills" in data:
        listed = rows.listed(data["skills"], "skills")[rows.depots :]
        needed = [frozenset(str(s) for s in _list(one or [], "skills")) for one in listed]
    return serving(needed, skills)


# --------------------------------------------------------------------------------------------------
# And back


def data_of(case: Case) -> dict[str, Any]:
    """Arrays of plain lists and numbers from which `case_of` makes the same case.

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
        stated["metric"] = case.metric
    elif case.metric != "EXPLICIT":
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
        return int(value) if value.is_integer() and abs(value) <= tsplib.EXACT else value
    return value
