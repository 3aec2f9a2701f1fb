"""Rules of shop scheduling as tensors: which operation is started next, and on which machine."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasConsistentActions, HasEquivalents, HasMask, HasRelatives
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema, columns
from nco.problems._shop import features, instances
from nco.problems._shop.instances import SPENT, Instance, Next, State
from nco.problems._shop.plan import Plan, Work, mirrored


class Shop(Problem[Instance, State], HasMask, HasEquivalents, HasConsistentActions, HasRelatives):
    """The rules that job shops and flexible shops share.

    - nodes: alternatives, ``N = J * P * K``: operation p of job j on its k-th machine is node
      ``(j * P + p) * K + k``; their ``duration`` (a logarithm), the same in means of the operation
      (``duration_in_means``), 1 / their number (``alternatives_inverse``), and the ``place`` of the
      operation in its job;
    - groups: ``job, machine``; follows: the operations of a job;
    - action: the alternative that is started next, as soon as its job and its machine are free;
    - mask: alternatives of the next operation of each job that could begin before the earliest
      moment at which any of them could be completed. What that leaves out could be preceded by
      something else at no loss, so all active schedules remain, and with them an optimal one
      (Giffler and Thompson 1960, for all machines at once);
    - end: all operations are scheduled; a finished row may only choose node 0;
    - cost: the makespan, in the source's units.

    What a policy sees of an alternative (`Observation.nodes`) is relative to the earliest moment at
    which anything can begin, in mean durations (then a logarithm) or in shares of a bound on the
    time that is left, so that it means the same at every size and stage, and has no unit:

    - when it can ``begin``, also ``begin_in_bound``; its ``duration``, and what its job needs after
      it (``tail``); all three together (``path``);
    - when its machine is free (``machine_free``) and would be without gaps (``machine_until``), and
      what is left for the machine to do (``machine_load``);
    - whether it ``is_next`` in its job and ``is_allowed``, and how many of the job's operations are
      ``ahead`` of it;
    - how long the machine would be idle (``machine_idle``) and the ``job_waits``, and how much
      ``later_than_soonest`` it ends, the first of all that could be next;
    - what it would do to bounds on the makespan (`_bounds`): ``path_slack, machine_slack,
      rest_delayed, others_delayed, worst``, and the earliest end of others (``others_end``).

    Context: the share of ``operations`` left, the ``bound``, jobs left for each machine
    (``jobs_a_machine``), and operations left of each job (``operations_a_job``).
    """

    schema: ClassVar[Schema] = Schema(
        nodes=columns("duration", "duration_in_means", "alternatives_inverse", "place"),
        groups=("job", "machine"),
        follows=True,
        dynamic=columns(
            *("begin", "begin_in_bound", "tail", "path", "duration", "machine_free"),
            *("machine_load", "is_next", "is_allowed", "machine_idle", "job_waits", "ahead"),
            *("machine_until", "later_than_soonest", "path_slack", "machine_slack"),
            *("rest_delayed", "others_delayed", "worst", "others_end"),
        ),
        context=columns("operations", "bound", "jobs_a_machine", "operations_a_job"),
    )

    # ---- instances

    def _instance(self, work: Sequence[Work]) -> Instance:
        """One batch of work lists, padded to the longest."""
        most = max(len(job) for jobs in work for job in jobs)
        wide = max(len(choices) for jobs in work for job in jobs for choices in job)
        shape = (len(work), max(len(jobs) for jobs in work), most, wide)
        duration, machine = np.zeros(shape), np.zeros(shape, dtype=np.int64)
        exists = np.zeros(shape, dtype=bool)
        for b, jobs in enumerate(work):
            for j, job in enumerate(jobs):
                for p, choices in enumerate(job):
                    machine[b, j, p, : len(choices)] = [choice[0] for choice in choices]
                    duration[b, j, p, : len(choices)] = [choice[1] for choice in choices]
                    exists[b, j, p, : len(choices)] = True
        return self._made(
            torch.from_numpy(duration),
            torch.from_numpy(machine),
            torch.from_numpy(exists),
            int(machine.max()) + 1,
        )

    @staticmethod
    def _made(duration: Tensor, machine: Tensor, exists: Tensor, machines: int) -> Instance:
        """An instance with its loads."""
        share = duration / exists.sum(-1, keepdim=True).clamp_min(1)
        load = duration.new_zeros(len(duration), machines)
        load = load.scatter_add(1, machine.flatten(1), (share * exists).flatten(1))
        return Instance(duration, machine, exists, load)

    @staticmethod
    def _work(instance: Instance, row: int) -> list[list[list[tuple[int, int]]]]:
        """The work list of one instance of a batch."""
        lists = (instance.machine[row], instance.duration[row].round().long(), instance.exists[row])
        jobs = []
        for job in zip(*(part.tolist() for part in lists), strict=True):
            operations = [
                [(m, d) for m, d, real in zip(*choices, strict=True) if real]
                for choices in zip(*job, strict=True)
            ]
            if kept := [choices for choices in operations if choices]:
                jobs.append(kept)
        return jobs

    # ---- what a policy sees

    def features(self, instance: Instance) -> Features:
        return features.features(instance)

    def observe(self, instance: Instance, state: State) -> Observation:
        upcoming = instances.upcoming(instance, state)
        mask = self._mask(instance, state, upcoming)
        left = instances.count(instance)[:, None] - state.taken
        most = instance.duration.shape[2]
        place = torch.arange(most, device=mask.device)
        alive = (place >= state.taken[..., None])[..., None] & instance.exists[:, None]
        nodes, bound = features.dynamic(instance, state, upcoming, alive)
        total = instances.count(instance).sum(-1).clamp_min(1)[:, None]
        unit = features.unit_of(instance)[:, None]
        jobs, machines = (left > 0).sum(-1), (state.load > SPENT).sum(-1).clamp_min(1)
        context = torch.stack(
            [
                left.sum(-1) / total,
                (bound / unit).log1p(),
                (jobs / machines).log1p(),
                (left.sum(-1) / jobs.clamp_min(1)).log1p(),
            ],
            -1,
        )
        focus = state.taken[..., :0]
        return Observation(mask, focus, context.float(), alive.flatten(2), nodes)

    # ---- rules

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, jobs = instance.duration.shape[:2]
        shape, device = (batch, rollouts), instance.device
        taken = torch.zeros(*shape, jobs, dtype=torch.long, device=device)
        zero = instance.load.new_zeros
        load = instance.load[:, None].expand(-1, rollouts, -1)
        return State(taken, zero(*shape, jobs), zero(*shape, instance.load.shape[1]), load)

    def choices(self, instance: Instance, state: State) -> Tensor:
        """What is allowed of the next operations of all jobs, ``[B, S, J * K]``.

        The mask in short, at a fraction of the cost of `observe`; `node` says which node each is.
        Nothing is allowed in a finished row.
        """
        return instances.upcoming(instance, state).allowed.flatten(2)

    def mask(self, instance: Instance, state: State) -> Tensor:
        return self._mask(instance, state, instances.upcoming(instance, state))

    def _mask(self, instance: Instance, state: State, upcoming: Next) -> Tensor:
        mask = self._spread(instance, state, upcoming.allowed)
        mask[..., 0] |= self.done(instance, state)
        return mask

    @staticmethod
    def _spread(instance: Instance, state: State, chosen: Tensor) -> Tensor:
        """Of nodes ``[B, S, N]`` what is said of next operations ``[B, S, J, K]``."""
        most = instance.duration.shape[2]
        shape = (*state.taken.shape, *instance.duration.shape[2:])
        mask = torch.zeros(shape, dtype=torch.bool, device=instance.device)
        where = state.taken.clamp_max(most - 1)[..., None, None].expand(*shape[:3], 1, shape[-1])
        return mask.scatter(3, where, chosen[..., None, :]).flatten(2)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        batch, jobs, most, wide = instance.duration.shape
        job = (action // (most * wide))[..., None]
        taken = state.taken.gather(2, job)
        # a finished row's no-op names an operation that is scheduled already
        real = (action // wide % most)[..., None] == taken
        duration = instance.duration.flatten(1).gather(1, action)[..., None]
        machine = instance.machine.flatten(1).gather(1, action)[..., None]
        ready, free = state.ready.gather(2, job), state.free.gather(2, machine)
        end = torch.maximum(ready, free) + duration
        load = state.load
        if wide == 1:
            load = load.scatter_add(2, machine, -duration * real)
        else:
            rows = torch.arange(batch, device=action.device)[:, None] * (jobs * most)
            operation = rows + action // wide
            exists = instance.exists.flatten(0, 2)[operation]  # [B, S, K]
            share = instance.duration.flatten(0, 2)[operation] * exists
            share = share / exists.sum(-1, keepdim=True).clamp_min(1) * real
            load = load.scatter_add(2, instance.machine.flatten(0, 2)[operation], -share)
        return State(
            state.taken.scatter_add(2, job, real.long()),
            state.ready.scatter(2, job, torch.where(real, end, ready)),
            state.free.scatter(2, machine, torch.where(real, end, free)),
            load,
        )

    def done(self, instance: Instance, state: State) -> Tensor:
        return (state.taken >= instances.count(instance)[:, None]).all(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        state = self.reset(instance, actions.shape[1])
        for t in range(actions.shape[2]):
            state = self.step(instance, state, actions[:, :, t])
        return state.cost_so_far

    def horizon(self, instance: Instance) -> tuple[int, int]:
        counts = instances.count(instance).sum(-1)
        return int(counts.min()), int(counts.max())

    # ---- solutions

    def plan(self, instance: Instance, actions: Tensor) -> list[Plan]:
        """When and where `actions` ``[B, T]`` begin every operation."""
        batch, jobs, most, wide = instance.duration.shape
        state = self.reset(instance, 1)
        begin = torch.zeros(batch, jobs, most, dtype=torch.double, device=instance.device)
        chosen = torch.zeros_like(begin, dtype=torch.long)
        rows = torch.arange(batch, device=instance.device)
        for t in range(actions.shape[1]):
            action = actions[:, t]
            job, place = action // (most * wide), action // wide % most
            real = state.taken[rows, 0, job] == place
            machine = instance.machine.flatten(1)[rows, action]
            when = torch.maximum(state.ready[rows, 0, job], state.free[rows, 0, machine])
            begin[rows[real], job[real], place[real]] = when[real]
            chosen[rows[real], job[real], place[real]] = machine[real]
            state = self.step(instance, state, action[:, None])
        counts = instances.count(instance).tolist()
        starts, machines = begin.round().long().tolist(), chosen.tolist()
        return [
            Plan(
                [starts[b][j][:count] for j, count in enumerate(counts[b]) if count],
                [machines[b][j][:count] for j, count in enumerate(counts[b]) if count],
            )
            for b in range(batch)
        ]

    def follow(self, instance: Instance, plans: Sequence[Plan]) -> Tensor:
        """Actions ``[B, T]`` within the masks by which nothing begins later than in `plans`.

        Operations are taken in the order of their beginnings. Where the mask forbids the next one,
        something else could be completed before it at no loss, and is taken first.
        """
        rank, given = self._ranked(instance, plans)
        state = self.reset(instance, 1)
        rows = torch.arange(len(rank), device=rank.device)
        jobs, most, wide = instance.duration.shape[1:]
        every = torch.arange(jobs, device=rank.device)
        actions = []
        for _ in range(self.horizon(instance)[1]):
            taken = state.taken[:, 0]
            over = taken >= instances.count(instance)
            place = taken.clamp_max(most - 1)
            upcoming = instances.upcoming(instance, state)
            turn = rank.gather(2, place[..., None])[..., 0].masked_fill(over, 2**62)
            job = turn.argmin(1)
            alternative = given[rows, job, place[rows, job]]
            fine = upcoming.allowed[rows, 0, job, alternative]
            soonest = upcoming.end[:, 0].flatten(1).argmin(1)
            job = torch.where(fine, job, soonest // wide)
            alternative = torch.where(fine, alternative, soonest % wide)
            action = (every[job] * most + place[rows, job]) * wide + alternative
            action = action.masked_fill(over.all(1), 0)
            actions.append(action)
            state = self.step(instance, state, action[:, None])
        return torch.stack(actions, 1)

    @staticmethod
    def _ranked(instance: Instance, plans: Sequence[Plan]) -> tuple[Tensor, Tensor]:
        """The turn of every operation ``[B, J, P]``, and the alternative that it takes."""
        batch, jobs, most = instance.duration.shape[:3]
        start = torch.zeros(batch, jobs, most, dtype=torch.double)
        machine = torch.full((batch, jobs, most), -1)
        real = (instances.count(instance) > 0).tolist()
        for b, plan in enumerate(plans):
            places = [j for j in range(jobs) if real[b][j]]
            for j, begins, names in zip(places, plan.start, plan.machine, strict=True):
                start[b, j, : len(begins)] = torch.tensor(begins, dtype=torch.double)
                machine[b, j, : len(names)] = torch.tensor(names)
        start, machine = start.to(instance.device), machine.to(instance.device)
        match = (instance.machine == machine[..., None]) & instance.exists
        given = match.to(torch.uint8).argmax(-1)
        end = start + instance.duration.gather(3, given[..., None])[..., 0]
        place = torch.arange(most, device=start.device).expand_as(start)
        rank = _order(start.flatten(1), end.flatten(1), place.flatten(1).double()).argsort(1)
        return rank.view(batch, jobs, most), given

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """The same schedule, its operations in a random order that the masks allow."""
        start = self._starts(instance, actions)
        state = self.reset(instance, actions.shape[1])
        taken = []
        for _ in range(actions.shape[2]):
            right = self._right(instance, state, start).flatten(2)
            drawn = torch.rand(right.shape, generator=generator, device=generator.device)
            choice = drawn.to(right.device).masked_fill(~right, -1.0).argmax(-1)
            action = self.node(instance, state, choice)
            taken.append(action.masked_fill(self.done(instance, state), 0))
            state = self.step(instance, state, taken[-1])
        return torch.stack(taken, 2)

    def relatives(self, instance: Instance, actions: Tensor) -> list[tuple[Instance, Tensor]]:
        """The shops that run backwards in time; a plan read backwards is a plan of theirs."""
        work = [self._work(instance, b) for b in range(len(instance))]
        plans = [
            mirrored(jobs, plan)
            for jobs, plan in zip(work, self.plan(instance, actions), strict=True)
        ]
        other = self._instance([[list(reversed(job)) for job in jobs] for jobs in work])
        return [(other, self.follow(other, plans))]

    def consistent_actions(self, instance: Instance, actions: Tensor, states: State) -> Tensor:
        start = self._starts(instance, actions)
        count = states.taken.shape[2]
        folded = states.fold()
        right = self._right(instance, folded, start.repeat_interleave(count, 1))
        mask = self._spread(instance, folded, right)
        return mask.unflatten(1, (actions.shape[1], count))

    def _right(self, instance: Instance, state: State, start: Tensor) -> Tensor:
        """Next operations ``[B, S, J, K]`` that now would begin when `start` ``[B, S, N]`` says."""
        upcoming = instances.upcoming(instance, state)
        most = instance.duration.shape[2]
        planned = start.unflatten(2, instance.duration.shape[1:])
        place = state.taken.clamp_max(most - 1)[..., None, None]
        planned = planned.gather(3, place.expand(*place.shape[:3], 1, planned.shape[-1]))[
            :, :, :, 0
        ]
        return upcoming.allowed & (upcoming.begin == planned)

    @staticmethod
    def node(instance: Instance, state: State, choice: Tensor) -> Tensor:
        """The node ``[B, S]`` of `choice` among the next operations, ``[J * K]`` in a row."""
        most, wide = instance.duration.shape[2:]
        job = choice // wide
        place = state.taken.gather(2, job[..., None])[..., 0].clamp_max(most - 1)
        return (job * most + place) * wide + choice % wide

    def _starts(self, instance: Instance, actions: Tensor) -> Tensor:
        """When each node ``[B, S, N]`` begins by `actions`; -1 where it does not."""
        begin, real = self._times(instance, actions)
        start = begin.new_full((*actions.shape[:2], instance.duration[0].numel()), -1.0)
        return start.scatter_reduce(2, actions, begin.masked_fill(~real, -1.0), "amax")

    def _times(self, instance: Instance, actions: Tensor) -> tuple[Tensor, Tensor]:
        """When each step's operation begins ``[B, S, T]``, and whether it is no no-op."""
        most, wide = instance.duration.shape[2:]
        state = self.reset(instance, actions.shape[1])
        begins, reals = [], []
        for t in range(actions.shape[2]):
            action = actions[:, :, t]
            job = (action // (most * wide))[..., None]
            reals.append(state.taken.gather(2, job)[..., 0] == action // wide % most)
            state = self.step(instance, state, action)
            end = state.ready.gather(2, job)[..., 0]
            begins.append(end - instance.duration.flatten(1).gather(1, action))
        return torch.stack(begins, 2), torch.stack(reals, 2)


# --------------------------------------------------------------------------------------------------


def _order(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    """Indices along the last axis that sort by three keys, one after the other."""
    order = third.argsort(stable=True, dim=-1)
    for key in (second, first):
        order = order.gather(-1, key.gather(-1, order).argsort(stable=True, dim=-1))
    return order
