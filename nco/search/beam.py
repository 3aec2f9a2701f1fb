"""Beam search by log-probability that never keeps two equivalent states."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCostSoFar
from nco.core.problem import Observation
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.bidirectional import Partial, first_paths, log_probs_of
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of
from nco.search.task import Task

WIDTH = 16
WORK = 1e6  # beams x steps x nodes of each instance in one deterministic pass
DOUBT = 0.5  # of a path's: a beam goes by what is less probable, too
SPARE = 2  # candidates for each place in the beam, because equivalent ones fall together


def beam(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields the best of a beam. Under a deadline greedy paths come first, unless there is a
    solution to begin with.

    Of `budget.width`; WIDTH without it, and less where a large instance would take too long (WORK).
    """
    _, steps = task.problem.horizon(task.instance)
    width = budget.width or max(1, min(WIDTH, int(WORK / max(steps * task.nodes, 1))))
    best = start
    if start is None and width > 1 and budget.deadline is not None:
        for best in first_paths(task, budget):
            yield best
        if budget.over():
            return
    try:
        found = best_of(*beam_search(task, width, budget), "beam" if width > 1 else "greedy")
    except Interrupted:
        return
    yield task.better(best, found)


@dataclass(frozen=True, eq=False)
class _Beams(Batch):
    """W partial solutions of every instance."""

    partial: Partial  # [B, W, ...]
    logp: Tensor  # [B, W], minus infinity in places that are not taken
    parent: Tensor  # [B, W] long, which of those before them they follow from


def beam_search(
    task: Task, width: int, budget: Budget | None = None, begun: Partial | None = None
) -> tuple[Tensor, Tensor]:
    """One beam search: complete actions ``[B, W, T]`` and their costs ``[B, W]``.

    From partial solutions ``[B, 1]`` that are `begun`, if any.

    Two partial solutions that leave the same sub-problem (equal observations) have the same best
    completion. Of such, the cheaper path is kept, with the greater log-probability: exact by
    bisimulation. It takes `Problem.cost` of a part of the actions to be what stopping there costs,
    which sorts equivalent states rightly, as the way home is the same for both.

    Raises:
        Interrupted: when the budget is over.
    """
    problem, instance = task.problem, task.instance
    if begun is None:
        begun = Partial.begun(task)
    nothing = torch.zeros(len(instance), 1, device=instance.device)
    beams = _Beams(begun, nothing, nothing.long())
    walker = task.walker(budget, DOUBT)
    salt = _Salt.of(problem.observe(instance, begun.state))
    least, most = problem.horizon(instance)
    first = begun.actions.shape[2]
    for t in range(first, most):
        if t >= least and bool(problem.done(instance, beams.partial.state).all()):
            break
        if budget is not None and budget.over():
            raise Interrupted
        decision = walker(task.memory, problem.observe(instance, beams.partial.state))
        partial, log_probs = beams.partial.surest(task, log_probs_of(decision))
        beams = _extended(task, replace(beams, partial=partial), log_probs, SPARE * width)
        beams = _merged(task, beams, salt, width)
        walker.take(beams.parent)
    actions = beams.partial.played(task)
    cost = problem.cost(instance, actions)
    return actions, cost.masked_fill(beams.logp == -torch.inf, torch.inf)


def _extended(task: Task, beams: _Beams, log_probs: Tensor, count: int) -> _Beams:
    """The `count` most probable one step longer."""
    total = (beams.logp[..., None] + log_probs).flatten(1)
    most = int((total > -torch.inf).sum(1).max())
    logp, flat = total.topk(min(count, most), 1)
    # what is not possible takes the place of the best, so that it can be stepped, but never wins
    flat = torch.where(logp == -torch.inf, flat[:, :1], flat)
    parents, action = flat // log_probs.shape[-1], flat % log_probs.shape[-1]
    return _Beams(beams.partial.take(parents).step(task, action), logp, parents)


def _merged(task: Task, beams: _Beams, salt: "_Salt", width: int) -> _Beams:
    """The `width` most probable of those that leave different sub-problems."""
    taken = beams.logp > -torch.inf
    key = torch.stack([salt.hash(seen) for seen in beams.partial.observe(task)]).sum(0)
    same = (key[:, :, None] == key[:, None, :]) & taken[:, None] & taken[:, :, None]
    same &= ~torch.eye(key.shape[1], dtype=torch.bool, device=key.device)
    logp = beams.logp
    if bool(same.any()):
        cost = _cost_so_far(task, beams.partial)
        order = torch.arange(key.shape[1], device=key.device)
        dearer = cost[:, :, None] > cost[:, None, :]
        later = (cost[:, :, None] == cost[:, None, :]) & (order[:, None] > order)
        beaten = (same & (dearer | later)).any(-1)
        partners = logp[:, None].expand_as(same).masked_fill(~same, -torch.inf).amax(-1)
        logp = torch.maximum(logp, partners).masked_fill(beaten, -torch.inf)
    most = int((logp > -torch.inf).sum(1).max())  # no place is kept that no instance needs
    logp, places = logp.topk(min(width, most), 1)
    return replace(beams.take(places), logp=logp)


def _cost_so_far(task: Task, partial: Partial) -> Tensor:
    """What stopping here would cost, ``[B, W]``."""
    if isinstance(partial.state, HasCostSoFar):
        return partial.state.cost_so_far
    return task.problem.cost(task.instance, partial.played(task))


@dataclass(frozen=True)
class _Salt:
    """Random 64-bit numbers whose wrapping sums tell sub-problems apart."""

    alive: Tensor  # [N]
    focus: Tensor  # [K, N + 1]
    context: Tensor  # [C]
    changing: Tensor  # [N, F'] of the features that change; [N, 0] without

    @classmethod
    def of(cls, observation: Observation) -> "_Salt":
        assert observation.alive is not None, "beam search needs Observation.alive"
        nodes, device = observation.alive.shape[-1], observation.alive.device
        slots, numbers = observation.focus.shape[-1], observation.context.shape[-1]
        random = generator("beam", device=device)

        def draw(*shape: int) -> Tensor:
            return torch.randint(-(2**62), 2**62, shape, generator=random, device=device)

        wide = 0 if observation.nodes is None else observation.nodes.shape[-1]
        return cls(draw(nodes), draw(slots, nodes + 1), draw(numbers) | 1, draw(nodes, wide) | 1)

    def hash(self, observation: Observation) -> Tensor:
        """``[B, S]`` long."""
        assert observation.alive is not None
        key = (observation.alive * self.alive).sum(-1)
        slots = torch.arange(len(self.focus), device=key.device)
        key = key + self.focus[slots, observation.focus].sum(-1)
        bits = observation.context.contiguous().view(torch.int32).long()
        key = key + (bits * self.context).sum(-1)
        if observation.nodes is None:
            return key
        bits = observation.nodes.contiguous().view(torch.int32).long()
        return key + (bits * self.changing).flatten(2).sum(-1)
