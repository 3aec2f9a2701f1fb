"""Orders of the routes of a plan, and parts of plans: what training and searches ask for."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from nco.problems.vrp.case import Route
from nco.problems.vrp.tensors import Instance

Plan = list[Route]
Places = tuple[list[int], list[list[int]]]  # of each part its instance, and its clients' nodes


def swept(instance: Instance, plans: list[Plan], generator: Generator) -> list[Plan]:
    """Routes by their angle, either way round, the one with the most room at the end.

    Each in a random direction where both are as good.
    """
    shape = 2, len(plans), max(1, *(len(plan) for plan in plans))
    turns, flips = torch.rand(shape, generator=generator, device=generator.device).tolist()
    loads = (instance.demand + instance.pickup).cpu().numpy()
    reversible, away = _reversible(instance).tolist(), _away(instance)
    shifts = (instance.types - instance.depots).tolist()
    changed = []
    for b, plan in enumerate(plans):
        either = reversible[b]
        flipped = [
            Route(vehicle, stops[::-1] if either and flip < 0.5 else stops)
            for (vehicle, stops), flip in zip(plan, flips[b], strict=False)
            if stops
        ]
        ordered = _by_angle(away[b], flipped, shifts[b])
        if turns[b][0] < 0.5:
            ordered.reverse()
        full = [loads[b][np.asarray(route.stops) + shifts[b]].sum() for route in ordered]
        first = full.index(min(full)) + 1 if full else 0
        changed.append(ordered[first:] + ordered[:first])
    return changed


def _reversible(instance: Instance) -> Tensor:
    """Whether a route may be driven either way, ``[B]`` bool."""
    free = ~torch.isfinite(instance.close).any(1) & (instance.open <= instance.open[:, :1]).all(1)
    free &= (instance.pickup == 0).all(1) & (instance.release <= instance.open[:, :1]).all(1)
    free &= instance.ends.all(1)
    for matrix in (instance.distances, instance.durations):
        if matrix is not None:
            free &= (matrix == matrix.transpose(1, 2)).all((1, 2))
    return free


def _away(instance: Instance) -> np.ndarray:
    """Positions ``[B, N, 2]`` around the middle of the depots."""
    real = (instance.capacity > 0).double()
    starts = instance.coords[:, : instance.types]
    middle = (starts * real[..., None]).sum(1) / real.sum(1, keepdim=True).clamp_min(1)
    return (instance.coords - middle[:, None]).cpu().numpy()


def _by_angle(away: np.ndarray, plan: Plan, shift: int) -> Plan:
    """Routes by the angle of the middle of their clients; `away` ``[N, 2]``."""
    middles = [away[np.asarray(route.stops) + shift].sum(0) for route in plan]
    angles = [math.atan2(y, x) for x, y in middles]
    return [plan[number] for number in sorted(range(len(plan)), key=angles.__getitem__)]


def grouped(
    instance: Instance, plans: list[Plan], length: int, generator: Generator
) -> tuple[Instance, list[Plan], Places] | None:
    """Routes side by side as small instances, about `length` clients in each.

    With their plans, and where their clients are in the whole. None where nobody is served.
    """
    owners: list[int] = []
    parts: list[Plan] = []
    away, shifts = _away(instance), (instance.types - instance.depots).tolist()
    for b, plan in enumerate(plans):
        ordered = _by_angle(away[b], [route for route in plan if route.stops], shifts[b])
        first = _draw(max(len(ordered), 1), generator)
        mine = _runs(ordered[first:] + ordered[:first], length)
        parts += [_shuffled(part, generator) for part in mine]
        owners += [b] * len(mine)
    if not parts:
        return None
    members = [
        [stop + shifts[b] for route in part for stop in route.stops]
        for b, part in zip(owners, parts, strict=True)
    ]
    depots = instance.depots.tolist()
    small = [_renumbered(part, depots[b]) for b, part in zip(owners, parts, strict=True)]
    return _small(instance, owners, members, parts), small, (owners, members)


def rejoined(instance: Instance, parts: list[Plan], places: Places) -> list[Plan]:
    """The plans of the whole that have these parts."""
    depots, types = instance.depots.tolist(), instance.types
    plans: list[Plan] = [[] for _ in depots]
    for b, inside, plan in zip(*places, parts, strict=True):
        for vehicle, stops in plan:
            nodes = [inside[stop - depots[b]] for stop in stops]
            plans[b].append(Route(vehicle, [node - types + depots[b] for node in nodes]))
    return plans


def _runs(plan: Plan, length: int) -> list[Plan]:
    """Runs of routes with at least `length` clients each; what remains joins the last one."""
    runs: list[Plan] = []
    count = length
    for route in plan:
        if count >= length:
            runs.append([])
            count = 0
        runs[-1].append(route)
        count += len(route.stops)
    if len(runs) > 1 and count < length:
        last = runs.pop()
        runs[-1] += last
    return runs


def _shuffled(part: Plan, generator: Generator) -> Plan:
    order = torch.randperm(len(part), generator=generator, device=generator.device)
    return [part[number] for number in order.tolist()]


def _draw(count: int, generator: Generator) -> int:
    """A random number below `count`."""
    return int(torch.randint(count, (), generator=generator, device=generator.device))


def _renumbered(part: Plan, first: int) -> Plan:
    """The same routes with clients counted from `first` in their order."""
    renumbered: Plan = []
    for vehicle, stops in part:
        renumbered.append(Route(vehicle, list(range(first, first + len(stops)))))
        first += len(stops)
    return renumbered


def _small(
    instance: Instance, owners: list[int], members: list[list[int]], parts: list[Plan]
) -> Instance:
    """All types of vehicles and some of the clients, of one instance in each row."""
    types, device = instance.types, instance.device
    most = types + max(map(len, members))
    node = torch.arange(types, device=device).repeat(len(members), 1)
    node = torch.cat([node, node.new_zeros(len(members), most - types)], 1)
    exists = torch.zeros_like(node, dtype=torch.bool)
    owner = torch.tensor(owners, device=device)
    exists[:, :types] = True if instance.exists is None else instance.exists[owner, :types]
    for row, inside in enumerate(members):
        node[row, types : types + len(inside)] = torch.tensor(inside, device=device)
        exists[row, types : types + len(inside)] = True
    mine = instance[owner]
    used = torch.zeros_like(mine.fleet)
    for row, part in enumerate(parts):
        for route in part:
            used[row, route.vehicle] += 1
    rows = torch.arange(len(node), device=device)[:, None]

    def taken(values: Tensor) -> Tensor:
        return values[rows, node] * exists.view(*exists.shape, *[1] * (values.ndim - 2))

    def pairs(matrix: Tensor | None) -> Tensor | None:
        return None if matrix is None else matrix[rows[..., None], node[:, :, None], node[:, None]]

    return replace(
        mine,
        **{name: taken(getattr(mine, name)) for name in ("demand", "pickup", "service", "open")},
        **{name: taken(getattr(mine, name)) for name in ("release", "prize", "required")},
        coords=mine.coords[rows, node],
        close=mine.close[rows, node].masked_fill(~exists, math.inf),
        allowed=mine.allowed.gather(2, node[:, None].expand(-1, types, -1)) & exists[:, None],
        fleet=used.where(torch.isfinite(mine.fleet), mine.fleet),
        exists=None if bool(exists.all()) else exists,
        distances=pairs(mine.distances),
        durations=pairs(mine.durations),
    )
