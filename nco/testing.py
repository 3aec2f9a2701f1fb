"""The contract of a discrete problem, as checks that tell its author what is wrong, and where.

    from nco.testing import check_problem

    check_problem(MyProblem)

Random episodes are played on random instances, and on padded and given ones where the problem reads
cases; then each check asks one thing of them. What the author did not write (`replay`, `starts`,
`cases`, a ``check.py`` or ``baseline.py`` beside the class) is not asked for.
"""

import importlib
import importlib.util
import inspect
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import permutations
from types import ModuleType
from typing import Any, Self

import torch
from torch import Tensor, nn

from nco import baselines
from nco.batch import Batch, stack
from nco.case import Case, Report
from nco.describe import construct, describe
from nco.folders import part_of
from nco.policy import Categorical, Policy
from nco.problem import Features, Observation, Problem, Sizes
from nco.rollout import forced, rollout, sample, score
from nco.seeds import generator

BATCH, ROLLOUTS = 3, 5
SIZE, TINY = 6, 4  # of ordinary instances, and of those that are solved by enumeration
LIMIT = 5000  # action sequences, or solutions, up to which all are looked at
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # what rounding to float32 may change
SECONDS = 0.2  # that a classical solver is given
TINY_BATCH = "tiny batch"


class NotApplicable(Exception):
    """A check asks about something that the problem does not have."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A batch of instances and the random episodes played on it.

    Rollout 0 takes the first allowed action throughout, rollout 1 the last, the others any.
    """

    problem: Problem[Any, Any]
    name: str  # such as "padded batch", for messages
    seed: int
    instance: Any  # [B, ...]
    cases: Sequence[Case] | None  # of the instances; None where the problem has no cases
    actions: Tensor  # [B, S, T, *M]
    states: list[Any]  # T + 1 of [B, S, ...], the first ones to begin with
    observations: list[Observation]  # T of [B, S, ...]
    finished: Tensor  # [B, S, T + 1] bool

    @property
    def cost(self) -> Tensor:
        return self.problem.cost(self.instance, self.actions)


def check_problem(
    problem: Problem[Any, Any] | type[Problem[Any, Any]],
    *,
    size: int = SIZE,
    cases: Sequence[Case] = (),
    seed: int = 0,
) -> list[str]:
    """Checks that a problem keeps the contract; takes a few seconds.

    Args:
        problem: a problem, or its class, which is then made from its defaults.
        size: of the instances, where the problem's ``__init__`` has a `size`; small, because many
            checks play every instance and every rollout alone.
        cases: further instances, such as files with distances of their own; their metrics must be
            ones that the problem prices as its checker does.
        seed: of everything random.

    Returns:
        The names of the checks that found what they ask about.

    Raises:
        AssertionError: a sentence on what is wrong, in which batch, and where in it.
    """
    if isinstance(problem, type):
        problem = problem()
    label = type(problem).__name__
    ran: dict[str, None] = {}
    with torch.no_grad():
        for check in OF_PROBLEMS:
            with _named(f"{label}.{check.__name__}", ran, check.__name__):
                check(problem, size, seed)
        for name, instance, known in _batches(problem, size, cases, seed):
            with _named(f"{label}, {name}", ran, "random_episodes_end"):
                trial = _play(problem, name, seed, instance, known)
            for of_trial in OF_TRIALS:
                with _named(f"{label}, {name}", ran, of_trial.__name__):
                    of_trial(trial)
    return list(ran)


@contextmanager
def _named(label: str, ran: dict[str, None], check: str) -> Iterator[None]:
    """Says in every error where it came about, and notes the checks that had something to ask."""
    try:
        yield
    except NotApplicable:
        return
    except AssertionError as error:
        raise AssertionError(f"{label}: {error}") from error
    except Exception as error:
        error.add_note(f"raised while {check} looked at {label}")
        raise
    ran[check] = None


def _require(condition: bool | Tensor, sentence: str) -> None:
    """Not `assert`, which ``python -O`` leaves out."""
    if not bool(condition):
        raise AssertionError(sentence)


def _needs(problem: Problem[Any, Any], *names: str) -> None:
    for name in names:
        if getattr(type(problem), name) is getattr(Problem, name):
            raise NotApplicable(name)


def _has(problem: Problem[Any, Any], *names: str) -> bool:
    return all(getattr(type(problem), name) is not getattr(Problem, name) for name in names)


def _takes_size(problem: Problem[Any, Any]) -> bool:
    return "size" in problem.__dict__.get("_init_args", {})


def _sized(problem: Problem[Any, Any], size: int) -> Problem[Any, Any]:
    return problem.sized(size) if _takes_size(problem) else problem


def _batches(
    problem: Problem[Any, Any], size: int, cases: Sequence[Case], seed: int
) -> Iterator[tuple[str, Any, Sequence[Case] | None]]:
    """Named instances, each batch with its cases."""

    def generated(count: int, batch: int) -> tuple[Any, Sequence[Case] | None]:
        instance = _sized(problem, count).generate(batch, generator(seed, "check", count))
        return instance, problem.cases(instance) if _has(problem, "cases") else None

    yield "generated batch", *generated(size, BATCH)
    if _takes_size(problem):
        yield TINY_BATCH, *generated(TINY, BATCH)
    if _takes_size(problem) and _has(problem, "cases", "load"):
        # the largest is neither the first nor the last
        mixed = [generated(count, 1)[1] for count in (max(1, size // 2), size, max(1, size - 1))]
        known = [case for part in mixed if part is not None for case in part]
        yield "padded batch", problem.load(known), known
    if cases:
        yield "given batch", problem.load(cases), cases


# --------------------------------------------------------------------------------------------------
# Playing


def _play(
    problem: Problem[Any, Any],
    name: str,
    seed: int,
    instance: Any,
    cases: Sequence[Case] | None,
) -> Trial:
    """Random episodes, played as `rollout` would: `done` is asked between the bounds only."""
    least, most = problem.horizon(instance)
    _require(0 <= least <= most and most > 0, f"horizon gives the bounds {least} and {most}")
    random = generator(seed, "play")
    states, observations, actions = [problem.reset(instance, ROLLOUTS)], [], []
    finished = [_done(problem, instance, states[0])]
    while len(actions) < most and not (len(actions) >= least and finished[-1].all()):
        step = len(actions)
        observation = problem.observe(instance, states[-1])
        stuck = ~observation.mask.any(-1)
        _require(~stuck.any(), f"observe allows no action at step {step} of {_place(stuck)}")
        action = _choose(observation.mask, random)
        observations.append(observation)
        actions.append(action)
        states.append(problem.step(instance, states[-1], action))
        finished.append(_done(problem, instance, states[-1]))
    unfinished = ~finished[-1]
    _require(
        ~unfinished.any(),
        f"{_place(unfinished)} is not finished after {most} steps, the most that horizon allows",
    )
    over = torch.stack(finished, 2)
    shortest = int((~over).sum(2).amax())  # steps until every row was finished
    _require(
        shortest >= least or shortest <= 1,
        f"horizon says at least {least} steps, but every row was finished after {shortest}",
    )
    return Trial(
        problem, name, seed, instance, cases, torch.stack(actions, 2), states, observations, over
    )


def _done(problem: Problem[Any, Any], instance: Any, state: Any) -> Tensor:
    done = problem.done(instance, state)
    wanted = (len(instance), next(_tensors(state))[1].shape[1])
    _require(
        done.dtype == torch.bool and tuple(done.shape) == wanted,
        f"done must be bool [B, S] = {list(wanted)}, not {done.dtype} {list(done.shape)}",
    )
    return done


def _choose(mask: Tensor, random: torch.Generator) -> Tensor:
    """The first allowed action in rollout 0, the last in rollout 1, any in the others."""
    key = torch.rand(mask.shape, generator=random)
    rising = torch.arange(1.0, mask.shape[-1] + 1)
    key[:, 0], key[:, 1] = rising.flip(-1), rising
    return key.masked_fill(~mask, -1.0).argmax(-1)


def _walk(
    problem: Problem[Any, Any], instance: Any, actions: Tensor, subject: str
) -> tuple[list[Any], list[Observation]]:
    """States and observations along complete `actions`, each of which the masks must allow."""
    state = problem.reset(instance, actions.shape[1])
    states, observations = [state], []
    for step in range(actions.shape[2]):
        action = actions[:, :, step]
        observation = problem.observe(instance, state)
        inside = (action >= 0) & (action < observation.mask.shape[-1])
        safe = torch.where(inside, action, 0)[..., None]
        wrong = ~(inside & observation.mask.gather(-1, safe)[..., 0])
        if wrong.any():
            number = int(action[wrong][0])
            raise AssertionError(
                f"{subject} takes action {number} at step {step} of {_place(wrong)}, "
                "where the mask forbids it"
            )
        observations.append(observation)
        state = problem.step(instance, state, action)
        states.append(state)
    unfinished = ~problem.done(instance, state)
    _require(~unfinished.any(), f"{subject} leaves {_place(unfinished)} unfinished")
    return states, observations


class Probe(Policy):
    """A small random policy that looks at all that an observation holds; it can play any problem.

    Args:
        seed: of its weights.
        width: of its embeddings.
    """

    def __init__(self, seed: int = 0, width: int = 8) -> None:
        super().__init__()
        self.seed, self.width = seed, width

    def build(self, sizes: Sizes) -> Self:
        random = generator(self.seed, "probe")

        def weights(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=random))

        self.sizes = sizes
        self.node = weights(sizes.node, sizes.kinds, self.width)
        self.places = weights(sizes.focus, self.width)
        self.context = weights(sizes.context, self.width)
        self.dynamic = weights(sizes.dynamic, sizes.kinds)
        return self

    def encode(self, features: Features) -> Tensor:
        """``[B, kinds, N, D]``; padding is zero."""
        keys = torch.einsum("bnf,fkd->bknd", features.nodes.float(), self.node).tanh()
        if features.exists is not None:
            keys = keys * features.exists[:, None, :, None]
        return keys

    def decide(
        self, memory: Tensor, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        mask, focus = observation.mask, observation.focus
        agents = mask.ndim - 3
        query = observation.context @ self.context  # [B, S, *M, D]
        rows = torch.arange(len(mask)).reshape(-1, *[1] * (agents + 1))
        for slot in range(self.sizes.focus):
            at = focus[..., slot]
            found = memory[rows, 0, at.clamp_min(0)] * self.places[slot]
            query = query + found * (at >= 0)[..., None]
        extra = mask.new_zeros(*mask.shape[:2], *[1] * agents, 1, dtype=torch.float32)
        if observation.alive is not None:
            left = observation.alive.float() @ memory[:, 0]  # [B, S, D]
            query = query + left.unflatten(1, (-1, *[1] * agents)) if agents else query + left
        if observation.nodes is not None:
            changing = (observation.nodes @ self.dynamic).transpose(-1, -2).flatten(2)
            extra = changing.unflatten(1, (-1, *[1] * agents)) if agents else changing
        keys = memory.flatten(1, 2)
        logits = (
            torch.einsum("b...d,bad->b...a", query, keys)
            + keys.sum(-1)[(slice(None), *[None] * (agents + 1))]
        )
        return Categorical(logits + extra, mask)


# --------------------------------------------------------------------------------------------------
# Comparing


def _tensors(value: Batch, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a batch with their names."""
    for item in fields(value):  # type: ignore[arg-type]
        part = getattr(value, item.name)
        if isinstance(part, Batch):
            yield from _tensors(part, f"{prefix}{item.name}.")
        elif part is not None:
            yield f"{prefix}{item.name}", part


def _same(first: Tensor, second: Tensor) -> Tensor:
    """Where two tensors of one shape are equal, up to rounding."""
    if first.is_floating_point():
        return torch.isclose(first, second, rtol=RELATIVE, atol=ABSOLUTE)
    return first == second


def _difference(first: Batch, second: Batch) -> str | None:
    """What differs between two batches of one kind, in words; None where nothing does."""
    left, right = dict(_tensors(first)), dict(_tensors(second))
    for name in [*left, *right]:
        if name not in left or name not in right:
            return f"field `{name}` is None in only one of the two"
        if left[name].shape != right[name].shape or left[name].dtype != right[name].dtype:
            shapes = f"{left[name].dtype} {list(left[name].shape)}"
            return f"field `{name}` is {shapes} and {right[name].dtype} {list(right[name].shape)}"
        differs = ~_same(left[name], right[name])
        if differs.any():
            values = f"{left[name][differs][0].item():g} and {right[name][differs][0].item():g}"
            return f"field `{name}` differs in {_place(differs)}: {values}"
    return None


def _equal(first: Batch, second: Batch, sentence: str) -> None:
    difference = _difference(first, second)
    _require(difference is None, f"{sentence}: {difference}")


def _equal_costs(first: Tensor, second: Tensor, sentence: str) -> None:
    differs = ~torch.isclose(first.double(), second.double(), rtol=RELATIVE, atol=ABSOLUTE)
    if differs.any():
        values = f"{float(second[differs][0]):g} and not {float(first[differs][0]):g}"
        raise AssertionError(f"{sentence}: {values} in {_place(differs)}")


def _place(where: Tensor) -> str:
    """The first True of ``[B, S, ...]`` in words."""
    found = where.nonzero()[0].tolist() if where.any() else []
    names = ("instance", "rollout", "place")
    return ", ".join(f"{name} {index}" for name, index in zip(names, found, strict=False)) or "?"


def _copy(value: Batch) -> Any:
    return value.map(Tensor.clone)


def _part(trial: Trial, name: str) -> ModuleType:
    """The module ``check`` or ``baseline`` beside the problem's class, or else beside its case's."""
    _needs(trial.problem, "cases")
    module = part_of(trial.problem, name)
    if module is None and trial.cases:
        package = type(trial.cases[0]).__module__.rpartition(".")[0]
        if package and importlib.util.find_spec(f"{package}.{name}") is not None:
            module = importlib.import_module(f"{package}.{name}")
    if module is None:
        raise NotApplicable(name)
    return module


def _checked(trial: Trial) -> list[tuple[Case, Callable[[Case, Any], Report]]]:
    check = _part(trial, "check").check
    return [(case, check) for case in trial.cases or ()]


# --------------------------------------------------------------------------------------------------
# What every problem must meet


def equal_generators_give_equal_instances(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """`generate` is a function of its arguments alone, and uses the generator."""
    problem = _sized(problem, size)
    first = problem.generate(BATCH, generator(seed, "same"))
    again = problem.generate(BATCH, generator(seed, "same"))
    _equal(first, again, "generate made two different batches from equal generators")
    other = problem.generate(BATCH, generator(seed, "other"))
    _require(
        _difference(first, other) is not None,
        "generate made the same batch from two different generators",
    )
    for name, tensor in _tensors(first):
        _require(
            tensor.ndim > 0 and len(tensor) == BATCH,
            f"generate was asked for {BATCH} instances; field `{name}` is {list(tensor.shape)}",
        )


def sized_sets_the_size(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """`sized` gives the same problem at another size."""
    if not _takes_size(problem):
        raise NotApplicable("size")
    counts = []
    for count in (size, size + 1):
        other = problem.sized(count)
        _require(type(other) is type(problem), f"sized gave a {type(other).__name__}")
        instance = other.generate(BATCH, generator(seed, "sized"))
        counts.append(other.features(instance).nodes.shape[1])
        if _has(problem, "cases"):
            found = [case.size for case in other.cases(instance)]
            _require(found == [count] * BATCH, f"sized({count}) gave cases of the sizes {found}")
    _require(counts[0] != counts[1], f"sized({size}) and sized({size + 1}) have as many nodes")


def description_makes_the_same_problem(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """A checkpoint stores a problem as plain data, and makes it again."""
    if "<locals>" in type(problem).__qualname__:
        raise NotApplicable("a class inside a function cannot be imported")
    description = describe(problem)
    plain = json.loads(json.dumps(description))
    twin = construct(plain, trusted=("",))  # the problem's own modules are imported already
    _require(type(twin) is type(problem), f"its description makes a {type(twin).__name__}")
    first = problem.generate(BATCH, generator(seed, "describe"))
    second = twin.generate(BATCH, generator(seed, "describe"))
    _equal(first, second, "the problem made again from its description generates otherwise")


# --------------------------------------------------------------------------------------------------
# What every batch must meet


def inputs_stay_unchanged(trial: Trial) -> None:
    """No function changes its arguments, nor what an earlier one returned."""
    problem, instance = trial.problem, trial.instance
    original = _copy(instance)
    kept: list[tuple[str, Batch, Any]] = []

    def keep(source: str, value: Batch) -> None:
        kept.append((source, value, _copy(value)))

    keep("features", problem.features(instance))
    state = problem.reset(instance, ROLLOUTS)
    keep("reset", state)
    for step in range(trial.actions.shape[2]):
        action = trial.actions[:, :, step].clone()
        before = action.clone()
        keep(f"observe at step {step}", problem.observe(instance, state))
        state = problem.step(instance, state, action)
        keep(f"step {step}", state)
        problem.done(instance, state)
        _require(torch.equal(action, before), f"step {step} changed the actions it was given")
    before = trial.actions.clone()
    problem.cost(instance, trial.actions)
    problem.replay(instance, trial.actions)
    problem.solution(instance, trial.actions[:, 0])
    problem.equivalent(instance, trial.actions, generator(trial.seed, "unchanged"))
    problem.symmetries(instance)
    _require(torch.equal(trial.actions, before), "cost, replay or equivalent changed the actions")
    _equal(original, instance, "the instance was changed in place")
    for source, value, copy in kept:
        _equal(copy, value, f"what `{source}` returned was changed in place later")


def features_are_as_declared(trial: Trial) -> None:
    """Finite features of the widths in `sizes`, and positions in the unit square."""
    problem, batch = trial.problem, len(trial.instance)
    features = problem.features(trial.instance)
    width = problem.sizes.node
    shape = features.nodes.shape
    _require(
        features.nodes.ndim == 3 and shape[0] == batch and shape[2] == width,
        f"Features.nodes must be [B, N, sizes.node] = [{batch}, N, {width}], not {list(shape)}",
    )
    optional = {
        "exists": (features.exists, (batch, shape[1])),
        "xy": (features.xy, (batch, shape[1], 2)),
        "edges": (features.edges, (batch, shape[1], shape[1], problem.sizes.edge)),
    }
    for name, (tensor, wanted) in optional.items():
        if tensor is None:
            continue
        # edges that only some instances have are declared 0 wide
        free = name == "edges" and wanted[-1] == 0
        found = tuple(tensor.shape)
        _require(
            found[:-1] == wanted[:-1] and (free or found[-1:] == wanted[-1:]),
            f"Features.{name} must be {list(wanted)}, not {list(found)}",
        )
    _require(
        problem.sizes.edge == 0 or features.edges is not None,
        f"sizes.edge is {problem.sizes.edge}, but Features.edges is None",
    )
    for name, tensor in _tensors(features):
        _finite(tensor, f"Features.{name}")
    if features.exists is not None:
        _require(features.exists.dtype == torch.bool, "Features.exists must be bool")
        _require(features.exists.any(-1).all(), "Features.exists has an instance without a node")
    if features.xy is not None:
        outside = (features.xy < -ABSOLUTE) | (features.xy > 1 + ABSOLUTE)
        _require(~outside.any(), f"Features.xy leaves the unit square in {_place(outside)}")


def _finite(tensor: Tensor, name: str) -> None:
    if tensor.is_floating_point():
        wrong = ~tensor.isfinite()
        _require(~wrong.any(), f"{name} holds a value that is not finite in {_place(wrong)}")


def observations_are_as_declared(trial: Trial) -> None:
    """Shapes and types as `Observation` and `sizes` say, at every step."""
    sizes = trial.problem.sizes
    nodes = trial.problem.features(trial.instance).nodes.shape[1]
    head = (len(trial.instance), ROLLOUTS)
    for step, observation in enumerate(trial.observations):
        agents = tuple(observation.mask.shape[2:-1])
        wanted: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
            "mask": ((*head, *agents, sizes.kinds * nodes), torch.bool),
            "focus": ((*head, *agents, sizes.focus), torch.long),
            "context": ((*head, *agents, sizes.context), torch.float32),
            "alive": ((*head, nodes), torch.bool),
            "nodes": ((*head, nodes, sizes.dynamic), torch.float32),
        }
        for name, tensor in _tensors(observation):
            shape, dtype = wanted[name]
            _require(
                tuple(tensor.shape) == shape and tensor.dtype == dtype,
                f"Observation.{name} must be {dtype} {list(shape)}, not {tensor.dtype} "
                f"{list(tensor.shape)}, at step {step}",
            )
            _finite(tensor, f"Observation.{name} at step {step}")
        _require(
            (sizes.dynamic > 0) == (observation.nodes is not None),
            f"sizes.dynamic is {sizes.dynamic}, which Observation.nodes contradicts",
        )
        nowhere = (observation.focus < -1) | (observation.focus >= nodes)
        _require(
            ~nowhere.any(), f"Observation.focus names no node at step {step} of {_place(nowhere)}"
        )


def costs_are_finite(trial: Trial) -> None:
    """One finite cost for every rollout."""
    cost, wanted = trial.cost, (len(trial.instance), ROLLOUTS)
    _require(
        tuple(cost.shape) == wanted and cost.is_floating_point(),
        f"cost must be floating point [B, S] = {list(wanted)}, not {cost.dtype} {list(cost.shape)}",
    )
    _finite(cost, "cost")


def finished_rows_wait(trial: Trial) -> None:
    """A finished row allows one action, which changes neither its state nor its cost."""
    problem = trial.problem
    for step, observation in enumerate(trial.observations):
        over = trial.finished[:, :, step]
        count = observation.mask.sum(-1)
        crowded = (count != 1) & over.reshape(*over.shape, *[1] * (count.ndim - 2))
        _require(
            ~crowded.any(),
            f"{_place(crowded)} is finished at step {step}, where observe must allow exactly one "
            "action",
        )
        revived = over & ~trial.finished[:, :, step + 1]
        _require(~revived.any(), f"{_place(revived)} is finished at step {step} and not after it")
        before, after = dict(_tensors(trial.states[step])), dict(_tensors(trial.states[step + 1]))
        for name in before:
            differs = ~_same(before[name], after[name])
            differs = differs.reshape(*over.shape, -1).any(-1) & over
            _require(
                ~differs.any(),
                f"{_place(differs)} is finished at step {step}, but its no-op changed `{name}`",
            )
    total = (~trial.finished).sum(2)
    for b, s in (total < trial.actions.shape[2]).nonzero().tolist():
        steps = int(total[b, s])
        if steps:
            short = problem.cost(trial.instance[b : b + 1], trial.actions[b, s, :steps][None, None])
            _equal_costs(
                short[0], trial.cost[b, s][None], f"no-ops changed the cost of rollout {s}"
            )


def no_leak_between_instances(trial: Trial) -> None:
    """Every instance is alone what it is in a batch."""
    problem, instance = trial.problem, trial.instance
    features, cost = problem.features(instance), trial.cost
    for b in range(len(instance)):
        one, row = instance[b : b + 1], slice(b, b + 1)
        where = f"instance {b} alone has other {{}} than in the batch"
        _equal(features[row], problem.features(one), where.format("features"))
        _alike_alone(trial, one, (row, slice(None)), where)
        alone = problem.cost(one, trial.actions[row])
        _equal_costs(cost[row], alone, where.format("costs"))


def no_leak_between_rollouts(trial: Trial) -> None:
    """Every rollout is alone what it is beside others."""
    for s in range(ROLLOUTS):
        column = slice(s, s + 1)
        where = f"rollout {s} alone has other {{}} than beside others"
        _alike_alone(trial, trial.instance, (slice(None), column), where)
        alone = trial.problem.cost(trial.instance, trial.actions[:, column])
        _equal_costs(trial.cost[:, column], alone, where.format("costs"))


def _alike_alone(trial: Trial, instance: Any, part: tuple[slice, slice], where: str) -> None:
    """Plays a part of the batch alone, as long as it would be played alone."""
    problem = trial.problem
    actions = trial.actions[part]
    state = problem.reset(instance, actions.shape[1])
    for step in range(min(actions.shape[2], problem.horizon(instance)[1])):
        beside = trial.states[step].map(lambda tensor: tensor[part])
        _equal(beside, state, where.format(f"states at step {step}"))
        seen = problem.observe(instance, state)
        beside = trial.observations[step].map(lambda tensor: tensor[part])
        _equal(beside, seen, where.format(f"observations at step {step}"))
        state = problem.step(instance, state, actions[:, :, step])


def forced_rollouts_repeat(trial: Trial) -> None:
    """A policy's actions, forced upon it, give its costs and log-probabilities again."""
    problem, instance = trial.problem, trial.instance
    probe = Probe(trial.seed).build(problem.sizes)
    random = generator(trial.seed, "rollout")
    first = rollout(problem, probe, instance, ROLLOUTS, sample(random), keep=True)
    again = rollout(problem, probe, instance, ROLLOUTS, forced(first.actions))
    _require(
        torch.equal(first.actions, again.actions), "a forced rollout took other actions than told"
    )
    _equal_costs(first.cost, again.cost, "a forced rollout costs something else")
    assert first.logp is not None
    assert again.logp is not None
    assert first.states is not None
    _equal_logp(first.logp, again.logp, "a forced rollout has other log-probabilities")
    over = problem.done(instance, first.states.fold()).unflatten(1, (ROLLOUTS, -1))
    shape = (*over.shape, *[1] * (first.logp.ndim - 3))
    added = (first.logp.abs() > ABSOLUTE) & over.reshape(shape)
    _require(~added.any(), f"the no-op of {_place(added)} adds to the log-probability")


def score_equals_rollout(trial: Trial) -> None:
    """All steps re-scored in one pass, in any order, in pieces, or from kept states."""
    problem, instance = trial.problem, trial.instance
    probe = Probe(trial.seed).build(problem.sizes)
    random = generator(trial.seed, "score")
    first = rollout(problem, probe, instance, ROLLOUTS, sample(random), keep=True)
    assert first.logp is not None
    total = first.actions.shape[2]
    steps = torch.randint(total, (len(instance), ROLLOUTS, 3), generator=random)
    logp = first.logp
    some = torch.stack([logp[b, s][steps[b, s]] for b, s in _pairs(trial)]).unflatten(
        0, (-1, ROLLOUTS)
    )
    ways = {
        "score": (score(problem, probe, instance, first.picks), logp),
        "score of kept states": (
            score(problem, probe, instance, first.picks, states=first.states),
            logp,
        ),
        "score in chunks": (score(problem, probe, instance, first.picks, chunk=2), logp),
        "score of given steps": (score(problem, probe, instance, first.picks, steps=steps), some),
    }
    for name, (found, wanted) in ways.items():
        _equal_logp(wanted, found, f"{name} differs from the rollout's log-probabilities")


def _pairs(trial: Trial) -> list[tuple[int, int]]:
    return [(b, s) for b in range(len(trial.instance)) for s in range(ROLLOUTS)]


def _equal_logp(first: Tensor, second: Tensor, sentence: str) -> None:
    differs = ~torch.isclose(first, second, rtol=1e-3, atol=1e-3)
    _require(first.shape == second.shape and ~differs.any(), f"{sentence}, in {_place(differs)}")


def replay_equals_stepping(trial: Trial) -> None:
    """An overridden `replay` gives the states that stepping gives, all or at given steps."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    _needs(problem, "replay")
    random = generator(trial.seed, "replay")
    some = torch.randint(actions.shape[2], (len(instance), ROLLOUTS, 4), generator=random)
    for steps in (None, some):
        found = problem.replay(instance, actions, steps)
        wanted = Problem.replay(problem, instance, actions, steps)
        at = "all steps" if steps is None else "given steps"
        _equal(wanted, found, f"replay of {at} differs from stepping")


def equivalent_keeps_the_solution(trial: Trial) -> None:
    """Random equivalent actions are allowed, cost the same, and come from the generator alone."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    _needs(problem, "equivalent")
    for number in range(3):
        changed = problem.equivalent(instance, actions, generator(trial.seed, "eq", number))
        again = problem.equivalent(instance, actions, generator(trial.seed, "eq", number))
        _require(torch.equal(changed, again), "equivalent differs between equal generators")
        _walk(problem, instance, changed, "what equivalent gave")
        found = problem.cost(instance, changed)
        _equal_costs(trial.cost, found, "equivalent changes the cost")


def solution_and_actions_invert(trial: Trial) -> None:
    """Actions made from a canonical solution are allowed and cost the same."""
    problem, instance = trial.problem, trial.instance
    for s in range(ROLLOUTS):
        solutions = problem.solution(instance, trial.actions[:, s])
        _require(
            len(solutions) == len(instance),
            f"solution gave {len(solutions)} solutions of {len(instance)} instances",
        )
        back = problem.actions(instance, solutions)
        _require(
            back.dtype == torch.long and len(back) == len(instance),
            f"actions must be long [B, T], not {back.dtype} {list(back.shape)}",
        )
        _walk(problem, instance, back[:, None], f"actions(solution(...)) of rollout {s}")
        found = problem.cost(instance, back[:, None])[:, 0]
        _equal_costs(trial.cost[:, s], found, f"actions(solution(...)) of rollout {s} costs")


def starts_are_allowed(trial: Trial) -> None:
    """Starts are first actions that the masks allow; they differ, and then wrap."""
    problem, instance = trial.problem, trial.instance
    _needs(problem, "starts")
    count = problem.start_count(instance)
    if count == 0:
        return
    found: list[set[tuple[int, ...]]] = []
    for rollouts in (count, count + 2, 1):
        starts = problem.starts(instance, rollouts)
        _require(
            tuple(starts.shape[:3]) == (len(instance), rollouts, 1),
            f"starts must be [B, S, 1, *M], not {list(starts.shape)}",
        )
        mask = problem.observe(instance, problem.reset(instance, rollouts)).mask
        first = starts[:, :, 0]
        inside = (first >= 0) & (first < mask.shape[-1])
        wrong = ~(inside & mask.gather(-1, torch.where(inside, first, 0)[..., None])[..., 0])
        _require(~wrong.any(), f"starts gives {_place(wrong)} a first action that is not allowed")
        found.append({tuple(row.unique(dim=0).flatten().tolist()) for row in starts[:, :, 0]})
        if rollouts == count:
            most = max(len(row.unique(dim=0)) for row in starts[:, :, 0])
            _require(
                most == count, f"start_count says {count}, but starts gives {most} different ones"
            )
    _require(found[0] == found[1], "more rollouts than starts do not wrap to the same starts")


def symmetries_keep_the_cost(trial: Trial) -> None:
    """Every image of an instance allows the same actions at the same cost."""
    problem, instance = trial.problem, trial.instance
    _needs(problem, "symmetries")
    images = problem.symmetries(instance)
    _equal(instance, images[0], "the first of the symmetries is not the instance itself")
    for number, image in enumerate(images):
        _walk(problem, image, trial.actions, f"in image {number} of symmetries, the same solution")
        found = problem.cost(image, trial.actions)
        _equal_costs(trial.cost, found, f"image {number} of symmetries costs something else")


def load_inverts_cases(trial: Trial) -> None:
    """The cases of a batch, loaded, show the network what the batch shows."""
    problem, instance = trial.problem, trial.instance
    _needs(problem, "load", "cases")
    loaded = problem.load(problem.cases(instance))
    if trial.name != "given batch":  # a file may have both distances and coordinates
        found = problem.features(loaded)
        _equal(problem.features(instance), found, "load(cases(...)) has other features")
    again = problem.cost(loaded, trial.actions)
    _equal_costs(trial.cost, again, "load(cases(...)) has other costs")


def padding_changes_nothing(trial: Trial) -> None:
    """A case loaded alone has the features, masks and costs that it has among larger ones."""
    problem, instance = trial.problem, trial.instance
    _needs(problem, "load", "cases")
    solutions = problem.solution(instance, trial.actions[:, -1])
    actions = problem.actions(instance, solutions)
    cost = problem.cost(instance, actions[:, None])
    for b, case in enumerate(trial.cases or ()):
        alone = problem.load([case])
        own = problem.actions(alone, [solutions[b]])
        among = instance[b : b + 1]
        _features_but_padding(problem, among, alone, b)
        # fewer steps alone: what follows are no-ops among larger ones
        _masks_but_padding(problem, (among, actions[b : b + 1]), (alone, own), b)
        found = problem.cost(alone, own[:, None])
        _equal_costs(cost[b : b + 1], found, f"instance {b} loaded alone costs something else")


def _columns(problem: Problem[Any, Any], instance: Any) -> Tensor:
    """The nodes of one instance that exist."""
    features = problem.features(instance)
    if features.exists is None:
        return torch.arange(features.nodes.shape[1])
    return features.exists[0].nonzero()[:, 0]


def _features_but_padding(problem: Problem[Any, Any], among: Any, alone: Any, b: int) -> None:
    padded, bare = problem.features(among), problem.features(alone)
    columns, own = _columns(problem, among), _columns(problem, alone)
    _require(
        len(columns) == len(own), f"instance {b} has {len(columns)} nodes, and {len(own)} alone"
    )
    for name in ("nodes", "xy", "edges"):
        first, second = getattr(padded, name), getattr(bare, name)
        if first is None or second is None:  # distances may be spelled out for others' sake
            continue
        first, second = first[:, columns], second[:, own]
        if name == "edges":
            first, second = first[:, :, columns], second[:, :, own]
        _require(_same(first, second).all(), f"padding changes Features.{name} of instance {b}")


def _masks_but_padding(
    problem: Problem[Any, Any], among: tuple[Any, Tensor], alone: tuple[Any, Tensor], b: int
) -> None:
    columns, own = _columns(problem, among[0]), _columns(problem, alone[0])
    kinds = problem.sizes.kinds
    _, padded = _walk(problem, among[0], among[1][:, None], f"padded, the solution of {b}")
    _, bare = _walk(problem, alone[0], alone[1][:, None], f"unpadded, the solution of {b}")
    for step, (first, second) in enumerate(zip(padded, bare, strict=False)):
        wide = first.mask.unflatten(-1, (kinds, -1))
        narrow = second.mask.unflatten(-1, (kinds, -1))
        _require(
            int(wide.sum()) == int(wide[..., columns].sum()),
            f"the mask allows padding at step {step} of instance {b}",
        )
        at = f"at step {step} of instance {b}"
        _require(
            torch.equal(wide[..., columns], narrow[..., own]), f"padding changes the mask {at}"
        )
        _require(_same(first.context, second.context).all(), f"padding changes the context {at}")
        if first.alive is not None and second.alive is not None:
            _require(
                torch.equal(first.alive[..., columns], second.alive[..., own]),
                f"padding changes what is alive {at}",
            )


# --------------------------------------------------------------------------------------------------
# What the checker and the classical solver beside a problem say


def checker_agrees(trial: Trial) -> None:
    """The independent checker finds random episodes feasible, at the problem's own cost."""
    for s in range(ROLLOUTS):
        solutions = trial.problem.solution(trial.instance, trial.actions[:, s])
        for b, (case, check) in enumerate(_checked(trial)):
            report = check(case, case.numbered(solutions[b]))
            where = f"instance {b}, rollout {s}"
            _require(
                report.feasible,
                f"the checker refuses a masked episode, {where}: {report.violations}",
            )
            _require(
                _close(float(trial.cost[b, s]), report.cost),
                f"the checker finds a cost of {report.cost}, `cost` one of {trial.cost[b, s]:g}, "
                f"{where}",
            )


def _close(first: float, second: float | None) -> bool:
    return second is not None and math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def checker_flags_mutations(trial: Trial) -> None:
    """A valid solution with something dropped, doubled or unknown is flagged, and never a crash."""
    if trial.name == "given batch":  # where something may weigh and cost nothing
        raise NotApplicable("random instances")
    case, check = _checked(trial)[0]
    solution = case.numbered(trial.problem.solution(trial.instance, trial.actions[:, -1])[0])
    valid = check(case, solution)
    found = list(_mutations(solution))
    if not found:
        raise NotApplicable("a solution of lists")
    for change, mutation, cheap in found:
        report = check(case, mutation)
        harmless = report.feasible and (not cheap or _close(float(valid.cost or 0), report.cost))
        _require(not harmless, f"the checker does not flag a solution with {change}: {mutation!r}")


def _mutations(solution: Any) -> Iterator[tuple[str, Any, bool]]:
    """Broken copies of `solution`; True marks those that may be feasible at another cost."""
    if not isinstance(solution, list):
        return
    nested = bool(solution) and isinstance(solution[0], list)
    parts = [list(part) for part in solution] if nested else [list(solution)]
    for index, part in enumerate(parts):
        if not part:
            continue

        def changed(new: list[Any], at: int = index) -> Any:
            together = [new if i == at else old for i, old in enumerate(parts)]
            return together if nested else together[0]

        yield f"{part[0]!r} dropped", changed(part[1:]), True
        yield f"{part[0]!r} doubled", changed([*part, part[0]]), False
        for stranger in (10**6 + 7, -(10**6) - 7, 2**70, 0.5, math.nan, "x", None, True, [[1]]):
            yield f"an unknown {stranger!r}", changed([stranger, *part[1:]]), False
            yield f"an added {stranger!r}", changed([*part, stranger]), False
    if nested and len(parts) > 1 and parts[0]:
        visited_twice = [parts[0], [*parts[1], parts[0][0]], *parts[2:]]
        yield f"{parts[0][0]!r} in two lists", visited_twice, False
        yield "two lists joined", [parts[0] + parts[1], *parts[2:]], True
        yield "a list dropped", parts[1:], True
        yield "a list doubled", [*parts, parts[0]], False
    for nonsense in (None, 7, "solution", {"solution": solution}, [None], [[["x"]]]):
        yield "no such form", nonsense, False


def brute_force_agrees(trial: Trial) -> None:
    """The masks leave an optimal solution: the best one that the checker accepts of all there are.

    The solutions are enumerated without the problem: lists, or lists of lists, of different nodes.
    """
    problem, compared = trial.problem, 0
    solutions = problem.solution(trial.instance, trial.actions[:, -1])
    for b, (case, check) in enumerate(_checked(trial)):
        one = trial.instance[b : b + 1]
        nodes = len(_columns(problem, one))
        every = _every_solution(solutions[b], nodes)
        best = None if every is None else _least_by_masks(problem, one)
        if every is None or best is None:
            continue
        reports = [check(case, case.numbered(solution)) for solution in every]
        least = min((float(r.cost) for r in reports if r.feasible and r.cost is not None))
        _require(
            _close(best, least),
            f"the best solution within the masks costs {best:g}, the best that the checker accepts "
            f"{least:g}, in instance {b}",
        )
        compared += 1
    if not compared:
        raise NotApplicable("instances small enough to enumerate")


def _every_solution(example: Any, nodes: int) -> Iterator[Any] | None:
    """All lists of the same depth as `example` of different numbers below `nodes`, if not too many."""
    if not isinstance(example, list):
        return None
    nested = bool(example) and isinstance(example[0], list)
    lengths = range(1, nodes + 1)
    count = sum(math.perm(nodes, k) * (2 ** (k - 1) if nested else 1) for k in lengths)
    if count > LIMIT:
        return None
    orders = (list(order) for k in range(nodes + 1) for order in permutations(range(nodes), k))
    if not nested:
        return orders
    return (plan for order in orders for plan in _cuts(order))


def _cuts(order: list[int]) -> Iterator[list[list[int]]]:
    """`order` cut into consecutive non-empty lists in all ways."""
    if not order:
        yield []
    for length in range(1, len(order) + 1):
        for rest in _cuts(order[length:]):
            yield [order[:length], *rest]


def _least_by_masks(problem: Problem[Any, Any], instance: Any) -> float | None:
    """The least cost over all action sequences that the masks of one instance allow, if not too many."""
    state = problem.reset(instance, 1)
    actions = torch.zeros(1, 1, 0, dtype=torch.long)
    best = math.inf
    for step in range(problem.horizon(instance)[1] + 1):
        done = problem.done(instance, state)[0]
        if done.any():
            if step == 0:
                return None
            best = min(best, float(problem.cost(instance, actions[:, done]).min()))
        if done.all():
            break
        mask = problem.observe(instance, state).mask[0]
        if mask.ndim > 2:  # several agents
            return None
        parents, chosen = (mask & ~done[:, None]).nonzero(as_tuple=True)
        if len(parents) > LIMIT:
            return None
        state = problem.step(instance, state.take(parents[None]), chosen[None])
        actions = torch.cat([actions[:, parents], chosen[None, :, None]], 2)
    return best


def baseline_replays(trial: Trial) -> None:
    """The first classical solver's answer is feasible, and its actions keep within the masks."""
    problem, module = trial.problem, _part(trial, "baseline")
    if trial.name != TINY_BATCH and _takes_size(problem):
        raise NotApplicable("tiny instances")
    case, check = _checked(trial)[0]
    solver = module.__all__[0]
    path = f"{module.__name__}:{solver}"
    outcome = baselines.run(case, path, time_limit=SECONDS, seed=trial.seed)
    _require(outcome.solution is not None, f"{solver} found nothing: {outcome.error or 'no error'}")
    report = check(case, outcome.solution)
    _require(report.feasible, f"the checker refuses {solver}'s solution: {report.violations}")
    one = trial.instance[:1]
    actions = problem.actions(one, [case.indexed(outcome.solution)])[:, None]
    _walk(problem, one, actions, f"{solver}'s solution")
    _require(
        _close(float(problem.cost(one, actions)), report.cost),
        f"{solver}'s solution costs {report.cost} by the checker and other by `cost`",
    )


OF_PROBLEMS: tuple[Callable[[Problem[Any, Any], int, int], None], ...] = (
    equal_generators_give_equal_instances,
    sized_sets_the_size,
    description_makes_the_same_problem,
)
OF_TRIALS: tuple[Callable[[Trial], None], ...] = (
    inputs_stay_unchanged,
    features_are_as_declared,
    observations_are_as_declared,
    costs_are_finite,
    finished_rows_wait,
    no_leak_between_instances,
    no_leak_between_rollouts,
    forced_rollouts_repeat,
    score_equals_rollout,
    replay_equals_stepping,
    equivalent_keeps_the_solution,
    solution_and_actions_invert,
    starts_are_allowed,
    symmetries_keep_the_cost,
    load_inverts_cases,
    padding_changes_nothing,
    checker_agrees,
    checker_flags_mutations,
    brute_force_agrees,
    baseline_replays,
)
