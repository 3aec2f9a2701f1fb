"""What is impossible in a rich routing case, whatever it was read from.

A client that no vehicle can serve is no fault of the case: `explain` tells of it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import metrics, tsplib
from nco.problems.vrp.case import Case, Depot, VehicleType, Window

MOST_DIMENSIONS = 64  # of a load


class Fault(InstanceError):
    """A fault that a reader can put into its own words and lines.

    Args:
        reason: as that of `InstanceError`.
        field: the attribute of `Case`, or of one of its vehicles.
        kind: what the position counts: ``place``, ``vehicle`` or nothing.
        position: of a place (depots first) or of a type of vehicles.
        value: what is impossible.
    """

    def __init__(
        self,
        reason: str,
        *,
        field: str,
        kind: str = "",
        position: int | None = None,
        value: Any = None,
    ) -> None:
        if isinstance(value, float | np.floating):
            value = tsplib.number_text(float(value)) if np.isfinite(value) else str(value)
        self.kind, self.position, self.bare = kind, position, value
        shown = value if isinstance(value, str) or value is None else f"{value}"
        if position is not None:
            shown = f"{'' if shown is None else f'{shown} of '}{kind} {position}"
        super().__init__(reason, field=field, value=shown)


def checked(case: Case) -> Case:
    """The same case.

    Raises:
        Fault: naming the attribute, the place and the value.
    """
    if not case.depots:
        raise Fault("there must be a depot", field="depots")
    if not case.vehicles:
        raise Fault("there must be a type of vehicles", field="vehicles")
    _check_places(case)
    _check_clients(case)
    for position, depot in enumerate(case.depots):
        _check_depot(depot, position)
    for position, vehicle in enumerate(case.vehicles):
        _check_vehicle(case, vehicle, position)
    _check_allowed(case)
    _check_groups(case)
    _check_shipments(case)
    return case


def _check_places(case: Case) -> None:
    """Coordinates, distances and durations."""
    count = len(case.depots) + case.size
    if bool(case.distances) != (case.metric == "EXPLICIT"):
        raise Fault("EXPLICIT means that distances are stated", field="metric", value=case.metric)
    if case.coords is None and not case.distances:
        raise Fault("coordinates or distances must be stated", field="coords")
    if case.coords is not None:
        if case.coords.shape != (count, 2):
            reason = f"must have the shape ({count}, 2): depots first, then clients"
            raise Fault(reason, field="coords", value=str(case.coords.shape))
        wrong = ~np.isfinite(case.coords).all(1)
        if wrong.any():
            place = int(wrong.argmax())
            raise Fault("must be finite", field="coords", kind="place", position=place)
        metric = "EUCLIDEAN" if case.distances else case.metric
        if (fault := metrics.overflow(case.coords, metric)) is not None:
            raise Fault(fault[1], field="coords", kind="place", position=fault[0])
    if case.durations and len(case.durations) != max(1, len(case.distances)):
        reason = f"there must be as many matrices as of distances, {len(case.distances)}"
        raise Fault(reason, field="durations", value=len(case.durations))
    for field, matrices in (("distances", case.distances), ("durations", case.durations)):
        for matrix in matrices:
            _check_matrix(matrix, field, count)


def _check_matrix(matrix: np.ndarray, field: str, count: int) -> None:
    if matrix.shape != (count, count):
        reason = f"must have the shape ({count}, {count}): depots first, then clients"
        raise Fault(reason, field=field, value=str(matrix.shape))
    wrong = ~((matrix >= 0) & (matrix <= metrics.EXACT))
    np.fill_diagonal(wrong, matrix.diagonal() != 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        words = "of a place to itself must be 0" if row == column else "must be from 0 to 2**53"
        shown = f"{matrix[row, column]:g} from place {row} to {column}"
        raise Fault(words, field=field, value=shown)


def _check_clients(case: Case) -> None:
    """The arrays with a row a client."""
    first = case.first_client
    dimensions = case.delivery.shape[1] if case.delivery.ndim == 2 else 0
    shapes = {
        "delivery": (case.size, dimensions),
        "pickup": (case.size, dimensions),
        **dict.fromkeys(("service", "release", "prize", "required"), (case.size,)),
    }
    if dimensions > MOST_DIMENSIONS:
        raise Fault(f"a load has at most {MOST_DIMENSIONS} dimensions", field="delivery")
    for field, shape in shapes.items():
        values = getattr(case, field)
        if values.shape != shape:
            reason = f"must have the shape {shape}: a row a client"
            raise Fault(reason, field=field, value=str(values.shape))
        if field == "required":
            continue
        wrong = ~((values >= 0) & (values <= metrics.EXACT))
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0].tolist())
            place = first + at[0]
            reason = "must be 0 or a positive number, and finite"
            raise Fault(reason, field=field, kind="place", position=place, value=values[at])
    for field, listed in (("windows", case.windows), ("allowed", case.allowed)):
        if len(listed) != case.size:
            raise Fault(f"must be {case.size}, one a client", field=field, value=len(listed))
    for row, windows in enumerate(case.windows):
        check_windows(windows, "windows", first + row)


def check_windows(windows: Iterable[Window], field: str, place: int) -> None:
    """Refuses windows that close before they open, begin before 0, overlap or are in disorder."""
    before: Window | None = None
    for window in windows:
        shown = f"{window.open:g} to {window.close:g}"
        reason = None
        if not window.open >= 0 or np.isinf(window.open):
            reason = "a window must open at 0 or later"
        elif not window.close >= window.open:
            reason = "a window must not close before it opens"
        elif before is not None and window.open <= before.close:
            reason = f"windows must be in order and apart: one before closes at {before.close:g}"
        if reason:
            raise Fault(reason, field=field, kind="place", position=place, value=shown)
        before = window


def _check_depot(depot: Depot, position: int) -> None:
    check_windows((depot.window,), "windows", position)
    if not 0 <= depot.service < np.inf:
        reason = "must be 0 or a positive number, and finite"
        raise Fault(reason, field="service", kind="place", position=position, value=depot.service)


def _check_vehicle(case: Case, vehicle: VehicleType, position: int) -> None:
    """One type of vehicles."""

    def fault(reason: str, field: str, value: Any) -> Fault:
        return Fault(reason, field=field, kind="vehicle", position=position, value=value)

    depots, dimensions = len(case.depots), case.delivery.shape[1]
    if vehicle.count is not None and vehicle.count < 1:
        raise fault("must be 1 or more, or be left out for any number", "count", vehicle.count)
    if vehicle.capacity and len(vehicle.capacity) != dimensions:
        reason = f"the loads have {dimensions} dimensions: the two must agree"
        raise fault(reason, "capacity", f"{len(vehicle.capacity)} numbers")
    for capacity in vehicle.capacity:
        if not capacity >= 0:
            raise fault("must be 0 or a positive number", "capacity", capacity)
    for field in ("start", "end"):
        depot = getattr(vehicle, field)
        if depot is not None and not 0 <= depot < depots:
            raise fault(f"the depots are 0 to {depots - 1}", field, depot)
    for depot in vehicle.reloads:
        if not 0 <= depot < depots:
            raise fault(f"the depots are 0 to {depots - 1}", "reloads", depot)
    _check_times(vehicle, fault)
    for field in ("max_duration", "max_overtime", "max_distance"):
        if not getattr(vehicle, field) >= 0:
            raise fault("must be 0 or a positive number", field, getattr(vehicle, field))
    for field in ("fixed", "unit_distance", "unit_duration", "unit_overtime"):
        if not 0 <= getattr(vehicle, field) < np.inf:
            reason = "must be 0 or a positive number, and finite"
            raise fault(reason, field, getattr(vehicle, field))
    for field in ("max_stops", "max_trips"):
        stated = getattr(vehicle, field)
        if stated is not None and stated < 1:
            raise fault("must be 1 or more", field, stated)
    if not 0 < vehicle.speed < np.inf:
        raise fault("must be positive and finite", "speed", vehicle.speed)
    profiles = max(1, len(case.distances))
    if not 0 <= vehicle.profile < profiles:
        raise fault(f"the profiles are 0 to {profiles - 1}", "profile", vehicle.profile)


def _check_times(vehicle: VehicleType, fault: Any) -> None:
    """The shift and the breaks."""
    windows = [("shift", vehicle.shift), *(("breaks", rest.window) for rest in vehicle.breaks)]
    for field, window in windows:
        if not (0 <= window.open < np.inf and window.close >= window.open):
            shown = f"{window.open:g} to {window.close:g}"
            raise fault("must open at 0 or later and not close before it opens", field, shown)
    for rest in vehicle.breaks:
        if not 0 <= rest.duration < np.inf:
            raise fault("a break must last 0 or more", "breaks", rest.duration)


def _check_allowed(case: Case) -> None:
    for row, allowed in enumerate(case.allowed):
        for vehicle in allowed or ():
            if not 0 <= vehicle < len(case.vehicles):
                reason = f"the types of vehicles are 0 to {len(case.vehicles) - 1}"
                place = case.first_client + row
                raise Fault(reason, field="allowed", kind="place", position=place, value=vehicle)


def _check_groups(case: Case) -> None:
    seen: dict[int, int] = {}
    for number, group in enumerate(case.groups):
        if not group.clients:
            raise Fault("has no client", field="groups", value=f"group {number}")
        for place in group.clients:
            _check_client(case, place, "groups")
            if place in seen:
                reason = f"is twice in a group: first in group {seen[place]}"
                raise Fault(reason, field="groups", kind="place", position=place)
            seen[place] = number


def _check_shipments(case: Case) -> None:
    grouped = {place for group in case.groups for place in group.clients}
    seen: set[int] = set()
    for pair in case.shipments:
        for place in pair:
            _check_client(case, place, "shipments")
            if place in seen:
                reason = "is in a shipment twice"
                raise Fault(reason, field="shipments", kind="place", position=place)
            if place in grouped:
                reason = "is in a shipment and in a group: it may be in one of them"
                raise Fault(reason, field="shipments", kind="place", position=place)
            seen.add(place)
        first, last = case.client(pair.pickup), case.client(pair.delivery)
        if case.required[first] != case.required[last]:
            reason = "one client of a shipment is required and the other is not"
            raise Fault(reason, field="shipments", kind="place", position=pair.pickup)
        if not np.array_equal(case.pickup[first], case.delivery[last]):
            loads = [_loads(case.pickup[first]), _loads(case.delivery[last])]
            reason = f"picks up {loads[0]}, but {pair.delivery} is delivered {loads[1]}"
            raise Fault(reason, field="shipments", kind="place", position=pair.pickup)


def _loads(values: np.ndarray) -> str:
    return " ".join(map(tsplib.number_text, values.tolist()))


def _check_client(case: Case, place: int, field: str) -> None:
    first, last = case.first_client, case.first_client + case.size - 1
    if not first <= place <= last:
        reason = f"the clients are the places {first} to {last}"
        raise Fault(reason, field=field, value=place)
