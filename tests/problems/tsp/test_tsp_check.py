"""The checker of tours: costs by hand, agreement with the matrix, and every mutation flagged."""

import math

import numpy as np
import pytest

from nco.problems._routing import metrics
from nco.problems.tsp import files
from nco.problems.tsp.check import check


def make(metric: str, coords: object, first: int = 1) -> files.Case:
    """A case of a metric, numbered from `first`."""
    points = np.asarray(coords, dtype=np.float64)
    return files.Case(metric=metric, ids=np.arange(first, first + len(points)), coords=points)


RECTANGLE = [[0, 0], [3, 0], [3, 4], [0, 4]]


@pytest.mark.parametrize(
    ("metric", "coords", "expected"),
    [
        ("EUC_2D", RECTANGLE, 14),
        ("EUC_2D", [[0, 0], [1, 1], [2.5, 3]], 1 + 3 + 4),  # 1.414, 2.5 and 3.905
        ("CEIL_2D", [[0, 0], [1, 1], [2, 3]], 2 + 3 + 4),  # 1.414, 2.236 and 3.606
        ("MAN_2D", [[0, 0], [1.2, 1.3], [1.2, 0]], 3 + 1 + 1),
        ("MAX_2D", [[0, 0], [1.2, 1.3], [1.2, -3]], 1 + 4 + 3),
        ("ATT", [[0, 0], [10, 0], [30, 10]], 4 + 8 + 10),  # 3.162, 7.071 and 10
        ("GEO", [[38.24, 20.42], [39.57, 26.15], [40.56, 25.32]], 509 + 126 + 501),  # ulysses16
        ("EUCLIDEAN", [[0, 0], [1, 0], [1, 1]], 2 + math.sqrt(2)),
    ],
)
def test_cost_by_hand(metric: str, coords: list, expected: float) -> None:
    """A tour in the order of the nodes costs what TSPLIB's formulas give."""
    case = make(metric, coords)
    report = check(case, case.ids.tolist())
    assert report.violations == []
    assert report.feasible
    assert report.cost == pytest.approx(expected, rel=1e-15)
    assert report.objective == report.cost
    assert isinstance(report.cost, float if metric == "EUCLIDEAN" else int)


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_agrees_with_the_matrix(metric: str) -> None:
    """Scalar arithmetic here and the arrays of the reader give one cost."""
    generator = np.random.default_rng(5)
    case = make(metric, generator.uniform(-85, 85, (60, 2)), first=0)
    tour = generator.permutation(60)
    matrix = case.matrix()
    expected = matrix[tour, np.roll(tour, -1)].sum()
    assert check(case, tour.tolist()).cost == pytest.approx(expected, rel=1e-14)
    if metric != "EUCLIDEAN":
        assert check(case, tour.tolist()).cost == expected


@pytest.mark.parametrize("entry", [1, 0.5])
def test_matrix_cost(entry: float) -> None:
    """An explicit matrix is the truth: whole entries cost an int, real ones a float."""
    case = files.from_arrays({"distances": [[0, entry, 2], [entry, 0, 4], [2, 4, 0]]})
    assert case is not None
    report = check(case, [2, 0, 1])
    assert report.cost == 6 + entry
    assert isinstance(report.cost, type(entry))


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_tiny(metric: str) -> None:
    """One node costs nothing, two cost the way there and back."""
    assert check(make(metric, [[5, 5]]), [1]).cost == 0
    assert check(make(metric, [[5, 5]]), [1]).feasible
    pair = make(metric, [[38.24, 20.42], [39.57, 26.15]])
    once = float(pair.matrix()[0, 1])
    assert check(pair, [2, 1]).cost == pytest.approx(2 * once)


def test_points_in_one_place() -> None:
    """Equal points are 0 apart, by GEO's formula 1."""
    assert check(make("EUC_2D", [[1, 1]] * 3), [1, 2, 3]).cost == 0
    assert check(make("GEO", [[1, 1]] * 3), [1, 2, 3]).cost == 3
    assert make("GEO", [[1, 1]] * 2).matrix().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("convert", [tuple, np.array, lambda tour: list(np.array(tour))])
def test_forms_of_a_tour(convert: object) -> None:
    """Tuples and NumPy's numbers are tours too."""
    assert check(make("EUC_2D", RECTANGLE), convert([1, 2, 3, 4])).cost == 14


MUTATIONS = [
    ([1, 2, 3], ["node 4 is not visited"], 12),
    ([], [f"node {node} is not visited" for node in (1, 2, 3, 4)], None),
    ([1, 2, 3, 4, 1], ["node 1 is visited 2 times"], 14),
    ([1, 2, 2, 3, 4], ["node 2 is visited 2 times"], 14),
    ([1, 2, 3, 3], ["node 4 is not visited", "node 3 is visited 2 times"], 12),
    ([1, 2, 3, 5], ["node 5 does not exist", "node 4 is not visited"], None),
    ([0, 1, 2, 3, 4], ["node 0 does not exist"], None),
    ([1, 2, 3, -4], ["node -4 does not exist", "node 4 is not visited"], None),
    (
        [9, 9, 1, 2, 3, 4],
        ["node 9 does not exist", "node 9 is visited 2 times"],
        None,
    ),
]


@pytest.mark.parametrize(("tour", "violations", "cost"), MUTATIONS)
def test_mutations(tour: list, violations: list, cost: int | None) -> None:
    """Dropped, doubled and unknown nodes are each named."""
    report = check(make("EUC_2D", RECTANGLE), tour)
    assert report.violations == violations
    assert report.cost == cost
    assert not report.feasible


@pytest.mark.parametrize(
    ("garbage", "sentence"),
    [
        (None, "a tour is a list of node numbers, not NoneType"),
        ("1234", "a tour is a list of node numbers, not str"),
        (7, "a tour is a list of node numbers, not int"),
        ({1: 2}, "a tour is a list of node numbers, not dict"),
        (np.array(3), "a tour is a list of node numbers, not int"),
        ([1, 2, 3, "4"], "entry 3 of the tour, '4', is no node number"),
        ([1, 2, 3, 4.0], "entry 3 of the tour, 4.0, is no node number"),
        ([1, 2, None, 4], "entry 2 of the tour, None, is no node number"),
        ([True, 2, 3, 4], "entry 0 of the tour, True, is no node number"),
        ([[1, 2, 3, 4]], "entry 0 of the tour, [1, 2, 3, 4], is no node number"),
    ],
)
def test_garbage(garbage: object, sentence: str) -> None:
    """What is no list of numbers is a violation, never an exception."""
    report = check(make("EUC_2D", RECTANGLE), garbage)
    assert report.violations == [sentence]
    assert (report.cost, report.feasible) == (None, False)


def test_violations_are_limited() -> None:
    """Of many faults of a kind ten are spelled out."""
    case = make("EUC_2D", np.zeros((100, 2)))
    report = check(case, [1])
    assert report.violations[:2] == ["node 2 is not visited", "node 3 is not visited"]
    assert report.violations[10:] == ["and 89 more of this kind"]
    assert len(check(case, ["x"] * 100).violations) == 11


def test_every_mutation_of_random_tours() -> None:
    """Every drop, every doubling and every replacement in a tour is flagged; rotations are not."""
    generator = np.random.default_rng(3)
    case = make("EUC_2D", generator.uniform(0, 1000, (9, 2)), first=10)
    tour = (10 + generator.permutation(9)).tolist()
    cost = check(case, tour).cost
    for place in range(9):
        turned = tour[place:] + tour[:place]
        assert check(case, turned).cost == cost
        assert check(case, turned[::-1]).cost == cost
        assert not check(case, tour[:place] + tour[place + 1 :]).feasible
        for other in range(9):
            assert not check(case, [*tour[:place], tour[other], *tour[place:]]).feasible
            if other != place:
                assert not check(case, [*tour[:place], tour[other], *tour[place + 1 :]]).feasible
        for unknown in (9, 19, -10):
            assert not check(case, [*tour[:place], unknown, *tour[place + 1 :]]).feasible
