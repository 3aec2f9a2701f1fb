"""Order rules whose levels can be trained: base-stock, capped base-stock and echelon base-stock.

A rule compares a node's inventory position with its level. It finds both positions in the columns
of `Observation.nodes`, which count in units of the node (`network.Outline.unit`); orders along
links to the node are in the same unit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nco.core.decisions import Exact
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Amounts, Channel, Schema


class BaseStock(Policy):
    """Every node orders what its position lacks to its level; optimal for one backlogged store.

    Echelon rules (Clark & Scarf 1960) compare the position of a node and all below it. A cap bounds
    each order (Xin 2021). What a node orders is divided among its links by learned shares, which
    begin equal. A rule reads less than a problem offers: what, `ignore` must say.

    Args:
        nodes: of the one network that the rule is for.
        links: of it; 0 divides equally and learns nothing about it.
        capped: each order has a learned upper bound.
        echelon: levels are of echelon positions.
        level: at the beginning, in units (mean demand), beyond the hint that nodes carry.
        ignore: as in `Policy`.
    """

    symmetric = False

    def __init__(
        self,
        nodes: int = 1,
        links: int = 0,
        capped: bool = False,
        echelon: bool = False,
        level: float = 4.0,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if nodes < 1:
            raise ValueError(f"nodes must be at least 1, not {nodes}")
        self.nodes, self.links, self.capped, self.echelon = nodes, links, capped, echelon
        self.start = level

    def make_layers(self, schema: Schema) -> None:
        if schema.amounts != (Amounts.LINKS,):
            raise NCOError("this rule needs a problem that decides on an amount along each link")
        self.column = schema.index(Channel.DYNAMIC, "echelon" if self.echelon else "position")
        self.level = nn.Parameter(torch.full((self.nodes,), self.start))
        if self.capped:
            self.cap = nn.Parameter(torch.full((self.nodes,), 1.5))
        if self.links:
            self.share = nn.Parameter(torch.zeros(self.links))

    def levels(self) -> Tensor:
        """``[N]``."""
        return self.level

    def encode(self, features: Features) -> tuple[Tensor, Tensor]:
        """Each link's target ``[B, L]`` and its share ``[B, L]`` of what the target orders."""
        assert features.links is not None
        target = features.links[..., 1]
        weight = torch.ones_like(target, dtype=features.nodes.dtype)
        if self.links:
            weight = weight * self.share.exp()
        weight = weight.expand(len(features.nodes), -1)
        if features.linked is not None:
            weight = weight * features.linked
        total = weight.new_zeros(features.nodes.shape[:2]).scatter_add(1, target, weight)
        return target, weight / total.gather(1, target).clamp_min(1e-9)

    def decide(
        self,
        memory: tuple[Tensor, Tensor],
        observation: Observation,
        condition: Tensor | None = None,
    ) -> Exact:
        assert observation.nodes is not None
        target, share = memory
        position = observation.nodes[..., self.column]
        order = (self.levels() - position).clamp_min(0.0)  # [B, S, N]
        if self.capped:
            order = torch.minimum(order, self.cap.clamp_min(0.0))
        wide = target[:, None].expand(-1, order.shape[1], -1)
        return Exact(order.gather(2, wide) * share[:, None])
