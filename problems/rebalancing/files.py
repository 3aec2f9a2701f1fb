"""Vehicle rebalancing: regions, travel times, fares, how often trips are asked for, one trace.

The file is JSON, or YAML::

    problem: rebalancing
    name: three regions
    periods: 20
    running: 0.5                        # cost of a vehicle that drives, for each period
    vehicles: {a: 5, b: 5, c: 0}        # idle at the beginning
    times: [[1, 1, 2], [1, 1, 1], [2, 1, 1]]      # periods from region to region, at least 1
    rates: [[0, 0.5, 1], [0.2, 0, 0.1], [0, 0, 0]]  # mean requests a period (Poisson)
    prices: [[0, 4, 9], [4, 0, 4], [9, 4, 0]]     # of a trip
    trace: [[[0, 1, 2], [0, 0, 0], [0, 0, 0]], ...]  # requests of each period

Without ``trace`` the case is a setting to plan for. A solution holds for each period two tables,
from region to region: trips that are served, and vehicles that are sent empty.
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

SUFFIX = ".json"  # of the files that `write` makes
MAX_PERIODS, MAX_REGIONS = 10_000, 500
TABLES = ("times", "rates", "prices")
NEEDED = {"periods", "running", "vehicles", *TABLES}
ARRAYS = NEEDED | {"trips", "name"}
KEYS = {"problem", "name", "periods", "running", "vehicles", "trace", *TABLES}
Flows = list[list[list[float]]]  # of one period: trips served, vehicles sent; each [N][N]


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One trace of requests, or with ``trips=None`` the setting that traces are drawn from.

    Attributes:
        periods: T; running: cost of a driving vehicle for a period.
        vehicles: ``[N]`` float64, whole.
        times: ``[N, N]`` float64, whole, at least 1; rates, prices: ``[N, N]`` float64.
        trips: ``[T, N, N]`` float64, whole.
        regions: their names.

    Raises:
        InstanceError: where an array breaks these rules.
    """

    problem: ClassVar[str] = "rebalancing"
    view: ClassVar[str] = "flows"
    periods: int
    running: float
    vehicles: np.ndarray
    times: np.ndarray
    rates: np.ndarray
    prices: np.ndarray
    trips: np.ndarray | None = None
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        names = self.regions or tuple(f"region {k}" for k in range(len(self.vehicles)))
        object.__setattr__(self, "regions", names)

    @property
    def size(self) -> int:
        """The number of regions."""
        return len(self.vehicles)

    @property
    def foreseen(self) -> bool:
        """Whether the case holds a trace."""
        return self.trips is not None

    def words(self, solution: Any) -> str | None:
        sentences = {
            "equal": "send idle vehicles so that all regions have the same number",
            "stay": "never send an empty vehicle anywhere",
        }
        return sentences.get(name_of(solution) or "")

    def construct(self) -> list[Flows]:
        """The plan that serves nobody and moves nothing."""
        return [np.zeros((2, self.size, self.size)).tolist() for _ in range(self.periods)]

    def numbered(self, solution: Iterable[Any]) -> list[Flows]:
        return [np.asarray(period, dtype=np.float64).tolist() for period in solution]

    def indexed(self, solution: Iterable[Any]) -> list[Flows]:
        return self.numbered(solution)


def recognise(text: str) -> bool:
    """Whether the text says ``problem: rebalancing`` within its first 4096 characters."""
    return yamlfile.states_problem(text, "rebalancing")


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a file's text.

    Raises:
        InstanceError: for every defect, naming the field and the value.
    """
    data = parse(text, "rebalancing", KEYS, path)
    vehicles = mapping(required(data, "vehicles", path), "vehicles", path, MAX_REGIONS)
    tables = {name: array(name, required(data, name, path), path) for name in TABLES}
    trace = data.get("trace")
    return Case(
        name=str(data.get("name") or "unnamed"),
        path=path,
        periods=whole(required(data, "periods", path), "periods", path, most=MAX_PERIODS),
        running=number(required(data, "running", path), "running", path),
        vehicles=np.array([number(value, f"vehicles.{k}", path) for k, value in vehicles.items()]),
        times=tables["times"],
        rates=tables["rates"],
        prices=tables["prices"],
        trips=None if trace is None else array("trace", trace, path),
        regions=tuple(vehicles),
    )


def from_arrays(data: object) -> Case | None:
    """The case in a dict with `periods`, `running`, ``vehicles [N]``, ``times``, ``rates``,
    ``prices [N, N]`` and perhaps ``trips [T, N, N]`` and `name`.

    None where the dict has other keys, or is none: another problem may know it.

    Raises:
        InstanceError: where one is missing or defective.
    """
    if not isinstance(data, Mapping) or not set(data) <= ARRAYS:
        return None
    if "rates" not in data:
        return None
    check_present(data, NEEDED, "rates")
    trips = data.get("trips")
    return Case(
        name=str(data.get("name", "unnamed")),
        periods=whole(data["periods"], "periods", None, most=MAX_PERIODS),
        running=number(data["running"], "running", None),
        vehicles=array("vehicles", data["vehicles"]),
        times=array("times", data["times"]),
        rates=array("rates", data["rates"]),
        prices=array("prices", data["prices"]),
        trips=None if trips is None else array("trips", trips),
    )


def write(case: Case) -> str:
    """JSON from which `read` makes the same numbers, to the last bit."""
    data: dict[str, Any] = {
        "problem": "rebalancing",
        "name": case.name,
        "periods": case.periods,
        "running": case.running,
        "vehicles": dict(zip(case.regions, case.vehicles.tolist(), strict=True)),
        **{name: getattr(case, name).tolist() for name in TABLES},
    }
    if case.trips is not None:
        data["trace"] = case.trips.tolist()
    return yamlfile.quoted(data) + "\n"


def read_solution(text: str, case: Case) -> list[Flows]:
    """Two tables for each period: a JSON list, or an object with one under ``solution``.

    Raises:
        InstanceError: where the text is neither.
    """
    data = yamlfile.read_list(text)
    for period, tables in enumerate(data):
        shape = array(f"period {period}", tables).shape
        if shape != (2, case.size, case.size):
            reason = f"must be two tables of {case.size} rows and columns: served, and sent"
            raise InstanceError(reason, field=f"period {period}", value=list(shape))
    return data


def write_solution(case: Case, solution: Iterable[Any], cost: float | int | None) -> str:
    """One JSON object on a line: ``name``, ``cost`` (minus the profit) and ``solution``."""
    return yamlfile.write_list(case.name, cost, case.numbered(solution))


def _check(case: Case) -> None:
    """Refuses arrays that break the rules of `Case`."""
    regions = len(np.atleast_1d(case.vehicles))
    check_array("vehicles", case.vehicles, [regions], "N", case.path)
    for field in TABLES:
        table = getattr(case, field)
        check_array(field, table, [regions, regions], "NN", case.path, field == "times")
    fields = ["vehicles", "times"]
    if case.trips is not None:
        shape = [case.periods, regions, regions]
        check_array("trips", case.trips, shape, "TNN", case.path)
        fields.append("trips")
    number(case.running, "running", case.path)
    for field in fields:
        yamlfile.check_whole(field, getattr(case, field), case.path)
