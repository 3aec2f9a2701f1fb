"""Rules as plain data, and the policies that play them.

``{"rule": "base_stock" | "echelon_stock", "levels": {node: level}}``,
``{"rule": "capped_base_stock", "levels": ..., "caps": {node: largest order}}``,
``{"rule": "min_max" | "echelon_min_max", "min": {node: s}, "max": {node: S}}``,
``{"rule": "reorder_quantity", "min": {node: r}, "quantity": {node: Q}}``; each with a ``"review"``
(periods from one order to the next, for all nodes or by node) where it has one. A level may be a
list with a number for each time of the case's season, which begins with the history's first row.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nco.core.errors import InstanceError
from nco.core.policy import Policy
from nco.problems.inventory.files import Case
from nco.problems.inventory.levels import BaseStock
from nco.problems.inventory.network import outline
from nco.problems.inventory.orderrule import UNREAD, OrderRule
from nco.problems.inventory.parts import MAX_LEAD
from nco.problems.inventory.policytext import COLUMNS
from nco.problems.inventory.problem import Inventory

RULES = tuple(COLUMNS)


def problem() -> Inventory:
    """The problem that rules are built for: they may look at the calendar."""
    return Inventory(calendar=True)


def policy(case: Case, solution: Any) -> Policy:
    """The policy of a rule.

    Raises:
        InstanceError: naming what is unknown or missing.
    """
    if not isinstance(solution, Mapping) or solution.get("rule") not in RULES:
        known = ", ".join(RULES)
        raise InstanceError(f"not a rule; there are {known}", field="policy", value=solution)
    name = solution["rule"]
    for key in solution:
        if key not in (*COLUMNS[name], "rule", "review"):
            known = ", ".join((*COLUMNS[name], "review"))
            raise InstanceError(f"not of {name}, which has {known}", field="policy", value=key)
    unit = torch.from_numpy(outline(case).unit).float()
    tables = {key: _table(case, solution.get(key), key) / unit for key in COLUMNS[name]}
    rule = blank(case, echelon=name.startswith("echelon"), capped="caps" in tables)
    level = next(tables[key] for key in ("levels", "max", "min") if key in tables)
    with torch.no_grad():
        rule.level.copy_(level[0] if len(level) == 1 else torch.ones(len(case.nodes)))
        rule.factors = None if len(level) == 1 else level
        if "caps" in tables:
            rule.cap.copy_(_single(tables["caps"], "caps"))
        if "max" in tables:
            gap = tables["max"] - tables["min"]
            if bool((gap < 0).any()):
                raise InstanceError("a min above its max", field="policy", value=_above(case, gap))
            rule.gap = gap[0] if len(gap) == 1 else torch.ones(len(case.nodes))
            rule.gap_factors = None if len(gap) == 1 else gap
        if "quantity" in tables:
            rule.lot = _single(tables["quantity"], "quantity")
            if not bool((rule.lot > 0).all()):
                raise InstanceError("a quantity must be positive", field="quantity")
    if "review" in solution:
        rule.review = _reviews(case, solution["review"])
    return rule.eval().requires_grad_(False)


def blank(case: Case, *, echelon: bool = False, capped: bool = False) -> OrderRule:
    """A rule for the nodes of a case whose numbers are still to be filled in."""
    rule = OrderRule(len(case.nodes), capped=capped, echelon=echelon, ignore=UNREAD)
    rule.build(problem().schema)
    rule.phase = case.phase
    return rule


def _table(case: Case, values: Any, field: str) -> Tensor:
    """``[P, n]`` numbers of every node, P = 1 where none of them follows the season.

    A node that is not named would order nothing and starve those below it, so each must be.
    """
    if not isinstance(values, Mapping) or not values:
        raise InstanceError("must map nodes to numbers", field=field, value=values)
    for name in values:
        if name not in case.nodes:
            raise InstanceError(
                f"an unknown node; there are {', '.join(case.nodes[:9])}", field=field, value=name
            )
    columns = []
    for name in case.nodes:
        if name not in values:
            raise InstanceError("no number for this node", field=field, value=name)
        value = values[name]
        column = value if isinstance(value, list | tuple) else [value]
        if len(column) not in (1, case.season):
            has = f"a season of {case.season} periods" if case.season else "no season"
            reason = f"{len(column)} numbers, but the network has {has}"
            raise InstanceError(reason, field=f"{field} {name}")
        for number in column:
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise InstanceError("must be a number", field=f"{field} {name}", value=number)
        columns.append(torch.tensor([float(number) for number in column]))
    periods = max(len(column) for column in columns)
    return torch.stack([column.expand(periods) for column in columns], 1)


def _single(table: Tensor, field: str) -> Tensor:
    """``[n]``; a season is for levels."""
    if len(table) != 1:
        raise InstanceError("one number for each node", field=field)
    return table[0]


def _above(case: Case, gap: Tensor) -> str:
    """The first node whose reorder point lies above its level."""
    return case.nodes[int((gap < 0).any(0).nonzero()[0])]


def _reviews(case: Case, value: Any) -> Tensor:
    """``[n]`` periods between orders."""
    by_node = value if isinstance(value, Mapping) else dict.fromkeys(case.nodes, value)
    periods = []
    for name in case.nodes:
        number = by_node.get(name, 1)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_LEAD:
            reason = f"must be whole periods from 1 to {MAX_LEAD}"
            raise InstanceError(reason, field=f"review {name}", value=number)
        periods.append(number)
    return torch.tensor(periods)


def plain(case: Case, learned: BaseStock) -> dict[str, Any]:
    """The inverse of `policy` for levels, caps and gaps; of whole units, in whole numbers."""
    unit = torch.from_numpy(outline(case).unit).float()
    rule: OrderRule | None = learned if isinstance(learned, OrderRule) else None
    level = learned.levels().detach()[None]
    if rule is not None and rule.factors is not None:
        level = level * rule.factors
    levels = _named(case, level * unit)
    if rule is not None and rule.gap is not None:
        name = "echelon_min_max" if learned.echelon else "min_max"
        return {"rule": name, "min": _named(case, (level - rule.gap) * unit), "max": levels}
    solution = {"rule": "echelon_stock" if learned.echelon else "base_stock", "levels": levels}
    if learned.capped:
        caps = _named(case, (learned.cap.detach() * unit)[None])
        solution |= {"rule": "capped_base_stock", "caps": caps}
    return solution


def _named(case: Case, table: Tensor) -> dict[str, Any]:
    """Node to number, or to a list by season."""
    table = table.double().round() if case.whole else table.double()
    if len(table) == 1:
        return dict(zip(case.nodes, table[0].tolist(), strict=True))
    return {name: table[:, node].tolist() for node, name in enumerate(case.nodes)}
