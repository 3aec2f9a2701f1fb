"""Accept-or-reject cases: what may arrive when, what it earns and uses, and one realised trace.

The file is YAML (or JSON, which is YAML)::

    problem: exo
    name: airline
    periods: 4
    resources: {first leg: 7, second leg: 4, third leg: 4}
    classes:
      single: {revenue: 1, uses: {first leg: 2, second leg: 3, third leg: 2}, probability: 0.3}
      return: {revenue: 2, uses: {first leg: 3, third leg: 1}, probability: [0.1, 0.2, 0.3, 0.4]}
    trace: [single, none, return, return]

A class has one probability or one for each period; where they sum to less than 1, nobody may come.
Without ``trace`` the case is a setting to plan for, and no particular run of events. A solution is
the sorted list of the periods, from 0, whose arrivals are accepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems._common import yamlfile
from nco.problems._common.rules import name_of
from nco.problems._common.yamlfile import (
    array,
    check_array,
    check_present,
    exactly,
    mapping,
    number,
    parse,
    required,
    whole,
)

SUFFIX = ".yaml"  # of the files that `write` makes
MAX_PERIODS = 100_000
NOBODY = "none"  # in a trace
TOLERANCE = 1e-9  # of sums of probabilities
KEYS = {"problem", "name", "periods", "resources", "classes", "trace"}
FORMS = {"capacity": "R", "revenue": "J", "uses": "RJ", "probability": "TJ"}
ARRAYS = {*FORMS, "arrivals", "name"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One trace of arrivals, or with ``arrivals=None`` the setting that traces are drawn from.

    Attributes:
        capacity: ``[R]`` float64, of each resource, at least 0.
        revenue: ``[J]`` float64, of each class, positive.
        uses: ``[R, J]`` float64, what an accepted arrival takes of each resource, at least 0.
        probability: ``[T, J]`` float64; each row sums to at most 1, the rest is nobody.
        arrivals: ``[T]`` int64, the class that arrives in each period, -1 for nobody.
        resources, classes: their names.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "exo"
    view: ClassVar[str] = "accepted"
    capacity: np.ndarray
    revenue: np.ndarray
    uses: np.ndarray
    probability: np.ndarray
    arrivals: np.ndarray | None = None
    resources: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        for field, letter, count in (
            ("resources", "R", len(self.capacity)),
            ("classes", "J", len(self.revenue)),
        ):
            names = getattr(self, field) or tuple(f"{letter}{k}" for k in range(count))
            object.__setattr__(self, field, names)

    @property
    def size(self) -> int:
        """The number of periods."""
        return len(self.probability)

    @property
    def foreseen(self) -> bool:
        """Whether the case holds a trace."""
        return self.arrivals is not None

    def words(self, solution: Any) -> str | None:
        sentences = {
            "greedy": "accept whatever fits",
            "bayes": "accept what the fluid optimum of all that is expected would accept at least "
            "half of",
            "optimal": "accept when the revenue exceeds the expected value of what it uses",
        }
        return sentences.get(name_of(solution) or "")

    def construct(self) -> list[int]:
        """Accepts whatever fits, in order of arrival."""
        if self.arrivals is None:
            return []
        free, taken = self.capacity.copy(), []
        for period, kind in enumerate(self.arrivals.tolist()):
            if kind >= 0 and bool((self.uses[:, kind] <= free + TOLERANCE).all()):
                free -= self.uses[:, kind]
                taken.append(period)
        return taken

    def numbered(self, solution: Iterable[int]) -> list[int]:
        """Periods count from 0 here, too."""
        return sorted(int(period) for period in solution)

    def indexed(self, solution: Iterable[int]) -> list[int]:
        periods = self.numbered(solution)
        yamlfile.check_numbers(periods, self.size, "period", self.path)
        return periods


def recognise(text: str) -> bool:
    """Whether the text says ``problem: exo`` within its first 4096 characters."""
    return yamlfile.states_problem(text, "exo")


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text.

    Raises:
        InstanceError: for every defect, naming the field and the value.
    """
    data = parse(text, "exo", KEYS, path)
    periods = whole(required(data, "periods", path), "periods", path, most=MAX_PERIODS)
    resources, classes = (
        mapping(required(data, name, path), name, path) for name in ("resources", "classes")
    )
    capacity = [number(value, f"resources.{name}", path) for name, value in resources.items()]
    columns = [_class(item, name, resources, periods, path) for name, item in classes.items()]
    names = tuple(classes)
    return Case(
        name=str(data.get("name") or "unnamed"),
        path=path,
        capacity=np.array(capacity),
        revenue=np.array([column[0] for column in columns]),
        uses=np.array([column[1] for column in columns]).T.reshape(len(resources), len(classes)),
        probability=np.array([column[2] for column in columns]).T,
        arrivals=_trace(data.get("trace"), names, periods, path),
        resources=tuple(resources),
        classes=names,
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with ``capacity [R]``, ``revenue [J]``, ``uses [R, J]``,
    ``probability [T, J]`` and perhaps ``arrivals [T]`` and ``name``.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one of the arrays is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS:
        return None
    if not {"revenue", "probability"} & set(data):
        return None
    check_present(data, FORMS, "the others of " + ", ".join(sorted(FORMS)))
    arrays = {field: array(field, data[field]) for field in sorted(FORMS)}
    arrivals = data.get("arrivals")
    if arrivals is not None:
        kinds = array("arrivals", arrivals)
        yamlfile.check_whole("arrivals", kinds, None)
        arrivals = kinds.astype(np.int64)
    return Case(
        name=str(data.get("name", "unnamed")),
        capacity=arrays["capacity"],
        revenue=arrays["revenue"],
        uses=arrays["uses"],
        probability=arrays["probability"],
        arrivals=arrivals,
    )


def write(case: Case) -> str:
    """YAML from which `read` makes the same numbers, to the last bit."""
    classes = {}
    for column, name in enumerate(case.classes):
        row = case.probability[:, column].tolist()
        uses = zip(case.resources, case.uses[:, column].tolist(), strict=True)
        classes[name] = {
            "revenue": float(case.revenue[column]),
            "uses": {resource: used for resource, used in uses if used},
            "probability": row[0] if len(set(row)) == 1 else row,
        }
    resources = dict(zip(case.resources, case.capacity.tolist(), strict=True))
    lines = [
        *yamlfile.head("exo", case.name),
        f"periods: {case.size}",
        f"resources: {yamlfile.quoted(resources)}",
        "classes:",
        *[f"  {yamlfile.quoted(name)}: {yamlfile.quoted(item)}" for name, item in classes.items()],
    ]
    if case.arrivals is not None:
        shown = [case.classes[k] if k >= 0 else NOBODY for k in case.arrivals.tolist()]
        lines.append(f"trace: {yamlfile.quoted(shown)}")
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> list[int]:
    """The accepted periods: a JSON list, or a JSON object with one under ``solution``.

    Raises:
        InstanceError: where the text is neither.
    """
    data = yamlfile.read_list(text)
    for period in data:
        if isinstance(period, bool) or not isinstance(period, int):
            raise InstanceError("must be a period from 0", field="period", value=repr(period))
    return sorted(data)


def write_solution(case: Case, solution: Iterable[int], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` (minus the revenue) and ``solution``."""
    accepted = sorted(int(period) for period in solution)
    return yamlfile.write_list(case.name, cost, accepted)


# --------------------------------------------------------------------------------------------------
# From YAML to numbers


def _class(
    item: Any, name: str, resources: Mapping[str, Any], periods: int, path: str | None
) -> tuple[float, list[float], list[float]]:
    """Revenue, use of each resource, and probability in each period."""
    place = f"classes.{name}"
    item = exactly(item, ("revenue", "uses", "probability"), place, path)
    used = item["uses"]
    if not isinstance(used, dict):
        raise InstanceError("must be {resource: number}", field=f"{place}.uses", path=path)
    for resource in used:
        if str(resource) not in resources:
            reason = f"no such resource; there are {', '.join(resources)}"
            raise InstanceError(reason, field=f"{place}.uses", value=resource, path=path)
    amounts = {str(key): number(value, f"{place}.uses.{key}", path) for key, value in used.items()}
    chance = item["probability"]
    rows = chance if isinstance(chance, list) else [chance] * periods
    if len(rows) != periods:
        reason = f"must be one number, or one for each of the {periods} periods"
        raise InstanceError(reason, field=f"{place}.probability", value=len(rows), path=path)
    return (
        number(item["revenue"], f"{place}.revenue", path),
        [amounts.get(resource, 0.0) for resource in resources],
        [number(value, f"{place}.probability", path) for value in rows],
    )


def _trace(data: Any, names: tuple[str, ...], periods: int, path: str | None) -> np.ndarray | None:
    """The class that arrives in each period, -1 for nobody; None where there is no trace."""
    arrivals = yamlfile.trace(data, periods, f"the class that arrives, or {NOBODY},", path)
    if arrivals is None:
        return None
    number = {NOBODY: -1, "None": -1, **{name: k for k, name in enumerate(names)}}
    for period, name in enumerate(arrivals):
        if str(name) not in number:
            reason = f"period {period}: no such class; there are {', '.join(names)}, {NOBODY}"
            raise InstanceError(reason, field="trace", value=name, path=path)
    return np.array([number[str(name)] for name in arrivals], dtype=np.int64)


# --------------------------------------------------------------------------------------------------
# The rules


def _check(case: Case) -> None:
    """Refuses arrays that break the rules of `Case`."""
    counts = {"R": len(np.atleast_1d(case.capacity)), "J": len(np.atleast_1d(case.revenue))}
    counts["T"] = len(np.atleast_1d(case.probability))
    for field, letters in FORMS.items():
        shape = [counts[letter] for letter in letters]
        positive = field == "revenue"
        check_array(field, getattr(case, field), shape, letters, case.path, positive)
    if counts["T"] > MAX_PERIODS:
        raise InstanceError(f"at most {MAX_PERIODS}", field="periods", path=case.path)
    total = case.probability.sum(1)
    if (total > 1 + TOLERANCE).any():
        period = int(np.flatnonzero(total > 1 + TOLERANCE)[0])
        reason = f"period {period}: the probabilities of all classes sum to more than 1"
        raise InstanceError(reason, field="probability", value=float(total[period]), path=case.path)
    _check_arrivals(case, counts)


def _check_arrivals(case: Case, counts: Mapping[str, int]) -> None:
    """Refuses a trace of another length, or with classes that do not exist."""
    arrivals = case.arrivals
    if arrivals is None:
        return
    if arrivals.shape != (counts["T"],):
        reason = f"must hold one class for each of the {counts['T']} periods; this is its shape"
        raise InstanceError(reason, field="arrivals", value=list(arrivals.shape), path=case.path)
    wrong = np.flatnonzero((arrivals < -1) | (arrivals >= counts["J"]))
    if wrong.size:
        period = int(wrong[0])
        reason = f"period {period}: classes go from 0 to {counts['J'] - 1}, and -1 is nobody"
        raise InstanceError(reason, field="arrivals", value=int(arrivals[period]), path=case.path)
