"""An inventory network as its source states it: YAML (or JSON), dicts, or pandas tables.

The form::

    problem: inventory
    nodes:
      shop: {holding: 1, penalty: 9, unmet: lost, demand: {poisson: 5}}
      depot: {holding: 0.3}
    edges:
      - {from: supplier, to: depot, lead_time: 3}
      - {from: depot, to: shop, lead_time: 2}

`supplier` stands for the world outside, which never runs out. A node with demand is a store. Costs
are for each unit and period: `holding` of what is on hand at a period's end, `penalty` of what was
wanted and not there; an edge's `cost` is for each unit shipped, and `price` what a store earns with
each unit sold (profit counts as negative cost). Demand: ``{poisson: mean}``, ``{geometric: mean}``
(support 0, 1, ...), ``{normal: {mean: m, sd: s, clip: true}}``; for all stores together a
`correlation` of normal demands, or a `history` of observed periods (a CSV beside the file, or lists
by store) from which futures are drawn in blocks of `block` consecutive periods. Where demand has a
`season` of so many periods, futures are drawn from about the same time of the cycle; unless the
file says it, a history of two cycles or more is asked (`season.py`). A `trace` is one known future,
for `nco check` and hindsight plans.

An edge may have an `order_cost` for each order, and a `multiple` of which orders are whole numbers
(cases, pallets); a node a `review`: it orders in the first period, and then in every so many.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nco.core.case import Case as BaseCase
from nco.core.errors import InstanceError
from nco.problems.inventory import (
    changes,
    consistency,
    orders,
    parts,
    policytext,
    season,
    tables,
    values,
    wording,
)

SUFFIX = ".yaml"  # of the files that `write` makes
EXAMPLES = Path(__file__).parent / "examples"
SHIPPED = "example:inventory/"  # before the name of a file in `EXAMPLES`
PERIODS, WARMUP = 400, 100  # of a simulation, unless the file says otherwise
SHOWN = 60  # periods of a policy's simulation that a picture shows, and as many of its warm-up
ROOT = {
    "problem",
    "name",
    "nodes",
    "edges",
    "correlation",
    "history",
    "block",
    "trace",
    "simulation",
    "whole_units",
    "season",
}
ARRAYS = ROOT


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(BaseCase):
    """One network with what is known of its demand.

    Attributes:
        nodes: ``[n]`` names; holding, penalty, price, stock: ``[n]`` float64, the last one at the
            beginning; lost: ``[n]`` bool, unmet demand is lost and not backlogged; keeps: ``[n]``
            bool, False where all stock must leave in the period it arrives (cross-docking).
        kind: ``[n]`` index into `parts.KINDS`; mean, sd: ``[n]`` of one period's demand; clip:
            ``[n]`` bool, a normal demand below zero counts as zero.
        source, target: ``[m]`` indices of nodes, -1 is the supplier; lead: ``[m]`` whole periods;
            cost: ``[m]`` for each unit.
        transit: ``[n, k]`` float64, on order at the beginning and due in 1, ..., k periods.
        correlation: between the normal demands of any two stores.
        history: ``[h, n]`` observed demands, or None; block: consecutive periods drawn together.
        trace: ``[t, n]`` one known future, or None.
        periods, warmup: of a simulation; the warm-up's costs are not counted.
        whole: orders are rounded to whole units.
        order_cost: ``[m]`` for each order on an edge, multiple: ``[m]`` of which orders are whole
            numbers (0: any), review: ``[n]`` whole periods from one order of a node to the next;
            each None where the network has none of it.
        season: periods after which demand repeats itself, of which row r of the history is the
            ``r % season``-th, and the first future period follows the last row; 0: none.
        stated: nodes whose `stock` or `on_order` the file states.
        recognised: what `season.py` found in the history, in words.
    """

    problem: ClassVar[str] = "inventory"
    view: ClassVar[str] = "policy"
    nodes: tuple[str, ...]
    holding: np.ndarray
    penalty: np.ndarray
    price: np.ndarray
    stock: np.ndarray
    lost: np.ndarray
    keeps: np.ndarray
    kind: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    clip: np.ndarray
    source: np.ndarray
    target: np.ndarray
    lead: np.ndarray
    cost: np.ndarray
    transit: np.ndarray
    correlation: float = 0.0
    history: np.ndarray | None = None
    block: int = 1
    trace: np.ndarray | None = None
    periods: int = PERIODS
    warmup: int = WARMUP
    whole: bool = False
    order_cost: np.ndarray | None = None
    multiple: np.ndarray | None = None
    review: np.ndarray | None = None
    season: int = 0
    stated: frozenset[str] = frozenset()
    recognised: str = ""

    @property
    def simple(self) -> bool:
        """Whether every order costs nothing by itself and may be of any size, in any period."""
        parts = (self.order_cost, self.multiple, self.review)
        return all(part is None for part in parts) and not self.season

    @property
    def phase(self) -> int:
        """Where in the season the first future period lies."""
        if not self.season or self.history is None:
            return 0
        return len(self.history) % self.season

    def notes(self) -> list[str]:
        """What was recognised in the history, and which stores have no reason to order."""
        free = (self.kind > 0) & (self.penalty == 0) & (self.price == 0)
        names = [name for name, none in zip(self.nodes, free, strict=True) if none]
        notes = [self.recognised] if self.recognised else []
        if names:
            more = f" and {len(names) - 6} others" if len(names) > 6 else ""
            notes.append(
                f"{', '.join(names[:6])}{more}: no penalty and no price, so that nothing speaks "
                "for ordering: write penalty: into the file"
            )
        several = np.bincount(self.target, minlength=len(self.nodes)) > 1
        names = [name for name, more in zip(self.nodes, several, strict=True) if more]
        if names:
            notes.append(
                f"{', '.join(names[:6])}: rules order equally from each supplier, which may cost "
                "more than one of them alone: try the file without the other edges"
            )
        return notes

    @property
    def size(self) -> int:
        """The number of stores."""
        return int((self.kind > 0).sum())

    @property
    def foreseen(self) -> bool:
        return self.trace is not None

    @property
    def stores(self) -> list[int]:
        """Positions of the nodes that are stores."""
        return np.flatnonzero(self.kind > 0).tolist()

    def edge_name(self, edge: int) -> str:
        """Such as ``depot -> shop``."""
        source = int(self.source[edge])
        first = parts.SUPPLIER if source < 0 else self.nodes[source]
        return f"{first} -> {self.nodes[int(self.target[edge])]}"

    def excerpt(self) -> "Case":
        """The same network with a short simulation, for a picture: from now on, where the file
        says what is there now, else after some periods.
        """
        warmup = 0 if self.stated else min(self.warmup, SHOWN)
        return replace(self, trace=None, periods=warmup + SHOWN, warmup=warmup)

    def words(self, solution: Any) -> str | None:
        """An order rule in a sentence a clerk can follow."""
        return wording.in_words(self, solution) if isinstance(solution, Mapping) else None

    def orders(self, plan: Any) -> list[dict[str, Any]]:
        """What a plan ``[periods][edges]`` orders first, a row for each edge (`orders.orders`)."""
        return orders.orders(self, plan)

    def assumptions(self) -> list[str]:
        """What the first orders assume of the stock, in a sentence."""
        return orders.assumptions(self)

    def policy_in_words(self, text: str) -> dict[str, Any]:
        """The rule in words such as ``min-max 40 90`` (`policytext.of_words`)."""
        return policytext.of_words(self, text)

    def policy_of_rows(
        self, rows: list[dict[str, str]], lines: Sequence[int] = (), delimiter: str = ""
    ) -> dict[str, Any]:
        """The rule in a table with a row a node (`policytext.of_rows`)."""
        return policytext.of_rows(self, rows, lines, delimiter)

    def changed(self, change: str) -> "Case":
        """The network with ``edges.depot.lead_time=5`` or the like (`changes.changed`)."""
        made = _case(changes.changed(_plain(self), change), None, self.name, None)
        return replace(made, stated=self.stated, recognised=self.recognised)

    def construct(self) -> list[list[float]]:
        """Orders nothing."""
        periods = self.periods if self.trace is None else len(self.trace)
        return [[0.0] * len(self.source) for _ in range(periods)]


def recognise(text: str) -> bool:
    """Whether the text says ``problem: inventory`` (YAML or JSON)."""
    return re.search(r"(?m)^\s*\{?\s*[\"']?problem[\"']?\s*:\s*[\"']?inventory\b", text) is not None


def read(text: str, *, path: str | None = None) -> Case:
    """The case in a YAML or JSON text; CSV files it names lie beside it.

    Raises:
        InstanceError: for every defect, naming the node, edge or row.
    """
    try:
        data = tables.parse(text)
        folder = Path(path).parent if path else None
        return _case(data, folder, Path(path).stem if path else "unnamed", path)
    except InstanceError as error:
        raise _placed(error, path) from error


def from_file(name: str) -> Case:
    """The case of a file, or of one that lies in this folder: ``example:inventory/NAME``.

    A problem reads its own files here: `nco.registry` stands above the folders that it finds.

    Raises:
        InstanceError: where the file cannot be read, or has a defect.
    """
    path = EXAMPLES / name.removeprefix(SHIPPED) if name.startswith(SHIPPED) else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InstanceError(f"cannot be read: {error}", path=path) from error
    return read(text, path=str(path))


def _placed(error: InstanceError, path: str | None) -> InstanceError:
    """The same error with the file that it is about."""
    place = error.path or path
    return InstanceError(
        error.reason, field=error.field, value=error.value, path=place, line=error.line
    )


def from_arrays(data: object) -> Case | None:
    """A dict with ``nodes`` and ``edges`` as in the file, or pandas tables in their place.

    ``nodes`` may be a DataFrame indexed by name, ``edges`` a DataFrame with the columns ``from,
    to, lead_time``, ``history`` and ``trace`` DataFrames with a column a store.
    """
    if not isinstance(data, Mapping) or "nodes" not in data or "edges" not in data:
        return None
    if "problem" in data and data["problem"] != "inventory":
        return None
    return _case(tables.plain(data), None, "unnamed", None)


def _case(data: Any, folder: Path | None, name: str, path: str | None) -> Case:
    """The case of parsed data; `folder` is where its CSV files lie."""
    if not isinstance(data, dict):
        raise InstanceError("must be a mapping with nodes and edges", field="file")
    values.only(data, ROOT, "file")
    nodes = values.mapping(data.get("nodes"), "nodes", parts.MAX_NODES)
    names = list(nodes)
    rows = [parts.node(key, value) for key, value in nodes.items()]
    edges = parts.edges(data.get("edges"), names)
    history = parts.series(data.get("history"), names, folder, "history")
    cycle, recognised = _season(data, history)
    free = {number for number, row in enumerate(rows) if not row["clip"]}
    trace = parts.series(data.get("trace"), names, folder, "trace", free)
    if history is not None:
        for node in history[1]:
            parts.from_history(rows[node], history[0][:, node], names[node])
    apart = ("on_order", "review")
    columns: dict[str, Any] = {
        key: np.array([row[key] for row in rows]) for key in rows[0] if key not in apart
    }
    reviews = np.array([row["review"] for row in rows])
    transit = np.zeros((len(rows), max(len(row["on_order"]) for row in rows)))
    for number, row in enumerate(rows):
        transit[number, : len(row["on_order"])] = row["on_order"]
    simulation = values.mapping(data.get("simulation", {}), "simulation", 2, empty=True)
    values.only(simulation, {"periods", "warmup"}, "simulation")
    usual, default = season.simulated(cycle, PERIODS, WARMUP)
    periods = values.whole(
        simulation.get("periods", usual), "simulation periods", 1, parts.MAX_PERIODS
    )
    default = min(default, periods // 2)
    kinds = columns["kind"]
    discrete = bool(np.isin(kinds[kinds > 0], (1, 2)).all()) and bool((kinds > 0).any())
    if history is not None:
        discrete = bool((history[0] == np.round(history[0])).all())
    if trace is not None:
        for store in np.flatnonzero(kinds > 0).tolist():
            if store not in trace[1]:
                raise InstanceError("the trace has no demand of this store", field=names[store])
        periods = len(trace[0])
        default = 0
    case = Case(
        name=str(data.get("name", name)),
        path=path,
        nodes=tuple(names),
        **columns,
        **edges,
        review=None if (reviews == 1).all() else reviews,
        transit=transit,
        correlation=values.number(data.get("correlation", 0.0), "correlation", least=None),
        history=None if history is None else history[0],
        block=values.whole(data.get("block", 1), "block", 1, parts.MAX_PERIODS),
        trace=None if trace is None else trace[0],
        periods=periods,
        warmup=values.whole(simulation.get("warmup", default), "simulation warmup", 0, periods - 1),
        whole=values.truth(data.get("whole_units", discrete), "whole_units"),
        season=cycle,
        recognised=recognised,
        stated=frozenset(
            name for name, row in nodes.items() if row and {"stock", "on_order"} & set(row)
        ),
    )
    consistency.check_network(case)
    consistency.check_demand(case)
    return case


def _season(
    data: Mapping[str, Any],
    history: tuple[np.ndarray, list[int], list[str] | None] | None,
) -> tuple[int, str]:
    """The cycle of demand, 0 for none, and what a person should know of how it was found."""
    stated = data.get("season", "auto")
    if history is None:
        if stated not in ("auto", False):
            raise InstanceError("only a history has a season", field="season", value=stated)
        return 0, ""
    observed, when = history[0][:, history[1]], history[2]
    if stated == "auto":
        return season.recognise(observed, when)
    if stated is False:
        return 0, ""
    cycle = values.whole(stated, "season", 2, parts.MAX_PERIODS)
    if len(observed) < 2 * cycle:
        reason = f"needs two cycles of {cycle} periods, but the history has {len(observed)}"
        raise InstanceError(reason, field="season", value=stated)
    return cycle, season.described(observed, cycle)


# ---- writing, and plans


def write(case: Case) -> str:
    """The case as YAML, every number in full."""
    return tables.dump(_plain(case))


def _plain(case: Case) -> dict[str, Any]:
    """A case as a file's data."""
    nodes: dict[str, Any] = {}
    for i, name in enumerate(case.nodes):
        row: dict[str, Any] = {"holding": float(case.holding[i])}
        for key in ("penalty", "price", "stock"):
            amount = float(getattr(case, key)[i])
            row |= {key: amount} if amount else {}
        row |= {"on_order": case.transit[i].tolist()} if case.transit[i].any() else {}
        row |= {"stock": float(case.stock[i])} if name in case.stated else {}
        row |= {} if case.review is None else {"review": int(case.review[i])}
        row |= {"unmet": "lost"} if case.lost[i] else {}
        row |= {} if case.keeps[i] else {"keeps_stock": False}
        kind = parts.KINDS[int(case.kind[i])]
        if kind in ("poisson", "geometric"):
            row["demand"] = {kind: float(case.mean[i])}
        elif kind == "normal":
            numbers = {"mean": float(case.mean[i]), "sd": float(case.sd[i])}
            row["demand"] = {kind: numbers | ({} if case.clip[i] else {"clip": False})}
        nodes[name] = row
    edges = []
    for e in range(len(case.source)):
        source, target = int(case.source[e]), case.nodes[int(case.target[e])]
        first = parts.SUPPLIER if source < 0 else case.nodes[source]
        edge = {"from": first, "to": target, "lead_time": int(case.lead[e])}
        for key in ("cost", "order_cost", "multiple"):
            costs = getattr(case, key)
            edge |= {key: float(costs[e])} if costs is not None and costs[e] else {}
        edges.append(edge)
    data: dict[str, Any] = {
        "problem": "inventory",
        "name": case.name,
        "nodes": nodes,
        "edges": edges,
        "simulation": {"periods": case.periods, "warmup": case.warmup},
        "whole_units": case.whole,
    }
    data |= {"correlation": case.correlation} if case.correlation else {}
    data |= {"block": case.block} if case.block != 1 else {}
    data |= {} if case.history is None else {"season": case.season or False}
    for key in ("history", "trace"):
        series = getattr(case, key)
        if series is not None:
            data[key] = {case.nodes[s]: series[:, s].tolist() for s in case.stores}
    return data


def read_solution(text: str, case: Case) -> Any:
    """Orders ``[periods][edges]`` of a trace, or a rule, as JSON; also under "solution"."""
    return tables.read_json(text)


def write_solution(case: Case, solution: Any, cost: float | int | None) -> str:
    """Orders or a rule as JSON, with the cost."""
    return tables.write_json({"problem": case.problem, "cost": cost, "solution": solution})
