"""OR-Tools' CP-SAT on a work list: intervals, one at a time on each machine."""

import math
import time
from collections.abc import Callable
from typing import Any

from nco.core.case import Proof
from nco.problems._common import with_cpsat
from nco.problems._shop.plan import Plan, Work, duration_of, makespan, shifted

NOISE = 1e-6  # CP-SAT states its whole bound as a floating-point number


def solve(
    jobs: Work,
    *,
    time_limit: float | None,
    seed: int,
    start: Plan | None,
    workers: int,
    found: Callable[[Plan], None] | None = None,
    proof: Proof | None = None,
) -> Plan | None:
    """The best plan found, every operation as early as its order allows; never worse than `start`.

    Args:
        jobs: the work list.
        time_limit: seconds from here on, the import of OR-Tools and building the model included;
            None: until it is proven.
        seed: of CP-SAT's own random numbers.
        start: a feasible plan, given to it as a hint and as a bound.
        workers: its threads; with one, equal seeds give equal answers but for the clock.
        found: is called with each better plan on the way.
        proof: takes the lower bound of the makespan that CP-SAT has proven.
    """
    begun = time.perf_counter()
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    horizon = sum(max(duration for _, duration in choices) for job in jobs for choices in job)
    if start is not None:
        start = shifted(jobs, start)
        horizon = makespan(jobs, start)
    variables, last = _variables(model, jobs, horizon)
    if start is not None:
        _hint(model, variables, jobs, start)
        model.add_hint(last, horizon)
    left = None if time_limit is None else time_limit - (time.perf_counter() - begun)
    if left is not None and left <= 0:
        return start
    solver = with_cpsat.solver(seed, left, workers)

    told: list[Plan] = []  # the best that `found` was called with

    class Watch(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            plan = _plan(jobs, variables, self)
            # a plan as early as its order allows may be better than what CP-SAT finds next
            if found is not None and not (told and makespan(jobs, told[0]) <= makespan(jobs, plan)):
                told[:] = [plan]
                found(plan)

    watch = None if found is None else Watch()
    if not with_cpsat.has_solution(solver.solve(model, watch)):
        return start
    if proof is not None:
        proof.bound = math.ceil(solver.best_objective_bound - NOISE)
    given = [] if start is None else [start]
    plans = [*given, *told, _plan(jobs, variables, solver)]
    return min(plans, key=lambda plan: makespan(jobs, plan))


# its start, its end where that is no sum, and whether it is on each machine
Operation = tuple[Any, Any, list[tuple[int, Any]]]


def _plan(jobs: Work, variables: list[list[Operation]], values: Any) -> Plan:
    """What the variables come to, by a solver or in a callback of its search."""
    begins = [[values.value(begin) for begin, _, _ in job] for job in variables]
    machines = [
        [
            choices[0][0]
            if len(choices) == 1
            else next(m for m, present in chosen if values.boolean_value(present))
            for choices, (_, _, chosen) in zip(job, row, strict=True)
        ]
        for job, row in zip(jobs, variables, strict=True)
    ]
    return shifted(jobs, Plan(begins, machines))


def _variables(model: Any, jobs: Work, horizon: int) -> tuple[list[list[Operation]], Any]:
    """Makes all variables and constraints; the last is the makespan, which is minimised."""
    on: dict[int, list[Any]] = {}
    last = model.new_int_var(0, horizon, "makespan")
    rows: list[list[Operation]] = []
    for job in jobs:
        row: list[Operation] = []
        before: Any = None
        for choices in job:
            begin = model.new_int_var(0, horizon, "")
            if before is not None:
                model.add(begin >= before)
            if len(choices) == 1:
                machine, duration = choices[0]
                on.setdefault(machine, []).append(
                    model.new_fixed_size_interval_var(begin, duration, "")
                )
                row.append((begin, None, []))
                before = begin + duration
            else:
                end = model.new_int_var(0, horizon, "")
                row.append((begin, end, _alternatives(model, choices, begin, end, on)))
                before = end
        model.add(last >= before)
        rows.append(row)
    for intervals in on.values():
        model.add_no_overlap(intervals)
    model.minimize(last)
    return rows, last


def _alternatives(
    model: Any, choices: Any, begin: Any, end: Any, on: dict[int, list[Any]]
) -> list[tuple[int, Any]]:
    """One optional interval a machine, exactly one of them present."""
    chosen = []
    for machine, duration in choices:
        present = model.new_bool_var("")
        interval = model.new_optional_interval_var(begin, duration, end, present, "")
        on.setdefault(machine, []).append(interval)
        chosen.append((machine, present))
    model.add_exactly_one([present for _, present in chosen])
    return chosen


def _hint(model: Any, variables: list[list[Operation]], jobs: Work, start: Plan) -> None:
    """Every variable of the operations: CP-SAT takes a whole hint at once, a part may take long."""
    for j, row in enumerate(variables):
        for p, (begin, end, chosen) in enumerate(row):
            machine = start.machine[j][p]
            model.add_hint(begin, start.start[j][p])
            if end is not None:
                model.add_hint(end, start.start[j][p] + duration_of(jobs[j][p], machine))
            for name, present in chosen:
                model.add_hint(present, name == machine)
