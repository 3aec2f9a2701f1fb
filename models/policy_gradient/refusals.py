"""What cannot work together is refused before anything is built, in one line that says why."""

from typing import Any

from nco.core.problem import Problem
from nco.models.policy_gradient.reference import Reference
from nco.models.policy_gradient.sources import Source
from nco.models.policy_gradient.steps import Step
from nco.models.policy_gradient.surrogates import Surrogate
from nco.training.advantages import Advantage, LeaveOneOut


def refuse(
    problem: Problem[Any, Any],
    source: Source,
    advantage: Advantage | None,
    surrogate: Surrogate,
    step: Step,
    epochs: int,
    reference: Reference | None,
) -> None:
    """Raises ValueError where the parts of a `PolicyGradient` do not fit together."""
    for reason in (
        _numbers(source, advantage, surrogate, epochs),
        _surrogate(problem, surrogate, advantage, reference),
        _source(problem, source, advantage, surrogate, epochs),
        step.refusal(epochs, surrogate),
    ):
        if reason is not None:
            raise ValueError(reason)


def _numbers(
    source: Source, advantage: Advantage | None, surrogate: Surrogate, epochs: int
) -> str | None:
    if epochs < 1:
        return f"epochs must be at least 1, not {epochs}"
    if source.count is None:
        return None
    if source.count < surrogate.least:
        return (
            f"{_name(surrogate)} compares rollouts: it needs at least {surrogate.least} of each "
            f"instance, not {source.count}"
        )
    if not surrogate.ranks:
        (advantage or LeaveOneOut()).check(source.count)
    return None


def _surrogate(
    problem: Problem[Any, Any],
    surrogate: Surrogate,
    advantage: Advantage | None,
    reference: Reference | None,
) -> str | None:
    name, reads = _name(surrogate), "reference" in surrogate.needs
    if reads and reference is None:
        return f"{name} measures against a frozen policy: give `reference`"
    if reference is not None and not reads:
        return f"{name} reads no frozen policy: leave `reference` out"
    if surrogate.ranks and advantage is not None:
        return f"{name} compares costs by itself: leave `advantage` out"
    if advantage is not None and advantage.of_steps and not surrogate.of_steps:
        return f"{name} takes whole episodes: {_name(advantage)} has an advantage for each step"
    if "log_probs" in surrogate.needs and problem.continuous:
        return f"{name} sums over all actions: those of {_name(problem)} are continuous"
    return None


def _source(
    problem: Problem[Any, Any],
    source: Source,
    advantage: Advantage | None,
    surrogate: Surrogate,
    epochs: int,
) -> str | None:
    name = _name(surrogate)
    own = surrogate.on_policy and not (advantage is not None and advantage.imitates)
    if epochs > 1 and own:
        return f"{name} uses rollouts once: epochs {epochs} need a surrogate with a ratio"
    for part in source.chain():
        if part.off_policy and own:
            return (
                f"{name} takes rollouts for the present policy's own: {_name(part)} needs a "
                "surrogate with a ratio, or one of pairs"
            )
        if part.compares and surrogate.ranks:
            return f"{_name(part)} chooses by advantages, and {name} has none"
        if part.of_steps and not surrogate.of_steps:
            return f"{name} takes whole episodes: {_name(part)} weighs single steps"
        if part.discrete and problem.continuous:
            return f"{_name(part)} is for choices: actions of {_name(problem)} are continuous"
        if part.refusal() is not None:
            return part.refusal()
    branched = any(part.branches for part in source.chain())
    if advantage is not None and advantage.branches and not branched:
        return f"{_name(advantage)} looks at where rollouts part: take the source Branched"
    remembering = [part for part in (*source.chain(), advantage) if part and part.remembers]
    if remembering and not source.pool:
        return (
            f"{_name(remembering[0])} remembers instances, but each is new: give the source "
            "Fresh a `pool`"
        )
    return None


def _name(part: object) -> str:
    return type(part).__name__
