"""What a problem's capabilities must meet; each is asked of where the problem has it."""

import inspect
from typing import Any

import torch

from nco.core.capabilities import (
    CAPABILITIES,
    HasCases,
    HasConsistentActions,
    HasDemonstrations,
    HasEquivalents,
    HasFixedFirstAction,
    HasHindsight,
    HasMask,
    HasRelatives,
    HasStarts,
    HasSymmetries,
    HasWindows,
    Online,
    Replayable,
    Reversible,
    methods,
)
from nco.core.defaults import walked
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.testing.compare import (
    ABSOLUTE,
    RELATIVE,
    NotApplicable,
    difference,
    equal,
    equal_costs,
    nowhere,
    require,
)
from nco.testing.play import ROLLOUTS, Trial, chosen, forbidden, walk

FUTURES = 6  # of one online case; short ones of few outcomes may be equal by chance
PART = 3  # steps of a window
# methods of version 0.1, which nothing asks for any more
RENAMED = {
    "agreeing": "is called `consistent_actions` now",
    "charge": "is called `step_cost` now, of a problem that derives from `AdditiveProblem`",
    "known": "is called `mask_future` now",
    "opening": "is called `fixed_first_action` now",
    "pad": "is the function `nco.core.defaults.pad_actions` now",
    "paid": "is a field or property `cost_so_far` of the state now",
    "sized": "is the function `nco.core.defaults.resize` now",
    "turned": "is called `reversed_state` now",
}

# --------------------------------------------------------------------------------------------------
# Of a problem


def capabilities_are_whole(problem: Problem[Any, Any], size: int, seed: int) -> None:
    """A capability's methods are all there or none is, and take what they are called with."""
    kind = type(problem)
    for old, now in RENAMED.items():
        require(not callable(getattr(kind, old, None)), f"`{old}` {now}")
    for capability in CAPABILITIES:
        names = methods(capability)
        there = [name for name in names if callable(getattr(kind, name, None))]
        missing = [name for name in names if name not in there]
        require(
            not there or not missing,
            f"has {_listed(there)} but not {_listed(missing)}: "
            f"{capability.__name__} needs all of its methods",
        )
        for name in there:
            _takes(problem, capability, name)


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _takes(problem: Problem[Any, Any], capability: type, name: str) -> None:
    """Whether a method can be called as its capability says."""
    wanted = list(inspect.signature(getattr(capability, name)).parameters)[1:]
    try:
        inspect.signature(getattr(problem, name)).bind(*wanted)
    except TypeError as error:
        sentence = f"`{name}` must take ({', '.join(wanted)}), as {capability.__name__} says"
        raise AssertionError(sentence) from error


# --------------------------------------------------------------------------------------------------
# Of a batch: first actions


def starts_are_allowed(trial: Trial) -> None:
    """Starts are first actions that the masks allow; they differ, and then wrap."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasStarts):
        raise NotApplicable("starts")
    count = problem.start_count(instance)
    if count == 0:
        return
    for rollouts in (1, count, count + 2):
        starts = problem.starts(instance, rollouts)
        wanted, shape = [len(instance), rollouts, 1], list(starts.shape)
        require(shape[:3] == wanted, f"starts must be [B, S, 1] = {wanted}, not {shape}")
        observation = problem.observe(instance, problem.reset(instance, rollouts))
        wrong = forbidden(observation, starts[:, :, 0])
        nowhere(wrong, "starts gives {} a first action that the mask forbids")
        if rollouts >= count:
            most = max(len(row.unique(dim=0)) for row in starts[:, :, 0])
            sentence = f"start_count says {count}, but {rollouts} starts are {most} different ones"
            require(most == count, sentence)


def fixed_first_action_is_allowed(trial: Trial) -> None:
    """It is the same for all rollouts of an instance, and the mask allows it."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasFixedFirstAction):
        raise NotApplicable("a fixed first action")
    first = problem.fixed_first_action(instance, ROLLOUTS)
    wanted, shape = [len(instance), ROLLOUTS, 1], list(first.shape)
    require(shape[:3] == wanted, f"fixed_first_action must be [B, S, 1] = {wanted}, not {shape}")
    nowhere(first != first[:, :1], "fixed_first_action gives {} another than the first rollout")
    observation = problem.observe(instance, problem.reset(instance, ROLLOUTS))
    wrong = forbidden(observation, first[:, :, 0])
    nowhere(wrong, "fixed_first_action gives {} what the mask forbids")


# --------------------------------------------------------------------------------------------------
# Of a batch: equal solutions and equal instances


def equivalent_keeps_the_solution(trial: Trial) -> None:
    """Random equivalent actions are allowed, cost the same, and come from the generator alone."""
    if not isinstance(trial.problem, HasEquivalents):
        raise NotApplicable("equivalent")
    _keeps_the_solution(trial, "equivalent")


def demonstrations_keep_the_solution(trial: Trial) -> None:
    """So do demonstrations."""
    if not isinstance(trial.problem, HasDemonstrations):
        raise NotApplicable("demonstrations")
    _keeps_the_solution(trial, "demonstrations")


def _keeps_the_solution(trial: Trial, name: str) -> None:
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    arrange = getattr(problem, name)
    for number in range(3):
        changed = arrange(instance, actions, generator(trial.seed, "equal", number))
        again = arrange(instance, actions, generator(trial.seed, "equal", number))
        require(torch.equal(changed, again), f"{name} differs between equal generators")
        walk(problem, instance, changed, f"what {name} gave")
        found = problem.cost(instance, changed)
        equal_costs(trial.cost, found, f"what {name} gave costs something else")


def consistent_actions_hold_the_next_one(trial: Trial) -> None:
    """What is consistent with a solution is allowed, and its own next action is among that."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    if not isinstance(problem, HasConsistentActions):
        raise NotApplicable("consistent actions")
    states = walked(problem, instance, actions)
    right = problem.consistent_actions(instance, actions, states)
    for t, observation in enumerate(trial.observations):
        wrong = right[:, :, t] & ~observation.mask
        nowhere(wrong, f"consistent_actions gives {{}} what the mask forbids at step {t}")
        missed = ~right[:, :, t].gather(-1, actions[:, :, t, None])[..., 0]
        missed &= ~trial.finished[:, :, t] & right[:, :, t].any(-1)
        nowhere(missed, f"consistent_actions leaves out the next action of {{}} at step {t}")


def symmetries_keep_the_cost(trial: Trial) -> None:
    """Every image of an instance allows the same actions at the same cost."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasSymmetries):
        raise NotApplicable("symmetries")
    images = problem.symmetries(instance)
    equal(instance, images[0], "the first of the symmetries is not the instance itself")
    for number, image in enumerate(images):
        name = f"image {number} of symmetries"
        walk(problem, image, trial.actions, f"a solution in {name}")
        equal_costs(trial.cost, problem.cost(image, trial.actions), f"{name} has other costs")


def relatives_are_as_good(trial: Trial) -> None:
    """What follows for other instances is allowed there and costs no more."""
    problem, instance, cost = trial.problem, trial.instance, trial.cost[:, 0]
    if not isinstance(problem, HasRelatives):
        raise NotApplicable("relatives")
    for number, (other, actions) in enumerate(problem.relatives(instance, trial.actions[:, 0])):
        walk(problem, other, actions[:, None], f"the solution of relative {number}")
        found = problem.cost(other, actions[:, None])[:, 0]
        dearer = found > cost + RELATIVE * cost.abs() + ABSOLUTE
        nowhere(dearer, f"the solution of relative {number} costs more than that of {{}}")


def rejoined_windows_are_the_solution(trial: Trial) -> None:
    """What the windows do there already, put back, is the solution that they were cut out of."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasWindows):
        raise NotApplicable("windows")
    for s in range(ROLLOUTS):
        actions = trial.actions[:, s]
        random = generator(trial.seed, "windows", s)
        windows = problem.windows(instance, actions, PART, random)
        if windows is None:
            continue
        inside = windows.actions[:, None]
        walk(problem, windows.instance, inside, "what a solution does in its windows")
        whole = problem.rejoin(instance, actions, windows, windows.actions)[:, None]
        walk(problem, instance, whole, "what rejoin gave")
        found = problem.cost(instance, whole)
        equal_costs(trial.cost[:, s : s + 1], found, "what rejoin gave costs something else")


# --------------------------------------------------------------------------------------------------
# Of a batch: states


def replay_equals_stepping(trial: Trial) -> None:
    """States in closed form are those that stepping gives, all or at given steps."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    if not isinstance(problem, Replayable):
        raise NotApplicable("replay")
    random = generator(trial.seed, "replay")
    some = torch.randint(actions.shape[2], (len(instance), ROLLOUTS, 4), generator=random)
    for name, steps in (("all", None), ("given", some)):
        wanted = walked(problem, instance, actions, steps)
        found = problem.replay(instance, actions, steps)
        equal(wanted, found, f"replay of {name} steps differs from stepping")


def mask_is_that_of_observe(trial: Trial) -> None:
    """The mask by itself is the mask among all else."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasMask):
        raise NotApplicable("mask")
    for t, observation in enumerate(trial.observations):
        differs = problem.mask(instance, trial.states[t]) != observation.mask
        nowhere(differs, f"mask differs from the mask of observe at step {t} of {{}}")


def reversed_states_lead_to_solutions(trial: Trial) -> None:
    """What is done now at one end, now at the other, can be played once `joined`."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, Reversible):
        raise NotApplicable("reversed states")
    state = problem.reset(instance, ROLLOUTS)
    random = generator(trial.seed, "reversed")
    least, most = problem.horizon(instance)
    actions, behind = [], []
    far = torch.zeros(len(instance), ROLLOUTS, dtype=torch.bool)
    for step in range(most):
        if step >= least and bool(problem.done(instance, state).all()):
            break
        away = problem.reversed_state(instance, state)
        back = problem.reversed_state(instance, away)
        equal(state, back, f"reversing twice changes states of step {step}")
        turn = torch.rand(far.shape, generator=random) < 0.5
        state, far = away.where(turn, state), far ^ turn
        actions.append(chosen(problem.observe(instance, state).mask, random))
        behind.append(far)
        state = problem.step(instance, state, actions[-1])
    played = problem.joined(instance, torch.stack(actions, 2), torch.stack(behind, 2))
    walk(problem, instance, played, "what joined gave")


# --------------------------------------------------------------------------------------------------
# Of a batch: chance


def observations_do_not_look_ahead(trial: Trial) -> None:
    """With the future blank, features and all that is observed until then stay the same."""
    problem, instance, actions = trial.problem, trial.instance, trial.actions
    if not isinstance(problem, Online):
        raise NotApplicable("online")
    hidden = difference(instance, problem.mask_future(instance, 0)) is not None
    require(hidden, "mask_future(instance, 0) is the whole instance: it must hide the future")
    total = actions.shape[2]
    for steps in sorted({0, 1, total // 2, total - 1}):
        blank = problem.mask_future(instance, steps)
        seen, whole = problem.features(blank), problem.features(instance)
        equal(whole, seen, "features tell of what is revealed later")
        state = problem.reset(blank, ROLLOUTS)
        for t in range(steps + 1):
            found = problem.observe(blank, state)
            what = f"what is observed at step {t} depends on what is revealed after step {steps}"
            equal(trial.observations[t], found, what)
            state = problem.step(blank, state, actions[:, :, t])


def traces_are_random_futures(trial: Trial) -> None:
    """Of one case: equal generators, equal futures; and not the same one again and again."""
    problem = trial.problem
    if not isinstance(problem, Online) or not isinstance(problem, HasCases):
        raise NotApplicable("futures of a case")
    assert trial.cases is not None
    first = problem.traces(trial.cases[0], FUTURES, generator(trial.seed, "traces"))
    again = problem.traces(trial.cases[0], FUTURES, generator(trial.seed, "traces"))
    equal(first, again, "traces made two different batches from equal generators")
    found = f"traces was asked for {FUTURES} instances and gave {len(first)}"
    require(len(first) == FUTURES, found)
    # not `mask_future(..., 0)`, which may hold a first event that is revealed before the first step
    one, other = problem.features(first[:1]), problem.features(first[1:2])
    equal(one, other, "two futures of one case differ in what is known beforehand")
    others = [first[number : number + 1] for number in range(1, FUTURES)]
    differ = any(difference(first[:1], other) is not None for other in others)
    require(differ, "traces gave the same future every time")


def hindsight_is_the_least_possible(trial: Trial) -> None:
    """No episode that begins with an action costs less than hindsight says of it."""
    problem, instance = trial.problem, trial.instance
    if not isinstance(problem, HasHindsight):
        raise NotApplicable("hindsight")
    try:
        prices = problem.hindsight(instance, trial.states[0])
    except NCOError as error:  # it cannot plan these instances, and says so
        raise NotApplicable("hindsight of these instances") from error
    mask = trial.observations[0].mask
    nowhere(prices.isinf() == mask, "hindsight is not infinite where the mask forbids, in {}")
    least = prices.gather(-1, trial.actions[:, :, 0, None])[..., 0]
    cheaper = trial.cost < least - RELATIVE * least.abs() - ABSOLUTE
    nowhere(cheaper, "the episode of {} costs less than hindsight says is possible")
