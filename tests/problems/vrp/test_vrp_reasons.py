"""The words of reasons: what a person reads of a client that no vehicle may serve."""

from dataclasses import replace

import numpy as np

from nco.problems.vrp.case import Case, VehicleType, plain
from nco.problems.vrp.explain import impossible, left_out


def line(allowed: tuple[tuple[int, ...] | None, ...]) -> Case:
    """Two clients with loads of 4 and two vans of different size."""
    vans = (VehicleType(capacity=(3.0,), name="Small"), VehicleType(capacity=(9.0,), name="Large"))
    case = plain(2, coords=np.array([[0.0, 0], [1, 0], [2, 0]]), delivery=np.full((2, 1), 4.0))
    return replace(case, vehicles=vans, allowed=allowed)


def test_a_skill_that_nobody_has_is_one_reason() -> None:
    """No sum of an empty fleet is told beside it."""
    reason = "no vehicle has the skills that it needs, or is allowed to serve it"
    assert impossible(line(((), None))) == [f"client 1 cannot be served: {reason}"]


def test_a_skill_that_only_a_small_van_has() -> None:
    """Each van has its own reason, and the sum speaks of one client."""
    told = impossible(line(((0,), None)))
    assert told[0] == (
        "client 1 cannot be served: vehicle 0 (Small): its load of 4 is above the capacity 3; "
        "vehicle 1 (Large): the vehicle lacks a skill that it needs, or may not serve it"
    )
    assert told[1].startswith("4 must be delivered for 1 client that needs them, but vehicle 0")


def test_what_a_plan_has_room_for_can_be_added_by_hand() -> None:
    """The remedy is one of a plan by hand as well as of a search."""
    assert left_out(line((None, None)), [(1, [1])])[0].endswith("add it there, or search longer")
