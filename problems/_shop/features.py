"""What a policy sees of a shop: operations, and a bound on the makespan were one of them next."""

import torch
from torch import Tensor

from nco.core.problem import Features
from nco.problems._shop import instances
from nco.problems._shop.instances import NONE, SPENT, Instance, Next, State


def features(instance: Instance) -> Features:
    """Static features of every alternative of an operation, as `Shop` lists them."""
    mean, unit, count = _mean(instance), unit_of(instance), instances.count(instance)
    jobs, most, wide = instance.duration.shape[1:]
    place = torch.arange(most, device=mean.device)[:, None]
    nodes = torch.stack(
        [
            (instance.duration / unit[:, None, None, None]).log1p(),
            instance.duration / mean[..., None].clamp_min(1e-9),
            1 / instance.exists.sum(-1, keepdim=True).clamp_min(1).expand_as(instance.exists),
            (place + 1) / count[..., None, None].clamp_min(1).expand(-1, -1, most, wide),
        ],
        -1,
    )
    nodes = nodes * instance.exists[..., None]
    job = torch.arange(jobs, device=mean.device)[:, None, None].expand_as(instance.machine)
    groups = torch.stack([job, instance.machine], -1).masked_fill(~instance.exists[..., None], -1)
    exists = instance.exists.flatten(1)
    return Features(
        nodes.flatten(1, 3).float(),
        exists,
        groups=groups.flatten(1, 3),
        follows=_follows(instance.exists),
    )


def dynamic(
    instance: Instance, state: State, upcoming: Next, alive: Tensor
) -> tuple[Tensor, Tensor]:
    """Features ``[B, S, N, F']`` of every alternative left, and a bound ``[B, S]``."""
    least = _least(instance)
    after = least.flip(-1).cumsum(-1).flip(-1) - least  # of the job, when this is completed
    before = (least.cumsum(-1) - least)[:, None]
    place = torch.arange(least.shape[-1], device=least.device)
    first = place == state.taken[..., None]  # [B, S, J, P]
    free = _of_machines(state.free, instance)  # [B, S, J, P, K]
    # as early as the machines and the job's own operations allow, were other jobs to wait
    idle = free.masked_fill(~alive, NONE).amin(-1)
    begin = torch.where(first, torch.maximum(idle, state.ready[..., None]), idle)
    begin = begin.masked_fill(~alive.any(-1), -NONE)
    begin = (begin - before).cummax(-1).values + before
    arrival = torch.cat([state.ready[..., None], (begin + least[:, None])[..., :-1]], -1)
    arrival = torch.where(first, state.ready[..., None], arrival)[..., None]
    now = upcoming.begin.amin((-1, -2))
    now = now.masked_fill(now == NONE, 0.0)
    begin = torch.maximum(arrival, free)
    duration = instance.duration[:, None]
    tail = after[:, None, ..., None]
    unit = unit_of(instance)[:, None]
    path = (begin + duration + tail - _wide(now)).masked_fill(~alive, 0.0).amax((2, 3, 4))
    until = torch.maximum(state.free, now[..., None]) - now[..., None] + state.load
    until = until.masked_fill(state.load <= SPENT, 0.0)
    bound = torch.maximum(torch.maximum(path, until.amax(-1)), unit)
    size, scale = _wide(unit), _wide(bound)
    soonest = upcoming.end.amin((-1, -2))
    soonest = _wide(soonest.masked_fill(soonest == NONE, 0.0))
    one = first[..., None] & alive
    allowed = one & upcoming.allowed[:, :, :, None]
    ahead = (place - state.taken[..., None]) / (instances.count(instance)[:, None] - state.taken)[
        ..., None
    ].clamp_min(1)
    columns = [
        ((begin - _wide(now)) / size).clamp_min(0).log1p(),
        (begin - _wide(now)) / scale,
        tail / scale,
        (begin + duration + tail - _wide(now)) / scale,
        duration / scale,
        _signed((free - _wide(now)) / size),
        _of_machines(state.load, instance) / scale,
        one.double(),
        allowed.double(),
        ((begin - free) / size).log1p() * one,
        ((begin - arrival) / size).log1p(),
        ahead[..., None].clamp_min(0.0).expand_as(begin),
        _of_machines(until, instance) / scale,
        ((begin + duration - soonest) / size).clamp_min(0).log1p() * one,
        *_bounds(instance, state, alive, begin - _wide(now), tail, bound),
    ]
    table = torch.stack([column.float().expand_as(begin) for column in columns], -1)
    return table.masked_fill(~alive[..., None], 0.0).flatten(2, 4), bound


def _bounds(
    instance: Instance,
    state: State,
    alive: Tensor,
    begin: Tensor,
    tail: Tensor,
    bound: Tensor,
) -> list[Tensor]:
    """What would become of a bound on the makespan if an alternative were next on its machine.

    Each column is ``[B, S, J, P, K]``. A machine needs at least the earliest `begin` (from now)
    of what is left on it, its load, and the shortest `tail` of a job after it (the one-machine
    bound of Carlier 1982 without its subsets); what is next delays all others there.
    """
    duration = instance.duration[:, None]
    tail = tail.expand_as(begin)
    load = _of_machines(state.load, instance)
    heads, tails, ends, latest = (
        of_others(instance, values, alive)
        for values in (begin, tail, begin + duration, -(duration + tail))
    )
    end = begin + duration
    path = end + tail
    machine = torch.minimum(begin, heads) + load + torch.minimum(tail, tails)
    alone = tails == NONE
    rest = (end + load - duration + tails).masked_fill(alone, 0.0)
    delayed = (end - latest).masked_fill(alone, 0.0)
    size = _wide(unit_of(instance)[:, None])
    tight = torch.maximum(machine, path).masked_fill(~alive, 0.0).amax((2, 3, 4))
    tight = _wide(torch.maximum(tight, bound))
    worst = torch.maximum(torch.maximum(rest, delayed), path)
    return [
        ((tight - path) / size).clamp_min(0).log1p(),
        ((tight - machine) / size).clamp_min(0).log1p(),
        _signed((rest - tight) / size).masked_fill(alone, 0.0),
        _signed((delayed - tight) / size).masked_fill(alone, 0.0),
        ((worst - tight) / size).clamp_min(0).log1p(),
        _signed((ends - end) / size).masked_fill(alone, 0.0),
    ]


def _least(instance: Instance) -> Tensor:
    """The shortest duration ``[B, J, P]`` of every operation; 0 where there is none."""
    least = instance.duration.masked_fill(~instance.exists, NONE).amin(-1)
    return least.masked_fill(least == NONE, 0.0)


def _mean(instance: Instance) -> Tensor:
    """The mean duration ``[B, J, P]`` over the alternatives of every operation."""
    return (instance.duration * instance.exists).sum(-1) / instance.exists.sum(-1).clamp_min(1)


def unit_of(instance: Instance) -> Tensor:
    """The mean duration ``[B]`` of all operations; 1 where nothing takes time."""
    count = instances.count(instance).sum(-1).clamp_min(1)
    unit = _mean(instance).sum((1, 2)) / count
    return torch.where(unit > 0, unit, 1.0)


def _wide(values: Tensor) -> Tensor:
    """``[B, S]`` beside ``[B, S, J, P, K]``."""
    return values[..., None, None, None]


def _of_machines(values: Tensor, instance: Instance) -> Tensor:
    """``[B, S, J, P, K]`` from ``[B, S, M]``."""
    index = instance.machine.flatten(1)[:, None].expand(-1, values.shape[1], -1)
    return values.gather(2, index).unflatten(2, instance.machine.shape[1:])


def of_others(instance: Instance, values: Tensor, alive: Tensor) -> Tensor:
    """The least of `values` ``[B, S, J, P, K]`` on the same machine but for one's own."""
    count = instance.load.shape[1]
    flat = values.masked_fill(~alive, NONE).flatten(2)
    index = instance.machine.flatten(1)[:, None].expand_as(flat)
    none = flat.new_full((*flat.shape[:2], count), NONE)
    least = none.scatter_reduce(2, index, flat, "amin")
    first = flat == least.gather(2, index)
    beyond = none.scatter_reduce(2, index, flat.masked_fill(first, NONE), "amin")
    times = torch.zeros_like(none).scatter_add(2, index, first.to(flat.dtype))
    beyond = torch.where(times > 1, least, beyond)  # two are the least
    others = torch.where(first, beyond.gather(2, index), least.gather(2, index))
    return others.view_as(values)


def _signed(values: Tensor) -> Tensor:
    return values.sign() * values.abs().log1p()


def _follows(exists: Tensor) -> Tensor:
    """``[B, N, K, 2]``: the alternatives of the operation after, and of the one before."""
    batch, jobs, most, wide = exists.shape
    number = torch.arange(jobs * most * wide, device=exists.device).view(jobs, most, 1, wide)
    number = number.expand(batch, jobs, most, wide, wide).masked_fill(~exists[:, :, :, None], -1)
    none = torch.full_like(number[:, :, :1], -1)
    after = torch.cat([number[:, :, 1:], none], 2)
    before = torch.cat([none, number[:, :, :-1]], 2)
    pairs = torch.stack([after, before], -1)
    return pairs.masked_fill(~exists[..., None, None], -1).flatten(1, 3)
