"""Rich routing cases from a user's arrays, and as such: the data of our own JSON form.

A row of `coords`, `demand`, `service` and the like is a place, depots first; of all but `coords`,
`distances` and `durations` the rows of the depots may be left out. What is not stated restricts
nothing.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from nco.core.errors import InstanceError, did_you_mean
from nco.problems._routing import depots as shared
from nco.problems._routing import metrics, tsplib
from nco.problems.vrp.case import (
    ALWAYS,
    Backhauls,
    Case,
    Depot,
    Group,
    Rounding,
    Shipment,
    Window,
    plain,
)
from nco.problems.vrp.formats import arrays_fleet, reads
from nco.problems.vrp.formats.faults import Fault, checked

T = TypeVar("T")

OWN = {  # keys that no other problem has
    *("delivery", "pickup", "time_windows", "service", "release", "prize", "required", "groups"),
    *("shipments", "skills", "allowed", "backhauls", "rounding", "units", "depots", "metric"),
}
ARRAYS = OWN | {
    *("problem", "name", "names", "coords", "degrees", "distances", "durations", "demand"),
    *("capacity", "vehicles"),
}
METRICS = metrics.METRICS
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
    rows = reads.Rows(len(known), len(depots))
    metric = "EXPLICIT" if distances else reads.word(data, "metric", METRICS, "EUCLIDEAN")
    if distances and "metric" in data:
        raise InstanceError("distances are stated: leave it out", field="metric")
    if rows.clients < 0:
        reason = f"there are {len(depots)} depots, which come first"
        raise InstanceError(reason, field="coords", value=f"{rows.places} places")
    delivery, pickup = _loads(data, rows)
    windows = _windows(data, rows)
    service = rows.numbers(data, "service", any_depot=True)
    vehicles, skills = arrays_fleet.vehicles(data)
    prize = rows.numbers(data, "prize")
    shipments, delivery, pickup = _shipments(data, delivery, pickup, rows)
    names = _names(data, rows)
    return plain(
        rows.clients,
        name=str(data.get("name", "unnamed")) or "unnamed",
        path=path,
        names={"stops": names} if names else {},
        remarks=tuple(remarks),
        degrees=_degrees(data, rows, metric),
        depots=tuple(
            Depot(
                depot.window if windows[place] is None else _one(windows[place], place),
                depot.service or float(service[place]),
            )
            for place, depot in enumerate(depots)
        ),
        vehicles=vehicles,
        coords=coords,
        metric=metric,
        rounding=Rounding(reads.word(data, "rounding", list(Rounding), Rounding.EXACT)),
        distances=distances,
        durations=durations,
        delivery=delivery,
        pickup=pickup,
        service=service[rows.depots :],
        windows=tuple(window or () for window in windows[rows.depots :]),
        release=rows.numbers(data, "release")[rows.depots :],
        prize=prize[rows.depots :],
        required=_required(data, prize, rows)[rows.depots :],
        allowed=arrays_fleet.allowed(data, skills, rows),
        groups=_groups(data),
        shipments=shipments,
        backhauls=Backhauls(reads.word(data, "backhauls", list(Backhauls), Backhauls.MIXED)),
        units={str(key): str(word) for key, word in reads.mapping(data.get("units", {}), "units")},
    )


def _depots(value: Any) -> list[Depot]:
    """How many there are, or a mapping for each."""
    if value is None:
        return [Depot()]
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= tsplib.MAX_NODES:
            raise InstanceError("there must be a depot", field="depots", value=value)
        return [Depot()] * value
    found = []
    for place, stated in enumerate(reads.listed(value, "depots")):
        field = f"depots: {place}"
        items = dict(reads.mapping(stated, field))
        reads.known(items, {"window", "service"}, field)
        window = reads.window(items["window"], field) if items.get("window") is not None else ALWAYS
        found.append(Depot(window, reads.number(items.get("service", 0), field)))
    if not found:
        raise InstanceError("there must be a depot", field="depots", value="[]")
    return found


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


def _loads(data: Mapping[str, Any], rows: reads.Rows) -> tuple[np.ndarray, np.ndarray]:
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


def _windows(data: Mapping[str, Any], rows: reads.Rows) -> list[tuple[Window, ...] | None]:
    """Of each place one window, several, or none; None where nothing is said."""
    if "time_windows" not in data:
        return [None] * rows.places
    field = "time_windows"
    found: list[tuple[Window, ...] | None] = []
    for place, stated in enumerate(rows.listed(data[field], field)):
        where = f"{field}: place {place}"
        entries = None if stated is None else reads.listed(stated, where)
        if not entries:
            found.append(None)
        elif isinstance(entries[0], list | tuple) or hasattr(entries[0], "tolist"):
            found.append(tuple(reads.window(entry, where) for entry in entries))
        else:
            found.append((reads.window(entries, where),))
    return found


def _one(windows: tuple[Window, ...] | None, place: int) -> Window:
    """The window of a depot."""
    if windows is None or len(windows) != 1:
        reason = f"place {place} is a depot: it has one window"
        raise InstanceError(reason, field="time_windows", value=len(windows or ()))
    return windows[0]


def _required(data: Mapping[str, Any], prize: np.ndarray, rows: reads.Rows) -> np.ndarray:
    """Whether each place must be visited; without the key, whether it has no prize."""
    if "required" not in data:
        return prize == 0
    listed = rows.listed(data["required"], "required")
    for place, value in enumerate(listed):
        if value is not None and not isinstance(value, bool | np.bool_) and value not in (0, 1):
            reason = f"true or false belongs at place {place}"
            raise InstanceError(reason, field="required", value=repr(value))
    return np.array([bool(value) for value in listed], dtype=bool)


def _names(data: Mapping[str, Any], rows: reads.Rows) -> list[str]:
    """Of all places; empty without the key."""
    if "names" not in data:
        return []
    return [
        "" if name is None else " ".join(str(name).split())
        for name in rows.listed(data["names"], "names")
    ]


def _degrees(data: Mapping[str, Any], rows: reads.Rows, metric: str) -> list[list[float]] | None:
    """Latitudes and longitudes of all places, for maps."""
    if "degrees" not in data:
        if metric == "HAVERSINE" and "coords" in data:
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
    for number, stated in enumerate(reads.listed(data.get("groups", []), "groups")):
        field = f"groups: {number}"
        required = True
        if isinstance(stated, Mapping):
            reads.known(stated, {"clients", "required"}, field)
            required = stated.get("required", True)
            stated = stated.get("clients", [])
            if not isinstance(required, bool):
                raise InstanceError("required must be true or false", field=field, value=required)
        found.append(
            Group(tuple(reads.whole(one, field) for one in reads.listed(stated, field)), required)
        )
    return tuple(found)


def _shipments(
    data: Mapping[str, Any], delivery: np.ndarray, pickup: np.ndarray, rows: reads.Rows
) -> tuple[tuple[Shipment, ...], np.ndarray, np.ndarray]:
    """Pairs ``[pickup, delivery]`` of places, or mappings that also state the ``amount``."""
    found = []
    delivery, pickup = delivery.copy(), pickup.copy()
    for number, stated in enumerate(reads.listed(data.get("shipments", []), "shipments")):
        field = f"shipments: {number}"
        amount: Any = None
        if isinstance(stated, Mapping):
            reads.known(stated, {"pickup", "delivery", "amount"}, field)
            amount = stated.get("amount")
            stated = [stated.get("pickup"), stated.get("delivery")]
        pair = [
            None if one is None else reads.whole(one, field) for one in reads.listed(stated, field)
        ]
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
