"""Sources that keep rollouts for later: a buffer of each instance's, and a queue of late ones.

Of a training on several devices each has its own; the checkpoint holds that of the first.
"""

import shutil
import tempfile
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from nco.core.defaults import pad_actions
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source, wrapped

if TYPE_CHECKING:
    from tensordict import TensorDictBase

__all__ = ["Replay", "Stale"]

Choose = Literal["best", "recent", "random", "variance"]
MEGABYTE = 2**20


class Replay(Source):
    """Beside fresh rollouts, those that are kept of the same instances are learned from again.

    RePO (Li et al. 2025, arXiv 2506.09340): the loss of the fresh group plus `weight` times that of
    the replayed one; each is compared within itself, and the ratio is to the probabilities with
    which a rollout was played. An instance takes part once `keep` of its rollouts are there. What
    is kept is a tensordict, memory-mapped where it outgrows `memory`; a checkpoint holds all of it.
    Rollouts of equal cost are taken for the same solution and kept once.

    Args:
        source: of the fresh rollouts; it needs a pool.
        choose: which are kept: the ``best``, the most ``recent``, ``random`` ones, or those of
            greatest ``variance``, from both ends.
        keep: rollouts of each instance; 8 in the paper.
        weight: lambda; 1 in the paper.
        age: steps of the optimiser after which a rollout is no longer used.
        memory: megabytes from which the buffer lies in a file.
    """

    off_policy, remembers, discrete = True, True, True

    def __init__(
        self,
        source: Source | None = None,
        choose: Choose = "best",
        keep: int = 8,
        weight: float = 1.0,
        age: int = 2000,
        memory: int = 512,
    ) -> None:
        super().__init__(wrapped(source))
        if choose not in ("best", "recent", "random", "variance"):
            raise ValueError(f"Replay: choose best, recent, random or variance, not {choose}")
        if keep < 2 or not weight > 0 or age < 1:
            raise ValueError(
                f"Replay: keep at least 2, weight and age above 0: {keep}, {weight}, {age}"
            )
        self.choose, self.keep, self.weight = choose, keep, weight
        self.age, self.memory = age, memory
        self.buffer: TensorDictBase | None = None

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        groups = []
        for fresh in self.source.collect(task):
            assert fresh.index is not None
            whole = self._widened(fresh, task)
            buffer = self._buffer(whole)
            old = buffer[fresh.index.cpu()].to(fresh.cost.device)
            usable = ((old["age"] >= 0) & (task.step - old["age"] <= self.age)).all(1)
            groups.append(fresh)
            if bool(usable.any()):
                groups.append(self._replayed(whole, old, usable, task))
            buffer[fresh.index.cpu()] = self._kept(whole, old, task).cpu()
        return groups

    def _replayed(self, fresh: Rollouts, old: Any, usable: Tensor, task: Collecting) -> Rollouts:
        rows = usable.nonzero()[:, 0]
        part = fresh[rows]
        given = old["given"][rows]
        share = self.weight * len(rows) / len(usable)
        return task.completed(
            replace(
                part,
                actions=old["actions"][rows],
                picks=old["actions"][rows],
                logp=old["logp"][rows],
                cost=old["cost"][rows],
                given=given,
                step_cost=old["step_cost"][rows] if "step_cost" in old else None,
                states=None,
                log_probs=None,
                entropy=None,
                starts=torch.ones_like(part.starts),
                weight=torch.full(given.shape, share, device=given.device),
            )
        )

    def _widened(self, fresh: Rollouts, task: Collecting) -> Rollouts:
        """Of one length: that of the longest rollout there can be."""
        _, most = task.problem.horizon(fresh.instance)
        if fresh.actions.ndim > 3:
            raise ValueError("Replay keeps the rollouts of one agent with discrete actions")
        if self.buffer is not None and self.buffer["actions"].shape[2] != most:
            known = self.buffer["actions"].shape[2]
            raise ValueError(
                f"Replay keeps rollouts of {known} steps, not of {most}: give one size"
            )
        total = fresh.actions.shape[2]
        actions = pad_actions(task.problem, fresh.instance, fresh.actions, most)
        behind = most - total
        before = total - fresh.logp.shape[2]
        logp = torch.nn.functional.pad(fresh.logp, (before, behind))
        cost = fresh.step_cost
        if cost is not None:
            cost = torch.nn.functional.pad(cost, (0, behind))
        return replace(fresh, actions=actions, picks=actions, logp=logp, step_cost=cost)

    def _buffer(self, like: Rollouts) -> "TensorDictBase":
        from tensordict import TensorDict

        if self.buffer is None:
            shape = (self.pool, self.keep)
            total = like.actions.shape[2]
            parts = {
                "actions": torch.zeros(*shape, total, dtype=torch.int32),
                "logp": torch.zeros(*shape, total),
                "cost": torch.full(shape, torch.inf, dtype=like.cost.dtype),
                "given": torch.zeros(shape, dtype=torch.long),
                "age": torch.full(shape, -1),
            }
            if like.step_cost is not None:
                parts["step_cost"] = torch.zeros(*shape, total, dtype=like.step_cost.dtype)
            buffer: TensorDictBase = TensorDict(parts, batch_size=list(shape))
            if sum(part.nbytes for part in parts.values()) > self.memory * MEGABYTE:
                folder = tempfile.mkdtemp(prefix="nco-replay-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                buffer = buffer.memmap_(prefix=folder)
            self.buffer = buffer
        return self.buffer

    def _kept(self, fresh: Rollouts, old: Any, task: Collecting) -> Any:
        """Of the old and the fresh rollouts of each instance those that are kept."""
        from tensordict import TensorDict

        count, device = fresh.cost.shape, fresh.cost.device
        parts = {
            "actions": fresh.actions.int(),
            "logp": fresh.logp.detach(),
            "cost": fresh.cost,
            "given": fresh.given,
            "age": torch.full(count, task.step, device=device),
        }
        if fresh.step_cost is not None:
            parts["step_cost"] = fresh.step_cost
        # the fresh ones first: of two that cost the same, the newer is kept
        every = torch.cat([TensorDict(parts, batch_size=list(count), device=device), old], 1)
        order = self._order(every, task).topk(self.keep, 1, largest=False).indices
        rows = torch.arange(len(order), device=device)[:, None]
        return every[rows, order]

    def _order(self, every: Any, task: Collecting) -> Tensor:
        """A number of each rollout ``[B, K]``, the lowest are kept."""
        cost, age = every["cost"].double(), every["age"]
        there = age >= 0
        if self.choose == "recent":
            value = -age.double()
        elif self.choose == "random":
            random = task.random("replay")
            value = torch.rand(cost.shape, generator=random, device=cost.device).double()
        elif self.choose == "best":
            value = cost
        else:
            value = _from_both_ends(cost)
        same = (cost[:, :, None] == cost[:, None]).tril(-1).any(2)
        return value.masked_fill(same & there, torch.finfo(torch.double).max).masked_fill(
            ~there, torch.inf
        )

    def get_extra_state(self) -> Any:
        return {} if self.buffer is None else {name: t.clone() for name, t in self.buffer.items()}

    def set_extra_state(self, state: Any) -> None:
        from tensordict import TensorDict

        if state:
            shape = list(state["cost"].shape)
            self.buffer = TensorDict(dict(state), batch_size=shape, device="cpu")


def _from_both_ends(cost: Tensor) -> Tensor:
    """Ranks ``[B, K]`` from outside in: cheapest, dearest, second cheapest, ..."""
    rank = cost.argsort(1).argsort(1).double()
    there = cost.isfinite().sum(1, keepdim=True)
    return torch.minimum(2 * rank, 2 * (there - 1 - rank) + 1)


class Stale(Source):
    """The learner is some collections behind the actors, as in asynchronous training.

    What is learned from was played `age` collections ago: Noukhovitch et al. (2024), "Asynchronous
    RLHF", arXiv 2410.18252, and A3C (Mnih et al. 2016). In one process it shows what asynchrony
    costs, with the same numbers on every machine. The first `age` groups are learned from at once,
    and once more when their time comes. With ``age: 0`` it is the source that it wraps.

    Args:
        source: that it delays. age: collections; 1 to 4 do little harm with a ratio.
    """

    def __init__(self, source: Source | None = None, age: int = 4) -> None:
        super().__init__(wrapped(source))
        if age < 0:
            raise ValueError(f"Stale: age must be at least 0, not {age}")
        self.age, self.off_policy = age, age > 0
        self.queue: list[list[Rollouts]] = []
        self._problem: Problem[Any, Any] | None = None

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        self._problem = problem

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        if not self.age:
            return self.source.collect(task)
        new = self.source.collect(replace(task, live=False))
        self.queue.append(new)
        if len(self.queue) <= self.age:
            return new
        return self.queue.pop(0)

    def get_extra_state(self) -> Any:
        return [[kept.stored().to_dict() for kept in groups] for groups in self.queue]

    def set_extra_state(self, state: Any) -> None:
        assert self._problem is not None
        device = torch.device("cpu")
        self.queue = [
            [Rollouts.restored(kept, self._problem, device) for kept in groups] for groups in state
        ]
