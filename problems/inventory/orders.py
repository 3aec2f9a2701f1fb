"""What to order now, as rows of a table, and what was assumed of the stock.

Amounts are in whole units where the case has whole units or sells many; else to two digits.
"""

from typing import Any

import numpy as np

MANY = 3.0  # units a period from which on a fraction of one is no order


def orders(case: Any, plan: list[list[float]]) -> list[dict[str, Any]]:
    """A row for each edge: ``node``, ``order``, ``from``, ``sent``, ``stock``, ``on_order``.

    Args:
        case: a `files.Case`; plan: orders ``[periods][edges]``, of which the first row counts.

    Returns:
        `sent` is less than `order` where all orders from a node exceed its stock, which is then
        shared out in proportion; of several edges to a node the stock stands in each row.
    """
    from nco.problems.inventory.network import outline  # which imports `files`, which imports this

    mean = outline(case).mean
    amounts = [_rounded(case, mean, edge, amount) for edge, amount in enumerate(plan[0])]
    sent = _sent(case, amounts)
    rows = []
    for edge, amount in enumerate(amounts):
        node, source = int(case.target[edge]), int(case.source[edge])
        rows.append(
            {
                "node": case.nodes[node],
                "order": amount,
                "from": "supplier" if source < 0 else case.nodes[source],
                "sent": sent[edge],
                "stock": _plain(float(case.stock[node])),
                "on_order": _plain(float(case.transit[node].sum())),
            }
        )
    return rows


def _plain(amount: float) -> float | int:
    """An int where it is whole."""
    return int(amount) if amount == round(amount) else round(amount, 2)


def _rounded(case: Any, mean: np.ndarray, edge: int, amount: float) -> float | int:
    """An amount as a person orders it; `mean` ``[n]`` is demand of nodes and all below them."""
    if case.whole or mean[int(case.target[edge])] >= MANY:
        return round(amount)
    return _plain(round(amount, 2))


def _sent(case: Any, amounts: list[float]) -> list[float | int]:
    """What leaves at once, whole where all orders are: shares by largest remainders."""
    sent: list[float | int] = list(amounts)
    for source in {int(s) for s in case.source if s >= 0}:
        edges = [e for e in range(len(amounts)) if int(case.source[e]) == source]
        total, have = sum(amounts[e] for e in edges), max(float(case.stock[source]), 0.0)
        if total <= have:
            continue
        shares = np.array([amounts[e] * have / total for e in edges])
        if all(amounts[e] == round(amounts[e]) for e in edges):
            floors = np.floor(shares)
            missing = int(np.floor(have + 1e-9) - floors.sum())
            floors[np.argsort(floors - shares, kind="stable")[:missing]] += 1
            shares = floors
        for edge, share in zip(edges, shares.tolist(), strict=True):
            sent[edge] = _plain(round(share, 2))
    return sent


def assumptions(case: Any) -> list[str]:
    """What was assumed of the stock at the beginning, in at most one sentence."""
    missing = [name for name in case.nodes if name not in case.stated]
    if not missing:
        return []
    what = "all nodes" if len(missing) == len(case.nodes) else ", ".join(missing[:6])
    more = f" and {len(missing) - 6} others" if len(missing) > 6 and what != "all nodes" else ""
    return [
        f"the orders assume that {what}{more} have no stock and nothing on order: "
        "write stock: and on_order: into the file"
    ]
