"""Given actions of rich routing: which vehicle goes where, what that costs, the states between."""

from typing import NamedTuple

import torch
from torch import Tensor

from nco.problems.vrp.network.tensors import (
    Instance,
    State,
    Trip,
    alone,
    begun,
    extended,
    move,
    way,
)


class Path(NamedTuple):
    """What actions ``[B, S, T]`` do, step by step."""

    node: Tensor  # long, where to
    vehicle: Tensor  # long, the type that drives there
    over: Tensor  # bool, the plan is ended
    anew: Tensor  # bool, the vehicle before has gone home
    chooses: Tensor  # bool, a type is chosen, nobody is served
    paid: Tensor  # double, ways and vehicles, less prizes; without the last way home


def follow(instance: Instance, actions: Tensor) -> Path:
    """The path of actions ``[B, S, T]``, complete or not."""
    nodes, types = instance.demand.shape[1], instance.types
    node, by_depot = actions % nodes, actions >= nodes
    over = (by_depot & (node == 0)).cumsum(-1) > 0
    chooses = ~by_depot & (node < types)
    anew = by_depot | chooses
    when = torch.arange(actions.shape[2], device=actions.device)
    last = torch.where(chooses, when, -1).cummax(-1).values
    vehicle = torch.where(last >= 0, node.gather(2, last.clamp_min(0)), 0)
    nowhere = torch.zeros_like(node[..., :1])
    before, driver = (torch.cat([nowhere, part[..., :-1]], 2) for part in (node, vehicle))
    start = torch.where(anew, vehicle, before)
    rows = torch.arange(len(actions), device=actions.device)[:, None, None]
    legs = along(instance, start, node) * ~chooses * instance.unit[rows, vehicle]
    begins = ~chooses & (start < types)
    paid = legs + begins * instance.fixed[rows, vehicle] - instance.prize[rows, node]
    paid = paid + back(instance, driver, before) * anew
    return Path(node, vehicle, over, anew, chooses, paid.masked_fill(over, 0.0))


def along(instance: Instance, start: Tensor, end: Tensor) -> Tensor:
    """Distances ``[B, S, T]`` between nodes."""
    distance, _ = way(instance, start.flatten(1), end.flatten(1))
    return distance.unflatten(1, start.shape[1:])


def back(instance: Instance, vehicle: Tensor, node: Tensor) -> Tensor:
    """What the ways home of vehicles cost, ``[B, S, ...]``: nothing of open routes, or at home."""
    kinds, nodes = vehicle.flatten(1), node.flatten(1)
    distance, _ = way(instance, nodes, kinds)
    cost = distance * instance.ends.gather(1, kinds) * instance.unit.gather(1, kinds)
    return (cost * (nodes >= instance.types)).view(node.shape)


def priced(instance: Instance, paid: Tensor) -> Tensor:
    """The cost ``[B, S]`` in the source's units, of ways, vehicles and prizes served."""
    total = paid + instance.prize.sum(1, keepdim=True)
    return (total if instance.price is None else total * instance.price[:, None]).float()


def cost(instance: Instance, actions: Tensor) -> Tensor:
    """The cost ``[B, S]`` of a plan that is ended after these actions."""
    path = follow(instance, actions)
    end = (~path.over).sum(-1, keepdim=True)
    last = (end - 1).clamp_min(0)
    home = back(instance, path.vehicle.gather(2, last), path.node.gather(2, last)) * (end > 0)
    return priced(instance, path.paid.sum(-1) + home[..., 0])


def states(instance: Instance, actions: Tensor, steps: Tensor) -> State:
    """The states ``[B, S, P, ...]`` before `steps` ``[B, S, P]``; only last routes are driven."""
    path = follow(instance, actions)
    batch, rollouts, _ = steps.shape
    done = (~path.over).sum(-1, keepdim=True).minimum(steps)  # steps that changed something
    last = (done - 1).clamp_min(0)
    several = instance.several[:, None, None].long()
    vehicle = torch.where(done > 0, path.vehicle.gather(2, last), -several)
    current = path.node.gather(2, last) * (done > 0)
    when = torch.arange(actions.shape[2], device=actions.device)
    rank = torch.full((batch, rollouts, instance.demand.shape[1]), len(when), device=steps.device)
    rank = rank.scatter_reduce(2, path.node, when.expand_as(path.node), "amin")
    alive = (alone(instance).any(1) & instance.clients)[:, None, None]
    alive = alive & (rank[:, :, None] >= done[..., None])
    ended = path.over.any(-1)[..., None] & (steps > done)
    alive = alive & ~ended[..., None]
    start = torch.where(path.anew, when, 0).cummax(-1).values.gather(2, last)
    paid = _before(path.paid, done)
    final = paid + back(instance, vehicle.clamp_min(0), current)
    return State(
        vehicle,
        current,
        _driven(instance, path, start, done),
        _left(instance, path, done),
        alive,
        paid,
        priced(instance, final.flatten(1)).view(steps.shape),
    )


def _before(values: Tensor, done: Tensor) -> Tensor:
    """Sums ``[B, S, P]`` of the first `done` of `values` ``[B, S, T]``."""
    sums = torch.cat([torch.zeros_like(values[..., :1]), values.cumsum(-1)], 2)
    return sums.gather(2, done)


def _left(instance: Instance, path: Path, done: Tensor) -> Tensor:
    """The vehicles not used yet, ``[B, S, P, V]``."""
    before = torch.cat([torch.ones_like(path.chooses[..., :1]), path.chooses[..., :-1]], 2)
    begins = ~path.over & ~path.chooses & (path.anew | before)
    used = [
        _before((begins & (path.vehicle == kind)).double(), done) for kind in range(instance.types)
    ]
    return instance.fleet[:, None, None] - torch.stack(used, -1)


def _driven(instance: Instance, path: Path, start: Tensor, done: Tensor) -> Trip:
    """The routes ``[B, S, P]`` of steps `start` to `done`."""
    shape = start.shape
    node, vehicle = path.node, path.vehicle.gather(2, (done - 1).clamp_min(0))
    kinds = (vehicle * (done > 0)).flatten(1)
    trip, here = begun(instance, kinds), kinds
    begin = start + path.chooses.gather(2, start)
    for k in range(max(int((done - begin).max()), 0)):
        at = begin + k
        there = node.gather(2, at.clamp_max(node.shape[2] - 1)).flatten(1)
        driven = extended(trip, move(instance, here, there))
        trip = driven.where((at < done).flatten(1), trip)
        here = there
    return trip.map(lambda tensor: tensor.view(shape))
