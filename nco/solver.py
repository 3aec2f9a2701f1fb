"""`solve`: read, pick a model, search until the deadline, check, and hand over a Solution."""

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from nco import baselines, certify, folders, online, sources, zoo
from nco.batch import Batch
from nco.case import Bound, Case, Report
from nco.errors import NCOError
from nco.problem import Problem
from nco.search import named
from nco.search.budget import Budget, Incumbent
from nco.search.multistart import better
from nco.simulate import TRACES, is_online
from nco.solution import Improvement, Solution

TOGETHER = 2e5  # nodes x starts of a batch that is solved in one pass
MARGIN = 0.02  # seconds kept for the checker and for leaving
ENCODING = 2e-7  # seconds for each pair of nodes on one core; a pass that cannot be interrupted
NO_MODEL = "none"  # what a solution says that no network had a part in
FINISH_SHARE = 0.5  # of the time left after the first network pass, for classical improvement


def solve(
    source: Any,
    *,
    problem: str | None = None,
    model: str = "auto",
    time_limit: float | None = None,
    seed: int = 0,
    device: str = "auto",
    classical: bool = True,
    bound: bool | None = None,
    hindsight: bool = False,
    traces: int = TRACES,
) -> Any:
    """Solves one instance, or a list of instances of any sizes and problems.

    Args:
        source: a path, a case (`nco.read`), arrays, a batch of tensors (an Instance of the model's
            own problem), or a list of any of these. Arrays: ``[n, 2]`` or a dict with ``coords`` or
            ``distances`` for TSP (ATSP where they are not symmetric); ``coords [n+1, 2]`` (depot
            first), ``demand [n+1]``, ``capacity`` for CVRP; ``coords``, ``prizes``, ``limit`` for
            orienteering; ``values, weights, capacity`` for knapsack.
        problem: the problem folder's name, where the source does not tell.
        model: a shipped model's name, a model folder, a checkpoint, or "auto": the shipped model
            with the least measured gap near the instance's size. Where none ships for the problem,
            or with "none", the answer is the problem's simple construction and, under a time
            limit, what a classical solver makes of it; `Solution.model` then says "none".
        time_limit: seconds for each instance; None is one deterministic pass of the search that the
            model's card names.
        seed: of random rollouts; the same seed without a time limit gives the same answer.
        device: "auto" is a GPU where there is one.
        classical: let a classical solver improve the network's solution within the time limit; of
            an online problem, let classical rules stand beside the networks.
        bound: add a certified lower bound of the cost, and the gap to it, where the problem has
            one (`nco.certify`): in a twentieth of the time limit, without one with a fixed
            effort. A solution that meets it is OPTIMAL. None: for one instance, not for a list.
        hindsight: of an online problem: plan with perfect information of the future (the case's
            own, or random ones), which is a bound and no policy.
        traces: of an online problem: futures over which the policy's mean cost is taken.

    Returns:
        A `Solution`, or a list of them in the order of `source`.

    Raises:
        InstanceError: what is wrong with which input, before any search starts.
    """
    entry = time.perf_counter()
    if time_limit is not None and not time_limit > 0:
        raise NCOError(f"time_limit must be positive seconds, not {time_limit}")
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    asked = _Asked(model, time_limit, seed, where, classical, hindsight, traces)
    several = isinstance(source, list | tuple) and not _is_points(source)
    asked = replace(asked, bound=not several if bound is None else bound)
    if isinstance(source, Batch):
        return _solve_instance(source, asked, entry)
    if several:
        return _solve_many([sources.as_case(item, problem) for item in source], asked, entry)
    return _solve_many([sources.as_case(source, problem)], asked, entry)[0]


@dataclass(frozen=True)
class _Asked:
    """What the caller asked for, beside the source."""

    model: str
    time_limit: float | None
    seed: int
    device: str
    classical: bool
    hindsight: bool = False
    traces: int = TRACES
    bound: bool = False

    def online(self) -> online.Ask:
        return online.Ask(
            self.model,
            self.time_limit,
            self.seed,
            self.device,
            self.classical,
            self.hindsight,
            self.traces,
        )

    def load(self, case: Case | None) -> zoo.Model | None:
        """The model; None where there is none for the problem of `case`."""
        name = self.model
        if name == NO_MODEL and case is not None:
            return None
        if name == "auto":
            if case is None:
                raise NCOError("tensors do not tell which model: name one with model=")
            spend = None if self.time_limit is None else self.time_limit * FINISH_SHARE
            chosen = zoo.choose(case.problem, case.size, spend)
            if chosen is None:
                return None
            name = chosen
        found = zoo.load(name, self.device)
        if case is not None and folders.folder_of(found.problem).rpartition(".")[2] != case.problem:
            raise NCOError(f"model {name} is not one for {case.problem}")
        return found


def _is_points(source: Sequence[Any]) -> bool:
    """Whether a list is itself one instance: rows of two numbers."""
    return len(source) > 0 and all(
        isinstance(row, list | tuple) and len(row) == 2 and all(_is_number(x) for x in row)
        for row in source
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _solve_many(cases: list[Case], asked: _Asked, entry: float) -> list[Solution]:
    apart = [index for index, case in enumerate(cases) if is_online(case)]
    if asked.hindsight and len(apart) < len(cases):
        raise NCOError("hindsight: only online problems have a future that could be known")
    if apart:
        found: dict[int, Solution] = {}
        for index in apart:
            begin = entry if index == 0 else time.perf_counter()
            found[index] = online.solve(cases[index], asked.online(), begin)
        rest = [index for index in range(len(cases)) if index not in found]
        plain = [cases[index] for index in rest]
        found.update(zip(rest, _solve_plans(plain, asked, time.perf_counter()), strict=True))
        return [found[index] for index in range(len(cases))]
    return _solve_plans(cases, asked, entry)


def _solve_plans(cases: list[Case], asked: _Asked, entry: float) -> list[Solution]:
    """Cases whose instance is all there is to know."""
    found: dict[int, Solution] = {}
    if asked.time_limit is not None:
        for index, case in enumerate(cases):
            begin = entry if index == 0 else time.perf_counter()
            found[index] = _solve_group([case], asked, begin)[0]
        return [found[index] for index in range(len(cases))]
    for group in _groups(cases):
        begin = entry if not found else time.perf_counter()
        parts = [cases[index] for index in group]
        found.update(zip(group, _solve_group(parts, asked, begin), strict=True))
    return [found[index] for index in range(len(cases))]


def _groups(cases: list[Case]) -> Iterator[list[int]]:
    """Indices of cases that are solved in one batch: one problem, neighbouring sizes."""
    order = sorted(range(len(cases)), key=lambda i: (cases[i].problem, cases[i].size))
    group: list[int] = []
    for index in order:
        case = cases[index]
        if group:
            first = cases[group[0]]
            area = (len(group) + 1) * max(case.size, 1) ** 2
            close = case.size <= first.size * 1.1 + 2
            if case.problem != first.problem or not close or area > TOGETHER:
                yield group
                group = []
        group.append(index)
    if group:
        yield group


@dataclass
class _Progress:
    """The best solutions so far of a group, each checked when it was found."""

    model: zoo.Model | None
    cases: list[Case]
    begin: float
    best: list[tuple[Any, list[int] | None, Report] | None] = field(default_factory=list)
    history: list[list[Improvement]] = field(default_factory=list)
    proven: list[Bound | None] = field(default_factory=list)  # by a classical solver

    def __post_init__(self) -> None:
        self.best = [None] * len(self.cases)
        self.history = [[] for _ in self.cases]
        self.proven = [None for _ in self.cases]

    def take(self, instance: Any, incumbent: Incumbent) -> None:
        """Checks an incumbent's solutions and keeps those that are better."""
        assert self.model is not None
        solutions = self.model.problem.solution(instance, incumbent.actions)
        for index, solution in enumerate(solutions):
            numbered = self.cases[index].numbered(solution)
            self.offer(index, numbered, incumbent.actions[index].tolist(), incumbent.source)

    def offer(self, index: int, solution: Any, actions: list[int] | None, source: str) -> None:
        """Keeps a solution if it is better; without its actions where no policy found it."""
        case = self.cases[index]
        report = folders.module(case.problem, "check").check(case, solution)
        if _beats(report, self.best[index]):
            self.best[index] = (solution, actions, report)
            if report.feasible:
                seconds = time.perf_counter() - self.begin
                self.history[index].append(Improvement(seconds, report.cost, source))


def _beats(report: Report, best: tuple[Any, list[int] | None, Report] | None) -> bool:
    if best is None:
        return True
    old = best[2]
    if report.feasible != old.feasible:
        return report.feasible
    return report.cost is not None and (old.cost is None or report.cost < old.cost)


def _solve_group(cases: list[Case], asked: _Asked, begin: float) -> list[Solution]:
    model = asked.load(max(cases, key=lambda case: case.size))
    instance = None if model is None else model.problem.load(cases).to(asked.device)
    setup = time.perf_counter() - begin
    progress = _Progress(model, cases, begin)
    status = "FEASIBLE"
    try:
        with torch.inference_mode():
            _search(progress, instance, asked)
    except KeyboardInterrupt:
        if any(best is None for best in progress.best):
            raise
        status = "INTERRUPTED"
    return [_finish(progress, index, status, setup, asked) for index in range(len(cases))]


def _search(progress: _Progress, instance: Any, asked: _Asked) -> None:
    """One deterministic pass; under a time limit also classical improvement and samples."""
    model, limit = progress.model, asked.time_limit
    if limit is None:
        for index, case in enumerate(progress.cases):
            progress.offer(index, case.construct(), None, "construct")
        if model is None:
            return
        search = named(model.policy.searches[0])
        for incumbent in search(model.problem, model.policy, instance, Budget(seed=asked.seed)):
            progress.take(instance, incumbent)
        return
    case = progress.cases[0]
    deadline = progress.begin + limit - MARGIN
    deadline -= certify.reserve(case, limit) if asked.bound else 0.0
    # an answer is owed whatever the clock says, and nobody should get one worse than this
    progress.offer(0, case.construct(), None, "construct")
    finishers = _finishers(case) if asked.classical else []
    # a child takes a while to start and import, which is not the classical solver's own time
    ready = baselines.warm(case.problem, *finishers) if finishers else None
    left = deadline - time.perf_counter()
    network = deadline - left * FINISH_SHARE if finishers else deadline
    budget = Budget(deadline=network, seed=asked.seed)
    if model is not None and ENCODING * case.size**2 < left:
        names = model.policy.searches
        best: Incumbent | None = None
        for name in names[:1] if finishers else names:
            search = named(name)
            for incumbent in search(model.problem, model.policy, instance, budget, best):
                progress.take(instance, incumbent)
                best = incumbent
    for name in finishers:
        assert ready is not None
        ready.join(max(0.0, deadline - time.perf_counter()))
        if not ready.is_alive():
            _improve(progress, name, deadline, asked.seed)


def _finishers(case: Case) -> list[str]:
    """The installed solver that the problem's folder names best for improving a solution."""
    names: list[str] = folders.module(case.problem, "baseline").finishers()
    return names[:1]


def _improve(progress: _Progress, solver: str, deadline: float, seed: int) -> None:
    """A classical solver, in a child process, goes on from what the network found."""
    best = progress.best[0]
    left = deadline - time.perf_counter()
    if left <= 0:
        return
    # without a network the construction is the start; with one, only what the network found is
    own = progress.model is None
    found = best is not None and (own or best[1] is not None) and best[2].feasible
    outcome = baselines.run(
        progress.cases[0],
        solver,
        time_limit=left,
        seed=seed,
        start=best[0] if best is not None and found else None,
        grace=1.0,
    )
    if outcome.bound is not None:
        progress.proven[0] = Bound(outcome.bound, solver)
    if outcome.solution is not None:
        progress.offer(0, outcome.solution, None, solver)


def _finish(progress: _Progress, index: int, status: str, setup: float, asked: _Asked) -> Solution:
    best = progress.best[index]
    assert best is not None
    solution, actions, report = best
    case = progress.cases[index]
    problem = None if progress.model is None else progress.model.problem
    taken = functools.partial(_actions, problem, case, solution)
    bound = _bound(progress, index, status, asked)
    gap = None
    if bound is not None and report.feasible and report.cost is not None:
        gap = certify.gap(report.cost, bound)
        status = "OPTIMAL" if gap == 0 else status
    return Solution(
        problem=case.problem,
        name=case.name,
        n=case.size,
        cost=report.cost,
        objective=report.objective,
        feasible=report.feasible,
        violations=report.violations,
        solution=solution,
        taken=taken if actions is None else functools.partial(list, actions),
        status=status if report.feasible else "INFEASIBLE",
        seconds=time.perf_counter() - progress.begin,
        setup_seconds=setup,
        model=NO_MODEL if progress.model is None else progress.model.name,
        seed=asked.seed,
        history=progress.history[index],
        case=case,
        bound=None if bound is None else bound.value,
        bound_by=None if bound is None else bound.by,
        gap=gap,
        notes=case.notes(),
    )


def _bound(progress: _Progress, index: int, status: str, asked: _Asked) -> Bound | None:
    """A certificate, in what is left of the time; whoever interrupts has no time for one."""
    if not asked.bound:
        return None
    best, case = progress.best[index], progress.cases[index]
    seconds = None
    if asked.time_limit is not None or status == "INTERRUPTED":
        limit = 0.0 if status == "INTERRUPTED" else asked.time_limit or 0.0
        left = progress.begin + limit - MARGIN - time.perf_counter()
        seconds = min(left, certify.reserve(case, limit))
    report = None if best is None else best[2]
    return certify.certify(case, report, seconds, progress.proven[index])


def _actions(problem: Problem[Any, Any] | None, case: Case, solution: Any) -> list[int]:
    """What a policy would do; without one, by the rules that the problem's folder names first."""
    rules: Any = folders.problem_class(case.problem)() if problem is None else problem
    found: list[int] = rules.actions(rules.load([case]), [case.indexed(solution)])[0].tolist()
    return found


def _solve_instance(source: Batch, asked: _Asked, begin: float) -> Any:
    """Tensors of the model's own problem: solved as cases where its folder has them."""
    model = asked.load(None)
    assert model is not None  # tensors need one, and say so
    if model.problem.online and not asked.hindsight:
        raise NCOError(
            "an instance of an online problem holds its own future: solve its case, which is "
            "simulated, or ask for the hindsight optimum with hindsight=True"
        )
    with contextlib.suppress(NotImplementedError):
        if folders.part_of(model.problem, "check") is not None:
            found = _solve_many(model.problem.cases(source), asked, begin)
            return found if len(found) > 1 else found[0]
    solutions = _solve_unchecked(model, source, asked, begin)
    return solutions if len(solutions) > 1 else solutions[0]


def _solve_unchecked(
    model: zoo.Model, source: Batch, asked: _Asked, begin: float
) -> list[Solution]:
    """For a problem without files and checker: its own masks and `cost` are the judge."""
    problem, instance = model.problem, source.to(asked.device)
    setup = time.perf_counter() - begin
    limit = None if asked.time_limit is None else begin + asked.time_limit - MARGIN
    best: Incumbent | None = None
    history: list[list[Improvement]] = [[] for _ in range(len(source))]
    names = model.policy.searches
    # one rollout whatever the clock says: nothing else would give an answer
    passes = [(names[0], Budget(rollouts=1, seed=asked.seed))]
    limited = Budget(deadline=limit, seed=asked.seed)
    passes += [(name, limited) for name in (names[:1] if limit is None else names)]
    with torch.inference_mode():
        for search, budget in passes:
            for found in named(search)(problem, model.policy, instance, budget, best):
                wins = [True] * len(source)
                if best is not None:
                    wins = (found.cost < best.cost).tolist()
                for index, won in enumerate(wins):
                    if won:
                        seconds = time.perf_counter() - begin
                        cost = float(found.cost[index])
                        history[index].append(Improvement(seconds, cost, found.source))
                best = better(problem, instance, best, found)
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
            seed=asked.seed,
            history=history[index],
        )
        for index, solution in enumerate(solutions)
    ]
