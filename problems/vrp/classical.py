"""Classical solvers on a rich routing case: ruin and recreate, PyVRP, and OR-Tools.

Each takes the cases of which it knows every rule: the compiled search most of them, PyVRP those
without breaks, OR-Tools those with several breaks of a vehicle.
"""

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from functools import partial

from nco.core.errors import NCOError
from nco.problems._common import clock
from nco.problems._routing import with_ortools, with_pyvrp
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.check import check
from nco.problems.vrp.solvers import ortools_model, pyvrp_model, searching
from nco.registry.interface import Solver

Found = Callable[[list[Route]], None]

KERNELS = "nco.problems.vrp.kernels.warm"
KERNEL_MODULES = ("nco.problems.vrp.kernels.search",)
FIRST = 0.4  # share of the time of ruin and recreate before PyVRP goes on
WORTHWHILE = 0.016  # seconds a client, under which PyVRP would come to nothing
LARGEST_WHOLE = 3000  # clients: PyVRP's matrices grow with the square
COMPLETE = 0.4  # share of the time for a plan that serves all, where none is known
TRIES = 2000  # iterations for that where there is no limit


def solvers() -> dict[str, Solver[Case]]:
    """The classical solvers by name, the one that is compared with first."""
    return {
        "pyvrp": Solver(
            pyvrp,
            found=True,
            iterations=1,
            modules=with_pyvrp.MODULES,
            largest=LARGEST_WHOLE,
            refuses=pyvrp_model.refusal,
        ),
        "ortools": Solver(
            ortools,
            found=True,
            modules=with_ortools.MODULES,
            largest=LARGEST_WHOLE,
            refuses=ortools_model.refusal,
        ),
        "relay": Solver(
            relay,
            found=True,
            modules=(*with_pyvrp.MODULES, *KERNEL_MODULES),
            kernels=KERNELS,
            refuses=_relay_refusal,
        ),
        "sisr": Solver(
            searching.sisr,
            found=True,
            iterations=100,
            modules=KERNEL_MODULES,
            kernels=KERNELS,
            refuses=searching.refusal,
        ),
    }


def improvers() -> list[str]:
    """The installed solvers that can improve a given solution, the best first."""
    needed = {
        "relay": ("numba", "pyvrp"),
        "sisr": ("numba",),
        "pyvrp": ("pyvrp",),
        "ortools": ("ortools",),
    }
    return [
        name for name, packages in needed.items() if all(map(importlib.util.find_spec, packages))
    ]


def pyvrp(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: list[Route] | None = None,
    found: Found | None = None,
    iterations: int | None = None,
) -> list[Route] | None:
    """PyVRP's iterated local search; its best plan or None.

    Where it finds no plan that serves all in a part of the time, required clients become optional:
    the plan then leaves out as few as it can.

    Args:
        case: a case that PyVRP models (`pyvrp_model.refusal`).
        time_limit: seconds from here on, building the model included and importing PyVRP not;
            None stops at the first plan.
        seed: of PyVRP's own random numbers.
        start: a plan to begin from, which may be partial; None: PyVRP makes its own.
        found: is called with each better plan on the way.
        iterations: of its search, after which it stops wherever the clock stands.
    """
    with_pyvrp.load()
    deadline = clock.deadline(time_limit)
    _require("pyvrp", case, pyvrp_model.refusal(case))
    if case.size == 0:
        return []
    run = _Run(case, seed, found)
    known = case.construct() if start is None else start
    if is_complete(case, known):
        return run.improve(start, with_pyvrp.Limit(deadline, iterations), whole=True)
    first = TRIES if deadline is None else None  # iterations
    if iterations is not None:
        first = max(1, int(COMPLETE * iterations))
        iterations -= first
    if deadline is None:
        until = None
    else:
        until = deadline - (1 - COMPLETE) * (deadline - time.monotonic())
    limit = with_pyvrp.Limit(until, first, feasible=True)
    complete = run.improve(known, limit, whole=True)
    limit = with_pyvrp.Limit(deadline, iterations)
    return run.improve(complete or known, limit, whole=complete is not None)


def ortools(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: list[Route] | None = None,
    found: Found | None = None,
) -> list[Route] | None:
    """OR-Tools: guided local search until the time is up; required clients may be left out.

    Args:
        case: a case that is modelled for OR-Tools (`ortools_model.refusal`).
        time_limit: seconds from here on, building the model included and importing OR-Tools not;
            None stops at the first plan.
        seed: unused; the search is deterministic but for its clock.
        start: a plan to begin from, which may be partial; None: the construction. The answer is
            never worse.
        found: is called with each better plan on the way.
    """
    with_ortools.load()
    deadline = clock.deadline(time_limit)
    _require("ortools", case, ortools_model.refusal(case))
    if case.size == 0:
        return []
    known = case.construct() if start is None else start
    built = ortools_model.Built(case, known)
    routes = with_ortools.solve(
        built.model,
        with_ortools.Search(deadline, "PARALLEL_CHEAPEST_INSERTION"),
        start=built.start(),
        tell=None if found is None else lambda better: found(built.routes(better)),
    )
    # where the time is up early it may drop what it began with
    return known if routes is None else min(built.routes(routes), known, key=partial(_rank, case))


def relay(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: list[Route] | None = None,
    found: Found | None = None,
) -> list[Route] | None:
    """Ruin and recreate, then PyVRP from where it ended, where there is time for both.

    The first is far ahead in the first seconds of large cases; the second goes on where the first
    finds nothing more, above all with prizes and long routes.

    Args:
        case: a case that both take.
        time_limit: seconds from here on, imports not counted; None: a fixed number of steps of the
            first, and the second as long as it needs for any plan.
        seed: of the random numbers of both.
        start: a plan to begin from, which may be partial; None: each makes its own.
        found: is called with each better plan on the way.
    """
    deadline = clock.deadline(time_limit)
    _require("relay", case, _relay_refusal(case))
    both = time_limit is None or time_limit >= WORTHWHILE * case.size
    share = None if time_limit is None else (FIRST if both else 1.0) * time_limit
    plan = searching.sisr(case, time_limit=share, seed=seed, start=start, found=found)
    if not both:
        return plan
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    better = pyvrp(case, time_limit=left, seed=seed, start=plan or start, found=found)
    plans = [each for each in (plan, better, start) if each is not None]
    return min(plans, key=partial(_rank, case), default=None)


def _relay_refusal(case: Case) -> str | None:
    """What of a case one of the two does not take."""
    if case.size > LARGEST_WHOLE:
        return f"PyVRP takes up to {LARGEST_WHOLE} clients"
    return searching.refusal(case) or pyvrp_model.refusal(case)


def _rank(case: Case, plan: list[Route]) -> tuple[bool, int, float]:
    """Plans that keep all rules first, then those that leave out least, then the cheap ones."""
    report = check(case, plan)
    cost = math.inf if report.cost is None else float(report.cost)
    return not report.keeps_rules, len(report.unassigned), cost


def _require(solver: str, case: Case, refusal: str | None) -> None:
    if refusal is not None:
        raise NCOError(f"{solver} does not apply to {case.name}: {refusal}")


class _Run:
    """Runs of PyVRP on a case."""

    def __init__(self, case: Case, seed: int, found: Found | None) -> None:
        self.case, self.seed, self.found = case, seed, found

    def improve(
        self, start: list[Route] | None, limit: with_pyvrp.Limit, *, whole: bool
    ) -> list[Route] | None:
        """The best plan from a plan on, or from PyVRP's own.

        Args:
            start: the plan.
            limit: when to end.
            whole: whether all required clients must be served.
        """
        built = pyvrp_model.Built(self.case, partial=not whole)

        def tell(better: list[with_pyvrp.Route]) -> None:
            plan = built.plan(better)
            if plan is not None and self.found is not None:
                self.found(plan)

        routes = with_pyvrp.solve(
            built.model,
            limit,
            seed=self.seed,
            start=None if start is None else built.start(start),
            tell=None if self.found is None else tell,
            price=built.price,
        )
        return None if routes is None else built.plan(routes)


def is_complete(case: Case, plan: Sequence[Route]) -> bool:
    """Whether a plan serves every required client, and one of each required group."""
    served = {stop for route in plan for stop in route.stops}
    grouped = {place for group in case.groups for place in group.clients}
    alone = (place for place in range(case.first_client, case.first_client + case.size))
    return all(
        place in served or place in grouped or not case.required[case.client(place)]
        for place in alone
    ) and all(not group.required or served & set(group.clients) for group in case.groups)
