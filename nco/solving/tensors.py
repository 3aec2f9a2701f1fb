"""A batch of tensors as a source: instances of the model's own problem. Needs torch."""

import functools
import time
from typing import Any

import torch

from nco import registry
from nco.core.batch import Batch
from nco.core.capabilities import HasCases, Online
from nco.core.errors import NCOError
from nco.search.budget import Budget
from nco.search.catalogue import named
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.solving import interrupts, stream
from nco.solving.neural import MARGIN, device_of
from nco.solving.options import Options
from nco.solving.solution import Solution, Status
from nco.workers.outcome import Improvement
from nco.zoo import weights


def solutions(source: Batch, options: Options, begin: float) -> list[Solution]:
    """Through the cases of the model's problem where it has them; by its own rules otherwise.

    Args:
        source: instances of the problem of the model that the options name.
        options: of the call.
        begin: reading of `time.perf_counter` from which on the time counts.

    Raises:
        NCOError: where no model is named, or the instances hold the future that they should hide.
    """
    model = _model(options)
    if isinstance(model.problem, HasCases) and registry.folder_of(model.problem).has("check"):
        return list(stream.solutions(model.problem.cases(source), options, begin))
    return _unchecked(model, source, options, begin)


def _model(options: Options) -> weights.Model:
    if options.model == "auto":
        raise NCOError("tensors do not tell which model: name one with model=")
    model = weights.load(options.model, device_of(options))
    if isinstance(model.problem, Online) and not options.hindsight:
        raise NCOError(
            "an instance of an online problem holds its own future: solve its case, which is "
            "simulated, or ask for the hindsight optimum with hindsight=True"
        )
    return model


def _unchecked(
    model: weights.Model, source: Batch, options: Options, begin: float
) -> list[Solution]:
    """For a problem without files and checker: its own masks and `cost` are the judge."""
    interrupts.let_through()  # no simple answer comes first
    problem, instance = model.problem, source.to(device_of(options))
    setup = time.perf_counter() - begin
    best, history = _searched(Task(problem, model.policy, instance), options, begin)
    name = type(problem).__name__
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
            status=Status.FEASIBLE,
            seconds=time.perf_counter() - begin,
            setup_seconds=setup,
            model=model.name,
            seed=options.seed,
            history=history[index],
        )
        for index, solution in enumerate(problem.solution(instance, best.actions))
    ]


def _searched(
    task: Task, options: Options, begin: float
) -> tuple[Incumbent, list[list[Improvement]]]:
    """The best of each instance, and when each of them became better."""
    best: Incumbent | None = None
    history: list[list[Improvement]] = [[] for _ in range(len(task.instance))]
    with torch.inference_mode():
        for search, budget in _passes(task, options, begin):
            for incumbent in named(search)(task, budget, best):
                wins = [True] * len(history)
                if best is not None:
                    wins = (incumbent.cost < best.cost).tolist()
                seconds = time.perf_counter() - begin
                for index, won in enumerate(wins):
                    if won:
                        cost = float(incumbent.cost[index])
                        history[index].append(Improvement(seconds, cost, incumbent.source))
                best = task.better(best, incumbent)
    assert best is not None
    return best, history


def _passes(task: Task, options: Options, begin: float) -> list[tuple[Any, Budget]]:
    """The policy's searches with their budgets; without a limit, the first one only."""
    searches = task.policy.searches
    limit = None if options.time_limit is None else begin + options.time_limit - MARGIN
    limited = Budget.counting(options.iterations, seed=options.seed, deadline=limit)
    if limit is None and options.iterations is None:
        searches = searches[:1]
    # one rollout whatever the clock says: nothing else would give an answer
    first = (searches[0], Budget.counting(1, seed=options.seed))
    return [first, *((search, limited) for search in searches)]
