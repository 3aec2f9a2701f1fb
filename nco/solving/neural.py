"""What `solve` does with networks: load them, and let one search follow another. Needs torch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from nco import registry
from nco.core.case import Case
from nco.core.defaults import load_cases
from nco.core.errors import NCOError
from nco.core.searches import SearchName
from nco.search.beam import WIDTH
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.zoo import cards, weights


@dataclass(frozen=True)
class Width:
    """A width of the better network's beam, and when it is worth its time.

    Attributes:
        rollouts: kept at every step.
        share: of the time, which it may take at most.
        times: how long it takes in units of `WIDTH`, which was measured; a part of the time is the
            same for any width.
    """

    rollouts: int
    share: float
    times: float


@dataclass(frozen=True)
class Pace:
    """How searches share the time of a chain.

    Attributes:
        margin: seconds kept for leaving, where nobody else watches the clock.
        first: share of the time for the faster network's first search, which ends by itself.
        singly: times what a search takes in a batch, for one case by itself.
        encoding: seconds for each pair of nodes on one core, of a pass that cannot be interrupted.
        widths: of the better network's beam, the widest first.
    """

    margin: float = 0.02
    first: float = 0.75
    singly: float = 1.25
    encoding: float = 2e-7
    widths: tuple[Width, ...] = (
        Width(2 * WIDTH, 0.3, 2.0),
        Width(WIDTH, 0.95, 1.0),
        Width(WIDTH // 2, 0.95, 0.6),
        Width(WIDTH // 4, 1.0, 0.42),
        Width(WIDTH // 8, 1.0, 0.3),
    )


PACE = Pace()


@dataclass(frozen=True, eq=False)
class Step:
    """One search of a chain, with the share of the time that it may take."""

    model: weights.Model
    search: SearchName
    share: float = 1.0
    width: int | None = None  # of a beam; None: as it wants


def device_of(options: Options) -> str:
    """The device to work on; "auto" is a GPU where there is one."""
    if options.device != "auto":
        return options.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(options: Options, case: Case, seconds: float | None = None) -> weights.Model | None:
    """The model that is asked for; None where there is none for the problem of `case`."""
    name = cards.choose(case, seconds) if options.model == "auto" else options.model
    if name is None or name == cards.NO_MODEL:
        return None
    model = weights.load(name, device_of(options))
    if registry.folder_of(model.problem).name != case.problem:
        raise NCOError(f"model {name} is not one for {case.problem}")
    return model


def chain(options: Options, case: Case, seconds: float, short: bool) -> list[Step]:
    """The searches that follow one another.

    Of a model that was named, its own. Otherwise the fastest model begins and the one of the least
    measured gap goes on from there: with its first search where that is likely to come to an end,
    and with its last one, which improves what is given.

    Args:
        seconds: there are.
        short: the networks only make a beginning for something else.
    """
    fast = load(options, case, seconds)
    if fast is None:
        return []
    names = fast.policy.searches
    if short:
        return [Step(fast, names[0])]
    if options.model == "auto":
        quick = cards.fastest(case)
        good = cards.choose(case)
        assert quick is not None
        assert good is not None
        if quick != good:
            takes = {name: PACE.singly * cards.first_seconds(case, name) for name in (quick, good)}
            first, last = (weights.load(name, device_of(options)) for name in (quick, good))
            names = last.policy.searches
            # one that needs all the time has it: the other would only begin
            share = PACE.first if takes[quick] <= PACE.first * seconds else 1.0
            steps = [Step(first, first.policy.searches[0], share)]
            width = _width(takes[good], seconds, seconds - takes[quick])
            if len(names) > 1 and names[0] == SearchName.BEAM and width is not None:
                steps.append(Step(last, names[0], width=width))
            return [*steps, Step(last, names[-1])]
    return [Step(fast, name) for name in names]


def _width(takes: float, seconds: float, left: float) -> int | None:
    """The widest beam that is through in time, of which `WIDTH` takes so many seconds."""
    for width in PACE.widths:
        if width.times * takes <= min(width.share * seconds, left):
            return width.rollouts
    return None


def once(progress: Progress, options: Options) -> None:
    """One deterministic pass of the model's first search over a group of cases."""
    model = load(options, max(progress.cases, key=lambda case: case.size))
    if model is None:
        return
    progress.models.append(model)
    instance = load_cases(model.problem, progress.cases).to(device_of(options))
    search = named(model.policy.searches[0])
    with torch.inference_mode():
        task = Task(model.problem, model.policy, instance)
        for incumbent in search(task, Budget(seed=options.seed)):
            for candidate in candidates(model, progress.cases, instance, incumbent):
                progress.offer(candidate)


def first(progress: Progress, options: Options) -> None:
    """The whole first search of the fastest model, as it would make a beginning."""
    budget = Budget(seed=options.seed)
    for step in chain(options, progress.cases[0], 0.0, short=True):
        _play(step, progress, options, budget, progress.offer, False)


def greedy(progress: Progress, options: Options, post: Callable[[Candidate], Any]) -> None:
    """One rollout of the fastest model for each case of a group, to begin something else from."""
    largest = max(progress.cases, key=lambda case: case.size)
    budget = Budget.counting(1, seed=options.seed)
    for step in chain(options, largest, 0.0, short=True):
        _play(step, progress, options, budget, post, False)


def counted(progress: Progress, options: Options) -> None:
    """The chain with `options.iterations` rollouts for each search, whatever the clock says."""
    case, most = progress.cases[0], options.iterations
    assert most is not None
    steps = chain(options, case, float("inf"), short=False)
    for place, step in enumerate(steps):
        budget = Budget(samples=most, width=min(most, step.width or most), seed=options.seed)
        _play(step, progress, options, budget, progress.offer, place > 0)


def play(
    progress: Progress,
    options: Options,
    deadline: float,
    cancelled: Callable[[], bool],
    post: Callable[[Candidate], Any],
    short: bool,
) -> None:
    """The chain until the deadline; for a thread of its own.

    Args:
        progress: of one case, or of a group that is searched as one batch; only read here.
        deadline: a reading of `time.perf_counter`.
        post: takes what is found, in the thread that it likes.
        short: the networks only make a beginning for something else.
    """
    largest = max(progress.cases, key=lambda case: case.size)
    seconds = deadline - time.perf_counter()
    for place, step in enumerate(chain(options, largest, seconds, short)):
        now = time.perf_counter()
        if cancelled():
            return
        if step.model.policy.encodes and PACE.encoding * largest.size**2 > deadline - now:
            continue
        until = min(deadline, now + step.share * seconds)
        budget = Budget(until, width=step.width, seed=options.seed, cancelled=cancelled)
        _play(step, progress, options, budget, post, place > 0)


def _play(
    step: Step,
    progress: Progress,
    options: Options,
    budget: Budget,
    post: Callable[[Candidate], Any],
    goes_on: bool,
) -> None:
    model = step.model
    if model not in progress.models:
        progress.models.append(model)
    instance = load_cases(model.problem, progress.cases).to(device_of(options))
    search = named(step.search)
    with torch.inference_mode():
        start = begin(model, progress, instance) if goes_on else None
        task = Task(model.problem, model.policy, instance)
        for incumbent in search(task, budget, start):
            for candidate in candidates(model, progress.cases, instance, incumbent):
                post(candidate)


def begin(model: weights.Model, progress: Progress, instance: Any) -> Incumbent | None:
    """The best solutions so far as the model's own actions; None where a case has none."""
    solutions = []
    for case, best in zip(progress.cases, progress.best, strict=True):
        if best is None or not best.is_feasible:
            return None
        solutions.append(case.indexed(best.solution))
    actions = model.problem.actions(instance, solutions)
    cost = model.problem.cost(instance, actions[:, None])[:, 0]
    return Incumbent(actions, cost, "start")


def candidates(
    model: weights.Model, cases: list[Case], instance: Any, incumbent: Incumbent
) -> Iterator[Candidate]:
    """An incumbent's solutions, case by case."""
    solutions = model.problem.solution(instance, incumbent.actions)
    rows = incumbent.actions.tolist()
    for index, (case, solution) in enumerate(zip(cases, solutions, strict=True)):
        own = case.numbered(solution)
        yield Candidate(index, own, rows[index], incumbent.source, by=model.name)


IS_LOADED = True  # the last line: `machine.loading` asks for it while a thread imports this module
