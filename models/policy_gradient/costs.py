"""Other costs than the problem's own: sums of several objectives, and soft constraints."""

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from nco.core.capabilities import Online
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Source, wrapped

__all__ = ["Lagrangian", "Scalarised", "hypervolume"]

COST = "cost"  # the name of the problem's own cost among its measures


@runtime_checkable
class HasObjectives(Protocol):
    """A problem that can say more of a solution than its cost."""

    def objectives(self, instance: Any, actions: Tensor) -> dict[str, Tensor]:
        """Named figures ``[B, S]`` of complete actions, the less the better."""


def measured(problem: Problem[Any, Any], kept: Rollouts, name: str) -> Tensor:
    """One named figure of the rollouts ``[B, S]``; ``cost`` is the problem's own.

    Those of `HasObjectives`, and what an online problem measures (`Online.measures`).

    Raises:
        ValueError: where the problem has none of that name.
    """
    if name == COST:
        return kept.cost
    found: dict[str, Tensor] = {}
    if isinstance(problem, HasObjectives):
        found = problem.objectives(kept.instance, kept.actions)
    elif isinstance(problem, Online):
        found = problem.measures(kept.instance, kept.actions)
    if name not in found:
        known = ", ".join([COST, *found])
        raise ValueError(f"{type(problem).__name__} has no objective {name}: it has {known}")
    return found[name]


class Lagrangian(Source):
    """A soft constraint: what a rollout uses beyond a limit is priced, by a price that learns.

    ``c + (l - kappa (limit - g)) g``, l at least 0 and raised by ``rate (mean g - limit)`` at every
    collection: the augmented Lagrangian of CAL (Wu et al. 2024, "Off-policy primal-dual safe
    reinforcement learning"), whose ensemble is not needed as g is exact. A slack constraint takes
    its price to 0.

    Args:
        measure: a figure that the problem names, such as ``longest_route`` (`measured`).
        limit: on its mean. source: of the rollouts. rate: of the price; kappa: of the augmentation.
    """

    price: Tensor

    def __init__(
        self,
        measure: str,
        limit: float,
        source: Source | None = None,
        rate: float = 0.01,
        kappa: float = 0.0,
    ) -> None:
        super().__init__(wrapped(source))
        if not rate > 0 or kappa < 0:
            raise ValueError(f"Lagrangian: rate above 0, kappa at least 0: {rate}, {kappa}")
        self.measure, self.limit, self.rate, self.kappa = measure, limit, rate, kappa
        self.register_buffer("price", torch.zeros(()))

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        _check(problem, self.measure)

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        groups = self.source.collect(task)
        used = [measured(task.problem, kept, self.measure) for kept in groups]
        priced = [
            replace(kept, cost=self._priced(kept.cost, part), step_cost=None)
            for kept, part in zip(groups, used, strict=True)
        ]
        mean = torch.cat([part.flatten() for part in used]).float().mean()
        self.price = (self.price + self.rate * (mean - self.limit)).clamp_min(0)
        return priced

    def _priced(self, cost: Tensor, used: Tensor) -> Tensor:
        augmented = (self.price - self.kappa * (self.limit - used)).clamp_min(0)
        return cost + augmented * used


class Scalarised(Source):
    """Several objectives: each instance has a preference, and its agent is trained for that.

    The preferences are an even grid on the simplex, one of a policy's agents for each: ``cost = sum
    of w_k c_k / unit_k``. PD-MORL and C-MORL condition on w in the same way. All agents share what
    they know of an instance; validation plays each of them (`hypervolume` compares fronts).

    Args:
        objectives: two figures that the problem names, or ``cost`` (`measured`).
        agents: points of the grid; the policy must have as many agents.
        units: of the figures, so that they are of one size. source: of the rollouts.
    """

    def __init__(
        self,
        objectives: list[str],
        agents: int = 5,
        units: list[float] | None = None,
        source: Source | None = None,
    ) -> None:
        super().__init__(wrapped(source))
        if len(objectives) != 2 or agents < 2:
            raise ValueError(f"Scalarised: two objectives and two agents: {objectives}, {agents}")
        self.objectives, self.agents = objectives, agents
        self.units = units if units is not None else [1.0] * len(objectives)
        if len(self.units) != len(objectives) or min(self.units) <= 0:
            raise ValueError(f"Scalarised: a positive unit for each measure, not {self.units}")

    def attach(self, problem: Problem[Any, Any], policy: Policy, seed: int) -> None:
        super().attach(problem, policy, seed)
        for name in self.objectives:
            _check(problem, name)
        if policy.agents != self.agents:
            raise ValueError(
                f"Scalarised has {self.agents} preferences, the policy {policy.agents} agents: "
                "give both the same number"
            )

    def preferences(self) -> Tensor:
        """``[agents, 2]``, each adds up to 1."""
        first = torch.linspace(1, 0, self.agents)
        return torch.stack([first, 1 - first], 1)

    def collect(self, task: Collecting) -> list[Rollouts]:
        assert self.source is not None
        count = self.count
        if count is None:
            raise ValueError("Scalarised: say how many rollouts its source Fresh plays")
        device = task.instance.device
        shape = (len(task.instance), 1)
        random = task.random("preference")
        agent = torch.randint(self.agents, shape, generator=random, device=device)
        groups = self.source.collect(replace(task, condition=agent.expand(-1, count), live=False))
        weight = self.preferences().to(device)[agent[:, 0]]
        found = []
        for kept in groups:
            parts = [
                measured(task.problem, kept, name) / unit
                for name, unit in zip(self.objectives, self.units, strict=True)
            ]
            cost = sum(weight[:, k, None] * part for k, part in enumerate(parts))
            assert isinstance(cost, Tensor)
            found.append(replace(kept, cost=cost, step_cost=None))
        return found


def hypervolume(points: Tensor, reference: Tensor) -> float:
    """The area that the points ``[K, 2]`` dominate below `reference` ``[2]``, both minimised."""
    inside = points[(points < reference).all(1)].double()
    area, height = 0.0, float(reference[1])
    for first, second in sorted(inside.tolist()):
        if second < height:
            area += (float(reference[0]) - first) * (height - second)
            height = second
    return area


def _check(problem: Problem[Any, Any], name: str) -> None:
    if name != COST and not isinstance(problem, HasObjectives | Online):
        raise ValueError(
            f"{type(problem).__name__} has no objectives beside its cost, so no {name}"
        )
