"""Sources whose rollouts are related: branches of one, or samples without replacement."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nco.core.decisions import Categorical
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source

__all__ = ["Branched", "Distinct"]


class Branched(Source):
    """One rollout of each instance up to a random step, and `rollouts` ways on from there.

    For `Vine` and `PrefixMean`. An action costs a whole rest of an episode, so it pays to branch
    late (arXiv 2210.13011). All instances of a batch branch at one step, drawn evenly from the
    steps behind the `late` share of the episode.

    Args:
        rollouts: from the branching on. late: share of the steps before which nothing branches.
    """

    branches = True

    def __init__(self, rollouts: int = 8, late: float = 0.5) -> None:
        super().__init__()
        if rollouts < 2 or not 0 <= late < 1:
            raise ValueError(f"Branched: rollouts at least 2, late in [0, 1): {rollouts}, {late}")
        self.rollouts, self.late = rollouts, late

    @property
    def count(self) -> int | None:
        return self.rollouts

    def collect(self, task: Collecting) -> list[Rollouts]:
        trunk = task.play(1, generator=task.random("trunk"))
        total = trunk.actions.shape[2]
        random = task.random("branch")
        first = min(int(self.late * total), total - 1)
        place = int(torch.randint(first, total, (), generator=random, device=random.device))
        if not place:
            return [task.play(self.rollouts)]
        prefix = trunk.actions[:, :, :place].expand(
            -1, self.rollouts, *[-1] * (trunk.actions.ndim - 2)
        )
        return [task.play(self.rollouts, prefix)]


class Distinct(Source):
    """Sampling without replacement: no two rollouts of an instance are the same.

    Stochastic beam search: Kool, van Hoof & Welling (2019), "Stochastic beams and where to find
    them", algorithm 1. Every partial rollout has a Gumbel number, the largest of which its
    continuations share out among them; the `rollouts` largest go on. With `Best` it is
    self-labelling, with `Pairwise` preferences without ties of equal rollouts. Where an instance
    has fewer solutions than that, the first is repeated with weight 0.

    Args:
        rollouts: of each instance.
    """

    off_policy, discrete = True, True

    def __init__(self, rollouts: int = 16) -> None:
        super().__init__()
        if rollouts < 2:
            raise ValueError(f"Distinct: rollouts must be at least 2, not {rollouts}")
        self.rollouts = rollouts

    @property
    def count(self) -> int | None:
        return self.rollouts

    @torch.no_grad()
    def collect(self, task: Collecting) -> list[Rollouts]:
        problem, policy, instance = task.problem, task.policy, task.instance
        memory = policy.encode(problem.features(instance))
        state = problem.reset(instance, 1)
        batch, device = len(instance), instance.device
        total = torch.zeros(batch, 1, device=device)  # log-probability so far
        gumbel = torch.zeros(batch, 1, device=device)
        actions = torch.zeros(batch, 1, 0, dtype=torch.long, device=device)
        logp = torch.zeros(batch, 1, 0, device=device)
        least, most = problem.horizon(instance)
        for t in range(most):
            if t >= least and bool(problem.done(instance, state).all()):
                break
            decision = policy.decide(memory, problem.observe(instance, state))
            if not isinstance(decision, Categorical) or decision.log_probs.ndim > 3:
                raise ValueError("Distinct samples one choice at a time, not several agents'")
            log = decision.log_probs
            whole, fresh = total[..., None] + log, _gumbel(log, task)
            number = _below(whole + fresh, gumbel)
            place, gumbel = _largest(number, self.rollouts)
            parent, action = place // log.shape[-1], place % log.shape[-1]
            rows = torch.arange(batch, device=device)[:, None]
            step = log[rows, parent, action]
            total = whole[rows, parent, action]
            actions = torch.cat([actions[rows, parent], action[..., None]], 2)
            logp = torch.cat([logp[rows, parent], step[..., None]], 2)
            state = problem.step(instance, state.take(parent), action)
        return [self._gathered(task, actions, logp, gumbel)]

    def _gathered(
        self, task: Collecting, actions: Tensor, logp: Tensor, gumbel: Tensor
    ) -> Rollouts:
        count = self.rollouts - actions.shape[1]
        if count > 0:  # no instance has so many solutions
            actions = torch.cat([actions, actions[:, :1].expand(-1, count, -1)], 1)
            logp = torch.cat([logp, logp[:, :1].expand(-1, count, -1)], 1)
            gumbel = torch.nn.functional.pad(gumbel, (0, count), value=-torch.inf)
        device = actions.device
        found: Any = Rollouts(
            task.instance,
            actions,
            actions,
            logp,
            task.problem.cost(task.instance, actions),
            torch.zeros(actions.shape[:2], dtype=torch.long, device=device),
            torch.ones(len(actions), dtype=torch.long, device=device),
            age=torch.full((len(actions),), task.step, device=device),
        )
        real = gumbel > -torch.inf
        if not bool(real.all()):
            found = replace(found, weight=real.float())
        kept: Rollouts = found
        return task.completed(kept)


def _gumbel(like: Tensor, task: Collecting) -> Tensor:
    uniform = torch.rand(like.shape, generator=task.generator, device=like.device)
    tiny = torch.finfo(uniform.dtype).tiny
    return -(-uniform.clamp_min(tiny).log()).clamp_min(tiny).log()


def _below(number: Tensor, parent: Tensor) -> Tensor:
    """Gumbel numbers ``[B, K, A]`` given that their largest is the parent's ``[B, K]``.

    Appendix B.3 of the paper, in its stable form.
    """
    largest = number.amax(-1, keepdim=True)
    parent = parent[..., None]
    v = parent - number + torch.log1p(-(number - largest).exp().clamp_max(1 - 1e-7))
    found = parent - v.clamp_min(0) - torch.log1p((-v.abs()).exp())
    found = torch.where(number == largest, parent, found)
    return torch.where(number.isfinite() & parent.isfinite(), found, -torch.inf)


def _largest(number: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Places and values ``[B, K]`` of the largest; the first's place where too few are possible."""
    flat = number.flatten(1)
    most = max(1, int((flat > -torch.inf).sum(1).max()))
    values, places = flat.topk(min(count, most), 1)
    return torch.where(values == -torch.inf, places[:, :1], places), values
