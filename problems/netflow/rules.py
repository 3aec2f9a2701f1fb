"""The classical rules as policies: order up to a level, equal shares."""

from typing import Any

import torch
from torch import Tensor, nn

from nco.core.case import Case
from nco.core.decisions import Exact
from nco.core.errors import NCOError
from nco.core.features import Observation
from nco.problems._common.rulepolicy import RulePolicy
from nco.problems._common.rules import name_of
from nco.problems.netflow import files


def policy(case: Case, solution: Any) -> "Rule":
    """The policy of a rule as `classical.py` returns it."""
    assert isinstance(case, files.Case)
    kind = name_of(solution)
    if kind == "order_up_to" and set(solution) == {"rule", "store", "factory"}:
        return OrderUpTo(case, float(solution["store"]), float(solution["factory"]))
    if kind == "equal" and set(solution) == {"rule"}:
        return Equal(case)
    raise NCOError(
        f"{solution!r}: no rule to follow; there are {{'rule': 'equal'}} and {{'rule': "
        "'order_up_to', 'store': LEVEL, 'factory': LEVEL}"
    )


class Rule(RulePolicy):
    """A rule for one case; what it sees is turned back into units."""

    def __init__(self, case: files.Case) -> None:
        super().__init__()
        mean = case.peak / 2 + case.noise / 2
        self.unit = float(mean.sum()) or 1.0
        self.mean = float(mean.sum())
        self.register_buffer("capacity", torch.tensor(case.capacity))
        self.capacity: Tensor

    def there(self, observation: Observation) -> Tensor:
        """What each node has ``[B, S, N]`` at the beginning of the period, in whole thousandths."""
        assert observation.nodes is not None
        both = observation.nodes[..., :2].double().sum(-1) * self.unit
        return (both * 1000).round() / 1000  # float32 on the way


class OrderUpTo(Rule):
    """Each store orders up to one level, the factory produces up to another.

    Orders are never negative; where the factory has less than all of them, it is shared in
    proportion to them.
    """

    def __init__(self, case: files.Case, store: float, factory: float) -> None:
        super().__init__(case)
        self.levels = nn.Buffer(torch.tensor([factory, store], dtype=torch.double))

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Exact:
        there = self.there(observation)
        orders = (self.levels[1] - there[..., 1:]).clamp_min(0)
        total = orders.sum(-1, keepdim=True)
        orders = orders * (there[..., :1] / total.clamp_min(1e-12)).clamp(0, 1)
        left = there[..., :1] - orders.sum(-1, keepdim=True)
        made = (self.levels[0] - left).clamp(min=0).clamp_max(self.capacity[0])
        return Exact(torch.cat([made, orders], -1).float())


class Equal(Rule):
    """Produces the mean total demand and ships all there is, the same to every store."""

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Exact:
        there = self.there(observation)
        stores = there.shape[-1] - 1
        sent = (there[..., :1] / stores).expand(*there.shape[:-1], stores)
        made = torch.full_like(sent[..., :1], self.mean)
        return Exact(torch.cat([made, sent], -1).float())
