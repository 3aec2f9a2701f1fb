"""`solve` for online problems: choose a policy on some futures, evaluate it on others.

An online case has no single best plan, because its future is not known. What is returned is a
policy: the best of the shipped networks that fit and of the classical rules, chosen by simulation
(`candidates`), with its mean cost on fresh traces and what it does first. A policy of the caller's
own, or a changed case, is compared with it on the same traces (`versus`). Planning against a known
future is the hindsight optimum, which nobody can reach; it has to be asked for.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.seeds import generator
from nco.solving import turns, versus
from nco.solving.candidates import Contest, evaluated
from nco.solving.effort import EFFORT, search_end
from nco.solving.options import Options
from nco.solving.simulate import Evaluation, next_action, standard_error
from nco.solving.solution import Solution, Status
from nco.workers.lane import Lane
from nco.workers.outcome import Improvement

HINDSIGHT = "hindsight"  # what a problem's classical.py calls its planner with perfect information


@runtime_checkable
class HasOrders(Protocol):
    """A case whose first decision is worth telling: what to order now."""

    def orders(self, plan: Any) -> list[dict[str, Any]]:
        """A row for each order of the first period of a plan, as a table has it."""

    def assumptions(self) -> list[str]:
        """What was assumed of the state in which that is decided, a sentence each."""


@dataclass
class Found:
    """What there is to tell of a policy beside its evaluation."""

    setup: float = 0.0
    history: list[Improvement] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False


def solve(
    case: Case,
    options: Options,
    begin: float,
    lane: Lane | None,
    ahead: turns.Ahead | None = None,
    imported: float = 0.0,
) -> Solution:
    """The best policy at hand for an online case, evaluated; or, if asked for, hindsight.

    Args:
        case: the instance.
        options: of the call.
        begin: the `time.perf_counter` reading from which on its time counts.
        lane: the process in which its solvers run; None where none was free in time.
        ahead: the first rule's turn in it, where that has begun already.
        imported: seconds that importing torch took of the call.
    """
    if options.hindsight:
        return _foreseen(case, options, begin, lane)
    own = None if options.policy is None else versus.policy(case, options.policy)
    changed = None if options.what_if is None else versus.changed(case, options.what_if)
    start, said = turns.start_of(options, begin, imported)
    deadline = turns.deadline_of(options, start)
    parts = 1 if changed is None else 2
    contest = Contest(case, options, start, lane, ahead)
    end = search_end(start, deadline, parts)
    best = contest.run(end, deadline if changed is None else None, 1 if own is None else 2)
    others: list[tuple[str, Case, Any]] = []
    if own is not None:
        others.append(("policy", case, own))
    if changed is not None:
        second = Contest(changed, options, time.perf_counter(), lane)
        end = None if deadline is None else search_end(start, deadline, 1)
        others.append(("what_if", changed, second.run(end).solution))
        contest.faults += second.faults
    if contest.interrupted:
        deadline = time.perf_counter()
    evaluation = _evaluated(case, best.solution, options, deadline, 1 + len(others))
    seconds = time.perf_counter() - begin
    history = [*contest.history, Improvement(seconds, evaluation.cost, best.source)]
    found = Found(contest.setup, history, contest.faults, [*case.notes()])
    for place, (what, network, solution) in enumerate(others):
        other = _evaluated(network, solution, options, deadline, len(others) - place)
        found.comparisons.append(versus.row(what, options, network, solution, other, evaluation))
    if evaluation.traces < options.traces:
        why = "until the interruption" if contest.interrupted else "within the limit"
        found.notes.append(f"played {evaluation.traces} of {options.traces} futures {why}")
    if isinstance(case, HasOrders):
        found.orders = case.orders(next_action(case, best.solution))
        found.notes += case.assumptions()
    found.interrupted = contest.interrupted
    found.notes += said
    if deadline is not None and not contest.interrupted and not said:
        found.notes += turns.exceeded(options, begin, imported)
    return as_solution(case, best.solution, best.source, evaluation, options.seed, begin, found)


def _evaluated(
    case: Case, solution: Any, options: Options, deadline: float | None, left: int
) -> Evaluation:
    """On the futures that all policies of a call meet, in an equal share of the time left."""
    until = None
    if deadline is not None:
        now = time.perf_counter()
        until = now + (deadline - now) / left
    return evaluated(case, solution, options, "evaluation", options.traces, until)


def as_solution(
    case: Case,
    solution: Any,
    source: str,
    evaluation: Evaluation,
    seed: int,
    begin: float,
    found: Found,
) -> Solution:
    """A policy and its evaluation as what `nco.solve` returns."""
    feasible = not evaluation.violations
    status = Status.INTERRUPTED if found.interrupted else Status.SIMULATED
    return Solution(
        problem=case.problem,
        name=case.name,
        n=case.size,
        cost=evaluation.cost,
        objective=evaluation.objective,
        feasible=feasible,
        violations=evaluation.violations,
        solution=solution,
        taken=list,  # a policy's actions depend on what it sees
        status=status if feasible else Status.INFEASIBLE,
        seconds=time.perf_counter() - begin,
        setup_seconds=found.setup,
        model=source,
        seed=seed,
        history=found.history,
        case=case,
        cost_standard_error=evaluation.cost_standard_error,
        measures={**evaluation.measures, "traces": evaluation.traces},
        notes=found.notes,
        faults=found.faults,
        orders=found.orders,
        comparisons=found.comparisons,
    )


def _foreseen(case: Case, options: Options, begin: float, lane: Lane | None) -> Solution:
    """The mean cost of perfect plans, over random futures or of the case's own one."""
    folder = registry.folder(case.problem)
    if HINDSIGHT not in folder.classical.solvers():
        raise NCOError(f"{case.problem} has no solver with perfect information")
    problem: Any = folder.problem_class()
    parts: Sequence[Case] = [case]
    if not case.foreseen:
        random = generator(options.seed, HINDSIGHT)
        parts = problem.cases(problem.traces(case, min(EFFORT.foreseen, options.traces), random))
    setup = time.perf_counter() - begin
    deadline = turns.deadline_of(options, begin)
    costs: list[float] = []
    faults: list[str] = []
    sign, violations, plan = 1, list[str](), None
    for part in parts:
        left = None if deadline is None else deadline - time.perf_counter()
        if left is not None and costs and left <= 0:
            break
        outcome = turns.run(
            lane, part, HINDSIGHT, time_limit=None, until=deadline, seed=options.seed
        )
        if outcome.solution is None and costs and deadline is not None:
            faults.append(f"{HINDSIGHT}: {outcome.error or 'no plan found'}")
            break
        if outcome.solution is None:
            raise NCOError(f"{HINDSIGHT}: {outcome.error or 'no plan found'}")
        report, plan = folder.check.check(part, outcome.solution), outcome.solution
        violations += report.violations
        assert report.cost is not None
        sign = 1 if report.objective in (None, report.cost) else -1
        costs.append(float(report.cost))
    every = torch.tensor(costs, dtype=torch.double)
    error = standard_error(every) if len(costs) > 1 else 0.0
    evaluation = Evaluation(float(every.mean()), error, sign, {}, {}, every, violations)
    solution = plan if len(parts) == 1 else {"plan": HINDSIGHT}
    found = Found(setup=setup, faults=faults)
    return as_solution(case, solution, HINDSIGHT, evaluation, options.seed, begin, found)
