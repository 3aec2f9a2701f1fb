"""Vehicle routing with a heterogeneous fleet, the last vehicle home as early as possible."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

import nco.core.case
from nco.core.batch import Batch
from nco.core.capabilities import HasCases, HasEquivalents, HasPublished, HasSymmetries, Selective
from nco.core.errors import InstanceError
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size, unit_square
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.hcvrp import files
from nco.problems.hcvrp.files import Case

LARGEST_DEMAND = 9
CAPACITIES = 20, 40  # smallest and largest
SLOWEST = 0.5  # the fastest drives at 1
SET = 1280  # instances of a published set
TOLERANCE = 1e-9  # of a capacity: decimals that fill a vehicle exactly must fit


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch in the unit square: nodes 0 to M - 1 are the depot, once for each vehicle."""

    coords: Tensor  # [B, N, 2] float, N = M + customers
    demand: Tensor  # [B, N] double, in the source's units; 0 at depots and padding
    capacity: Tensor  # [B, M] double; 0 of a vehicle that does not exist
    speed: Tensor  # [B, M] double, 1 of a vehicle that does not exist
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    scale: Tensor | None = None  # [B] float, the source's units in one side of the square

    @property
    def vehicles(self) -> int:
        """M, with those that only pad."""
        return self.capacity.shape[1]


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Where the vehicles are."""

    current: Tensor  # [B, S, M] long
    load: Tensor  # [B, S, M] double, what each can still take
    length: Tensor  # [B, S, M] float, driven so far, in sides of the square
    retired: Tensor  # [B, S, M] bool, at the depot for good
    alive: Tensor  # [B, S, N] bool, customers not yet served
    cost_so_far: Tensor  # [B, S] float, when the last vehicle would be back, were all to drive home


class HCVRP(
    Problem[Instance, State],
    HasEquivalents,
    HasSymmetries,
    HasCases,
    HasPublished,
    Selective,
):
    """Serve every customer once; the time when the last vehicle is back is minimised.

    - instance: `coords`, `demand`, `capacities` and `speeds` of the vehicles, one depot;
    - nodes: ``x, y, is_depot``, ``demand`` or the vehicle's ``capacity`` (in the largest capacity),
      its ``speed`` (in the highest), the way ``home``; focus: ``depot, current``;
    - context of a vehicle: what it can still take (``free``) and its ``capacity``, ``speed``,
      ``time`` on its way, time to be ``home``, how long ``before_last`` it would be there, and the
      share of customers ``unserved``;
    - moves: ``distance``, ``detour`` (how much longer the way home becomes), ``delay`` of the last
      vehicle, ``lateness`` (how much later than it), ``room`` that would be left;
    - action: of every vehicle the next node, at once: customers are M and above, m is the depot of
      vehicle m, where it is loaded anew; a customer goes to one vehicle only (`shared`), and a
      vehicle that loses it stays where it is for that step, at no cost;
    - mask: customers not yet served that fit; the own depot, and there a vehicle may wait. While
      all are at the depot the first that has not retired must leave, unless the others can carry
      what remains: then it may stay, and if nobody else leaves it has retired;
    - end: all served (the ways home are implied); finished, every vehicle stays where it is;
    - cost: max over vehicles of route length / speed. Distance is in the source's units, so a
      vehicle of speed 1 takes as long as its way is;
    - generator: Liu et al., "2D-Ptr" (AAMAS 2024), used by PARCO: uniform points, demands 1-9,
      capacities 20-40, speeds U(0.5, 1).

    Args:
        size: number of customers, or ``[low, high]`` drawn for each batch.
        vehicles: M, or ``[low, high]`` drawn for each batch.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *columns("x", "y", unit=Unit.LENGTH),
            Column("is_depot"),
            *columns("demand", "capacity", unit=Unit.LOAD),
            Column("speed"),
            Column("home", Unit.LENGTH),
        ),
        context=(
            *columns("free", "capacity", unit=Unit.LOAD),
            Column("speed"),
            *columns("time", "home", "before_last", unit=Unit.TIME),
            Column("unserved"),
        ),
        focus=("depot", "current"),
        moves=(
            *columns("distance", "detour", unit=Unit.LENGTH),
            *columns("delay", "lateness", unit=Unit.TIME),
            Column("room", Unit.LOAD),
        ),
    )
    tiny: ClassVar[int] = 3

    def __init__(
        self,
        size: int | list[int] = 60,
        vehicles: int | list[int] = 3,
        points: Points | None = None,
    ) -> None:
        self.size, self.vehicles = check_size(size), check_size(vehicles)
        self.points = points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        customers, count = draw_size(self.size, generator), draw_size(self.vehicles, generator)
        device = generator.device
        coords = self.points.draw(batch, customers + 1, generator)
        demand = torch.randint(
            1, LARGEST_DEMAND + 1, (batch, customers), generator=generator, device=device
        )
        low, high = CAPACITIES
        shape = batch, count
        capacity = torch.randint(low, high + 1, shape, generator=generator, device=device)
        speed = torch.rand(shape, generator=generator, device=device, dtype=torch.double)
        return Instance(
            torch.cat([coords[:, :1].expand(-1, count, -1), coords[:, 1:]], 1),
            functional.pad(demand.double(), (count, 0)),
            capacity.double(),
            SLOWEST + (1 - SLOWEST) * speed,
        )

    def features(self, instance: Instance) -> Features:
        count = instance.vehicles
        rest = instance.demand.shape[1] - count
        most = instance.capacity.amax(1, keepdim=True)
        fast = self._fastest(instance)
        columns = [
            functional.pad(torch.ones_like(instance.capacity), (0, rest)),
            instance.demand / most,
            functional.pad(instance.capacity / most, (0, rest)),
            functional.pad(instance.speed / fast, (0, rest)),
            self._back(instance),
        ]
        nodes = torch.stack([column.float() for column in columns], -1)
        if instance.exists is not None:
            nodes = nodes * instance.exists[..., None]
        nodes = torch.cat([instance.coords, nodes], -1)
        return Features(nodes, instance.exists, instance.coords)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, nodes = instance.demand.shape
        count, device = instance.vehicles, instance.device
        current = torch.arange(count, device=device).repeat(batch, rollouts, 1)
        load = instance.capacity[:, None].repeat(1, rollouts, 1)
        alive = torch.ones(batch, rollouts, nodes, dtype=torch.bool, device=device)
        if instance.exists is not None:
            alive = instance.exists[:, None].repeat(1, rollouts, 1)
        alive[..., :count] = False
        length = torch.zeros(batch, rollouts, count, device=device)
        nothing = torch.zeros(batch, rollouts, device=device)
        return State(current, load, length, load == 0, alive, nothing)

    def observe(self, instance: Instance, state: State) -> Observation:
        count, nodes = instance.vehicles, instance.demand.shape[1]
        homes = torch.arange(count, device=instance.device)
        room = state.load[..., None] - instance.demand[:, None, None]  # [B, S, M, N]
        fits = room >= -TOLERANCE * instance.capacity[:, None, :, None]
        mask = state.alive[:, :, None] & fits & ~state.retired[..., None]
        first = self._first(state)
        bound = first & ~self._spared(instance, state, first)[..., None]
        mask[..., homes, homes] = ~bound
        still = functional.one_hot(state.current, nodes).bool()
        over = self.done(instance, state)
        mask = torch.where(over[..., None, None], still, mask)
        shared = torch.arange(nodes, device=instance.device) >= count
        focus = torch.stack([homes.expand_as(state.current), state.current], -1)
        context, moves = self._outlook(instance, state, room)
        return Observation(
            mask,
            focus,
            context,
            stay=state.current,
            shared=shared.expand_as(state.alive),
            moves=moves,
        )

    def _first(self, state: State) -> Tensor:
        """Of rows whose vehicles are all at the depot the first not retired, ``[B, S, M]``."""
        count = state.current.shape[-1]
        homes = torch.arange(count, device=state.current.device)
        waiting = (state.current == homes).all(-1)
        first = (~state.retired).int().argmax(-1)
        return (homes == first[..., None]) & waiting[..., None]

    def _spared(self, instance: Instance, state: State, first: Tensor) -> Tensor:
        """Whether the others could serve all that remains, ``[B, S]`` bool."""
        largest = (instance.demand[:, None] * state.alive).amax(-1)
        capacity = instance.capacity[:, None]
        others = (capacity * (1 + TOLERANCE)).where(~state.retired & ~first, -1.0)
        return largest <= others.amax(-1)

    def _outlook(self, instance: Instance, state: State, room: Tensor) -> tuple[Tensor, Tensor]:
        """What `Observation` calls context ``[B, S, M, C]`` and moves ``[B, S, M, N, J]``.

        A move's numbers: how far, how much longer the way home becomes, by how much the last
        vehicle would be delayed, how much later than now the last this one would be home, and what
        it could still take. Lengths are in units of the spacing of customers.
        """
        spacing = self._customers(instance).clamp_min(1).sqrt()[:, None, None]
        exists = instance.capacity > 0
        speed = instance.speed[:, None].float()
        # a time in which this fleet serves a customer or so: of the order of the whole at any size
        pace = spacing / (instance.speed * exists).sum(1)[:, None, None].float()
        most = instance.capacity.amax(1)[:, None, None]
        away = self._away(instance, state.current)
        back = self._back(instance)[:, None]
        home = back.expand(-1, state.current.shape[1], -1).gather(2, state.current)
        finish = (state.length + home) / speed
        last = finish.amax(-1, keepdim=True)
        fast = self._fastest(instance)[:, None]
        left = state.alive.sum(-1, keepdim=True) / self._customers(instance)[:, None, None]
        context = [
            state.load / most,
            (instance.capacity[:, None] / most).expand_as(finish),
            (instance.speed[:, None] / fast).expand_as(finish),
            state.length / speed / pace,
            home / speed / pace,
            (last - finish) / pace,
            left.expand_as(finish),
        ]
        there = away + back[:, :, None]
        after = (state.length[..., None] + there) / speed[..., None]
        wide = spacing[..., None]
        moves = [
            away * wide,
            (there - home[..., None]) * wide,
            (after - last[..., None]).clamp_min(0) / pace[..., None],
            (after - last[..., None]) / pace[..., None],
            room / most[..., None],
        ]
        return (
            torch.stack([part.float() for part in context], -1),
            torch.stack([part.float() for part in moves], -1),
        )

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        count = instance.vehicles
        stays = action == state.current
        driven = self._away(instance, state.current, action)
        demand = instance.demand[:, None].expand_as(state.alive).gather(2, action)
        served = demand * state.alive.gather(2, action)
        loaded = instance.capacity[:, None].expand_as(state.load)
        load = torch.where(action < count, loaded, state.load - served)
        nobody = stays.all(-1) & ~self.done(instance, state)
        length = state.length + driven
        back = self._back(instance)[:, None].expand_as(state.alive).gather(2, action)
        return State(
            action,
            torch.where(stays, state.load, load),
            length,
            state.retired | (self._first(state) & nobody[..., None]),
            state.alive.scatter(-1, action, False),
            self._latest(instance, length + back),
        )

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        homes = torch.arange(instance.vehicles, device=actions.device)
        homes = homes.expand_as(actions[:, :, :1])
        path = torch.cat([homes, actions, homes], 2)
        length = self._away(instance, path[:, :, :-1].flatten(2), path[:, :, 1:].flatten(2))
        return self._latest(instance, length.unflatten(2, (-1, instance.vehicles)).sum(2))

    def _latest(self, instance: Instance, length: Tensor) -> Tensor:
        """When the last of vehicles that drove `length` ``[B, S, M]`` is back, ``[B, S]``."""
        latest = (length / instance.speed[:, None].float()).amax(-1)
        return latest if instance.scale is None else latest * instance.scale[:, None]

    def horizon(self, instance: Instance) -> tuple[int, int]:
        """Every service and return takes a step at most, and so does every retirement but one."""
        customers, count = self._customers(instance), instance.vehicles
        least = math.ceil(int(customers.min()) / count)
        return max(least, 1), max(2 * int(customers.max()) + count - 2, 1)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[int]]]:
        """Of each vehicle its customers from 1, 0 where it is loaded anew."""
        count = instance.vehicles
        fleets = (instance.capacity > 0).sum(1).tolist()
        plans = []
        for rows, vehicles in zip(actions.transpose(1, 2).tolist(), fleets, strict=True):
            plans.append([_route(row, count) for row in rows[:vehicles]])
        return plans

    def actions(self, instance: Instance, solutions: Sequence[list[list[int]]]) -> Tensor:
        """``[B, T, M]``: every vehicle makes its next stop in each step, and waits in the end."""
        count = instance.vehicles
        rows = []
        for plan in solutions:
            paths: list[list[int]] = [[] for _ in range(count)]
            for vehicle, route in enumerate(plan):
                paths[vehicle] = [node + count - 1 if node else vehicle for node in route]
            last = max((len(path) for path in paths), default=0)
            for vehicle, path in enumerate(paths):
                path += [vehicle] * (last - len(path))
            rows.append(paths)
        total = max(1, *(len(paths[0]) for paths in rows))
        for paths in rows:
            for vehicle, path in enumerate(paths):
                path += [path[-1] if path else vehicle] * (total - len(path))
        return torch.tensor(rows, device=instance.device).transpose(1, 2).contiguous()

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Every vehicle's trips in a random order and in random directions, without delays."""
        batch, rollouts, total, vehicles = actions.shape
        repeated = [b for b in range(batch) for _ in range(rollouts)]
        plans = self.solution(instance[repeated], actions.flatten(0, 1))
        shape = 2, len(plans), vehicles, total
        order, flips = torch.rand(shape, generator=generator, device=generator.device).tolist()
        changed = []
        for plan, keys, turns in zip(plans, order, flips, strict=True):
            changed.append([_shuffled(*part) for part in zip(plan, keys, turns, strict=False)])
        shuffled = self.actions(instance[repeated], changed)
        waits = shuffled[:, -1:].expand(-1, total - shuffled.shape[1], -1)
        return torch.cat([shuffled, waits], 1).unflatten(0, (batch, rollouts))

    def symmetries(self, instance: Instance) -> list[Instance]:
        rest = instance.demand, instance.capacity, instance.speed, instance.exists, instance.scale
        return [Instance(image, *rest) for image in dihedral(instance.coords)]

    def load(self, cases: Sequence[nco.core.case.Case]) -> Instance:
        most, fleet = max(case.size for case in cases), 1
        for case in cases:
            assert isinstance(case, Case)
            if not self.fits(case):
                reason = "networks minimise the time of the last vehicle: use --model none"
                raise InstanceError(reason, field="objective", value=case.objective)
            fleet = max(fleet, len(case.capacities))
        batch, nodes = len(cases), fleet + most
        coords = torch.zeros(batch, nodes, 2)
        demand = torch.zeros(batch, nodes, dtype=torch.double)
        exists = torch.zeros(batch, nodes, dtype=torch.bool)
        capacity = torch.zeros(batch, fleet, dtype=torch.double)
        speed, scale = torch.ones_like(capacity), torch.ones(batch)
        for b, case in enumerate(cases):
            assert isinstance(case, Case)
            points, scale[b] = unit_square(case.coords)
            count, last = len(case.capacities), fleet + case.size
            coords[b, :fleet] = torch.from_numpy(points[0])
            coords[b, fleet:last] = torch.from_numpy(points[1:])
            demand[b, fleet:last] = torch.from_numpy(case.demand[1:])
            exists[b, :count] = exists[b, fleet:last] = True
            capacity[b, :count] = torch.from_numpy(case.capacities)
            speed[b, :count] = torch.from_numpy(case.speeds)
        padded, scaled = not bool(exists.all()), bool((scale != 1).any())
        return Instance(
            coords, demand, capacity, speed, exists if padded else None, scale if scaled else None
        )

    def cases(self, instance: Instance) -> list[nco.core.case.Case]:
        count = instance.vehicles
        cases: list[nco.core.case.Case] = []
        for b, customers in enumerate(self._customers(instance).int().tolist()):
            vehicles = int((instance.capacity[b] > 0).sum())
            scale = 1.0 if instance.scale is None else float(instance.scale[b])
            rows = [0, *range(count, count + customers)]
            case = files.from_arrays(
                {
                    "coords": instance.coords[b, rows].double().cpu().numpy() * scale,
                    "demand": instance.demand[b, rows].cpu().numpy(),
                    "capacities": instance.capacity[b, :vehicles].cpu().numpy(),
                    "speeds": instance.speed[b, :vehicles].cpu().numpy(),
                    "name": f"hcvrp{customers}-{vehicles}-{b}",
                }
            )
            assert case is not None
            cases.append(case)
        return cases

    def fits(self, case: nco.core.case.Case) -> bool:
        return isinstance(case, Case) and case.objective == files.MIN_MAX

    def published(self, size: int, count: int, seed: int) -> list[nco.core.case.Case]:
        """The sets of 1,280 of 2D-Ptr and PARCO (seed 24610), for `vehicles` if that is a number.

        Otherwise for the least of them.
        """
        vehicles = self.vehicles if isinstance(self.vehicles, int) else self.vehicles[0]
        random = np.random.RandomState(seed)
        points = random.uniform(size=(SET, size + 1, 2))
        demand = random.randint(1, LARGEST_DEMAND + 1, (SET, size + 1))[:, :-1]
        speed = random.uniform(SLOWEST, 1, (SET, vehicles))
        low, high = CAPACITIES
        capacity = random.randint(low, high + 1, (SET, vehicles))
        cases: list[nco.core.case.Case] = []
        for b in range(count):
            case = files.from_arrays(
                {
                    "coords": np.concatenate([points[b, -1:], points[b, :-1]]),
                    "demand": np.concatenate([[0], demand[b]]),
                    "capacities": capacity[b],
                    "speeds": speed[b],
                    "name": f"hcvrp{size}-{vehicles}-{seed}-{b}",
                }
            )
            assert case is not None
            cases.append(case)
        return cases

    @staticmethod
    def _customers(instance: Instance) -> Tensor:
        """How many there are, ``[B]`` float."""
        batch, nodes = instance.demand.shape
        count = instance.vehicles
        if instance.exists is None:
            return torch.full((batch,), float(nodes - count), device=instance.device)
        return instance.exists[:, count:].sum(-1).float()

    @staticmethod
    def _fastest(instance: Instance) -> Tensor:
        """``[B, 1]``."""
        return instance.speed.where(instance.capacity > 0, 0.0).amax(1, keepdim=True)

    @staticmethod
    def _back(instance: Instance) -> Tensor:
        """Distances to the depot, ``[B, N]``."""
        return torch.linalg.vector_norm(instance.coords - instance.coords[:, :1], dim=-1)

    @staticmethod
    def _away(instance: Instance, start: Tensor, end: Tensor | None = None) -> Tensor:
        """Distances from `start` ``[B, S, K]`` to `end`; ``[B, S, K, N]`` to all without."""
        rows = torch.arange(len(start), device=start.device)[:, None, None]
        x, y = instance.coords.unbind(-1)
        if end is None:
            dx = x[rows, start][..., None] - x[:, None, None]
            dy = y[rows, start][..., None] - y[:, None, None]
        else:
            dx, dy = (axis[rows, start] - axis[rows, end] for axis in (x, y))
        return (dx.square() + dy.square()).sqrt()


def _shuffled(route: Sequence[int], order: Sequence[float], flips: Sequence[float]) -> list[int]:
    """The trips of one route sorted by `order`, those reversed whose flip is below a half."""
    trips: list[list[int]] = [[]]
    for node in route:
        if node:
            trips[-1].append(node)
        else:
            trips.append([])
    directed = [
        trip[::-1] if flip < 0.5 else trip for trip, flip in zip(trips, flips, strict=False)
    ]
    ranks = sorted(range(len(trips)), key=order.__getitem__)
    return [node for rank in ranks for node in (0, *directed[rank])][1:]


def _route(stops: Sequence[int], vehicles: int) -> list[int]:
    """Customers from 1, and 0 between two trips, of the nodes that one vehicle was sent to."""
    route: list[int] = []
    before = None
    for stop in stops:
        node = max(stop - vehicles + 1, 0)
        if node != before and (node or route):
            route.append(node)
        before = node
    while route and route[-1] == 0:
        route.pop()
    return route
