"""The classical rules as policies: equal distribution, and never moving."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nco.core.case import Case
from nco.core.decisions import Exact
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Features, Observation
from nco.core.schema import Channel, Schema
from nco.problems.rebalancing import flows
from nco.problems.rebalancing.problem import Seen

RULES = ("equal", "stay")


def policy(case: Case, solution: Any) -> "Rule":
    """The policy of ``{"rule": NAME}``."""
    name = solution.get("rule") if isinstance(solution, dict) else None
    if name not in RULES:
        known = ", ".join(RULES)
        raise NCOError(f"{solution!r}: no rule to follow; there are {known}, as {{'rule': NAME}}")
    return Rule(str(name))


class Rule(Policy):
    """Serves the dearest trips, and then sends idle vehicles where the rule wishes them."""

    reads = frozenset(Channel)  # in plain numbers, of which the columns are made

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def make_layers(self, schema: Schema) -> None:
        """A rule has none."""

    def encode(self, features: Features) -> None:
        return None

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Exact:
        assert isinstance(observation, Seen)
        assert observation.idle is not None
        assert observation.served is not None
        assert observation.times is not None
        idle = observation.idle - observation.served.sum(-1)
        sent = torch.zeros_like(observation.served)
        if self.name == "equal":
            batch, rollouts = idle.shape[:2]
            for b in range(batch):
                for s in range(rollouts):
                    here = idle[b, s].cpu().numpy().astype(np.int64)
                    wished = np.full(len(here), int(here.sum()) // len(here))
                    times = observation.times[b, s].cpu().numpy()
                    moved, _ = flows.rebalance(here, wished, times)
                    sent[b, s] = torch.from_numpy(moved).to(sent)
        both = torch.stack([observation.served, sent], 2)
        return Exact(both.flatten(2).float())
