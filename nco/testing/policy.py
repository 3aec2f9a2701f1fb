"""The contract of a policy, as checks that tell its author what is wrong, and where.

    from nco.testing import check_policy

    check_policy(MyPolicy(), MyProblem())

A copy of the policy with random weights is asked for its decisions in states of random episodes,
and asked again with one thing changed: a column, the order of the nodes, padding, the company of
other instances and rollouts. Either nothing may change, or something must.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nco.core.batch import stack
from nco.core.decisions import Decision
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.schema import Channel, Schema, columns
from nco.core.seeds import generator
from nco.testing.compare import NotApplicable, require, sized
from nco.testing.inputs import (
    Inputs,
    actions_at,
    padded,
    permuted,
    perturbed,
    plain,
    scaled,
)
from nco.testing.play import BATCH, play

STEPS = 6  # of an episode, whose states are looked at
PADDED = 3  # nodes, and links
TINY = 1e-6  # a smaller change of a decision is none
# what rounding may change; in bfloat16 more than that, so such networks are checked without it
RELATIVE, ABSOLUTE = 2e-3, 2e-3
LEAST = -30.0  # log-probabilities below are as good as none
UNREAD = "unread"  # name of a column that no policy knows
SCALE = 0.5  # of lengths and times; a power of two, so that nothing is rounded


@dataclass(frozen=True, eq=False)
class Trial:
    """A built policy with random weights, and what it is asked about."""

    policy: Policy
    original: Policy  # as it was given
    problem: Problem[Any, Any]
    seed: int
    inputs: Inputs

    @property
    def schema(self) -> Schema:
        """Of the problem, with what the policy ignores."""
        return self.problem.schema

    @property
    def read(self) -> tuple[Channel, ...]:
        """The channels that the policy says it reads here."""
        return tuple(
            channel
            for channel in self.schema.offered
            if channel in self.policy.reads - self.policy.ignored
        )

    def answers(self, inputs: Inputs) -> Tensor:
        """``[B, S, *M, A]``: log-probabilities of all actions, or the amounts decided on."""
        decision = self.decision(inputs)
        if self.problem.continuous:
            return decision.mode()
        return _log_probs(decision, inputs.observation.mask)

    def decision(self, inputs: Inputs) -> Decision:
        """What the policy decides on."""
        memory = self.policy.encode(inputs.features)
        return self.policy.decide(memory, inputs.observation, inputs.condition)


def check_policy(
    policy: Policy, problem: Problem[Any, Any], *, size: int = 6, seed: int = 0
) -> list[str]:
    """Checks that a policy reads what it says, and nothing that should not matter; takes a second.

    Args:
        policy: built or not; it stays as it is. Without bfloat16, whose rounding would hide much.
        problem: one that the policy can be built for.
        size: of the instances, where the problem's ``__init__`` has a `size`; small.
        seed: of everything random.

    Returns:
        The names of the checks that found what they ask about.

    Raises:
        AssertionError: a sentence on what is wrong.
        NCOError: where the policy is not for this problem.
    """
    with torch.no_grad():
        trial = _trial(policy, problem, size, seed)
        ran = []
        for check in CHECKS:
            label = f"{type(policy).__name__} on {type(problem).__name__}"
            try:
                check(trial)
            except NotApplicable:
                continue
            except AssertionError as error:
                raise AssertionError(f"{label}: {error} ({check.__name__})") from error
            except Exception as error:
                error.add_note(f"{label}: raised in the check {check.__name__}")
                raise
            ran.append(check.__name__)
    return ran


def _trial(policy: Policy, problem: Problem[Any, Any], size: int, seed: int) -> Trial:
    problem = sized(problem, size)
    built = copy.deepcopy(policy).build(problem.schema).eval()
    randomise(built, seed)
    instance = problem.generate(BATCH, generator(seed, "check_policy"))
    played = play(problem, "generated", seed, instance, None)
    unfinished = (~played.finished[:, :, :-1].all(1).all(0)).nonzero()[:, 0]
    count = min(STEPS, len(unfinished))
    chosen = unfinished[torch.linspace(0, len(unfinished) - 1, count).long()].tolist()
    seen = stack([plain(played.observations[step]) for step in chosen], 2).fold()
    condition = None
    if built.agents > 1:
        turns = torch.arange(seen.mask.shape[1]) % built.agents
        condition = turns.expand(seen.mask.shape[:2])
    return Trial(built, policy, problem, seed, Inputs(problem.features(instance), seen, condition))


def randomise(policy: Policy, seed: int) -> None:
    """Gives every parameter random values, those that begin at zero as well."""
    random = generator(seed, "weights")
    for parameter in policy.parameters():
        drawn = torch.randn(parameter.shape, generator=random)
        if parameter.ndim > 1:
            parameter.copy_(drawn * 1.5 / parameter.shape[1:].numel() ** 0.5)
        else:
            parameter.add_(drawn * 0.3)


# --------------------------------------------------------------------------------------------------
# The checks


def decisions_are_distributions(trial: Trial) -> None:
    """Numbers, the same ones when asked twice; what is masked is never done."""
    inputs = trial.inputs
    answers = trial.answers(inputs)
    require(~answers.isnan().any(), "a decision holds what is no number")
    again = trial.answers(inputs)
    require(torch.equal(answers, again), "the same inputs twice lead to different decisions")
    if trial.problem.continuous:
        return
    mask = inputs.observation.mask
    masked = answers[~mask]
    require((masked <= LEAST).all(), "a masked action has a probability")
    total = answers.double().exp().sum(-1)
    good = (total - 1).abs().amax() < 1e-3
    require(good, f"probabilities sum to {total.flatten()[0]:g}")


def every_column_read_matters(trial: Trial) -> None:
    """Other numbers in a column of a channel that is read lead to another decision somewhere."""
    if not trial.read:
        raise NotApplicable("nothing is read in full")
    before = _all_of(trial, trial.inputs)
    for channel in trial.read:
        for at, column in enumerate(trial.schema.columns(channel)):
            random = generator(trial.seed, channel, at)
            after = _all_of(trial, perturbed(trial.inputs, channel, at, random))
            require(
                (after - before).abs().amax() > TINY,
                f"other values of {channel}.{column.name} change no decision, although the policy "
                f"says that it reads {channel}",
            )


def what_is_ignored_does_not_matter(trial: Trial) -> None:
    """A channel that the policy could read, but is told to ignore, changes no decision."""
    silent = [one for one in trial.schema.offered if one in trial.policy.reads]
    silent = [one for one in silent if one in trial.policy.ignored]
    if not silent:
        raise NotApplicable("ignore")
    before = _all_of(trial, trial.inputs)
    for channel in silent:
        for at, column in enumerate(trial.schema.columns(channel)):
            random = generator(trial.seed, channel, at)
            after = _all_of(trial, perturbed(trial.inputs, channel, at, random))
            require(
                torch.equal(before, after),
                f"other values of {channel}.{column.name} change decisions, although the policy is "
                f"told to ignore {channel}",
            )


def what_would_be_dropped_is_refused(trial: Trial) -> None:
    """`build` names a channel that the problem offers and the policy does not read."""
    silent = trial.policy.reads | trial.policy.ignored | set(trial.schema.offered)
    missing = [channel for channel in Channel if channel not in silent]
    if not missing:
        raise NotApplicable("every channel is read, or offered")
    for channel in missing:
        schema = _with_channel(trial.schema, channel)
        error = _refusal(copy.deepcopy(trial.original), schema)
        require(
            error is not None,
            f"build takes a problem that offers {channel}, which the policy does not read",
        )
        require(
            channel.value in str(error),
            f"build refuses a problem that offers {channel} without saying so: {error}",
        )


def _refusal(policy: Policy, schema: Schema) -> NCOError | None:
    try:
        policy.build(schema)
    except NCOError as error:
        return error
    return None


def padding_changes_nothing(trial: Trial) -> None:
    """Nodes and links that do not exist, whatever stands in their columns."""
    if not trial.policy.symmetric:
        raise NotApplicable("it is for one number of nodes")
    random = generator(trial.seed, "padding")
    wider, at = padded(trial.inputs, trial.schema, PADDED, PADDED, random)
    found = trial.answers(wider)[..., at]
    _same(trial.answers(trial.inputs), found, "is another where there is padding")


def nodes_have_no_numbers(trial: Trial) -> None:
    """In another order of nodes and links, the same decisions stand in that order."""
    if not trial.policy.symmetric:
        raise NotApplicable("it gives nodes numbers")
    inputs, schema = trial.inputs, trial.schema
    random = generator(trial.seed, "order")
    counts = inputs.nodes, inputs.links
    nodes, links = (torch.randperm(count, generator=random) for count in counts)
    found = trial.answers(permuted(inputs, schema, nodes, links))
    wanted = trial.answers(inputs)[..., actions_at(schema, nodes, links, counts)]
    _same(wanted, found, "depends on the order of the nodes")


def sets_have_no_numbers(trial: Trial) -> None:
    """Sets (jobs, machines) with other numbers lead to the same decisions."""
    groups = trial.inputs.features.groups
    if groups is None:
        raise NotApplicable("groups")
    random = generator(trial.seed, "sets")
    changed = groups.clone()
    for kind in range(groups.shape[-1]):
        numbers = torch.randperm(int(groups[..., kind].max()) + 1, generator=random)
        own = groups[..., kind]
        changed[..., kind] = torch.where(own < 0, own, numbers[own.clamp_min(0)])
    other = replace(trial.inputs, features=replace(trial.inputs.features, groups=changed))
    sentence = "depends on the numbers of the sets that nodes lie in"
    _same(trial.answers(trial.inputs), trial.answers(other), sentence)


def agents_have_no_numbers(trial: Trial) -> None:
    """Agents in another order decide as before."""
    seen = trial.inputs.observation
    if seen.mask.ndim < 4:
        raise NotApplicable("agents")
    order = torch.arange(seen.mask.shape[2] - 1, -1, -1)
    other = replace(
        seen,
        mask=seen.mask[:, :, order],
        focus=seen.focus[:, :, order],
        context=seen.context[:, :, order],
        stay=None if seen.stay is None else seen.stay[:, :, order],
        moves=None if seen.moves is None else seen.moves[:, :, order],
    )
    found = trial.answers(replace(trial.inputs, observation=other))
    _same(trial.answers(trial.inputs)[:, :, order], found, "depends on the order of the agents")


def instances_are_decided_apart(trial: Trial) -> None:
    """Alone, an instance is decided as beside others."""
    together = trial.answers(trial.inputs)
    for row in range(len(together)):
        part = slice(row, row + 1)
        sentence = "is decided otherwise beside other instances"
        _same(together[part], trial.answers(trial.inputs[part]), sentence, row)


def rollouts_are_decided_apart(trial: Trial) -> None:
    """Alone, and in another order, rollouts of an instance are decided as before."""
    together = trial.answers(trial.inputs)
    count = together.shape[1]
    every = torch.arange(count)
    for index in (every[:1], every[count // 2 :][:1], every[-1:], every.flip(0)):
        found = trial.answers(trial.inputs.rollouts(index))
        _same(together[:, index], found, "is decided otherwise beside other rollouts")


def agents_of_a_population_differ(trial: Trial) -> None:
    """With random weights, no two agents decide alike."""
    inputs, count = trial.inputs, trial.policy.agents
    if count == 1:
        raise NotApplicable("one agent")
    shape = inputs.observation.mask.shape[:2]
    every = [
        _all_of(trial, replace(inputs, condition=torch.full(shape, agent)))
        for agent in range(count)
    ]
    for agent in range(1, count):
        differ = (every[agent] - every[0]).abs().amax() > TINY
        require(differ, f"agent {agent} of {count} decides as agent 0 does")


def lengths_are_scaled_together(trial: Trial) -> None:
    """A policy that says it is `scale_free` decides alike where all lengths and times change."""
    schema = trial.schema
    if not trial.policy.scale_free:
        raise NotApplicable("scale_free")
    every = [(channel, at) for channel in schema.offered for at in schema.scaled(channel)]
    if not every:
        raise NotApplicable("no lengths or times")
    some = _with_a_choice(trial.inputs)
    before = trial.answers(trial.inputs)[some]

    def changes(*but: tuple[Channel, int]) -> bool:
        after = trial.answers(scaled(trial.inputs, schema, SCALE, but))[some]
        return bool(_differ(before, after).any())

    if not changes():
        return
    names = {one: f"{one[0]}.{schema.columns(one[0])[one[1]].name}" for one in every}
    alone = [names[one] for one in every if not changes(one)]
    which = f": {', '.join(alone)} stays as it is" if alone else ""
    require(False, f"decisions change where all lengths and times are halved{which}")


CHECKS: Sequence[Callable[[Trial], None]] = (
    decisions_are_distributions,
    every_column_read_matters,
    what_is_ignored_does_not_matter,
    what_would_be_dropped_is_refused,
    padding_changes_nothing,
    nodes_have_no_numbers,
    sets_have_no_numbers,
    agents_have_no_numbers,
    instances_are_decided_apart,
    rollouts_are_decided_apart,
    agents_of_a_population_differ,
    lengths_are_scaled_together,
)


# --------------------------------------------------------------------------------------------------
# What they share


def _log_probs(decision: Decision, mask: Tensor) -> Tensor:
    """Log-probabilities ``[B, S, *M, A]`` of all actions, none below `LEAST`."""
    every = [
        decision.log_prob(torch.full(mask.shape[:-1], action)) for action in range(mask.shape[-1])
    ]
    return torch.stack(every, -1).clamp_min(LEAST)


def _all_of(trial: Trial, inputs: Inputs) -> Tensor:
    """All that a decision is: of a continuous one also how sure it is."""
    if not trial.problem.continuous:
        return trial.answers(inputs)
    decision = trial.decision(inputs)
    fixed = torch.full_like(decision.mode(), 0.5)
    further = torch.stack([decision.log_prob(fixed), decision.entropy()], -1)
    return torch.cat([decision.mode(), further], -1)


def _with_a_choice(inputs: Inputs) -> Tensor:
    """Rollouts ``[B, S]`` with several nodes left: those of a single one have no scale."""
    seen = inputs.observation
    if seen.alive is not None:
        return seen.alive.sum(-1) > 1
    possible = seen.mask.unflatten(-1, (-1, inputs.nodes)).flatten(2, -2).any(2)  # [B, S, N]
    return possible.sum(-1) > 1


def _differ(first: Tensor, second: Tensor) -> Tensor:
    return ~torch.isclose(first, second, rtol=RELATIVE, atol=ABSOLUTE)


def _same(wanted: Tensor, found: Tensor, sentence: str, row: int = 0) -> None:
    """Fails where two answers differ; `row` is the number of the first instance."""
    differs = _differ(wanted, found)
    if differs.any():
        first, *_ = differs.nonzero().tolist()
        values = f"{found[tuple(first)].item():g} instead of {wanted[tuple(first)].item():g}"
        raise AssertionError(
            f"a decision {sentence}: {values} in instance {first[0] + row}, rollout {first[1]}"
        )


def _with_channel(schema: Schema, channel: Channel) -> Schema:
    """`schema` with a column of a channel that it lacks."""
    columns_there: Any = columns(UNREAD)
    if channel is Channel.FOLLOWS:
        columns_there = True
    if channel in (Channel.GROUPS, Channel.FOCUS):
        columns_there = (UNREAD,)
    return replace(schema, **{channel.value: columns_there})
