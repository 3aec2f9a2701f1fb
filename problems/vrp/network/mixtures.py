"""Random rich routing instances: the 16 variants of the literature, and what lies beyond them.

The variants are those of Zhou et al., "MVMoE" (ICML 2024): capacities, and in all combinations open
routes (O), backhauls (B), a limit of a route's length (L) and time windows (TW). Numbers are theirs
(windows by Li et al. 2021): the unit square, demands 1 to 9, capacity 30 + n/5, a fifth of the
clients backhauls, limit 3, service 0.2, the day 3 long.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.geometry import Clustered, Points
from nco.problems.vrp.network.tensors import Instance

LARGEST_DEMAND = 9
LIMIT, DAY, SERVICE, BACKHAULS = 3.0, 3.0, 0.2, 0.2
ROOM = 1.02  # the least limit, in the way to the farthest client and back
MOST_TYPES = 4
GRID = 2.0**24  # parts of one
OPEN, BACK, LONG, TIMED = range(4)


def _named(flags: Sequence[bool]) -> str:
    opened, back, long, timed = flags
    rest = f"vrp{'b' * back}{'l' * long}{'tw' * timed}"
    return f"o{rest}" if opened else rest.replace("vrp", "cvrp") if rest == "vrp" else rest


VARIANTS = {_named(flags): flags for flags in product((False, True), repeat=4)}
"""Of each variant's name whether it has open routes, backhauls, a limit, time windows."""


class Draw:
    """Random numbers of one generator, float64 on its device."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.device = generator, generator.device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        drawn = torch.rand(shape, generator=self.generator, device=self.device, dtype=torch.double)
        return low + (high - low) * drawn

    def flags(self, *shape: int, share: float = 0.5) -> Tensor:
        return self.uniform(*shape) < share

    def spread(self, low: float, high: float | Tensor, *shape: int) -> Tensor:
        """Log-uniform numbers, rounded to `GRID`: the last bit of a power differs by machine."""
        drawn = low * (high / low) ** self.uniform(*shape)
        return (drawn * GRID).round() / GRID

    def whole(self, low: int, high: int, *shape: int) -> Tensor:
        """Between `low` and `high`, both included."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self.device)


def draw(
    batch: int,
    clients: int,
    points: Points,
    variants: Sequence[str],
    varied: float,
    extras: float,
    generator: Generator,
) -> Instance:
    """`batch` instances, each of a random one of `variants`.

    Args:
        batch: how many.
        clients: of each.
        points: where depots and clients are.
        variants: names of `VARIANTS`.
        varied: the share of instances whose numbers (capacity, limit, windows, share of backhauls)
            are drawn from wide ranges instead of the literature's; as often points are clustered.
        extras: the share of instances with what the variants do not have: prizes, deliveries
            before pickups, limits of the duration, release times; and of batches with several
            depots or types of vehicles.
        generator: of everything random.
    """
    random = Draw(generator)
    several = bool(random.flags(share=extras / 2))
    types = int(random.whole(2, MOST_TYPES)) if several else 1
    fleets = several and bool(random.flags())  # of one depot
    if bool(random.flags(share=varied / 2)):
        points = Clustered(uniform_share=0.5)
    coords = points.draw(batch, types + clients, generator).double()
    if fleets:
        coords[:, :types] = coords[:, :1]
    table = torch.tensor([VARIANTS[name] for name in variants], device=random.device)
    flags = table[random.whole(0, len(variants) - 1, batch)]
    wide = random.flags(batch, share=varied)
    plain = _capacitated(random, coords, types, flags[:, OPEN], wide)
    instance = _with_backhauls(random, plain, flags[:, BACK], wide)
    reach = _apart(coords[:, types:], coords[:, :types]).amax((1, 2))
    instance = _with_limit(random, instance, flags[:, LONG], wide, reach)
    instance = _with_windows(random, instance, flags[:, TIMED], wide)
    instance = _with_extras(random, instance, random.flags(batch, share=extras), reach)
    return _with_fleet(random, instance) if fleets else instance


def _apart(first: Tensor, second: Tensor) -> Tensor:
    """Distances ``[B, N, K]`` of `first` ``[B, N, 2]`` to `second` ``[B, K, 2]``.

    Unlike `torch.cdist`, which multiplies matrices, the same bits on every processor.
    """
    steps = first[:, :, None] - second[:, None]
    squares = steps[..., 0].square() + steps[..., 1].square()
    if squares.device.type != "cpu":
        return squares.sqrt()
    # MKL's root, which torch takes, is wrong in its last bit now and then, elsewhere on AMD's
    # processors than on Intel's; numpy's is rounded as IEEE 754 says
    return torch.from_numpy(np.sqrt(squares.numpy()))


def _capacitated(
    random: Draw, coords: Tensor, types: int, opened: Tensor, wide: Tensor
) -> Instance:
    """Demands and capacities; nothing else."""
    batch, nodes = coords.shape[:2]
    device = coords.device
    usual = round(30 + (nodes - types) / 5)
    ranged = random.spread(20, 6 * usual, batch).round()
    capacity = torch.where(wide, ranged, float(usual))
    demand = random.whole(1, LARGEST_DEMAND, batch, nodes).double() / capacity[:, None]
    demand[:, :types] = 0
    none = torch.zeros(batch, nodes, dtype=torch.double, device=device)
    free = torch.full((batch, types), math.inf, dtype=torch.double, device=device)
    required = torch.ones(batch, nodes, dtype=torch.bool, device=device)
    required[:, :types] = False
    number = torch.arange(types, device=device).expand(batch, -1).contiguous()
    return Instance(
        coords=coords,
        demand=demand,
        pickup=none,
        service=none,
        open=none,
        close=torch.full_like(none, math.inf),
        release=none,
        prize=none,
        required=required,
        leave=free,
        capacity=capacity[:, None].expand(-1, types).contiguous(),
        distance_limit=free,
        duration_limit=free,
        fixed=torch.zeros_like(free),
        unit=torch.ones_like(free),
        fleet=free,
        ends=~opened[:, None].expand(-1, types).contiguous(),
        allowed=required[:, None].expand(-1, types, -1).contiguous(),
        after=torch.zeros(batch, dtype=torch.bool, device=device),
        depot=number,
        depots=torch.full((batch,), types, device=device),
    )


def _with_backhauls(random: Draw, plain: Instance, chosen: Tensor, wide: Tensor) -> Instance:
    batch, nodes = plain.demand.shape
    share = torch.where(wide, random.uniform(batch, low=0.1, high=0.5), BACKHAULS)
    back = (random.uniform(batch, nodes) < share[:, None]) & chosen[:, None]
    return replace(
        plain, demand=plain.demand.masked_fill(back, 0), pickup=plain.demand.masked_fill(~back, 0)
    )


def _with_limit(
    random: Draw, plain: Instance, chosen: Tensor, wide: Tensor, reach: Tensor
) -> Instance:
    ranged = reach * random.uniform(len(plain), low=2 * ROOM, high=5)
    limit = torch.where(wide, ranged, (2 * ROOM * reach).clamp_min(LIMIT))
    limit = limit.masked_fill(~chosen, math.inf)
    return replace(plain, distance_limit=limit[:, None].expand(-1, plain.types).contiguous())


def _with_windows(random: Draw, plain: Instance, chosen: Tensor, wide: Tensor) -> Instance:
    """A window around a time at which the client can be served, from whichever depot."""
    batch, nodes = plain.demand.shape
    types = plain.types
    there = _apart(plain.coords, plain.coords[:, :types]).amax(2)
    some = torch.where(wide, random.uniform(batch, high=0.25), SERVICE)
    service = some[:, None].expand(-1, nodes).clone()
    service[:, :types] = 0
    ranged = random.uniform(batch, low=DAY, high=2 * DAY)
    day = torch.where(wide, ranged, DAY)
    day = torch.maximum(day, 2 * ROOM * there.amax(1) + some)[:, None]
    centre = there + random.uniform(batch, nodes) * (day - 2 * there - service)
    half = service / 2 + random.uniform(batch, nodes) * (day / 3 - service / 2)
    narrow = random.spread(0.1, day / 2, batch, nodes)
    half = torch.where(wide[:, None], narrow, half)
    most = torch.where(wide, random.uniform(batch, low=0.25, high=1.5), 1.0)
    timed = (random.uniform(batch, nodes) < most[:, None]) & chosen[:, None]
    timed[:, :types] = False
    opens = (centre - half).clamp_min(0).masked_fill(~timed, 0)
    closes = torch.minimum(centre + half, day).masked_fill(~timed, math.inf)
    # an open route ends at its last client, whose own window is the limit
    closes[:, :types] = day.where(chosen[:, None] & plain.ends, math.inf)
    return replace(
        plain,
        service=service * chosen[:, None],
        open=opens,
        close=closes,
        leave=closes[:, :types].contiguous(),
    )


def _with_extras(random: Draw, plain: Instance, chosen: Tensor, reach: Tensor) -> Instance:
    """Prizes, deliveries before pickups, limits of the duration, release times: one or more."""
    batch, nodes = plain.demand.shape
    priced = (chosen & random.flags(batch, share=0.4))[:, None] & plain.required
    optional = priced & (random.uniform(batch, nodes) < random.uniform(batch, 1))
    prize = random.spread(0.03, 0.9, batch, nodes)
    longest = (2 * ROOM * reach + plain.service.amax(1)) * random.uniform(batch, low=1, high=2.5)
    longest = longest.masked_fill(~(chosen & random.flags(batch, share=0.3)), math.inf)
    # no later than a window opens, so that nobody is out of reach
    early = chosen & random.flags(batch, share=0.2)
    ready = plain.open * random.uniform(batch, nodes) * (random.uniform(batch, nodes) < 0.5)
    there = _apart(plain.coords, plain.coords[:, : plain.types]).amax(2)
    ready = (ready - there).clamp_min(0) * early[:, None]
    ready[:, : plain.types] = 0
    return replace(
        plain,
        required=plain.required & ~optional,
        prize=prize * optional,
        after=chosen & random.flags(batch),
        duration_limit=longest[:, None].expand(-1, plain.types).contiguous(),
        release=ready,
    )


def _with_fleet(random: Draw, plain: Instance) -> Instance:
    """Types of one depot: the smaller a vehicle, the cheaper it and its ways."""
    batch, types = plain.capacity.shape
    share = random.uniform(batch, types, low=0.5)
    share[:, 0] = 1
    capacity = (plain.capacity * share).ceil()
    return replace(
        plain,
        capacity=capacity,
        fixed=random.uniform(batch, 1, high=0.8) * share,
        unit=1 + random.uniform(batch, 1, high=0.5) * (share - share.amin(1, keepdim=True)),
        depot=torch.zeros_like(plain.depot),
        depots=torch.ones_like(plain.depots),
    )
