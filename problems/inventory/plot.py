"""Draws stock over time: small axes for each node, over one known future or many."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nco.core.case import Case as BaseCase
from nco.pictures import things
from nco.problems.inventory.check import Books, simulate
from nco.problems.inventory.files import Case
from nco.problems.inventory.network import outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 12  # nodes that get axes; those with the most demand
BAND = (10, 90)  # percent of the futures between which the band lies
SIZE = (3.0, 2.2)  # inches of small axes
MARGIN = 0.8  # inches of title and legend
LOCAL, ECHELON = "stock and on the way", "stock, on the way and downstream"  # positions
STOCK, POSITION, LEVEL, REORDER = "tab:blue", "tab:gray", "tab:green", "tab:red"
Known = tuple[Case, list[list[float]]]  # a network with its trace, and orders


def plot(case: BaseCase, solution: Any, ax: "Axes") -> None:
    """Stock at the end of each period under known orders; crosses are shortages."""
    assert isinstance(case, Case)
    plot_policy(case, [(case, solution)], None, ax)


def plot_policy(case: BaseCase, futures: Sequence[Known], solution: Any, ax: "Axes") -> None:
    """Mean stock over futures, the band between 10 and 90 % of them, and the rule's levels.

    Grey is the position: stock and what is on the way (of echelon rules also what is downstream).
    It is the position that a rule compares with its level. Periods of a warm-up are left out.

    Args:
        case: what was solved.
        futures: networks with their traces, and what a policy ordered on each.
        solution: the policy, whose levels are drawn where it is a rule.
        ax: gives its place to a grid of small axes.
    """
    assert isinstance(case, Case)
    rule = solution if isinstance(solution, Mapping) else {}
    echelon = str(rule.get("rule", "")).startswith("echelon")
    first = futures[0][0].warmup if len(futures) > 1 else 0
    books = [simulate(known, orders) for known, orders in futures]
    stock = np.array([played.stock for played in books])[:, first:]  # [K, T, n]
    position = np.array([_position(known, b) for (known, _), b in zip(futures, books, strict=True)])
    position = position[:, first:]
    if echelon:
        position = position @ outline(case).below.T
    served = _served(futures, books, first)
    nodes = _shown(case)
    means = _means(futures, books, first)
    alone = len(ax.figure.axes) == 1 and hasattr(ax.figure, "set_size_inches")
    panels = _panels(ax, len(nodes), alone)
    for panel, node in zip(panels, nodes, strict=True):
        _stock(panel, stock[:, :, node], position[:, :, node], ECHELON if echelon else LOCAL)
        if len(futures) == 1:
            _shortages(panel, futures[0][0], books[0], node)
        _levels(panel, case, rule, node, stock.shape[1], first)
        _periods(panel, case, node, first, stock[:, :, node], position[:, :, node], means)
        if stock[:, :, node].min() >= 0:
            panel.set_ylim(bottom=0)
        title = case.nodes[node]
        if not math.isnan(served[node]):
            title += f" ({served[node]:.1%} served)"
        panel.set_title(title, fontsize="small")
    what = f"mean of {len(futures)} futures" if len(futures) > 1 else "a known future"
    others = len(case.nodes) - len(nodes)
    more = f", {others} other nodes not shown" if others else ""
    _finish(ax, panels, f"{case.name}: stock, {what}{more}", alone)


def _shown(case: Case) -> list[int]:
    """The nodes that get axes, in the case's order."""
    mean = outline(case).mean
    most = sorted(range(len(case.nodes)), key=lambda node: -float(mean[node]))[:MOST]
    return sorted(most)


def _position(case: Case, books: Books) -> np.ndarray:
    """``[T, n]``: stock and what is on the way at the end of each period."""
    position = np.array(books.stock)
    periods = len(position)
    shipped = np.array(books.shipped)
    for k in range(case.transit.shape[1]):  # due in k + 1 periods: on the way until then
        position[: min(k + 1, periods)] += case.transit[:, k]
    for edge in range(len(case.source)):
        lead, node = int(case.lead[edge]), int(case.target[edge])
        for t in range(periods):
            position[t, node] += shipped[max(t - lead + 1, 0) : t + 1, edge].sum() if lead else 0.0
    return position


def _served(futures: Sequence[Known], books: Sequence[Books], first: int) -> np.ndarray:
    """``[n]``: the share of each node's demand that was met at once; nan without demand."""
    met = sum(np.array(played.sold[first:]).sum(0) for played in books)
    wanted: Any = 0.0
    for known, _ in futures:
        assert known.trace is not None
        wanted = wanted + np.maximum(known.trace[first:], 0).sum(0)
    share: np.ndarray = np.where(wanted > 0, met / np.maximum(wanted, 1e-9), np.nan)
    return share


def _panels(ax: "Axes", count: int, alone: bool) -> list["Axes"]:
    """Small axes in the place of `ax`; a figure that it has alone is made to fit them."""
    figure: Any = ax.figure
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    ax.set_axis_off()
    place = ax.get_subplotspec()
    gaps = {"hspace": 0.45, "wspace": 0.28}
    if alone:
        if count > 1:
            figure.set_size_inches(SIZE[0] * columns, SIZE[1] * rows + MARGIN)
        figure.set_layout_engine("constrained")
        ax.set_in_layout(False)
        grid = figure.add_gridspec(rows, columns)
    elif place is None:
        grid = figure.add_gridspec(rows, columns, **gaps)
    else:
        grid = place.subgridspec(rows, columns, **gaps)
    return [figure.add_subplot(grid[k // columns, k % columns]) for k in range(count)]


def _stock(panel: "Axes", stock: np.ndarray, position: np.ndarray, counted: str) -> None:
    """Mean and band of ``[K, T]`` stock, and the mean position, with what is counted in it."""
    from matplotlib.ticker import MaxNLocator

    periods = np.arange(1, stock.shape[1] + 1)
    panel.plot(periods, position.mean(0), color=POSITION, lw=0.8, label=counted)
    if len(stock) > 1:
        low, high = np.percentile(stock, BAND, axis=0)
        panel.fill_between(
            periods, low, high, step="mid", alpha=0.25, color=STOCK, lw=0, label="10-90 %"
        )
    panel.step(periods, stock.mean(0), where="mid", color=STOCK, lw=1.2, label="stock")
    panel.axhline(0, color="black", lw=0.5)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
    panel.tick_params(labelsize="x-small")
    panel.margins(x=0)


def _shortages(panel: "Axes", case: Case, books: Books, node: int) -> None:
    """Crosses where a node sold less than was asked for."""
    assert case.trace is not None
    wanted = case.trace[:, node]
    short = [t for t in range(len(wanted)) if books.sold[t][node] < wanted[t] - 1e-6]
    under = [books.stock[t][node] for t in short]
    panel.plot(
        [t + 1 for t in short], under, ls="none", marker="x", ms=4, color=REORDER, label="shortage"
    )


def _means(
    futures: Sequence[Known], books: Sequence[Books], first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean demand of the nodes, and what leaves for them, ``[T, n]`` each."""
    demand = np.mean([_known(case) for case, _ in futures], axis=0)[first:]
    shipped = np.mean([played.shipped for played in books], axis=0)[first:]
    coming = np.zeros_like(demand)
    for edge, node in enumerate(futures[0][0].target.tolist()):
        coming[:, node] += shipped[:, edge]
    return demand, coming


def _known(case: Case) -> np.ndarray:
    """The demand of a case whose future is known, ``[T, n]``."""
    assert case.trace is not None
    return case.trace


def _periods(
    panel: "Axes",
    case: Case,
    node: int,
    first: int,
    stock: np.ndarray,
    position: np.ndarray,
    means: tuple[np.ndarray, np.ndarray],
) -> None:
    """What a pointer finds in a page: each period's figures, means of several futures.

    Args:
        panel: the node's axes.
        case: the network; node: of it; first: period of its traces that is shown.
        stock, position: of the node, ``[K, T]``.
        means: mean demand of the nodes, and what leaves for them, ``[T, n]`` each.
    """
    count = stock.shape[1]
    facts: dict[str, Sequence[Any]] = {"period": range(1, count + 1)}
    if case.season:
        weeks = [(case.phase + first + t) % case.season + 1 for t in range(count)]
        facts[f"of the {case.season} of a season"] = weeks
    facts["stock"] = _rounded(stock.mean(0))
    if len(stock) > 1:
        low, high = np.percentile(stock, BAND, axis=0)
        facts["stock in 10 % of futures up to"] = _rounded(low)
        facts["stock in 90 % up to"] = _rounded(high)
    facts["with orders on the way"] = _rounded(position.mean(0))
    facts["demand"], facts["sent to it"] = (_rounded(mean[:, node]) for mean in means)
    places = np.stack([np.arange(1, count + 1), stock.mean(0)], axis=1)
    things.add(panel, "period", [case.nodes[node]] * count, places, facts, named=False)


def _rounded(values: np.ndarray) -> list[float]:
    """To a hundredth of a unit, which is more than a mean of random futures tells."""
    return np.round(values, 2).tolist()


def _levels(
    panel: "Axes", case: Case, rule: Mapping[str, Any], node: int, periods: int, first: int
) -> None:
    """What the position is compared with: reorder level, and level to order up to."""
    for key, color, label in (
        ("min", REORDER, "reorder level"),
        ("max", LEVEL, "order up to"),
        ("levels", LEVEL, "order up to"),
    ):
        values = rule.get(key)
        value = values.get(case.nodes[node]) if isinstance(values, Mapping) else None
        if value is None:
            continue
        by_time = value if isinstance(value, list) else [value]
        line = [by_time[(case.phase + first + t) % len(by_time)] for t in range(periods)]
        panel.plot(range(1, periods + 1), line, color=color, lw=0.9, ls="--", label=label)


def _finish(ax: "Axes", panels: Sequence["Axes"], title: str, alone: bool) -> None:
    """One legend and one title for all; units on the outer axes only.

    In a figure that the picture has `alone` these are the figure's, so that the layout leaves room.
    """
    found: dict[str, Any] = {}
    for panel in panels:
        found |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    names = ("stock", "10-90 %", "shortage", LOCAL, ECHELON, "order up to", "reorder level")
    labels = [name for name in names if name in found]
    handles = [found[name] for name in labels]
    columns = math.ceil(math.sqrt(len(panels)))
    shape: dict[str, Any] = {"fontsize": "small", "frameon": False}
    figure: Any = ax.figure
    if alone:
        wide = 3 if columns < 3 else 5
        figure.suptitle(title, fontsize="large")
        figure.legend(handles, labels, loc="outside lower center", ncols=wide, **shape)
    else:
        ax.set_title(title, pad=22)
        below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.08), "ncols": 5}
        ax.legend(handles, labels, **below, **shape)
    for place, panel in enumerate(panels):
        if place + columns >= len(panels):
            panel.set_xlabel("period", fontsize="small")
        if place % columns == 0:
            panel.set_ylabel("units", fontsize="small")
