"""Levels of order rules by the pathwise gradient, for networks without an exact method."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.problems.inventory.files import Case
from nco.problems.inventory.levels import BaseStock
from nco.problems.inventory.network import outline
from nco.problems.inventory.problem import Inventory
from nco.problems.inventory.rules import UNREAD, plain

STEPS, TRACES = 250, 128
RATE = 0.15  # of Adam at the beginning, in units
WARM, COUNTED = 2, 40  # periods: longest ways to a customer, and those whose cost counts


def fitted(
    case: Case,
    *,
    seed: int,
    echelon: bool = False,
    capped: bool = False,
    time_limit: float | None = None,
    steps: int = STEPS,
) -> dict[str, Any]:
    """A rule whose levels minimise the simulated cost of random futures (HDPO with few parameters).

    Starts from a newsvendor's levels; the rate falls to zero over the steps or the time limit,
    whichever comes first. Whole units are only required afterwards, when the rule is simulated.

    Returns:
        The rule as plain data.
    """
    begin = time.perf_counter()
    about = outline(case)
    warm = WARM * int(about.reach.max()) + 5
    short = replace(case, periods=warm + COUNTED, warmup=warm, trace=None, whole=False)
    problem = Inventory()
    rule = BaseStock(len(case.nodes), capped=capped, echelon=echelon, ignore=UNREAD)
    policy = rule.build(problem.schema)
    with torch.no_grad():
        policy.level.copy_(torch.from_numpy(_first(case, echelon) / about.unit))
        if capped:
            policy.cap.copy_(torch.from_numpy(about.mean / about.unit * 1.3))
    optimizer = torch.optim.Adam(policy.parameters(), lr=RATE)
    for step in range(steps):
        share = step / steps
        if time_limit is not None:
            share = max(share, (time.perf_counter() - begin) / time_limit)
            if share >= 1:
                break
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - share)
        instance = problem.traces(short, TRACES, generator(seed, "fit", step))
        loss = rollout(problem, policy, instance, 1, greedy, logp=False).cost.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return plain(case, policy)


def _first(case: Case, echelon: bool) -> np.ndarray:
    """Levels to begin with, in the source's units."""
    about = outline(case)
    if echelon:
        return about.level
    # a node's own lead time and the period until it orders again
    return about.mean * (about.lead_in + 1) + about.sd
