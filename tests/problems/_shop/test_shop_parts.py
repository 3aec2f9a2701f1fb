"""What shops share: numbers in text, the checker against a clock, rules, bounds and charts."""

import copy
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from nco.core.case import Proof
from nco.core.errors import InstanceError
from nco.pictures import legend, svg, things
from nco.pictures.colours import HUES, LIGHT
from nco.problems._shop import classical, cpsat, gantt
from nco.problems._shop import plan as plans
from nco.problems._shop import text as words
from nco.problems._shop.bound import makespan_bound
from nco.problems._shop.check import check_plan, every_plan
from nco.problems.ffsp import files as ffsp_files
from nco.problems.fjsp import files as fjsp_files
from nco.problems.fjsp.check import check as check_flexible
from nco.problems.jssp import files as jssp_files
from nco.problems.jssp.check import check as check_job_shop

Work = list[list[list[tuple[int, int]]]]

# two jobs, of which the second may choose once
WORK: Work = [[[(0, 3)], [(1, 2)]], [[(1, 4), (0, 6)], [(0, 1)]]]
GOOD = plans.Plan([[0, 4], [0, 4]], [[0, 1], [1, 0]])

OPERATION = st.dictionaries(st.integers(0, 2), st.integers(0, 5), min_size=1, max_size=2).map(
    lambda choices: sorted(choices.items())
)
JOBS = st.lists(st.lists(OPERATION, min_size=1, max_size=2), min_size=1, max_size=3)


def as_case(work: Work) -> fjsp_files.Case:
    """A flexible job shop of three machines."""
    return fjsp_files.Case(name="drawn", work=work, machines=3)


# ---- numbers in text


def test_rows_leave_out_remarks_and_keep_their_lines() -> None:
    """Empty lines and what follows # do not count; any line end does."""
    text = "\ufeff1 2 # two\r\n\r# none\n\n 3\t4"
    assert list(words.rows(text)) == [(1, ["1", "2"]), (5, ["3", "4"])]
    with pytest.raises(InstanceError, match=r"^f: this is a binary file"):
        list(words.rows("1 \ufffd", "f"))


@pytest.mark.parametrize(
    ("read", "word", "message"),
    [
        (words.whole, "two", "f:3: n two: must be a number"),
        (words.whole, "1e", "f:3: n 1e: must be a number"),
        (words.whole, "1.5", "f:3: n 1.5: must be a whole number of at most"),
        (words.whole, "1e17", "f:3: n 1e17: must be a whole number of at most"),
        (words.whole, "1e400", "f:3: n 1e400: must be a whole number of at most"),
        (words.duration, "-1", "f:3: n -1: a duration must not be negative"),
        (words.count, "0", "f:3: n 0: must be from 1 to 1000000"),
        (words.count, "1e7", "f:3: n 1e7: must be from 1 to 1000000"),
    ],
)
def test_words_that_are_no_such_number(read: Any, word: str, message: str) -> None:
    """Each with its file, line, field and value."""
    with pytest.raises(InstanceError) as caught:
        read(word, "n", "f", 3)
    assert str(caught.value).startswith(message)


def test_whole_numbers_may_be_spelled_in_many_ways() -> None:
    """With a point, an exponent or a sign."""
    for word, number in (("7", 7), ("7.0", 7), ("+7e0", 7), (".7e1", 7), ("-7", -7)):
        assert words.whole(word, "n", None, 1) == number


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1], [2, 3]], "must be whole numbers in 2 dimensions"),
        ([1, 2], "durations [2]: must be whole numbers in 2 dimensions"),
        ([[]], "must be whole numbers in 2 dimensions"),
        ([["1"]], "must be whole numbers in 2 dimensions"),
        ([[1, np.nan]], "durations nan: entry [0, 1] must be a whole number of at least 0"),
        ([[1, 0.5]], "durations 0.5: entry [0, 1]"),
        ([[1], [-1]], "durations -1: entry [1, 0] must be a whole number of at least 0"),
        ([[1e17]], "durations 1e+17: entry [0, 0]"),
        (np.zeros((1001, 1000)), "durations 1001000: at most 1000000 entries"),
    ],
)
def test_arrays_that_are_no_durations(data: Any, message: str) -> None:
    """The first wrong entry by its place, or the shape."""
    with pytest.raises(InstanceError) as caught:
        words.array("durations", data, 2, 0)
    assert message in str(caught.value)


@pytest.mark.parametrize("data", [3, [1], [[1], 2], [[True]], [[1.0]], [["1"]], None])
def test_tables_of_solutions_hold_whole_numbers(data: Any) -> None:
    """Lists of lists, and nothing else in them."""
    with pytest.raises(InstanceError, match=r"whole number"):
        words.table(data, "start")
    assert words.table([[1, -2], []], "start") == [[1, -2], []]


def test_solutions_in_json() -> None:
    """An object's solution, or the text itself; arrays become plain lists."""
    assert words.json_solution('{"solution": [1], "cost": 2}') == [1]
    assert words.json_solution('{"start": [1]}') == {"start": [1]}
    for wrong in ("{", "[" * 100_000):
        with pytest.raises(InstanceError, match="solution: not valid JSON"):
            words.json_solution(wrong)
    plain = words.plain((np.array([1, 2]), [np.int64(3), (4,)]))
    assert plain == [[1, 2], [3, [4]]]
    assert type(plain[1][0]) is int


def test_sums_that_are_not_exact_are_refused() -> None:
    """Beyond 2^53 units of time."""
    words.check_total(2**53, None)
    with pytest.raises(InstanceError, match="beyond 2"):
        words.check_total(2**53 + 1, None)


# ---- the checker


@pytest.mark.parametrize(
    ("start", "machine", "sentence"),
    [
        (None, GOOD.machine, "start must be a list of one list a job, not NoneType"),
        ("ab", GOOD.machine, "start must be a list of one list a job, not str"),
        ([[0, 4]], GOOD.machine, "start has 1 rows, but there are 2 jobs"),
        (GOOD.start, [[0, 1], 3], "machine of job 1 must be a list, not 3"),
        ([[0], [0, 4]], GOOD.machine, "start of job 0 has 1 entries for 2 operations"),
        (GOOD.start, [[0, 1], [1, 1.0]], "machine of operation 1 of job 1 must be a whole number"),
        ([[True, 4], [0, 4]], GOOD.machine, "start of operation 0 of job 0 must be a whole"),
        (GOOD.start, [[0, 1], [2, 0]], "operation 0 of job 1 is on machine 2; it can be on 1, 0"),
        ([[0, 2], [0, 4]], GOOD.machine, "operation 1 of job 0 begins at 2, before 3, when"),
        ([[-1, 4], [0, 4]], GOOD.machine, "operation 0 of job 0 begins at -1, before time 0"),
        ([[0, 3], [0, 4]], GOOD.machine, "machine 1: operation 1 of job 0 begins at 3, while"),
    ],
)
def test_each_slip_has_its_sentence(start: Any, machine: Any, sentence: str) -> None:
    """Wrong forms have no cost; broken rules are told with their job, machine and time."""
    report = check_plan(WORK, start, machine)
    assert not report.feasible
    assert report.violations[0].startswith(sentence)


def test_a_plan_may_come_in_arrays() -> None:
    """Numpy's numbers and rows are as good."""
    for start, machine in (
        (np.array(GOOD.start), np.array(GOOD.machine)),
        ([np.array(row) for row in GOOD.start], tuple(map(tuple, GOOD.machine))),
    ):
        assert check_plan(WORK, start, machine).cost == 6


def _by_clock(work: Work, made: plans.Plan) -> bool:
    """Whether no machine and no job is ever busy twice, moment by moment; durations positive."""
    busy: set[tuple[str, int, int]] = set()
    for j, job in enumerate(work):
        end = 0
        for p, choices in enumerate(job):
            begin, machine = made.start[j][p], made.machine[j][p]
            if begin < end:
                return False
            end = begin + dict(choices)[machine]
            for moment in range(begin, end):
                if ("machine", machine, moment) in busy:
                    return False
                busy.add(("machine", machine, moment))
    return True


@given(JOBS, st.data())
@settings(max_examples=50, deadline=None)
def test_moved_operations_are_judged_as_a_clock_would(work: Work, data: st.DataObject) -> None:
    """A good plan with one operation moved in time is feasible exactly where the clock says so."""
    work = [[[(m, d + 1) for m, d in choices] for choices in job] for job in work]
    made = copy.deepcopy(plans.construct(work))
    assert _by_clock(work, made)
    job = data.draw(st.integers(0, len(work) - 1))
    place = data.draw(st.integers(0, len(work[job]) - 1))
    made.start[job][place] = max(0, made.start[job][place] + data.draw(st.integers(-4, 4)))
    report = check_plan(work, *made)
    assert report.feasible == _by_clock(work, made)
    ends = [
        begin + dict(choices)[machine]
        for row in zip(made.start, made.machine, work, strict=True)
        for begin, machine, choices in zip(*row, strict=True)
    ]
    if report.feasible:
        assert report.cost == max(ends)


@given(JOBS)
@settings(max_examples=40, deadline=None)
def test_rules_bounds_and_enumeration_agree(work: Work) -> None:
    """Every rule's plan is feasible, none is better than the best of all, and no bound above it."""
    every = every_plan(work, most=200)
    if every is None:
        return
    best = min(plans.makespan(work, plans.Plan(*made)) for made in every)
    for rule in plans.RULES:
        made = plans.by_rule(work, rule)
        report = check_plan(work, *made)
        assert report.feasible
        assert report.cost == plans.makespan(work, made)
        assert report.cost >= best
        early = plans.shifted(work, made)
        assert check_plan(work, *early).feasible
        assert plans.makespan(work, early) <= report.cost
    constructed = plans.makespan(work, plans.construct(work))
    assert makespan_bound(work, None) <= best <= constructed


def test_a_bound_without_time_is_still_one() -> None:
    """The longest job needs its time at least."""
    one: Work = [[[(0, 3)]], [[(0, 4)]]]
    assert makespan_bound(one, 0.0) == 4
    assert makespan_bound(one, None) == 7  # the machine does one after the other


def test_very_large_shops_are_planned_by_one_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer is due at once."""
    monkeypatch.setattr(plans, "LARGEST", 3)
    assert plans.construct(WORK) == plans.by_rule(WORK, "mwkr")


# ---- solvers


@pytest.mark.parametrize("name", ["mwkr", "mor", "spt", "lpt", "fifo"])
def test_a_rule_is_a_solver(name: str) -> None:
    """It ignores limit and seed, and gives the plan of its name."""
    case = as_case(WORK)
    solve = classical.solvers()[name].solve
    found = solve(case, time_limit=0.0, seed=1)
    assert found == solve(case, time_limit=None, seed=2)
    assert found == case.stated(plans.by_rule(WORK, name))


def test_cpsat_proves_and_tells() -> None:
    """The optimum with its bound, better plans on the way, and the start where there is no time."""
    case = as_case(WORK)
    lazy = {"start": [[10, 20], [30, 40]], "machine": [[0, 1], [1, 0]]}
    told: list[Any] = []
    proof = Proof()
    found = classical.cpsat(
        case, time_limit=10.0, seed=0, start=lazy, found=told.append, proof=proof
    )
    assert plans.makespan(WORK, case.planned(found)) == proof.bound == 6
    costs = [plans.makespan(WORK, case.planned(each)) for each in told]
    assert costs == sorted(set(costs), reverse=True)
    assert all(check_plan(WORK, each["start"], each["machine"]).feasible for each in told)
    early = cpsat.solve(WORK, time_limit=0.0, seed=0, start=case.planned(lazy), cores=1)
    assert early == plans.shifted(WORK, case.planned(lazy))
    assert cpsat.solve(WORK, time_limit=0.0, seed=0, start=None, cores=1) is None


def test_improvers_are_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OR-Tools the compiled search remains."""
    assert set(classical.improvers()) < set(classical.solvers())
    monkeypatch.setattr(classical.importlib.util, "find_spec", lambda name: None)
    assert classical.improvers() == ["tabu"]


# ---- charts


def two_jobs() -> fjsp_files.Case:
    """The jobs as a case with a name."""
    return replace(as_case(WORK), name="two jobs")


@pytest.fixture
def ax() -> Iterator[Axes]:
    """Axes of a figure that is closed afterwards."""
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_a_chart_has_a_bar_an_operation(ax: Axes) -> None:
    """In the row of its machine, from its beginning to its end, in the colour of its job."""
    gantt.draw(two_jobs(), {"start": GOOD.start, "machine": GOOD.machine}, ax)
    corners = [path.vertices[[0, 2]] for bars in ax.collections for path in bars.get_paths()]
    drawn = [(low[0], (low[1] + high[1]) / 2, high[0] - low[0]) for low, high in corners]
    assert np.allclose(drawn, [(0, 0, 3), (4, 1, 2), (0, 1, 4), (4, 0, 1)])
    assert ax.get_title() == "two jobs: makespan 6"
    assert len({tuple(bars.get_facecolor()[0]) for bars in ax.collections}) == 2
    (operations,) = things.of_axes(ax)
    assert operations.names == ["0", "0", "1", "1"]
    assert operations.facts["end"] == [3, 6, 4, 5]
    assert operations.groups == [bars.get_gid() for bars in ax.collections for _ in range(2)]


def test_a_chart_has_the_names_of_jobs_and_machines(ax: Axes) -> None:
    """Machines stand at the axis, jobs in the legend; the unit of time is that of the table."""
    names = {"jobs": ["$door", "table"], "machines": ["saw", "drill"]}
    case = replace(two_jobs(), names=names, time_unit="minutes")
    gantt.draw(case, {"start": GOOD.start, "machine": GOOD.machine}, ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["saw", "drill"]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["$door", "table"]
    assert ax.get_xlabel() == "time (minutes)"
    ax.figure.canvas.draw()  # a dollar sign is no formula


def test_neighbours_on_a_machine_differ(ax: Axes) -> None:
    """As far as there are colours, also shades of one colour are kept apart."""
    work = [[[(0, 2)]] for _ in range(16)]
    start = [[2 * j] for j in range(16)]
    gantt.draw(as_case(work), {"start": start, "machine": [[0]] * 16}, ax)
    colours = [to_hex(bars.get_facecolor()[0]) for bars in ax.collections]
    dealt = [LIGHT.index(colour) % HUES for colour in colours]
    assert len(set(colours)) == 16
    assert all(one != two for one, two in itertools.pairwise(dealt))
    assert ax.get_legend() is not None


def test_forty_jobs_look_different(ax: Axes) -> None:
    """In colour or hatching, also when they follow each other at random; so does their legend."""
    random = np.random.default_rng(0)
    owners = random.permutation(np.repeat(np.arange(40), 3)).tolist()
    work: Work = [[[(0, 1)]] * 3 for _ in range(40)]
    start = [[place for place, owner in enumerate(owners) if owner == j] for j in range(40)]
    gantt.draw(as_case(work), {"start": start, "machine": [[0] * 3] * 40}, ax)
    looks = [(to_hex(bars.get_facecolor()[0]), bars.get_hatch() or "") for bars in ax.collections]
    assert len(set(looks)) == 40
    assert {hatch for _, hatch in looks} == {"", "//", ".."}
    assert ax.get_legend() is None  # of forty jobs it would be longer than the chart
    listed = legend.written(ax.figure)
    swatches = re.findall(r"<svg.*?</svg>", listed)
    assert len(set(swatches)) == len(swatches) == 40
    _, sheet = svg.written(ax.figure)
    assert sheet.count("fill: url(#") >= 2  # the page has the hatching, too


# ---- the three kinds of shop are one


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_job_shop_is_a_flexible_one_without_choice(seed: int) -> None:
    """Both checkers judge a plan alike, and both files keep it."""
    draw = np.random.default_rng(seed)
    machines = np.array([draw.permutation(3) for _ in range(3)])
    durations = draw.integers(0, 9, (3, 3))
    plain = jssp_files.Case(machines=machines, durations=durations)
    work = [
        [[(int(m), int(d))] for m, d in zip(*row, strict=True)]
        for row in zip(machines, durations, strict=True)
    ]
    flexible = as_case(work)
    start = draw.integers(0, 12, (3, 3))
    first = check_job_shop(plain, start)
    second = check_flexible(flexible, {"start": start, "machine": machines})
    assert (first.cost, first.violations) == (second.cost, second.violations)
    assert fjsp_files.read(fjsp_files.write(flexible)).work == flexible.work
    again = jssp_files.read(jssp_files.write(plain))
    assert np.array_equal(again.machines, machines)
    assert np.array_equal(again.durations, durations)


@given(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_flow_shops_survive_their_file(jobs: int, stages: list[int], seed: int) -> None:
    """Any number of jobs, stages and machines; machines are numbered stage after stage."""
    draw = np.random.default_rng(seed)
    tables = [draw.integers(0, 20, (jobs, machines)) for machines in stages]
    case = ffsp_files.case_of(tables)
    again = ffsp_files.read(ffsp_files.write(case))
    assert (again.work, again.stages, again.machines) == (case.work, case.stages, sum(stages))
    numbers = [machine for choices in case.work[0] for machine, _ in choices]
    assert numbers == list(range(sum(stages)))


@pytest.mark.parametrize(
    ("solution", "sentence"),
    [
        ([1], "the solution must be a dict of start and machine, not list"),
        ({"machine": []}, "the solution has no start"),
        ({"start": []}, "the solution has no machine"),
    ],
)
def test_a_schedule_is_a_dict(solution: Any, sentence: str) -> None:
    """Of start and machine."""
    assert check_flexible(as_case(WORK), solution).violations == [sentence]


def test_machines_of_the_source_are_counted_from_its_first() -> None:
    """A file that counts from 1 has solutions that do; others are named."""
    case = fjsp_files.read("1 2\n2 1 1 5 1 2 3\n")
    made = case.construct()
    assert made == {"start": [[0, 5]], "machine": [[1, 2]]}
    assert case.planned(made) == plans.Plan([[0, 5]], [[0, 1]])
    with pytest.raises(InstanceError, match="machine 0: machines go from 1 to 2"):
        case.indexed({"start": [[0, 5]], "machine": [[0, 1]]})
    text = fjsp_files.write_solution(case, made, 8)
    assert fjsp_files.read_solution(text, case) == made
    assert json.loads(text)["cost"] == 8
