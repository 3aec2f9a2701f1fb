"""Steps: how a loss that can be asked for again and again moves the weights.

A step wraps the optimiser of the training (AdamW or Muon). In the `closure` that Lightning gives it
gradients are set to zero, the loss of the same rollouts is computed and differentiated, and
gradients are clipped; it may be called as often as a step needs. What a wrapper remembers lies in
its state, so that checkpoints hold it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from nco.core.describe import Described
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.surrogates import Surrogate
from nco.models.policy_gradient.vectors import (
    copied,
    flat,
    gradients_of,
    norm,
    restore,
    split,
)
from nco.workers.cores import usable_cores

Closure = Callable[[], Any]


class Learner(Protocol):
    """What a step may ask of the method."""

    problem: Problem[Any, Any]
    policy: Policy

    def objective(self) -> Tensor:
        """The loss of the groups at hand."""

    def groups(self) -> list[Rollouts]:
        """The groups at hand."""


class Step(Described, ABC):
    """How weights move."""

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        """Why it cannot work with these; None: it can."""
        return None

    @abstractmethod
    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        """The optimiser that Lightning is given; it shares the groups of `optimizer`."""


class Wrapper(Optimizer):
    """An optimiser around another, whose groups, rates and state it shares."""

    def __init__(self, inner: Optimizer) -> None:
        self.inner = inner
        super().__init__([p for group in inner.param_groups for p in group["params"]], {})
        self.param_groups = inner.param_groups
        self.own: dict[str, Any] = {}  # what the wrapper remembers, plain tensors and numbers

    @property
    def parameters(self) -> list[Parameter]:
        return [p for group in self.param_groups for p in group["params"]]

    @property
    def rate(self) -> float:
        return float(self.param_groups[0]["lr"])

    def asked(self, closure: Closure | None) -> Any:
        """The loss; its gradient is left in the parameters."""
        if closure is None:
            raise ValueError(f"{type(self).__name__} needs a closure that computes the loss")
        with torch.enable_grad():
            return closure()

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self.inner.state_dict(), "own": self.own}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.inner.load_state_dict(state_dict["inner"])
        self.param_groups, self.own = self.inner.param_groups, state_dict["own"]


class Descent(Step):
    """One step of the optimiser: nothing is added."""

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return optimizer


class Reposition(Step):
    """SFPO: some fast steps on the same rollouts, a part of the way back, and one more step.

    ``w <- w0 + share (wK - w0)``: "Slow-fast policy optimization" (2025), arXiv 2510.04072; Zhang
    et al.'s Lookahead (2019) within one batch. It costs ``fast + 1`` backward passes. With
    ``share: 0`` it is one plain step. (The paper leaves it out where the entropy jumps.)

    Args:
        fast: K; 3 in the paper. share: alpha, 0.8 to 0.9.
    """

    def __init__(self, fast: int = 3, share: float = 0.8) -> None:
        if fast < 1 or not 0 <= share <= 1:
            raise ValueError(f"Reposition: fast at least 1, share in [0, 1]: {fast}, {share}")
        self.fast, self.share = fast, share

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        if surrogate.on_policy:
            name = type(surrogate).__name__
            return f"Reposition makes several steps on the same rollouts; {name} uses them once"
        return None

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Repositioned(optimizer, self.fast, self.share)


class _Repositioned(Wrapper):
    def __init__(self, inner: Optimizer, fast: int, share: float) -> None:
        super().__init__(inner)
        self.fast, self.share = fast, share

    def step(self, closure: Closure | None = None) -> Any:
        before = copied(self.parameters)
        loss = None
        for _ in range(self.fast if self.share else 0):
            found = self.asked(closure)
            loss = found if loss is None else loss
            self.inner.step()
        with torch.no_grad():
            for parameter, old in zip(self.parameters, before, strict=True):
                parameter.copy_(old + self.share * (parameter - old))
        found = self.asked(closure)
        self.inner.step()
        return found if loss is None else loss


class Screen(Step):
    """A step that changes the policy too much is taken back.

    After CAPO (2025), arXiv 2510.00819, theorem 5.1, which foresees the change by curvature; here
    the step is tried, and undone where the mean divergence of the decisions at hand exceeds
    `most`. The moments of the optimiser keep what they saw.

    Args:
        most: divergence of a step in nats, per decision; 1e-4 is the paper's for its own bound.
    """

    def __init__(self, most: float = 1e-3) -> None:
        if not most > 0:
            raise ValueError(f"Screen: most must be positive, not {most}")
        self.most = most

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Screened(optimizer, learner, self.most)


class _Screened(Wrapper):
    def __init__(self, inner: Optimizer, learner: Learner, most: float) -> None:
        super().__init__(inner)
        self.learner, self.most = learner, most
        self.own = {"undone": 0}

    def step(self, closure: Closure | None = None) -> Any:
        from nco.models.policy_gradient.curvature import Divergence

        loss = self.asked(closure)
        divergence = Divergence(self.learner)
        before = copied(self.parameters)
        self.inner.step()
        with torch.no_grad():
            changed = float(divergence())
        if changed > self.most:
            restore(self.parameters, before)
            self.own["undone"] += 1
        return loss


class Transported(Step):
    """N-PG-IGT: the gradient at a point ahead makes up for the momentum's age; steps of one length.

    ``g`` at ``w + (1 - share) / share (w - w_before)``, ``d <- (1 - share) d + share g``, and
    ``w <- w - rate d / |d|``: Fatkhullin et al. (2023), "Stochastic policy gradient methods",
    algorithm 1, after implicit gradient transport. Rollouts are played at the point ahead. The
    training's rate is the length of a step, so it is larger than AdamW's: try 0.01.

    Args:
        share: eta, of the new gradient.
    """

    def __init__(self, share: float = 0.2) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"Transported: share must be in (0, 1], not {share}")
        self.share = share

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        if epochs > 1:
            return (
                f"Transported plays at a point ahead of each step: epochs must be 1, not {epochs}"
            )
        return None

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Transported(optimizer, self.share)


class _Transported(Wrapper):
    def __init__(self, inner: Optimizer, share: float) -> None:
        super().__init__(inner)
        self.share = share

    def step(self, closure: Closure | None = None) -> Any:
        here = copied(self.parameters)
        last = self.own.get("last", here)
        ahead = (1 - self.share) / self.share
        with torch.no_grad():
            for parameter, old in zip(self.parameters, last, strict=True):
                parameter.add_(parameter - old, alpha=ahead)
        loss = self.asked(closure)
        gradient = gradients_of(self.parameters)
        old = self.own.get("direction", gradient)
        pairs = zip(old, gradient, strict=True)
        direction = [(1 - self.share) * d + self.share * g for d, g in pairs]
        length = norm(direction).clamp_min(1e-12)
        with torch.no_grad():
            for parameter, start, d in zip(self.parameters, here, direction, strict=True):
                parameter.copy_(start - self.rate * d / length)
        self.own = {"last": here, "direction": direction}
        return loss


class Extrapolated(Step):
    """Every few steps the weights go on in the direction in which they went since the last time.

    ``w <- w + share (w - w_before)``: the policy of the next steps is ahead of the last one's. APO,
    "Optimistic policy optimization" (2024), arXiv 2410.06293, extrapolates log-probabilities; in
    weights it is an outer Nesterov step.

    Args:
        every: steps between two extrapolations; share: alpha, how far.
    """

    def __init__(self, every: int = 10, share: float = 0.5) -> None:
        if every < 1 or not share >= 0:
            raise ValueError(f"Extrapolated: every at least 1, share at least 0: {every}, {share}")
        self.every, self.share = every, share

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Extrapolated(optimizer, self.every, self.share)


class _Extrapolated(Wrapper):
    def __init__(self, inner: Optimizer, every: int, share: float) -> None:
        super().__init__(inner)
        self.every, self.share = every, share
        self.own = {"steps": 0, "last": copied(self.parameters)}

    def step(self, closure: Closure | None = None) -> Any:
        loss = self.asked(closure)
        self.inner.step()
        self.own["steps"] += 1
        if self.own["steps"] % self.every == 0:
            here = copied(self.parameters)
            with torch.no_grad():
                for parameter, old in zip(self.parameters, self.own["last"], strict=True):
                    parameter.add_(parameter - old, alpha=self.share)
            self.own["last"] = here
        return loss


class Foreseen(Step):
    """OptEx: kernel regression of past gradients foresees steps, whose gradients are then taken.

    Hu et al. (2024), "OptEx: expediting first-order optimization with approximately parallelized
    iterations": from w, ``machines - 1`` steps follow the foreseen gradient, true gradients at all
    these points extend the history, and the optimiser moves from the last point. On `machines`
    cores the gradients could be computed at once; here they follow one another, so the objective is
    the number of steps, not the time.

    Args:
        machines: N. history: gradients that are remembered.
    """

    def __init__(self, machines: int = 4, history: int = 20) -> None:
        if machines < 2 or history < 2:
            raise ValueError(f"Foreseen: machines and history at least 2: {machines}, {history}")
        self.machines, self.history = machines, history

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        if usable_cores() < self.machines:
            return (
                f"Foreseen takes {self.machines} gradients at once: this machine has "
                f"{usable_cores()} cores"
            )
        return None

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Foreseen(optimizer, self.machines, self.history)


class _Foreseen(Wrapper):
    NOISE = 1e-2  # of a gradient, relative to its kernel

    def __init__(self, inner: Optimizer, machines: int, history: int) -> None:
        super().__init__(inner)
        self.machines, self.history = machines, history
        self.own = {"points": [], "gradients": []}

    def step(self, closure: Closure | None = None) -> Any:
        loss = None
        for machine in range(self.machines):
            if machine:
                self._follow()
            found = self.asked(closure)
            loss = found if loss is None else loss
            self._remember()
        self.inner.step()
        return loss

    def _follow(self) -> None:
        """One plain step along the gradient that is foreseen here."""
        move = self.rate * foreseen(
            flat(self.parameters), self.own["points"], self.own["gradients"], self.NOISE
        )
        with torch.no_grad():
            for parameter, part in zip(self.parameters, split(move, self.parameters), strict=True):
                parameter.sub_(part)

    def _remember(self) -> None:
        points = [*self.own["points"], flat(self.parameters)]
        gradients = [
            *self.own["gradients"],
            torch.cat([g.flatten() for g in gradients_of(self.parameters)]),
        ]
        self.own = {"points": points[-self.history :], "gradients": gradients[-self.history :]}


def foreseen(
    point: Tensor, points: Sequence[Tensor], gradients: Sequence[Tensor], noise: float
) -> Tensor:
    """The gradient at `point` by regression with a Gaussian kernel of median width."""
    known = torch.stack(list(points))
    apart = torch.cdist(known, known).square()
    width = (
        apart[apart > 0].median().clamp_min(1e-12)
        if bool((apart > 0).any())
        else apart.new_ones(())
    )
    kernel = (-apart / width).exp() + noise * torch.eye(len(known), device=point.device)
    near = (-(known - point).square().sum(1) / width).exp()
    return torch.linalg.solve(kernel, near) @ torch.stack(list(gradients))
