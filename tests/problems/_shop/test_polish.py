"""Tabu search and CP-SAT together are never worse than either, nor than their start."""

import pytest

from nco.core.case import Proof
from nco.core.seeds import generator
from nco.problems._shop import cpsat
from nco.problems._shop.check import check_plan
from nco.problems._shop.plan import by_rule, construct, makespan, shifted
from nco.problems._shop.polish import polish
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP


def test_polish_is_never_worse_than_its_start() -> None:
    """Nor than the rules; by iterations, equal seeds give equal plans."""
    case = JSSP().published(10, 1, 200)[0]
    worst = by_rule(case.work, "lpt")
    for limit in (0.01, 1.0):
        found = polish(case.work, time_limit=limit, seed=0, start=worst)
        report = check_plan(case.work, *found)
        assert report.feasible
        assert report.cost <= makespan(case.work, construct(case.work))
    small = JSSP().published(4, 1, 200)[0].work
    first = polish(small, time_limit=None, seed=0, start=None)
    assert first == polish(small, time_limit=None, seed=0, start=None)


def test_small_shops_are_proved() -> None:
    """CP-SAT's share of the time suffices to prove what tabu search has found."""
    case = JSSP().published(6, 1, 9)[0]
    proof = Proof()
    found = polish(case.work, time_limit=5.0, seed=0, start=None, proof=proof)
    assert proof.bound == makespan(case.work, found)


@pytest.mark.parametrize("limit", [0.15, 0.5])
def test_polish_is_never_worse_than_cpsat_alone(limit: float) -> None:
    """At budgets that do not suffice for a proof; a hint alone did not keep this promise."""
    for size, machines in ((15, 15), (20, 10)):
        case = JSSP(machines=machines).published(size, 1, 9)[0]
        start = construct(case.work)
        alone = cpsat.solve(case.work, time_limit=limit, seed=0, start=None, cores=2)
        helped = polish(case.work, time_limit=limit, seed=0, start=start)
        assert check_plan(case.work, *helped).feasible
        assert alone is None or makespan(case.work, helped) <= makespan(case.work, alone)


def test_cpsat_takes_the_whole_hint() -> None:
    """Of flexible shops too, at once: every variable has a value that fits."""
    from ortools.sat.python import cp_model

    works = [JSSP().published(6, 1, 9)[0].work]
    works += [case.work for case in FJSP(6).cases(FJSP(6).generate(1, generator(3)))]
    for work in works:
        start = shifted(work, by_rule(work, "lpt"))
        model = cp_model.CpModel()
        variables, last = cpsat._variables(model, work, makespan(work, start))
        cpsat._hint(model, variables, work, start)
        model.add_hint(last, makespan(work, start))
        solver = cp_model.CpSolver()
        solver.parameters.fix_variables_to_their_hinted_value = True
        assert solver.solve(model) == cp_model.OPTIMAL
        assert solver.objective_value == makespan(work, start)
        hinted = len(model.proto.solution_hint.vars)
        assert hinted == len(model.proto.variables)
