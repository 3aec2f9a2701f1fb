"""The verdict on the orders of one known trace: an independent simulation with a balance of goods.

Plain Python on the case's own numbers, period by period and edge by edge; it shares nothing with
the tensors of ``problem.py``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nco.core.case import Report

BALANCE = 1e-6  # relative difference of the goods' books that is rounding
WHOLE = 1e-3  # distance from a whole number that is rounding (orders come from float32)
NOTHING = 1e-3  # units up to which an order is rounding, and costs nothing


def check(case: Any, solution: Any) -> Report:
    """Simulates orders ``[periods][edges]`` against the case's trace, and prices them.

    Returns:
        The report; cost is the mean per counted period. Where anything has a price, the objective
        is the profit, minus the cost. A rule or a network is no plan: `nco solve` simulates it.
    """
    if case.trace is None:
        return Report(None, None, ["the case holds no trace of demands to check orders against"])
    violations = list(_objections(case, solution))
    if violations:
        return Report(None, None, violations)
    books = simulate(case, solution)
    counted = range(case.warmup, len(case.trace))
    cost = math.fsum(books.costs[t] for t in counted) / len(counted)
    entered, left = books.entered, books.left
    if not math.isclose(entered, left, rel_tol=BALANCE, abs_tol=BALANCE * max(1.0, abs(entered))):
        violations.append(f"the goods do not balance: {entered:g} came in, {left:g} are accounted")
    profit = any(price > 0 for price in case.price.tolist())
    return Report(cost, -cost if profit else cost, violations)


def _objections(case: Any, solution: Any) -> Iterator[str]:
    """A sentence for each thing that is no order."""
    if not isinstance(solution, list | tuple):
        kind = type(solution).__name__
        yield f"orders must be a list with a row a period, not {kind}: rules are simulated"
        return
    periods, edges = len(case.trace), len(case.source)
    if len(solution) != periods:
        yield f"there must be {periods} periods of orders, not {len(solution)}"
    for period, row in enumerate(solution):
        if not isinstance(row, list | tuple) or len(row) != edges:
            yield f"period {period} must list an order for each of {edges} edges"
            continue
        for edge, amount in enumerate(row):
            place = f"period {period}, edge {case.edge_name(edge)}"
            number = isinstance(amount, int | float) and not isinstance(amount, bool)
            if not number or not math.isfinite(amount):
                yield f"{place}: an order must be a finite number"
            elif amount < 0:
                yield f"{place}: an order must not be negative, as {amount:g} is"
            elif case.whole and abs(amount - round(amount)) > WHOLE * max(1.0, abs(amount)):
                yield f"{place}: an order must be a whole number, not {amount:g}"
            elif not _fits(amount, _size(case, edge)):
                size = _size(case, edge)
                yield f"{place}: an order must be a multiple of {size:g}, not {amount:g}"
            elif amount > NOTHING and period % _review(case, edge):
                yield f"{place}: orders leave every {_review(case, edge)} periods, from period 0 on"


def _size(case: Any, edge: int) -> float:
    """Of which orders on an edge are whole numbers; 0: of nothing."""
    return 0.0 if case.multiple is None else float(case.multiple[edge])


def _review(case: Any, edge: int) -> int:
    """Periods from one order on an edge to the next."""
    return 1 if case.review is None else int(case.review[int(case.target[edge])])


def _fits(amount: float, size: float) -> bool:
    """Whether an amount is a whole number of `size`, but for rounding."""
    return not size or abs(amount - round(amount / size) * size) <= WHOLE * max(1.0, amount)


@dataclass
class Books:
    """What a simulation writes down.

    Attributes:
        costs: of each period; stock: ``[t][n]`` at the end of each, backlog below zero; sold:
            ``[t][n]`` demand met at once; shipped: ``[t][edge]``.
        entered, left: goods that came in, and that went out or are still there.
    """

    costs: list[float] = field(default_factory=list)
    stock: list[list[float]] = field(default_factory=list)
    sold: list[list[float]] = field(default_factory=list)
    shipped: list[list[float]] = field(default_factory=list)
    entered: float = 0.0
    left: float = 0.0


def simulate(case: Any, orders: list[list[float]]) -> Books:
    """Plays the orders, none of which is negative, against the case's trace."""
    nodes, books = len(case.nodes), Books()
    stock = [float(amount) for amount in case.stock]
    due: dict[int, list[float]] = {}
    for k in range(case.transit.shape[1]):
        due[k + 1] = [float(amount) for amount in case.transit[:, k]]
    books.entered = math.fsum(stock) + math.fsum(math.fsum(row) for row in due.values())
    gone = 0.0
    for t in range(len(case.trace)):
        for node, amount in enumerate(due.pop(t, [0.0] * nodes)):
            stock[node] += amount
        shipped = _ship(case, stock, orders[t], t)
        cost = 0.0
        for edge, amount in enumerate(shipped):
            source, target = int(case.source[edge]), int(case.target[edge])
            lead = int(case.lead[edge])
            cost += float(case.cost[edge]) * amount
            if case.order_cost is not None and amount > NOTHING:
                cost += float(case.order_cost[edge])
            if source < 0:
                books.entered += amount
            else:
                stock[source] -= amount
            if lead == 0:
                stock[target] += amount
            else:
                due.setdefault(t + lead, [0.0] * nodes)[target] += amount
        sold = []
        for node in range(nodes):
            want = float(case.trace[t][node])
            sold.append(min(want, max(stock[node], 0.0)))
            short = max(want - stock[node], 0.0)
            stock[node] -= want
            cost += float(case.penalty[node]) * short - float(case.price[node]) * sold[node]
            cost += float(case.holding[node]) * max(stock[node], 0.0)
            gone += want
            if stock[node] < 0 and (case.lost[node] or case.kind[node] == 0):
                gone += stock[node]  # what nobody got did not leave
                stock[node] = 0.0
        books.costs.append(cost)
        books.stock.append(list(stock))
        books.sold.append(sold)
        books.shipped.append(shipped)
    books.left = gone + math.fsum(stock) + math.fsum(math.fsum(row) for row in due.values())
    return books


def _ship(case: Any, stock: list[float], orders: list[float], period: int) -> list[float]:
    """What leaves on every edge: in proportion to orders where the source has too little."""
    asked: dict[int, float] = {}
    wanted = []
    for edge, amount in enumerate(orders):
        size = _size(case, edge)
        amount = round(amount / size) * size if size else float(amount)
        amount = float(round(amount)) if case.whole else amount
        wanted.append(0.0 if period % _review(case, edge) else amount)
    for edge, amount in enumerate(wanted):
        source = int(case.source[edge])
        asked[source] = asked.get(source, 0.0) + amount
    shipped = []
    for edge, amount in enumerate(wanted):
        source = int(case.source[edge])
        if source < 0:
            shipped.append(amount)
            continue
        have, total = max(stock[source], 0.0), asked[source]
        if case.keeps[source]:
            shipped.append(amount if total <= have else amount * have / total)
        elif total > 0:
            shipped.append(amount * have / total)
        else:  # a cross-dock shares out equally where nobody asks
            count = sum(int(other) == source for other in case.source)
            shipped.append(have / count)
    return shipped
