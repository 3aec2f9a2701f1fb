"""Rich routing as networks see it: its contract, its masks against the checker, what it refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import nco
from nco.core.errors import InstanceError, NCOError
from nco.core.rollout import greedy, rollout, sample
from nco.core.seeds import generator
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.vrp import VRP
from nco.problems.vrp.case import (
    Backhauls,
    Break,
    Case,
    Depot,
    Group,
    Rounding,
    Route,
    Shipment,
    VehicleType,
    Window,
    plain,
)
from nco.problems.vrp.check import check
from nco.problems.vrp.checking import every
from nco.problems.vrp.network.mixtures import VARIANTS
from nco.registry import sources
from nco.testing import check_cases, check_policy, check_problem
from nco.testing.play import Probe

RICH = VRP(size=7, extras=1.0, varied=1.0)
NUMBERS = np.random.default_rng(7)
MATRIX = NUMBERS.uniform(1, 9, (5, 5)) * (1 - np.eye(5))


def small_policy(neighbours: int = 0) -> BQPolicy:
    return BQPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16), neighbours)


def case_of(**stated: Any) -> Case:
    """Four clients around a depot, each 3 or 4 away."""
    coords = np.array([[0, 0], [3, 0], [0, 4], [-3, 0], [0, -4.0]])
    return plain(4, **{"coords": coords, "delivery": np.ones((4, 1)), **stated})


@pytest.mark.long
def test_several_types_prizes_and_orders_keep_the_contract() -> None:
    """What lies beyond the literature's variants meets the contract, too."""
    ran = check_problem(VRP(extras=1.0, varied=1.0), seed=5)
    assert {"brute_force_agrees", "checker_agrees", "classical_solver_replays"} <= set(ran)


def test_a_network_reads_every_column() -> None:
    """Each column of a rich instance changes what a BQ network decides; padding does not."""
    check_policy(small_policy(), RICH)


@pytest.mark.parametrize("seed", range(3))
def test_masks_allow_what_the_checker_allows(seed: int) -> None:
    """In random states a client may come next exactly where the checker accepts the longer plan."""
    random = generator(seed, "masks")
    instance = RICH.generate(4, random)
    cases, state = RICH.cases(instance), RICH.reset(instance, 1)
    nodes, types = instance.demand.shape[1], instance.types
    probe = Probe(seed).build(RICH.schema)
    played = rollout(RICH, probe, instance, 1, sample(random)).actions
    compared = 0
    for t in range(played.shape[2]):
        mask = RICH.observe(instance, state).mask[:, 0]
        for b in range(len(instance)):
            if bool(RICH.done(instance, state)[b]) or int(state.vehicle[b]) < 0:
                continue
            plan = RICH.solution(instance[b : b + 1], played[b : b + 1, 0, :t])[0] if t else []
            vehicle, fresh = int(state.vehicle[b]), int(state.current[b]) < types
            for node in state.alive[b, 0].nonzero()[:, 0].tolist():
                stop = node - types + int(instance.depots[b])
                longer = [Route(vehicle, [stop])] if fresh else []
                if not fresh:
                    longer = [Route(plan[-1].vehicle, [*plan[-1].stops, stop])]
                plan_now = [*(plan if fresh else plan[:-1]), *longer]
                allowed = not check(cases[b], plan_now).violations
                assert bool(mask[b, node]) == allowed, (t, b, node, plan_now)
                compared += 1
        state = RICH.step(instance, state, played[:, :, t])
    assert bool(RICH.done(instance, state).all())
    assert compared > 50
    assert nodes > types


@pytest.mark.long
@pytest.mark.parametrize(
    "stated",
    [
        {"metric": "EXPLICIT", "distances": (MATRIX,)},
        {"metric": "EXPLICIT", "distances": (MATRIX,), "durations": (MATRIX.T * 60,)},
        {"rounding": Rounding.TRUNC1, "coords": NUMBERS.uniform(0, 30, (5, 2))},
        {"metric": "HAVERSINE", "coords": 50 + NUMBERS.uniform(0, 1, (5, 2))},
        {
            "vehicles": (VehicleType(count=None, speed=0.5, shift=Window(1, 90)),),
            "depots": (Depot(service=2.0),),
            "release": np.array([0, 7, 0, 20.0]),
        },
        {"vehicles": (VehicleType(count=None, capacity=(2,), end=None, max_distance=9),)},
        {
            "depots": (Depot(), Depot(Window(2, 60))),
            "coords": NUMBERS.uniform(0, 9, (6, 2)),
            "allowed": (None, (0,), (1,), None),
            "vehicles": (
                VehicleType(count=2, capacity=(3,), fixed=4),
                VehicleType(count=3, capacity=(4,), start=1, end=1, unit_distance=2),
            ),
        },
    ],
    ids=["matrix", "road", "truncated", "globe", "slow", "open", "skills"],
)
def test_files_of_every_kind_keep_the_contract(stated: dict[str, Any]) -> None:
    """Matrices, travel times of their own, rounding, speeds, skills and two depots."""
    window = (Window(0, 1000.0),)
    case = case_of(windows=(window, (), window, ()), service=np.array([1, 0, 2, 0.5]), **stated)
    assert "checker_agrees" in check_cases(VRP(), [case])


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"delivery": np.ones((4, 2))}, "loads of one"),
        ({"windows": ((Window(0, 1), Window(2, 3)), (), (), ())}, "one window of each"),
        ({"groups": (Group((1, 2)),)}, "groups"),
        ({"shipments": (Shipment(1, 2),)}, "shipments"),
        ({"backhauls": Backhauls.AFTER_SOME}, "mixed and after"),
        (
            {"backhauls": Backhauls.AFTER, "pickup": np.ones((4, 1))},
            "both receives and sends",
        ),
        ({"vehicles": (VehicleType(breaks=(Break(Window(1, 2), 1),)),)}, "breaks"),
        ({"vehicles": (VehicleType(reloads=(0,)),)}, "reloads"),
        ({"vehicles": (VehicleType(max_stops=2),)}, "max_stops"),
        ({"vehicles": (VehicleType(unit_duration=1.0),)}, "unit_duration"),
        ({"vehicles": (VehicleType(max_overtime=1.0),)}, "max_overtime"),
        ({"vehicles": (VehicleType(), VehicleType(speed=2.0))}, "one for all"),
        ({"vehicles": (VehicleType(), VehicleType(unit_distance=0.0))}, "unit_distance"),
    ],
)
def test_what_networks_do_not_know_is_refused(stated: dict[str, Any], message: str) -> None:
    """Such a case is refused in one line, and no shipped network is chosen for it."""
    case = case_of(**stated)
    assert not VRP().fits(case)
    with pytest.raises(InstanceError, match=message) as error:
        VRP().load([case])
    assert "\n" not in str(error.value)


def test_a_client_out_of_reach_is_refused() -> None:
    """A client whom no vehicle can serve is named by its place; an optional one is left out."""
    windows = ((), (Window(0, 3.5),), (), ())
    with pytest.raises(InstanceError, match="client") as error:
        VRP().load([case_of(windows=windows)])
    assert "2" in str(error.value)
    optional = case_of(windows=windows, required=np.array([True, False, True, True]))
    instance = VRP().load([optional])
    played = rollout(VRP(), Probe(0).build(VRP.schema), instance, 1, greedy).actions
    served = {stop for route in VRP().solution(instance, played[:, 0])[0] for stop in route.stops}
    assert served == {1, 3, 4}


def test_too_few_vehicles_leave_clients_out_at_the_highest_price() -> None:
    """Where all vehicles are used, the plan ends; every plan that serves all is cheaper."""
    problem = VRP()
    case = case_of(vehicles=(VehicleType(count=2, capacity=(2,), max_distance=15),))
    instance = problem.load([case])
    short = problem.actions(instance, [[Route(0, [1]), Route(0, [2, 3])]])
    state = problem.reset(instance, 1)
    for action in short[:, None].unbind(2):
        assert bool(problem.observe(instance, state).mask.gather(2, action[..., None]).all())
        state = problem.step(instance, state, action)
    assert bool(problem.done(instance, state).all())
    whole = [plan for plan in every.every_solution(case, 5000) or () if check(case, plan).feasible]
    dearest = max(problem.cost(instance, problem.actions(instance, [p])[:, None]) for p in whole)
    assert float(problem.cost(instance, short[:, None])) > float(dearest)


def test_variants_are_drawn_as_named() -> None:
    """Each variant has its constraints, and one that is held out is never drawn."""
    for name, (opened, back, long, timed) in VARIANTS.items():
        instance = VRP(size=40, variants=[name], extras=0.0).generate(3, generator(1, name))
        assert bool((~instance.ends).all()) == bool((~instance.ends).any()) == opened
        assert bool((instance.pickup > 0).any()) == back
        assert bool(torch.isfinite(instance.distance_limit).all()) == long
        assert bool(torch.isfinite(instance.close[:, 1:]).any()) == timed
    assert "ovrptw" not in VRP(held_out=["ovrptw"]).variants
    assert len(VRP().variants) == len(VARIANTS) == 16
    with pytest.raises(ValueError, match="'vrptl' is no variant: there are"):
        VRP(held_out=["vrptl"])
    with pytest.raises(ValueError, match="no variant is left"):
        VRP(variants=["cvrp"], held_out=["cvrp"])


def test_a_network_of_few_neighbours_sees_all_depots() -> None:
    """However far away, the depots where a route may begin are looked at, and can be chosen."""
    coords = np.concatenate([[[0, 0], [90, 90]], NUMBERS.uniform(0, 9, (6, 2))])
    vehicles = (VehicleType(count=None), VehicleType(count=None, start=1, end=1))
    case = plain(6, coords=coords, depots=(Depot(), Depot()), vehicles=vehicles)
    problem = VRP()
    instance = problem.load([case])
    state = problem.step(instance, problem.reset(instance, 1), torch.zeros(1, 1, dtype=torch.long))
    state = problem.step(instance, state, torch.full((1, 1), 4))
    policy = small_policy(neighbours=3).build(problem.schema)
    seen = policy.look(policy.encode(problem.features(instance)), problem.observe(instance, state))
    assert {0, 1} <= set(seen.nodes[0, 2:].tolist())
    assert seen.nodes.shape[1] == 2 + 3


def test_limits_are_met_to_the_last_digit() -> None:
    """A route that meets capacity, length and window exactly is allowed, a hair more is not."""
    vehicle = VehicleType(count=None, capacity=(0.3,), max_distance=6.0)
    loads = np.array([[0.1], [0.2], [0.3], [0.1]])
    coords = np.array([[0, 0], [0.1, 0], [0.2, 0], [3, 0], [-3, 0.0]])
    windows = ((Window(0, 0.1),), (Window(0, 0.2),), (Window(3.0, 3.0),), ())
    case = case_of(coords=coords, delivery=loads, windows=windows, vehicles=(vehicle,))
    problem = VRP()
    instance = problem.load([case])
    mask = problem.observe(instance, problem.reset(instance, 1)).mask[0, 0]
    assert mask[:5].tolist() == [False, True, True, True, True]
    state = problem.step(instance, problem.reset(instance, 1), torch.full((1, 1), 1))
    assert (
        problem.observe(instance, state).mask[0, 0, :5].tolist()
        == [False, False, True] + [False] * 2
    )
    late = replace(case, windows=(windows[0], (Window(0, 0.2 - 1e-6),), *windows[2:]))
    with pytest.raises(InstanceError, match="no vehicle can serve"):
        problem.load([late])


@pytest.mark.parametrize(
    ("changes", "variant"),
    [
        ({"time_windows": [[[5, 9], [20, 40]], None, None]}, "windows"),
        ({"shipments": [[1, 2]], "demand": [0, 1, 1], "pickup": [1, 0, 0]}, "shipments"),
        ({"time_windows": [[0, 1], None, None]}, ""),  # one that nobody reaches in time
    ],
)
def test_cases_that_networks_do_not_know_are_solved_without(
    changes: dict[str, Any], variant: str
) -> None:
    """With and without a limit, and in a list; only a model that was named is refused."""
    case = sources.as_case(
        {
            "coords": [[0, 0], [8, 1], [9, -2], [-6, 3]],
            "demand": [1, 1, 1],
            "vehicles": [{"count": 2, "capacity": 3, "shift": [0, 90]}],
            **changes,
        },
        "vrp",
    )
    assert case.variant == variant
    for limit in (None, 0.3):
        assert nco.solve(case, time_limit=limit).cost is not None
    assert len(nco.solve([case, case])) == 2
    alone = nco.solve(case, time_limit=5.0, classical=False)
    assert alone.found_by == "construction"
    assert not variant or not alone.plan
    assert variant or "networks do not apply: no vehicle can serve" in alone.plan[0]
    with pytest.raises(NCOError, match=r"networks|no vehicle can serve"):
        nco.solve(case, model="bq-vrp", time_limit=None)
