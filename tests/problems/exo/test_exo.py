"""Accept or reject: exact figures of the literature, planners, rules, files and the checker."""

import itertools
import math

import numpy as np
import pytest
import torch

from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.problems.exo import Airline, Listed, Revenue, Secretary, exact, files, rules
from nco.problems.exo.check import check
from nco.registry import folder
from nco.testing import check_problem
from nco.testing.play import Probe

classical = folder("exo").classical


# ---- what is exact: figures computed elsewhere, from the authors' own code and by hand


@pytest.mark.parametrize(("periods", "value"), [(5, 2.2201), (10, 5.0895), (100, 49.9535)])
def test_the_optimal_value_of_the_multi_secretary(periods, value):
    """Dynamic programming gives the known optimal values."""
    assert exact.Optimal(Secretary().case(periods)).value == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(
    ("periods", "value", "bound"),
    [
        (4, 2.81481, 4.0),
        (5, 3.11111, 4.33333),
        (10, 3.81791, 4.66667),
        (20, 3.99459, 4.66667),
        (50, 4.0, 4.66667),
    ],
)
def test_the_optimal_value_and_the_fluid_bound_of_the_airline(periods, value, bound):
    """Dynamic programming and the fluid bound give the known values."""
    case = Airline().case(periods)
    assert exact.Optimal(case).value == pytest.approx(value, abs=6e-6)
    assert exact.fluid_bound(case) == pytest.approx(bound, abs=6e-6)


def test_the_fluid_solution_of_the_authors_notebook():
    """Start 20/3, 4, 4 and 5 and 6 requests expected: 4.4444 by x = (0, 2.2222)."""
    case = Airline([20 / 3, 4.0, 4.0]).case(4)
    value, amounts = exact.fluid(case.capacity, np.array([5.0, 6.0]), case)
    assert value == pytest.approx(4.4444, abs=5e-5)
    assert amounts == pytest.approx([0, 2.2222], abs=5e-5)


@pytest.mark.parametrize(
    ("setting", "periods", "mean"),
    [
        (Secretary(), 5, 2.296),
        (Secretary(), 10, 5.197),
        (Secretary(), 100, 50.184),
        (Airline(), 4, 2.95062),
        (Airline(), 10, 3.86108),
        (Airline(), 20, 3.99609),
    ],
)
def test_the_mean_hindsight_optimum(setting, periods, mean):
    """The mean over random traces is the known one, within its standard error."""
    problem = Revenue(periods, setting)
    instance = problem.generate(8000, generator(0))
    found = -problem.hindsight(instance, problem.reset(instance, 1)).amin(-1)
    assert float(found.mean()) == pytest.approx(mean, abs=4 * standard_error(found) + 1e-3)


def standard_error(values):
    return float(values.std() / math.sqrt(values.numel()))


@pytest.mark.parametrize(("setting", "periods"), [(Secretary(), 20), (Airline(), 10)])
@pytest.mark.parametrize("name", ["greedy", "bayes", "optimal"])
def test_the_sandwich(setting, periods, name):
    """Policy <= optimal policy <= hindsight <= fluid bound; the optimal policy earns its value."""
    problem, case = Revenue(periods, setting), setting.case(periods)
    instance = problem.generate(1500, generator(1))
    policy = rules.policy(case, {"rule": name})
    earned = -rollout(problem, policy, instance, 1, sample(generator(2))).cost
    known = -problem.hindsight(instance, problem.reset(instance, 1)).amin(-1)
    value, noise = exact.Optimal(case).value, 3 * standard_error(earned)
    assert float(earned.mean()) <= value + noise
    assert value <= float(known.mean()) + 3 * standard_error(known)
    assert float(known.mean()) <= exact.fluid_bound(case) + 3 * standard_error(known)
    assert (earned <= known + 1e-9).all()
    if name == "optimal":
        assert float(earned.mean()) == pytest.approx(value, abs=noise)


# ---- planners


def enumerated(case, free, first):
    """The most that the trace can earn from period `first` on, by trying all subsets."""
    coming = [k for k in case.arrivals[first:].tolist() if k >= 0]
    most = 0.0
    for count in range(len(coming) + 1):
        for subset in itertools.combinations(coming, count):
            used = case.uses[:, list(subset)].sum(1)
            if (used <= free + 1e-9).all():
                most = max(most, float(case.revenue[list(subset)].sum()))
    return most


@pytest.mark.parametrize("setting", [Secretary(), Airline(), Airline([6.0, 7.0, 5.5])])
def test_every_action_is_priced_as_enumeration_does(setting):
    """The price of each action is the best that can follow, by enumeration."""
    problem = Revenue(7, setting)
    instance = problem.generate(6, generator(3))
    probe = Probe().build(problem.schema)
    played = rollout(problem, probe, instance, 2, sample(generator(4)), keep=True)
    for step in range(7):
        state = played.states.map(lambda tensor, step=step: tensor[:, :, step])
        prices, mask = problem.hindsight(instance, state), problem.observe(instance, state).mask
        assert torch.equal(prices.isfinite(), mask)
        for b, case in enumerate(problem.cases(instance)):
            free = state.free[b, 0].numpy()
            assert -prices[b, 0, step] == pytest.approx(enumerated(case, free, step + 1))
            if mask[b, 0, 7 + step]:
                kind = case.arrivals[step]
                rest = enumerated(case, free - case.uses[:, kind], step + 1)
                assert -prices[b, 0, 7 + step] == pytest.approx(case.revenue[kind] + rest)


def test_cpsat_agrees_with_the_planner():
    """Two independent planners find the same optimum with perfect information."""
    for setting in (Secretary(), Airline(), Airline([20 / 3, 4.0, 4.0])):
        problem = Revenue(12, setting)
        instance = problem.generate(3, generator(5))
        best = problem.hindsight(instance, problem.reset(instance, 1)).amin(-1)
        for b, case in enumerate(problem.cases(instance)):
            report = check(case, classical.hindsight(case, time_limit=None, seed=0))
            assert report.feasible
            assert report.cost == pytest.approx(float(best[b, 0]))


def test_too_many_combinations_are_refused():
    """A table that would not fit raises instead of filling the memory."""
    setting = Listed([50.0, 50.0], [1, 2, 3], [[1, 2, 1], [2, 1, 1]], [0.3, 0.3, 0.4])
    problem = Revenue(100, setting)
    instance = problem.generate(1, generator(0))
    with pytest.raises(NCOError, match="at most, not"):
        problem.hindsight(instance, problem.reset(instance, 1))


# ---- rules, knowledge, the contract


def test_rules_in_a_rollout_do_what_they_do_on_a_case():
    """A rule as a policy accepts what the rule accepts by itself."""
    problem = Revenue(15, Airline())
    instance = problem.generate(20, generator(6))
    for name in rules.RULES:
        policy = rules.policy(Airline().case(15), {"rule": name})
        played = rollout(problem, policy, instance, 1, sample(generator(7)))
        found = problem.solution(instance, played.actions[:, 0])
        for case, accepted in zip(problem.cases(instance), found, strict=True):
            assert accepted == rules.follow(rules.RULES[name](case), case)
            assert check(case, accepted).feasible


def test_nothing_depends_on_what_is_not_known_yet():
    """Observations are the same when the future is masked."""
    problem = Revenue(9)
    instance = problem.generate(4, generator(8))
    state, blind = problem.reset(instance, 2), problem.reset(instance, 2)
    for step in range(9):
        known = problem.mask_future(instance, step)
        assert (known.arrivals[:, step + 1 :] == -1).all()
        seen, guessed = problem.observe(instance, state), problem.observe(known, blind)
        assert torch.equal(seen.context, guessed.context)
        assert torch.equal(seen.mask, guessed.mask)
        action = seen.mask.float().cumsum(-1).argmax(-1)  # accept where possible
        state, blind = problem.step(instance, state, action), problem.step(known, blind, action)


@pytest.mark.long
def test_other_settings_keep_the_contract():
    """The airline keeps the contract as the secretary does."""
    assert "brute_force_agrees" in check_problem(Revenue(5, Airline()))


def test_an_unknown_rule_is_named():
    """A rule that does not exist is refused with its name."""
    with pytest.raises(NCOError, match="no rule to follow"):
        rules.policy(Airline().case(3), {"rule": "clairvoyant"})


# ---- files and the checker

AIRLINE = """problem: exo
name: small
periods: 4
resources: {a: 7, b: 4}
classes:
  low: {revenue: 1, uses: {a: 2, b: 3}, probability: 0.3}
  high: {revenue: 2.5, uses: {a: 3}, probability: [0.1, 0.2, 0.3, 0.4]}
trace: [low, none, high, high]
"""


def test_a_file_is_read_and_written_back():
    """Every field of a file survives, names of classes included."""
    case = files.read(AIRLINE)
    assert files.recognise(AIRLINE)
    assert case.arrivals.tolist() == [0, -1, 1, 1]
    assert case.uses.tolist() == [[2, 3], [3, 0]]
    assert case.construct() == [0, 2]
    again = files.read(files.write(case))
    for field in ("capacity", "revenue", "uses", "probability", "arrivals"):
        assert np.array_equal(getattr(case, field), getattr(again, field))
    assert again.classes == ("low", "high")


def test_generated_cases_are_written_exactly():
    """Probabilities and arrivals come back to the last digit."""
    problem = Revenue(12)
    case = problem.cases(problem.generate(1, generator(9)))[0]
    again = files.read(files.write(case))
    assert np.array_equal(case.probability, again.probability)
    assert np.array_equal(case.arrivals, again.arrivals)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("periods: 4", "periods: -1", "periods -1: must be a whole number"),
        ("periods: 4", "periods: 1000000000", "must be a whole number"),
        ("periods: 4", "periods: 5", "classes.high.probability 4: must be one number"),
        ("a: 7", "a: .nan", "resources.a nan: must be finite"),
        ("a: 7", "a: -7", "resources.a -7: must be finite, not negative"),
        ("a: 7", "a: many", "resources.a many: must be a number"),
        ("{a: 3}", "{c: 3}", "classes.high.uses c: no such resource; there are a, b"),
        ("revenue: 1,", "revenue: 0,", "revenue 0.0: entry .0.: must be finite, positive"),
        ("revenue: 1,", "", "classes.low .*must hold exactly probability, revenue, uses"),
        ("0.4]", "0.8]", "period 3: the probabilities of all classes sum to more than 1"),
        ("none", "medium", "trace medium: period 1: no such class"),
        (", high]", "]", "trace 3: must list the class"),
        ("name: small", "nam: small", "nam: no such field"),
        ("a: 7,", "a: 7:,", "small.yaml:4: not valid YAML"),
        ("problem: exo", "problem: tsp", "the file must say problem: exo"),
        ("periods: 4\n", "", "periods: is missing"),
    ],
)
def test_defects_are_named(old, new, message):
    """A broken file is refused with field, value and reason."""
    assert old in AIRLINE
    with pytest.raises(InstanceError, match=message):
        files.read(AIRLINE.replace(old, new, 1), path="small.yaml")


@pytest.mark.parametrize("text", ["", "problem: inventory", "\0problem: exo", "{", "a: 1", "3 4"])
def test_other_files_are_not_recognised(text):
    """Texts of other problems, and junk, are left to others."""
    assert not files.recognise(text)


def test_arrays():
    """A dictionary with all keys is a case, and each wrong value is named."""
    arrays = {"capacity": [2.0], "revenue": [1, 2], "uses": [[1, 1]], "probability": [[0.5, 0.5]]}
    assert files.from_arrays(arrays).size == 1
    assert files.from_arrays({"values": [1]}) is None
    for field, value in (("uses", [[1]]), ("capacity", ["x"]), ("arrivals", [2])):
        with pytest.raises(InstanceError, match=field):
            files.from_arrays({**arrays, field: value})
    with pytest.raises(InstanceError, match="uses: needed beside"):
        files.from_arrays({key: value for key, value in arrays.items() if key != "uses"})


@pytest.mark.parametrize(
    ("solution", "violation"),
    [
        ([0, 2, 3], "a: 8 are used, above the capacity 7"),
        ([0, 1], "nobody arrives in period 1"),
        ([0, 0], "period 0 is accepted more than once"),
        ([4], "period 4 does not exist"),
        (["0"], "place 0 must hold a period's number"),
        (7, "must be a list of periods"),
    ],
)
def test_the_checker_flags(solution, violation):
    """Too much use, and requests that do not exist, are named."""
    report = check(files.read(AIRLINE), solution)
    assert not report.feasible
    assert violation in report.violations[0]


def test_the_checker_prices_exactly():
    """The objective is the revenue of the accepted requests, the cost its negative."""
    report = check(files.read(AIRLINE), [3, 2])
    assert (report.objective, report.cost, report.feasible) == (5, -5, True)


def test_solutions_are_read_and_written():
    """Accepted periods come back in order, and other texts raise."""
    case = files.read(AIRLINE)
    assert files.read_solution(files.write_solution(case, [3, 0], -3.5), case) == [0, 3]
    for text in ("{}", "[0.5]", "x"):
        with pytest.raises(InstanceError):
            files.read_solution(text, case)
