"""Rich routing cases from files and arrays, each form in a module of its own, by recognition."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nco.core.errors import InstanceError
from nco.problems._routing import routes as lines
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.formats import (
    arrays,
    json_form,
    lilim,
    solomon,
    vroom,
    vroom_plan,
    vrplib,
    vrplib_kinds,
)
from nco.problems.vrp.formats.reads import rounding_of

ARRAYS = arrays.ARRAYS
ARGUMENTS = ("rounding",)  # of `read`
SUFFIX = ".json"  # of the files that `write` makes


class Form(NamedTuple):
    """A form of text."""

    recognise: Callable[[str], bool]
    read: Callable[..., Case]


FORMS = (
    Form(solomon.recognise, solomon.read),
    Form(lilim.recognise, lilim.read),
    Form(json_form.recognise, json_form.read),
    Form(vroom.recognise, vroom.read),
)


def recognise(text: str) -> bool:
    """Whether a text is of one of the forms."""
    return any(form.recognise(text) for form in FORMS) or vrplib_kinds.recognise(text)


def read(text: str, *, path: str | None = None, rounding: str | None = None) -> Case:
    """The case of a text.

    Args:
        text: the whole file.
        path: its name.
        rounding: of distances, in place of what the file or its form says.

    Raises:
        InstanceError: with line, field, value and reason.
    """
    rule = None if rounding is None else rounding_of(rounding)
    for form in FORMS:
        if form.recognise(text):
            return form.read(text, path=path, rounding=rule)
    return vrplib.read(text, path=path, rounding=rule)


def write(case: Case) -> str:
    """The case in our own JSON, from which `read` makes the same one."""
    return json_form.write(case)


def from_arrays(data: object) -> Case | None:
    """A case from a dict of arrays; None where nothing in it is said that only this problem knows.

    Args:
        data: ``coords`` [D+n, 2], depots first, or ``distances`` (and ``durations``); what is said
            of clients: ``demand`` (or ``delivery``), ``pickup``, ``time_windows``, ``service``,
            ``release``, ``prize``, ``required``, ``skills``, ``groups``, ``shipments``; and
            ``vehicles``, a list of dicts by the names of `VehicleType`'s attributes, or their
            number, with one ``capacity``. ``"problem": "vrp"`` makes any of these keys one of this
            problem.

    Raises:
        InstanceError: naming the key, the place and the value.
    """
    if not isinstance(data, Mapping) or not arrays.recognise(data):
        return None
    return arrays.case_of(data)


# --------------------------------------------------------------------------------------------------
# Solutions


def _first_vehicles(case: Case) -> list[int]:
    """The number, from 1, of the first vehicle of each type; one of any number is n vehicles."""
    starts, count = [], 1
    for vehicle in case.vehicles:
        starts.append(count)
        count += max(1, case.size) if vehicle.count is None else vehicle.count
    return [*starts, count]


def type_of(case: Case, number: int) -> int:
    """The type of a vehicle that is counted from 1 over all types."""
    return max(0, sum(start <= number for start in _first_vehicles(case)[:-1]) - 1)


def read_solution(text: str, case: Case) -> list[Route]:
    """Routes in CVRPLIB's `.sol` form or as JSON; what they contain is for the checker.

    Args:
        text: lines ``Route #k: 21 31 19``, where vehicle k drives, counted over all types; or a
            JSON list of ``[vehicle type, [stops]]``, also as ``solution`` of an object.
        case: the case they belong to.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return _from_json(text, case)
    stated = lines.read(text)
    if not stated and case.size:
        raise InstanceError("there is no line 'Route #1: ...'", field="solution")
    found = []
    for line, number, stops in stated:
        if number < 1:
            raise InstanceError("vehicles count from 1", field="Route", value=number, line=line)
        if stops:
            found.append(Route(type_of(case, number), stops))
    return found


def _from_json(text: str, case: Case) -> list[Route]:
    """Routes as JSON, also as VROOM writes them."""
    if vroom_plan.is_of(case) and text.lstrip()[:1] == "{":
        data = json_form.parse(text, None)
        if "routes" in data or "vehicles" in data:
            return vroom_plan.read(data, case)
    stated = lines.stated_in_json(text)
    reason = "must be a list of routes, each [vehicle type, [stops]]"
    if not isinstance(stated, list):
        raise InstanceError(reason, field="solution", value=json.dumps(stated))
    found = []
    for route in stated:
        if not isinstance(route, list) or len(route) != 2 or not isinstance(route[1], list):
            raise InstanceError(reason, field="solution", value=json.dumps(route))
        lines.check_numbers([route[0]], "a type of vehicles belongs here")
        lines.check_numbers(route[1], "the number of a stop belongs here")
        found.append(Route(route[0], route[1]))
    return found


def write_solution(case: Case, solution: Sequence[Route], cost: float | None) -> str:
    """Routes in CVRPLIB's `.sol` form, by the number of the vehicle that drives."""
    starts = _first_vehicles(case)
    used = [0] * len(case.vehicles)
    numbered: list[tuple[int, list[int]]] = []
    for vehicle, stops in solution:
        if len(stops):
            numbered.append((starts[vehicle] + used[vehicle], [int(stop) for stop in stops]))
            used[vehicle] += 1
    text = [f"Route #{number}: {' '.join(map(str, stops))}" for number, stops in sorted(numbered)]
    if cost is not None:
        text.append(f"Cost {lines.number_text(cost)}")
    return "\n".join([*text, ""])


def write_json(case: Case, solution: Sequence[Route], cost: float | None) -> str | None:
    """The solution as VROOM writes it, where the case is VROOM's; None of another one."""
    return vroom_plan.write(case, solution) if vroom_plan.is_of(case) else None
