"""What `solve` does with networks: load them, and let one search follow another. Needs torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from nco import registry
from nco.core.case import Case
from nco.core.defaults import load_cases
from nco.core.errors import InstanceError, NCOError
from nco.core.searches import SearchName
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.zoo import cards, weights

MARGIN = 0.02  # seconds kept for leaving, where nobody else watches the clock
IDLE = 2  # passes of the fastest model that find nothing better, before the best model goes on
SEEDS = 10_007  # between those of the steps of a chain: other cores have the seeds right after its
# A beam tells nothing until it ends, but may find what re-construction does not come to: of few
# nodes it is worth waiting for, a narrow one at once, the wide one after rounds of re-construction.
NARROW, ROUNDS, BEAMED = 4, 16, 150  # partial solutions; rounds; nodes
SEEDLESS = (SearchName.BEAM, SearchName.MULTISTART)
ENCODING = 2e-7  # seconds for each pair of nodes on one core, of a pass that nothing interrupts


@dataclass(frozen=True, eq=False)
class Step:
    """One search of a chain."""

    model: weights.Model
    search: SearchName
    rounds: int | None = None  # of it; None: all
    patience: int | None = None  # rounds without a gain, after which the next step begins
    width: int | None = None  # of a beam, where the budget has none


def device_of(options: Options) -> str:
    """The device to work on; "auto" is a GPU where there is one."""
    if options.device != "auto":
        return options.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(options: Options, case: Case) -> weights.Model | None:
    """The model that is asked for; None where there is none for the problem of `case`."""
    return _loaded(cards.choose(case) if options.model == "auto" else options.model, options, case)


def _fastest(options: Options, case: Case) -> weights.Model | None:
    """The model that is asked for, or that of the shipped ones which has an answer first."""
    return _loaded(cards.fastest(case) if options.model == "auto" else options.model, options, case)


def _loaded(name: str | None, options: Options, case: Case) -> weights.Model | None:
    if name is None or name == cards.NO_MODEL:
        return None
    model = weights.load(name, device_of(options))
    if registry.folder_of(model.problem).name != case.problem:
        raise NCOError(f"model {name} is not one for {case.problem}")
    return model


def chain(options: Options, case: Case, short: bool) -> list[Step]:
    """The searches that follow one another, whatever time there is: its end only cuts them off.

    So what is found within a second is also found within two, seed by seed. The fastest model
    begins, for as long as it finds something better on this instance, and the one of the least
    measured gap goes on from there with the last of its searches, which improves what is given and
    need not end; of few nodes a beam comes in between. Where that one begins itself, as one does
    that was named, a path of its own and a narrow beam come first; without re-construction it has
    all of its searches. What was left out because it gained nothing is in benchmarks/NOTES.md.

    Args:
        short: the networks only make a beginning for something else.
    """
    fast, good = _fastest(options, case), load(options, case)
    if fast is None or good is None:
        return []
    if short:
        return [Step(fast, fast.policy.searches[0])]
    searches = good.policy.searches
    last = Step(good, searches[-1])
    if fast is good and last.search != SearchName.RECONSTRUCT:
        return [Step(good, name) for name in searches]
    beams = SearchName.BEAM in searches and case.size <= BEAMED
    if fast is not good:
        begun = [Step(fast, fast.policy.searches[0], patience=IDLE)]
    else:  # its own path, after which all may go on from the construction
        narrow = [Step(good, SearchName.BEAM, width=NARROW)] if beams else []
        begun = [replace(last, rounds=0), *narrow]
    if beams:
        begun += [replace(last, rounds=ROUNDS), Step(good, SearchName.BEAM)]
    return [*begun, last]


def once(progress: Progress, options: Options) -> None:
    """One deterministic pass of the model's first search over a group of cases."""
    model = load(options, max(progress.cases, key=lambda case: case.size))
    if model is not None:
        steps = [Step(model, model.policy.searches[0])]
        _follow(steps, progress, options, Budget(seed=options.seed), progress.offer)


def first(progress: Progress, options: Options) -> None:
    """The whole first search of the fastest model, as it would make a beginning."""
    steps = chain(options, progress.cases[0], short=True)
    _follow(steps, progress, options, Budget(seed=options.seed), progress.offer)


def greedy(progress: Progress, options: Options, post: Callable[[Candidate], Any]) -> None:
    """One rollout of the fastest model for each case of a group, to begin something else from."""
    steps = chain(options, max(progress.cases, key=lambda case: case.size), short=True)
    _follow(steps, progress, options, Budget.counting(1, seed=options.seed), post)


def counted(progress: Progress, options: Options) -> None:
    """The chain with `options.iterations` rollouts for each search, whatever the clock says."""
    budget = Budget.counting(options.iterations, seed=options.seed)
    steps = chain(options, progress.cases[0], short=False)
    _follow(steps, progress, options, budget, progress.offer)


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
        progress: of one case, or of a group that is searched as one batch; only read here, but for
            a line of the plan where networks do not apply.
        deadline: a reading of `time.perf_counter`.
        post: takes what is found, in the thread that it likes.
        short: the networks only make a beginning for something else.
    """
    steps = chain(options, max(progress.cases, key=lambda case: case.size), short)
    budget = Budget(deadline, seed=options.seed, cancelled=cancelled)
    _follow(steps, progress, options, budget, post)


def play_beside(
    progress: Progress, options: Options, deadline: float, post: Callable[[Candidate], Any]
) -> None:
    """The chain without its searches that have no seed: another core has them already."""
    steps = chain(options, progress.cases[0], short=False)
    seeded = [step for step in steps if step.search not in SEEDLESS]
    _follow(seeded or steps, progress, options, Budget(deadline, seed=options.seed), post)


def _follow(
    steps: list[Step],
    progress: Progress,
    options: Options,
    budget: Budget,
    post: Callable[[Candidate], Any],
) -> None:
    """One search after the other, each from the best that is known when it begins."""
    size = max(case.size for case in progress.cases)
    found: list[Any] = []  # the latest solutions: those that were posted may not be judged yet
    for place, step in enumerate(steps):
        model = step.model
        if budget.over():
            return
        if model.policy.encodes and ENCODING * size**2 > budget.left():
            continue
        if model not in progress.models:
            progress.models.append(model)
        try:
            instance = load_cases(model.problem, progress.cases).to(device_of(options))
        except InstanceError as error:
            if options.model != "auto":
                raise
            progress.plan.insert(0, f"networks do not apply: {error.reason}")  # stages come last
            return
        with torch.inference_mode():
            task = Task(model.problem, model.policy, instance)
            start = begin(task, progress, found) if place else None
            # another seed, so that a search that comes twice does not do the same again
            limited = replace(
                budget,
                width=budget.width or step.width,
                rounds=step.rounds,
                patience=step.patience,
                seed=budget.seed + SEEDS * place,
            )
            for incumbent in named(step.search)(task, limited, start):
                found = model.problem.solution(instance, incumbent.actions)
                for candidate in candidates(model, progress.cases, found, incumbent):
                    post(candidate)


def begin(task: Task, progress: Progress, found: list[Any]) -> Incumbent | None:
    """The best solutions so far as the policy's own actions; None where a case has none.

    Args:
        found: by the searches before, in positions; empty: nothing.
    """
    best = Incumbent.of(task.problem, task.instance, found, "start") if found else None
    judged = [
        case.indexed(each.solution)
        for case, each in zip(progress.cases, progress.best, strict=True)
        if each is not None and each.is_feasible
    ]
    if len(judged) == len(progress.cases):
        best = task.better(best, Incumbent.of(task.problem, task.instance, judged, "start"))
    return best


def candidates(
    model: weights.Model, cases: list[Case], solutions: list[Any], incumbent: Incumbent
) -> Iterator[Candidate]:
    """An incumbent's solutions, in positions, case by case."""
    rows = incumbent.actions.tolist()
    for index, (case, solution) in enumerate(zip(cases, solutions, strict=True)):
        own = case.numbered(solution)
        yield Candidate(index, own, rows[index], incumbent.source, by=model.name)


IS_LOADED = True  # the last line: `machine.loading` asks for it while a thread imports this module
