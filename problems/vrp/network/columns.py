"""What networks are told of a rich routing problem, column by column."""

import torch
from torch import Tensor

from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.vrp.network.tensors import Home, Instance, State, Trip, homes

FAR = 10.0  # sides of the square: what is later or farther is told as this much

SCHEMA = Schema(
    nodes=(
        *columns("x", "y", unit=Unit.LENGTH),
        Column("demand", Unit.LOAD),
        Column("is_depot"),
        Column("pickup", Unit.LOAD),
        *columns("service", "opens", "closes", "release", unit=Unit.TIME),
        Column("timed"),
        Column("prize", Unit.LENGTH),
        Column("optional"),
        Column("capacity", Unit.LOAD),
        Column("fixed", Unit.LENGTH),
        Column("unit"),
    ),
    dynamic=(
        *columns("wait", "slack", unit=Unit.TIME),
        *columns("home", "spare", unit=Unit.LENGTH),
        Column("reach"),
    ),
    context=(
        *columns("free", "room", unit=Unit.LOAD),
        *columns("open", "after", "picking"),
        Column("time", Unit.TIME),
        Column("distance_left", Unit.LENGTH),
        Column("distance_limited"),
        Column("duration_left", Unit.TIME),
        Column("duration_limited"),
        Column("fixed", Unit.LENGTH),
        Column("unit"),
    ),
    focus=("depot", "current"),
    one_way=True,
    actions=("direct", "by_depot"),
)


def nodes(instance: Instance) -> Tensor:
    """``[B, N, F]`` float, without the positions."""
    types, clients = instance.types, instance.clients
    kinds = torch.zeros_like(clients)
    kinds[:, :types] = True if instance.exists is None else instance.exists[:, :types]
    began = instance.open[:, :1]
    closes, timed = latest(instance)
    optional = clients & ~instance.required

    def of_types(values: Tensor) -> Tensor:
        full = torch.zeros_like(instance.demand)
        full[:, :types] = values
        return full * kinds

    parts = [
        instance.demand,
        kinds,
        instance.pickup,
        instance.service,
        (instance.open - began).clamp(0, FAR) * timed,
        (closes - began).clamp(0, FAR) * timed,
        (instance.release - began).clamp(0, FAR) * clients,
        timed,
        instance.prize * optional,
        optional,
        of_types(instance.share),
        of_types(instance.fixed),
        of_types(instance.unit),
    ]
    return torch.stack([part.float() for part in parts], -1)


def latest(instance: Instance) -> tuple[Tensor, Tensor]:
    """The latest service ``[B, N]`` by whichever type, and where there is such a limit (bool)."""
    types = instance.types
    everyone = torch.arange(types, device=instance.device).expand(len(instance), -1)
    home = homes(instance, everyone)
    late = home.end - home.time - instance.service[:, None]
    if instance.exists is not None:
        late = late.masked_fill(~instance.exists[:, :types, None], -torch.inf)
    closes = torch.minimum(late.amax(1), instance.close)
    closes[:, :types] = instance.close[:, :types]
    timed = torch.isfinite(closes) | (instance.open > instance.open[:, :1])
    if instance.exists is not None:
        timed &= instance.exists
    return closes, timed


def dynamic(
    instance: Instance, state: State, drive: Tensor, after: Trip, home: Home, direct: Tensor
) -> Tensor:
    """What going to each client directly would mean, ``[B, S, N, 5]`` float.

    Args:
        instance: the instances.
        state: where vehicles are.
        drive: times from there to each client, ``[B, S, N]``.
        after: their routes with each client as the next stop.
        home: what they must keep to behind it.
        direct: which clients are allowed, ``[B, S, N]``.
    """
    service = instance.service[:, None]
    start = after.early + after.duration - service
    now = (state.trip.early + state.trip.duration)[..., None]
    wait = (instance.open[:, None] - now - drive).clamp(0, FAR)
    last = torch.minimum(instance.close[:, None], home.end - home.time - service)
    slack = (last - start).clamp(-FAR, FAR).where(torch.isfinite(last), 0.0)
    limited = torch.isfinite(home.distance_limit)
    spare = (home.distance_limit - after.length - home.distance).clamp(-FAR, FAR)
    chosen = (state.vehicle >= 0)[..., None] & state.alive
    parts = [wait, slack, home.distance, spare.where(limited, 0.0), direct]
    return torch.stack([(part * chosen).float() for part in parts], -1)


def context(instance: Instance, state: State, vehicle: Tensor, picking: Tensor) -> Tensor:
    """What is known of the vehicle ``[B, S]`` and its route, ``[B, S, 12]`` float.

    Where there are several types and none is chosen, nothing.
    """
    trip = state.trip
    share = instance.share.gather(1, vehicle)
    timed = torch.isfinite(instance.close).any(1) | (instance.open > instance.open[:, :1]).any(1)
    time = trip.early + trip.duration - instance.open.gather(1, vehicle)
    length, duration = (
        limit.gather(1, vehicle) for limit in (instance.distance_limit, instance.duration_limit)
    )
    parts = [
        share - trip.peak,
        share - trip.picked,
        ~instance.ends.gather(1, vehicle),
        instance.after[:, None].expand_as(vehicle),
        picking,
        time.clamp(0, FAR) * timed[:, None],
        (length - trip.length).clamp_max(FAR).where(torch.isfinite(length), 0.0),
        torch.isfinite(length),
        (duration - trip.duration).clamp_max(FAR).where(torch.isfinite(duration), 0.0),
        torch.isfinite(duration),
        instance.fixed.gather(1, vehicle),
        instance.unit.gather(1, vehicle),
    ]
    known = state.vehicle >= 0
    return torch.stack([(part * known).float() for part in parts], -1)
