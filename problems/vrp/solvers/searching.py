"""Ruin and recreate by a compiled kernel as a solver of rich routing."""

import time
from collections.abc import Callable

from nco.core.errors import NCOError
from nco.problems._common.kernels.driver import Span, anneal_anew
from nco.problems.vrp.case import INFINITE, Backhauls, Case, Route, VehicleType
from nco.problems.vrp.check import check

STEPS, LEAST_STEPS = 500, 10_000  # without a limit: a client, and in all
LARGEST = 5000  # places, between which all distances and times are kept

Routes = list[Route]


def refusal(case: Case) -> str | None:
    """What of a case the kernel does not know, in words; None where it knows all."""
    if any(kind.breaks for kind in case.vehicles):
        reason = _of_breaks(case)
        if reason is not None:
            return reason
    if any(kind.reloads and not _reloads_at_home(kind) for kind in case.vehicles):
        return "sisr knows reloads at the depot of start and end alone, without limits of the route"
    if any(kind.reloads for kind in case.vehicles) and case.shipments:
        return "sisr knows no shipments together with reloads"
    if case.shipments and case.backhauls is not Backhauls.MIXED:
        return "sisr does not order shipments among deliveries and pickups"
    paired = [place for pair in case.shipments for place in pair]
    grouped = [place for group in case.groups for place in group.clients]
    if len({*paired, *grouped}) < len(paired) + len(grouped):
        return "sisr knows one group or shipment for a client"
    if any(len(case.windows[case.client(place)]) > 1 for place in paired):
        return "sisr knows one window for a shipment's pickup and delivery"
    if len(case.depots) + case.size > LARGEST:
        return f"sisr takes up to {LARGEST} places"
    return None


def _of_breaks(case: Case) -> str | None:
    """What else of a case with breaks the kernel does not know."""
    if any(len(kind.breaks) > 1 for kind in case.vehicles):
        return "sisr knows one break of a vehicle"
    if case.release.any() or any(kind.reloads for kind in case.vehicles):
        return "sisr knows neither releases nor reloads together with breaks"
    if case.shipments:
        return "sisr knows no shipments together with breaks"
    return None


def _reloads_at_home(kind: VehicleType) -> bool:
    """Whether all trips are alike, and nothing but their number is limited or paid together."""
    limits = kind.max_duration, kind.max_distance
    return (
        kind.reloads == (kind.start,)
        and kind.end == kind.start
        and min(limits) == INFINITE
        and kind.max_stops is None
        and not kind.unit_duration
        and not kind.unit_overtime
    )


def sisr(
    case: Case,
    *,
    time_limit: float | None,
    seed: int,
    start: Routes | None = None,
    found: Callable[[Routes], None] | None = None,
    iterations: int | None = None,
) -> Routes | None:
    """Ruin and recreate by a compiled kernel: strings of clients leave their routes and return.

    Christiaens and Vanden Berghe (2020), "Slack Induction by String Removals for Vehicle Routing
    Problems". It leaves required clients out where it finds no place for them: the plan is then
    partial.

    Args:
        case: a case that the kernel knows all of (`refusal`).
        time_limit: seconds from here on, importing numba included; None for `STEPS` of its steps a
            client, where there is no number of `iterations` either.
        seed: of the random numbers.
        start: a plan to begin from, which may leave clients out; ignored where it breaks a rule.
            None: each client where it costs least.
        found: is called with better plans on the way.
        iterations: steps, after which it stops unless the time is up before; equal numbers of
            steps give equal answers on every machine.

    Raises:
        NCOError: the kernel does not know a rule of the case.
    """
    until = None if time_limit is None else time.perf_counter() + time_limit
    if case.size == 0 or all(kind.count == 0 for kind in case.vehicles):
        return []
    reason = refusal(case)
    if reason is not None:
        raise NCOError(f"sisr does not apply to {case.name}: {reason}")
    from nco.problems._common.kernels import chance
    from nco.problems._routing.kernels.searching import length
    from nco.problems.vrp.kernels.search import Search, Settings

    if until is None and iterations is None:
        iterations = max(LEAST_STEPS, STEPS * case.size)
    settings = Settings()
    if start is not None and check(case, start).violations:
        start = None

    def begin(number: int) -> "tuple[Search, float]":
        first = None if number else start
        search = Search(case, chance.further(seed, number), first, settings)
        return search, settings.hot if first is None else settings.warm

    span = Span(until, iterations)
    return anneal_anew(begin, settings.cold, span, length(case.size), found).search.best()
