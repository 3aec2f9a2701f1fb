"""Random re-construction: take a part of the incumbent away, build it anew, keep what is better."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasFixedFirstAction, HasWindows, Windows
from nco.core.defaults import equivalents_of, pad_actions, replay
from nco.core.rollout import Interrupted
from nco.core.seeds import generator
from nco.search.bidirectional import Partial, first_paths, walk
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, best_of, improved
from nco.search.task import Task

MOST = 0.5  # of a solution: longer windows are better moved about than laid side by side
ROUNDING = 1e-6  # of a cost: a gain that is none
BORDERS = (10, 51, 101)  # steps that are built anew: between two of these, of each kind
TOGETHER = 8  # windows of each instance in a pass, where there are few instances
AT_ONCE = 128  # windows in a pass
TOKENS = 256  # that are looked at together in a pass over few windows
FIXED = 300  # tokens that could be looked at while a network is called once
EXPECTED = 5e-3  # of a cost: what the first round of each kind is taken to gain
LEAST = 1e-4  # of a cost, which every kind is taken to gain whatever it did
SPAN = 5  # rounds of every kind, after which what was gained and done has faded by a factor of e


def reconstruct(task: Task, budget: Budget, start: Incumbent | None = None) -> Iterator[Incumbent]:
    """Yields whenever a round improves any instance; endless without a limit.

    The random re-construct of LEHD (Luo et al., NeurIPS 2023, section 4.3), for every problem: a
    random equivalent of the incumbent (`HasEquivalents`: another rotation, direction, order of
    routes) is replayed but for its last steps, and the policy takes those again, greedily. For a
    tour that is any window of it; for routes, the end of one and others beside it.

    Where the problem can cut a solution into disjoint windows (`HasWindows`), a round builds all of
    them anew and keeps each that is better, so that a large solution improves everywhere at once.

    How long the windows of the next round are is decided by what such lengths have gained on these
    instances for their work so far (`Kinds`). Work is counted, not timed: equal seeds do the same
    rounds in the same order, however fast the machine is and however much time there is.

    Begins at `start`, or at the policy's own greedy solution. `budget.samples` counts the
    re-constructions of each instance; a round makes up to TOGETHER of them, and one that builds
    everywhere counts as as many.
    """
    best = start
    if best is None:
        for best in first_paths(task, budget):
            yield best
        if best is None:
            return
    kinds = Kinds.of(task, best.actions.shape[1])
    spent = 0
    for turn in budget.turns():
        random = generator(budget.seed, "reconstruct", turn, device=task.instance.device)
        kind = kinds.likeliest()
        length = int(torch.randint(kind.low, kind.high, (), generator=random, device=random.device))
        count = budget.among(_together(task, length), spent)
        if count == 0:
            return
        try:
            rebuilt, work = _rebuilt(task, best, count, length, random, budget)
        except Interrupted:
            return
        spent += count
        new = task.better(best, rebuilt)
        gains = (best.cost - new.cost) / best.cost.abs().clamp_min(ROUNDING)
        kinds.learn(kind, float(gains.mean()), work)
        if improved(best, new):
            yield new
        best = new


@dataclass
class Kind:
    """Windows of like lengths, and what they have brought of late.

    Attributes:
        low, high: the least length, and the first one that is too long.
        work: tokens that were looked at; gained: of the cost, as a share.
    """

    low: int
    high: int
    work: float
    gained: float = EXPECTED


@dataclass(frozen=True)
class Kinds:
    """All kinds of windows of a search: the next round is of the one that gains most for its work.

    What was gained fades with the work that is done, and so does the work: a kind that has not had
    a round for long is tried again, and where nothing gains, all have the same share of the work.

    Attributes:
        kinds: the shortest first.
        span: work within which what was gained and done fades by a factor of e.
    """

    kinds: Sequence[Kind]
    span: float

    @classmethod
    def of(cls, task: Task, total: int) -> Self:
        """For solutions of so many steps; of each kind one round counts as done."""
        pairs = [
            (low, min(high, total + 1))
            for low, high in itertools.pairwise((1, *BORDERS) if total < BORDERS[0] else BORDERS)
            if low <= total
        ]
        kinds = [Kind(low, high, _expected(task, (low + high) // 2, total)) for low, high in pairs]
        return cls(kinds, SPAN * sum(kind.work for kind in kinds))

    def likeliest(self) -> Kind:
        """The kind that is expected to gain most for its work."""
        return max(self.kinds, key=lambda kind: (LEAST + kind.gained) / kind.work)

    def learn(self, kind: Kind, gained: float, work: float) -> None:
        """After one more round of a kind."""
        fading = math.exp(-work / self.span)
        for each in self.kinds:
            each.gained *= fading
            each.work *= fading
        kind.gained += gained
        kind.work += work


def _expected(task: Task, length: int, total: int) -> float:
    """The work of a round with windows of a length."""
    rows = _together(task, length)
    if isinstance(task.problem, HasWindows) and length <= MOST * total:
        rows = max(1, total // length)
    return _work(length, rows * len(task.instance))


def _together(task: Task, length: int) -> int:
    """Windows of each instance in a pass."""
    count = min(TOGETHER, TOKENS // length, AT_ONCE // len(task.instance))
    return max(1, count)


def _rebuilt(
    task: Task, best: Incumbent, count: int, length: int, random: Generator, budget: Budget
) -> tuple[Incumbent, float]:
    """One round, and its work: disjoint windows everywhere, or `count` windows anywhere."""
    total = best.actions.shape[1]
    if length <= MOST * total and isinstance(task.problem, HasWindows):
        windows = task.problem.windows(task.instance, best.actions, length, random)
        if windows is not None:
            steps = windows.actions.shape[1] - windows.given
            work = _work(steps, len(windows.actions))
            return _everywhere(task, best, windows, budget), work
    rebuilt = _anywhere(task, best, count, length, random, budget)
    return rebuilt, _work(length, count * len(task.instance))


def _work(steps: int, rows: int) -> float:
    """Tokens that are looked at while `rows` sub-problems of so many steps are solved."""
    return steps * (FIXED + rows * steps / 2)


def _everywhere(task: Task, best: Incumbent, windows: Windows, budget: Budget) -> Incumbent:
    """Each of disjoint windows of the incumbents built anew where that is better."""
    problem = task.problem
    assert isinstance(problem, HasWindows)
    small, old = windows.instance, windows.actions[:, None]
    new = _completed(task.of(small), old, windows.given, budget)
    wins = problem.cost(small, new) < problem.cost(small, old) * (1 - ROUNDING)
    old = pad_actions(problem, small, old, new.shape[2])
    kept = torch.where(wins[..., None], new, old)[:, 0]
    actions = problem.rejoin(task.instance, best.actions, windows, kept)
    cost = problem.cost(task.instance, actions[:, None])[:, 0]
    return Incumbent(actions, cost, "reconstruct")


def _anywhere(
    task: Task, best: Incumbent, count: int, length: int, random: Generator, budget: Budget
) -> Incumbent:
    """The best of `count` re-constructions of each incumbent's last `length` steps."""
    label = best.actions[:, None].expand(-1, count, -1).contiguous()
    actions = equivalents_of(task.problem, task.instance, label, random)
    fixed = 1 if isinstance(task.problem, HasFixedFirstAction) else 0
    given = max(actions.shape[2] - length, fixed)
    complete = _completed(task, actions, given, budget)
    return best_of(complete, task.problem.cost(task.instance, complete), "reconstruct")


def _completed(task: Task, actions: Tensor, given: int, budget: Budget) -> Tensor:
    """The first `given` of `actions` ``[B, S, T]``, and greedy ones from there on."""
    problem, instance = task.problem, task.instance
    total = actions.shape[2]
    steps = torch.full((*actions.shape[:2], 1), given, device=actions.device)
    state = replay(problem, instance, actions, steps).fold()
    walker = task.walker(budget)
    partial = Partial.of(task, state, actions[:, :, :given], walker)
    return walk(task, budget, partial, walker, total)
