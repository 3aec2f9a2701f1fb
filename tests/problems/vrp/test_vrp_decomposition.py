"""Parts of plans are cases of their own, which save in the whole what they save alone."""

from random import Random

import pytest
from rich_rules import ORTOOLS, PYVRP

from nco.problems.vrp.check import check
from nco.problems.vrp.decomposition import cut, join

EVERY = PYVRP | ORTOOLS


@pytest.mark.parametrize("rule", EVERY)
def test_parts_save_what_they_save_alone(rule: str) -> None:
    """Another plan of a part changes the whole by as much, and breaks no rule there."""
    case, _ = EVERY[rule]
    whole = case.construct()
    parts = cut(case, whole, 2, Random(1))
    for part in parts:
        small = part.case
        before, own = check(case, whole), check(small, part.solution)
        assert not own.violations
        same = check(case, join(case, whole, part, part.solution))
        assert (same.cost, len(same.unassigned)) == (before.cost, len(before.unassigned))
        other = check(small, small.construct())
        whole = join(case, whole, part, small.construct())
        after = check(case, whole)
        assert not after.violations
        assert after.cost - before.cost == pytest.approx(other.cost - own.cost)
    clients = [place for part in parts for place in part.members.places[case.first_client :]]
    assert sorted(clients) == list(range(case.first_client, case.first_client + case.size))


def test_no_plan_has_no_parts() -> None:
    """Where nobody drives there is nothing to cut."""
    case, _ = EVERY["windows"]
    assert cut(case, [], 2, Random(0)) == []
