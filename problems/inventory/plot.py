"""Draws stock over time under given orders."""

from typing import TYPE_CHECKING, Any

from nco.core.case import Case as BaseCase
from nco.problems.inventory.check import Books, simulate
from nco.problems.inventory.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8  # nodes that get a line of their own


def plot(case: BaseCase, solution: Any, ax: "Axes") -> None:
    """Stock at the end of each period, a step line a node; crosses are periods with a shortage.

    A dotted line ends the warm-up. The title's mean cost is of the periods after it.
    """
    assert isinstance(case, Case)
    books = simulate(case, solution)
    periods = list(range(len(books.stock)))
    for node in list(range(len(case.nodes)))[:MOST]:
        stock = [books.stock[t][node] for t in periods]
        (line,) = ax.step(periods, stock, where="post", lw=1, label=case.nodes[node])
        short = [t for t in periods if stock[t] < 0 or _missed(case, books, t, node)]
        under = [stock[t] for t in short]
        ax.plot(short, under, ls="none", marker="x", ms=5, color=line.get_color())
    ax.axhline(0, color="black", lw=0.5)
    if case.warmup:
        ax.axvline(case.warmup, color="black", lw=0.5, ls=":")
    mean = sum(books.costs[case.warmup :]) / max(len(periods) - case.warmup, 1)
    ax.set(xlabel="period", ylabel="stock at the end", title=f"{case.name}: {mean:.4g} a period")
    ax.legend(fontsize="small")


def _missed(case: Case, books: Books, t: int, node: int) -> bool:
    """Whether a node sold less than was asked for in period `t`."""
    assert case.trace is None or len(case.trace) > t
    wanted = 0.0 if case.trace is None else float(case.trace[t][node])
    return books.sold[t][node] < wanted - 1e-6
