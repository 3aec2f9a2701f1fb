"""Every step of the kernel of rich routing against the checker, which shares no code with it."""

from dataclasses import replace

import numpy as np
import pytest
from rich_cases import KINDS, make, recount

from nco.problems._routing.kernels import lists
from nco.problems._routing.kernels.ruin import Ruin
from nco.problems.vrp.kernels.search import Search, Settings

SMALL = Settings(ruin=Ruin(4.0, 5), neighbours=12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_keeps_the_accounts(kind: str) -> None:
    """Costs, times, loads and rules of the present and the best plan hold after each step."""
    case = make(kind)
    search = Search(case, 1, None, SMALL)
    recount(case, search)
    for step in range(60):
        assert search.step(1, (0.1, 1.0, 10.0)[step % 3] * search.unit) == 1
        recount(case, search)
    assert search.plan.tally[lists.ACCEPTED] > 10
    assert search.plan.tally[lists.BETTER] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_refused_leaves_everything_as_it_was(kind: str) -> None:
    """At no temperature, all figures after a step that is not accepted are those before."""
    case = make(kind, seed=3)
    search = Search(case, 2, None, replace(SMALL, exchanges=(0.0, 0)))
    search.step(200, 1e-9)
    plan, refused = search.plan, 0
    for _ in range(40):
        kept = plan.after, plan.before, plan.route, plan.stops, plan.length, plan.cost, plan.free
        absent = np.flatnonzero(plan.route > len(plan.empty))
        plan.after[absent] = plan.before[absent] = 0  # what once was beside them is of no interest
        before, accepted = [part.copy() for part in kept], int(plan.tally[lists.ACCEPTED])
        search.step(1, 1e-12)
        if plan.tally[lists.ACCEPTED] == accepted:
            refused += 1
            plan.after[absent] = plan.before[absent] = 0
            assert all(
                np.allclose(new, old, rtol=1e-12, atol=0)
                for new, old in zip(kept, before, strict=True)
            )
            recount(case, search)
    assert refused > 10


@pytest.mark.parametrize("seed", range(6))
def test_trips_end_in_time_whatever_was_tried_before(seed: int) -> None:
    """No used trip keeps the end of a plan that was refused: each is over within the shift."""
    search = Search(make("reloads", seed=seed), 1, None, SMALL)
    plan, rules = search.plan, search.rules
    for step in range(60):
        search.step(1, (0.1, 1.0, 10.0)[step % 3] * search.unit)
        used = np.flatnonzero(plan.stops > 0)
        assert (plan.soon[used] <= rules.until[rules.kind[used]]).all()
        assert (plan.ends[used] <= rules.until[rules.kind[used]]).all()
