"""Levels of order rules by simulation, for networks without an exact method.

First by a search that plays many rules on the same futures, which comes near soon; then along the
pathwise gradient (HDPO with few parameters), which sees no fixed costs and no whole units; then by
the search again.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from nco.core.adam import Adam
from nco.core.rollout import greedy, rollout
from nco.core.seeds import derive, generator
from nco.problems.inventory import rules, season
from nco.problems.inventory.files import Case
from nco.problems.inventory.network import Outline, outline
from nco.problems.inventory.orderrule import OrderRule
from nco.problems.inventory.search import searched

STEPS, TRACES = 40, 128  # of the gradient, without a time limit; futures of a step
COARSE = 6  # rounds of the first search
FEW = 16  # nodes up to which a search comes near, so that the gradient begins with small steps
LONGEST = 10_000  # steps within a time limit
RATE, AGAIN = 0.15, 0.05  # of Adam at the beginning, in units; and where a rule was fitted before
WARM, COUNTED = 2, 40  # periods: longest ways to a customer, and those whose cost counts
FIRST, GRADIENT = 0.35, 0.75  # shares of a time limit when the first two of the three end


@dataclass(frozen=True)
class Kind:
    """What a rule looks at: echelons or single nodes; has caps; has reorder points."""

    echelon: bool = False
    capped: bool = False
    gapped: bool = False


def fitted(
    case: Case,
    *,
    seed: int,
    kind: Kind,
    time_limit: float | None = None,
    steps: int | None = None,
    start: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A rule whose numbers minimise the simulated cost of random futures.

    Begins with a newsvendor's levels, or with a rule that was fitted before. The gradient's rate
    falls to zero over the steps or a part of the time limit, whichever comes first. Whole units,
    multiples and costs of orders only matter to the search.

    Returns:
        The rule as plain data.
    """
    begin = time.perf_counter()
    policy = _first(case, kind) if start is None else _again(case, start)
    if steps is None:
        steps = STEPS if time_limit is None else LONGEST
    if not kind.gapped:
        end = None if time_limit is None else begin + FIRST * time_limit
        searched(short(case), policy, derive(seed, "coarse"), end, COARSE)
        limit = None if time_limit is None else begin + GRADIENT * time_limit
        near = start is not None or len(case.nodes) <= FEW
        _descend(case, policy, seed, AGAIN if near else RATE, steps, limit)
    end = None if time_limit is None else begin + time_limit
    searched(short(case), policy, seed, end)
    return rules.plain(case, policy)


def short(case: Case) -> Case:
    """The case with as few periods as tell a rule's cost: whole cycles of a season."""
    warm = WARM * int(outline(case).cover.max()) + 5
    counted = COUNTED if case.review is None else 2 * COUNTED
    if case.order_cost is not None:
        counted = 2 * COUNTED  # orders are rare
    if case.season:
        counted = season.simulated(case.season, counted, 0)[0]
    return replace(case, periods=warm + counted, warmup=warm, trace=None)


def _descend(
    case: Case,
    policy: OrderRule,
    seed: int,
    rate: float,
    steps: int,
    end: float | None,
) -> None:
    """Changes the levels and caps of `policy` along the gradient of the mean cost, until `end`."""
    begin = time.perf_counter()
    relaxed = replace(short(case), whole=False, multiple=None)
    problem = rules.problem()
    policy.requires_grad_(True)
    parameters = list(policy.parameters())
    optimizer = Adam(parameters, rate)
    for step in range(steps):
        share = step / steps
        if end is not None:
            share = max(share, (time.perf_counter() - begin) / max(end - begin, 1e-9))
            if share >= 1:
                break
        optimizer.rate = rate * (1 - share)
        instance = problem.traces(relaxed, TRACES, generator(seed, "fit", step))
        loss = rollout(problem, policy, instance, 1, greedy, logp=False).cost.mean()
        found = torch.autograd.grad(loss, parameters, materialize_grads=True)
        optimizer.step(found)
    policy.requires_grad_(False)


def _first(case: Case, kind: Kind) -> OrderRule:
    """A rule to begin with: a newsvendor's levels, and lots that balance costs of orders."""
    about = outline(case)
    policy = rules.blank(case, echelon=kind.echelon, capped=kind.capped)
    level = about.level
    if not kind.echelon:
        # a node's own lead time and the period until it orders again
        level = about.mean * (about.lead_in + about.cover - about.reach) + about.sd
    with torch.no_grad():
        policy.level.copy_(torch.from_numpy(level / about.unit))
        if kind.capped:
            policy.cap.copy_(torch.from_numpy(about.mean / about.unit * 1.3))
        if kind.gapped:
            gap = _lots(case, about)
            policy.gap = torch.from_numpy(gap / about.unit).float()
            policy.level.add_(policy.gap)
    if case.season:
        policy.factors = torch.from_numpy(_factors(case, about)).float()
    return policy


def _again(case: Case, start: dict[str, Any]) -> OrderRule:
    """The policy of a rule, ready to be changed: its levels times the season."""
    policy = rules.policy(case, start)
    assert isinstance(policy, OrderRule)
    if policy.factors is not None:
        mean = policy.factors.mean(0)
        with torch.no_grad():
            policy.level.copy_(mean)
        policy.factors = policy.factors / mean.clamp_min(1e-9)
    if policy.gap is not None and policy.gap_factors is not None:
        # a search keeps the distance from reorder point to level the same all the year
        policy.gap, policy.gap_factors = policy.gap_factors.mean(0), None
    return policy


def _lots(case: Case, about: Outline) -> np.ndarray:
    """``[n]``: economic order quantities of the nodes whose orders cost something."""
    cost = np.zeros(len(case.nodes))
    if case.order_cost is not None:
        np.maximum.at(cost, case.target, case.order_cost)
    return np.sqrt(2 * cost * about.mean / np.maximum(case.holding, 1e-6))


def _factors(case: Case, about: Outline) -> np.ndarray:
    """``[season, n]``: demand of the periods that an order covers, relative to the year's mean."""
    assert case.history is not None
    shape = season.profile(case.history, case.season) @ about.below.T
    factors = np.ones_like(shape)
    for node, cover in enumerate(np.maximum(np.round(about.cover), 1).astype(int).tolist()):
        ahead = sum(np.roll(shape[:, node], -k) for k in range(cover)) / cover
        factors[:, node] = ahead / max(float(ahead.mean()), 1e-9)
    return factors
