"""Partial solutions that grow at whichever of their two ends the policy is surer of."""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasFixedFirstAction, Reversible
from nco.core.decisions import Categorical, Decision
from nco.core.defaults import mask_of
from nco.core.policy import Policy
from nco.core.problem import Observation, Problem


@dataclass(frozen=True, eq=False)
class Ends(Batch):
    """Partial solutions ``[B, S]`` of a problem, each seen from the end that moved last.

    What is left of a tour lies between two nodes, and may be walked from either
    (`Reversible`). A policy that is unsure at one end is often sure at the other, and by the
    time that it has to decide, less is left to be wrong about. Only the end that moved is looked at
    anew, because little has changed at the other one: its probabilities are kept, but for what is
    no longer allowed. So a deep network pays no more than for one end; one with a light decoder
    takes longer, for better tours.

    Problems without a second end are walked as they are.
    """

    state: Batch  # [B, S, ...]
    actions: Tensor  # [B, S, t] long, in the order in which they were decided
    far: Tensor | None = None  # [B, S] bool, the state is seen from the far end
    behind: Tensor | None = None  # [B, S, t] bool, which actions were taken at the far end
    other: Tensor | None = None  # [B, S, A] log-probabilities of the end that did not move last

    @classmethod
    def of(
        cls,
        problem: Problem[Any, Any],
        policy: Policy,
        memory: Any,
        instance: Any,
        state: Any,
        actions: Tensor,
    ) -> Self:
        """From the states that `actions` ``[B, S, t]`` led to."""
        if not isinstance(problem, Reversible):
            return cls(state, actions)
        away = problem.reversed_state(instance, state)
        other = probable(policy.decide(memory, problem.observe(instance, away)))
        behind = torch.zeros_like(actions, dtype=torch.bool)
        nowhere = torch.zeros(actions.shape[:2], dtype=torch.bool, device=actions.device)
        return cls(state, actions, nowhere, behind, other)

    @classmethod
    def begun(cls, problem: Problem[Any, Any], policy: Policy, memory: Any, instance: Any) -> Self:
        """One of each instance ``[B, 1]``, after the first action where that is fixed."""
        state = problem.reset(instance, 1)
        if isinstance(problem, HasFixedFirstAction):
            first = problem.fixed_first_action(instance, 1)
            state = problem.step(instance, state, first[:, :, 0])
        else:
            first = torch.zeros(len(instance), 1, 0, dtype=torch.long, device=instance.device)
        return cls.of(problem, policy, memory, instance, state, first)

    def observe(self, problem: Problem[Any, Any], instance: Any) -> list[Observation]:
        """Of every end; which comes first differs between equal sub-problems."""
        seen = [problem.observe(instance, self.state)]
        if isinstance(problem, Reversible):
            seen.append(problem.observe(instance, problem.reversed_state(instance, self.state)))
        return seen

    def surest(
        self, problem: Problem[Any, Any], instance: Any, log_probs: Tensor
    ) -> tuple[Self, Tensor]:
        """The same, seen from the end with the most probable next action, and what is probable.

        `log_probs` ``[B, S, A]`` are those of the end that they are seen from.
        """
        if not isinstance(problem, Reversible):
            return self, log_probs
        assert self.far is not None
        assert self.other is not None
        away = problem.reversed_state(instance, self.state)
        other = self.other.masked_fill(~mask_of(problem, instance, away), -torch.inf)
        some = other.amax(-1, keepdim=True) > -torch.inf
        other = torch.where(some, other - other.logsumexp(-1, keepdim=True), -torch.inf)
        turn = other.amax(-1) > log_probs.amax(-1)
        state = away.where(turn, self.state)
        found = torch.where(turn[..., None], other, log_probs)
        kept = torch.where(turn[..., None], log_probs, other)
        return replace(self, state=state, far=self.far ^ turn, other=kept), found

    def step(self, problem: Problem[Any, Any], instance: Any, action: Tensor) -> Self:
        """After `action` ``[B, S]`` at the end that they are seen from."""
        state = problem.step(instance, self.state, action)
        actions = torch.cat([self.actions, action[..., None]], 2)
        behind = self.behind
        if behind is not None:
            assert self.far is not None
            behind = torch.cat([behind, self.far[..., None]], 2)
        return replace(self, state=state, actions=actions, behind=behind)

    def follow(self, problem: Problem[Any, Any], instance: Any, decision: Decision) -> Self:
        """After the most probable action, at the end where it is the more probable."""
        if self.far is None:
            return self.step(problem, instance, decision.mode())
        ends, log_probs = self.surest(problem, instance, probable(decision))
        return ends.step(problem, instance, log_probs.argmax(-1))

    def played(self, problem: Problem[Any, Any], instance: Any) -> Tensor:
        """The actions ``[B, S, t]`` in an order in which they can be played."""
        if self.behind is None or not isinstance(problem, Reversible):
            return self.actions
        return problem.joined(instance, self.actions, self.behind)

    def past(self) -> Tensor:
        """The actions ``[B, S, t]`` along the way from the far end to where we stand.

        Of a closed tour, which may begin anywhere, they lead to the same state.
        """
        if self.behind is None or self.far is None:
            return self.actions
        when = torch.arange(self.actions.shape[2], device=self.actions.device)
        place = torch.where(self.behind, -1 - when, when)
        place = torch.where(self.far[..., None], -place, place)
        return self.actions.gather(2, place.argsort(dim=-1))


def probable(decision: Decision) -> Tensor:
    """The log-probabilities ``[B, S, A]`` of one of A actions a step."""
    assert isinstance(decision, Categorical)
    return decision.log_probs
