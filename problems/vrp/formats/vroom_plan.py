"""Plans in VROOM's JSON: its output written and read, and the given routes of its input."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nco.core.errors import InstanceError
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.checking.measure import Measure
from nco.problems.vrp.checking.schedule import BREAK, CLIENT, END, START, Drive, Stop, schedule

FORM = "vroom"
SHOWN = ("id", "description", "location", "location_index")  # of a task, in a step


def is_of(case: Case) -> bool:
    """Whether a case was read from VROOM's JSON."""
    return case.source.get("form") == FORM


def write(case: Case, solution: Sequence[Route]) -> str:
    """VROOM's output of a plan: the routes with their steps, and what is unassigned."""
    routes = [route for route in solution if len(route[1])]
    used = [0] * len(case.vehicles)
    written = []
    for drive in schedule(case, routes):
        members = case.source["vehicles"][drive.vehicle]
        # more routes than vehicles are a violation, which the checker tells of
        vehicle = members[min(used[drive.vehicle], len(members) - 1)]
        used[drive.vehicle] += 1
        written.append(_route(case, drive, vehicle))
    served = {stop for route in routes for stop in route[1]}
    unassigned = [
        {"type": task["type"], **{key: task[key] for key in SHOWN if key in task}}
        for row, task in enumerate(case.source["tasks"])
        if case.first_client + row not in served
    ]
    totals = ("cost", "setup", "service", "duration", "waiting_time", "priority")
    summary = {
        **{key: _plain(sum(route[key] for route in written)) for key in totals},
        "routes": len(written),
        "unassigned": len(unassigned),
        "violations": [found for route in written for found in route["violations"]],
        **{
            key: [_plain(sum(route[key][k] for route in written)) for k in range(dimensions)]
            for key in ("delivery", "pickup")
            for dimensions in [case.delivery.shape[1]]
        },
    }
    if all("distance" in route for route in written) and written:
        summary["distance"] = _plain(sum(route["distance"] for route in written))
    data = {"code": 0, "summary": summary, "unassigned": unassigned, "routes": written}
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _route(case: Case, drive: Drive, vehicle: Mapping[str, Any]) -> dict[str, Any]:
    """One route."""
    tasks = case.source["tasks"]
    own = [tasks[case.client(s.place)] for s in drive.stops if s.kind == CLIENT and s.place]
    rows = [case.client(s.place) for s in drive.stops if s.kind == CLIENT and s.place]
    metres = case.units.get("distance") == "m"
    steps: list[dict[str, Any]] = []
    rests = [dict(one) for one in vehicle.get("breaks") or []]
    measure, travel, before = Measure(case), 0.0, None
    for stop in drive.stops:
        if stop.place is not None:  # the way to a break ends at the stop behind it
            if before is not None:
                travel += float(measure.duration(drive.vehicle, before, stop.place))
            before = stop.place
        steps.append(_step(case, stop, vehicle, rests, travel, metres))
    found: dict[str, Any] = {
        "vehicle": vehicle["id"],
        "cost": _plain(sum(drive.costs.values())),
        "setup": _plain(sum(step["setup"] for step in steps)),
        "service": _plain(sum(step["service"] for step in steps)),
        "duration": _plain(travel),
        "waiting_time": _plain(sum(step["waiting_time"] for step in steps)),
        "priority": sum(task["priority"] for task in own),
        "delivery": [_plain(value) for value in case.delivery[rows].sum(0)],
        "pickup": [_plain(value) for value in case.pickup[rows].sum(0)],
        "steps": steps,
        "violations": [one for step in steps for one in step["violations"]],
    }
    if vehicle.get("description"):
        found["description"] = vehicle["description"]
    if metres:
        found["distance"] = _plain(drive.distance)
    return found


def _step(
    case: Case,
    stop: Stop,
    vehicle: Mapping[str, Any],
    rests: list[dict[str, Any]],
    travel: float,
    metres: bool,
) -> dict[str, Any]:
    """A row of the schedule; `rests` are the breaks that are not held yet."""
    found: dict[str, Any] = {"type": stop.kind}
    setup = 0.0
    if stop.kind in (START, END):
        for key in (stop.kind, f"{stop.kind}_index"):
            if key in vehicle:
                found["location_index" if key.endswith("_index") else "location"] = vehicle[key]
    elif stop.kind == BREAK:
        found |= _break(rests, stop)
    elif stop.kind == CLIENT and stop.place is not None:
        task = case.source["tasks"][case.client(stop.place)]
        found |= {"type": task["type"], **{key: task[key] for key in SHOWN if key in task}}
        setup = float(task.get("setup", 0))
    late = [{"cause": "delay", "duration": _plain(_late(stop))}] if stop.late else []
    most = vehicle.get("capacity") or []
    over = any(float(load) > limit for load, limit in zip(stop.load, most, strict=False))
    return {
        **found,
        "arrival": _plain(stop.arrival),
        "duration": _plain(travel),
        "setup": _plain(setup),
        "service": _plain(float(stop.departure) - float(stop.begin) - setup),
        "waiting_time": _plain(stop.waiting),
        "load": [_plain(load) for load in stop.load],
        **({"distance": _plain(stop.distance)} if metres else {}),
        "violations": [*late, *([{"cause": "load"}] if over else [])],
    }


def _late(stop: Stop) -> float:
    """By how much service begins after the last window."""
    return 0.0 if stop.window is None else float(stop.begin) - float(stop.window)


def _break(rests: list[dict[str, Any]], stop: Stop) -> dict[str, Any]:
    """The break that is held at a stop: the first that lasts so long and may begin then."""
    for rest in rests:
        windows = rest.get("time_windows") or [[stop.begin, stop.begin]]
        fits = any(start <= stop.begin <= end for start, end in windows)
        if fits and rest.get("service", 0) == float(stop.departure) - float(stop.begin):
            rests.remove(rest)
            return {key: rest[key] for key in ("id", "description") if key in rest}
    return {}


def _plain(value: Any) -> float | int:
    """A number as JSON has it: whole ones without a point, others to a millionth."""
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() else rounded


def read(data: Mapping[str, Any], case: Case) -> list[Route]:
    """The routes of an output, or the given routes (``steps``) of an input's vehicles.

    Raises:
        InstanceError: a vehicle or a task that is not there.
    """
    kinds = {
        vehicle["id"]: kind for kind, own in enumerate(case.source["vehicles"]) for vehicle in own
    }
    places = {
        (task["type"], task["id"]): case.first_client + row
        for row, task in enumerate(case.source["tasks"])
    }
    key, word = ("routes", "vehicle") if "routes" in data else ("vehicles", "id")
    found = []
    for i, one in enumerate(_list(data.get(key), key)):
        where = f"{key}[{i}]"
        if not isinstance(one, Mapping):
            raise InstanceError("must be an object", field=where, value=type(one).__name__)
        vehicle = one.get(word)
        if not isinstance(vehicle, int) or vehicle not in kinds:
            raise InstanceError("no such vehicle", field=where, value=repr(vehicle))
        stops = []
        for step in _list(one.get("steps", []), f"{where} steps"):
            if not isinstance(step, Mapping):
                raise InstanceError("must be an object", field=f"{where} steps", value=str(step))
            if step.get("type") in (START, END, BREAK):
                continue
            task = step.get("type"), step.get("id", step.get("job"))
            if task not in places:
                shown = f"{task[0]} {task[1]}"
                raise InstanceError("no such task", field=f"{where} steps", value=shown)
            stops.append(places[task])
        if stops:
            found.append(Route(kinds[vehicle], stops))
    return found


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise InstanceError("must be a list", field=field, value=type(value).__name__)
    return value
