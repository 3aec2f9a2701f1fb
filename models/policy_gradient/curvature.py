"""Divergence between a policy and its former self, and steps along the natural gradient."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nco.models.policy_gradient.group import scored
from nco.models.policy_gradient.steps import Closure, Learner, Step, Wrapper
from nco.models.policy_gradient.surrogates import Surrogate, divergence
from nco.models.policy_gradient.vectors import copied, gradients_of, restore, split


class Divergence:
    """The mean over decisions of KL(the policy as it was, the policy now), of the groups at hand.

    Exact over all actions; of continuous ones its estimate by those that the former policy took,
    ``r - 1 - log r``.

    Args:
        learner: whose policy and groups.
        instances: of each group at most so many are looked at; None: all.
    """

    def __init__(self, learner: Learner, instances: int | None = None) -> None:
        self.learner = learner
        self.groups = [kept[: instances or len(kept)] for kept in learner.groups()]
        with torch.no_grad():
            self.old = [scored(learner.problem, learner.policy, kept) for kept in self.groups]

    def __call__(self) -> Tensor:
        total = torch.zeros((), device=self.groups[0].cost.device)
        count = sum(int(kept.own.sum()) for kept in self.groups)
        for kept, old in zip(self.groups, self.old, strict=True):
            now = scored(self.learner.problem, self.learner.policy, kept)
            if now.log_probs is None or old.log_probs is None:
                away = now.logp - old.logp
                apart = away.exp() - 1 - away
            else:
                apart = divergence(old.log_probs, now.log_probs)
            total = total + apart.masked_fill(~kept.own, 0.0).sum()
        return total / max(count, 1)


class NaturalGradient(Step):
    """TRPO: the steepest step within a bound on the divergence of the policy.

    ``d = F^-1 g`` by conjugate gradients, the step ``sqrt(2 most / d F d) d``, made shorter until
    the mean divergence is at most `most` and the surrogate no worse: Schulman et al. (2015), "Trust
    region policy optimization". Products with the Fisher matrix are differences of the gradient of
    the divergence, exact for it to second order, as attention kernels are differentiable once. The
    training's rate is not used. A product costs two backward passes of `instances` instances.

    Args:
        most: delta, nats a decision; 0.01 in the paper. damping: added to the Fisher matrix.
        iterations: of conjugate gradients. shrinks, factor: of the line search.
        instances: of each group, for the products.
    """

    def __init__(
        self,
        most: float = 0.01,
        damping: float = 0.1,
        iterations: int = 10,
        shrinks: int = 10,
        factor: float = 0.8,
        instances: int = 16,
    ) -> None:
        if not most > 0 or damping < 0 or iterations < 1 or not 0 < factor < 1:
            raise ValueError(
                f"NaturalGradient: most {most}, damping {damping}, iterations {iterations}, "
                f"factor {factor}"
            )
        self.most, self.damping, self.iterations = most, damping, iterations
        self.shrinks, self.factor, self.instances = shrinks, factor, instances

    def refusal(self, epochs: int, surrogate: Surrogate) -> str | None:
        if epochs > 1:
            return f"NaturalGradient makes one step of a batch: epochs must be 1, not {epochs}"
        return None

    def wrap(self, optimizer: Optimizer, learner: Learner) -> Optimizer:
        return _Natural(optimizer, learner, self)


class _Natural(Wrapper):
    def __init__(self, inner: Optimizer, learner: Learner, options: NaturalGradient) -> None:
        super().__init__(inner)
        self.learner, self.options = learner, options
        self.own = {"refused": 0}

    def step(self, closure: Closure | None = None) -> Any:
        options, parameters = self.options, self.parameters
        loss = self.asked(closure)
        gradient = torch.cat([g.flatten() for g in gradients_of(parameters)])
        if not bool(gradient.any()):
            return loss
        before = copied(parameters)
        part = Divergence(self.learner, options.instances)

        def product(vector: Tensor) -> Tensor:
            return fisher_product(part, parameters, before, vector) + options.damping * vector

        direction = conjugate(product, gradient, options.iterations)
        bent = torch.dot(direction, product(direction)).clamp_min(1e-20)
        whole = Divergence(self.learner)
        with torch.no_grad():
            start = float(self.learner.objective())
            length = float((2 * options.most / bent).sqrt())
            for _ in range(options.shrinks + 1):
                _moved(parameters, before, -length * direction)
                if float(whole()) <= options.most and float(self.learner.objective()) <= start:
                    return loss
                length *= options.factor
        restore(parameters, before)
        self.own["refused"] += 1
        return loss


def fisher_product(
    divergence: Callable[[], Tensor],
    parameters: list[Any],
    at: list[Tensor],
    vector: Tensor,
    width: float = 1e-2,
) -> Tensor:
    """F v: the change of the divergence's gradient along `vector`, from both sides of `at`."""
    length = float(vector.norm())
    if length == 0:
        return torch.zeros_like(vector)
    slopes = []
    for side in (width, -width):
        _moved(parameters, at, vector * (side / length))
        with torch.enable_grad():
            found = torch.autograd.grad(divergence(), parameters, allow_unused=True)
        pairs = zip(found, parameters, strict=True)
        slopes.append(
            torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])
        )
    restore(parameters, at)
    return (slopes[0] - slopes[1]) * (length / (2 * width))


def conjugate(product: Callable[[Tensor], Tensor], target: Tensor, iterations: int) -> Tensor:
    """x with ``product(x) = target``, by conjugate gradients from 0."""
    x, rest = torch.zeros_like(target), target.clone()
    along, size = rest.clone(), torch.dot(rest, rest)
    for _ in range(iterations):
        if float(size) <= 1e-16 * float(torch.dot(target, target)):
            break
        seen = product(along)
        share = size / torch.dot(along, seen).clamp_min(1e-30)
        x, rest = x + share * along, rest - share * seen
        new = torch.dot(rest, rest)
        along, size = rest + (new / size) * along, new
    return x


def _moved(parameters: list[Any], start: list[Tensor], move: Tensor) -> None:
    """Sets the parameters to `start` plus `move`."""
    with torch.no_grad():
        for parameter, old, part in zip(parameters, start, split(move, parameters), strict=True):
            parameter.copy_(old + part)
