"""From a rule as plain data to the policy that plays it, and back."""

from collections.abc import Mapping
from typing import Any

import torch

from nco.core.errors import InstanceError
from nco.core.policy import Policy
from nco.problems.inventory.files import Case
from nco.problems.inventory.levels import BaseStock
from nco.problems.inventory.network import outline
from nco.problems.inventory.problem import Inventory

UNREAD = ("nodes", "links", "dynamic")  # in full: a rule reads one column
RULES = ("base_stock", "capped_base_stock", "echelon_stock")


def policy(case: Case, solution: Any) -> Policy:
    """The policy of ``{"rule": NAME, "levels": {node: level}, "caps": {node: cap}}``.

    Raises:
        InstanceError: naming what is unknown or missing.
    """
    if not isinstance(solution, Mapping) or solution.get("rule") not in RULES:
        known = ", ".join(RULES)
        raise InstanceError(f"not a rule; there are {known}", field="policy", value=solution)
    unit = torch.from_numpy(outline(case).unit)
    echelon = solution["rule"] == "echelon_stock"
    capped = solution["rule"] == "capped_base_stock"
    rule = BaseStock(len(case.nodes), capped=capped, echelon=echelon, ignore=UNREAD)
    found = rule.build(Inventory().schema)
    with torch.no_grad():
        found.level.copy_(_column(case, solution.get("levels"), "levels") / unit)
        if capped:
            found.cap.copy_(_column(case, solution.get("caps"), "caps") / unit)
    return found.eval().requires_grad_(False)


def _column(case: Case, values: Any, field: str) -> torch.Tensor:
    """``[n]``; nodes that are not named order nothing."""
    if not isinstance(values, Mapping):
        raise InstanceError("must map nodes to numbers", field=field, value=values)
    for name in values:
        if name not in case.nodes:
            raise InstanceError("an unknown node", field=field, value=name)
    return torch.tensor([float(values.get(name, 0.0)) for name in case.nodes])


def plain(case: Case, learned: BaseStock) -> dict[str, Any]:
    """The inverse of `policy`."""
    unit = torch.from_numpy(outline(case).unit)
    levels = (learned.levels().detach() * unit).tolist()
    found: dict[str, Any] = {
        "rule": "echelon_stock" if learned.echelon else "base_stock",
        "levels": dict(zip(case.nodes, levels, strict=True)),
    }
    if learned.capped:
        caps = (learned.cap.detach() * unit).tolist()
        found |= {"rule": "capped_base_stock", "caps": dict(zip(case.nodes, caps, strict=True))}
    return found
