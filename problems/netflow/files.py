"""Supply chains of one factory and its stores: costs, capacities, how demand swings, one trace.

The file is YAML (or JSON, which is YAML)::

    problem: netflow
    name: two stores
    periods: 30
    price: 15        # for each unit demanded
    production: 5    # cost of a unit
    penalty: 22.5    # for each unit of backlog, and each that overflows, in every period
    factory: {capacity: 20, storage: 3}
    stores:
      north: {capacity: 9, storage: 2, shipping: 0.3, demand: {peak: 2, noise: 2}}
      south: {capacity: 12, storage: 1, shipping: 0.6, demand: {peak: 16, noise: 2}}
    trace: [[1, 9], [2, 12], ...]    # a row a period, a column a store

Demand of store i (from 1) in period t is ``round(peak / 2 (1 + cos(4 pi (2 i + t) / T)) + u)``
with u a whole number from 0 to `noise`. Production and transport take one period. Without
``trace`` the case is a setting to plan for. A solution is a row for each period: what is produced,
and then what is shipped to each store.
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
MAX_PERIODS, MAX_STORES = 10_000, 1000
KEYS = {
    "problem",
    "name",
    "periods",
    "price",
    "production",
    "penalty",
    "factory",
    "stores",
    "trace",
}
STORE = {"capacity", "storage", "shipping", "demand"}
VECTORS = {"capacity", "storage", "shipping", "peak", "noise"}
NUMBERS = {"price", "production", "penalty"}
ARRAYS = VECTORS | NUMBERS | {"periods", "demand", "name"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One trace of demand, or with ``demand=None`` the setting that traces are drawn from.

    Attributes:
        periods: T.
        price, production, penalty: of a unit, at least 0.
        capacity, storage: ``[n + 1]`` float64, of the factory and of each store; what a unit that
            is held costs a period.
        shipping: ``[n]`` float64, of a unit to each store.
        peak, noise: ``[n]`` float64, of the demand; the noise is whole.
        demand: ``[T, n]`` float64.
        stores: their names.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "netflow"
    view: ClassVar[str] = "flows"
    periods: int
    price: float
    production: float
    penalty: float
    capacity: np.ndarray
    storage: np.ndarray
    shipping: np.ndarray
    peak: np.ndarray
    noise: np.ndarray
    demand: np.ndarray | None = None
    stores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        names = self.stores or tuple(f"store {k + 1}" for k in range(len(self.shipping)))
        object.__setattr__(self, "stores", names)

    @property
    def size(self) -> int:
        """The number of stores."""
        return len(self.shipping)

    @property
    def foreseen(self) -> bool:
        """Whether the case holds a trace."""
        return self.demand is not None

    def words(self, solution: Any) -> str | None:
        name = name_of(solution)
        if name == "order_up_to":
            return (
                f"ship so that each store has {solution['store']:g}, produce so that the factory "
                f"has {solution['factory']:g}"
            )
        return "produce the mean demand, ship the same to every store" if name == "equal" else None

    def construct(self) -> list[list[float]]:
        """Produces and ships nothing."""
        return [[0.0] * (self.size + 1) for _ in range(self.periods)]

    def numbered(self, solution: Iterable[Iterable[float]]) -> list[list[float]]:
        return [[float(amount) for amount in row] for row in solution]

    def indexed(self, solution: Iterable[Iterable[float]]) -> list[list[float]]:
        return self.numbered(solution)


def recognise(text: str) -> bool:
    """Whether the text says ``problem: netflow`` within its first 4096 characters."""
    return yamlfile.states_problem(text, "netflow")


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text.

    Raises:
        InstanceError: for every defect, naming the field and the value.
    """
    data = parse(text, "netflow", KEYS, path)
    periods = whole(required(data, "periods", path), "periods", path, most=MAX_PERIODS)
    scalars = {name: number(required(data, name, path), name, path) for name in sorted(NUMBERS)}
    factory = _fields(required(data, "factory", path), "factory", {"capacity", "storage"}, path)
    stores = mapping(required(data, "stores", path), "stores", path, MAX_STORES)
    rows = [_store(item, name, path) for name, item in stores.items()]
    return Case(
        name=str(data.get("name") or "unnamed"),
        path=path,
        periods=periods,
        price=scalars["price"],
        production=scalars["production"],
        penalty=scalars["penalty"],
        capacity=np.array([factory["capacity"], *(row["capacity"] for row in rows)]),
        storage=np.array([factory["storage"], *(row["storage"] for row in rows)]),
        shipping=np.array([row["shipping"] for row in rows]),
        peak=np.array([row["peak"] for row in rows]),
        noise=np.array([row["noise"] for row in rows]),
        demand=_trace(data.get("trace"), periods, tuple(stores), path),
        stores=tuple(stores),
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with `periods`, `price`, `production`, `penalty`, ``capacity [n + 1]``,
    ``storage [n + 1]``, ``shipping [n]``, ``peak [n]``, ``noise [n]`` and perhaps ``demand [T, n]``
    and `name`.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS or "shipping" not in data:
        return None
    check_present(data, VECTORS | NUMBERS | {"periods"}, "shipping")
    arrays = {field: array(field, data[field]) for field in sorted(VECTORS)}
    demand = data.get("demand")
    return Case(
        name=str(data.get("name", "unnamed")),
        periods=whole(data["periods"], "periods", None, most=MAX_PERIODS),
        price=number(data["price"], "price", None),
        production=number(data["production"], "production", None),
        penalty=number(data["penalty"], "penalty", None),
        capacity=arrays["capacity"],
        storage=arrays["storage"],
        shipping=arrays["shipping"],
        peak=arrays["peak"],
        noise=arrays["noise"],
        demand=None if demand is None else array("demand", demand),
    )


def write(case: Case) -> str:
    """YAML from which `read` makes the same numbers, to the last bit."""
    lines = [
        *yamlfile.head("netflow", case.name),
        f"periods: {case.periods}",
        f"price: {case.price!r}",
        f"production: {case.production!r}",
        f"penalty: {case.penalty!r}",
        f"factory: {{capacity: {float(case.capacity[0])!r}, storage: {float(case.storage[0])!r}}}",
        "stores:",
    ]
    for row, name in enumerate(case.stores):
        item = {
            "capacity": float(case.capacity[row + 1]),
            "storage": float(case.storage[row + 1]),
            "shipping": float(case.shipping[row]),
            "demand": {"peak": float(case.peak[row]), "noise": float(case.noise[row])},
        }
        lines.append(f"  {yamlfile.quoted(name)}: {yamlfile.quoted(item)}")
    if case.demand is not None:
        lines.append(f"trace: {yamlfile.quoted(case.demand.tolist())}")
    return "\n".join(lines) + "\n"


def read_solution(text: str, case: Case) -> list[list[float]]:
    """A row of amounts for each period: a JSON list of lists, or an object with one under
    ``solution``.

    Raises:
        InstanceError: where the text is neither.
    """
    data = yamlfile.read_list(text)
    for row in data:
        good = isinstance(row, list) and all(
            isinstance(amount, int | float) and not isinstance(amount, bool) for amount in row
        )
        if not good:
            reason = "a period must be a list of amounts: production, and for each store"
            raise InstanceError(reason, field="period", value=repr(row))
    return data


def write_solution(
    case: Case, solution: Iterable[Iterable[float]], cost: float | int | None
) -> str:
    """One JSON object on a line: ``name``, ``cost`` (minus the profit) and ``solution``."""
    return yamlfile.write_list(case.name, cost, case.numbered(solution))


# --------------------------------------------------------------------------------------------------
# From YAML to numbers


def _fields(item: Any, place: str, wanted: set[str], path: str | None) -> dict[str, float]:
    """The numbers of exactly the `wanted` fields."""
    item = exactly(item, wanted, place, path)
    return {name: number(item[name], f"{place}.{name}", path) for name in sorted(wanted)}


def _store(item: Any, name: str, path: str | None) -> dict[str, float]:
    """The numbers of a store and its demand."""
    place = f"stores.{name}"
    costs = dict(exactly(item, STORE, place, path))
    demand = _fields(costs.pop("demand"), f"{place}.demand", {"peak", "noise"}, path)
    return {**_fields(costs, place, STORE - {"demand"}, path), **demand}


def _trace(data: Any, periods: int, stores: tuple[str, ...], path: str | None) -> np.ndarray | None:
    """Demand ``[T, n]``; None where there is no trace."""
    listed = yamlfile.trace(data, periods, "a row of demands", path)
    if listed is None:
        return None
    rows = []
    for period, row in enumerate(listed):
        if not isinstance(row, list) or len(row) != len(stores):
            reason = f"period {period}: must be a demand for each of the {len(stores)} stores"
            raise InstanceError(reason, field="trace", value=row, path=path)
        rows.append(
            [
                number(value, f"trace: period {period}, {name}", path)
                for value, name in zip(row, stores, strict=True)
            ]
        )
    return np.array(rows)


def _check(case: Case) -> None:
    """Refuses arrays that break the rules of `Case`."""
    stores = len(np.atleast_1d(case.shipping))
    for field in ("price", "production", "penalty"):
        number(getattr(case, field), field, case.path)
    for field in ("capacity", "storage"):
        check_array(field, getattr(case, field), [stores + 1], "n + 1", case.path)
    for field in ("shipping", "peak", "noise"):
        check_array(field, getattr(case, field), [stores], "n", case.path)
    yamlfile.check_whole("noise", case.noise, case.path)
    if case.demand is not None:
        check_array("demand", case.demand, [case.periods, stores], "Tn", case.path)
