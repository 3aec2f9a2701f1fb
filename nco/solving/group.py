"""Cases that are solved together: which they are, and their answers.

Free of torch, so that an answer is there while it loads.
"""

import functools
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.registry.interface import Solver
from nco.solving import account, coldstart, elsewhere, interrupts, optima, portfolio, schedule
from nco.solving.answer import answer
from nco.solving.incumbents import Candidate, Progress
from nco.solving.news import TIMING
from nco.solving.options import Options
from nco.solving.solution import Solution
from nco.workers import compiling, lanes
from nco.zoo import cards

START = "start"  # who found the plan that the caller began from
LOADING = 1.5  # seconds that are left, under which a child would spend most on loading kernels
HEDGE = 3  # times that, under which the others do not load the same
TOGETHER = 2e5  # nodes^2 of a batch that is solved in one pass: what memory and caches take
ALIKE = 1.1  # times the size of a batch's smallest case, beyond which padding would cost more


def batches(cases: Sequence[Case], of: Sequence[int]) -> Iterator[list[int]]:
    """Indices, among `of`, of cases that networks solve as one batch: of like kind and size."""
    order = sorted(of, key=lambda i: (cases[i].problem, cases[i].variant, cases[i].size))
    group: list[int] = []
    for index in order:
        if group and not _fits(cases, group, cases[index]):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _fits(cases: Sequence[Case], group: list[int], case: Case) -> bool:
    first = cases[group[0]]
    alike = (case.problem, case.variant) == (first.problem, first.variant)
    close = case.size <= first.size * ALIKE + 2
    return alike and close and (len(group) + 1) * max(case.size, 1) ** 2 <= TOGETHER


def solve(cases: list[Case], options: Options, begin: float) -> list[Solution]:
    """The answers of one group; after Ctrl-C the best so far.

    Args:
        cases: one, where there is a limit.
        options: of the call.
        begin: reading of `time.perf_counter` from which on the time counts.

    Raises:
        KeyboardInterrupt: where a case has no solution yet.
    """
    progress = Progress(cases, begin)
    setup, interrupted = 0.0, False
    try:
        progress.construct()
        if options.start is not None:
            progress.take(Candidate(0, options.start, None, START, by=START))
        setup = time.perf_counter() - begin
        interrupts.let_through()
        if optima.found(progress, options):
            progress.plan.append("nothing: an exact method had the optimum at once")
        elif options.time_limit is not None:
            _until_the_deadline(progress, options, options.time_limit)
        elif options.iterations is not None:
            _counted(progress, options)
        elif cards.may_play(cases, options.model):
            from nco.solving import neural

            with lanes.current().lease(1):  # of calls on many threads, not all at once
                neural.once(progress, options)
    except KeyboardInterrupt:
        if any(best is None for best in progress.best):
            raise
        interrupted = True
    return [answer(progress, index, interrupted, setup, options) for index in range(len(cases))]


def _until_the_deadline(progress: Progress, options: Options, time_limit: float) -> None:
    """Everything at hand, as the schedule says."""
    until = progress.begin + time_limit - TIMING.spare
    cold = not lanes.current().has_started()
    if not cold and _is_over(progress, until):
        return
    ranked = improvers_of(progress.cases[0], options)
    last = until + coldstart.COLD.most if cold else until
    with lanes.current().lease(until=last, wanted=next(iter(ranked), None)) as lease:
        began = False
        if lease.count and not _is_over(progress, until):
            began = _planned(progress, options, time_limit, ranked, lease)
        elif not lease.count:
            account.say_waiting(progress, lease, time_limit)
        if cold and not began and ranked and coldstart.applies(lease, time_limit):
            coldstart.finish(progress, options, time_limit, ranked, lease)


def _planned(
    progress: Progress,
    options: Options,
    time_limit: float,
    ranked: list[Solver[Any]],
    lease: lanes.Lease,
) -> bool:
    """Runs the schedule of one case; whether any solver or network began."""
    case = progress.cases[0]
    account.say_waiting(progress, lease, time_limit)
    improvers = ranked
    left = time_limit - (time.perf_counter() - progress.begin)
    loaded = [solver for solver in ranked if lease.has_loaded(solver)]
    others = [solver for solver in loaded if takes_whole(solver, case)]
    if left < LOADING * lease.most:  # all of the calls may be loading
        improvers = others or ranked
    networks = None if improvers else elsewhere.networks(case, options)
    spread = elsewhere.are_warm(networks, lease)
    stages = schedule.make(schedule.setting(progress, options, improvers, lease.count, spread))
    if improvers[:1] == ranked[:1] and left < HEDGE * LOADING and others:
        stages = schedule.hedged(stages, improvers[0].name, others[0])
    progress.plan += [*_refusals(case, options), *(str(stage) for stage in stages)]
    named = options.model not in ("auto", cards.NO_MODEL)
    if named and all(stage.solver != schedule.NETWORKS for stage in stages):
        progress.fault(
            f"{options.model}: takes no part within {time_limit:.3g} s, which are for classical "
            "solvers; with classical=False (--classical false) it works alone"
        )
    if options.verbose:
        print("\n".join(progress.plan), file=sys.stderr, flush=True)
    began = portfolio.run(progress, stages, options, improvers, lease)
    if improvers and improvers[0] is not ranked[0]:
        lease.warm_another(ranked[0])  # a later call has the best at once
    if not spread:
        elsewhere.warm(networks, lease)
    return began


def _is_over(progress: Progress, until: float) -> bool:
    """Whether there is no time for any solver, which is said."""
    if time.perf_counter() < until:
        return False
    seconds = time.perf_counter() - progress.begin
    progress.fault(f"no solver began: reading and the construction took {seconds:.3g} s")
    return True


def _counted(progress: Progress, options: Options) -> None:
    """The same number of steps on every machine: networks, then the classical solver."""
    case = progress.cases[0]
    if cards.may_play([case], options.model):
        from nco.solving import neural

        with lanes.current().lease(1):
            neural.counted(progress, options)
    improvers = registry.folder(case.problem).improvers()
    counting = [each for each in improvers if each.iterations and each.refusal(case) is None]
    if not options.classical or not counting:
        return
    assert options.iterations is not None
    improver = counting[0]
    start = progress.start(0, "best")
    run = functools.partial(
        lanes.run,
        case,
        improver,
        time_limit=None,
        seed=options.seed,
        start=None if start is None else start.solution,
        iterations=options.iterations * improver.iterations,
    )
    outcome = run()
    if outcome.died:  # perhaps by what others did to the machine: the answer must not depend on it
        progress.plan.append(f"{improver.name}: {outcome.error}; it is run again")
        outcome = run()
    progress.prove(0, outcome.bound, improver.name)
    if outcome.solution is not None:
        by = progress.begun_by(improver.name, start)
        progress.take(Candidate(0, outcome.solution, None, improver.name, by=by))
    if outcome.error is not None:
        progress.fault(f"{improver.name}: {outcome.error}")


def improver_of(case: Case, options: Options) -> Solver[Any] | None:
    """The first of `improvers_of`, if there is one."""
    return next(iter(improvers_of(case, options)), None)


def improvers_of(case: Case, options: Options) -> list[Solver[Any]]:
    """The installed solvers that may work on a case, as the problem's folder ranks them.

    None where none is wanted. Those that take a case of this size whole come before the others.
    One that does not apply to the case is left out, and so is one whose kernels are not compiled
    yet, which a process begins to compile.
    """
    if not options.classical:
        return []
    ready = []
    for solver in registry.folder(case.problem).improvers():
        if solver.refusal(case) is not None:
            continue
        if compiling.is_ready(solver):
            ready.append(solver)
        else:
            compiling.begin(solver)
    return sorted(ready, key=lambda solver: not takes_whole(solver, case))


def _refusals(case: Case, options: Options) -> list[str]:
    """A line for each installed solver that does not apply to a case."""
    solvers = registry.folder(case.problem).improvers() if options.classical else []
    reasons = [(solver.name, solver.refusal(case)) for solver in solvers]
    return [f"{name} does not apply: {reason}" for name, reason in reasons if reason is not None]


def takes_whole(solver: Solver[Any], case: Case) -> bool:
    """Whether a case is not too large for a solver."""
    return solver.largest is None or case.size <= solver.largest
