"""Open multi-depot capacitated pickup and delivery, all vehicles acting at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, HasPublished, HasSymmetries
from nco.core.case import Case, only
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size, unit_square
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.omdcpdp import files

VEHICLES = [3, 10]
LONGEST_REST = 2  # steps of staying up to which a policy sees them counted


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of cases of M vehicles and K orders, scaled into the unit square.

    Nodes are the depots of the vehicles, then the pickups, then the deliveries: N = M + 2 K.
    """

    coords: Tensor  # [B, N, 2] float
    home: Tensor  # [B, M] long, each vehicle's depot
    capacity: Tensor  # [B] long, orders on board
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    scale: Tensor | None = None  # [B] float, the source's units in one side of the square

    @property
    def vehicles(self) -> int:
        """M, padding included."""
        return self.home.shape[1]

    @property
    def orders(self) -> int:
        """K, padding included."""
        return (self.coords.shape[1] - self.vehicles) // 2

    def counts(self) -> tuple[Tensor, Tensor]:
        """Vehicles and orders that exist, ``[B]`` each."""
        exists = self.exists
        if exists is None:
            exists = torch.ones(self.coords.shape[:2], dtype=torch.bool, device=self.device)
        depots, stops = exists.tensor_split([self.vehicles], 1)
        return depots.sum(1), stops.sum(1) // 2


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Routes so far."""

    current: Tensor  # [B, S, M] long, where each vehicle is
    length: Tensor  # [B, S, M] float, of its way, in sides of the square: its own time
    waiting: Tensor  # [B, S, K] bool, orders not yet picked up
    board: Tensor  # [B, S, M, K] bool, orders on board of each vehicle
    cost_so_far: Tensor  # [B, S] float, the sum of the arrivals so far, in the source's units
    rest: Tensor  # [B, S, M] long, for how many steps each has stayed, up to LONGEST_REST
    idle: Tensor  # [B, S] bool, nobody moved in the last step


class OMDCPDP(Problem[Instance, State], HasSymmetries, HasCases, HasPublished):
    """Deliver every order as early as possible on average, with vehicles that do not return.

    - instance: M vehicles, each at a depot of its own; K orders with a pickup and a delivery;
      at most `capacity` orders on board;
    - nodes: ``x, y``; the way to the other end of the order, of pickups (``to_delivery_x, _y``) and
      of deliveries (``to_pickup_x, _y``); ``is_pickup, is_delivery``; of depots 1 / capacity
      (``depot_capacity_inverse``); focus: ``depot, current``;
    - context of a vehicle: its ``time`` and ``load``, for how many steps it has stayed (``rest``),
      and the shares of all orders that are ``waiting`` and ``undelivered``;
    - moves: ``distance``; of deliveries ``distance_to_delivery``; of pickups the ``delay`` of the
      load (way times load), the way ``onward`` to the delivery, and how far ``behind_first`` one is
      there; ``is_delivery, is_own_place``;
    - action of each vehicle: the node to go to, its own place being to stay. A step is no unit of
      time: every vehicle has its own clock, which its own way alone moves on;
    - mask: pickups that nobody made while there is room; deliveries of what is on board; staying
      only with an empty board. When nobody has moved in a step, the nearest to a waiting order may
      not stay in the next one, so that every policy comes to an end;
    - shared: pickups; who loses one stays for a step, whatever is on board;
    - end: all delivered; then everybody stays;
    - cost: the sum of the arrival times at deliveries, in the source's units, at speed 1;
    - generator: Berto et al. (2024), "PARCO", uniform points; `size` counts orders, so the paper's
      N = 50 (pickups and deliveries) is ``size=25`` here.

    Args:
        size: number of orders, or ``[low, high]`` drawn for each batch.
        vehicles: number of vehicles, or ``[low, high]`` drawn for each batch; by default 3 to 10.
        capacity: orders on board of a vehicle.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *columns("x", "y", unit=Unit.LENGTH),
            *columns("to_delivery_x", "to_delivery_y", unit=Unit.LENGTH),
            *columns("to_pickup_x", "to_pickup_y", unit=Unit.LENGTH),
            *columns("is_pickup", "is_delivery", "depot_capacity_inverse"),
        ),
        context=(
            Column("time", Unit.TIME),
            Column("load", Unit.LOAD),
            *columns("rest", "waiting", "undelivered"),
        ),
        focus=("depot", "current"),
        moves=(
            *columns("distance", "distance_to_delivery", "delay", "onward", unit=Unit.LENGTH),
            Column("behind_first", Unit.LENGTH),
            *columns("is_delivery", "is_own_place"),
        ),
    )
    tiny: ClassVar[int] = 2

    def __init__(
        self,
        size: int | list[int] = 25,
        vehicles: int | list[int] | None = None,
        capacity: int = files.CAPACITY,
        points: Points | None = None,
    ) -> None:
        self.size = check_size(size)
        try:
            self.vehicles = check_size(VEHICLES if vehicles is None else vehicles)
        except ValueError as error:
            raise ValueError(str(error).replace("size", "vehicles")) from error
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        self.capacity = capacity
        self.points = points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        orders, vehicles = draw_size(self.size, generator), draw_size(self.vehicles, generator)
        device = generator.device
        coords = self.points.draw(batch, vehicles + 2 * orders, generator)
        home = torch.arange(vehicles, device=device).repeat(batch, 1)
        return Instance(coords, home, torch.full((batch,), self.capacity, device=device))

    def features(self, instance: Instance) -> Features:
        """Position; of pickups and deliveries the way to the other end; kinds; 1 / capacity."""
        coords, vehicles, orders = instance.coords, instance.vehicles, instance.orders
        counts = torch.tensor([vehicles, orders, orders], device=instance.device)
        kinds = torch.eye(3, device=instance.device).repeat_interleave(counts, 0)  # [N, 3]
        depot, pickup, delivery = kinds.expand(len(coords), -1, -1).split(1, -1)
        way = _partners(coords, vehicles) - coords
        tight = depot / instance.capacity[:, None, None]
        nodes = torch.cat([coords, way * pickup, way * delivery, pickup, delivery, tight], -1)
        return Features(nodes, instance.exists, coords)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, device = len(instance), instance.device
        waiting = torch.ones(batch, instance.orders, dtype=torch.bool, device=device)
        if instance.exists is not None:
            waiting = instance.exists[:, instance.vehicles :][:, : instance.orders]
        current = instance.home[:, None].repeat(1, rollouts, 1)
        none = torch.zeros(batch, rollouts, dtype=torch.bool, device=device)
        return State(
            current,
            torch.zeros(current.shape, device=device),
            waiting[:, None].repeat(1, rollouts, 1),
            none[..., None, None].repeat(1, 1, instance.vehicles, instance.orders),
            torch.zeros(batch, rollouts, device=device),
            torch.zeros_like(current),
            none,
        )

    def observe(self, instance: Instance, state: State) -> Observation:
        load = state.board.sum(-1)  # [B, S, M]
        room = load < instance.capacity[:, None, None]
        if instance.exists is not None:
            room = room & instance.exists[:, None, : instance.vehicles]
        pickups = state.waiting[:, :, None] & room[..., None]
        depots = pickups.new_zeros(*load.shape, instance.vehicles)
        away = _away(instance, state.current)
        mask = torch.cat([depots, pickups, state.board], -1)
        stays = (load == 0) & ~self._summoned(instance, state, away)
        mask = mask.scatter(-1, state.current[..., None], stays[..., None])
        home = instance.home[:, None].expand_as(state.current)
        left = state.waiting | state.board.any(2)
        alive = torch.cat([depots[:, :, 0], state.waiting, left], -1)
        shared = torch.zeros_like(alive)
        shared[..., instance.vehicles : instance.vehicles + instance.orders] = True
        return Observation(
            mask,
            torch.stack([home, state.current], -1),
            self._context(instance, state, load, left),
            alive,
            stay=state.current,
            shared=shared,
            moves=self._moves(instance, state, away, room),
        )

    def _context(self, instance: Instance, state: State, load: Tensor, left: Tensor) -> Tensor:
        """Of each vehicle time, load and rest, and the shares of orders waiting, undelivered."""
        _, orders = instance.counts()
        shares = [part.sum(-1) / orders[:, None] for part in (state.waiting, left)]
        everyone = [share[..., None].expand_as(state.length) for share in shares]
        own = [state.length, load / instance.capacity[:, None, None], state.rest / LONGEST_REST]
        return torch.stack([*own, *everyone], -1).float()

    def _moves(self, instance: Instance, state: State, away: Tensor, room: Tensor) -> Tensor:
        """Of each vehicle and node: the way there; the same at deliveries alone; at pickups alone
        the way times the load that it delays, the way on to the delivery, and how much later one
        is there than whoever with `room` ``[B, S, M]`` is first; whether it is a delivery; whether
        it is the vehicle's own place."""
        vehicles, orders = instance.vehicles, instance.orders
        node = torch.arange(away.shape[-1], device=away.device)
        fetches = (node >= vehicles) & (node < vehicles + orders)
        brings = (node >= vehicles + orders).expand_as(away)
        pickups, deliveries = instance.coords[:, vehicles:].chunk(2, 1)
        on = torch.zeros_like(instance.coords[..., 0])
        on[:, vehicles : vehicles + orders] = (deliveries - pickups).norm(dim=-1)
        load = state.board.sum(-1) / instance.capacity[:, None, None]
        delays = away * (load[..., None] * fetches)
        arrival = state.length[..., None] + away
        first = arrival.masked_fill(~room[..., None], torch.inf).amin(2, keepdim=True)
        behind = (arrival - first).clamp_min(0) * (fetches & room[..., None])
        # nobody may have room: then the first is there at infinity, and nobody is behind
        parts = [away, away * brings, delays, on[:, None, None].expand_as(away), behind]
        stay = _marked(state.current, away.shape[-1])
        return torch.stack([*parts, brings.float(), stay.float()], -1)

    def _summoned(self, instance: Instance, state: State, away: Tensor) -> Tensor:
        """The vehicle ``[B, S, M]`` that must fetch something because nobody moved, if any."""
        near = away[..., instance.vehicles :][..., : instance.orders]
        near = near.masked_fill(~state.waiting[:, :, None], torch.inf).amin(-1)
        if instance.exists is not None:
            near = near.masked_fill(~instance.exists[:, None, : instance.vehicles], torch.inf)
        nearest = _marked(near.argmin(-1), instance.vehicles)
        return nearest & (state.idle & state.waiting.any(-1))[..., None]

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        length = state.length + _legs(instance, state.current, action)
        first = instance.vehicles
        fetched = _marked(action - first, instance.orders)
        brought = _marked(action - first - instance.orders, instance.orders) & state.board
        arrivals = (length * brought.any(-1)).sum(-1)
        if instance.scale is not None:
            arrivals = arrivals * instance.scale[:, None]
        cost = state.cost_so_far + arrivals
        waiting = state.waiting & ~fetched.any(2)
        # who stays at a pickup has fetched it before, and may have delivered it since
        board = (state.board & ~brought) | (fetched & state.waiting[:, :, None])
        over = ~(state.waiting.any(-1) | state.board.any(-1).any(-1))
        still = action == state.current
        rest = torch.where(still, (state.rest + 1).clamp_max(LONGEST_REST), 0)
        rest = torch.where(over[..., None], state.rest, rest)
        idle = still.all(-1) & ~over
        return State(
            action, length, waiting, board, cost, rest, torch.where(over, state.idle, idle)
        )

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~(state.waiting.any(-1) | state.board.any(-1).any(-1))

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        home = instance.home[:, None, None].expand(-1, actions.shape[1], 1, -1)
        path = torch.cat([home, actions], 2)
        before, after = path[:, :, :-1], path[:, :, 1:]
        arrival = _legs(instance, before, after).cumsum(2)
        delivers = (after >= instance.vehicles + instance.orders) & (after != before)
        total = (arrival * delivers).sum((2, 3))
        return total if instance.scale is None else total * instance.scale[:, None]

    def horizon(self, instance: Instance) -> tuple[int, int]:
        """Nobody can idle but with empty boards, and not twice in a row."""
        vehicles, orders = instance.counts()
        least = int((2 * ((orders + vehicles - 1) // vehicles)).min())
        return least, 3 * instance.orders

    # ----------------------------------------------------------------------------------------------
    # Solutions and cases

    def symmetries(self, instance: Instance) -> list[Instance]:
        return [replace(instance, coords=image) for image in dihedral(instance.coords)]

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[int]]]:
        """For each vehicle its stops: order numbers from 1, negative where delivered."""
        counts, first, orders = instance.counts()[0].tolist(), instance.vehicles, instance.orders
        plans = []
        for b, count in enumerate(counts):
            routes: list[list[int]] = []
            for nodes in actions[b].T.tolist()[:count]:
                moves = [node for t, node in enumerate(nodes) if t == 0 or node != nodes[t - 1]]
                stops = [node - first + 1 for node in moves if node >= first]
                routes.append([stop if stop <= orders else orders - stop for stop in stops])
            plans.append(routes)
        return plans

    def actions(self, instance: Instance, solutions: Sequence[list[list[int]]]) -> Tensor:
        """``[B, T, M]``: each vehicle makes its stops one after another and then stays."""
        first, orders = instance.vehicles, instance.orders
        total = max(len(route) for plan in solutions for route in plan)
        actions = instance.home[:, None].repeat(1, max(total, 1), 1)
        for b, plan in enumerate(solutions):
            for vehicle, route in enumerate(plan):
                nodes = [first - 1 + (stop if stop > 0 else orders - stop) for stop in route]
                if nodes:
                    nodes += nodes[-1:] * (total - len(nodes))
                    actions[b, :, vehicle] = torch.tensor(nodes, device=instance.device)
        return actions

    def load(self, cases: Sequence[Case]) -> Instance:
        return load(cases)

    def cases(self, instance: Instance) -> list[Case]:
        first, orders = instance.vehicles, instance.orders
        scales = [1.0] * len(instance) if instance.scale is None else instance.scale.tolist()
        counts = zip(*(count.tolist() for count in instance.counts()), strict=True)
        cases: list[Case] = []
        for b, (vehicles, real) in enumerate(counts):
            coords = instance.coords[b].double().cpu().numpy() * scales[b]
            cases.append(
                files.Case(
                    name=f"omdcpdp{real}-{vehicles}-{b}",
                    depots=coords[:vehicles],
                    pickups=coords[first : first + real],
                    deliveries=coords[first + orders : first + orders + real],
                    capacity=int(instance.capacity[b]),
                )
            )
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """Seeded sets of our own: the paper's was made in a way that cannot be repeated.

        Of each instance in turn ``numpy.random.RandomState(seed)`` draws the number of vehicles
        where that is a range, and then depots, pickups and deliveries, uniform in the unit square.
        The seed of the paper's files is 3333.
        """
        random = np.random.RandomState(seed)
        cases: list[Case] = []
        for b in range(count):
            vehicles = self.vehicles
            if not isinstance(vehicles, int):
                vehicles = int(random.randint(vehicles[0], vehicles[1] + 1))
            cases.append(
                files.Case(
                    name=f"omdcpdp{size}-{vehicles}-{seed}-{b}",
                    depots=random.uniform(size=(vehicles, 2)),
                    pickups=random.uniform(size=(size, 2)),
                    deliveries=random.uniform(size=(size, 2)),
                    capacity=self.capacity,
                )
            )
        return cases


def load(cases: Sequence[Case]) -> Instance:
    """A padded batch of cases, each moved and scaled into the unit square."""
    stated = only(cases, files.Case)
    vehicles = max(len(case.depots) for case in stated)
    orders = max(case.size for case in stated)
    coords = torch.zeros(len(stated), vehicles + 2 * orders, 2)
    exists = torch.zeros(coords.shape[:2], dtype=torch.bool)
    scales = []
    for b, case in enumerate(stated):
        parts = (case.depots, case.pickups, case.deliveries)
        square, scale = unit_square(np.concatenate(parts))
        scales.append(scale)
        real = len(case.depots)
        begins = (0, vehicles, vehicles + orders)
        split = np.split(square, [real, real + case.size])
        for begin, part in zip(begins, split, strict=True):
            coords[b, begin : begin + len(part)] = torch.from_numpy(part).float()
            exists[b, begin : begin + len(part)] = True
    return Instance(
        coords,
        torch.arange(vehicles).repeat(len(stated), 1),
        torch.tensor([case.capacity for case in stated]),
        None if bool(exists.all()) else exists,
        None if all(scale == 1 for scale in scales) else torch.tensor(scales),
    )


def _partners(coords: Tensor, vehicles: int) -> Tensor:
    """Of each node of ``[B, N, 2]`` the other end of its order; of depots themselves."""
    depots, stops = coords.tensor_split([vehicles], 1)
    pickups, deliveries = stops.chunk(2, 1)
    return torch.cat([depots, deliveries, pickups], 1)


def _away(instance: Instance, node: Tensor) -> Tensor:
    """From `node` ``[B, S, M]`` to every node, ``[B, S, M, N]``, in sides of the square."""
    # the default way of many points, by products, loses half of the digits
    exact = "donot_use_mm_for_euclid_dist"
    every = torch.cdist(instance.coords, instance.coords, compute_mode=exact)
    rows = torch.arange(len(node), device=node.device)[:, None, None]
    return every[rows, node]


def _legs(instance: Instance, start: Tensor, end: Tensor) -> Tensor:
    """Distances between nodes of equal shapes ``[B, ...]``, in sides of the square."""
    rows = torch.arange(len(start), device=start.device).reshape(-1, *[1] * (start.ndim - 1))
    return (instance.coords[rows, end] - instance.coords[rows, start]).norm(dim=-1)


def _marked(number: Tensor, count: int) -> Tensor:
    """``[..., count]`` bool: which one `number` is, if any."""
    return number[..., None] == torch.arange(count, device=number.device)
