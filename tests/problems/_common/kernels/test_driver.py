"""The driver ends at its time, its number of steps or its stop flag, and cools on the way."""

import time

import numpy as np
import pytest

from nco.problems._common.kernels import chance
from nco.problems._common.kernels.driver import Span, Teller, anneal_anew, cool


def test_a_number_of_steps_is_kept_exactly() -> None:
    """All steps are made, at temperatures that fall from the first to nearly the last."""
    calls: list[tuple[int, float]] = []

    def step(steps: int, temperature: float) -> int:
        calls.append((steps, temperature))
        return steps

    assert cool(step, 8.0, 0.5, Span(iterations=12_345)) == 12_345
    heats = [heat for _, heat in calls]
    assert sum(steps for steps, _ in calls) == 12_345
    assert heats[0] == 8.0
    assert heats == sorted(heats, reverse=True)
    assert 0.5 <= heats[-1] < 0.55


def test_a_time_is_kept() -> None:
    """The search ends within two chunks of its time, and not before it."""
    begun = time.perf_counter()

    def step(steps: int, temperature: float) -> int:
        time.sleep(1e-5 * steps)
        return steps

    done = cool(step, 1.0, 0.1, Span(begun + 0.1))
    assert 0.1 <= time.perf_counter() - begun < 0.2
    assert done > 100


@pytest.mark.parametrize("limits", [{"until": -1.0}, {"until": -1.0, "iterations": 10**9}])
def test_a_time_that_is_over_allows_nothing(limits: dict[str, float]) -> None:
    """A reading of the past ends a search before its first step."""
    assert cool(lambda steps, heat: steps, 1.0, 0.1, Span(**limits)) == 0


def test_the_flag_ends_the_search() -> None:
    """Nothing follows the step that the flag is set in."""
    stop = np.zeros(1, dtype=np.int64)

    def step(steps: int, temperature: float) -> int:
        stop[0] = 1
        return 1

    assert cool(step, 1.0, 0.1, Span(iterations=10**9, stop=stop)) == 1
    stop[0] = 0
    assert cool(step, 1.0, 0.1, Span(time.perf_counter() + 60, stop=stop)) == 1


def test_a_span_needs_an_end() -> None:
    """A search without any limit is refused."""
    with pytest.raises(ValueError, match="it has neither"):
        Span()


def test_telling_takes_little_of_the_time() -> None:
    """Each better solution is told of at once, unless telling has taken long just before."""
    told: list[str] = []

    def tell(solution: str) -> None:
        time.sleep(0.01)
        told.append(solution)

    teller = Teller(tell, lambda: "better")
    for cost in (5.0, 4.0, 4.0, 3.0):
        teller.look(cost)
    assert told == ["better"]
    time.sleep(0.25)
    teller.look(3.0)
    teller.look(3.0)
    assert told == ["better", "better"]


def test_what_is_no_solution_yet_is_not_told() -> None:
    """Nobody is told while there is nothing to tell."""
    told: list[str] = []
    teller = Teller(told.append, lambda: None)
    teller.look(1.0)
    assert told == []


class Guess:
    """A search whose cost is its number's; it notes its steps, and takes a while for each."""

    unit = 2.0

    def __init__(self, cost: float, seconds: float = 0.0) -> None:
        self.stop = np.zeros(1, dtype=np.int64)
        self.least, self.seconds = cost, seconds
        self.made: list[tuple[int, float]] = []

    def step(self, steps: int, temperature: float, /) -> int:
        time.sleep(steps * self.seconds)
        self.made.append((steps, temperature))
        return steps

    def best(self) -> float:
        return self.least

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.made)


def test_searches_share_the_steps_and_the_best_is_kept() -> None:
    """Each cools all the way with an equal part of the steps, and only better ones are told of."""
    searches = [Guess(cost) for cost in (5.0, 3.0, 4.0, 9.0)]
    told: list[float] = []
    found = anneal_anew(
        lambda number: (searches[number], 4.0), 1.0, Span(iterations=4102), 1000, told.append
    )
    assert found.search is searches[1]
    assert found.steps == 4102
    assert [search.steps for search in searches] == [1025, 1025, 1026, 1026]
    assert told == [5.0, 3.0]
    for search in searches:
        heats = [heat for _, heat in search.made]
        assert heats[0] == 8.0
        assert heats == sorted(heats, reverse=True)
        assert 2.0 <= heats[-1] < 2.2


def test_one_search_has_all_where_there_is_no_time_for_more() -> None:
    """Fewer steps than two searches take are all the first one's."""
    searches = [Guess(1.0)]
    found = anneal_anew(lambda number: (searches[number], 4.0), 1.0, Span(iterations=1999), 1000)
    assert (found.steps, searches[0].steps) == (1999, 1999)


def test_a_short_time_is_one_search_that_cools_from_the_first_step() -> None:
    """Nothing is spent on its speed where no kernel could make twice the steps."""
    search = Guess(1.0, 1e-5)
    begun = time.perf_counter()
    anneal_anew(lambda number: (search, 4.0), 1.0, Span(begun + 0.05), 100_000)
    heats = [heat for _, heat in search.made]
    assert heats == sorted(heats, reverse=True)
    assert len(set(heats)) == len(heats)


def test_searches_share_a_time() -> None:
    """There are as many as the speed of the first steps allows, and they end in time."""
    searches: list[Guess] = []

    def begin(number: int) -> tuple[Guess, float]:
        searches.append(Guess(1.0 - number, 2e-5))
        return searches[-1], 4.0

    begun = time.perf_counter()
    found = anneal_anew(begin, 1.0, Span(begun + 0.4), 2000)
    assert 0.4 <= time.perf_counter() - begun < 0.8
    assert 2 <= len(searches) <= 10  # a sleep takes longer than asked for, never less
    assert found.search is searches[-1]
    assert found.steps == sum(search.steps for search in searches)


def test_the_flag_ends_all_searches() -> None:
    """Set in the first one, it leaves no time for a second."""
    span = Span(iterations=10_000)

    class Ended(Guess):
        def step(self, steps: int, temperature: float, /) -> int:
            self.stop[0] = 1
            return super().step(steps, temperature)

    begun: list[int] = []

    def begin(number: int) -> tuple[Guess, float]:
        begun.append(number)
        return Ended(1.0), 4.0

    anneal_anew(begin, 1.0, span, 1000)
    assert begun == [0]
    assert span.stop[0] == 1


def test_further_searches_have_other_seeds() -> None:
    """The first has the caller's; no two of neighbouring seeds share one."""
    assert [chance.further(seed, 0) for seed in (0, 7)] == [0, 7]
    seeds = {chance.further(seed, number) for seed in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)
