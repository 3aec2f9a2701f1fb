"""What can be computed of one case before anything is simulated: demand of echelons, lead times.

Pure numpy, so that children which run classical solvers need no torch.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nco.problems.inventory.files import Case

MOST_CERTAIN = 0.999  # critical ratio beyond which a hint grows no more


@dataclass(frozen=True)
class Outline:
    """Static figures of a case's nodes.

    Attributes:
        below: ``[n, n]`` bool, whether the second node is the first or gets goods through it.
        lead_in: ``[n]`` least lead time of an edge to the node.
        reach: ``[n]`` periods from an order of the node until its goods can meet demand.
        mean, sd: ``[n]`` of one period's demand of the node and all below it.
        ratio: ``[n]`` critical ratio of the node, or of the stores below it.
        cover: ``[n]`` periods whose demand an order of the node must cover with what is there:
            `reach`, and until the goods of the next order can meet demand.
        level: ``[n]`` echelon level that a newsvendor would choose: a hint, not an optimum.
        unit: ``[n]``: `mean`, or 1 where it is zero: what networks and rules count in.
    """

    below: np.ndarray
    lead_in: np.ndarray
    reach: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    ratio: np.ndarray
    cover: np.ndarray
    level: np.ndarray
    unit: np.ndarray


def outline(case: Case) -> Outline:
    """The static figures of a case's nodes."""
    count = len(case.nodes)
    below = np.eye(count, dtype=bool)
    inner = case.source >= 0
    for _ in range(count):
        grown = below.copy()
        np.logical_or.at(grown, case.source[inner], below[case.target[inner]])
        if (grown == below).all():
            break
        below = grown
    lead_in = np.full(count, np.inf)
    np.minimum.at(lead_in, case.target, case.lead)
    onward = _onward(case, count)
    mean = below @ case.mean
    spread = case.correlation * (below @ case.sd) ** 2
    sd = np.sqrt(np.maximum(spread + (1 - case.correlation) * (below @ case.sd**2), 0))
    gain = case.penalty + case.price
    store = case.kind > 0
    own = gain / np.maximum(gain + case.holding, 1e-12)
    weight = below * (case.mean * store)
    ratio = (weight @ own) / np.maximum(weight.sum(1), 1e-12)
    reach = lead_in + onward
    normal = NormalDist()
    score = np.array([normal.inv_cdf(min(max(r, 0.05), MOST_CERTAIN)) for r in ratio.tolist()])
    cover = reach + (1 if case.review is None else case.review)
    level = mean * cover + score * sd * np.sqrt(cover)
    unit = np.where(mean > 0, mean, 1.0)
    return Outline(below, lead_in, reach, mean, sd, ratio, cover, level, unit)


def _onward(case: Case, count: int) -> np.ndarray:
    """``[n]``: the longest of the shortest ways from a node to a store, 0 for stores."""
    far = np.full((count, count), np.inf)
    np.fill_diagonal(far, 0.0)
    for s, t, lead in zip(case.source, case.target, case.lead, strict=True):
        if s >= 0:
            far[s, t] = min(far[s, t], lead)
    if count <= 400:  # Floyd and Warshall; larger networks are two echelons deep in practice
        for k in range(count):
            far = np.minimum(far, far[:, k : k + 1] + far[k : k + 1])
    to_store = far[:, case.kind > 0]
    reached = np.where(np.isfinite(to_store), to_store, -1.0).max(1)
    return np.where(case.kind > 0, 0.0, np.maximum(reached, 0.0))


def chain(case: Case) -> list[int] | None:
    """The nodes of a serial system from the store upwards; None for any other network."""
    if case.size != 1 or len(case.source) != len(case.nodes):
        return None
    supplier = {int(t): int(s) for s, t in zip(case.source, case.target, strict=True)}
    if len(supplier) != len(case.nodes):
        return None
    nodes = [case.stores[0]]
    while supplier[nodes[-1]] >= 0:
        nodes.append(supplier[nodes[-1]])
    return nodes if len(nodes) == len(case.nodes) else None


def lead_of(case: Case, node: int) -> int:
    """The lead time of the one edge to a node of a serial system."""
    return int(case.lead[int(np.flatnonzero(case.target == node)[0])])


def clipped_moments(mean: float, sd: float) -> tuple[float, float]:
    """Mean and standard deviation of max(0, X), X normal."""
    if sd == 0:
        return max(mean, 0.0), 0.0
    z = mean / sd
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    above = 0.5 * math.erfc(-z / math.sqrt(2))
    first = mean * above + sd * density
    second = (mean * mean + sd * sd) * above + mean * sd * density
    return first, math.sqrt(max(second - first * first, 0.0))
