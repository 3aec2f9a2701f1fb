"""The orienteering problem: files, checker, solvers, episodes, and the literature's test sets."""

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from nco import registry
from nco.core.case import Case
from nco.core.errors import InstanceError
from nco.core.seeds import generator
from nco.problems._routing.kernels import warm
from nco.problems.op import OP, classical, files
from nco.problems.op.check import check
from nco.problems.op.plot import plot
from nco.problems.op.problem import literature_limit
from nco.registry.sources import as_case
from nco.testing import check_cases, check_problem

GOOD = """NAME : tiny
COMMENT : (made up)
TYPE : OP
DIMENSION : 5
COST_LIMIT : 20
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
7 0 5.
8 90 0
NODE_SCORE_SECTION
1 0
2 4
3 6.5
7 5
8 100
DEPOT_SECTION
1
-1
EOF
"""
MATRIX = """NAME : matrix
TYPE : OP
DIMENSION : 3
COST_LIMIT : 17
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : LOWER_ROW
EDGE_WEIGHT_SECTION
7 8 9
NODE_SCORE_SECTION
1 2
2 0
3 3
DEPOT_SECTION
2
-1
EOF
"""
# what to replace in GOOD, by what, then the line, the field and a part of the reason
DEFECTS = {
    "no DIMENSION": ("DIMENSION : 5\n", "", None, "DIMENSION", "missing"),
    "DIMENSION too large": ("DIMENSION : 5", "DIMENSION : 6", 4, "DIMENSION", "5 rows"),
    "negative DIMENSION": ("DIMENSION : 5", "DIMENSION : -5", 4, "DIMENSION", "from 1 to"),
    "huge DIMENSION": ("DIMENSION : 5", "DIMENSION : 1000000000", 4, "DIMENSION", "from 1 to"),
    "no TYPE": ("TYPE : OP\n", "", None, "TYPE", "TYPE : OP"),
    "another TYPE": ("TYPE : OP", "TYPE : TOP", 3, "TYPE", "OP"),
    "no metric": ("EDGE_WEIGHT_TYPE : EUC_2D\n", "", None, "EDGE_WEIGHT_TYPE", "missing"),
    "unknown metric": ("EUC_2D", "EUC_7D", 6, "EDGE_WEIGHT_TYPE EUC_7D", "not supported"),
    "no limit": ("COST_LIMIT : 20\n", "", None, "COST_LIMIT", "missing"),
    "limit 0": ("COST_LIMIT : 20", "COST_LIMIT : 0", 5, "COST_LIMIT 0", "positive"),
    "negative limit": ("COST_LIMIT : 20", "COST_LIMIT : -2", 5, "COST_LIMIT -2", "positive"),
    "NaN limit": ("COST_LIMIT : 20", "COST_LIMIT : nan", 5, "COST_LIMIT nan", "finite"),
    "infinite limit": ("COST_LIMIT : 20", "COST_LIMIT : inf", 5, "COST_LIMIT inf", "finite"),
    "limit in words": ("COST_LIMIT : 20", "COST_LIMIT : far", 5, "COST_LIMIT far", "number"),
    "capacity": ("COST_LIMIT : 20", "COST_LIMIT : 20\nCAPACITY : 3", 6, "CAPACITY", "capacities"),
    "routes": ("COST_LIMIT : 20", "COST_LIMIT : 20\nVEHICLES : 3", 6, "VEHICLES", "several"),
    "windows": ("DEPOT_SECTION", "TIME_WINDOW_SECTION", 19, "TIME_WINDOW_SECTION", "support"),
    "no coordinates": ("NODE_COORD_SECTION", "DISPLAY_DATA_SECTION", None, "NODE_COORD", "missing"),
    "NaN coordinate": ("3 6 8", "3 nan 8", 10, "NODE_COORD_SECTION nan", "finite"),
    "overflow": ("3 6 8", "3 1e300 8", 10, "NODE_COORD_SECTION", "overflow"),
    "text": ("3 6 8", "3 six 8", 10, "NODE_COORD_SECTION six", "number"),
    "doubled node": ("3 6 8", "2 6 8", 10, "NODE_COORD_SECTION node 2", "twice"),
    "no scores": ("NODE_SCORE_SECTION\n1 0\n2 4\n3 6.5\n7 5\n8 100\n", "", None, "NODE_S", "missi"),
    "missing score": ("3 6.5\n", "", 13, "NODE_SCORE_SECTION node 3", "row"),
    "doubled score": ("3 6.5\n", "2 6\n", 16, "NODE_SCORE_SECTION node 2", "twice"),
    "unknown score": ("7 5\n", "7 5\n9 5\n", 18, "NODE_SCORE_SECTION node 9", "no such node"),
    "negative score": ("3 6.5\n", "3 -6\n", 16, "NODE_SCORE_SECTION node 3 with -6", "positive"),
    "infinite score": ("3 6.5\n", "3 inf\n", 16, "NODE_SCORE_SECTION inf", "finite"),
    "huge score": ("3 6.5\n", "3 1e300\n", 16, "NODE_SCORE_SECTION node 3 with 1e+300", "sum"),
    "no depots": ("DEPOT_SECTION\n1\n-1\n", "", None, "DEPOT_SECTION", "missing"),
    "empty depots": ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n", 19, "DEPOT_SECTION", "one depot"),
    "two depots": ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n1\n2\n", 21, "DEPOT_SECTION", "one depot"),
    "strange depot": ("SECTION\n1\n-1", "SECTION\n5\n-1", 20, "DEPOT_SECTION 5", "no such"),
    "matrix too": ("DEPOT_SEC", "EDGE_WEIGHT_SECTION\n1\nDEPOT_SEC", 19, "EDGE", "EXPLICIT"),
    "binary": ("NAME : tiny", "NAME : \0", 1, "", "NUL"),
}


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Kernels are ready: compiling them would take all of a short time limit."""
    warm.compile_kernels()


def make(size: int, seed: int = 0, **fields: object) -> files.Case:
    random = np.random.default_rng(seed)
    prizes = np.concatenate([[0], random.integers(0, 10, size)])
    data = {"coords": random.random((size + 1, 2)), "prizes": prizes, "limit": 1.5, **fields}
    case = files.from_arrays(data)
    assert case is not None
    return case


def in_metric(metric: str, size: int = 6, seed: int = 0, limit: float = 150.0) -> files.Case:
    """Whole coordinates in a metric of whole numbers."""
    random = np.random.default_rng(seed)
    coords = random.integers(0, 80, (size + 1, 2)).astype(float)
    return replace(make(size, seed, coords=coords, limit=limit), metric=metric)


def matrix(size: int, seed: int = 0) -> np.ndarray:
    half = np.triu(np.random.default_rng(seed).integers(1, 100, (size + 1, size + 1)), 1)
    return half + half.T


# --------------------------------------------------------------------------------------------------
# Files, arrays, solutions


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_place(name: str) -> None:
    """A broken file is refused in one line with its line, field and reason."""
    old, new, line, field, reason = DEFECTS[name]
    assert GOOD.count(old) >= 1
    with pytest.raises(InstanceError) as caught:
        files.read(GOOD.replace(old, new, 1), path="tiny.oplib")
    message = str(caught.value)
    place = "tiny.oplib: " if line is None else f"tiny.oplib:{line}: "
    assert message.startswith(place + field), message
    assert reason in message.removeprefix(place + field)
    assert "\n" not in message


def test_a_file_is_read_with_its_own_numbers() -> None:
    """Solutions are in the file's node numbers, whatever gaps these have."""
    case = files.read(GOOD)
    assert (case.name, case.metric, case.limit, case.size) == ("tiny", "EUC_2D", 20, 4)
    assert case.ids.tolist() == [1, 2, 3, 7, 8]
    assert case.prizes.tolist() == [0, 4, 6.5, 5, 100]
    assert case.coords is not None
    assert case.coords[3].tolist() == [0, 5]
    assert case.numbered([2, 3]) == [3, 7]
    assert case.indexed([3, 7]) == [2, 3]
    with pytest.raises(InstanceError, match="no node"):
        case.indexed([4])


def test_the_depot_moves_to_the_front() -> None:
    """Distances and prizes are in the order of depot first."""
    case = files.read(MATRIX)
    assert case.ids.tolist() == [2, 1, 3]
    assert case.distances is not None
    assert case.distances.tolist() == [[0, 7, 9], [7, 0, 8], [9, 8, 0]]
    assert case.prizes.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(" : ", ":"),
        GOOD.replace("EOF\n", ""),
        GOOD.replace("TYPE : OP", "type : OP (orienteering)"),
        GOOD.replace("COST_LIMIT : 20", "COST_LIMIT : 2e+01\n\nVEHICLES : 1"),
    ],
)
def test_what_is_no_defect_is_accepted(text: str) -> None:
    """Spaces, line ends, letter case and a missing EOF do not matter."""
    assert files.recognise(text)
    assert files.read(text).prizes.sum() == 115.5
    assert files.read(text).limit == 20


def test_no_problem_takes_the_files_of_another() -> None:
    """Only `op` recognises an OPLib file, and it recognises nothing else."""
    untyped = GOOD.replace("TYPE : OP\n", "")
    for text in (GOOD, MATRIX, untyped, GOOD.replace("DIMENSION : 5\n", "")):
        claims = [name for name in registry.names() if registry.folder(name).files.recognise(text)]
        assert claims == ["op"]
    for junk in ("", "\n", "hello", "\0\1", "TYPE : CVRP\nCOST_LIMIT : 3", "TYPE : TSP\nCOST"):
        assert not files.recognise(junk)


@pytest.mark.parametrize("kept", [6, 10, 12, 15, 18, 19])
def test_a_truncated_file_is_an_error(kept: int) -> None:
    """A file that ends early is refused wherever it ends."""
    with pytest.raises(InstanceError, match=r"^tiny"):
        files.read("\n".join(GOOD.splitlines()[:kept]), path="tiny")


@pytest.mark.parametrize(
    "case",
    [
        files.read(GOOD),
        files.read(MATRIX),
        make(4),
        in_metric("GEO"),
        make(3, distances=matrix(3), limit=90.25),
    ],
)
def test_writing_and_reading_again_changes_nothing(case: files.Case) -> None:
    """Coordinates, distances, prizes and limit survive exactly."""
    again = files.read(files.write(case))
    assert (again.name, again.metric, again.limit) == (case.name, case.metric, case.limit)
    for name in ("coords", "distances", "prizes"):
        first, second = getattr(case, name), getattr(again, name)
        assert (first is None and second is None) or np.array_equal(first, second)


def test_arrays_are_recognised_by_their_keys() -> None:
    """A dictionary with prizes and a limit is a case, others are left alone."""
    case = as_case({"coords": torch.rand(4, 2), "prizes": [0, 1, 2, 3], "limit": 2, "name": "x"})
    assert isinstance(case, files.Case)
    assert (case.name, case.metric, case.ids.tolist()) == ("x", "EUCLIDEAN", [0, 1, 2, 3])
    for other in (None, [1, 2], {"coords": [[0, 0]]}, {"coords": 1, "prizes": 1, "demand": 1}):
        assert files.from_arrays(other) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"limit": None}, "limit: this key is missing"),
        ({"limit": 0}, "limit 0: must be one positive"),
        ({"limit": -1.0}, "limit -1.0: must be one positive"),
        ({"limit": np.nan}, "limit nan: must be one positive"),
        ({"limit": np.inf}, "limit inf: must be one positive"),
        ({"limit": [1, 2]}, "limit"),
        ({"limit": "long"}, "limit"),
        ({"prizes": [0, 1, -2]}, "position 2 with -2.0: a prize must be"),
        ({"prizes": [0, 1, np.nan]}, "position 2 with nan"),
        ({"prizes": [[0, 1, 2]]}, "one row"),
        ({"prizes": [0, "a", 2]}, "no array of numbers"),
        ({"prizes": [0, 1e308, 1e308]}, "sum to more"),
        ({"prizes": [0, 1]}, r"shape \(2, 2\)"),
        ({"coords": [[0, 0], [1, np.inf], [1, 1]]}, "finite"),
        ({"coords": [[0, 0], [1e200, 0], [1, 1]]}, "overflow"),
        ({"distances": [[0, 1, 2], [1, 0, 3], [2, 4, 0]]}, "symmetric"),
        ({"distances": [[0, 1, 2], [1, 0, -3], [2, -3, 0]]}, "from 0 to"),
    ],
)
def test_defective_arrays(fields: dict[str, object], reason: str) -> None:
    """Arrays that do not fit together are refused with the key and the reason."""
    good: dict[str, object] = {"coords": [[0, 0], [1, 0], [1, 1]], "prizes": [0, 1, 2], "limit": 2}
    with pytest.raises(InstanceError, match=reason):
        files.from_arrays({**good, **fields})


def test_solutions_are_read_and_written() -> None:
    """Tour files, node sequences and JSON give the same route; other texts raise."""
    case = files.read(GOOD)
    text = files.write_solution(case, [3, 7], -11.5)
    assert "prize 11.5" in text
    assert files.read_solution(text, case) == [3, 7]
    sequence = "NAME : x\nROUTE_SCORE : 9\nNODE_SEQUENCE_SECTION\n1\n3 7\n1\n-1\nEOF"
    assert files.read_solution(sequence, case) == [3, 7]
    assert files.read_solution("[3, 7]", case) == [3, 7]
    assert files.read_solution('{"solution": []}', case) == []
    for junk in ("", "hello", "{", "[1.5]", "[true]", '{"a": 1}', "TOUR_SECTION\n1\n-1\n2"):
        with pytest.raises(InstanceError):
            files.read_solution(junk, case)


# --------------------------------------------------------------------------------------------------
# The checker


def test_an_instance_by_hand() -> None:
    """1 to 2 to 3 and back: 5 + 5 + 10 = 20, exactly the limit; by way of 7 it is 5 + 7 + 10."""
    case = files.read(GOOD)
    report = check(case, [2, 3])
    assert (report.feasible, report.cost, report.objective) == (True, -10.5, 10.5)
    assert check(case, [3, 7]).violations == ["the route is 22 long, above the limit 20"]
    assert check(case, [7, 2]).objective == 9  # 5 + 3 + 5
    assert isinstance(check(case, [7, 2]).objective, int)
    assert check(case, []).feasible
    assert check(case, []).objective == 0
    assert check(replace(case, limit=19.9999999), [2, 3]).violations  # whole numbers are exact
    for name in ("cpsat", "ortools", "pyvrp", "sisr"):
        found = getattr(classical, name)(case, time_limit=0.5, seed=0)
        assert check(case, found).objective == 10.5, name


def test_the_prize_of_the_depot_is_on_every_route() -> None:
    """As in OPLib, whose depots have scores and whose objectives count them."""
    case = files.read(GOOD.replace("\n1 0\n2 4", "\n1 3\n2 4").replace("COMMENT", "TSP_SOLUTION"))
    assert case.prizes[0] == 3
    assert check(case, []).objective == 3
    assert check(case, [2, 3]).objective == 13.5


@pytest.mark.parametrize(
    ("solution", "sentence"),
    [
        ([2, 2], "node 2 is visited 2 times"),
        ([4], "node 4 does not exist"),
        ([1, 2], "the depot"),
        ([8], "the route is 180 long"),
        ([2.0], "entry 0 of the route, 2.0"),
        ([True], "no node number"),
        ([None], "no node number"),
        ([[2]], "no node number"),
        ([10**30], "does not exist"),
        ("2 3", "list of node numbers"),
        (None, "list of node numbers"),
        ({2, 3}, "list of node numbers"),
    ],
)
def test_each_broken_rule_is_one_sentence(solution: object, sentence: str) -> None:
    """The checker names every broken rule once."""
    report = check(files.read(GOOD), solution)
    assert not report.feasible
    assert len(report.violations) == 1
    assert sentence in report.violations[0]


def test_real_lengths_have_a_tolerance_of_a_millionth() -> None:
    """A route may exceed a real limit by one part in a million, no more."""
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    for limit, feasible in ((4, True), (4 - 3e-6, True), (4 - 5e-6, False)):
        case = make(3, coords=square, prizes=[0, 0.1, 0.2, 0.3], limit=limit)
        assert check(case, [1, 2, 3]).feasible == feasible
        assert check(case, [1, 2, 3]).objective == 0.6  # decimals are exact


# --------------------------------------------------------------------------------------------------
# Solvers


def best_prize(case: files.Case) -> float:
    """The most prize over every order of every choice of customers."""
    reports = (
        check(case, case.numbered(order))
        for count in range(case.size + 1)
        for order in itertools.permutations(range(1, case.size + 1), count)
        # a route and its reverse are as long
        if not order or order[0] <= order[-1]
    )
    return max(report.objective for report in reports if report.feasible)


TINY = {
    **{f"{size} points": make(size, seed=size, limit=1.2 + 0.1 * size) for size in (1, 3, 5, 6)},
    "7 points": make(7, seed=3, limit=1.7, prizes=[0, 0.1, 0.25, 0.3, 1 / 3, 0.7, 0.11, 0.9]),
    "nothing in reach": make(3, limit=1e-3),
    "everything in reach": make(4, limit=1e9),
    "no prizes": make(3, prizes=[0, 0, 0, 0]),
    "no customer": make(0, limit=1),
    "a prize at the depot": make(4, prizes=[7, 1, 2, 3, 4]),
    "a matrix": make(5, distances=matrix(5), limit=180),
    "in one place": make(3, coords=np.ones((4, 2)), prizes=[0, 1, 2, 3]),
    "kilometres": in_metric("GEO", size=5, limit=9000),
    "rounded": in_metric("EUC_2D", size=5),
    "large numbers": make(4, coords=np.random.default_rng(2).random((5, 2)) * 1e7, limit=2e7),
}


@pytest.mark.parametrize("name", TINY)
def test_solvers_find_what_brute_force_finds(name: str) -> None:
    """CP-SAT proves the optimum of tiny cases, and all solvers are feasible."""
    case = TINY[name]
    best = best_prize(case)
    for solver in classical.solvers():
        limit = 0.3 if solver in ("ortools", "pyvrp") else None
        found = getattr(classical, solver)(case, time_limit=limit, seed=0)
        report = check(case, found)
        assert report.violations == []
        if solver == "cpsat" or case.size < 5:  # the others promise nothing
            assert report.objective == pytest.approx(best, rel=1e-9), solver
    assert check(case, case.construct()).feasible


def test_decimals_that_fill_the_limit_are_found() -> None:
    """Ten legs of 0.1 fill a limit of 1, though 0.1 is no binary number."""
    coords = [[0.1 * i, 0.0] for i in range(6)]
    case = make(5, coords=coords, prizes=[0, 1, 1, 1, 1, 1], limit=1.0)
    for solver in classical.solvers():
        found = getattr(classical, solver)(case, time_limit=0.2, seed=0)
        assert check(case, found).objective == 5, solver


@pytest.mark.parametrize("solver", classical.solvers())
def test_a_solver_is_never_worse_than_its_start_and_ignores_a_broken_one(solver: str) -> None:
    """A start is kept or improved, unless it breaks a rule."""
    case = make(30, limit=2.0)
    start = classical.sisr(case, time_limit=None, seed=0)
    found = getattr(classical, solver)(case, time_limit=0.05, seed=1, start=start)
    assert check(case, found).objective >= check(case, start).objective
    broken = getattr(classical, solver)(case, time_limit=0.05, seed=1, start=list(range(1, 31)))
    assert check(case, broken).feasible


def test_ruin_and_recreate_tells_better_routes_and_is_the_same_again() -> None:
    """Of equal steps, routes on the way are feasible, of ever more prize, and end equally."""
    case, told = make(60, limit=2.5), []
    route = classical.sisr(case, time_limit=None, seed=2, found=told.append, iterations=20_000)
    reports = [check(case, better) for better in told]
    assert all(report.feasible for report in reports)
    prizes = [report.objective for report in reports]
    assert prizes == sorted(prizes)
    assert check(case, route).objective >= prizes[-1]
    assert check(case, route).objective > check(case, case.construct()).objective
    assert route == classical.sisr(case, time_limit=None, seed=2, iterations=20_000)


def test_finishers_are_solvers() -> None:
    assert set(classical.improvers()) <= set(classical.solvers())
    assert next(iter(classical.solvers())) == "ortools"


@pytest.mark.long
def test_a_construction_of_many_customers_is_quick_and_feasible() -> None:
    """Ten thousand customers have a feasible route at once."""
    case = make(10_000, limit=20.0)
    route = case.construct()
    assert check(case, route).feasible
    assert len(route) > 1000


def test_a_given_route_is_filled_and_kept_in_its_order() -> None:
    """Insertion keeps the order of what was there, and ends where nothing fits."""
    case = make(40, limit=3.0)
    full = files.fill(case, [5, 9])
    assert full.index(5) < full.index(9)
    assert check(case, full).feasible
    assert len(full) > 2
    assert files.fill(case, full) == full


# --------------------------------------------------------------------------------------------------
# The problem


@pytest.mark.parametrize("problem", [OP(), OP(prize="uniform"), OP(prize="constant", limit=1.0)])
def test_contract(problem: OP) -> None:
    """The problem keeps the contract, brute force and classical solvers included, for all kinds
    of prizes."""
    assert {"brute_force_agrees", "classical_solver_replays"} <= set(check_problem(problem))


METRICS: dict[str, list[Case]] = {
    "rounded to the nearest": [in_metric("EUC_2D", 5), in_metric("EUC_2D", 4, 1)],
    "rounded up": [in_metric("CEIL_2D", 5), in_metric("ATT", 4, 1, 60.0), make(3)],
    "by blocks": [in_metric("MAN_2D", 4), in_metric("EUC_2D", 4, 1), make(3)],
    "kilometres": [in_metric("GEO", 4, limit=9000.0)],
    "decimal degrees": [in_metric("HAVERSINE", 4, limit=9000.0)],
    "a matrix": [make(4, distances=matrix(4), limit=150), make(4, distances=matrix(4), limit=9)],
    "far apart": [make(5, coords=np.random.default_rng(1).random((6, 2)) * 1e4, limit=2e4)],
    "exact fits": [make(3, coords=[[0, 0], [1, 0], [1, 1], [0, 1]], limit=4.0)],
    "nothing in reach": [make(3, limit=1e-3), make(2, limit=2.0)],
    "no customer": [make(0, limit=1)],
    "a prize at the depot": [make(4, prizes=[7, 1, 2, 3, 4]), make(3, prizes=[1, 0, 2, 0])],
    "one place, no prizes": [make(2, coords=np.ones((3, 2)), prizes=[0, 0, 0])],
}


@pytest.mark.parametrize("name", METRICS)
def test_contract_of_given_cases(name: str) -> None:
    """Cases of every metric keep the contract too."""
    ran = check_cases(OP(), METRICS[name])
    assert {"padding_changes_nothing", "checker_agrees"} <= set(ran)


def test_thousands_of_random_episodes_keep_the_limit() -> None:
    """By the independent checker, in real and in whole numbers."""
    problem = OP(size=30)
    rounded = [in_metric(("EUC_2D", "CEIL_2D", "ATT")[s % 3], 30, s, 300.0) for s in range(6)]
    rounded = [replace(case, limit=float(120 + 20 * s)) for s, case in enumerate(rounded)]
    for instance in (problem.generate(12, generator(1)), problem.load(rounded)):
        cases = problem.cases(instance)
        random, state = generator(2), problem.reset(instance, 120)
        actions = []
        while not problem.done(instance, state).all():
            mask = problem.observe(instance, state).mask.float()
            mask[:, :, 0] *= 0.02  # seldom home before the end
            drawn = torch.multinomial(mask.flatten(0, 1), 1, generator=random)
            actions.append(drawn[:, 0].unflatten(0, mask.shape[:2]))
            state = problem.step(instance, state, actions[-1])
        assert bool((state.left >= -1e-9 * instance.limit[:, None]).all())
        played = torch.stack(actions, 2)
        cost = problem.cost(instance, played)
        for s in range(120):
            for b, route in enumerate(problem.solution(instance, played[:, s])):
                report = check(cases[b], cases[b].numbered(route))
                assert report.violations == []
                assert report.cost == pytest.approx(float(cost[b, s]), abs=1e-9)


def test_a_route_that_could_go_on_ends_all_the_same() -> None:
    """Going home early is an action, which ends the episode."""
    problem = OP(size=10, limit=9.0)
    instance = problem.generate(2, generator(0))
    actions = problem.actions(instance, [[3, 1], [2]])
    assert actions.tolist() == [[3, 1, 0], [2, 0, 0]]
    state = problem.reset(instance, 1)
    assert not problem.observe(instance, state).mask[..., 0].any()  # the depot does not come first
    for t in range(3):
        observation = problem.observe(instance, state)
        assert observation.mask.gather(-1, actions[:, None, t, None]).all()
        assert not problem.done(instance, state).all()
        state = problem.step(instance, state, actions[:, None, t])
    assert problem.done(instance, state).all()
    final = problem.observe(instance, state)
    assert final.mask[..., 0].all()
    assert final.mask.sum() == 2
    assert problem.solution(instance, actions) == [[3, 1], [2]]


def test_both_directions_are_drawn() -> None:
    """Equivalent actions are the route and its reverse, and nothing else."""
    problem = OP(size=6, limit=5.0)
    instance = problem.generate(1, generator(0))
    actions = torch.tensor([[[3, 1, 2, 0, 0]]]).expand(1, 50, 5)
    found = {tuple(row) for row in problem.equivalent(instance, actions, generator(1))[0].tolist()}
    assert found == {(3, 1, 2, 0, 0), (2, 1, 3, 0, 0)}


def test_prizes_and_limits_of_the_literature() -> None:
    """Limits grow with the size as in the literature, and prizes are whole hundredths."""
    sizes = [5, 20, 35, 50, 75, 100, 400]
    assert [literature_limit(n) for n in sizes] == [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 8.0]
    for prize in ("distance", "constant", "uniform"):
        instance = OP(size=40, prize=prize).generate(5, generator(0))
        assert bool((instance.prizes[:, 0] == 0).all())
        hundredths = (instance.prizes[:, 1:] * 100).round()
        assert hundredths.min() >= 1
        assert hundredths.max() <= 100
        assert (hundredths.unique().numel() == 1) == (prize == "constant")
    with pytest.raises(ValueError, match="prize must be one of"):
        OP(prize="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be positive"):
        OP(limit=0.0)


def test_published_sets_draw_all_depots_first() -> None:
    """The published sets are reproduced to the bit, whatever part is asked for."""
    cases = OP().published(20, 3, 1234)
    assert np.allclose(cases[0].coords[0], [0.19151945, 0.62210877])
    assert {case.limit for case in cases} == {2.0}
    depot = np.random.RandomState(1234).uniform(size=(10_000, 2))
    assert all(np.array_equal(case.coords[0], depot[b]) for b, case in enumerate(cases))
    many = OP().published(20, 30, 1234)
    assert all(np.array_equal(a.prizes, b.prizes) for a, b in zip(cases, many, strict=False))
    assert max(cases[0].prizes) == 1
    data = b"".join(case.coords.tobytes() + case.prizes.tobytes() for case in many)
    assert hashlib.sha256(data).hexdigest()[:16] == "b1b03893cb9c5370"
    uniform = OP(prize="uniform").published(20, 2, 1234)
    assert np.array_equal(uniform[1].coords, cases[1].coords)


# --------------------------------------------------------------------------------------------------
# The picture


@pytest.mark.parametrize(
    "case",
    [files.read(GOOD), files.read(MATRIX), in_metric("GEO"), make(2000)],
    ids=lambda c: c.name,
)
def test_plot(case: files.Case) -> None:
    """A picture is drawn for every metric, and for an empty route."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    plot(case, case.construct(), ax)
    figure.canvas.draw()
    assert "prize" in ax.get_title()
    plot(case, [], ax)
    plt.close(figure)
