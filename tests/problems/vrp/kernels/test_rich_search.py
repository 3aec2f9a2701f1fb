"""The compiled search as a solver: optima of tiny cases, starts, what it refuses, equal answers."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich_cases import KINDS, make

from nco.core.errors import NCOError
from nco.problems.vrp.case import (
    Backhauls,
    Break,
    Case,
    Depot,
    Group,
    Route,
    Shipment,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.check import check
from nco.problems.vrp.checking.every import every_solution
from nco.problems.vrp.solvers.searching import refusal, sisr

UNCOMPILED = "NUMBA_DISABLE_JIT"
PRINT = """
import json, sys
from rich_cases import make
from nco.problems.vrp.solvers.searching import sisr
kinds = json.load(sys.stdin)
print(json.dumps([sisr(make(kind), time_limit=None, seed=3, iterations=40) for kind in kinds]))
"""


def cost(case: Case, plan: list[Route] | None) -> tuple[int, float]:
    """What a plan that keeps all rules leaves out, and its cost."""
    report = check(case, plan)
    assert not report.violations, report.violations
    assert report.cost is not None
    return len(report.unassigned), float(report.cost)


@pytest.mark.parametrize("kind", ["depots", "prizes", "groups", "reloads", "shipments", "loads"])
def test_tiny_cases_are_solved(kind: str) -> None:
    """No plan of a case with a few clients costs less."""
    size = {"reloads": 4, "depots": 3, "shipments": 5}.get(kind, 4)
    case = make(kind, size=size, seed=5)
    plans = every_solution(case, 10**6)
    assert plans is not None
    reports = [check(case, plan) for plan in plans]
    costs = [float(r.cost) for r in reports if not r.violations and not r.unassigned and r.cost]
    missing, found = cost(case, sisr(case, time_limit=None, seed=1, iterations=3000))
    assert missing == 0
    assert found == pytest.approx(min(costs))


@pytest.mark.parametrize("kind", ["breaks", "paid breaks"])
@pytest.mark.parametrize("seed", range(6))
def test_no_plan_with_breaks_is_overlooked(kind: str, seed: int) -> None:
    """Vehicles that all have a break, in windows that leave little choice: still the optimum."""
    case = make(kind, size=4, seed=seed)
    case = replace(case, vehicles=tuple(kind for kind in case.vehicles if kind.breaks))
    plans = every_solution(case, 10**6)
    assert plans is not None
    reports = [check(case, plan) for plan in plans]
    served = [(len(r.unassigned), float(r.cost)) for r in reports if not r.violations and r.cost]
    found = cost(case, sisr(case, time_limit=None, seed=1, iterations=3000))
    assert found == pytest.approx(min(served))


def test_routes_open_for_optional_clients_that_pay_only_together() -> None:
    """A route for two of them costs more than their prizes, one for a row of five does not."""
    rows, each = 6, 5
    angles = np.repeat(np.arange(rows) * 2 * np.pi / rows, each)
    along = np.tile(100.0 + np.arange(each), rows)
    places = np.stack([along * np.cos(angles), along * np.sin(angles)], 1)
    case = plain(
        rows * each,
        coords=np.concatenate([[[0.0, 0.0]], places]),
        vehicles=[VehicleType(count=None, capacity=(float(each),))],
        delivery=np.ones((rows * each, 1)),
        prize=np.full(rows * each, 70.0),
        required=np.zeros(rows * each, dtype=bool),
    )
    routes = sisr(case, time_limit=None, seed=1, iterations=2000)
    assert routes is not None
    assert len(routes) == rows
    report = check(case, routes)
    assert not report.violations
    assert report.cost == pytest.approx(rows * 2 * (100.0 + each - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_never_gets_worse(kind: str) -> None:
    """From a plan on, steps without a temperature to speak of lead to none that is worse."""
    case = make(kind, seed=2)
    first = sisr(case, time_limit=None, seed=1, iterations=30)
    before = cost(case, first)
    told: list[list[Route]] = []
    after = cost(
        case, sisr(case, time_limit=None, seed=2, iterations=150, start=first, found=told.append)
    )
    assert after <= before
    assert all(cost(case, plan) >= after for plan in told)


def test_a_start_that_breaks_a_rule_is_ignored() -> None:
    """A plan that overloads its vehicle is none to begin from."""
    case = make("windows")
    wrong = [Route(0, list(range(1, case.size + 1)))]
    assert check(case, wrong).violations
    assert cost(case, sisr(case, time_limit=None, seed=1, iterations=20, start=wrong))[0] == 0


def test_plans_are_partial_where_vehicles_do_not_suffice() -> None:
    """One vehicle for five clients of which it carries two: the dearest detours stay out."""
    case = plain(
        5,
        coords=np.array([[0, 0], [1, 0], [2, 0], [30, 0], [40, 0], [50, 0]], dtype=float),
        delivery=np.ones((5, 1)),
        vehicles=(VehicleType(count=1, capacity=(2.0,)),),
    )
    plan = sisr(case, time_limit=None, seed=1, iterations=500)
    assert cost(case, plan) == (3, 4.0)


def test_small_and_impossible_cases_have_answers() -> None:
    """One client, none, clients that nobody can reach or carry, and a fleet of no vehicles."""
    coords = np.array([[0, 0], [3, 4], [3, 4]], dtype=float)
    assert sisr(plain(0, coords=coords[:1]), time_limit=None, seed=0) == []
    one = plain(1, coords=coords[:2])
    assert sisr(one, time_limit=None, seed=0, iterations=20) == [Route(0, [1])]
    late = plain(2, coords=coords, windows=((Window(0, 1),), ()))
    assert sisr(late, time_limit=None, seed=0, iterations=20) == [Route(0, [2])]
    heavy = plain(
        2,
        coords=coords,
        delivery=np.array([[2.0], [1.0]]),
        vehicles=(VehicleType(count=None, capacity=(1.0,)),),
    )
    assert sisr(heavy, time_limit=None, seed=0, iterations=20) == [Route(0, [2])]
    none = replace(heavy, vehicles=(VehicleType(count=0),))
    assert sisr(none, time_limit=None, seed=0) == []


def test_equal_vehicles_keep_their_names() -> None:
    """Types that differ in their names alone are used no more often than there are of each."""
    kinds = tuple(VehicleType(count=1, capacity=(1.0,), name=name) for name in "abc")
    case = plain(3, coords=np.eye(4)[:, :2].copy(), delivery=np.ones((3, 1)), vehicles=kinds)
    plan = sisr(case, time_limit=None, seed=1, iterations=100)
    assert plan is not None
    assert sorted(route.vehicle for route in plan) == [0, 1, 2]


REST = Break(Window(0, 9), 1.0)
REFUSED = {
    "one break of a vehicle": {"vehicles": (VehicleType(breaks=(REST, REST)),)},
    "neither releases": {
        "vehicles": (VehicleType(breaks=(REST,)),),
        "release": np.array([1.0, 0.0, 0.0]),
    },
    "nor reloads": {"vehicles": (VehicleType(breaks=(REST,), reloads=(0,)),)},
    "no shipments together with breaks": {
        "vehicles": (VehicleType(breaks=(REST,)),),
        "shipments": (Shipment(1, 2),),
    },
    "start and end alone": {
        "depots": (Depot(), Depot()),
        "vehicles": (VehicleType(reloads=(1,)),),
    },
    "without limits": {"vehicles": (VehicleType(reloads=(0,), max_duration=9.0),)},
    "together with reloads": {
        "vehicles": (VehicleType(reloads=(0,)),),
        "shipments": (Shipment(1, 2),),
    },
    "among deliveries": {"backhauls": Backhauls.AFTER, "shipments": (Shipment(1, 2),)},
    "one group or shipment": {"groups": (Group((1, 2)), Group((2, 3)))},
    "one window": {
        "windows": ((Window(0, 1), Window(2, 3)), (), ()),
        "shipments": (Shipment(1, 2),),
    },
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_it_does_not_know_is_refused(words: str) -> None:
    """A rule that the kernel does not know is named, and never ignored."""
    case = plain(3, coords=np.zeros((5, 2)), **REFUSED[words])
    assert words in (refusal(case) or "")
    with pytest.raises(NCOError, match=words):
        sisr(case, time_limit=None, seed=0)


def test_every_kind_of_the_tests_is_known() -> None:
    """Nothing that these tests search is refused."""
    assert [kind for kind in KINDS if refusal(make(kind))] == []
    more = replace(make("windows"), vehicles=(VehicleType(breaks=(REST, REST)),))
    assert refusal(more)


@pytest.mark.long
@pytest.mark.skipif(UNCOMPILED in os.environ, reason="this is the uncompiled run")
def test_uncompiled_answers_are_the_same() -> None:
    """Equal seeds and steps give equal answers, with a compiler and without one."""
    here = str(Path(__file__).parent)
    paths = os.pathsep.join([here, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    run = subprocess.run(
        [sys.executable, "-c", PRINT],
        env=os.environ | {UNCOMPILED: "1", "PYTHONPATH": paths},
        input=json.dumps(KINDS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    compiled = [sisr(make(kind), time_limit=None, seed=3, iterations=40) for kind in KINDS]
    assert json.loads(run.stdout) == json.loads(json.dumps(compiled))
