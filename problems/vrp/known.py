"""What of a case networks know; free of torch, as it is asked before any network is loaded."""

from nco.problems.vrp.case import Backhauls, Case


def refusal(case: Case) -> tuple[str, object, str] | None:
    """What of a case networks do not know: field, value and reason; None where they know all."""
    vehicles = case.vehicles
    if case.delivery.shape[1:] > (1,):
        return "delivery", f"{case.delivery.shape[1]} dimensions", "networks know loads of one"
    if any(len(windows) > 1 for windows in case.windows):
        return "windows", "several of a client", "networks know one window of each"
    if case.groups or case.shipments:
        field = "groups" if case.groups else "shipments"
        return field, len(getattr(case, field)), "networks do not know them"
    if case.backhauls is Backhauls.AFTER_SOME:
        return "backhauls", case.backhauls.value, "networks know mixed and after"
    if case.backhauls is Backhauls.AFTER and bool(((case.delivery > 0) & (case.pickup > 0)).any()):
        return "backhauls", case.backhauls.value, "a client both receives and sends goods"
    for number, kind in enumerate(vehicles):
        for field in ("max_overtime", "unit_duration", "breaks", "reloads", "max_stops"):
            if value := getattr(kind, field):
                return f"vehicles[{number}].{field}", value, "networks do not know it"
        if kind.end not in (None, kind.start):
            return f"vehicles[{number}].end", kind.end, "networks know routes back to their start"
        if (kind.profile, kind.speed) != (vehicles[0].profile, vehicles[0].speed):
            return f"vehicles[{number}].profile", kind.profile, "networks know one for all vehicles"
        if (kind.unit_distance > 0) != (vehicles[0].unit_distance > 0):
            return f"vehicles[{number}].unit_distance", kind.unit_distance, "of others it is not 0"
    return None
