"""Exact and closed-form references: what the best policy of small systems costs.

Numpy only. Costs are means per period and, as everywhere in this folder, what is in transit costs
nothing.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nco.core.errors import InstanceError
from nco.problems.inventory.files import Case
from nco.problems.inventory.network import chain, clipped_moments, lead_of
from nco.problems.inventory.parts import KINDS

TAIL = 1e-13  # probability of demand that is cut off and put on the last value
GRID = 0.05  # of continuous demand
MARGIN = 2  # orders and stock beyond newsvendor quantiles that value iteration looks at
LARGEST = 3e7  # entries of one sweep of value iteration
SWEEPS = 5000


# ---- one store, backlogged


def newsvendor(case: Case) -> tuple[float, float]:
    """The optimal level of one backlogged store with normal demand, and its cost.

    Demand of L + 1 periods is taken as unclipped: ``(h + p) phi(z) sd sqrt(L + 1)``.
    """
    node, lead = _single(case)
    if case.lost[node] or case.kind[node] != KINDS.index("normal"):
        raise InstanceError("the closed form is for normal demand that is backlogged")
    h, p = float(case.holding[node]), float(case.penalty[node])
    score = NormalDist().inv_cdf(p / (p + h))
    spread = float(case.sd[node]) * math.sqrt(lead + 1)
    level = float(case.mean[node]) * (lead + 1) + score * spread
    return level, (h + p) * NormalDist().pdf(score) * spread


def base_stock_cost(case: Case, level: float) -> float:
    """The mean cost of ordering up to `level`, for one backlogged store with normal demand."""
    node, lead = _single(case)
    h, p = float(case.holding[node]), float(case.penalty[node])
    spread = float(case.sd[node]) * math.sqrt(lead + 1)
    score = (level - float(case.mean[node]) * (lead + 1)) / spread
    normal = NormalDist()
    # unit normal loss function: mean shortage in standard deviations
    loss = normal.pdf(score) - score * (1 - normal.cdf(score))
    return spread * (h * score + (h + p) * loss)


def _check_simple(case: Case) -> None:
    """Refuses costs of orders, multiples, reviews and seasons, which no reference here knows."""
    if not case.simple:
        raise InstanceError("the references are for orders that are free in size and time")


def _single(case: Case) -> tuple[int, int]:
    """The store and the lead time of the smallest network; an error for any other."""
    _check_simple(case)
    if len(case.nodes) != 1 or len(case.source) != 1:
        raise InstanceError("this reference is for one store with one supplier", field="nodes")
    return 0, int(case.lead[0])


# ---- one store, lost sales


def probabilities(case: Case, node: int) -> np.ndarray:
    """The probabilities of 0, 1, 2, ... units of demand in a period."""
    mean, kind = float(case.mean[node]), KINDS[int(case.kind[node])]
    if kind == "poisson":
        chances, k = [math.exp(-mean)], 0
        while 1 - math.fsum(chances) > TAIL and k < 10 * mean + 100:
            k += 1
            chances.append(chances[-1] * mean / k)
    elif kind == "geometric":
        failure = mean / (1 + mean)
        count = 1 if mean == 0 else math.ceil(math.log(TAIL) / math.log(failure))
        chances = [(1 - failure) * failure**k for k in range(count)]
    else:
        raise InstanceError("exact lost sales need poisson or geometric demand", value=kind)
    chances[-1] += 1 - math.fsum(chances)
    return np.array(chances)


@dataclass(frozen=True)
class LostSales:
    """One store with lost sales and whole units (Zipkin 2008, Operations Research 56(5)).

    Attributes:
        demand: probabilities; holding, penalty: a unit and period; lead: L >= 1 periods.
    """

    demand: np.ndarray
    holding: float
    penalty: float
    lead: int

    @classmethod
    def of(cls, case: Case) -> "LostSales":
        """Of a case of one such store. Raises InstanceError for any other."""
        node, lead = _single(case)
        if not case.lost[node] or lead < 1:
            raise InstanceError("this reference is for lost sales and a lead time of 1 or more")
        h, p = float(case.holding[node]), float(case.penalty[node])
        return cls(probabilities(case, node), h, p, lead)

    def quantile(self, periods: int) -> int:
        """The quantile of that many periods' demand at the critical ratio."""
        total = np.ones(1)
        for _ in range(periods):
            total = np.convolve(total, self.demand)
        ratio = self.penalty / (self.penalty + self.holding)
        return int(np.searchsorted(total.cumsum(), ratio))

    def optimum(self) -> float:
        """The least mean cost of any policy, by relative value iteration."""
        stock = self.quantile(self.lead + 1) + MARGIN
        order = self.quantile(1) + MARGIN
        return self._iterate(stock, order, None)

    def capped(self, level: int, cap: int) -> float:
        """The mean cost of ordering up to `level`, but at most `cap`."""
        return self._iterate(level, min(cap, level), level)

    def best_base_stock(self) -> tuple[float, int]:
        """Least cost and level, by descent: the cost is convex in the level (Janakiraman 2004)."""
        level = self.quantile(self.lead + 1)
        cost = self.capped(level, level)
        while level > 1 and (lower := self.capped(level - 1, level - 1)) < cost:
            cost, level = lower, level - 1
        return cost, level

    def best_capped(self) -> tuple[float, int, int]:
        """Least cost, level and cap, by descent over neighbours from a newsvendor's level."""
        cap = max(1, round(float(self.demand @ np.arange(len(self.demand)))) + 1)
        level = self.quantile(self.lead + 1)
        known: dict[tuple[int, int], float] = {}

        def cost(at: tuple[int, int]) -> float:
            if at not in known:
                known[at] = self.capped(*at)
            return known[at]

        best = level, cap
        while True:
            steps = [(best[0] + i, best[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            least = min((at for at in steps if min(at) >= 1), key=cost)
            if cost(least) >= cost(best):
                return cost(best), *best
            best = least

    def _iterate(self, stock: int, order: int, level: int | None) -> float:
        """Relative value iteration over states (on hand, due in 1, ..., L - 1 periods).

        Args:
            stock, order: the most that is looked at; level: of a fixed rule, None to choose best.
        """
        x, q, due = stock + 1, order + 1, self.lead - 1
        if float(x) * q ** (due + 1) > LARGEST:
            raise InstanceError("too many states for value iteration", value=x * q ** (due + 1))
        leftover, period = self._period(x)
        choice = None
        if level is not None:
            position = np.arange(x).reshape(-1, *[1] * due)
            for k in range(due):
                position = position + np.arange(q).reshape(-1, *[1] * (due - 1 - k))
            choice = np.clip(level - position, 0, order)[..., None]
        value = np.zeros((x, *[q] * due))
        cost = period.reshape(-1, *[1] * due)
        for _ in range(SWEEPS):
            ahead = self._ahead(value, leftover, x, q)
            best = (
                ahead.min(-1) if choice is None else np.take_along_axis(ahead, choice, -1)[..., 0]
            )
            new = cost + best
            change = new - value
            low, high = float(change.min()), float(change.max())
            value = new - new.flat[0]
            if high - low < 1e-6:
                return (low + high) / 2
        raise InstanceError("value iteration did not converge", value=SWEEPS)

    def _period(self, x: int) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities ``[x, y]`` of leftover stock y, and the mean cost ``[x]`` of a period."""
        on_hand = np.arange(x)[:, None]
        wanted = np.arange(len(self.demand))[None]
        left = np.maximum(on_hand - wanted, 0)
        chance = np.zeros((x, x))
        rows = np.broadcast_to(on_hand, left.shape)
        np.add.at(chance, (rows, left), np.broadcast_to(self.demand, left.shape))
        price = self.holding * left + self.penalty * np.maximum(wanted - on_hand, 0)
        return chance, price @ self.demand

    @staticmethod
    def _ahead(value: np.ndarray, leftover: np.ndarray, x: int, q: int) -> np.ndarray:
        """``[x, q_1, ..., q_{L-1}, order]``: mean value of the next state."""
        rest = value.reshape(x, -1)  # next: on hand, due, ..., order
        parts = []
        for arriving in range(q):
            arrived = rest[np.minimum(np.arange(x) + arriving, x - 1)]
            parts.append(leftover @ arrived)
        return np.stack(parts, 1).reshape(x, *[q] * value.ndim)


# ---- serial systems


def clark_scarf(case: Case) -> tuple[float, dict[str, float]]:
    """Least mean cost of a serial system with backlogged normal demand, and echelon levels.

    The recursion of Clark & Scarf (1960) on a grid, with demand clipped at zero where the case says
    so, less the constant cost of what is in transit.
    """
    _check_simple(case)
    nodes = chain(case)
    if nodes is None or case.lost[nodes[0]] or case.kind[nodes[0]] != KINDS.index("normal"):
        raise InstanceError("the recursion is for serial systems with backlogged normal demand")
    store = nodes[0]
    mean, sd = float(case.mean[store]), float(case.sd[store])
    density = _density(mean, sd, bool(case.clip[store]))
    leads = [lead_of(case, node) for node in nodes]
    local = [float(case.holding[node]) for node in nodes]
    top = mean * (sum(leads) + 2) + 8 * sd * math.sqrt(sum(leads) + 2)
    grid = np.arange(-2 * top, top, GRID)
    penalty, cost = float(case.penalty[store]), np.zeros(0)
    levels: dict[str, float] = {}
    average = clipped_moments(mean, sd)[0] if case.clip[store] else mean
    transit = 0.0
    for stage, (node, lead) in enumerate(zip(nodes, leads, strict=True)):
        above = local[stage + 1] if stage + 1 < len(nodes) else 0.0
        echelon = local[stage] - above
        transit += above * average * lead
        if stage == 0:
            own = echelon * grid + (penalty + local[0]) * np.maximum(-grid, 0)
            cost = _expected(own, density, lead + 1)
        else:
            held = _expected(echelon * grid, density, lead + 1)
            # what is below can be raised only as far as this stage's stock reaches
            best = int(cost.argmin())
            reached = np.where(np.arange(len(grid)) < best, cost, cost[best])
            cost = held + _expected(reached, density, lead)
        levels[case.nodes[node]] = float(grid[int(cost.argmin())])
    return float(cost.min()) - transit, levels


def _density(mean: float, sd: float, clip: bool) -> tuple[np.ndarray, int]:
    """Probabilities on the grid, and the grid index of the first one."""
    low = 0 if clip else math.floor((mean - 9 * sd) / GRID)
    high = math.ceil((mean + 9 * sd) / GRID)
    edges = (np.arange(low, high + 2) - 0.5) * GRID
    normal = NormalDist(mean, sd)
    below = np.array([normal.cdf(edge) for edge in edges.tolist()])
    if clip:
        below[0] = 0.0
    below[-1] = 1.0
    return np.diff(below), low


def _expected(values: np.ndarray, density: tuple[np.ndarray, int], periods: int) -> np.ndarray:
    """``E[f(y - D)]`` over that many periods' demand; linear beyond the grid's left end."""
    chance, first = density
    for _ in range(periods):
        reach = len(chance) + first
        slope = values[1] - values[0]
        left = values[0] + slope * np.arange(-reach, 0)
        right = np.full(max(-first, 0), values[-1]) + (values[-1] - values[-2]) * np.arange(
            1, max(-first, 0) + 1
        )
        wide = np.concatenate([left, values, right])
        whole = np.convolve(wide, chance)
        start = reach - first
        values = whole[start : start + len(values)]
    return values


# ---- a cross-dock and many stores


def transshipment_bound(case: Case) -> float:
    """A lower bound of the whole network's cost: stores may rebalance at will.

    Federgruen & Zipkin (1984): one cross-dock, stores of equal costs and lead times, backlogged
    normal demand that is not clipped.
    """
    _check_simple(case)
    stores = case.stores
    inner = case.source >= 0
    leads, first = set(case.lead[inner].tolist()), case.lead[~inner].tolist()
    h, p = set(case.holding[stores].tolist()), set(case.penalty[stores].tolist())
    if len(leads) != 1 or len(first) != 1 or len(h) != 1 or len(p) != 1 or case.keeps.all():
        raise InstanceError("the bound is for one cross-dock and stores of equal costs and leads")
    holding, penalty, lead = h.pop(), p.pop(), leads.pop()
    sds = case.sd[stores]
    total = case.correlation * sds.sum() ** 2 + (1 - case.correlation) * (sds**2).sum()
    spread = math.sqrt(sds.sum() ** 2 * (lead + 1) + first[0] * total)
    score = NormalDist().inv_cdf(penalty / (penalty + holding))
    return (holding + penalty) * NormalDist().pdf(score) * spread
