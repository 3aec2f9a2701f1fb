"""Draws stock over time under a policy, or under given orders."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nco.core.case import Case as BaseCase
from nco.problems.inventory.check import Books, simulate
from nco.problems.inventory.files import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 60  # periods of a policy's simulation
MOST = 8  # nodes that get a line of their own


def plot(case: BaseCase, solution: Any, ax: "Axes") -> None:
    """Stock at the end of each period, a step line a node; crosses are periods with a shortage.

    A policy (a rule or a network) is shown on one random future, orders on the case's own.
    """
    assert isinstance(case, Case)
    if isinstance(solution, list):
        books, first = simulate(case, solution), 0
    else:
        books, first = _played(case, solution)
    periods = range(first, len(books.stock))
    for node in list(range(len(case.nodes)))[:MOST]:
        line = [books.stock[t][node] for t in periods]
        (drawn,) = ax.step(list(periods), line, where="post", lw=1, label=case.nodes[node])
        short = [t for t in periods if books.stock[t][node] < 0 or _missed(case, books, t, node)]
        under = [books.stock[t][node] for t in short]
        ax.plot(short, under, ls="none", marker="x", ms=5, color=drawn.get_color())
    ax.axhline(0, color="black", lw=0.5)
    mean = sum(books.costs[t] for t in periods) / max(len(periods), 1)
    ax.set(xlabel="period", ylabel="stock at the end", title=f"{case.name}: {mean:.4g} a period")
    ax.legend(fontsize="small")


def _missed(case: Case, books: Books, t: int, node: int) -> bool:
    assert case.trace is None or len(case.trace) > t
    wanted = 0.0 if case.trace is None else float(case.trace[t][node])
    return books.sold[t][node] < wanted - 1e-6


def _played(case: Case, solution: Any) -> tuple[Books, int]:
    """One future under a policy, as plain orders, by the checker's own simulation."""
    from nco.core.rollout import greedy, rollout
    from nco.core.seeds import generator
    from nco.problems.inventory.problem import Inventory
    from nco.solving.simulate import policy_of

    problem, policy = policy_of(case, solution)
    assert isinstance(problem, Inventory)
    first = min(case.warmup, SHOWN)
    shown = replace(case, trace=None, periods=first + SHOWN, warmup=first)
    instance = problem.traces(shown, 1, generator("plot"))
    played = rollout(problem, policy, instance, 1, greedy, logp=False)
    orders = problem.solution(instance, played.actions[:, 0])[0]
    (known,) = problem.cases(instance)
    return simulate(known, orders), first
