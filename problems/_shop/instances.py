"""Batches of shops as tensors, what was scheduled of them, and what may come next."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nco.core.batch import Batch

NONE = torch.inf  # the time at which what does not exist would begin
SPENT = 1e-6  # what rounding may leave of a load


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of shops. The P operations of a job follow one another, each on one of K machines."""

    duration: Tensor  # [B, J, P, K] double, in the source's units; 0 where there is none
    machine: Tensor  # [B, J, P, K] long, from 0; 0 where there is none
    exists: Tensor  # [B, J, P, K] bool
    load: Tensor  # [B, M] double, durations on each machine, an operation's shared by its machines


@dataclass(frozen=True, eq=False)
class State(Batch):
    """What was scheduled, as all that matters for the rest."""

    taken: Tensor  # [B, S, J] long, operations of each job that are scheduled
    ready: Tensor  # [B, S, J] double, when each job's last one of them ends
    free: Tensor  # [B, S, M] double, when each machine's last one ends
    load: Tensor  # [B, S, M] double, as in `Instance`, of what is not scheduled

    @property
    def cost_so_far(self) -> Tensor:
        """When the last job's last operation ends, ``[B, S]``."""
        return self.ready.amax(-1)


@dataclass(frozen=True, eq=False)
class Next:
    """The next operation of every job, ``[B, S, J, K]``; `NONE` where there is none."""

    free: Tensor  # when its machine is
    begin: Tensor
    end: Tensor

    @property
    def allowed(self) -> Tensor:
        """What can begin before anything could be completed."""
        first = self.end.amin((-1, -2), keepdim=True)
        return (self.begin < NONE) & ((self.begin < first) | (self.end <= first))


def upcoming(instance: Instance, state: State) -> Next:
    """The next operation of every job."""
    batch, jobs, most = instance.duration.shape[:3]
    rows = torch.arange(batch * jobs, device=instance.device).view(batch, 1, jobs)
    flat = rows * most + state.taken.clamp_max(most - 1)
    duration = instance.duration.flatten(0, 2)[flat]
    machine = instance.machine.flatten(0, 2)[flat]
    real = instance.exists.flatten(0, 2)[flat] & (state.taken < most)[..., None]
    free = state.free.gather(2, machine.flatten(2)).view_as(duration)
    begin = torch.maximum(free, state.ready[..., None]).masked_fill(~real, NONE)
    return Next(free, begin, begin + duration)


def count(instance: Instance) -> Tensor:
    """Operations ``[B, J]`` of every job."""
    return instance.exists.any(-1).sum(-1)
