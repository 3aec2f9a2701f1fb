"""What every problem must meet, whether it reads files or not."""

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, HasCostSoFar
from nco.core.defaults import (
    equivalents_of,
    has_size,
    pad_actions,
    replay,
    resize,
    symmetries_of,
)
from nco.core.describe import construct, describe
from nco.core.problem import AdditiveProblem, Features, Problem
from nco.core.rollout import Rollout, forced, rollout, sample, score
from nco.core.schema import Amounts, Column, Schema
from nco.core.seeds import generator
from nco.testing.compare import (
    ABSOLUTE,
    NotApplicable,
    described,
    difference,
    equal,
    equal_costs,
    finite,
    nowhere,
    require,
    same,
    sized,
    tensors,
)
from nco.testing.play import BATCH, ROLLOUTS, Probe, Trial, walk

# --------------------------------------------------------------------------------------------------
# Of a problem


def equal_generators_give_equal_instances(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """`generate` is a function of its arguments alone, and uses the generator."""
    problem = sized(problem, size)
    first = problem.generate(BATCH, generator(seed, "same"))
    again = problem.generate(BATCH, generator(seed, "same"))
    equal(first, again, "generate made two different batches from equal generators")
    other = problem.generate(BATCH, generator(seed, "other"))
    differ = difference(first, other) is not None
    require(differ, "generate made the same batch from two different generators")
    for name, tensor in tensors(first):
        good = tensor.ndim > 0 and len(tensor) == BATCH
        shape = list(tensor.shape)
        require(good, f"generate was asked for {BATCH} instances, but `{name}` is {shape}")


def resize_sets_the_size(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """`resize` gives the same problem at another size."""
    if not has_size(problem):
        raise NotApplicable("size")
    counts = []
    for count in (size, size + 1):
        other = resize(problem, count)
        instance = other.generate(BATCH, generator(seed, "sized"))
        counts.append(other.features(instance).nodes.shape[1])
        if isinstance(other, HasCases):
            found = [case.size for case in other.cases(instance)]
            require(found == [count] * BATCH, f"resize({count}) gave cases of the sizes {found}")
    require(counts[0] != counts[1], f"resize({size}) and resize({size + 1}) have as many nodes")


def description_makes_the_same_problem(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """A checkpoint stores a problem as plain data, and makes it again."""
    if "<locals>" in type(problem).__qualname__:
        raise NotApplicable("a class inside a function cannot be imported")
    plain = json.loads(json.dumps(describe(problem)))
    twin = construct(plain, trusted=("",))  # all of its modules run in this process already
    require(type(twin) is type(problem), f"its description makes a {type(twin).__name__}")
    first = problem.generate(1, generator(seed, "describe"))
    second = twin.generate(1, generator(seed, "describe"))
    equal(first, second, "the problem made again from its description generates otherwise")


# --------------------------------------------------------------------------------------------------
# Of a batch: purity and declarations


def inputs_stay_unchanged(trial: Trial) -> None:
    """No function changes its arguments, nor what an earlier one returned."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions.clone()
    original = instance.map(Tensor.clone)
    kept: list[tuple[str, Batch, Batch]] = []

    def keep(source: str, value: Any) -> Any:
        kept.append((source, value, value.map(Tensor.clone)))
        return value

    keep("features", problem.features(instance))
    state = keep("reset", problem.reset(instance, ROLLOUTS))
    for t in range(actions.shape[2]):
        keep(f"observe at step {t}", problem.observe(instance, state))
        state = keep(f"step {t}", problem.step(instance, state, actions[:, :, t]))
        problem.done(instance, state)
        changed = not torch.equal(actions, trial.actions)
        require(not changed, f"step {t} changed the actions it was given")
    problem.cost(instance, actions)
    replay(problem, instance, actions)
    problem.solution(instance, actions[:, 0])
    equivalents_of(problem, instance, actions, generator(trial.seed, "unchanged"))
    symmetries_of(problem, instance)
    require(torch.equal(actions, trial.actions), "cost, replay or equivalent changed the actions")
    equal(original, instance, "the instance was changed in place")
    for source, value, copy in kept:
        equal(copy, value, f"what `{source}` returned was changed in place later")


def features_are_as_declared(trial: Trial) -> None:
    """Finite features of the columns in `schema`, and positions in the unit square."""
    schema, batch = trial.problem.schema, len(trial.instance)
    features = trial.problem.features(trial.instance)
    shape = list(features.nodes.shape)
    declared = [batch, shape[1], len(schema.nodes)]
    require(shape == declared, f"Features.nodes must be [B, N, F] = {declared}, not {shape}")
    count = shape[1]
    links = 0 if features.links is None else features.links.shape[1]
    wanted = {
        "nodes": declared,
        "exists": [batch, count],
        "xy": [batch, count, 2],
        "edges": [batch, count, count],
        "links": [batch, links, 2],
        "link": [batch, links, len(schema.links)],
        "linked": [batch, links],
        "groups": [batch, count, len(schema.groups)],
        "follows": [batch, count],
    }
    for name, tensor in tensors(features):
        finite(tensor, f"Features.{name}")
        found = list(tensor.shape)
        start = found[: len(wanted[name])] if name in ("edges", "follows") else found
        require(start == wanted[name], f"Features.{name} must be {wanted[name]}, not {found}")
    _sets_are_as_declared(features, schema)
    if schema.edges:  # those that only some instances have are not declared
        width = 0 if features.edges is None else features.edges.shape[-1]
        declared_width = len(schema.edges)
        good = width == declared_width
        require(good, f"Features.edges has {width} features, not {declared_width}")
    located = (schema.xy > 0) == (features.xy is not None)
    require(located, "Features.xy is there exactly where nodes have the columns x and y")
    if features.exists is not None:
        require(features.exists.dtype == torch.bool, "Features.exists must be bool")
        require(features.exists.any(-1).all(), "Features.exists leaves an instance without nodes")
    if features.xy is not None:
        first = same(features.nodes[..., :2], features.xy).all()
        require(first, "Features.xy are not the first two columns of Features.nodes")
        outside = (features.xy < -ABSOLUTE) | (features.xy > 1 + ABSOLUTE)
        require(~outside.any(), "Features.xy lies outside the unit square")


def _sets_are_as_declared(features: Features, schema: Schema) -> None:
    """Groups and what follows what are there where they are declared, and name what exists."""
    count = features.nodes.shape[1]
    declared = bool(schema.groups) == (features.groups is not None)
    require(declared, f"Features.groups contradicts schema.groups, {schema.groups}")
    declared = schema.follows == (features.follows is not None)
    require(declared, f"Features.follows contradicts schema.follows, {schema.follows}")
    declared = bool(schema.links) == (features.link is not None)
    require(declared, f"Features.link contradicts schema.links, {_names(schema.links)}")
    if features.groups is not None:
        some = features.groups >= 0
        if features.exists is not None:
            some = some == features.exists[..., None]
        require(some.all(), "Features.groups must be -1 of padding, and of nothing else")
    if features.follows is not None:
        inside = (features.follows >= -1) & (features.follows < count)
        require(inside.all(), "Features.follows names nodes that there are not")
        ends = (features.follows >= 0).flatten(2).any(-1)
        if features.exists is not None:
            require(~(ends & ~features.exists).any(), "Features.follows begins at padding")


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def observations_are_as_declared(trial: Trial) -> None:
    """Shapes and types as `Observation` and `schema` say, at every step."""
    schema = trial.problem.schema
    features = trial.problem.features(trial.instance)
    nodes = features.nodes.shape[1]
    links = 0 if features.links is None else features.links.shape[1]
    head = [len(trial.instance), ROLLOUTS]
    for step, observation in enumerate(trial.observations):
        agents = list(observation.mask.shape[2:-1])
        actions = schema.kinds * nodes
        if trial.problem.continuous:
            sizes = {Amounts.NODES: nodes, Amounts.LINKS: links}
            sizes |= {Amounts.PAIRS: nodes * nodes, Amounts.ONE: 1}
            actions = sum(sizes[part] for part in schema.amounts)
        wanted = {
            "mask": (torch.bool, [*head, *agents, actions]),
            "focus": (torch.long, [*head, *agents, len(schema.focus)]),
            "context": (torch.float32, [*head, *agents, len(schema.context)]),
            "alive": (torch.bool, [*head, nodes]),
            "always": (torch.bool, [*head, nodes]),
            "nodes": (torch.float32, [*head, nodes, len(schema.dynamic)]),
            "stay": (torch.long, [*head, *agents]),
            "shared": (torch.bool, [*head, actions]),
            "moves": (torch.float32, [*head, *agents, actions, len(schema.moves)]),
        }
        for name, tensor in tensors(observation):
            if name not in wanted:  # a subclass may hold more, for the problem's own rules
                finite(tensor, f"Observation.{name} at step {step}")
                continue
            dtype, shape = wanted[name]
            declared = f"{str(dtype).removeprefix('torch.')} {shape}"
            found = described(tensor)
            require(
                found == declared,
                f"Observation.{name} must be {declared}, not {found}, at step {step}",
            )
            finite(tensor, f"Observation.{name} at step {step}")
        dynamic = bool(schema.dynamic) == (observation.nodes is not None)
        names = _names(schema.dynamic)
        require(dynamic, f"Observation.nodes contradicts schema.dynamic, {names}")
        moves = bool(schema.moves) == (observation.moves is not None)
        require(moves, f"Observation.moves contradicts schema.moves, {_names(schema.moves)}")
        both = (observation.stay is None) == (observation.shared is None)
        require(both, "Observation.stay and Observation.shared need one another")
        strange = (observation.focus < -1) | (observation.focus >= nodes)
        nowhere(strange, f"Observation.focus names no node at step {step} of {{}}")


def masks_leave_out_padding(trial: Trial) -> None:
    """No action at a node that does not exist, not even a no-op."""
    features = trial.problem.features(trial.instance)
    if features.exists is None or trial.problem.continuous:
        return
    nodes = features.nodes.shape[1]
    for step, observation in enumerate(trial.observations):
        mask = observation.mask.unflatten(-1, (-1, nodes))  # [B, S, *M, kinds, N]
        exists = features.exists.reshape(len(mask), *[1] * (mask.ndim - 2), nodes)
        if observation.stay is not None:  # an agent that does not exist stays where it is not
            still = torch.nn.functional.one_hot(observation.stay, mask.shape[-1] * mask.shape[-2])
            exists = exists | still.bool().unflatten(-1, (-1, nodes))
        nowhere(mask & ~exists, f"the mask allows padding at step {step} of {{}}")


def costs_are_finite(trial: Trial) -> None:
    """One finite cost for every rollout."""
    cost, wanted = trial.cost, [len(trial.instance), ROLLOUTS]
    good = list(cost.shape) == wanted and cost.is_floating_point()
    require(good, f"cost must be floating point [B, S] = {wanted}, not {described(cost)}")
    finite(cost, "cost")


def cost_so_far_is_the_cost(trial: Trial) -> None:
    """What a state says was paid so far is what the actions up to it cost."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(trial.states[0], HasCostSoFar):
        raise NotApplicable("cost_so_far")
    for t in range(1, trial.actions.shape[2] + 1):
        cost = problem.cost(instance, trial.actions[:, :, :t])
        found = trial.states[t].cost_so_far
        equal_costs(cost, found, f"cost_so_far of step {t} is not what the actions cost")


# --------------------------------------------------------------------------------------------------
# Of a batch: rows do not disturb one another


def finished_rows_wait(trial: Trial) -> None:
    """A finished row allows one action, which changes neither its state nor its cost."""
    problem = trial.problem
    for t, observation in enumerate(trial.observations):
        over = trial.finished[:, :, t]
        count = observation.mask.sum(-1).reshape(*over.shape, -1)
        several = (count != 1).any(-1) & over
        nowhere(several, f"{{}} is finished at step {t}, but observe allows more than one action")
        revived = over & ~trial.finished[:, :, t + 1]
        nowhere(revived, f"{{}} is finished at step {t}, but no longer after it")
        after = dict(tensors(trial.states[t + 1]))
        for name, before in tensors(trial.states[t]):
            differs = ~same(before, after[name]).reshape(*over.shape, -1).all(-1)
            sentence = f"{{}} is finished at step {t}, but its no-op changes `{name}`"
            nowhere(differs & over, sentence)
    total = (~trial.finished).sum(2)
    cost = trial.cost
    for b, s in (total < trial.actions.shape[2]).nonzero().tolist():
        steps = int(total[b, s])
        if steps:
            short = problem.cost(trial.instance[b : b + 1], trial.actions[b, s, :steps][None, None])
            where = f"no-ops change the cost of instance {b}, rollout {s}"
            equal_costs(short[0], cost[b, s][None], where)


def no_leak_between_instances(trial: Trial) -> None:
    """Every instance is alone what it is in a batch."""
    features, cost = trial.problem.features(trial.instance), trial.cost
    for b in range(len(trial.instance)):
        one, row = trial.instance[b : b + 1], slice(b, b + 1)
        what = f"instance {b} alone has other {{}} than in its batch"
        alone = trial.problem.features(one)
        equal(features[row], alone, what.format("features"))
        _alike_alone(trial, one, (row, slice(None)), what)
        found = trial.problem.cost(one, trial.actions[row])
        equal_costs(cost[row], found, what.format("costs"))


def no_leak_between_rollouts(trial: Trial) -> None:
    """Every rollout is alone what it is beside others."""
    cost = trial.cost
    for s in range(ROLLOUTS):
        column = slice(s, s + 1)
        what = f"rollout {s} alone has other {{}} than beside others"
        _alike_alone(trial, trial.instance, (slice(None), column), what)
        found = trial.problem.cost(trial.instance, trial.actions[:, column])
        equal_costs(cost[:, column], found, what.format("costs"))


def _alike_alone(trial: Trial, instance: Any, part: tuple[slice, slice], what: str) -> None:
    """Plays a part of the batch alone, for as long as it would be played alone."""
    problem, actions = trial.problem, trial.actions[part]
    state = problem.reset(instance, actions.shape[1])
    for t in range(min(actions.shape[2], problem.horizon(instance)[1])):
        beside = trial.states[t].map(lambda tensor: tensor[part])
        equal(beside, state, what.format(f"states at step {t}"))
        observed = trial.observations[t].map(lambda tensor: tensor[part])
        alone = problem.observe(instance, state)
        equal(observed, alone, what.format(f"observations at step {t}"))
        state = problem.step(instance, state, actions[:, :, t])


# --------------------------------------------------------------------------------------------------
# Of a batch: episodes can be played again


def forced_rollouts_repeat(trial: Trial) -> None:
    """A policy's actions, forced upon it, give its costs and log-probabilities again."""
    problem, instance = trial.problem, trial.instance
    probe, first = _probed(trial)
    again = rollout(problem, probe, instance, ROLLOUTS, forced(first.picks))
    require(torch.equal(first.actions, again.actions), "a forced rollout took other actions")
    equal_costs(first.cost, again.cost, "a forced rollout costs something else")
    assert first.logp is not None
    assert again.logp is not None
    assert first.states is not None
    _equal_logp(first.logp, again.logp, "a forced rollout has other log-probabilities")
    over = problem.done(instance, first.states.fold()).unflatten(1, (ROLLOUTS, -1))
    added = first.logp.reshape(*over.shape, -1).abs().amax(-1) > ABSOLUTE
    nowhere(added & over, "the no-op of {} adds to the log-probability")


def score_equals_rollout(trial: Trial) -> None:
    """All steps scored in one pass: as they are, in pieces, from kept states, or some of them."""
    problem, instance = trial.problem, trial.instance
    probe, first = _probed(trial)
    logp, picks, actions = first.logp, first.picks, first.actions
    assert logp is not None
    batch, total = len(instance), picks.shape[2]
    steps = torch.randint(total, (batch, ROLLOUTS, 3), generator=generator(trial.seed, "steps"))
    rows, columns = torch.arange(batch)[:, None, None], torch.arange(ROLLOUTS)[None, :, None]
    found = {
        "score": score(problem, probe, instance, picks, actions=actions),
        "score of kept states": score(problem, probe, instance, picks, states=first.states),
        "score in chunks": score(problem, probe, instance, picks, actions=actions, chunk=2),
    }
    for name, value in found.items():
        _equal_logp(logp, value, f"{name} differs from the rollout's log-probabilities")
    some = score(problem, probe, instance, picks, actions=actions, steps=steps)
    sentence = "score of given steps differs from the rollout's log-probabilities"
    _equal_logp(logp[rows, columns, steps], some, sentence)


def _probed(trial: Trial) -> tuple[Probe, Rollout]:
    """A random policy and what it sampled."""
    problem = trial.problem
    probe = Probe(trial.seed, continuous=problem.continuous).build(problem.schema)
    select = sample(generator(trial.seed, "sample"))
    return probe, rollout(trial.problem, probe, trial.instance, ROLLOUTS, select, keep=True)


def _equal_logp(wanted: Tensor, found: Tensor, sentence: str) -> None:
    require(wanted.shape == found.shape, f"{sentence}: {described(found)}")
    nowhere(~torch.isclose(wanted, found, rtol=1e-3, atol=1e-3), f"{sentence}, in {{}}")


def solution_and_actions_invert(trial: Trial) -> None:
    """Actions made from a canonical solution are allowed and cost the same."""
    problem, instance, cost = trial.problem, trial.instance, trial.cost
    batch = len(instance)
    for s in range(ROLLOUTS):
        solutions = problem.solution(instance, trial.actions[:, s])
        require(len(solutions) == batch, f"solution gave {len(solutions)} for {batch} instances")
        back = problem.actions(instance, solutions)
        dtype = torch.float32 if problem.continuous else torch.long
        good = back.dtype == dtype and len(back) == batch
        form = "float32 [B, T, A]" if problem.continuous else "long [B, T, *M]"
        require(good, f"actions must be {form}, not {described(back)}")
        name = f"actions(solution(...)) of rollout {s}"
        walk(problem, instance, back[:, None], name)
        found = problem.cost(instance, back[:, None])
        equal_costs(cost[:, s : s + 1], found, f"{name} costs something else")


def pad_appends_no_ops(trial: Trial) -> None:
    """Actions lengthened to the horizon are still allowed and cost the same."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    longest = problem.horizon(instance)[1]
    padded = pad_actions(problem, instance, actions, longest)
    begins = torch.equal(padded[:, :, : actions.shape[2]], actions)
    whole = padded.shape[2] == longest
    require(begins and whole, f"pad gave {padded.shape[2]} steps of {longest}, or other ones first")
    walk(problem, instance, padded, "what pad gave")
    equal_costs(trial.cost, problem.cost(instance, padded), "what pad gave costs something else")


# --------------------------------------------------------------------------------------------------
# Of a batch: what steps cost


def step_costs_sum_to_cost(trial: Trial) -> None:
    """What the steps cost is together what the actions cost."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, AdditiveProblem):
        raise NotApplicable("step_cost")
    costs = [problem.step_cost(instance, state) for state in trial.states[1:]]
    total = torch.stack(costs, 2).sum(2)
    equal_costs(trial.cost, total, "the step costs do not sum to the cost")
