"""Sources that ask a classical search: solutions beside the rollouts, improvements, hints.

The search is the compiled one of the problem's own folder, limited by iterations, so that it gives
the same answer on every machine. It runs in this process, a few milliseconds an instance.
"""

import functools
import importlib
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nco import registry
from nco.core.defaults import cases_of, equivalents_of, pad_actions
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.rollout import score
from nco.core.seeds import derive
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source, wrapped
from nco.registry.interface import Solver

__all__ = ["Expert", "Guided", "Improved"]


def compiled(problem: Problem[Any, Any], name: str | None = None) -> Solver[Any]:
    """The problem's compiled search that counts iterations, or the one called `name`.

    Raises:
        ValueError: where its folder has none.
    """
    folder = registry.folder_of(problem)
    solvers = folder.classical.solvers() if folder.has("classical") else {}
    fitting = {key: one for key, one in solvers.items() if one.iterations and one.kernels}
    if name is None and fitting:
        name = next(iter(fitting))
    if name not in fitting:
        known = ", ".join(fitting) or "none"
        raise ValueError(f"{folder.name} has no compiled search {name or ''}: it has {known}")
    return fitting[name]


@functools.cache
def _ready(module: str) -> None:
    importlib.import_module(module).compile_kernels()


def searched(
    problem: Problem[Any, Any],
    solver: Solver[Any],
    instance: Any,
    iterations: int,
    seed: int,
    actions: Tensor | None = None,
) -> Tensor:
    """What the search makes of each instance, or of `actions` ``[B, T]``: actions ``[B, T']``."""
    _ready(solver.kernels)
    cases = cases_of(problem, instance)
    starts: list[Any] = [None] * len(cases)
    if actions is not None:
        given = problem.solution(instance, actions)
        starts = [case.numbered(one) for case, one in zip(cases, given, strict=True)]
    solutions = []
    for place, (case, start) in enumerate(zip(cases, starts, strict=True)):
        own = derive(seed, place) % 2**31
        # the interface does not name this keyword; `Solver.iterations` says that it is there
        solve: Any = solver.solve
        answer = solve(case, time_limit=None, seed=own, start=start, iterations=iterations)
        solutions.append(case.indexed(answer))
    return problem.actions(instance, solutions).to(instance.device)


class Consulting(Source):
    """What the sources of this module share.

    Args:
        source: of the rollouts. solver: a compiled search of the problem's folder; None: the first.
        iterations: of the search, in its own unit. views: of the equal ways to play a solution (a
            tour's starts and directions) so many are looked at, and the likeliest is taken.
    """

    discrete = True

    def __init__(
        self, source: Source | None, solver: str | None, iterations: int, views: int
    ) -> None:
        super().__init__(wrapped(source))
        name = type(self).__name__
        if iterations < 1 or views < 1:
            raise ValueError(f"{name}: iterations and views at least 1: {iterations}, {views}")
        self.solver, self.iterations, self.views = solver, iterations, views

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        self._search = compiled(problem, self.solver)

    def _asked(self, task: Collecting, instance: Any, actions: Tensor | None = None) -> Tensor:
        """A solution of each instance, ``[B, T]``, as the policy would most likely play it."""
        random = task.random("search")
        seed = int(torch.randint(2**31, (), generator=random, device=random.device))
        found = searched(task.problem, self._search, instance, self.iterations, seed, actions)
        if self.views == 1:
            return found
        views = equivalents_of(
            task.problem, instance, found[:, None].repeat_interleave(self.views, 1), random
        )
        with torch.no_grad():
            logp = score(task.problem, task.policy, instance, views).sum(2)
        return views[torch.arange(len(found), device=found.device), logp.argmax(1)]


class Expert(Consulting):
    """The solution of a classical search takes its place among the rollouts of each instance.

    It counts as if the policy had played it (SAPO, arXiv 2509.08721, exchanges rollouts in this
    way), so it is imitated by as much as it is cheaper than the others, and not where it costs more
    (A2PR clones better actions only). Its weight in the loss is `weight`.

    Args:
        source, solver, iterations, views: as in `Consulting`.
        weight: of the solution against a rollout.
    """

    off_policy = True

    def __init__(
        self,
        source: Source | None = None,
        weight: float = 1.0,
        solver: str | None = None,
        iterations: int = 10,
        views: int = 4,
    ) -> None:
        super().__init__(source, solver, iterations, views)
        if not weight > 0:
            raise ValueError(f"Expert: weight must be positive, not {weight}")
        self.weight = weight

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        groups = []
        for kept in self.source.collect(replace(task, live=False)):
            solution = self._asked(task, kept.instance)[:, None]
            whole = beside(task, kept, solution)
            if self.weight != 1:
                weight = torch.ones_like(whole.cost, dtype=torch.float32)
                weight[:, kept.cost.shape[1] :] = self.weight
                whole = replace(whole, weight=weight)
            groups.append(whole)
        return groups


class Improved(Consulting):
    """The best rollouts, improved by local search, join the group: pairs of before and after.

    Preference optimisation with local search (Pan et al. 2025, "Preference optimization for
    combinatorial optimization problems"): with `Pairwise`, what the search makes of a rollout is
    preferred to it and to the others.

    Args:
        source, solver, iterations, views: as in `Consulting`.
        count: rollouts of each instance that are improved.
    """

    off_policy = True

    def __init__(
        self,
        source: Source | None = None,
        count: int = 1,
        solver: str | None = None,
        iterations: int = 1,
        views: int = 4,
    ) -> None:
        super().__init__(source, solver, iterations, views)
        if count < 1:
            raise ValueError(f"Improved: count must be at least 1, not {count}")
        self.count_improved = count

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        groups = []
        for kept in self.source.collect(replace(task, live=False)):
            best = kept.cost.topk(min(self.count_improved, kept.cost.shape[1]), 1, largest=False)
            rows = torch.arange(len(kept), device=kept.cost.device)
            found = [
                self._asked(task, kept.instance, kept.actions[rows, place])
                for place in best.indices.T
            ]
            most = max(part.shape[1] for part in found)
            parts = [
                pad_actions(task.problem, kept.instance, part[:, None], most) for part in found
            ]
            groups.append(beside(task, kept, torch.cat(parts, 1)))
        return groups


class Guided(Consulting):
    """Where all rollouts fail, the instance is played again behind the first steps of an expert.

    GHPO (2025), arXiv 2507.10628: with the first 25, 50 and 75 % of the expert's solution, until a
    rollout succeeds, which is to come within `near` of the expert's cost. Steps that are given have
    no gradient.

    Args:
        source, solver, iterations, views: as in `Consulting`.
        shares: of the expert's steps, one after the other; none: the source alone.
        near: relative gap to the expert.
    """

    def __init__(
        self,
        source: Source | None = None,
        shares: tuple[float, ...] = (0.25, 0.5, 0.75),
        near: float = 0.05,
        solver: str | None = None,
        iterations: int = 10,
        views: int = 1,
    ) -> None:
        super().__init__(source, solver, iterations, views)
        if not all(0 < share < 1 for share in shares) or list(shares) != sorted(shares):
            raise ValueError(f"Guided: shares must rise between 0 and 1, not {list(shares)}")
        self.shares, self.near = tuple(shares), near

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        groups = self.source.collect(task)
        if not self.shares:
            return groups
        return [part for kept in groups for part in self._guided(kept, task)]

    def _guided(self, kept: Rollouts, task: Collecting) -> list[Rollouts]:
        expert = self._asked(task, kept.instance)
        goal = task.problem.cost(kept.instance, expert[:, None])[:, 0]
        goal = goal + self.near * goal.abs()
        left = (kept.cost > goal[:, None]).all(1)  # instances that fail
        if not bool(left.any()):
            return [kept]
        parts = [(kept, ~left)]
        rows = left.nonzero()[:, 0]
        for number, share in enumerate(self.shares):
            played = self._behind(kept, expert, rows, share, task)
            good = (played.cost <= goal[rows, None]).any(1)
            if number == len(self.shares) - 1:
                good = torch.ones_like(good)
            parts.append((played, good))
            rows = rows[~good]
            if not len(rows):
                break
        return [weighed(part[mask], len(kept)) for part, mask in parts if bool(mask.any())]

    def _behind(
        self, kept: Rollouts, expert: Tensor, rows: Tensor, share: float, task: Collecting
    ) -> Rollouts:
        """Rollouts of some instances behind the first steps of the expert."""
        count = kept.cost.shape[1]
        steps = max(1, int(share * expert.shape[1]))
        prefix = expert[rows, None, :steps].expand(-1, count, -1)
        own = replace(task, instance=kept.instance[rows])
        random = task.random("guided", steps)
        played = own.play(count, prefix, generator=random)
        return replace(played, index=None if kept.index is None else kept.index[rows])


def weighed(kept: Rollouts, whole: int) -> Rollouts:
    """A part of a batch of `whole` instances, weighed so that the loss is the batch's mean."""
    share = len(kept) / whole
    weight = kept.weight if kept.weight is not None else torch.ones_like(kept.cost).float()
    return replace(kept, weight=weight * share)


def beside(task: Collecting, kept: Rollouts, others: Tensor) -> Rollouts:
    """`kept` with other solutions ``[B, K, T']`` beside its rollouts, as if the policy played all.

    Raises:
        ValueError: where a problem's agents act together: a solution does not say what each picked.
    """
    if kept.actions.ndim > 3:
        raise ValueError("solutions of a search cannot be played by several agents at once")
    problem, instance = task.problem, kept.instance
    total = max(kept.actions.shape[2], others.shape[2])
    mine = pad_actions(problem, instance, kept.actions, total)
    theirs = pad_actions(problem, instance, others.to(mine.dtype), total)
    actions = torch.cat([mine, theirs], 1)
    cost = torch.cat([kept.cost, problem.cost(instance, theirs).to(kept.cost.dtype)], 1)
    shape = actions.shape[:3]
    given = torch.nn.functional.pad(kept.given, (0, theirs.shape[1]))
    joined = Rollouts(
        instance,
        actions,
        actions,
        torch.zeros(shape, device=cost.device),
        cost,
        given,
        torch.ones_like(kept.starts),
        index=kept.index,
        age=kept.age,
    )
    return task.rescored(joined)
