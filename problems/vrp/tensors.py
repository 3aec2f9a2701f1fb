"""Rich routing as tensors: the instance, the state of a route on its way, and one more stop.

Nodes are numbered for networks: 0 to V-1 are the types of vehicles, each where it starts, and the
clients follow. Everything is in float64, as windows and limits are often met exactly; lengths and
times are in sides of the unit square.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from nco.core.batch import Batch

TOLERANCE = 1e-9  # of loads in capacities, of lengths and times in sides of the square


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of rich routing problems; what an instance does not limit is infinite."""

    coords: Tensor  # [B, N, 2] double, N = V + clients
    demand: Tensor  # [B, N] double, deliveries in capacities of the largest vehicle
    pickup: Tensor  # [B, N] double, the same
    service: Tensor  # [B, N] double; of a type how long it takes to leave
    open: Tensor  # [B, N] double, when service may begin; of a type when it may leave
    close: Tensor  # [B, N] double, when service may begin at the latest; of a type its latest end
    release: Tensor  # [B, N] double, when the goods are at the depot
    prize: Tensor  # [B, N] double, what a client costs that is left out
    required: Tensor  # [B, N] bool, clients that must be served
    leave: Tensor  # [B, V] double, the latest departure
    capacity: Tensor  # [B, V] double, in the source's units
    distance_limit: Tensor  # [B, V] double
    duration_limit: Tensor  # [B, V] double
    fixed: Tensor  # [B, V] double, cost of a route
    unit: Tensor  # [B, V] double, cost of a unit of way
    fleet: Tensor  # [B, V] double, how many there are
    ends: Tensor  # [B, V] bool, its routes end at the depot; False: open ones
    allowed: Tensor  # [B, V, N] bool, clients that it may serve
    after: Tensor  # [B] bool, deliveries of a route come before its pickups
    depot: Tensor  # [B, V] long, the depot's place in the case
    depots: Tensor  # [B] long, how many the case has
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    distances: Tensor | None = None  # [B, N, N] double, where they are not those of the coordinates
    durations: Tensor | None = None  # [B, N, N] double, where they are not the distances
    scale: Tensor | None = None  # [B] double, the source's units of length in one side
    clock: Tensor | None = None  # [B] double, the source's units of time in one side
    price: Tensor | None = None  # [B] double, the source's units of cost in one side

    @property
    def types(self) -> int:
        """V, with those that only pad."""
        return self.capacity.shape[1]

    @property
    def clients(self) -> Tensor:
        """Which nodes are clients, ``[B, N]`` bool."""
        real = torch.ones_like(self.required) if self.exists is None else self.exists.clone()
        real[:, : self.types] = False
        return real

    @property
    def several(self) -> Tensor:
        """Whether there is more than one type of vehicle to choose from, ``[B]`` bool."""
        if self.exists is None:
            return torch.full_like(self.after, self.types > 1)
        return self.exists[:, : self.types].sum(1) > 1

    @property
    def share(self) -> Tensor:
        """Capacities in those of the largest vehicle, ``[B, V]``."""
        return self.capacity / self.capacity.amax(1, keepdim=True).clamp_min(1e-300)


@dataclass(frozen=True, eq=False)
class Trip(Batch):
    """A route from its start to its last stop, as far as that matters for what comes next.

    Times are those of time-window segments (Vidal et al. 2013): a departure between `early` and
    `late` meets all windows and takes `duration` until the end of the last service.
    """

    peak: Tensor  # [B, S] double, the largest load on the way
    picked: Tensor  # [B, S] double, load at the last stop, when all deliveries are made
    early: Tensor  # [B, S] double
    late: Tensor  # [B, S] double
    duration: Tensor  # [B, S] double
    length: Tensor  # [B, S] double, of the way


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Routes so far, and the vehicle on its way."""

    vehicle: Tensor  # [B, S] long, its type; -1: none is chosen yet
    current: Tensor  # [B, S] long, the node where it is
    trip: Trip
    left: Tensor  # [B, S, V] double, vehicles not used yet
    alive: Tensor  # [B, S, N] bool, clients that can still be served
    paid: Tensor  # [B, S] double, ways so far and vehicles, less the prizes of those served
    cost_so_far: Tensor  # [B, S] float, were the vehicle to drive home and the rest to be left out


class Move(NamedTuple):
    """A way to a stop and what is there, all of one shape or of shapes that broadcast."""

    distance: Tensor
    time: Tensor
    demand: Tensor
    pickup: Tensor
    service: Tensor
    open: Tensor
    close: Tensor
    release: Tensor


class Home(NamedTuple):
    """What a route must keep to behind its last stop."""

    distance: Tensor
    time: Tensor
    end: Tensor
    capacity: Tensor
    distance_limit: Tensor
    duration_limit: Tensor


def extended(trip: Trip, move: Move) -> Trip:
    """A route with one more stop, whether or not that is allowed."""
    offset = trip.duration + move.time
    wait = (move.open - offset - trip.late).clamp_min(0)
    early = torch.maximum(move.open - offset, trip.early) - wait
    load = torch.maximum(move.pickup, move.demand)
    return Trip(
        torch.maximum(trip.peak + move.demand, trip.picked + load),
        trip.picked + move.pickup,
        torch.maximum(early, move.release),
        torch.minimum(move.close - offset, trip.late),
        offset + wait + move.service,
        trip.length + move.distance,
    )


def allows(trip: Trip, home: Home) -> Tensor:
    """Whether a route keeps all limits if it goes home from here."""
    duration = trip.duration + home.time
    return (
        (trip.peak <= home.capacity + TOLERANCE)
        & (trip.early <= trip.late + TOLERANCE)
        & (trip.early + duration <= home.end + TOLERANCE)
        & (duration <= home.duration_limit + TOLERANCE)
        & (trip.length + home.distance <= home.distance_limit + TOLERANCE)
    )


def begun(instance: Instance, vehicle: Tensor) -> Trip:
    """Routes of types `vehicle` ``[B, S]`` that leave their depots."""
    nothing = torch.zeros(vehicle.shape, dtype=torch.double, device=vehicle.device)
    early = instance.open.gather(1, vehicle)
    late = instance.leave.gather(1, vehicle)
    return Trip(nothing, nothing, early, late, instance.service.gather(1, vehicle), nothing)


def moves(instance: Instance, current: Tensor) -> Move:
    """From the nodes `current` ``[B, S]`` to all, ``[B, S, N]``."""
    distance, time = ways(instance, current)
    return Move(
        distance,
        time,
        *(
            values[:, None]
            for values in (
                instance.demand,
                instance.pickup,
                instance.service,
                instance.open,
                instance.close,
                instance.release,
            )
        ),
    )


def move(instance: Instance, start: Tensor, end: Tensor) -> Move:
    """From nodes `start` ``[B, S]`` to nodes `end` ``[B, S]``."""
    distance, time = way(instance, start, end)
    return Move(
        distance,
        time,
        instance.demand.gather(1, end),
        instance.pickup.gather(1, end),
        instance.service.gather(1, end),
        instance.open.gather(1, end),
        instance.close.gather(1, end),
        instance.release.gather(1, end),
    )


def homes(instance: Instance, vehicle: Tensor) -> Home:
    """From all nodes to the depots of types `vehicle` ``[B, S]``, ``[B, S, N]``."""
    distance, time = ways(instance, vehicle, back=True)
    ends = instance.ends.gather(1, vehicle)[..., None]
    limits = (instance.close, instance.share, instance.distance_limit, instance.duration_limit)
    return Home(
        distance * ends, time * ends, *(one.gather(1, vehicle)[..., None] for one in limits)
    )


def ways(instance: Instance, node: Tensor, back: bool = False) -> tuple[Tensor, Tensor]:
    """Distances and times ``[B, S, N]`` from nodes ``[B, S]`` to all, or back from all to them."""
    rows = torch.arange(len(node), device=node.device)[:, None]
    if instance.distances is None:
        apart = instance.coords[rows, node][:, :, None] - instance.coords[:, None]
        distance = apart.square().sum(-1).sqrt()
    elif back:
        distance = instance.distances[rows, :, node]
    else:
        distance = instance.distances[rows, node]
    if instance.durations is None:
        return distance, distance
    return distance, instance.durations[rows, :, node] if back else instance.durations[rows, node]


def way(instance: Instance, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Distance and time ``[B, S]`` from nodes ``[B, S]`` to others."""
    rows = torch.arange(len(start), device=start.device)[:, None]
    if instance.distances is None:
        apart = instance.coords[rows, start] - instance.coords[rows, end]
        distance = apart.square().sum(-1).sqrt()
    else:
        distance = instance.distances[rows, start, end]
    if instance.durations is None:
        return distance, distance
    return distance, instance.durations[rows, start, end]


def alone(instance: Instance) -> Tensor:
    """Which clients a vehicle of each type can serve by a route of their own, ``[B, V, N]``."""
    batch, types = instance.capacity.shape
    vehicle = torch.arange(types, device=instance.device).expand(batch, -1)
    start = begun(instance, vehicle).map(lambda tensor: tensor[..., None])
    there = extended(start, moves(instance, vehicle))
    return allows(there, homes(instance, vehicle)) & instance.allowed & instance.clients[:, None]
