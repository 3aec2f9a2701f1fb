"""What `solve` does with networks: load them, and let one search follow another. Needs torch."""

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from nco import registry
from nco.core.batch import Batch
from nco.core.capabilities import HasCases, Online
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
from nco.solving.options import Ask
from nco.solving.solution import Improvement, Solution
from nco.zoo import cards, weights

MARGIN = 0.02  # seconds kept for leaving
FIRST_SHARE = 0.75  # of the time for the faster network's first search, which ends by itself
SINGLY = 1.25  # times what a search takes in a batch, for one case by itself
# widths of the better network's beam: which share of the time it may take, and how long it takes
# in units of the width that was measured, of which a part is the same for any width
BEAMS = (
    (2 * WIDTH, 0.3, 2.0),
    (WIDTH, 0.95, 1.0),
    (WIDTH // 2, 0.95, 0.6),
    (WIDTH // 4, 1.0, 0.42),
    (WIDTH // 8, 1.0, 0.3),
)
ENCODING = 2e-7  # seconds for each pair of nodes on one core; a pass that cannot be interrupted


@dataclass(frozen=True, eq=False)
class Step:
    """One search of a chain, with the share of the time that it may take."""

    model: weights.Model
    search: SearchName
    share: float = 1.0
    width: int | None = None  # of a beam; None: as it wants


def where(ask: Ask) -> str:
    """The device that is asked for; "auto" is a GPU where there is one."""
    if ask.device != "auto":
        return ask.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(ask: Ask, case: Case | None, seconds: float | None = None) -> weights.Model | None:
    """The model that is asked for; None where there is none for the problem of `case`."""
    name = ask.model
    if name == cards.NO_MODEL and case is not None:
        return None
    if name == "auto":
        if case is None:
            raise NCOError("tensors do not tell which model: name one with model=")
        chosen = cards.choose(case, seconds)
        if chosen is None:
            return None
        name = chosen
    found = weights.load(name, where(ask))
    if case is not None and registry.folder_of(found.problem).name != case.problem:
        raise NCOError(f"model {name} is not one for {case.problem}")
    return found


def chain(ask: Ask, case: Case, seconds: float, short: bool) -> list[Step]:
    """The searches that follow one another.

    Of a model that was named, its own. Otherwise the fastest model begins and the one of the least
    measured gap goes on from there: with its first search where that is likely to come to an end,
    and with its last one, which improves what is given.

    Args:
        seconds: there are.
        short: the networks only make a beginning for something else.
    """
    fast = load(ask, case, seconds)
    if fast is None:
        return []
    names = fast.policy.searches
    if short:
        return [Step(fast, names[0])]
    if ask.model == "auto":
        quick = cards.fastest(case)
        good = cards.choose(case)
        assert quick is not None
        assert good is not None
        if quick != good:
            takes = {name: SINGLY * cards.first_seconds(case, name) for name in (quick, good)}
            first, last = (weights.load(name, where(ask)) for name in (quick, good))
            names = last.policy.searches
            # one that needs all the time has it: the other would only begin
            share = FIRST_SHARE if takes[quick] <= FIRST_SHARE * seconds else 1.0
            steps = [Step(first, first.policy.searches[0], share)]
            width = _width(takes[good], seconds, seconds - takes[quick])
            if len(names) > 1 and names[0] == SearchName.BEAM and width is not None:
                steps.append(Step(last, names[0], width=width))
            return [*steps, Step(last, names[-1])]
    return [Step(fast, name) for name in names]


def _width(takes: float, seconds: float, left: float) -> int | None:
    """The widest beam that is through in time, of which `WIDTH` takes so many seconds."""
    for width, share, times in BEAMS:
        if times * takes <= min(share * seconds, left):
            return width
    return None


def once(progress: Progress, ask: Ask) -> None:
    """One deterministic pass of the model's first search over a group of cases."""
    model = load(ask, max(progress.cases, key=lambda case: case.size))
    if model is None:
        return
    progress.models.append(model)
    instance = load_cases(model.problem, progress.cases).to(where(ask))
    search = named(model.policy.searches[0])
    with torch.inference_mode():
        task = Task(model.problem, model.policy, instance)
        for found in search(task, Budget(seed=ask.seed)):
            for candidate in candidates(model, progress.cases, instance, found):
                progress.offer(candidate)


def first(progress: Progress, ask: Ask) -> None:
    """The whole first search of the fastest model, as it would make a beginning."""
    budget = Budget(seed=ask.seed)
    for step in chain(ask, progress.cases[0], 0.0, short=True):
        _play(step, progress, ask, budget, progress.offer, False)


def greedy(progress: Progress, ask: Ask, post: Callable[[Candidate], Any]) -> None:
    """One rollout of the fastest model for each case of a group, to begin something else from."""
    largest = max(progress.cases, key=lambda case: case.size)
    budget = Budget.counting(1, seed=ask.seed)
    for step in chain(ask, largest, 0.0, short=True):
        _play(step, progress, ask, budget, post, False)


def counted(progress: Progress, ask: Ask) -> None:
    """The chain with `ask.iterations` rollouts for each search, whatever the clock says."""
    case, most = progress.cases[0], ask.iterations
    assert most is not None
    steps = chain(ask, case, float("inf"), short=False)
    for place, step in enumerate(steps):
        budget = Budget(samples=most, width=min(most, step.width or most), seed=ask.seed)
        _play(step, progress, ask, budget, progress.offer, place > 0)


def play(
    progress: Progress,
    ask: Ask,
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
    for place, step in enumerate(chain(ask, largest, seconds, short)):
        now = time.perf_counter()
        if cancelled():
            return
        if step.model.policy.encodes and ENCODING * largest.size**2 > deadline - now:
            continue
        until = min(deadline, now + step.share * seconds)
        budget = Budget(until, width=step.width, seed=ask.seed, cancelled=cancelled)
        _play(step, progress, ask, budget, post, place > 0)


def _play(
    step: Step,
    progress: Progress,
    ask: Ask,
    budget: Budget,
    post: Callable[[Candidate], Any],
    goes_on: bool,
) -> None:
    model = step.model
    if model not in progress.models:
        progress.models.append(model)
    instance = load_cases(model.problem, progress.cases).to(where(ask))
    search = named(step.search)
    with torch.inference_mode():
        start = begin(model, progress, instance) if goes_on else None
        task = Task(model.problem, model.policy, instance)
        for found in search(task, budget, start):
            for candidate in candidates(model, progress.cases, instance, found):
                post(candidate)


def begin(model: weights.Model, progress: Progress, instance: Any) -> Incumbent | None:
    """The best solutions so far as the model's own actions; None where a case has none."""
    solutions = []
    for case, best in zip(progress.cases, progress.best, strict=True):
        if best is None or not best.report.feasible:
            return None
        solutions.append(case.indexed(best.solution))
    actions = model.problem.actions(instance, solutions)
    cost = model.problem.cost(instance, actions[:, None])[:, 0]
    return Incumbent(actions, cost, "start")


def candidates(
    model: weights.Model, cases: list[Case], instance: Any, found: Incumbent
) -> Iterator[Candidate]:
    """An incumbent's solutions, case by case."""
    solutions = model.problem.solution(instance, found.actions)
    rows = found.actions.tolist()
    for index, (case, solution) in enumerate(zip(cases, solutions, strict=True)):
        yield Candidate(index, case.numbered(solution), rows[index], found.source)


def unchecked(model: weights.Model, source: Batch, ask: Ask, begin: float) -> list[Solution]:
    """For a problem without files and checker: its own masks and `cost` are the judge."""
    problem, instance = model.problem, source.to(where(ask))
    setup = time.perf_counter() - begin
    limit = None if ask.time_limit is None else begin + ask.time_limit - MARGIN
    best: Incumbent | None = None
    history: list[list[Improvement]] = [[] for _ in range(len(source))]
    names = model.policy.searches
    # one rollout whatever the clock says: nothing else would give an answer
    passes = [(names[0], Budget.counting(1, seed=ask.seed))]
    limited = Budget.counting(ask.iterations, seed=ask.seed, deadline=limit)
    task = Task(problem, model.policy, instance)
    once_only = limit is None and ask.iterations is None
    passes += [(name, limited) for name in (names[:1] if once_only else names)]
    with torch.inference_mode():
        for search, budget in passes:
            for found in named(search)(task, budget, best):
                wins = [True] * len(source)
                if best is not None:
                    wins = (found.cost < best.cost).tolist()
                for index, won in enumerate(wins):
                    if won:
                        seconds = time.perf_counter() - begin
                        cost = float(found.cost[index])
                        history[index].append(Improvement(seconds, cost, found.source))
                best = task.better(best, found)
    assert best is not None
    name = type(problem).__name__
    solutions = problem.solution(instance, best.actions)
    return [
        Solution(
            problem=name,
            name=f"{name}-{index}",
            n=problem.features(instance).nodes.shape[1],
            cost=float(best.cost[index]),
            objective=float(best.cost[index]),
            feasible=True,
            violations=[],
            solution=solution,
            taken=functools.partial(list, best.actions[index].tolist()),
            status="FEASIBLE",
            seconds=time.perf_counter() - begin,
            setup_seconds=setup,
            model=model.name,
            seed=ask.seed,
            history=history[index],
        )
        for index, solution in enumerate(solutions)
    ]


def instance(source: Batch, ask: Ask, begin: float) -> list[Solution] | list[Case]:
    """Tensors of the model's own problem: their cases where its folder has them, or solutions."""
    model = load(ask, None)
    assert model is not None  # tensors need one, and say so
    if isinstance(model.problem, Online) and not ask.hindsight:
        raise NCOError(
            "an instance of an online problem holds its own future: solve its case, which is "
            "simulated, or ask for the hindsight optimum with hindsight=True"
        )
    if isinstance(model.problem, HasCases) and registry.folder_of(model.problem).has("check"):
        return model.problem.cases(source)
    return unchecked(model, source, ask, begin)
