"""The order rules of practice as one policy: levels by season, reorder points, quantities, reviews.

Everything counts in units of a node (`network.Outline.unit`), as `levels.BaseStock` does, which
learns its levels; here they are given, or found by search.
"""

import torch
from torch import Tensor

from nco.core.decisions import Exact
from nco.core.errors import NCOError
from nco.core.features import Observation
from nco.core.schema import Schema
from nco.problems.inventory.levels import BaseStock

UNREAD = ("nodes", "links", "dynamic", "context")  # in full: a rule reads a column or two
CLOSE = 1e-4  # units of a position that are rounding


class OrderRule(BaseStock):
    """Orders up to a level, or in lots, where the position has come down to a reorder point.

    The policy of (s, S), of (r, nQ), of base stock with or without a cap, and of each of them with
    a review every so many periods. A level may differ by the time of a season. The problem must
    show the calendar (``Inventory(calendar=True)``).

    Attributes:
        level, cap: ``[N]`` as in `BaseStock`, or ``[S, N]``: another rule for each rollout.
        factors: ``[P, N]`` what the level is multiplied by at each time of the season, or None.
        gap: ``[N]`` or ``[S, N]``: nothing is ordered where less than this lacks to the level;
            gap_factors ``[P, N]`` of it. None: no gap.
        lot: ``[N]``: orders are whole numbers of it that bring the position above the level, which
            is then the reorder point. None: orders fill up to the level.
        review: ``[N]`` long, periods between orders, the first of which is at once. None: 1.
        phase: the time of the season in the first period.
    """

    factors: Tensor | None
    gap: Tensor | None
    gap_factors: Tensor | None
    lot: Tensor | None
    review: Tensor | None
    phase: int = 0

    def make_layers(self, schema: Schema) -> None:
        super().make_layers(schema)
        for name in ("factors", "gap", "gap_factors", "lot", "review"):
            self.register_buffer(name, None)

    def decide(
        self,
        memory: tuple[Tensor, Tensor],
        observation: Observation,
        condition: Tensor | None = None,
    ) -> Exact:
        assert observation.nodes is not None
        target, share = memory
        position = observation.nodes[..., self.column]
        period = self._period(observation)
        level = self._by_season(self.levels(), self.factors, period)
        lack = level - position  # [B, S, N]
        if self.lot is not None:
            lots = (lack / self.lot + CLOSE).floor() + 1
            order = torch.where(lack >= -CLOSE, lots * self.lot, torch.zeros_like(lack))
        else:
            order = lack.clamp_min(0.0)
        if self.gap is not None:
            gap = self._by_season(self.gap, self.gap_factors, period)
            order = torch.where(lack >= gap - CLOSE, order, torch.zeros_like(order))
        if self.capped:
            order = torch.minimum(order, self.cap.clamp_min(0.0))
        if self.review is not None:
            assert period is not None
            order = order * (period[..., None] % self.review == 0)
        wide = target[:, None].expand(-1, order.shape[1], -1)
        return Exact(order.gather(2, wide) * share[:, None])

    def _period(self, observation: Observation) -> Tensor | None:
        """``[B, S]`` the number of the period, if the rule depends on it."""
        if self.factors is None and self.gap_factors is None and self.review is None:
            return None
        if not observation.context.shape[-1]:
            raise NCOError("this rule looks at the calendar: play it on Inventory(calendar=True)")
        return observation.context[..., 0].long()

    def _by_season(self, values: Tensor, factors: Tensor | None, period: Tensor | None) -> Tensor:
        """``values`` times the factors of each period's time of the season."""
        if factors is None:
            return values
        assert period is not None
        return values * factors[(period + self.phase) % len(factors)]
