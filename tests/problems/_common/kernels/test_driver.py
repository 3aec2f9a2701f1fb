"""The driver ends at its time, its number of steps or its stop flag, and cools on the way."""

import time

import numpy as np
import pytest

from nco.problems._common.kernels.driver import Span, Teller, cool


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
