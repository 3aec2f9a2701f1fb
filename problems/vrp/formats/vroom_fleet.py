"""The vehicles of VROOM's JSON, and what their ways are measured in."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from nco.core.errors import InstanceError, did_you_mean
from nco.problems.vrp.case import ALWAYS, INFINITE, Break, VehicleType
from nco.problems.vrp.formats import vroom_values as say

if TYPE_CHECKING:
    from nco.problems.vrp.formats.vroom import Input

SPEED = 50 / 3.6  # metres a second
HOUR, KILOMETRE = 3600, 1000
VEHICLE = {
    *("id", "profile", "description", "start", "start_index", "end", "end_index", "capacity"),
    *("costs", "skills", "type", "time_window", "breaks", "speed_factor", "max_tasks"),
    *("max_travel_time", "max_distance", "steps"),
}
COSTS = {"fixed", "per_hour", "per_task_hour", "per_km"}
BREAK = {"id", "description", "time_windows", "service", "max_load"}
STEPS = {"type", "id", "service_at", "service_after", "service_before"}
GIVEN = "the given routes (steps) are not used: nco check FILE FILE checks and prices them"


class Measure(NamedTuple):
    """What the ways of a vehicle are measured in.

    Attributes:
        profile: its matrices; factor: of its speed; hourly, per_km: weights of the measure.
        matrix: whether it is a matrix of costs.
    """

    profile: str
    factor: float
    hourly: float
    per_km: float
    matrix: bool


class Fleet:
    """The vehicles of an input.

    Attributes:
        measures: what the ways of some vehicle are measured in, each once.
    """

    def __init__(self, source: "Input", dimensions: int) -> None:
        self.source, self.dimensions = source, dimensions
        self.measures: list[Measure] = []

    def vehicle(self, i: int) -> VehicleType:
        """One vehicle, with everything but its name."""
        data, where = self.source.vehicles[i], f"vehicles[{i}]"
        self._look_at_steps(data, where)
        start, end = (self.source.location(data, name, where) for name in ("start", "end"))
        if start is None:
            key = "start_index" if self.source.matrices else "start"
            reason = "is missing: vehicles that start anywhere are not solved here"
            raise InstanceError(reason, field=f"{where} {key}")
        costs = say.object_of(data.get("costs", {}), f"{where} costs", COSTS)
        measure, unit = self._measure(data, costs, where)
        if measure not in self.measures:
            self.measures.append(measure)
        limits = self._limits(data, measure, where)
        speed = SPEED * measure.factor
        stated = data.get("time_window")
        tasks = data.get("max_tasks")
        return VehicleType(
            count=1,
            capacity=()
            if data.get("capacity") is None
            else tuple(self.source.amount(data, "capacity", where, self.dimensions)),
            start=self.source.depot(start),
            end=None if end is None else self.source.depot(end),
            shift=ALWAYS if stated is None else say.window(stated, f"{where} time_window"),
            max_distance=limits,
            max_stops=None if tasks is None else say.whole(tasks, f"{where} max_tasks"),
            fixed=say.positive(costs.get("fixed", 0), f"{where} costs fixed"),
            unit_distance=unit,
            breaks=self._breaks(data, where),
            speed=1.0 if self.source.matrices else speed,
            profile=self.measures.index(measure) if self.source.matrices else 0,
        )

    def _look_at_steps(self, data: Mapping[str, Any], where: str) -> None:
        """A given route is no part of a case; times that it fixes would be."""
        for i, one in enumerate(say.listed(data, "steps", where)):
            step = say.object_of(one, f"{where} steps[{i}]", STEPS)
            for key in ("service_at", "service_after", "service_before"):
                if step.get(key) is not None:
                    reason = "times of a given route are not solved here: use time_windows"
                    raise InstanceError(reason, field=f"{where} steps[{i}] {key}")
        if data.get("steps") and GIVEN not in self.source.remarks:
            self.source.remarks.append(GIVEN)

    def _measure(
        self, data: Mapping[str, Any], costs: Mapping[str, Any], where: str
    ) -> tuple[Measure, float]:
        """What its ways are measured in, and what a unit of that costs."""
        hourly, km, task = (
            say.positive(costs.get(key, default), f"{where} costs {key}")
            for key, default in (("per_hour", HOUR), ("per_km", 0), ("per_task_hour", 0))
        )
        if task:
            reason = "costs of the time at tasks are not solved here: remove it"
            raise InstanceError(reason, field=f"{where} costs per_task_hour", value=task)
        factor = say.positive(data.get("speed_factor", 1), f"{where} speed_factor")
        if not 0 < factor <= 5:
            reason = "must be above 0 and at most 5"
            raise InstanceError(reason, field=f"{where} speed_factor", value=factor)
        profile = str(data.get("profile", "car"))
        if not self.source.matrices:
            pay = hourly / HOUR / (SPEED * factor) + km / KILOMETRE
            return Measure("", factor, hourly > 0, km > 0, False), pay
        if profile not in self.source.matrices:
            near = (
                did_you_mean(profile, self.source.matrices)
                or f" there are {', '.join(self.source.matrices)}"
            )
            raise InstanceError(f"no such matrices;{near}", field=f"{where} profile", value=profile)
        own = self.source.matrices[profile]
        if km and "distances" not in own:
            reason = "per_km needs distances"
            raise InstanceError(reason, field=f"matrices {profile}", value="no distances")
        if "costs" in own:
            if {"per_hour", "per_km"} & {*costs}:
                reason = "the matrices have costs: leave per_hour and per_km out"
                raise InstanceError(reason, field=f"{where} costs")
            return Measure(profile, factor, 0, 0, True), 1.0
        if not km:
            return Measure(profile, factor, 1, 0, False), hourly / HOUR
        if not hourly:
            return Measure(profile, factor, 0, 1, False), km / KILOMETRE
        return Measure(profile, factor, hourly / HOUR, km / KILOMETRE, False), 1.0

    def _limits(self, data: Mapping[str, Any], measure: Measure, where: str) -> float:
        """The limit of the ways of a vehicle, in what they are measured in."""
        found = INFINITE
        for key, own in (
            ("max_travel_time", measure.hourly and not measure.per_km),
            ("max_distance", measure.per_km and not measure.hourly),
        ):
            if data.get(key) is None:
                continue
            most = say.positive(data[key], f"{where} {key}")
            if not self.source.matrices:
                most *= SPEED * measure.factor if key == "max_travel_time" else 1.0
            elif not own or measure.matrix:
                word = "travel time (per_hour alone)" if "time" in key else "km (per_km alone)"
                reason = f"is solved here only where the vehicle pays by {word}"
                raise InstanceError(reason, field=f"{where} {key}", value=most)
            found = min(found, most)
        return found

    def _breaks(self, data: Mapping[str, Any], where: str) -> tuple[Break, ...]:
        found = []
        for i, one in enumerate(say.listed(data, "breaks", where)):
            field = f"{where} breaks[{i}]"
            rest = say.object_of(one, field, BREAK)
            say.whole(rest.get("id"), f"{field} id")
            if rest.get("max_load") is not None:
                reason = "breaks that depend on the load are not solved here: remove it"
                raise InstanceError(reason, field=f"{field} max_load")
            windows = say.windows(rest, field) or (ALWAYS,)
            if len(windows) > 1:
                reason = "a break has one window here"
                raise InstanceError(reason, field=f"{field} time_windows", value=len(windows))
            duration = say.positive(rest.get("service", 0), f"{field} service")
            found.append(Break(windows[0], duration))
        return tuple(found)


def grouped(
    listed: Sequence[VehicleType], skills: Sequence[frozenset[str]], names: Sequence[str]
) -> tuple[tuple[VehicleType, ...], list[list[int]]]:
    """Types of vehicles that are alike and follow each other, and the vehicles of each."""
    alike = [
        list(own)
        for _, own in itertools.groupby(range(len(listed)), lambda i: (listed[i], skills[i]))
    ]
    types = [
        replace(listed[own[0]], count=len(own), name=names[own[0]] if len(own) == 1 else "")
        for own in alike
    ]
    return tuple(types), alike
