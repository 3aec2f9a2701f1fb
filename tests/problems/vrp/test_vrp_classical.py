"""Classical solvers against all plans of tiny cases, a rule at a time, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
from rich_brute import least, worth
from rich_rules import ALL, ORTOOLS, PYVRP, base, vehicle, windows

from nco.core.errors import NCOError
from nco.problems.vrp import integers, ortools_model, pyvrp_model
from nco.problems.vrp.case import Break, Case, Rounding, Route, Shipment, VehicleType, Window, plain
from nco.problems.vrp.check import check
from nco.problems.vrp.classical import is_complete, ortools, pyvrp, solvers
from nco.solving import group
from nco.solving.options import Options

pytest.importorskip("pyvrp")
ITERATIONS = 200
SECONDS = 0.1


@pytest.mark.parametrize("rule", {**PYVRP, **ORTOOLS})
def test_solvers_find_the_best_of_all_plans(rule: str) -> None:
    """PyVRP and OR-Tools find the best plan, which is not the best one without the rule."""
    case, without = {**PYVRP, **ORTOOLS}[rule]
    best = least(case)
    assert best != least(without(case))
    if rule in PYVRP:
        assert worth(case, pyvrp(case, time_limit=None, seed=1, iterations=ITERATIONS)) == best
    if rule in ORTOOLS:
        # on a busy machine a moment may be too little
        for seconds in (SECONDS, 10 * SECONDS):
            found = worth(case, ortools(case, time_limit=seconds, seed=1))
            if found == best:
                break
        assert found == best


REFUSED = {
    "breaks": (base(vehicle(breaks=(Break(Window(0, 9), 1.0),))), "no breaks"),
    "stops of several trips": (base(vehicle(max_stops=2, reloads=(0,))), "several trips"),
    "windows of shipments": (
        base(shipments=(Shipment(1, 2),), windows=windows(((0, 9), (20, 30)), ALL, ALL, ALL)),
        "several windows",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_solver_cannot_model_it_refuses(name: str) -> None:
    """PyVRP says what it does not know, and is not called for such a case."""
    case, words = REFUSED[name]
    refusal = pyvrp_model.refusal(case)
    assert refusal is not None
    assert words in refusal
    with pytest.raises(NCOError, match="pyvrp does not apply"):
        pyvrp(case, time_limit=None, seed=0)
    chosen = group.improvers_of(case, Options())
    assert "pyvrp" not in [solver.name for solver in chosen]


def test_or_tools_refuses_releases() -> None:
    """OR-Tools has no release times, and says so."""
    case = base(release=np.array([1.0, 0, 0, 0]))
    assert "release" in (ortools_model.refusal(case) or "")
    with pytest.raises(NCOError, match="ortools does not apply"):
        ortools(case, time_limit=0.1, seed=0)


def test_a_solver_without_refusal_takes_every_case() -> None:
    """`Solver.refusal` is None where the folder says nothing."""
    plainly = replace(solvers()["pyvrp"], refuses=None)
    assert plainly.refusal(REFUSED["breaks"][0]) is None
    assert solvers()["pyvrp"].refusal(REFUSED["breaks"][0]) == "PyVRP knows no breaks"


def town(clients: int = 25) -> Case:
    """Clients with loads and windows, exact distances."""
    draw = np.random.default_rng(5)
    opens = draw.random(clients) * 2
    return plain(
        clients,
        coords=draw.random((clients + 1, 2)),
        vehicles=(VehicleType(count=6, capacity=(1.0,)),),
        delivery=draw.random((clients, 1)) / 5,
        service=np.full(clients, 0.2),
        windows=tuple((Window(each, each + 1.5),) for each in opens.tolist()),
    )


@pytest.mark.parametrize("solver", [pyvrp, ortools])
def test_a_start_is_not_made_worse(solver: object) -> None:
    """From a plan on, solvers tell of better ones only, each of which keeps all rules."""
    case = town()
    start = case.construct()
    told: list[list[Route]] = []
    assert callable(solver)
    plan = solver(case, time_limit=0.3, seed=1, start=start, found=told.append)
    begun, ended = check(case, start), check(case, plan)
    assert begun.feasible
    assert ended.feasible
    assert ended.cost <= begun.cost + 1e-3  # whole numbers
    assert told
    assert all(check(case, each).feasible for each in told)


def test_equal_iterations_give_equal_plans() -> None:
    """A number of iterations makes PyVRP's answer the same on every call."""
    case = town()
    first, second = (pyvrp(case, time_limit=None, seed=3, iterations=50) for _ in "ab")
    assert first == second


def test_a_partial_start_is_completed() -> None:
    """A plan that leaves clients out is a beginning, too."""
    case = town()
    start = case.construct()[:-1]
    assert not is_complete(case, start)
    plan = pyvrp(case, time_limit=None, seed=1, start=start, iterations=200)
    assert plan is not None
    assert is_complete(case, plan)


def test_costs_with_few_decimals_come_back_exactly() -> None:
    """Truncated distances, prices and times with decimals are whole after their factors."""
    case = plain(
        2,
        coords=np.array([[0.0, 0], [3, 4], [1, 1]]),
        rounding=Rounding.TRUNC1,
        vehicles=(VehicleType(unit_distance=1.25, fixed=3.5),),
        service=np.array([0.5, 2.0]),
    )
    numbers = integers.whole(case)
    assert (numbers.distance, numbers.time, numbers.rate) == (10, 10, 4)
    assert numbers.ways(case.vehicles[0])[0].tolist() == [[0, 50, 14], [50, 0, 36], [14, 36, 0]]
    assert numbers.unit_distance(case.vehicles[0]) == 5
    assert numbers.cost(3.5) == 140
    routes = pyvrp_model.Built(case).start([Route(0, [1, 2])])
    solution = pyvrp_model.Built(case).model.solution(routes)
    cost = solution.distance_cost() + solution.fixed_vehicle_cost()
    assert cost / (numbers.distance * numbers.rate) == check(case, [Route(0, [1, 2])]).cost


def test_what_fits_in_whole_numbers_fits_in_truth() -> None:
    """Times are rounded up and limits down, loads likewise."""
    case = town()
    numbers = integers.whole(case)
    durations = numbers.ways(case.vehicles[0])[1]
    exact = np.linalg.norm(case.coords[:, None] - case.coords[None], axis=-1)
    assert (durations >= exact * numbers.time - integers.LEEWAY).all()
    assert numbers.latest(1.23456789) <= 1.23456789 * numbers.time
    share = np.array(numbers.loads.delivery)[:, 0] / numbers.loads.capacity[0][0]
    assert (share >= case.delivery[:, 0] / case.vehicles[0].capacity[0] - 1e-12).all()


def test_the_relay_is_no_worse_than_its_start() -> None:
    """Both solvers one after the other keep all rules and what was reached."""
    case = town()
    start = case.construct()
    plan = solvers()["relay"].solve(case, time_limit=1.0, seed=1, start=start)
    report = check(case, plan)
    assert report.feasible
    assert report.cost <= check(case, start).cost
    assert solvers()["relay"].refusal(REFUSED["breaks"][0]) is not None
