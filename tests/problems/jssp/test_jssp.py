"""Job shops: files, checker, rules, CP-SAT and the tensors agree with what others published."""

import copy
import itertools
import json
import math
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import nco
from nco.core.defaults import pad_actions, replay
from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.problems._shop.features import of_others
from nco.problems._shop.plan import (
    RULES,
    Plan,
    Table,
    by_rule,
    construct,
    dispatch,
    dispatch_alone,
    makespan,
    mirrored,
    shifted,
)
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP, classical, files
from nco.problems.jssp.check import check
from nco.problems.jssp.plot import plot
from nco.solving.solver import solve
from nco.testing import check_cases
from nco.testing.play import Probe
from nco.workers import compiling, lanes

# Fisher and Thompson (1963), 6 jobs on 6 machines: the optimum is 55
FT06 = """6 6
2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1
"""
SMALL = "2 3\n0 3 1 2 2 2\n0 2 2 1 1 4\n"
TAILLARD = """Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound
2 3 840612802 398197754 9 8
Times
3 2 2
2 1 4
Machines
1 2 3
1 3 2
"""


def test_the_optimum_of_ft06_is_proven() -> None:
    """CP-SAT proves 55, and the schedule costs as much when it is replayed."""
    case = files.read(FT06)
    outcome = lanes.run(case, "ortools", time_limit=20.0)
    report = check(case, outcome.solution)
    assert report.feasible
    assert report.cost == 55
    problem = JSSP()
    instance = problem.load([case])
    actions = problem.actions(instance, [outcome.solution])
    assert float(problem.cost(instance, actions[:, None])) == 55


def test_both_forms_hold_the_same_shop() -> None:
    """The standard form, Taillard's and one without names are one case."""
    first, second = files.read(SMALL), files.read(TAILLARD)
    bare = files.read("2 3\n3 2 2\n2 1 4\n1 2 3\n1 3 2\n")
    for other in (second, bare):
        assert np.array_equal(first.machines, other.machines)
        assert np.array_equal(first.durations, other.durations)
    assert first.machines.tolist() == [[0, 1, 2], [0, 2, 1]]
    assert files.recognise(SMALL)
    assert files.recognise(TAILLARD)


def test_arrays_of_a_case_are_checked_and_so_are_solutions_in_arrays() -> None:
    """Negative durations and wrong shapes raise, and numpy's rows are schedules."""
    machines, durations = np.array([[0, 1], [1, 0]]), np.array([[3, 2], [2, 4]])
    case = files.Case(machines=machines, durations=durations)
    assert check(case, np.array(case.construct())).feasible
    assert check(case, [np.array(row) for row in case.construct()]).feasible
    with pytest.raises(InstanceError, match="of operation 1 of job 0 must not be negative"):
        files.Case(machines=machines, durations=durations * [[1, -1], [1, 1]])
    with pytest.raises(InstanceError, match=r"durations \[2\]: must be \[jobs, machines\]"):
        files.Case(machines=machines[0], durations=durations[0])


def test_a_batch_takes_no_other_kind_of_case() -> None:
    """A row less than there are cases would shift all that follows."""
    case, other = files.read(SMALL), FFSP(3).cases(FFSP(3).generate(1, generator(0)))[0]
    for problem, cases in ((JSSP(), [case, other]), (FJSP(), [case]), (FFSP(), [case])):
        with pytest.raises(InstanceError, match=r"is a case of (ffsp|jssp), not of"):
            problem.load(cases)


def test_files_round_trip_and_may_count_machines_from_one() -> None:
    """Comments, line ends and the first machine's number do not matter."""
    case = files.read(FT06.replace("\n", "\r\n") + "# the end\n")
    assert files.write(case) == FT06
    rows = [line.split() for line in FT06.splitlines()]
    moved = [[str(int(w) + (i + 1) % 2) for i, w in enumerate(row)] for row in rows[1:]]
    shown = "\n".join([FT06.splitlines()[0], *(" ".join(row) for row in moved)])
    assert np.array_equal(files.read(shown).machines, case.machines)


DEFECTS = {
    "": "there must be a line: jobs machines",
    "2\n": "line 1: header 2: the first line must hold two numbers",
    "0 3\n": "jobs 0: must be from 1",
    "-2 3\n": "jobs -2: must be from 1",
    "1e9 3\n0 1 1 1 2 1\n": "jobs 1e9: must be from 1 to 1000000",
    "99999 99999\n0 1\n": "header 99999 99999: at most 1000000 operations",
    "2 3\n0 3 1 2 2 2\n": "jobs 2: the file holds 1 rows",
    "2 3\n0 3 1 2 2 2\n0 2 2 1 1\n": "line 3: job 0 2 2 1 1: job 1 must have pairs",
    "1 3\n0 3 1 2 2 2\n0 2 2 1 1 4\n": "more than the 1 jobs announced",
    "2 3\n0 3 1 2 3 2\n0 2 2 1 1 4\n": "line 2: machine 3: machines go from 0 to 2",
    "2 3\n0 3 1 2 -1 2\n0 2 2 1 1 4\n": "line 2: machine -1: machines go from 0 to 2",
    "2 3\n0 3 1 -2 2 2\n0 2 2 1 1 4\n": "line 2: duration -2: a duration must not be negative",
    "2 3\n0 3 1 x 2 2\n0 2 2 1 1 4\n": "line 2: duration x: must be a number",
    "2 3\n0 3 1 nan 2 2\n0 2 2 1 1 4\n": "line 2: duration nan: must be a number",
    "2 3\n0 3 1 2.5 2 2\n0 2 2 1 1 4\n": "line 2: duration 2.5: must be a whole number",
    "2 3\n0 3 1 1e19 2 2\n0 2 2 1 1 4\n": "line 2: duration 1e19: must be a whole number of at mo",
    "2 3\n0 3 1 2 1 2\n0 2 2 1 1 4\n": "line 2: machine 1: visited twice",
    TAILLARD.replace("1 3 2", "1 3 4"): "line 8: machine 4: machines go from 1 to 3",
    TAILLARD.replace("1 3 2\n", ""): "the file holds 1 rows of machines",
    SMALL + "\0": "binary file",
}


@pytest.mark.parametrize("text", DEFECTS)
def test_a_defect_is_one_line(text: str) -> None:
    """A broken file is refused in one line with the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read(text)
    assert "\n" not in str(caught.value)
    assert DEFECTS[text] in str(caught.value)


def test_arrays() -> None:
    """A dictionary of machines and durations is a case, and each wrong value is named."""
    machines, durations = [[0, 1], [1, 0]], [[3, 2], [2, 4]]
    case = files.from_arrays({"machines": machines, "durations": durations})
    assert case is not None
    assert case.size == 2
    assert files.from_arrays({"coords": machines}) is None
    for wrong, message in (
        ({"machines": [[0, 1]], "durations": durations}, "must have the shape of the durations"),
        (
            {"machines": [[0, 0], [1, 0]], "durations": durations},
            "job 0 must visit machines from 0 on, each once",
        ),
        ({"machines": machines, "durations": [[3, -2], [2, 4]]}, r"durations -2: entry \[0, 1\]"),
        ({"machines": machines, "durations": [[3, 2.5], [2, 4]]}, "durations 2.5"),
        ({"machines": machines, "durations": durations, "speed": 1}, "speed"),
    ):
        with pytest.raises(InstanceError, match=message):
            files.from_arrays(wrong)


def test_solutions_round_trip() -> None:
    """JSON and rows of numbers give the same schedule, and other texts raise."""
    case = files.read(SMALL)
    start = case.construct()
    text = files.write_solution(case, start, 9)
    assert files.read_solution(text, case) == start
    assert files.read_solution(json.dumps(start), case) == start
    assert files.read_solution("\n".join(" ".join(map(str, row)) for row in start), case) == start
    for text in ("", "[1, 2]", "[[0.5]]", "0 x", "{}"):
        with pytest.raises(InstanceError):
            files.read_solution(text, case)


def test_the_checker_says_what_is_wrong() -> None:
    """By hand: 0 3 | 1 2 | 2 2 and 0 2 | 2 1 | 1 4."""
    case = files.read(SMALL)
    good = [[0, 3, 5], [3, 5, 6]]
    assert check(case, good).violations == [
        "machine 2: operation 2 of job 0 begins at 5, while operation 1 of job 1 is on it until 6"
    ]
    good[0][2] = 6
    assert check(case, good).cost == 10
    for row, place, moment, sentence in (
        (0, 1, 2, "operation 1 of job 0 begins at 2, before 3, when operation 0 ends"),
        (1, 0, 2, "machine 0: operation 0 of job 1 begins at 2, while operation 0 of job 0"),
        (0, 0, -1, "operation 0 of job 0 begins at -1, before time 0"),
    ):
        broken = copy.deepcopy(good)
        broken[row][place] = moment
        report = check(case, broken)
        assert not report.feasible
        assert any(sentence in violation for violation in report.violations)


def test_the_checker_agrees_with_a_clock() -> None:
    """Every schedule of a tiny shop: a machine that holds two jobs at once is an overlap."""
    case = files.read("2 2\n0 2 1 1\n1 2 0 1\n")
    feasible = 0
    for times in itertools.product(range(6), repeat=4):
        start = [list(times[:2]), list(times[2:])]
        busy, ordered = [], True
        for j, row in enumerate(start):
            now = 0
            for p, begin in enumerate(row):
                ordered &= begin >= now
                now = begin + int(case.durations[j, p])
                busy += [(int(case.machines[j, p]), time) for time in range(begin, now)]
        fine = ordered and len(busy) == len(set(busy))
        assert check(case, start).feasible == fine
        feasible += fine
    assert 10 < feasible < 200


def test_no_time_at_all() -> None:
    """Operations without duration, and one that is long enough for all."""
    cases = [
        files.from_arrays({"machines": [[0, 1], [1, 0]], "durations": d})
        for d in ([[0, 0], [0, 0]], [[0, 3], [2, 0]], [[5, 0], [0, 5]])
    ]
    assert "brute_force_agrees" in check_cases(JSSP(), [case for case in cases if case])


def test_the_test_set_of_the_literature() -> None:
    """Zhang et al.'s 10x10 set, seed 200: most work remaining is 16.3 % above the mean optimum."""
    cases = JSSP().published(10, 100, 200)
    assert cases[0].durations[0].tolist() == DURATIONS
    assert cases[0].machines[0].tolist() == MACHINES
    spans = [makespan(case.work, by_rule(case.work, "mwkr")) for case in cases]
    assert np.mean(spans) / 807.6 == pytest.approx(1.163, abs=0.0005)


DURATIONS = [27, 17, 69, 43, 56, 77, 80, 90, 15, 92]  # of its first job
MACHINES = [9, 8, 0, 2, 7, 4, 1, 5, 3, 6]


@pytest.mark.parametrize("rule", RULES)
def test_rules_make_non_delay_schedules(rule: str) -> None:
    """No machine is free at a moment at which a job waits for it."""
    case = JSSP().published(5, 3, 1)[2]
    plan = by_rule(case.work, rule)
    assert check(case, plan.start).feasible
    ends = np.array(plan.start) + case.durations
    for j, p in itertools.product(range(5), range(5)):
        arrival = 0 if p == 0 else ends[j, p - 1]
        machine = case.machines[j, p]
        busy = [
            (plan.start[i][q], ends[i, q])
            for i, q in itertools.product(range(5), range(5))
            if case.machines[i, q] == machine and (i, q) != (j, p)
        ]
        for moment in range(arrival, plan.start[j][p]):
            assert any(begin <= moment < end for begin, end in busy)


@pytest.mark.parametrize("rule", RULES)
def test_queues_give_what_the_slow_rules_give(rule: str) -> None:
    """Dispatching by events equals asking all jobs at every step, ties and all."""
    random = np.random.default_rng(7)
    for _ in range(40):
        machines = random.random((4, 3)).argsort(1)
        case = files.from_arrays({"machines": machines, "durations": random.integers(1, 6, (4, 3))})
        assert case is not None
        slow = dispatch(Table.of(case.work), RULES[rule])
        fast = dispatch_alone(case.work, RULES[rule])
        assert fast == slow


def test_a_mirror_image_is_a_plan() -> None:
    """A schedule of the reversed jobs, turned round, is feasible and as long."""
    case = JSSP().published(6, 1, 8)[0]
    back = [list(reversed(job)) for job in case.work]
    plan = mirrored(back, by_rule(back, "mwkr"))
    report = check(case, plan.start)
    assert report.feasible
    assert report.cost == makespan(back, by_rule(back, "mwkr"))


def test_rules_put_first_what_their_names_say() -> None:
    """Three jobs wait for machine 0: durations 2, 5, 3 there, then 9, 1, 4 on machine 1."""
    machines = [[0, 1]] * 3
    case = files.from_arrays({"machines": machines, "durations": [[2, 9], [5, 1], [3, 4]]})
    assert case is not None
    first = {"spt": 0, "lpt": 1, "mwkr": 0, "mor": 0, "fifo": 0}
    for rule, job in first.items():
        start = by_rule(case.work, rule).start
        assert min(range(3), key=lambda j: start[j][0]) == job
    assert by_rule(case.work, "lpt").start[2][0] == 5
    assert makespan(case.work, construct(case.work)) == 16


def test_shifting_keeps_orders_and_loses_nothing() -> None:
    """A schedule with idle time becomes the one without, in the same orders."""
    case = JSSP().published(6, 1, 3)[0]
    plan = by_rule(case.work, "spt")
    late = Plan([[2 * begin + 7 for begin in row] for row in plan.start], plan.machine)
    assert shifted(case.work, late) == shifted(case.work, plan) == plan


def test_cpsat_is_never_worse_than_its_start() -> None:
    """With hardly any time the start is returned."""
    case = JSSP().published(15, 1, 5)[0]
    start = case.construct()
    cost = check(case, start).cost
    for limit in (0.001, 0.3):
        outcome = lanes.run(case, "ortools", time_limit=limit, start=start)
        report = check(case, outcome.solution)
        assert report.feasible
        assert report.cost <= cost


def test_masked_schedules_are_active() -> None:
    """Nothing could be completed in a gap before something else begins; so no time is lost."""
    problem = JSSP(size=4)
    instance = problem.generate(3, generator(1))
    probe = Probe().build(problem.schema)
    played = rollout(problem, probe, instance, 20, sample(generator(2)))
    cases = problem.cases(instance)
    for s in range(20):
        for case, start in zip(
            cases, problem.solution(instance, played.actions[:, s]), strict=True
        ):
            assert check(case, start).feasible
            _assert_active(case, np.array(start))


def _assert_active(case: files.Case, start: np.ndarray) -> None:
    ends = start + case.durations
    for j, p in itertools.product(range(4), range(4)):
        arrival = 0 if p == 0 else ends[j, p - 1]
        others = sorted(
            (start[i, q], ends[i, q])
            for i, q in itertools.product(range(4), range(4))
            if case.machines[i, q] == case.machines[j, p] and i != j
        )
        free = 0
        for begin, end in others:
            if begin >= start[j, p]:
                break
            assert max(free, arrival) + case.durations[j, p] > begin
            free = end


def test_following_a_lazy_plan_is_no_later() -> None:
    """Whatever order a plan has, the actions made from it begin nothing later."""
    problem = JSSP(size=5)
    case = problem.published(5, 1, 9)[0]
    random = np.random.default_rng(4)
    instance = problem.load([case])
    for _ in range(20):
        order = random.permutation(np.repeat(np.arange(5), 5))
        ready, free, place = np.zeros(5, int), np.zeros(5, int), np.zeros(5, int)
        start = np.zeros((5, 5), int)
        for job in order:  # appended in any order at all, so far from active
            machine = case.machines[job, place[job]]
            start[job, place[job]] = max(ready[job], free[machine]) + random.integers(0, 9)
            ready[job] = free[machine] = start[job, place[job]] + case.durations[job, place[job]]
            place[job] += 1
        actions = problem.actions(instance, [start.tolist()])
        found = np.array(problem.solution(instance, actions)[0])
        assert check(case, found.tolist()).feasible
        assert (found <= start).all()


def test_a_chart_has_a_bar_for_every_operation() -> None:
    """The title says the makespan."""
    case = files.read(FT06)
    _, ax = plt.subplots()
    plot(case, case.construct(), ax)
    assert sum(len(bars.get_paths()) for bars in ax.collections) == 36
    assert ax.get_title().endswith(f"makespan {check(case, case.construct()).cost}")
    plt.close()


def test_sizes_mix_in_a_batch() -> None:
    """Shops of different sizes are priced in one batch as their checker does."""
    problem = JSSP()
    cases = [JSSP(machines=m).published(n, 1, 0)[0] for n, m in ((3, 5), (6, 2), (1, 1))]
    instance = problem.load(cases)
    assert instance.duration.shape == (3, 6, 5, 1)
    solutions = [case.construct() for case in cases]
    actions = problem.actions(instance, solutions)
    costs = problem.cost(instance, actions[:, None])[:, 0].tolist()
    assert costs == [check(c, s).cost for c, s in zip(cases, solutions, strict=True)]
    assert torch.equal(pad_actions(problem, instance, actions[:, None], 17)[:, 0, :15], actions)


def test_agreeing_actions_lead_to_the_same_schedule() -> None:
    """Whichever of them is taken, what `equivalent` of the rest leads to is the schedule itself."""
    problem = JSSP(size=4)
    instance = problem.generate(2, generator(5))
    probe = Probe().build(problem.schema)
    actions = rollout(problem, probe, instance, 2, sample(generator(6))).actions
    every = replay(problem, instance, actions)
    right = problem.consistent_actions(instance, actions, every)
    states = [every.map(lambda tensor, t=t: tensor[:, :, t]) for t in range(16)]
    plans = [problem.solution(instance, actions[:, s]) for s in range(2)]
    several = 0
    for b, s, t in itertools.product(range(2), range(2), range(16)):
        assert right[b, s, t, actions[b, s, t]]
        mask = problem.observe(instance, states[t]).mask[b, s]
        several += int(right[b, s, t].sum()) > 1
        for node in mask.nonzero()[:, 0].tolist():
            rest = [a for a in actions[b, s, t:].tolist() if a != node]
            row = torch.tensor([*actions[b, s, :t].tolist(), node, *rest])[None]
            same = problem.solution(instance[b : b + 1], row)[0] == plans[s][b]
            assert bool(right[b, s, t, node]) == same
    assert several > 10


def test_solving_without_a_network() -> None:
    """The construction at once; under a limit, what the improver makes of it, in time."""
    polish = classical.solvers()["polish"]
    compiling.compile_now(polish.kernels)
    for core in range(2):  # what its imports take of 1.5 seconds depends on who else is at work
        lanes.current().lane(core).workers.warm(polish)
    case = JSSP().published(10, 1, 200)[0]
    first = solve(case, model="none", time_limit=None)
    assert first.model == "none"
    assert first.cost == check(case, case.construct()).cost
    assert [step.source for step in first.history] == ["construct"]
    begun = time.perf_counter()
    second = solve(case, model="none", time_limit=1.5)
    assert time.perf_counter() - begun < 3.0
    assert second.feasible
    assert second.cost < first.cost
    assert second.history[-1].source == "polish"
    problem = JSSP()
    instance = problem.load([case])
    actions = torch.tensor(second.actions)[None, None]
    assert float(problem.cost(instance, actions)) <= second.cost
    alone = solve(case, model="none", time_limit=0.2, classical=False)
    assert alone.cost == first.cost


def test_the_least_of_the_others_on_a_machine() -> None:
    """Against the obvious way, with ties and machines that nothing is left for."""
    for problem in (JSSP(size=5), FJSP(size=5)):
        instance = problem.generate(3, generator(4))
        shape = (3, 2, *instance.duration.shape[1:])
        values = torch.randint(0, 4, shape, generator=generator(5)).double()
        alive = (torch.rand(shape, generator=generator(6)) < 0.4) & instance.exists[:, None]
        found = of_others(instance, values, alive)
        for b, s in itertools.product(range(3), range(2)):
            places = [tuple(place) for place in alive[b, s].nonzero().tolist()]
            for place in places:
                others = [
                    float(values[b, s][other])
                    for other in places
                    if other != place and instance.machine[b][other] == instance.machine[b][place]
                ]
                assert float(found[b, s][place]) == min(others, default=torch.inf)


def test_bounds_of_a_shop_by_hand() -> None:
    """0 3 | 1 2 and 0 2 | 1 4: whichever is first on machine 0, the other is delayed."""
    problem = JSSP()
    case = files.from_arrays({"machines": [[0, 1], [0, 1]], "durations": [[3, 2], [2, 4]]})
    instance = problem.load([case])
    table = problem.observe(instance, problem.reset(instance, 1)).nodes[0, 0]
    unit = 11 / 4
    # machine 0 needs 0 + 5 + 2, machine 1 needs 2 + 6 + 0, job 1 needs 6: the bound is 8
    first, second = table[0, 14:].tolist(), table[2, 14:].tolist()
    one, two, three = (math.log1p(value / unit) for value in (1, 2, 3))
    # job 0 first: 3 + 2 for itself, machine 0 then 3 + 2 + 4, which is job 1's path too
    assert first == pytest.approx([three, one, one, one, one, -one])
    # job 1 first: 2 + 4 for itself, machine 0 then 2 + 3 + 2
    assert second == pytest.approx([two, one, -one, -one, 0.0, one])


@pytest.mark.parametrize("problem", [JSSP(size=4), FJSP(size=4), FFSP(size=3)])
def test_a_shop_backwards_has_the_schedule_backwards(problem) -> None:
    """It costs no more, and backwards twice is the first again."""
    instance = problem.generate(4, generator(8))
    played = rollout(problem, Probe().build(problem.schema), instance, 1, sample(generator(2)))
    ((other, actions),) = problem.relatives(instance, played.actions[:, 0])
    cost = problem.cost(other, actions[:, None])
    assert bool((cost <= played.cost).all())
    ((again, _),) = problem.relatives(other, actions)
    assert problem._work(again, 0) == problem._work(instance, 0)
    works = [problem._work(shop, 1) for shop in (instance, other)]
    assert works[0] == [job[::-1] for job in works[1]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,1,drill,0,3,3", "machine drill: operation 1 of A is on saw"),
        ("A,1,saw,0,9,3", "end 9: the operation takes 3: this must be 3"),
        ("A,1,saw,0,3,4", "duration 4: the operation takes 3: this must be 3"),
    ],
)
def test_a_schedule_that_says_what_is_not_so_is_refused(
    row: str, words: str, tmp_path: Path
) -> None:
    """Another machine, end or duration than the shop's."""
    (tmp_path / "shop.csv").write_text("job,machine,duration\nA,saw,3\nA,drill,4\n")
    plan = tmp_path / "plan.csv"
    head = "job,operation,machine,start,end,duration\n"
    plan.write_text(f"{head}A,1,saw,0,3,3\nA,2,drill,3,7,4\n")
    assert nco.check(tmp_path / "shop.csv", plan).feasible
    plan.write_text(f"{head}{row}\nA,2,drill,3,7,4\n")
    with pytest.raises(NCOError, match=words):
        nco.check(tmp_path / "shop.csv", plan)


def test_a_solution_begins_another_call(tmp_path: Path) -> None:
    """Of the same instance read anew; one of another instance is refused."""
    (tmp_path / "shop.csv").write_text("job,machine,duration\nA,saw,3\nA,drill,4\nB,saw,2\n")
    first = nco.solve(tmp_path / "shop.csv", time_limit=None, model="none")
    again = nco.solve(tmp_path / "shop.csv", start=first, time_limit=None, model="none")
    assert again.cost <= first.cost
    (tmp_path / "shop.csv").write_text("job,machine,duration\nA,saw,3\nA,drill,5\nB,saw,2\n")
    with pytest.raises(NCOError, match="the start is a plan of another instance"):
        nco.solve(tmp_path / "shop.csv", start=first, time_limit=None, model="none")
