"""The classical rules as policies: equal distribution, and never moving."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nco.core.case import Case
from nco.core.decisions import Exact
from nco.core.features import Observation
from nco.problems._common.rulepolicy import RulePolicy
from nco.problems._common.rules import known_name
from nco.problems.rebalancing import flows
from nco.problems.rebalancing.problem import Seen

RULES = ("equal", "stay")


def policy(case: Case, solution: Any) -> "Rule":
    """The policy of ``{"rule": NAME}``."""
    return Rule(known_name(solution, RULES))


class Rule(RulePolicy):
    """Serves the dearest trips, and then sends idle vehicles where the rule wishes them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

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
