"""The orienteering problem."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import (
    HasCases,
    HasEquivalents,
    HasPublished,
    HasRemaining,
    HasStarts,
    HasSymmetries,
    Paddable,
    Replayable,
)
from nco.core.case import Case, only
from nco.core.defaults import pad_nodes
from nco.core.errors import NCOError
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema, Unit, columns
from nco.problems._routing.embedding import View, view
from nco.problems.op import files

Prize = Literal["distance", "constant", "uniform"]
LIMITS = {20: 2.0, 50: 3.0, 100: 4.0}  # Kool et al. (2019)
# Of the limit, in float64: far above its rounding and below both the checker's tolerance and, up
# to limits of 10^9, one unit of a metric of whole numbers.
TOLERANCE = 1e-9
# how distances in the plane are rounded in the source's units, where they are
ROUNDINGS = ("EUCLIDEAN", "EUC_2D", "CEIL_2D", "ATT")
ATT_UNITS = math.sqrt(0.1)  # an ATT distance is this times the plane's, rounded up
MARGIN = 0.1  # of the limit: what a second way from either end is too long by
SCALED = 1e-8  # in the source's units: more than scaling makes of a whole number


def literature_limit(customers: int) -> float:
    """The route limit of the literature, interpolated; beyond its sizes by the square root."""
    sizes = list(LIMITS)
    if not sizes[0] <= customers <= sizes[-1]:
        nearest = sizes[0] if customers < sizes[0] else sizes[-1]
        return LIMITS[nearest] * math.sqrt(customers / nearest)
    return float(np.interp(customers, sizes, list(LIMITS.values())))


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of orienteering problems, node 0 the depot, scaled into the unit square."""

    coords: Tensor  # [B, N, 2] double, N = customers + 1
    prizes: Tensor  # [B, N] double, in the source's units; padding 0
    limit: Tensor  # [B] double, in sides of the square
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    distances: Tensor | None = None  # [B, N, N] double, where they are not the plane's
    scale: Tensor | None = None  # [B] double, the source's units in one side of the square
    rounding: Tensor | None = None  # [B] long, index into ROUNDINGS; None: nothing is rounded


@dataclass(frozen=True, eq=False)
class State(Batch):
    """A partial route."""

    current: Tensor  # [B, S] long
    left: Tensor  # [B, S] double, of the limit, in sides of the square
    unvisited: Tensor  # [B, S, N] bool, customers that exist and are not on the route
    over: Tensor  # [B, S] bool, back at the depot for good


class OP(
    Problem[Instance, State],
    HasStarts,
    HasEquivalents,
    HasSymmetries,
    Replayable,
    Paddable,
    HasRemaining,
    HasCases,
    HasPublished,
):
    """Collect the most prize on one route from the depot and back within a length limit.

    - instance: `coords` (or `distances` where a file gives its own), `prizes`, `limit`;
    - nodes: ``x, y, prize`` (in shares of the highest), ``is_depot``; context: ``left`` of the
      limit; focus: ``depot, current``;
    - action: the next node, 0 being the return to the depot, which ends the route;
    - mask: customers not yet visited from which the way home is still within the limit; the depot,
      but not as the first action where any customer can be reached;
    - end: the return; a finished row may only choose the depot again;
    - cost: minus the prize collected, in the source's units;
    - generator: Kool, van Hoof & Welling (2019), after Fischetti et al. (1998).

    Where distances break the triangle inequality (rounding, matrices), a route some beginning of
    which has no direct way home within the limit cannot be played.

    Args:
        size: number of customers, or ``[low, high]`` drawn for each batch.
        prize: of a customer: by its ``distance`` from the depot (0.01 to 1), ``constant`` 1, or
            ``uniform`` over 0.01, 0.02 to 1.
        limit: of the route's length; by default the literature's for the size.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(*columns("x", "y", unit=Unit.LENGTH), *columns("prize", "is_depot")),
        context=columns("left", unit=Unit.LENGTH),
        focus=("depot", "current"),
    )

    def __init__(
        self,
        size: int | list[int] = 50,
        prize: Prize = "distance",
        limit: float | None = None,
        points: Points | None = None,
    ) -> None:
        self.size = check_size(size)
        if prize not in get_args(Prize):
            raise ValueError(f"prize must be one of {', '.join(get_args(Prize))}, not {prize}")
        if limit is not None and not 0 < limit < math.inf:
            raise ValueError(f"limit must be positive, not {limit}")
        self.prize = prize
        self.limit = limit
        self.points = points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        customers = draw_size(self.size, generator)
        device = generator.device
        coords = self.points.draw(batch, customers + 1, generator).double()
        shape = (batch, customers + 1)
        if self.prize == "constant":
            hundredths = torch.full(shape, 100, device=device)
        elif self.prize == "uniform":
            hundredths = torch.randint(1, 101, shape, generator=generator, device=device)
        else:
            home = (coords - coords[:, :1]).norm(dim=-1)
            farthest = home.amax(-1, keepdim=True).clamp_min(torch.finfo(home.dtype).tiny)
            hundredths = 1 + (home / farthest * 99).long()
        hundredths = hundredths.scatter(1, hundredths.new_zeros(batch, 1), 0)
        limit = self.limit or literature_limit(customers)
        full = torch.full((batch,), limit, dtype=torch.double, device=device)
        return Instance(coords, hundredths.double() / 100, full)

    def features(self, instance: Instance) -> Features:
        depot = torch.zeros_like(instance.prizes)
        depot[:, 0] = 1
        prizes = instance.prizes * (1 - depot)  # the depot's is had anyway
        highest = prizes.amax(-1, keepdim=True)
        share = prizes / highest.clamp_min(torch.finfo(highest.dtype).tiny)
        xy = instance.coords.float()
        nodes = torch.cat([xy, torch.stack([share, depot], -1).float()], -1)
        edges = None if instance.distances is None else instance.distances[..., None].float()
        return Features(nodes, instance.exists, xy, edges)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, count = instance.prizes.shape
        device = instance.device
        unvisited = torch.ones(batch, rollouts, count, dtype=torch.bool, device=device)
        if instance.exists is not None:
            unvisited = instance.exists[:, None].repeat(1, rollouts, 1)
        unvisited[:, :, 0] = False
        return State(
            torch.zeros(batch, rollouts, dtype=torch.long, device=device),
            instance.limit[:, None].repeat(1, rollouts),
            unvisited,
            torch.zeros(batch, rollouts, dtype=torch.bool, device=device),
        )

    def observe(self, instance: Instance, state: State) -> Observation:
        home = self._away(instance, torch.zeros_like(state.current[:, :1]))
        further = self._away(instance, state.current) + home  # to each node and home from there
        room = state.left + TOLERANCE * instance.limit[:, None]
        alive = state.unvisited & (further <= room[..., None]) & ~state.over[..., None]
        mask = alive.clone()
        mask[:, :, 0] = (state.current > 0) | ~alive.any(-1)
        focus = torch.stack([torch.zeros_like(state.current), state.current], -1)
        return Observation(mask, focus, state.left[..., None].float(), alive)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        # a finished row stands at the depot, from where the way to the depot takes nothing
        left = state.left - self._legs(instance, state.current, action)
        unvisited = state.unvisited.scatter(-1, action[..., None], False)
        return State(action, left, unvisited, state.over | (action == 0))

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.over

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        batch, rollouts, _ = actions.shape
        # a customer pays once, and the depot always
        taken = instance.prizes.new_zeros(batch, rollouts, instance.prizes.shape[1])
        taken[:, :, 0] = 1
        return -(taken.scatter(-1, actions, 1.0) * instance.prizes[:, None]).sum(-1)

    def horizon(self, instance: Instance) -> tuple[int, int]:
        return 1, instance.prizes.shape[1]  # every customer, and the return

    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        """In closed form, from the customers' ranks and cumulated lengths."""
        batch, rollouts, total = actions.shape
        when = torch.arange(total, device=actions.device)
        if steps is None:
            steps = when.expand(batch, rollouts, total)
        count = instance.prizes.shape[1]
        rank = torch.full((batch, rollouts, count), total, device=actions.device)
        rank = rank.scatter(-1, actions, when.expand_as(actions))
        unvisited = rank[:, :, None] >= steps[..., None]
        unvisited[..., 0] = False
        if instance.exists is not None:
            unvisited &= instance.exists[:, None, None]
        path = torch.cat([torch.zeros_like(actions[:, :, :1]), actions], 2)
        spent = self._legs(instance, path[:, :, :-1], path[:, :, 1:]).cumsum(-1)
        left = instance.limit[:, None, None] - torch.cat([spent[:, :, :1] * 0, spent], 2)
        over = torch.cat([path[:, :, :1] > 0, (actions == 0).cummax(-1).values], 2)
        return State(path.gather(2, steps), left.gather(2, steps), unvisited, over.gather(2, steps))

    def padded(self, instance: Instance, nodes: int) -> Instance:
        return pad_nodes(instance, instance.prizes.shape[1], nodes)

    # ----------------------------------------------------------------------------------------------
    # Lengths, in sides of the square

    def _away(self, instance: Instance, node: Tensor) -> Tensor:
        """Distances ``[B, S, N]`` from `node` ``[B, S]`` to every node."""
        rows = torch.arange(len(node), device=node.device)[:, None]
        if instance.distances is not None:
            return instance.distances[rows, node]
        gap = instance.coords[:, None] - instance.coords[rows, node][:, :, None]
        return _rounded(instance, torch.hypot(gap[..., 0], gap[..., 1]))

    def _legs(self, instance: Instance, start: Tensor, end: Tensor) -> Tensor:
        """Distances between nodes of equal shapes ``[B, ...]``."""
        rows = torch.arange(len(start), device=start.device)
        rows = rows.reshape(-1, *[1] * (start.ndim - 1))
        if instance.distances is not None:
            return instance.distances[rows, start, end]
        gap = instance.coords[rows, start] - instance.coords[rows, end]
        return _rounded(instance, torch.hypot(gap[..., 0], gap[..., 1]))

    # ----------------------------------------------------------------------------------------------
    # Starts, equal solutions, images

    def _reachable(self, instance: Instance) -> Tensor:
        """Customers to begin with, ``[B, N]``."""
        alive = self.observe(instance, self.reset(instance, 1)).alive
        assert alive is not None
        return alive[:, 0]

    def start_count(self, instance: Instance) -> int:
        return int(self._reachable(instance).sum(-1).max())

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        """The customers in reach, in their order; the depot where there is none."""
        reachable = self._reachable(instance)
        order = reachable.int().argsort(dim=-1, descending=True, stable=True)
        counts = reachable.sum(-1, keepdim=True)
        place = torch.arange(rollouts, device=order.device) % counts.clamp_min(1)
        return order.gather(1, place).masked_fill(counts == 0, 0)[..., None]

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Each route in a random direction."""
        flip = torch.rand(*actions.shape[:2], 1, generator=generator, device=generator.device)
        length = (actions == 0).int().argmax(-1, keepdim=True)  # the place of the return
        place = torch.arange(actions.shape[2], device=actions.device).expand_as(actions)
        back = actions.gather(2, torch.where(place < length, length - 1 - place, place))
        backwards = (flip < 0.5).to(actions.device)
        if instance.distances is not None or instance.rounding is not None:
            backwards = backwards & self._playable(instance, back)
        return torch.where(backwards, back, actions)

    def _playable(self, instance: Instance, actions: Tensor) -> Tensor:
        """Whether there is a way home all along `actions` ``[B, S, T]``: ``[B, S, 1]`` bool."""
        path = torch.cat([torch.zeros_like(actions[:, :, :1]), actions], 2)
        spent = self._legs(instance, path[:, :, :-1], path[:, :, 1:]).cumsum(-1)
        home = self._legs(instance, actions, torch.zeros_like(actions))
        room = (1 + TOLERANCE) * instance.limit[:, None, None]
        return (spent + home <= room).all(-1, keepdim=True)

    def symmetries(self, instance: Instance) -> list[Instance]:
        return [replace(instance, coords=image) for image in dihedral(instance.coords)]

    # ----------------------------------------------------------------------------------------------
    # Solutions and cases

    def solution(self, instance: Instance, actions: Tensor) -> list[list[int]]:
        return [row[: row.index(0)] if 0 in row else row for row in actions.tolist()]

    def actions(self, instance: Instance, solutions: Sequence[list[int]]) -> Tensor:
        """The customers and the return; a route that more could be added to ends all the same."""
        total = max(len(route) for route in solutions) + 1
        rows = [list(route) + [0] * (total - len(route)) for route in solutions]
        return torch.tensor(rows, device=instance.device)

    def remaining(self, instance: Instance, state: State) -> list[Case]:
        """Routes from the depot by way of a customer who stands for where we are.

        The way to that one costs nothing, and his prize is worth all the others; all other ways
        from the two are so much longer that no route within the limit has more than one of each.
        """
        alive = self.observe(instance, state).alive
        assert alive is not None
        cases: list[Case] = []
        for b, (ends, left) in enumerate(_rests(state, alive)):
            nodes = torch.tensor(ends + left, device=instance.device)
            pairs = nodes.expand(len(nodes), -1)
            legs = self._legs(instance[b : b + 1], pairs.T.reshape(1, -1), pairs.reshape(1, -1))
            distances = legs.view(len(nodes), -1).cpu().numpy()
            prizes = instance.prizes[b, nodes].cpu().numpy()
            prizes[0] = 0
            limit = float(state.left[b, 0])
            if len(ends) > 1:
                more = np.array([MARGIN, 1 + MARGIN]) * limit
                distances[:2] += more[:, None]
                distances[:, :2] += more
                distances[:2, :2] = 0
                limit += float(more.sum())
                prizes[1] = prizes[2:].sum() + 1
            cases.append(
                files.Case(
                    name=f"rest-{b}",
                    metric="EXPLICIT",
                    ids=np.arange(len(nodes)),
                    coords=None,
                    distances=distances,
                    prizes=prizes,
                    limit=limit,
                )
            )
        return cases

    def resumed(self, instance: Instance, state: State, solutions: Sequence[Any]) -> Tensor:
        alive = self.observe(instance, state).alive
        assert alive is not None
        rows: list[list[int]] = []
        pairs = zip(_rests(state, alive), solutions, strict=True)
        for b, ((ends, left), route) in enumerate(pairs):
            if len(ends) > 1:
                route = list(route) if route[:1] == [1] else list(route)[::-1]
                if route[:1] != [1]:
                    raise NCOError(f"row {b}: the route does not go the way that was given")
                route = route[1:]
            rows.append([(ends + left)[place] for place in route])
        return self.actions(instance, rows)

    def load(self, cases: Sequence[Case]) -> Instance:
        return load(cases)

    def cases(self, instance: Instance) -> list[Case]:
        count = instance.prizes.shape[1]
        cases: list[Case] = []
        for b in range(len(instance)):
            real = count if instance.exists is None else int(instance.exists[b].sum())
            scale = 1.0 if instance.scale is None else float(instance.scale[b])
            data: dict[str, object] = {
                "prizes": instance.prizes[b, :real].cpu().numpy(),
                "limit": _unscaled(instance.limit[b], scale),
                "name": f"op{real - 1}-{b}",
            }
            if instance.distances is None:
                data["coords"] = _unscaled(instance.coords[b, :real], scale)
            else:
                data["distances"] = _unscaled(instance.distances[b, :real, :real], scale)
            case = files.from_arrays(data)
            assert case is not None
            if instance.rounding is not None:
                case = replace(case, metric=ROUNDINGS[int(instance.rounding[b])])
            cases.append(case)
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """Kool's sets of 10,000 (1234 test, 4321 validation), which draw all depots first.

        So the first `count` instances are cut out of the whole set.
        """
        random = np.random.RandomState(seed)
        depot = random.uniform(size=(10_000, 1, 2))[:count]
        customers = random.uniform(size=(10_000, size, 2))[:count]
        prizes = np.ones((len(depot), size))
        if self.prize == "uniform":
            prizes = (1 + random.randint(0, 100, size=(10_000, size))[:count]) / 100.0
        elif self.prize == "distance":
            home = np.linalg.norm(depot - customers, axis=-1)
            prizes = (1 + np.floor(home / home.max(-1, keepdims=True) * 99)) / 100.0
        cases = [
            files.from_arrays(
                {
                    "coords": np.concatenate([depot[b], customers[b]]),
                    "prizes": np.concatenate([[0], prizes[b]]),
                    "limit": self.limit or literature_limit(size),
                    "name": f"op{size}-{seed}-{b}",
                }
            )
            for b in range(len(depot))
        ]
        return [case for case in cases if case is not None]


def _rests(state: State, alive: Tensor) -> list[tuple[list[int], list[int]]]:
    """Of states ``[B, 1]``: the depot and where we stand, if elsewhere; the nodes in reach."""
    left = [row[0].nonzero()[:, 0].tolist() for row in alive]
    return [
        ([0, current] if current else [0], nodes)
        for current, nodes in zip(state.current[:, 0].tolist(), left, strict=True)
    ]


def _rounded(instance: Instance, straight: Tensor) -> Tensor:
    """Distances ``[B, ...]`` of the plane as the metric of each instance rounds them."""
    if instance.rounding is None or instance.scale is None:
        return straight
    shape = (-1, *[1] * (straight.ndim - 1))
    kind, scale = instance.rounding.reshape(shape), instance.scale.reshape(shape)
    units = straight * scale
    nearest = (units + 0.5).floor()
    stretched = torch.where(kind == ROUNDINGS.index("ATT"), units * ATT_UNITS, units)
    up = (stretched - SCALED).ceil()
    whole = torch.where(kind == ROUNDINGS.index("EUC_2D"), nearest, up)
    return torch.where(kind == 0, straight, whole / scale)


def _unscaled(values: Tensor, scale: float) -> np.ndarray:
    """Values in the source's units; those that were whole numbers there come back exactly."""
    units = np.asarray(values.double().cpu().numpy() * scale)
    if scale == 1:
        return units
    whole = np.rint(units)
    return np.where(np.abs(units - whole) < SCALED, whole, units)


def load(cases: Sequence[Case]) -> Instance:
    """A padded batch of cases, each as `embedding.view` sees it, its distances exact."""
    batch, most = len(cases), max(case.size for case in cases) + 1
    coords = torch.zeros(batch, most, 2, dtype=torch.double)
    prizes = torch.zeros(batch, most, dtype=torch.double)
    exists = torch.zeros(batch, most, dtype=torch.bool)
    stated = only(cases, files.Case)
    views: list[View] = [view(case) for case in stated]
    for b, (case, seen) in enumerate(zip(stated, views, strict=True)):
        coords[b, : case.size + 1] = torch.from_numpy(seen.coords)
        prizes[b, : case.size + 1] = torch.from_numpy(case.prizes)
        exists[b, : case.size + 1] = True
    scale = torch.tensor([seen.factor for seen in views], dtype=torch.double)
    limit = torch.tensor([case.limit for case in stated], dtype=torch.double) / scale
    distances = rounding = None
    if any(seen.distances is not None for seen in views):
        distances = torch.zeros(batch, most, most, dtype=torch.double)
        for b, (case, seen) in enumerate(zip(stated, views, strict=True)):
            nodes = np.arange(case.size + 1)
            matrix = case.between(nodes[:, None], nodes) / seen.factor
            distances[b, : len(nodes), : len(nodes)] = torch.from_numpy(matrix)
    elif any(case.metric != "EUCLIDEAN" for case in stated):
        rounding = torch.tensor([ROUNDINGS.index(case.metric) for case in stated])
    plain = rounding is None and bool((scale == 1).all())
    padded = not bool(exists.all())
    return Instance(
        coords,
        prizes,
        limit,
        exists if padded else None,
        distances,
        None if plain else scale,
        rounding,
    )
