"""The gap over time: primal integrals by hand, mean curves, and what a solver is credited with."""

from dataclasses import replace

import pytest

from nco.benchmark import Improvement, Run, mean_curve, primal_integral, with_gaps, with_integrals
from nco.benchmark.curve import MOST, primal_gap
from nco.benchmark.runs import FINAL, HISTORY, STREAMED, improvements


def run(
    points: list[tuple[float, float]],
    *,
    instance: str = "a",
    solver: str = "one",
    limit: float | None = 10.0,
    traced: str = HISTORY,
) -> Run:
    found = tuple(Improvement(seconds, cost) for seconds, cost in points)
    cost = found[-1].cost if found else None
    error = None if found else "timed out"
    seconds = found[-1].seconds if found else 10.0
    made = Run("tsp", instance, 5, solver, limit, cost, cost, None, seconds, error)
    return replace(made, points=found, traced=traced)


class TestPrimalGap:
    @pytest.mark.parametrize(
        ("cost", "best", "gap"),
        [
            (10.0, 10.0, 0.0),
            (12.5, 10.0, 0.2),  # to the larger of the two
            (-8.0, -10.0, 0.2),
            (1.0, -1.0, 1.0),  # of different signs
            (1.0, 0.0, 1.0),
            (0.0, 0.0, 0.0),
            (0.0, -3.0, 1.0),
            (9.0, 10.0, 0.0),  # better than a best known value
            (1e300, 1e-300, 1.0),
        ],
    )
    def test_is_bertholds(self, cost: float, best: float, gap: float) -> None:
        """The primal gap is between 0 and 1, and 1 where signs differ."""
        assert primal_gap(cost, best) == pytest.approx(gap)


class TestPrimalIntegral:
    def test_by_hand(self) -> None:
        """1 for 2 s, 0.5 for 3 s, 0.2 for 4 s, 0 for 1 s: 4.3 of 10."""
        points = [Improvement(2.0, 20.0), Improvement(5.0, 12.5), Improvement(9.0, 10.0)]
        assert primal_integral(points, 10.0, 10.0) == pytest.approx(43.0)

    def test_of_nothing_is_all_and_of_the_best_at_once_nothing(self) -> None:
        """The integral is 100 per cent and zero then."""
        assert primal_integral([], 10.0, 7.0) == 100.0
        assert primal_integral([Improvement(0.0, 10.0)], 10.0, 7.0) == 0.0

    def test_does_not_see_what_comes_after_the_limit(self) -> None:
        """A later solution changes nothing."""
        assert primal_integral([Improvement(1.0, 20.0), Improvement(2.5, 10.0)], 10.0, 2.0) == 75.0

    def test_is_none_without_a_limit_and_100_for_failures(self) -> None:
        """A run without a limit has no integral."""
        runs = [run([(1.0, 10.0)], limit=None), run([], solver="two"), run([(5.0, 10.0)])]
        done = with_integrals(with_gaps(runs, {}))
        assert [each.primal_integral for each in done] == [None, 100.0, 50.0]

    def test_of_policies_is_none(self) -> None:
        """Their costs are means of simulations, which nobody finds on the way."""
        policy = replace(run([(1.0, 10.0)]), cost_standard_error=0.1)
        (done,) = with_integrals(with_gaps([policy], {}))
        assert done.primal_integral is None

    def test_final_solutions_of_shorter_runs_count_for_longer_ones(self) -> None:
        """Of the same solver, on the same instance, and only where there is nothing better."""
        runs = [
            run([(1.0, 20.0)], limit=1.0, traced=FINAL),
            run([(9.9, 10.0)], traced=FINAL),
            run([(9.9, 10.0)], traced=FINAL, solver="two"),
            run([(9.9, 10.0)], traced=FINAL, instance="b"),
            run([(9.9, 10.0)], traced=STREAMED, solver="three"),
            run([(1.0, 20.0)], traced=STREAMED, limit=1.0, solver="three"),
        ]
        done = with_integrals(with_gaps(runs, {}))
        assert [each.primal_integral for each in done] == pytest.approx(
            [100.0, 10.0 + 0.5 * 89.0, 99.0, 99.0, 99.0, 100.0]
        )


class TestImprovements:
    def test_are_in_order_of_time_and_each_better(self) -> None:
        """Two runs side by side are one curve."""
        points = [
            Improvement(3.0, 5.0, "b"),
            Improvement(1.0, 9.0, "a"),
            Improvement(2.0, 9.0),
            Improvement(3.0, 6.0, "a"),
        ]
        assert improvements(points) == (Improvement(1.0, 9.0, "a"), Improvement(3.0, 5.0, "b"))


class TestMeanCurve:
    def test_begins_when_all_instances_have_a_solution(self) -> None:
        """A mean over fewer would fall when a hard one joins."""
        runs = [
            run([(1.0, 20.0), (4.0, 10.0)]),
            run([(2.0, 11.0), (3.0, 10.0)], instance="b"),
            run([], instance="c"),
        ]
        curve = mean_curve(with_gaps(runs, {}))
        assert [(place.seconds, place.gap_percent) for place in curve] == [
            (2.0, pytest.approx(55.0)),
            (3.0, 50.0),
            (4.0, 0.0),
            (10.0, 0.0),
        ]
        assert curve[1].standard_error == pytest.approx(50.0)

    def test_of_one_solution_reaches_to_the_limit(self) -> None:
        """The last gap holds until the end."""
        curve = mean_curve(with_gaps([run([(1.0, 10.0)])], {}))
        assert curve == [(1.0, 0.0, 0.0), (10.0, 0.0, 0.0)]

    def test_of_nothing_is_empty(self) -> None:
        """Without a solution there is no curve."""
        assert mean_curve(with_gaps([run([])], {})) == []
        assert mean_curve([]) == []

    def test_is_bounded(self) -> None:
        """Thousands of points are thinned, and both ends stay."""
        points = [(index / 1000, 2000.0 - index) for index in range(1000)]
        curve = mean_curve(with_gaps([run(points)], {}))
        assert len(curve) == MOST
        assert (curve[0].seconds, curve[-1].seconds) == (0.0, 10.0)
        assert curve[-1].gap_percent == 0.0
