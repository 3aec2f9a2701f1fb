"""The bound of rich plans against all plans of tiny cases, a rule at a time."""

from dataclasses import replace

import numpy as np
import pytest
from rich_brute import least
from rich_rules import ORTOOLS, PYVRP, base, vehicle

from nco.problems.vrp.bound import bound
from nco.problems.vrp.case import Case, Depot, Group, Rounding, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.solving.solver import solve

RULES = {**PYVRP, **ORTOOLS}
CLOSE = 0.75  # of the optimum, on average over the rules


def share(case: Case) -> float:
    """The bound's part of the optimum, which it does not exceed, whatever is known."""
    missing, best = least(case)
    found = bound(case, None)
    if missing:  # some client cannot be served: there is no feasible plan
        return 1.0
    value = 0.0 if found is None else found.value
    assert value <= best + 1e-6
    informed = bound(case, None, best)
    assert informed is None or informed.value <= best + 1e-6
    return value / best if best else 1.0


@pytest.mark.parametrize("rule", RULES)
def test_no_plan_costs_less(rule: str) -> None:
    """With each rule, and without it, the bound is at most the best plan by brute force."""
    case, without = RULES[rule]
    share(case)
    share(without(case))


@pytest.mark.long
def test_the_bound_is_close_to_the_optimum() -> None:
    """On average over the rules it is most of the optimum."""
    assert np.mean([share(case) for case, _ in RULES.values()]) > CLOSE


@pytest.mark.parametrize("seed", range(25))
def test_no_plan_of_a_mixture_costs_less(seed: int) -> None:
    """Random cases with a fleet, windows, loads, prizes, groups, reloads and costs of time."""
    rng = np.random.default_rng(seed)
    opens = rng.integers(0, 40, 4).astype(float)
    optional = rng.random(4) < 0.3
    kinds = [
        VehicleType(
            count=None,
            capacity=(float(rng.integers(4, 9)),),
            fixed=float(rng.integers(0, 20)),
            unit_distance=float(rng.choice([1.0, 0.5])),
            unit_duration=float(rng.choice([0.0, 0.25])),
            end=None if rng.random() < 0.3 else 0,
            reloads=(0,) if rng.random() < 0.3 else (),
            max_distance=float(rng.choice([np.inf, 80.0])),
        )
        for _ in range(2)
    ]
    case = plain(
        4,
        vehicles=kinds,
        coords=np.rint(30 * rng.random((5, 2))),
        rounding=Rounding.ROUND,
        delivery=rng.integers(0, 5, (4, 1)).astype(float),
        pickup=rng.integers(0, 3, (4, 1)).astype(float),
        service=rng.integers(0, 4, 4).astype(float),
        windows=tuple(
            (Window(begin, begin + 30.0),) if rng.random() < 0.5 else () for begin in opens
        ),
        prize=np.where(optional, rng.integers(5, 40, 4), 0).astype(float),
        required=~optional,
        groups=(Group((1, 2), required=bool(rng.random() < 0.5)),) if rng.random() < 0.4 else (),
    )
    share(case)


def test_full_vehicles_from_two_depots_are_proven() -> None:
    """Each client fills a vehicle, and is nearest to one depot: the bound is the cost."""
    coords = np.array([[0, 0], [100, 0], [0, 9], [7, 0], [100, 11], [95, 0]], dtype=float)
    kinds = [VehicleType(count=2, capacity=(2.0,), start=d, end=d, fixed=3.0) for d in (0, 1)]
    depots = (Depot(), Depot())
    case = plain(
        4, depots=depots, vehicles=kinds, coords=coords, rounding=Rounding.ROUND,
        delivery=np.full((4, 1), 2.0),
    )  # fmt: skip
    found = bound(case, None)
    assert found is not None
    assert found.value == 2 * (9 + 7 + 11 + 5) + 4 * 3
    assert isinstance(found.value, int)


def test_what_has_no_bound() -> None:
    """A client in two groups, no time, or nothing that costs: None."""
    case = base(vehicle(capacity=(4.0,)))
    assert bound(replace(case, groups=(Group((1, 2)), Group((2, 3)))), None) is None
    assert bound(case, 1e-9) is None
    assert bound(replace(case, vehicles=(VehicleType(unit_distance=0.0),)), None) is None


def test_an_answer_has_the_bound() -> None:
    """`nco.solve` shows how far its plan may be from the best."""
    rng = np.random.default_rng(0)
    case = plain(
        20,
        vehicles=[VehicleType(count=None, capacity=(6.0,))],
        coords=np.rint(100 * rng.random((21, 2))),
        rounding=Rounding.ROUND,
        delivery=np.full((20, 1), 2.0),
    )
    found = solve(case, iterations=200, bound=True)
    assert found.bound_by == "q-routes"
    assert found.bound is not None
    assert check(case, found.solution).cost == found.cost >= found.bound > 0.85 * found.cost
