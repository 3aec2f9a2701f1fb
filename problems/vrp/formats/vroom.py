"""VROOM's JSON, in and out (its API of version 1.14), so that its users can switch.

Jobs come first, then the two ends of each shipment; vehicles that are alike and follow each other
become one type. What a vehicle pays for is what its ways are measured in: travel time (`per_hour`
alone, VROOM's default), distance (`per_km` alone), a matrix of costs, or the sum of the first two;
`max_travel_time` and `max_distance` are limits of that one measure. Without matrices ways are great
circles, in metres, at `SPEED`. Tasks are required, unless one has a `priority`: then each may be
left out for a prize that is above what serving it can cost, and the higher the greater it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nco.core.errors import InstanceError
from nco.problems._routing import metrics
from nco.problems.vrp.case import (
    Case,
    Depot,
    Rounding,
    Shipment,
    VehicleType,
    plain,
)
from nco.problems.vrp.formats import json_form
from nco.problems.vrp.formats import vroom_values as say
from nco.problems.vrp.formats.arrays_fleet import serving
from nco.problems.vrp.formats.faults import Fault, checked
from nco.problems.vrp.formats.vroom_fleet import SPEED, VEHICLE, Fleet, Measure, grouped
from nco.problems.vrp.formats.vroom_plan import FORM

WEIGHT = 10  # of a step of priority, to a task without any
ROOT = {"jobs", "shipments", "vehicles", "matrices", "matrix"}
STEP = {
    *("id", "description", "location", "location_index", "setup", "service", "time_windows"),
    *("setup_per_type", "service_per_type"),
}
JOB = STEP | {"delivery", "pickup", "amount", "skills", "priority"}
SHIPMENT = {"pickup", "delivery", "amount", "skills", "priority"}
KINDS = ("durations", "distances", "costs")  # of matrices


def recognise(text: str) -> bool:
    """Whether a text is a JSON object with vehicles, and jobs or shipments, and no problem."""
    head = text.lstrip("\ufeff \t\r\n")
    if head[:1] != "{" or '"vehicles"' not in text:
        return False
    if '"jobs"' not in text and '"shipments"' not in text:
        return False
    try:
        data = json.loads(head)
    except (ValueError, RecursionError):
        return '"problem"' not in text[:4096]  # its defect is told by `read`
    return (
        isinstance(data, dict) and "problem" not in data and bool({"jobs", "shipments"} & {*data})
    )


def read(text: str, *, path: str | None = None, rounding: Rounding | None = None) -> Case:
    """The case of a text.

    Raises:
        InstanceError: naming the object, the key and the value; a key that is not known.
    """
    data = json_form.parse(text, path)
    try:
        return checked(Input(data, rounding).case(path))
    except Fault as fault:
        names = {"windows": "time_windows", "shift": "time_window"}
        field = names.get(fault.field or "", fault.field)
        raise InstanceError(fault.reason, field=field, value=fault.value, path=path) from fault
    except InstanceError as error:
        raise InstanceError(
            error.reason, field=error.field, value=error.value, path=path
        ) from error


@dataclass(frozen=True)
class _Task:
    """A client: a job, or an end of a shipment.

    Attributes:
        kind: ``job``, ``pickup`` or ``delivery``; where: its object, for errors.
        data: the object itself; shared: of a shipment, what both ends have.
    """

    kind: str
    where: str
    data: Mapping[str, Any]
    shared: Mapping[str, Any]


class Input:
    """The object of a file, and what is made of it."""

    def __init__(self, data: Mapping[str, Any], rounding: Rounding | None) -> None:
        say.known(data, ROOT, "")
        self.data, self.rounding = data, rounding
        self.remarks: list[str] = []
        self.vehicles = [
            say.object_of(one, f"vehicles[{i}]", VEHICLE)
            for i, one in enumerate(say.listed(data, "vehicles"))
        ]
        if not self.vehicles:
            raise InstanceError("there must be a vehicle", field="vehicles", value="[]")
        self.tasks = self._tasks()
        self._check_ids()
        self.matrices = self._matrices()
        self.depots: list[Any] = []  # locations, as `_location` has them

    def _tasks(self) -> list[_Task]:
        found = []
        for i, one in enumerate(say.listed(self.data, "jobs")):
            where = f"jobs[{i}]"
            job = say.object_of(one, where, JOB)
            found.append(_Task("job", where, job, job))
        for i, one in enumerate(say.listed(self.data, "shipments")):
            where = f"shipments[{i}]"
            shipment = say.object_of(one, where, SHIPMENT)
            for kind in ("pickup", "delivery"):
                step = say.object_of(shipment.get(kind), f"{where} {kind}", STEP)
                found.append(_Task(kind, f"{where} {kind}", step, shipment))
        return found

    def _check_ids(self) -> None:
        """Refuses an id that two objects of one kind have."""
        seen: dict[tuple[str, int], str] = {}
        things = [(task.kind, task.where, task.data) for task in self.tasks]
        things += [("vehicle", f"vehicles[{i}]", one) for i, one in enumerate(self.vehicles)]
        for kind, where, data in things:
            own = say.whole(data.get("id"), f"{where} id")
            if (before := seen.setdefault((kind, own), where)) != where:
                reason = f"{before} has this id, too"
                raise InstanceError(reason, field=f"{where} id", value=own)

    def _matrices(self) -> dict[str, dict[str, np.ndarray]]:
        """By profile and kind; empty where ways are great circles."""
        if "matrix" in self.data and "matrices" in self.data:
            raise InstanceError("matrices say it already: leave it out", field="matrix")
        stated = self.data.get("matrices")
        if "matrix" in self.data:
            stated = {"car": {"durations": self.data["matrix"]}}
        if stated is None:
            return {}
        if not isinstance(stated, Mapping):
            raise InstanceError("must be an object by profiles", field="matrices")
        found: dict[str, dict[str, np.ndarray]] = {}
        for profile, kinds in stated.items():
            where = f"matrices {profile}"
            own = say.object_of(kinds, where, set(KINDS))
            if "durations" not in own:
                raise InstanceError("durations are missing", field=where)
            found[profile] = {kind: say.square(own[kind], f"{where} {kind}") for kind in own}
        sizes = {len(matrix) for own in found.values() for matrix in own.values()}
        if len(sizes) > 1:
            raise InstanceError("all must have the same size", field="matrices", value=sizes)
        return found

    # ----------------------------------------------------------------------------------------------

    def location(self, data: Mapping[str, Any], name: str, where: str) -> Any:
        """A row of the matrices, or ``(lon, lat)``; None where neither is stated."""
        key = "location_index" if name == "location" else f"{name}_index"
        if self.matrices:
            if data.get(key) is None:
                return None
            size = len(next(iter(next(iter(self.matrices.values())).values())))
            index = say.whole(data[key], f"{where} {key}")
            if not 0 <= index < size:
                reason = f"the matrices have the rows 0 to {size - 1}"
                raise InstanceError(reason, field=f"{where} {key}", value=index)
            return index
        return None if data.get(name) is None else say.coordinates(data[name], f"{where} {name}")

    def depot(self, location: Any) -> int:
        if location not in self.depots:
            self.depots.append(location)
        return self.depots.index(location)

    def case(self, path: str | None) -> Case:
        """The case."""
        places = []
        for task in self.tasks:
            place = self.location(task.data, "location", task.where)
            if place is None:
                key = "location_index" if self.matrices else "location"
                reason = "is missing: a task must be somewhere"
                raise InstanceError(reason, field=f"{task.where} {key}")
            places.append(place)
        dimensions = self._dimensions()
        fleet = Fleet(self, dimensions)
        listed = [fleet.vehicle(i) for i in range(len(self.vehicles))]
        able = [self._skills(one, f"vehicles[{i}]") for i, one in enumerate(self.vehicles)]
        words = [" ".join(str(one.get("description") or "").split()) for one in self.vehicles]
        vehicles, members = grouped(listed, able, words)
        delivery, pickup = self._loads(dimensions)
        where: list[Any] = [*self.depots, *places]
        skills = [able[own[0]] for own in members]
        needed = [self._skills(task.shared, task.where) for task in self.tasks]
        first = len(self.depots)
        pairs = [i for i, task in enumerate(self.tasks) if task.kind == "pickup"]
        ways = self._ways(where, fleet.measures)
        prize = self._prizes(vehicles, ways["distances"])
        return plain(
            len(self.tasks),
            name=_stem(path),
            path=path,
            names=self._names(),
            depots=tuple(Depot() for _ in self.depots),
            vehicles=vehicles,
            delivery=delivery,
            pickup=pickup,
            service=np.array(self._services(places)),
            windows=tuple(say.windows(task.data, task.where) for task in self.tasks),
            prize=prize,
            required=prize == 0 if not prize.any() else np.zeros(len(prize), dtype=bool),
            allowed=serving(needed, skills),
            shipments=tuple(Shipment(first + i, first + i + 1) for i in pairs),
            source=self._source(members),
            remarks=tuple(self.remarks),
            **ways,
        )

    def _dimensions(self) -> int:
        """Of the loads: what the first amount or capacity has; 1 where there is none."""
        stated = [one.get("capacity") for one in self.vehicles]
        stated += [t.shared.get(k) for t in self.tasks for k in ("delivery", "pickup", "amount")]
        return next((len(v) for v in stated if isinstance(v, list) and v), 1)

    def amount(self, data: Mapping[str, Any], key: str, where: str, dimensions: int) -> list[float]:
        if data.get(key) is None:
            return [0.0] * dimensions
        values = say.numbers(data[key], f"{where} {key}")
        if len(values) != dimensions:
            reason = f"must be {dimensions} numbers, as the others have"
            raise InstanceError(reason, field=f"{where} {key}", value=str(data[key]))
        return values

    def _loads(self, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
        delivery, pickup = (np.zeros((len(self.tasks), dimensions)) for _ in range(2))
        for i, task in enumerate(self.tasks):
            if task.kind == "job":
                if "amount" in task.data and "delivery" in task.data:
                    reason = "delivery says it already: leave it out"
                    raise InstanceError(reason, field=f"{task.where} amount")
                key = "amount" if "amount" in task.data else "delivery"
                delivery[i] = self.amount(task.data, key, task.where, dimensions)
                pickup[i] = self.amount(task.data, "pickup", task.where, dimensions)
            else:
                load = self.amount(task.shared, "amount", task.where, dimensions)
                (pickup if task.kind == "pickup" else delivery)[i] = load
        return delivery, pickup

    def _services(self, places: Sequence[Any]) -> list[float]:
        """Times at the tasks; a setup is part of it where no other task is at the same place."""
        found = []
        for task, place in zip(self.tasks, places, strict=True):
            for key in ("setup_per_type", "service_per_type"):
                if task.data.get(key):
                    reason = "times that depend on the vehicle are not solved here: remove it"
                    raise InstanceError(reason, field=f"{task.where} {key}")
            setup = say.positive(task.data.get("setup", 0), f"{task.where} setup")
            if setup and places.count(place) > 1:
                reason = "several tasks are at this place: add the setup to the service of one"
                raise InstanceError(reason, field=f"{task.where} setup", value=setup)
            found.append(setup + say.positive(task.data.get("service", 0), f"{task.where} service"))
        return found

    def _prizes(
        self, vehicles: Sequence[VehicleType], distances: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Of the tasks; that of a shipment is its pickup's. Zeros where none has a priority."""
        priorities = np.array([float(self._priority(task)) for task in self.tasks])
        if not priorities.any():
            return priorities
        most = 1 + max(
            vehicle.fixed + 2 * vehicle.unit_distance * float(distances[vehicle.profile].max())
            for vehicle in vehicles
        )
        self.remarks.append(
            "tasks have priorities: each may be left out, for a price that the cost then counts"
        )
        ends = np.array([task.kind != "delivery" for task in self.tasks])
        worth: np.ndarray = np.ceil(most) * (1 + WEIGHT * priorities) * ends
        return worth

    def _priority(self, task: _Task) -> int:
        field = f"{task.where} priority"
        value = say.whole(task.shared.get("priority", 0), field)
        if not 0 <= value <= 100:
            raise InstanceError("must be from 0 to 100", field=field, value=value)
        return value

    @staticmethod
    def _skills(data: Mapping[str, Any], where: str) -> frozenset[str]:
        listed = data.get("skills") or []
        if not isinstance(listed, list):
            raise InstanceError("must be a list", field=f"{where} skills", value=str(listed))
        return frozenset(str(say.whole(skill, f"{where} skills")) for skill in listed)

    def _names(self) -> dict[str, list[str]]:
        """Descriptions, or else the kind and the id, of depots and tasks."""
        names = [
            "depot" if len(self.depots) == 1 else f"depot {i}" for i in range(len(self.depots))
        ]
        names += [
            " ".join(str(task.data.get("description") or f"{task.kind} {task.data['id']}").split())
            for task in self.tasks
        ]
        return {"stops": names}

    def _source(self, members: Sequence[Sequence[int]]) -> dict[str, Any]:
        kept = ("id", "description", "location", "location_index", "setup", "service", "priority")
        tasks = [
            {
                "type": task.kind,
                **{key: task.data[key] for key in kept if key in task.data},
                "priority": task.shared.get("priority", 0),
            }
            for task in self.tasks
        ]
        return {
            "form": FORM,
            "tasks": tasks,
            "vehicles": [[dict(self.vehicles[i]) for i in own] for own in members],
        }

    # ----------------------------------------------------------------------------------------------
    # Vehicles and ways

    def _ways(self, where: Sequence[Any], measures: Sequence[Measure]) -> dict[str, Any]:
        """Coordinates, or for each measure the matrices of all places."""
        if not self.matrices:
            kmh = SPEED * 3.6
            self.remarks.append(
                f"there are no matrices: ways are great circles at {kmh:g} km/h; give matrices of "
                "durations, such as a routing engine makes"
            )
            degrees = [[lat, lon] for lon, lat in where]
            # VROOM's metres; the metric's own unit is the kilometre
            metres = metrics.distance_matrix(np.array(degrees), "HAVERSINE") * 1000
            units = {"distance": "m", "time": "s"}
            ways = {"coords": np.array(degrees)[:, ::-1], "distances": (metres,), "units": units}
            return {**ways, "degrees": degrees, "metric": "EXPLICIT"}
        durations, distances = [], []
        for measure in measures:
            own = {
                kind: m[np.ix_(where, where)] for kind, m in self.matrices[measure.profile].items()
            }
            durations.append(own["durations"] / measure.factor)
            if measure.matrix:
                distances.append(own["costs"])
                continue
            parts = [measure.hourly * durations[-1]]
            parts += [measure.per_km * own["distances"]] if measure.per_km else []
            distances.append(sum(parts, np.zeros_like(durations[-1])))
        drawn = self._drawn()
        found: dict[str, Any] = {"distances": tuple(distances), "durations": tuple(durations)}
        word = self._word(measures)
        found["units"] = {"time": "s", **({"distance": word} if word else {})}
        found["metric"] = "EXPLICIT"
        if drawn is not None:
            found |= {"coords": np.array(drawn)[:, ::-1], "degrees": drawn}
        return found

    @staticmethod
    def _word(measures: Sequence[Measure]) -> str:
        """The unit of what ways are measured in, where it is the same for all."""
        words = {
            "s" if m.hourly == 1 and not m.per_km else "m" if m.per_km == 1 and not m.hourly else ""
            for m in measures
        }
        return words.pop() if len(words) == 1 else ""

    def _drawn(self) -> list[list[float]] | None:
        """Latitude and longitude of all places, where the file states those of every one."""
        found: list[Any] = [None] * len(self.depots)
        for i, data in enumerate(self.vehicles):
            for name in ("start", "end"):
                index = self.location(data, name, f"vehicles[{i}]")
                if index is not None and data.get(name) is not None:
                    found[self.depots.index(index)] = say.coordinates(data[name], name)
        for task in self.tasks:
            stated = task.data.get("location")
            found.append(None if stated is None else say.coordinates(stated, task.where))
        if any(one is None for one in found):
            return None
        return [[lat, lon] for lon, lat in found]


def _stem(path: str | None) -> str:
    from pathlib import Path

    return Path(path).stem if path else "unnamed"
