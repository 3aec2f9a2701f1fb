"""`solve`: read, plan, let networks and classical solvers race, check, and hand over a Solution.

Free of torch, so that an answer is there while it loads.
"""

import functools
import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from nco import registry
from nco.core import lazy
from nco.core.case import Bound, Case
from nco.core.errors import NCOError
from nco.registry import sources
from nco.registry.interface import Solver
from nco.solving import certify, machine, portfolio, schedule, stream
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import TRACES, Ask, cores
from nco.solving.solution import Solution
from nco.workers import pool
from nco.zoo import cards

TOGETHER = 2e5  # nodes x starts of a batch that is solved in one pass


def solve(
    source: Any,
    *,
    problem: str | None = None,
    model: str = "auto",
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    classical: bool = True,
    hindsight: bool = False,
    traces: int = TRACES,
    verbose: bool = False,
    total_time: float | None = None,
    progress: bool | None = None,
    bound: bool | None = None,
) -> Any:
    """Solves one instance, or a list of instances of any sizes and problems.

    Args:
        source: a path, a case (`nco.read`), arrays, a batch of tensors (an Instance of the model's
            own problem), or a list of any of these. Arrays: ``[n, 2]`` or a dict with ``coords`` or
            ``distances`` for TSP (ATSP where they are not symmetric); ``coords [n+1, 2]`` (depot
            first), ``demand [n+1]``, ``capacity`` for CVRP; ``coords``, ``prizes``, ``limit`` for
            orienteering; ``values, weights, capacity`` for knapsack.
        problem: the problem folder's name, where the source does not tell.
        model: a shipped model's name, a model folder, a checkpoint, or "auto": the shipped models
            with the least measured gap near the instance's size. Where none ships for the problem,
            or with "none", the answer is the problem's simple construction and, under a time
            limit, what a classical solver makes of it; `Solution.model` then says "none".
        time_limit: seconds for each instance, from the call on, reading and loading included; with
            neither this nor `iterations` one deterministic pass of the search that the model's card
            names.
        iterations: instead of seconds, so many rollouts of each of the networks' searches and then
            so many iterations of the classical solver, where it can count them. Equal seeds give
            equal answers.
        seed: of random rollouts; the same seed without a time limit gives the same answer.
        device: "auto" is a GPU where there is one.
        classical: let classical solvers have the limit, beside or after the networks where cores
            and time allow; of an online problem, let classical rules stand beside the networks.
        hindsight: of an online problem: plan with perfect information of the future (the case's
            own, or random ones), which is a bound and no policy.
        traces: of an online problem: futures over which the policy's mean cost is taken.
        verbose: print the plan to stderr before it runs.
        total_time: of a list: seconds for all of it, which the instances share, each on one core.
        progress: of a list: show a progress bar; None does on a terminal.
        bound: add a certified lower bound of the cost, and the gap to it, where the problem has
            one (`nco.solving.certify`): in a twentieth of the time limit, without one with a fixed
            effort. A solution that meets it is OPTIMAL. None: for one instance, not for a list,
            which has those that solvers prove by the way; with `total_time` there are no others.

    Returns:
        A `Solution`, or a list of them in the order of `source`; after Ctrl-C those that there are.

    Raises:
        InstanceError: what is wrong with which input, before any search starts.
    """
    entry = lazy.called()
    several = isinstance(source, list | tuple) and not _is_points(source)
    ask = Ask(
        model=model,
        time_limit=time_limit,
        iterations=iterations,
        seed=seed,
        device=device,
        classical=classical,
        hindsight=hindsight,
        traces=traces,
        verbose=verbose,
        bound=not several if bound is None else bound,
    )
    if _is_tensors(source):
        return _solve_tensors(source, ask, entry)
    if several:
        cases = [sources.as_case(item, problem) for item in source]
        answers: list[Solution] = []
        try:
            for one in _shown(_stream(cases, ask, total_time, entry), len(cases), progress):
                answers.append(one)  # what there is survives an interrupt
        except KeyboardInterrupt:
            if not answers:
                raise
        return answers
    if total_time is not None:
        raise NCOError("total_time is for a list of instances: use time_limit")
    return next(_stream([sources.as_case(source, problem)], ask, None, entry))


def solve_iter(
    source: Iterable[Any],
    *,
    problem: str | None = None,
    model: str = "auto",
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    classical: bool = True,
    hindsight: bool = False,
    traces: int = TRACES,
    verbose: bool = False,
    total_time: float | None = None,
    bound: bool = False,
) -> Iterator[Solution]:
    """`solve` of many instances, whose solutions come in order, each as soon as it is there.

    Args: those of `solve`. Files are read a chunk at a time where nothing but `time_limit` or
    `iterations` limits each; with `total_time`, all of them first.

    Raises:
        InstanceError: what is wrong with which input, when it is read.
    """
    entry = lazy.called()
    ask = Ask(
        model=model,
        time_limit=time_limit,
        iterations=iterations,
        seed=seed,
        device=device,
        classical=classical,
        hindsight=hindsight,
        traces=traces,
        verbose=verbose,
        bound=bound,
    )
    cases = (sources.as_case(item, problem) for item in source)
    if total_time is not None:
        yield from _stream(list(cases), ask, total_time, entry)
        return
    while chunk := list(itertools.islice(cases, stream.CHUNK)):
        for found in _stream(chunk, ask, None, entry):
            yield found
            if found.status == "INTERRUPTED":
                return
        entry = time.perf_counter()


def _shown(found: Iterator[Solution], count: int, progress: bool | None) -> Iterator[Solution]:
    """The same with a progress bar."""
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    yield from tqdm(found, total=count, unit="instance", disable=hidden)


def _is_tensors(source: Any) -> bool:
    """Whether a source is a batch of tensors, which there are only where torch is imported."""
    batches = sys.modules.get("nco.core.batch")
    return batches is not None and isinstance(source, batches.Batch)


def _is_points(source: Sequence[Any]) -> bool:
    """Whether a list is itself one instance: rows of two numbers."""
    return len(source) > 0 and all(
        isinstance(row, list | tuple) and len(row) == 2 and all(_is_number(x) for x in row)
        for row in source
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _solve_tensors(source: Any, ask: Ask, entry: float) -> Any:
    from nco.solving import neural

    found: list[Any] = neural.instance(source, ask, entry)
    if found and isinstance(found[0], Case):
        found = list(_stream(found, ask, None, entry))
    return found if len(found) > 1 else found[0]


def _stream(
    cases: list[Case], ask: Ask, total_time: float | None, entry: float
) -> Iterator[Solution]:
    """Solutions in order; one that was interrupted is the last."""
    apart = [registry.folder(case.problem).is_online for case in cases]
    if ask.hindsight and not all(apart):
        raise NCOError("hindsight: only online problems have a future that could be known")
    if total_time is not None:
        if ask.time_limit is not None or ask.iterations is not None or not total_time > 0:
            raise NCOError("total_time: positive seconds, and no other limit beside it")
        if any(apart):
            raise NCOError("total_time: online problems have no plan to improve; use time_limit")
        for case in cases:
            if ask.model not in ("auto", cards.NO_MODEL):
                cards.check(ask.model, case.problem)
        yield from _share(cases, ask, entry + total_time)
        return
    found: dict[int, Solution] = {}
    given = 0
    for group in _groups(cases, apart, ask):
        begin = entry if not found and given == 0 else time.perf_counter()
        try:
            if apart[group[0]]:
                from nco.solving import neural, online

                there = replace(ask, device=neural.where(ask))
                solutions = [online.solve(cases[group[0]], there, begin)]
            else:
                solutions = _solve_group([cases[index] for index in group], ask, begin)
        except KeyboardInterrupt:  # before this group has any answer; others have theirs
            yield from (found[index] for index in sorted(found))
            raise
        found.update(zip(group, solutions, strict=True))
        stopped = any(one.status == "INTERRUPTED" for one in solutions)
        while given in found or (stopped and found):
            if given in found:
                yield found.pop(given)
            given += 1
        if stopped:
            return


def _share(cases: list[Case], ask: Ask, end: float) -> Iterator[Solution]:
    """All cases until one point in time; of bounds, only those that solvers prove on the way."""
    ask = replace(ask, bound=False)
    for places, deadline in stream.chunks(cases, end):
        chunk = [cases[place] for place in places]
        improvers = [_improver(case, ask) for case in chunk]
        if ask.verbose:
            names = ", ".join(sorted({each.name if each else "networks" for each in improvers}))
            left = deadline - time.perf_counter()
            print(f"{len(chunk)} instances in {left:.2f} s: {names}", file=sys.stderr, flush=True)

        def group(chunk: list[Case]) -> Iterator[list[int]]:
            return _groups(chunk, [False] * len(chunk), replace(ask, time_limit=None))

        stopped = False
        for progress, stopped in stream.improve(chunk, deadline, ask, improvers, group):
            yield _finish(progress, 0, "INTERRUPTED" if stopped else "FEASIBLE", 0.0, ask)
        if stopped:
            return


def _groups(cases: list[Case], apart: list[bool], ask: Ask) -> Iterator[list[int]]:
    """Indices of cases that are solved in one batch: one problem, neighbouring sizes.

    One by one where each has a limit of its own, or is `apart`.
    """
    if ask.time_limit is not None or ask.iterations is not None:
        yield from ([index] for index in range(len(cases)))
        return
    yield from ([index] for index in range(len(cases)) if apart[index])
    plain = [index for index in range(len(cases)) if not apart[index]]
    order = sorted(plain, key=lambda i: (cases[i].problem, cases[i].variant, cases[i].size))
    group: list[int] = []
    for index in order:
        case = cases[index]
        if group:
            first = cases[group[0]]
            area = (len(group) + 1) * max(case.size, 1) ** 2
            close = case.size <= first.size * 1.1 + 2
            alike = (case.problem, case.variant) == (first.problem, first.variant)
            if not alike or not close or area > TOGETHER:
                yield group
                group = []
        group.append(index)
    if group:
        yield group


def _solve_group(cases: list[Case], ask: Ask, begin: float) -> list[Solution]:
    progress = Progress(cases, begin)
    status = "FEASIBLE"
    try:
        progress.construct()
        setup = time.perf_counter() - begin
        if ask.time_limit is not None:
            _race(progress, ask)
        elif ask.iterations is not None:
            _count(progress, ask)
        elif cards.are_asked(cases, ask.model):
            from nco.solving import neural

            neural.once(progress, ask)
    except KeyboardInterrupt:
        if any(best is None for best in progress.best):
            raise
        status = "INTERRUPTED"
    return [_finish(progress, index, status, setup, ask) for index in range(len(cases))]


def _race(progress: Progress, ask: Ask) -> None:
    """Everything at hand until the deadline."""
    case = progress.cases[0]
    assert ask.time_limit is not None
    if ask.model not in ("auto", cards.NO_MODEL):
        cards.check(ask.model, case.problem)
    if time.perf_counter() - progress.begin > ask.time_limit - portfolio.SPARE:
        return
    improver, folder = _improver(case, ask), registry.folder(case.problem)
    first = machine.first_seconds(case) if cards.are_asked([case], ask.model) else None
    setting = schedule.Setting(
        size=case.size,
        cores=cores(),
        begin=time.perf_counter() - progress.begin,
        end=ask.time_limit - (certify.reserve(case, ask.time_limit) if ask.bound else 0.0),
        improver=None if improver is None else improver.name,
        same=improver is not None and improver.same,
        parts=folder.has("decomposition") and progress.start(0, "best") is not None,
        first=first,
        loading=machine.loading(),
        starts=machine.starts(case, ask.time_limit),
    )
    stages = schedule.make(setting)
    progress.plan = [str(stage) for stage in stages]
    if ask.verbose:
        print("\n".join(progress.plan), file=sys.stderr, flush=True)
    portfolio.run(progress, stages, ask, improver)


def _count(progress: Progress, ask: Ask) -> None:
    """The same number of steps on every machine: networks, then the classical solver."""
    case = progress.cases[0]
    if cards.are_asked([case], ask.model):
        from nco.solving import neural

        neural.counted(progress, ask)
    improvers = registry.folder(case.problem).improvers()
    counting = [solver for solver in improvers if solver.iterations]
    if not ask.classical or not counting:
        return
    improver = counting[0]
    outcome = pool.run(
        case,
        improver,
        time_limit=None,
        seed=ask.seed,
        start=progress.start(0, "best"),
        iterations=ask.iterations,
    )
    progress.prove(0, outcome.bound, improver.name)
    if outcome.solution is not None:
        progress.take(Candidate(0, outcome.solution, None, improver.name))
    if outcome.error is not None:
        progress.fault(f"{improver.name}: {outcome.error}")


def _improver(case: Case, ask: Ask) -> Solver[Any] | None:
    """The installed solver that the problem's folder names best, where one is wanted."""
    if not ask.classical:
        return None
    return next(iter(registry.folder(case.problem).improvers()), None)


def _finish(progress: Progress, index: int, status: str, setup: float, ask: Ask) -> Solution:
    best = progress.best[index]
    assert best is not None
    case, report = progress.cases[index], best.report
    problem = progress.models[0].problem if progress.models else None
    taken = functools.partial(_actions, problem, case, best.solution)
    bound = _bound(progress, index, status, ask)
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
        solution=best.solution,
        taken=taken if best.actions is None else functools.partial(list, best.actions),
        status=status if report.feasible else "INFEASIBLE",
        seconds=time.perf_counter() - progress.begin,
        setup_seconds=setup,
        model="+".join(model.name for model in progress.models) or cards.NO_MODEL,
        seed=ask.seed,
        history=progress.history[index],
        case=case,
        bound=None if bound is None else bound.value,
        bound_by=None if bound is None else bound.by,
        gap=gap,
        notes=case.notes(),
        faults=progress.faults,
        plan=progress.plan,
    )


def _bound(progress: Progress, index: int, status: str, ask: Ask) -> Bound | None:
    """A certificate, in what is left of the time; whoever interrupts has no time for one.

    Where none was asked for, what a solver has proven by the way.
    """
    if not ask.bound:
        return progress.proven[index]
    best, case = progress.best[index], progress.cases[index]
    seconds = 0.0 if status == "INTERRUPTED" else None
    if ask.time_limit is not None and seconds is None:
        left = progress.begin + ask.time_limit - time.perf_counter()
        seconds = min(left, certify.reserve(case, ask.time_limit))
    report = None if best is None else best.report
    try:
        return certify.certify(case, report, seconds, progress.proven[index])
    except KeyboardInterrupt:  # the answer is there: a bound is not worth losing it
        return progress.proven[index]


def _actions(problem: Any, case: Case, solution: Any) -> list[Any]:
    """What a policy would do; without one, by the rules that the problem's folder names first."""
    rules: Any = registry.folder(case.problem).problem_class() if problem is None else problem
    found: list[Any] = rules.actions(rules.load([case]), [case.indexed(solution)])[0].tolist()
    return found
