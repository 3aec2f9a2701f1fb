"""Which chunk serves which step: known in advance, every label as often as any other."""

from collections import Counter

import pytest

from nco.training.schedule import Schedule


def test_the_first_pass_is_in_order() -> None:
    """Each chunk as often as it takes to draw as many labels as it holds."""
    schedule = Schedule([(0, [8, 8, 3])], batch_size=4, seed=0)
    assert [schedule.at(step)[1] for step in range(len(schedule))] == [0, 0, 1, 1, 2]
    assert schedule.order() == [(0, 0), (0, 1), (0, 2)]


def test_later_passes_are_shuffled_and_complete() -> None:
    """Each in another order, which depends on the seed."""
    schedule = Schedule([(0, [8] * 20)], batch_size=4, seed=0)
    passes = [[schedule.at(40 * turn + step) for step in range(40)] for turn in range(4)]
    assert all(Counter(one) == Counter(passes[0]) for one in passes)
    assert len({tuple(one) for one in passes}) == 4
    other = Schedule([(0, [8] * 20)], batch_size=4, seed=1)
    assert [other.at(step) for step in range(40)] == passes[0]
    assert [other.at(40 + step) for step in range(40)] != passes[1]


def test_a_step_is_the_same_from_wherever_one_comes() -> None:
    """A resumed run asks for a late step first, an unbroken one for all before it."""
    schedule = Schedule([(0, [8] * 20), (1, [5] * 3)], batch_size=4, seed=3)
    through = [schedule.at(step) for step in range(200)]
    for step in (199, 3, 120, 60, 61, 0):
        assert Schedule([(0, [8] * 20), (1, [5] * 3)], 4, 3).at(step) == through[step]
        assert schedule.at(step) == through[step]


@pytest.mark.parametrize("mentions", [1, 2])
def test_sets_take_turns_by_their_numbers_of_labels(mentions: int) -> None:
    """Also within the first pass, so that a small set is not kept for its end."""
    sets = [(0, [4] * 60)] + [(1, [4] * 6)] * mentions
    schedule = Schedule(sets, batch_size=4, seed=0)
    for first in range(0, len(schedule), 11):
        tenth = [schedule.at(step)[0] for step in range(first, min(first + 11, len(schedule)))]
        assert abs(tenth.count(1) - mentions) <= 1
    assert Counter(schedule.order()) == Counter(
        [(0, i) for i in range(60)] + [(1, i) for i in range(6)]
    )
