"""The asymmetric TSP: files, arrays, checker, solvers, picture, and the contract of its rules."""

import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

import nco
from nco import registry
from nco.core.errors import InstanceError, NCOError
from nco.core.seeds import generator
from nco.problems.atsp import ATSP, assignment, classical, exact, files
from nco.problems.atsp.check import check
from nco.problems.atsp.plot import plot
from nco.problems.atsp.problem import closure
from nco.problems.tsp import files as tsp_files
from nco.registry.sources import as_case
from nco.testing import check_cases, check_problem

Solver = Callable[..., list[int] | None]

# The way round 1, 2, 3, 4 costs 4 and back 40; the best tour of the other four costs 22.
WHEEL = """NAME : wheel
COMMENT : one way is ten times the other
TYPE : ATSP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : FULL_MATRIX
EDGE_WEIGHT_SECTION
9999 1 10 10
10 9999 1 10
10 10 9999 1
1 10 10 9999
EOF
"""
MATRIX = [[0, 1, 10, 10], [10, 0, 1, 10], [10, 10, 0, 1], [1, 10, 10, 0]]


def make(distances: object, **others: object) -> files.Case:
    """A case of arrays, whatever its symmetry."""
    case = files.from_arrays({"distances": distances, "problem": "atsp", **others})
    assert case is not None
    return case


def random_case(size: int, seed: int = 0) -> files.Case:
    """A case as the literature makes them."""
    return ATSP().published(size, 1, seed)[0]


def optimum(case: files.Case) -> float:
    """The length of the best of all tours."""
    matrix = case.matrix()
    rest = permutations(range(1, case.size))
    return min(float(matrix[[0, *order], [*order, 0]].sum()) for order in rest)


# --------------------------------------------------------------------------------------------------
# Files and arrays


def test_reads_a_file() -> None:
    """Cities count from 1, and the large diagonal is no distance."""
    case = files.read(WHEEL, path="wheel.atsp")
    assert (case.problem, case.view, case.name, case.size) == ("atsp", "tour", "wheel", 4)
    assert case.path == "wheel.atsp"
    assert case.ids.tolist() == [1, 2, 3, 4]
    assert case.matrix().tolist() == MATRIX
    assert case.matrix().dtype == np.int64
    assert case.construct() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        WHEEL.replace("\n", "\r\n"),
        WHEEL.replace("\n", "\r"),
        WHEEL.replace(" : ", ":"),
        WHEEL.lower().replace("name : wheel", "NAME : wheel"),
        WHEEL.replace("EOF\n", ""),
        WHEEL.replace("\n", "\n\n"),
        "\ufeff" + WHEEL,
        WHEEL.replace("9999", "100000000"),
        WHEEL.replace("9999", "-1"),
        WHEEL.replace("TYPE : ATSP", "TYPE : ATSP (M.~Hofmeister)"),
        WHEEL.replace("9999 1 10 10\n", "9999 1e0\n10. 10\t"),
    ],
)
def test_harmless_variations(text: str) -> None:
    """Line ends, blanks, case, wrapping, the diagonal and text after the type are no defects."""
    assert files.recognise(text)
    assert not tsp_files.recognise(text)
    case = files.read(text)
    assert (case.name, case.matrix().tolist()) == ("wheel", MATRIX)


def swap(old: str, new: str) -> str:
    """A defective copy of the file; the part to replace must be there."""
    assert old in WHEEL
    return WHEEL.replace(old, new)


DEFECTS = [  # text, and what the message must contain: field and value, line, reason
    (swap("DIMENSION : 4\n", ""), "DIMENSION", None, "this keyword is missing"),
    (swap(": 4", ": 5"), "EDGE_WEIGHT_SECTION", 7, "of 5 nodes needs 25 numbers"),
    (swap(": 4", ": 3"), "EDGE_WEIGHT_SECTION", 7, "the section has 16"),
    (swap(": 4", ": -4"), "DIMENSION -4", 4, "from 1 to 1,000,000"),
    (swap(": 4", ": 1000000000"), "DIMENSION 1000000000", 4, "from 1 to 1,000,000"),
    (swap(": 4", ": 900000"), "EDGE_WEIGHT_SECTION", 7, "needs 810,000,000,000 numbers"),
    (swap(": 4", ": four"), "DIMENSION four", 4, "a number belongs here"),
    (swap("1 10 10 9999", "1 nan 10 9999"), "SECTION nan", 11, "must be finite"),
    (swap("1 10 10 9999", "1 inf 10 9999"), "SECTION inf", 11, "must be finite"),
    (swap("1 10 10 9999", "1 -2 10 9999"), "SECTION -2", 11, "from 0 to 2**53"),
    (swap("1 10 10 9999", "1 1e17 10 9999"), "SECTION 1e+17", 11, "from 0 to 2**53"),
    (swap("1 10 10 9999", "1 x 10 9999"), "SECTION x", 11, "a number belongs here"),
    (swap("1 10 10 9999\n", "1 10\n"), "EDGE_WEIGHT_SECTION", 7, "the section has 14"),
    (WHEEL[: WHEEL.index("EDGE_WEIGHT_SECTION")], "EDGE_WEIGHT_SECTION", None, "is missing"),
    (swap("EDGE_WEIGHT_TYPE : EXPLICIT\n", ""), "EDGE_WEIGHT_TYPE", None, "keyword is missing"),
    (swap("EXPLICIT", "EUC_2D"), "EDGE_WEIGHT_TYPE EUC_2D", 5, "use one of EXPLICIT"),
    (swap("FULL_MATRIX", "FUNCTION"), "EDGE_WEIGHT_FORMAT FUNCTION", 6, "use one of FULL_MATRIX"),
    (swap("EDGE_WEIGHT_FORMAT : FULL_MATRIX\n", ""), "EDGE_WEIGHT_FORMAT", None, "is missing"),
    (swap("TYPE : ATSP", "TYPE : TSP"), "TYPE TSP", 3, "not an asymmetric TSP"),
    (swap("TYPE : ATSP\n", ""), "TYPE", None, "this keyword is missing"),
    (swap("EOF", "EDGE_WEIGHT_SECTION"), "EDGE_WEIGHT_SECTION", 12, "stated twice"),
    (swap("EOF", "DEMAND_SECTION\n1 0"), "DEMAND_SECTION", 12, "not supported"),
    (swap("EOF", "DISPLAY_DATA_SECTION\n1 0 0"), "node 2", 12, "this node has no row"),
    (swap("DIMENSION : 4", "DIMENSION 4"), "DIMENSION 4", 4, "neither 'KEYWORD : value' nor"),
    (swap("10 10 9999 1", "10 10\0 9999 1"), "", 10, "binary"),
    ("", "", None, "the file is empty"),
]


@pytest.mark.parametrize(("text", "subject", "line", "reason"), DEFECTS)
def test_defects(text: str, subject: str, line: int | None, reason: str) -> None:
    """Each defect is one line with the file, its line, the field, the value and the reason."""
    with pytest.raises(InstanceError) as caught:
        files.read(text, path="bad.atsp")
    message = str(caught.value)
    assert message.startswith("bad.atsp: " if line is None else f"bad.atsp:{line}: ")
    assert subject in message
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WHEEL, True),
        (WHEEL.replace("DIMENSION : 4\n", ""), True),
        (WHEEL.replace("TYPE : ATSP\n", ""), False),
        (WHEEL.replace("TYPE : ATSP", "TYPE : TSP"), False),
        (WHEEL.replace("TYPE : ATSP", "TYPE : ATSPTW"), False),
        ("NAME : a\nTYPE : TOUR\nTOUR_SECTION\n1\n-1\n", False),
        ("the TYPE : ATSP is only spoken of\n", False),
        ("5 10\n1 2\n3 4\n", False),
        ("\0\x01\x02", False),
        ("", False),
    ],
)
def test_recognise(text: str, expected: bool) -> None:
    """Files of TYPE ATSP, defective ones included, and nothing else."""
    assert files.recognise(text) is expected


@pytest.mark.parametrize(
    "case",
    [files.read(WHEEL), make([[0, 0.1], [1 / 3, 0]], name=" two\nlines "), make([[7]])],
    ids=["integers", "reals", "one city"],
)
def test_file_round_trip(case: files.Case) -> None:
    """What is written reads as the same distances to the last bit."""
    again = files.read(files.write(case))
    assert again.name == " ".join(case.name.split())
    assert np.array_equal(again.matrix(), case.matrix())
    assert again.matrix().dtype == case.matrix().dtype
    assert again.ids.tolist() == list(range(1, case.size + 1))


def test_display_survives() -> None:
    """Coordinates for pictures are kept."""
    case = make(MATRIX, coords=[[0, 0], [0, 1], [1, 1], [1, 0]])
    again = files.read(files.write(case))
    assert again.display is not None
    assert again.display.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]


def test_tour_round_trip() -> None:
    """A written tour reads as itself, as do a list and an object of JSON."""
    case = files.read(WHEEL)
    text = files.write_solution(case, [4, 1, 3, 2], 22)
    assert files.read_solution(text, case) == [4, 1, 3, 2]
    assert files.read_solution('{"solution": [4, 1, 3, 2]}', case) == [4, 1, 3, 2]
    with pytest.raises(InstanceError, match="this tour is for another instance"):
        files.read_solution(text.replace(": 4", ": 5"), case)


def test_each_matrix_is_of_one_problem() -> None:
    """An asymmetric matrix is an ATSP, a symmetric one a TSP unless it says otherwise."""
    symmetric = [[0, 2], [2, 0]]
    assert as_case({"distances": MATRIX}).problem == "atsp"
    assert as_case({"distances": symmetric}).problem == "tsp"
    assert as_case({"distances": symmetric, "problem": "atsp"}).problem == "atsp"
    rounding = [[0, 0.1 + 0.2], [0.3, 0]]
    assert as_case({"distances": rounding}).problem == "tsp"


@pytest.mark.parametrize(
    "data",
    [
        None,
        MATRIX,
        np.array(MATRIX),
        {},
        {"coords": [[0, 0]]},
        {"distances": MATRIX, "demand": [0, 1, 1, 1], "capacity": 2},
        {"distances": MATRIX, "problem": "tsp"},
        {"distances": [[0, 1], [1, 0]]},
    ],
)
def test_arrays_of_other_problems(data: object) -> None:
    """Whatever is not of the form of an ATSP is left to other problems."""
    assert files.from_arrays(data) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"distances": [[0, 1]]}, "distances [1, 2]: the shape must be [n, n]"),
        ({"distances": [[0, 1], [2]]}, "distances: the rows differ in length"),
        ({"distances": [[0, "a"], [2, 0]]}, "numbers belong here"),
        ({"distances": [[0, 1], [-2, 0]]}, "distances[1, 0] -2: a distance must be from 0"),
        ({"distances": [[0, 1], [np.nan, 0]]}, "distances[1, 0] nan: the number must be finite"),
        ({"distances": [[0, 1], [1e17, 0]]}, "distances[1, 0] 1e+17: a distance must be from 0"),
        ({"distances": [[0, 1], [2, 0]], "coords": [[0, 0]]}, "there are distances of 2 nodes"),
    ],
)
def test_array_defects(data: object, message: str) -> None:
    """Defective matrices are named with their place and value."""
    with pytest.raises(InstanceError) as caught:
        files.from_arrays(data)
    assert message in str(caught.value)


def test_a_case_has_distances_only() -> None:
    """A metric of the plane has no direction."""
    with pytest.raises(InstanceError, match="only EXPLICIT has a direction"):
        files.Case(metric="EUC_2D", ids=np.arange(2), coords=np.zeros((2, 2)))
    with pytest.raises(InstanceError, match="EXPLICIT comes with distances"):
        files.Case(ids=np.arange(2))


# --------------------------------------------------------------------------------------------------
# The checker


def test_direction_counts() -> None:
    """One way round the wheel costs a tenth of the other."""
    case = files.read(WHEEL)
    assert check(case, [1, 2, 3, 4]).cost == 4
    assert check(case, [3, 4, 1, 2]).cost == 4
    assert check(case, [4, 3, 2, 1]).cost == 40
    assert check(case, [1, 3, 4, 2]).cost == 10 + 1 + 10 + 10
    assert isinstance(check(case, [1, 2, 3, 4]).cost, int)
    real = check(make([[0, 0.5], [0.25, 0]]), (1, 0))
    assert (real.cost, real.feasible) == (0.75, True)


@pytest.mark.parametrize(
    ("tour", "violations", "cost"),
    [
        ([1, 2, 3], ["node 4 is not visited"], 12),
        ([1, 2, 3, 4, 1], ["node 1 is visited 2 times"], 4),
        ([1, 2, 3, 5], ["node 5 does not exist", "node 4 is not visited"], None),
        ([0, 1, 2, 3, 4], ["node 0 does not exist"], None),
        ([], [f"node {node} is not visited" for node in (1, 2, 3, 4)], None),
        (None, ["a tour is a list of node numbers, not NoneType"], None),
        ([1, 2, 3, "4"], ["entry 3 of the tour, '4', is no node number"], None),
        ([True, 2, 3, 4], ["entry 0 of the tour, True, is no node number"], None),
    ],
)
def test_mutations(tour: object, violations: list[str], cost: int | None) -> None:
    """Dropped, doubled and unknown cities and garbage are each named."""
    report = check(files.read(WHEEL), tour)
    assert report.violations == violations
    assert report.cost == cost
    assert not report.feasible


def test_every_mutation_of_a_random_tour() -> None:
    """Every drop, doubling and replacement is flagged; rotations cost the same, reversals not."""
    random = np.random.default_rng(3)
    case = make(random.integers(1, 1000, (8, 8)))
    tour = random.permutation(8).tolist()
    cost = check(case, tour).cost
    assert check(case, tour[::-1]).cost != cost
    for place in range(8):
        assert check(case, tour[place:] + tour[:place]).cost == cost
        assert not check(case, tour[:place] + tour[place + 1 :]).feasible
        for other in (*tour[:place], *tour[place + 1 :], 8, -1):
            assert not check(case, [*tour[:place], other, *tour[place + 1 :]]).feasible
            assert not check(case, [*tour[:place], other, *tour[place:]]).feasible


# --------------------------------------------------------------------------------------------------
# The rules


def test_contract() -> None:
    """Rules, padding, checker, brute force and classical solver agree."""
    assert {"brute_force_agrees", "replay_equals_stepping", "equivalent_keeps_the_solution"} <= set(
        check_problem(ATSP)
    )


@pytest.mark.parametrize(
    "matrices",
    [
        [MATRIX, np.random.default_rng(1).integers(1, 10**6, (6, 6))],
        [[[0]], [[0, 1], [2, 0]], [[0, 1, 2], [3, 0, 4], [5, 6, 0]]],
        [[[0]]],
        [np.zeros((4, 4)), np.ones((5, 5)), np.random.default_rng(2).random((3, 3)) * 1e9],
        [np.where(np.random.default_rng(3).random((5, 5)) < 0.5, 1, 10**8)],
    ],
    ids=["integers", "one, two and three cities", "one city", "flat", "forbidden arcs"],
)
def test_contract_of_given_matrices(matrices: list[object]) -> None:
    """Files of any units are priced as the checker does."""
    check_cases(ATSP(), [make(matrix) for matrix in matrices])


@pytest.mark.parametrize("size", [1, 2, 20])
def test_generated_distances(size: int) -> None:
    """They keep the triangle inequality, differ in direction and have a mean of one half."""
    instance = ATSP(size).generate(5, generator(1))
    distances = instance.distances
    assert distances is not None
    through = (distances[:, :, :, None] + distances[:, None]).amin(2)
    assert (distances <= through + 1e-6).all()
    assert (distances.diagonal(dim1=1, dim2=2) == 0).all()
    if size > 1:
        assert not torch.equal(distances, distances.transpose(1, 2))
        means = distances.sum((1, 2)) / (size * (size - 1))
        assert means.tolist() == pytest.approx([0.5] * 5)
    assert np.array_equal(ATSP(size).generate(5, generator(1)).distances, distances)


def test_closure_by_hand() -> None:
    """The direct way from 0 to 2 is longer than that over 1, and no way leads back to itself."""
    given = torch.tensor([[[9.0, 1, 5], [2, 9, 1], [1, 9, 9]]])
    assert closure(given).tolist() == [[[0, 1, 2], [2, 0, 1], [1, 2, 0]]]
    assert given[0, 0, 2] == 5


def test_features_by_hand() -> None:
    """Least and mean distances from and to each city; padding and the diagonal do not count."""
    instance = ATSP().load([make([[0, 1, 2], [3, 0, 4], [6, 8, 0]]), make([[0, 3], [1, 0]])])
    features = ATSP().features(instance)
    # distances are divided by 8, twice the mean of 4
    wanted = [[1, 3, 1.5, 4.5], [3, 1, 3.5, 4.5], [6, 2, 7, 3]]
    assert (8 * features.nodes[0]).tolist() == wanted
    assert (4 * features.nodes[1]).tolist() == [[3, 1, 3, 1], [1, 3, 1, 3], [0, 0, 0, 0]]
    assert features.edges is not None
    assert (8 * features.edges[0, 1, 2]).tolist() == [4, 8]
    assert (features.xy, ATSP.schema.xy) == (None, 0)
    assert features.exists is not None
    assert features.exists.tolist() == [[True] * 3, [True, True, False]]


def test_equivalent_only_turns() -> None:
    """A random rotation of the tour, and every rotation comes up."""
    instance = ATSP(5).generate(1, generator(1))
    actions = torch.tensor([0, 3, 1, 4, 2]).expand(1, 200, -1)
    changed = ATSP(5).equivalent(instance, actions, generator(2))[0].tolist()
    turns = {(0, 3, 1, 4, 2), (3, 1, 4, 2, 0), (1, 4, 2, 0, 3), (4, 2, 0, 3, 1), (2, 0, 3, 1, 4)}
    assert {tuple(row) for row in changed} == turns


def test_published_set() -> None:
    """NumPy's numbers over the shortest ways; the first instances are those of the whole set."""
    few, many = (ATSP().published(7, count, 1234) for count in (2, 4))
    assert all(np.array_equal(a.distances, b.distances) for a, b in zip(few, many, strict=False))
    whole = np.random.RandomState(1234).randint(1, 10**6 + 1, (7, 7))
    np.fill_diagonal(whole, 0)
    for via in range(7):
        whole = np.minimum(whole, whole[:, via, None] + whole[via])
    assert np.array_equal(few[0].matrix(), whole / 10**6)
    assert few[0].name == "atsp7-1234-0"


# --------------------------------------------------------------------------------------------------
# Solvers and picture


@pytest.fixture(params=classical.solvers())
def solver(request: pytest.FixtureRequest) -> Solver:
    """Each solver that is installed."""
    if request.param == "pyvrp":
        pytest.importorskip("pyvrp")
    return getattr(classical, request.param)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_finds_the_optimum(solver: Solver, size: int) -> None:
    """On few cities every solver finds the best of all tours, and without a limit some tour."""
    case = random_case(size, seed=size)
    tour = solver(case, time_limit=0.3, seed=1)
    assert check(case, tour).feasible
    assert check(case, tour).cost == pytest.approx(optimum(case), abs=1e-12)
    assert check(case, solver(case, time_limit=None, seed=1)).feasible


def test_goes_round_the_wheel(solver: Solver) -> None:
    """The right way, from a start the wrong way and in the file's numbers."""
    case = files.read(WHEEL)
    tour = solver(case, time_limit=0.3, seed=1, start=[4, 3, 2, 1])
    assert check(case, tour).cost == 4
    with pytest.raises(InstanceError, match="a warm start must visit every node once"):
        solver(case, time_limit=0.1, seed=1, start=[1, 2, 3])


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("metric", [True, False], ids=["metric", "uniform"])
def test_cpsat_is_exact(seed: int, metric: bool) -> None:
    """Without a time limit the tour is the best of all, where the bound is not tight too."""
    case = random_case(8, seed)
    if not metric:
        case = make(np.random.default_rng(seed).integers(0, 9, (8, 8)))
    tour = classical.cpsat(case, time_limit=None, seed=1)
    assert check(case, tour).cost == pytest.approx(optimum(case), abs=1e-12)


@pytest.mark.parametrize("scale", [2.0**-40, 1, 2.0**49])
def test_any_scale(solver: Solver, scale: float) -> None:
    """Tiny and huge distances, equal ones and none neither overflow nor divide by zero."""
    for matrix in (np.array(MATRIX) * scale, np.full((5, 5), scale), np.zeros((4, 4))):
        case = make(np.minimum(matrix, 2.0**53))
        assert check(case, solver(case, time_limit=0.1, seed=1)).feasible


def test_start_is_never_made_worse(solver: Solver) -> None:
    """An optimal start comes back in time, even where there is no time to search."""
    case = random_case(20)
    best = classical.cpsat(case, time_limit=None, seed=1)
    for limit in (1e-6, 0.05):
        answer = solver(case, time_limit=limit, seed=1, start=best)
        assert check(case, answer).cost == pytest.approx(check(case, best).cost)


def test_cpsat_leaves_out_arcs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limits of the model and of the exchanges there still is an answer."""
    monkeypatch.setattr(exact, "MOST_ARCS", 40)
    monkeypatch.setattr(exact, "MOST_EXCHANGED", 5)
    case = random_case(20)
    assert check(case, classical.cpsat(case, time_limit=1.0, seed=1)).feasible


def test_exchange_and_patching_by_hand() -> None:
    """Two cycles become one tour; neighbouring segments are swapped without a reversal."""
    table = np.array(MATRIX)
    np.fill_diagonal(table, assignment.FORBIDDEN)
    assert sorted(assignment.patch(table, np.array([1, 0, 3, 2]))) == [0, 1, 2, 3]
    assert exact._exchange(table, [0, 2, 1, 3], np.inf) == [0, 1, 2, 3]
    assert assignment.cycles(np.array([1, 0, 3, 2])).tolist() == [0, 0, 1, 1]


def test_missing_solver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional package the error says how to get it."""
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    with pytest.raises(NCOError, match="pyvrp is not installed: pip install 'nco-solver"):
        classical.pyvrp(random_case(5), time_limit=None, seed=1)


def test_finishers() -> None:
    """The local search that ends with a proof first, and only solvers that exist."""
    names = classical.improvers()
    assert names[:2] == ["polish", "oropt"]
    assert set(names) <= set(classical.solvers())


def test_plot_draws_arrows() -> None:
    """One arrow a leg from city to city, whether there are coordinates or not."""
    figure = pytest.importorskip("matplotlib.figure").Figure()
    case = make(MATRIX, coords=[[0, 0], [0, 1], [1, 1], [1, 0]], name="wheel")
    axes = figure.add_subplot()
    plot(case, [0, 1, 2, 3], axes)
    (arrows,) = [item for item in axes.collections if hasattr(item, "U")]
    assert arrows.get_offsets().tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert np.stack([arrows.U, arrows.V], 1).tolist() == [[0, 1], [1, 0], [0, -1], [-1, 0]]
    assert axes.get_title() == "wheel: length 4"
    for other in (random_case(9), random_case(1), make(MATRIX)):
        plot(other, other.construct(), figure.add_subplot())


def test_found_like_any_other_folder(tmp_path: Path) -> None:
    """A file is read by its TYPE, and checked."""
    path = tmp_path / "wheel.atsp"
    path.write_text(WHEEL)
    case = nco.read(path)
    assert isinstance(case, files.Case)
    assert registry.folder("atsp").problem_class is ATSP
    assert nco.check(path, [1, 2, 3, 4]).cost == 4
