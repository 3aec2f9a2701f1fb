"""Online packing: planners against enumeration, rules, exact values, files and the checker."""

import math

import numpy as np
import pytest
import torch

from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.problems.packing import Bins, Machines, Packing, exact, files, rules
from nco.problems.packing.check import check
from nco.problems.packing.planner import Planner
from nco.registry import folder
from nco.testing.play import Probe

classical = folder("packing").classical
TOY = Bins(6, [1, 2, 3, 4], [0.1, 0.1, 0.4, 0.4])


def fewest(items, free, capacity):
    """New bins for `items`, by trying all places for one after the other."""
    if not items:
        return 0
    head, *rest = items
    best = math.inf
    for place in range(len(free) + 1):
        bins = [*free, capacity] if place == len(free) else list(free)
        if place in [k for k in range(place) if bins[k] == bins[place]] or bins[place] < head:
            continue
        bins[place] -= head
        best = min(best, (place == len(free)) + fewest(rest, bins, capacity))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_counting_equals_trying_everything(seed):
    """The fewest bins are those of an exhaustive search."""
    random = np.random.default_rng(seed)
    sizes, capacity = sorted(random.choice(range(1, 8), 3, replace=False).tolist()), 9
    counts = tuple(random.integers(0, 3, 3).tolist())
    free = random.integers(0, capacity, 2).tolist()
    items = [size for size, count in zip(sizes, counts, strict=True) for _ in range(count)]
    planner = Planner(np.array([float(capacity)]), np.array(sizes, dtype=float)[:, None])
    found = planner.fewest([(float(part),) for part in free], counts)
    assert found == fewest(sorted(items, reverse=True), free, capacity)


def test_every_action_is_priced():
    """The prices along an episode are what enumeration says of the rest of the trace."""
    problem = Packing(6, TOY)
    instance = problem.generate(3, generator(1))
    probe = Probe().build(problem.schema)
    played = rollout(problem, probe, instance, 1, sample(generator(2)), keep=True)
    for step in range(6):
        state = played.states.map(lambda tensor, step=step: tensor[:, :, step])
        prices, seen = problem.hindsight(instance, state), problem.observe(instance, state)
        assert torch.equal(prices.isfinite(), seen.mask)
        for b in range(3):
            free = (seen.free[b, 0, :, 0] * 6).round().long().tolist()
            used = seen.used[b, 0].tolist()
            sizes = [kind + 1 for kind in instance.arrivals[b].tolist()]
            for place in seen.mask[b, 0].nonzero()[:, 0].tolist():
                bins = {n: free[n] for n in range(6) if used[n]}
                bins[place] = free[place] - sizes[step]
                rest = sorted(sizes[step + 1 :], reverse=True)
                wanted = (not used[place]) + fewest(rest, list(bins.values()), 6)
                assert prices[b, 0, place] == wanted


@pytest.mark.parametrize(
    ("setting", "periods"), [(TOY, 6), (Bins(5, [2, 3], [0.8, 0.2]), 5), (Bins(), 7)]
)
def test_the_sandwich(setting, periods):
    """Fluid bound <= hindsight <= optimal policy <= any policy, within three standard errors."""
    problem, case = Packing(periods, setting), setting.case(periods)
    instance = problem.generate(400, generator(3))
    known = problem.hindsight(instance, problem.reset(instance, 1)).amin(-1)
    noise = 3 * float(known.std()) / math.sqrt(len(known))
    value = exact.optimal_value(case)
    assert exact.fluid_bound(case) <= float(known.mean()) + noise
    assert float(known.mean()) <= value + noise
    for name in rules.RULES:
        policy = rules.policy(case, {"rule": name})
        paid = rollout(problem, policy, instance, 1, greedy, logp=False).cost
        assert (paid >= known).all()
        assert float(paid.mean()) >= value - 3 * float(paid.std()) / math.sqrt(len(paid))


def test_the_optimal_value_by_hand():
    """Sizes 1 and 2 in bins of 2, two periods: 1 + 1/2 (1, 2 | 2, 1) + 1/4 (2, 2)."""
    assert exact.optimal_value(Bins(2, [1, 2], [0.5, 0.5]).case(2)) == pytest.approx(1.75)


@pytest.mark.parametrize("setting", [TOY, Machines(), Machines(2.0, 3.0)])
def test_cpsat_is_never_worse_and_feasible(setting):
    """Its plan costs no more than best fit's."""
    problem = Packing(7, setting)
    instance = problem.generate(3, generator(4))
    paid = rollout(problem, rules.Rule("best_fit"), instance, 1, greedy, logp=False).cost[:, 0]
    for case, cost in zip(problem.cases(instance), paid.tolist(), strict=True):
        report = check(case, classical.hindsight(case, time_limit=None, seed=0))
        assert report.feasible
        assert report.cost <= cost
        assert check(case, case.construct()).feasible


def test_cpsat_agrees_with_counting():
    """Two independent planners find the same optimum with perfect information."""
    problem = Packing(9, Bins())
    instance = problem.generate(4, generator(5))
    least = problem.hindsight(instance, problem.reset(instance, 1)).amin(-1)[:, 0]
    for case, cost in zip(problem.cases(instance), least.tolist(), strict=True):
        assert check(case, classical.hindsight(case, time_limit=None, seed=0)).cost == cost


def test_rules_choose_as_they_say():
    """Bins with 4, 3 and 9 left of 9, and a 3 comes: first fit, best fit; squares: 5 and 6 + 3."""
    case = files.from_arrays(
        {
            "capacity": [9.0],
            "needs": [[5.0], [6.0], [3.0]],
            "probability": [0.3, 0.3, 0.4],
            "periods": 3,
            "arrivals": [0, 1, 2],
        }
    )
    problem = Packing(3)
    instance = problem.load([case])
    found = {}
    for name in rules.RULES:
        played = rollout(problem, rules.Rule(name), instance, 1, greedy)
        found[name] = problem.solution(instance, played.actions[:, 0])[0]
    assert found["first_fit"] == [[0, 2], [1]]
    assert found["best_fit"] == [[0], [1, 2]]
    # filling up the 6 takes away one of a kind; 5 + 3 makes another level; a new one adds a level
    assert found["sum_of_squares"] == [[0], [1, 2]]


def test_machines_leave():
    """The mean stay is the one asked for, and hosts are paid for as long as they run."""
    problem = Packing(60, Machines(5.0, 5.0))
    instance = problem.generate(200, generator(6))
    early = (instance.arrivals >= 0) & (torch.arange(60) < 10)  # few of these are cut off
    stay = (instance.leaves - torch.arange(60))[early].double()
    assert float(stay.mean()) == pytest.approx(5.0, abs=0.4)


def test_what_leaves_cannot_be_counted():
    """Where items leave again, the planner that counts refuses."""
    problem = Packing(8, Machines())
    instance = problem.generate(2, generator(7))
    with pytest.raises(NCOError, match="leave again"):
        problem.hindsight(instance, problem.reset(instance, 1))
    with pytest.raises(NCOError, match="items that stay"):
        exact.optimal_value(Machines().case(3))


# ---- files and the checker

HOSTS = """problem: packing
name: hosts
periods: 5
charge: running
capacity: {cpu: 8, memory: 32}
items:
  small: {needs: {cpu: 1, memory: 2}, probability: 0.5, stays: 6}
  large: {needs: {cpu: 4, memory: 24}, probability: 0.3}
trace: [[small, 2], large, none, [large, 1], small]
"""


def test_a_file_is_read_and_written_back():
    """Every field of a file survives."""
    case = files.read(HOSTS)
    assert files.recognise(HOSTS)
    assert case.arrivals.tolist() == [0, 1, -1, 1, 0]
    assert case.leaves.tolist() == [2, 5, 5, 4, 5]
    again = files.read(files.write(case))
    for field in ("capacity", "needs", "probability", "stays", "arrivals", "leaves"):
        assert np.array_equal(getattr(case, field), getattr(again, field))
    assert again.running
    assert again.kinds == ("small", "large")


@pytest.mark.parametrize(
    ("solution", "cost", "violation"),
    [
        ([[0, 1, 4], [3]], 6, None),  # 0 to 5, and 3 to 4
        ([[0], [1], [3], [4]], 8, None),  # 2 + 4 + 1 + 1
        ([[0, 4], [1], [3]], None, "bin 0 is empty before period 4"),
        ([[0, 1, 3], [4]], None, "memory 48, above the capacity 32"),
        ([[0, 1, 4]], None, "the item of period 3 is in no bin"),
        ([[0, 1, 4], [3, 1]], None, "the item of period 1 is in 2 places"),
        ([[0, 1, 4], [3, 2]], None, "nobody arrives in period 2"),
        ([[0, 1, 4], [3], []], None, "bin 2 must be a list of at least one period"),
        ([[0, 1, 4], ["3"]], None, "bin 1 must hold periods"),
        ([[0, 1, 4], [3, 9]], None, "period 9 does not exist"),
        (5, None, "must be a list of bins"),
    ],
)
def test_the_checker(solution, cost, violation):
    """Costs are those counted on paper, and each broken rule is named."""
    report = check(files.read(HOSTS), solution)
    assert report.feasible == (violation is None)
    if violation is None:
        assert report.cost == cost
    else:
        assert any(violation in sentence for sentence in report.violations)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("periods: 5", "periods: 0", "periods 0: must be a whole number"),
        (
            "periods: 5",
            "periods: 6",
            "trace 5: must list the item, or none, for each of",
        ),
        ("running", "sometimes", "charge sometimes: must be opened or running"),
        ("cpu: 8,", "cpu: -8,", "capacity.cpu -8: must be finite"),
        ("cpu: 8,", "cpu: 0,", "capacity 0.0: entry .0.: must be finite, positive"),
        ("cpu: 4", "cpu: 9", "kind 1 fits into no bin"),
        ("cpu: 4", "disk: 4", "items.large.needs disk: no such resource"),
        ("0.5, stays", "0.9, stays", "sum to more than 1"),
        ("stays: 6", "stays: 0.5", "stays .* must be 2 means of at least 1 period"),
        ("[small, 2]", "[small, 0]", "period 0: stay 0: must be a whole number"),
        ("none", "huge", "trace huge: period 2: no such kind"),
        ("name: hosts", "colour: red", "colour: no such field"),
    ],
)
def test_defects_are_named(old, new, message):
    """A broken file is refused with field, value and reason."""
    assert old in HOSTS
    with pytest.raises(InstanceError, match=message):
        files.read(HOSTS.replace(old, new, 1), path="hosts.yaml")


def test_solutions_are_read_and_written():
    """Bins of periods come back, and other texts raise."""
    case = files.read(HOSTS)
    assert files.read_solution(files.write_solution(case, [[0, 1], [3]], 6), case) == [[0, 1], [3]]
    for text in ("[1]", "{}", "[[0.5]]"):
        with pytest.raises(InstanceError):
            files.read_solution(text, case)
