"""Online packing cases: kinds of items, what they need, how long they stay, and one trace.

The file is YAML (or JSON, which is YAML)::

    problem: packing
    name: machines
    periods: 5
    charge: running                 # each period of a host that holds anything; or: opened
    capacity: {cpu: 8, memory: 32}  # of every bin
    items:
      small: {needs: {cpu: 1, memory: 2}, probability: 0.5, stays: 6}
      large: {needs: {cpu: 4, memory: 24}, probability: 0.3, stays: 12}
    trace: [[small, 4], large, none, [large, 2], small]

One item arrives a period, or nobody. ``stays`` is the mean number of periods until it leaves again
(geometric); without it, it stays for ever. In ``trace``, which may be left out, an item is its kind
or ``[kind, periods it stays]``. A solution lists, for each bin, the periods from 0 whose items it
takes; a bin that has become empty is closed, and what goes in later is another list.
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
    mapping,
    number,
    parse,
    required,
    whole,
)

SUFFIX = ".yaml"  # of the files that `write` makes
MAX_PERIODS = 10_000
NOBODY = "none"  # in a trace
CHARGES = ("opened", "running")
TOLERANCE = 1e-9
KEYS = {"problem", "name", "periods", "charge", "capacity", "items", "trace"}
NEEDED = {"capacity", "needs", "probability", "periods"}
OTHERS = {"stays", "running", "arrivals", "leaves", "name"}
ARRAYS = NEEDED | OTHERS


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One trace of items, or with ``arrivals=None`` the setting that traces are drawn from.

    Attributes:
        periods: T.
        capacity: ``[R]`` float64, of every bin, positive.
        needs: ``[J, R]`` float64, of each kind; at most the capacity.
        probability: ``[J]`` float64; their sum is at most 1, the rest is nobody.
        stays: ``[J]`` float64, mean periods until an item leaves, at least 1; infinite: for ever.
        running: whether a bin costs 1 for every period in which it holds anything, instead of 1
            once, when it is opened.
        arrivals: ``[T]`` int64, the kind that arrives in each period, -1 for nobody.
        leaves: ``[T]`` int64, the period at whose beginning it is gone; T: it stays to the end.
        resources, kinds: their names.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "packing"
    view: ClassVar[str] = "bins"
    periods: int
    capacity: np.ndarray
    needs: np.ndarray
    probability: np.ndarray
    stays: np.ndarray
    running: bool = False
    arrivals: np.ndarray | None = None
    leaves: np.ndarray | None = None
    resources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        for field, letter, count in (
            ("resources", "R", len(self.capacity)),
            ("kinds", "J", len(self.needs)),
        ):
            names = getattr(self, field) or tuple(f"{letter}{k}" for k in range(count))
            object.__setattr__(self, field, names)

    @property
    def size(self) -> int:
        """The number of periods."""
        return self.periods

    @property
    def foreseen(self) -> bool:
        """Whether the case holds a trace."""
        return self.arrivals is not None

    def words(self, solution: Any) -> str | None:
        sentences = {
            "first_fit": "the first open bin that fits",
            "best_fit": "the open bin that will be fullest",
            "sum_of_squares": "where the numbers of open bins of each level stay most even",
        }
        return sentences.get(name_of(solution) or "")

    def construct(self) -> list[list[int]]:
        """First fit."""
        if self.arrivals is None or self.leaves is None:
            return []
        done: list[list[int]] = []
        bins: list[list[int]] = []
        for period, kind in enumerate(self.arrivals.tolist()):
            closed = [part for part in bins if (self.leaves[part] <= period).all()]
            done += closed
            bins = [part for part in bins if (self.leaves[part] > period).any()]
            if kind < 0:
                continue
            for part in bins:
                present = [item for item in part if self.leaves[item] > period]
                load = self.needs[self.arrivals[present]].sum(0) + self.needs[kind]
                if (load <= self.capacity + TOLERANCE).all():
                    part.append(period)
                    break
            else:
                bins.append([period])
        return sorted(done + bins)

    def numbered(self, solution: Iterable[Iterable[int]]) -> list[list[int]]:
        """Periods count from 0 here, too."""
        return [[int(period) for period in part] for part in solution]

    def indexed(self, solution: Iterable[Iterable[int]]) -> list[list[int]]:
        bins = self.numbered(solution)
        for part in bins:
            yamlfile.check_numbers(part, self.size, "period", self.path)
        return bins


def recognise(text: str) -> bool:
    """Whether the text says ``problem: packing`` within its first 4096 characters."""
    return yamlfile.states_problem(text, "packing")


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text.

    Raises:
        InstanceError: for every defect, naming the field and the value.
    """
    data = parse(text, "packing", KEYS, path)
    periods = whole(required(data, "periods", path), "periods", path, most=MAX_PERIODS)
    charge = data.get("charge", CHARGES[0])
    if charge not in CHARGES:
        raise InstanceError(
            f"must be {' or '.join(CHARGES)}", field="charge", value=charge, path=path
        )
    capacity = mapping(required(data, "capacity", path), "capacity", path)
    items = mapping(required(data, "items", path), "items", path)
    rows = [_item(item, name, capacity, path) for name, item in items.items()]
    kinds = tuple(items)
    arrivals, leaves = _trace(data.get("trace"), kinds, periods, path)
    return Case(
        name=str(data.get("name") or "unnamed"),
        path=path,
        periods=periods,
        capacity=np.array([number(value, f"capacity.{k}", path) for k, value in capacity.items()]),
        needs=np.array([row[0] for row in rows]),
        probability=np.array([row[1] for row in rows]),
        stays=np.array([row[2] for row in rows]),
        running=charge == "running",
        arrivals=arrivals,
        leaves=leaves,
        resources=tuple(capacity),
        kinds=kinds,
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with ``capacity [R]``, ``needs [J, R]``, ``probability [J]``, ``periods``
    and perhaps ``stays [J]``, ``running``, ``arrivals [T]``, ``leaves [T]``, ``name``.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one of the arrays is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS or "needs" not in data:
        return None
    check_present(data, NEEDED, "needs")
    periods = whole(data["periods"], "periods", None, most=MAX_PERIODS)
    needs = array("needs", data["needs"])
    running = data.get("running", False)
    if not isinstance(running, bool | np.bool_):
        raise InstanceError("must be true or false", field="running", value=str(running))
    stays = np.full(needs.shape[:1], np.inf)
    if "stays" in data:
        stays = array("stays", data["stays"])
    arrivals = leaves = None
    if data.get("arrivals") is not None:
        arrivals = _periods("arrivals", data["arrivals"])
        leaves = np.full(periods, periods)
        if data.get("leaves") is not None:
            leaves = _periods("leaves", data["leaves"])
    return Case(
        name=str(data.get("name", "unnamed")),
        periods=periods,
        capacity=array("capacity", data["capacity"]),
        needs=needs,
        probability=array("probability", data["probability"]),
        stays=stays,
        running=bool(running),
        arrivals=arrivals,
        leaves=leaves,
    )


def _periods(field: str, data: Any) -> np.ndarray:
    """A user's whole numbers, one a period."""
    values = array(field, data)
    yamlfile.check_whole(field, values, None)
    return values.astype(np.int64)


def write(case: Case) -> str:
    """YAML from which `read` makes the same numbers, to the last bit."""
    items: dict[str, dict[str, Any]] = {}
    for row, name in enumerate(case.kinds):
        needs = zip(case.resources, case.needs[row].tolist(), strict=True)
        items[name] = {
            "needs": {resource: need for resource, need in needs if need},
            "probability": float(case.probability[row]),
        }
        if np.isfinite(case.stays[row]):
            items[name]["stays"] = float(case.stays[row])
    capacity = dict(zip(case.resources, case.capacity.tolist(), strict=True))
    lines = [
        *yamlfile.head("packing", case.name),
        f"periods: {case.size}",
        f"charge: {CHARGES[case.running]}",
        f"capacity: {yamlfile.quoted(capacity)}",
        "items:",
        *[f"  {yamlfile.quoted(name)}: {yamlfile.quoted(item)}" for name, item in items.items()],
    ]
    if case.arrivals is not None and case.leaves is not None:
        lines.append(f"trace: {yamlfile.quoted(_shown(case))}")
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> list[list[int]]:
    """For each bin the periods whose items it takes: a JSON list of lists, or an object with one
    under ``solution``.

    Raises:
        InstanceError: where the text is neither.
    """
    data = yamlfile.read_list(text)
    for part in data:
        whole_numbers = isinstance(part, list) and all(type(item) is int for item in part)
        if not whole_numbers:
            reason = "a bin must be a list of periods from 0"
            raise InstanceError(reason, field="bin", value=repr(part))
    return data


def write_solution(case: Case, solution: Iterable[Iterable[int]], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` and ``solution``."""
    return yamlfile.write_list(case.name, cost, case.numbered(solution))


# --------------------------------------------------------------------------------------------------
# From YAML to numbers


def _item(
    item: Any, name: str, resources: Mapping[str, Any], path: str | None
) -> tuple[list[float], float, float]:
    """Needs of each resource, probability, and mean stay."""
    place = f"items.{name}"
    keys = set(item) if isinstance(item, dict) else set()
    if not {"needs", "probability"} <= keys <= {"needs", "probability", "stays"}:
        reason = "must hold needs, probability and perhaps stays"
        raise InstanceError(reason, field=place, value=item, path=path)
    needs = mapping(item["needs"], f"{place}.needs", path)
    for resource in needs:
        if resource not in resources:
            reason = f"no such resource; there are {', '.join(resources)}"
            raise InstanceError(reason, field=f"{place}.needs", value=resource, path=path)
    amounts = {key: number(value, f"{place}.needs.{key}", path) for key, value in needs.items()}
    stays = np.inf if "stays" not in item else number(item["stays"], f"{place}.stays", path)
    chance = number(item["probability"], f"{place}.probability", path)
    return [amounts.get(resource, 0.0) for resource in resources], chance, stays


def _trace(
    data: Any, kinds: tuple[str, ...], periods: int, path: str | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The kind that arrives in each period, and when it leaves; None where there is no trace."""
    listed = yamlfile.trace(data, periods, f"the item, or {NOBODY},", path)
    if listed is None:
        return None, None
    known = {NOBODY: -1, "None": -1, **{name: k for k, name in enumerate(kinds)}}
    arrivals, leaves = np.full(periods, -1), np.full(periods, periods)
    for period, entry in enumerate(listed):
        pair = isinstance(entry, list) and len(entry) == 2
        name, stay = entry if pair else (entry, None)
        if str(name) not in known:
            reason = f"period {period}: no such kind; there are {', '.join(kinds)}, {NOBODY}"
            raise InstanceError(reason, field="trace", value=name, path=path)
        arrivals[period] = known[str(name)]
        if stay is not None:
            length = whole(stay, f"trace: period {period}: stay", path)
            leaves[period] = min(period + length, periods)
    return arrivals, leaves


def _shown(case: Case) -> list[Any]:
    """The trace as the file has it."""
    assert case.arrivals is not None
    assert case.leaves is not None
    shown: list[Any] = []
    for period, (kind, gone) in enumerate(
        zip(case.arrivals.tolist(), case.leaves.tolist(), strict=True)
    ):
        name = case.kinds[kind] if kind >= 0 else NOBODY
        shown.append(name if kind < 0 or gone == case.size else [name, gone - period])
    return shown


# --------------------------------------------------------------------------------------------------
# The rules


def _check(case: Case) -> None:
    """Refuses arrays that break the rules of `Case`."""
    resources, kinds = len(np.atleast_1d(case.capacity)), len(np.atleast_1d(case.needs))
    check_array("capacity", case.capacity, [resources], "R", case.path, positive=True)
    check_array("needs", case.needs, [kinds, resources], "JR", case.path)
    check_array("probability", case.probability, [kinds], "J", case.path)
    for kind in range(kinds):
        if (case.needs[kind] > case.capacity).any():
            reason = f"kind {kind} fits into no bin: it may need {case.capacity.tolist()} at most"
            value = case.needs[kind].tolist()
            raise InstanceError(reason, field="needs", value=value, path=case.path)
    total = float(case.probability.sum())
    if total > 1 + TOLERANCE:
        reason = "the probabilities of all kinds sum to more than 1"
        raise InstanceError(reason, field="probability", value=total, path=case.path)
    if case.stays.shape != (kinds,) or not (case.stays >= 1).all():
        reason = f"must be {kinds} means of at least 1 period"
        raise InstanceError(reason, field="stays", value=case.stays.tolist(), path=case.path)
    _check_trace(case, kinds)


def _check_trace(case: Case, kinds: int) -> None:
    """Refuses a trace of another length, of kinds that do not exist, or that leave too early."""
    if case.arrivals is None:
        return
    for field in ("arrivals", "leaves"):
        numbers = getattr(case, field)
        if numbers is None or numbers.shape != (case.periods,):
            reason = f"must hold one number for each of the {case.periods} periods"
            raise InstanceError(reason, field=field, value=numbers, path=case.path)
    assert case.leaves is not None
    periods = np.arange(case.periods)
    wrong = (case.arrivals < -1) | (case.arrivals >= kinds)
    early = (case.leaves <= periods) | (case.leaves > case.periods)
    for field, where, reason in (
        ("arrivals", wrong, f"kinds go from 0 to {kinds - 1}, and -1 is nobody"),
        ("leaves", early, f"must be later than the arrival and at most {case.periods}"),
    ):
        if where.any():
            period = int(np.flatnonzero(where)[0])
            value = int(getattr(case, field)[period])
            reason = f"period {period}: {reason}"
            raise InstanceError(reason, field=field, value=value, path=case.path)
