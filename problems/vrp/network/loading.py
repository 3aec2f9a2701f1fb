"""Cases of rich routing as tensors and back; which of them the tensors can say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import nco.core.case
from nco.core.case import only
from nco.core.errors import InstanceError
from nco.core.geometry import classical_scaling, unit_square
from nco.problems._routing.embedding import LARGEST_SCALING
from nco.problems._routing.metrics import GLOBE, distance_matrix
from nco.problems.vrp.case import Backhauls, Case, Depot, Rounding, VehicleType, Window
from nco.problems.vrp.known import refusal
from nco.problems.vrp.network.tensors import Instance, alone
from nco.problems.vrp.ways import ways

WHOLE = 1e-9  # of a capacity: as near to a whole number a load is one
STRANDED = 10.0  # costs a client without a vehicle, in the dearest way there and back


@dataclass(frozen=True, eq=False)
class _Seen:
    """A case in the unit square: positions [D+n, 2], and the matrices where they say more."""

    coords: np.ndarray
    distances: np.ndarray | None
    durations: np.ndarray | None
    scale: float
    clock: float


def _seen(case: Case) -> _Seen:
    kind = case.vehicles[0]
    plain = not case.distances and case.metric == "EUCLIDEAN" and case.rounding is Rounding.EXACT
    if plain and not case.durations:
        assert case.coords is not None
        coords, scale = unit_square(np.asarray(case.coords, dtype=np.float64))
        return _Seen(coords, None, None, scale, scale / kind.speed)
    distances, durations = ways(case, 0)
    far = case.metric in GLOBE and len(distances) <= LARGEST_SCALING
    flat = case.coords is not None and not far
    raw = case.coords if flat else classical_scaling((distances + distances.T) / 2)
    coords, scale = unit_square(np.asarray(raw, dtype=np.float64))
    if not flat or case.distances or case.metric in GLOBE:
        apart = float(distance_matrix(coords, "EUCLIDEAN").sum())
        scale = float(distances.sum() / apart) if apart > 0 and distances.sum() > 0 else scale
    if np.array_equal(distances, durations):
        return _Seen(coords, distances / scale, None, scale, scale)
    pace = float(durations.sum() / distances.sum()) if distances.sum() > 0 else 1.0
    clock = scale * pace if pace > 0 else 1.0
    return _Seen(coords, distances / scale, durations / clock, scale, clock)


def load(cases: Sequence[nco.core.case.Case]) -> Instance:
    """One batch, padded to the most types of vehicles and the most clients.

    Raises:
        InstanceError: a case that says what networks do not know, or a client that nobody can
            serve.
    """
    mine = only(cases, Case)
    for case in mine:
        if (reason := refusal(case)) is not None:
            field, value, why = reason
            hint = f"{why}: use --model none"
            raise InstanceError(hint, field=field, value=value, path=case.path)
    types = max(len(case.vehicles) for case in mine)
    nodes = types + max(case.size for case in mine)
    seen = [_seen(case) for case in mine]
    rows = [_row(case, one, types, nodes) for case, one in zip(mine, seen, strict=True)]
    if any(one.distances is not None for one in seen):
        timed = any(one.durations is not None for one in seen)
        for case, one, row in zip(mine, seen, rows, strict=True):
            row |= _matrices(case, one, types, nodes, timed)
    tensors: dict[str, Tensor | None] = {
        name: torch.stack([row[name] for row in rows]) for name in rows[0]
    }
    exists = tensors["exists"]
    assert exists is not None
    tensors["exists"] = None if bool(exists.all()) else exists
    for name in ("scale", "clock", "price"):
        factor = tensors[name]
        assert factor is not None
        tensors[name] = None if bool((factor == 1).all()) else factor
    instance = Instance(**tensors)  # type: ignore[arg-type]
    _check_reachable(mine, instance)
    return instance


def _check_reachable(cases: Sequence[Case], instance: Instance) -> None:
    """Refuses a required client that no vehicle can serve, even by a route of its own."""
    lost = instance.required & ~alone(instance).any(1)
    for b, node in lost.nonzero().tolist()[:1]:
        place = node - instance.types + len(cases[b].depots)
        reason = "no vehicle can serve this client, even by a route of its own"
        raise InstanceError(reason, field="client", value=place, path=cases[b].path)


def _nodes(case: Case, types: int) -> tuple[list[int], list[int]]:
    """The nodes of a case that exist, and of each the place."""
    count, first = len(case.vehicles), len(case.depots)
    nodes = [*range(count), *range(types, types + case.size)]
    return nodes, [*(kind.start for kind in case.vehicles), *range(first, first + case.size)]


def _matrices(case: Case, seen: _Seen, types: int, nodes: int, timed: bool) -> dict[str, Tensor]:
    """Distances, and times if they are `timed` apart, between the nodes."""
    rows, places = _nodes(case, types)
    index = torch.tensor(rows)
    distances = seen.distances
    if distances is None:
        distances = distance_matrix(seen.coords, "EUCLIDEAN")
    stated = {"distances": distances}
    if timed:
        stated["durations"] = distances if seen.durations is None else seen.durations
    found = {}
    for name, matrix in stated.items():
        found[name] = torch.zeros(nodes, nodes, dtype=torch.double)
        found[name][index[:, None], index] = torch.from_numpy(matrix[np.ix_(places, places)])
    return found


def _row(case: Case, seen: _Seen, types: int, nodes: int) -> dict[str, Tensor]:
    """The tensors of one case, by the names of `Instance`."""
    count, clients = len(case.vehicles), slice(types, types + case.size)
    rows, places = _nodes(case, types)
    kinds, depots = case.vehicles, [case.depots[kind.start] for kind in case.vehicles]
    least = min(kind.unit_distance for kind in kinds) or 1.0
    price = seen.scale * least
    total = float(case.delivery.sum() + case.pickup.sum()) or 1.0
    capacity = [kind.capacity[0] if kind.capacity else total for kind in kinds]
    capacity = [min(one, total) if math.isinf(one) else one for one in capacity]
    largest = max(capacity) or 1.0
    windows = [windows[0] if windows else Window(0.0, math.inf) for windows in case.windows]

    def stretched(values: object, blank: float = 0.0) -> Tensor:
        """Of clients, at their nodes."""
        full = torch.full((nodes,), blank, dtype=torch.double)
        full[clients] = torch.as_tensor(np.asarray(values, dtype=np.float64))
        return full

    def of_types(values: Sequence[float], blank: float) -> Tensor:
        return torch.tensor([*values, *[blank] * (types - count)], dtype=torch.double)

    coords = torch.zeros(nodes, 2, dtype=torch.double)
    coords[rows] = torch.from_numpy(seen.coords[places])
    exists = torch.zeros(nodes, dtype=torch.bool)
    exists[rows] = True
    opens = stretched([window.open / seen.clock for window in windows])
    closes = stretched([window.close / seen.clock for window in windows], math.inf)
    service = stretched(np.asarray(case.service) / seen.clock)
    leave, ends = [], []
    for number, (kind, depot) in enumerate(zip(kinds, depots, strict=True)):
        opens[number] = max(kind.shift.open, depot.window.open) / seen.clock
        service[number] = depot.service / seen.clock
        leave.append(min(kind.shift.close, depot.window.close) / seen.clock)
        ends.append(kind.shift.close / seen.clock if kind.end is None else leave[-1])
    closes[:count] = torch.tensor(ends, dtype=torch.double)
    required = torch.zeros(nodes, dtype=torch.bool)
    required[clients] = torch.from_numpy(np.asarray(case.required, dtype=bool))
    allowed = torch.zeros(types, nodes, dtype=torch.bool)
    for client, kind_numbers in enumerate(case.allowed):
        chosen = range(count) if kind_numbers is None else kind_numbers
        allowed[list(chosen), types + client] = True
    prize = stretched(np.asarray(case.prize) / price) * ~required
    fixed = of_types([kind.fixed / price for kind in kinds], 0.0)
    if any(kind.count is not None and kind.count < case.size for kind in kinds):
        far = 2 * math.sqrt(2) * max(kind.unit_distance / least for kind in kinds)
        prize = prize + required * STRANDED * (far + float(fixed.max()))
    return {
        "coords": coords,
        "demand": stretched(case.delivery[:, 0] if case.delivery.size else np.zeros(case.size))
        / largest,
        "pickup": stretched(case.pickup[:, 0] if case.pickup.size else np.zeros(case.size))
        / largest,
        "service": service,
        "open": opens,
        "close": closes,
        "release": stretched(np.asarray(case.release) / seen.clock),
        "prize": prize,
        "required": required,
        "leave": of_types(leave, math.inf),
        "capacity": of_types(capacity, 0.0),
        "distance_limit": of_types([kind.max_distance / seen.scale for kind in kinds], math.inf),
        "duration_limit": of_types([kind.max_duration / seen.clock for kind in kinds], math.inf),
        "fixed": fixed,
        "unit": of_types([kind.unit_distance / least for kind in kinds], 1.0),
        "fleet": of_types(
            [math.inf if kind.count is None else float(kind.count) for kind in kinds], 0.0
        ),
        "ends": torch.tensor([kind.end is not None for kind in kinds] + [True] * (types - count)),
        "allowed": allowed,
        "after": torch.tensor(case.backhauls is Backhauls.AFTER),
        "depot": torch.tensor([kind.start for kind in kinds] + [0] * (types - count)),
        "depots": torch.tensor(len(case.depots)),
        "exists": exists,
        "scale": torch.tensor(seen.scale, dtype=torch.double),
        "clock": torch.tensor(seen.clock, dtype=torch.double),
        "price": torch.tensor(price, dtype=torch.double),
    }


def cases(instance: Instance) -> list[nco.core.case.Case]:
    """The case of every instance of a batch."""
    return [_case(instance, b) for b in range(len(instance))]


def _case(instance: Instance, b: int) -> Case:
    types = instance.types
    real = torch.ones_like(instance.required[b]) if instance.exists is None else instance.exists[b]
    clients = (torch.nonzero(real[types:])[:, 0] + types).tolist()
    kinds = torch.nonzero(real[:types])[:, 0].tolist()
    scale, clock, price = (
        1.0 if factor is None else float(factor[b])
        for factor in (instance.scale, instance.clock, instance.price)
    )
    largest = float(instance.capacity[b].max())
    starts = [int(instance.depot[b, kind]) for kind in kinds]
    first = {depot: kind for kind, depot in reversed(list(zip(kinds, starts, strict=True)))}
    # a depot where nobody starts lies where the first type does: nobody goes there
    starts_at = [first.get(depot, kinds[0]) for depot in range(int(instance.depots[b]))]
    nodes = starts_at + clients
    limited = bool(torch.isfinite(instance.fleet[b, kinds]).any())

    def of(values: Tensor, factor: float = 1.0) -> np.ndarray:
        return values[b, clients].double().cpu().numpy() * factor

    def whole(values: Tensor) -> np.ndarray:
        loads = of(values, largest)
        rounded = np.rint(loads)
        return np.where(np.abs(loads - rounded) < WHOLE * largest, rounded, loads)[:, None]

    def matrices(values: Tensor | None, factor: float) -> tuple[np.ndarray, ...]:
        if values is None:
            return ()
        return (values[b].cpu().numpy()[np.ix_(nodes, nodes)] * factor,)

    opens, closes = of(instance.open, clock).tolist(), of(instance.close, clock).tolist()
    windows = [
        () if start == 0 and math.isinf(end) else (Window(start, end),)
        for start, end in zip(opens, closes, strict=True)
    ]
    permitted = [
        [number for number, kind in enumerate(kinds) if bool(instance.allowed[b, kind, node])]
        for node in clients
    ]
    required = instance.required[b, clients].cpu().numpy()
    coords = instance.coords[b, nodes].cpu().numpy() * scale
    return Case(
        name=f"vrp{len(clients)}-{b}",
        depots=tuple(Depot(service=float(instance.service[b, n]) * clock) for n in starts_at),
        vehicles=tuple(
            _vehicle(instance, b, kind, (scale, clock, price), len(clients)) for kind in kinds
        ),
        coords=coords,
        metric="EUCLIDEAN" if instance.distances is None else "EXPLICIT",
        distances=matrices(instance.distances, scale),
        durations=matrices(instance.durations, clock),
        delivery=whole(instance.demand),
        pickup=whole(instance.pickup),
        service=of(instance.service, clock),
        windows=tuple(windows),
        release=of(instance.release, clock),
        prize=of(instance.prize, price) * (~required if limited else 1),
        required=required,
        allowed=tuple(None if len(one) == len(kinds) else tuple(one) for one in permitted),
        backhauls=Backhauls.AFTER if bool(instance.after[b]) else Backhauls.MIXED,
    )


def _vehicle(
    instance: Instance, b: int, kind: int, factors: tuple[float, float, float], clients: int
) -> VehicleType:
    scale, clock, price = factors
    depot, count = int(instance.depot[b, kind]), float(instance.fleet[b, kind])
    return VehicleType(
        count=None if math.isinf(count) else int(count),
        capacity=(float(instance.capacity[b, kind]),),
        start=depot,
        end=depot if bool(instance.ends[b, kind]) else None,
        shift=Window(float(instance.open[b, kind]) * clock, float(instance.close[b, kind]) * clock),
        max_duration=float(instance.duration_limit[b, kind]) * clock,
        max_distance=float(instance.distance_limit[b, kind]) * scale,
        fixed=float(instance.fixed[b, kind]) * price,
        unit_distance=float(instance.unit[b, kind]) * price / scale,
        speed=scale / clock if instance.durations is None else 1.0,
    )
