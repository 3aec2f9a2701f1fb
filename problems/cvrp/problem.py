"""The capacitated vehicle routing problem: one instance, two encodings of its actions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import (
    HasCases,
    HasDemonstrations,
    HasEquivalents,
    HasPublished,
    HasStarts,
    HasSymmetries,
    HasWindows,
    Paddable,
    Replayable,
    Windows,
)
from nco.core.case import Case
from nco.core.defaults import pad_nodes
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size, lengths
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.cvrp import arrangement, files, instances
from nco.problems.cvrp.instances import Instance

# Kool et al. (2019) up to 100 customers, BQ-NCO and LEHD beyond
CAPACITIES = {10: 20, 20: 30, 50: 40, 100: 50, 200: 80, 500: 100, 1000: 250}
LARGEST_DEMAND = 9
# demands are fractions of the capacity in float64: a full vehicle must not seem overloaded
TOLERANCE = 1e-9
NODES = (
    *columns("x", "y", unit=Unit.LENGTH),
    Column("demand", Unit.LOAD),  # in capacities
    Column("is_depot"),
)


def literature_capacity(customers: int) -> int:
    """The vehicle capacity of the literature's generator, interpolated between its sizes."""
    return round(float(np.interp(customers, list(CAPACITIES), list(CAPACITIES.values()))))


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Routes so far, and the vehicle on its way."""

    current: Tensor  # [B, S] long
    load: Tensor  # [B, S] double, what the vehicle can still take, as a fraction
    alive: Tensor  # [B, S, N] bool, customers not yet served; the depot never


Arrange = Callable[[int, list[list[int]], list[float]], list[list[int]]]


class _Routing(
    Problem[Instance, State],
    HasStarts,
    HasEquivalents,
    HasSymmetries,
    Paddable,
    HasWindows,
    HasCases,
    HasPublished,
):
    """What the two encodings share."""

    def __init__(
        self,
        size: int | list[int] = 50,
        capacity: int | list[int] | None = None,
        points: Points | None = None,
    ) -> None:
        self.size = check_size(size)
        if capacity is not None:
            least, *more = [capacity] if isinstance(capacity, int) else capacity
            if least < LARGEST_DEMAND:
                raise ValueError(
                    f"capacity {capacity} is less than the largest demand {LARGEST_DEMAND}"
                )
            if not isinstance(capacity, int) and (len(more) != 1 or more[0] < least):
                raise ValueError(f"capacity {capacity}: give one number or [low, high]")
        self.capacity = capacity
        self.points = points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        customers = draw_size(self.size, generator)
        device = generator.device
        coords = self.points.draw(batch, customers + 1, generator)
        demand = torch.randint(
            1, LARGEST_DEMAND + 1, (batch, customers + 1), generator=generator, device=device
        )
        demand[:, 0] = 0
        capacity = self._capacity(customers, generator)
        full = torch.full((batch,), float(capacity), dtype=torch.double, device=device)
        return Instance(coords, demand.double() / capacity, full)

    def _capacity(self, customers: int, generator: Generator) -> int:
        """Of the vehicles; of a range uniform in its logarithm, as routes' lengths matter so."""
        if self.capacity is None:
            return literature_capacity(customers)
        if isinstance(self.capacity, int):
            return self.capacity
        low, high = self.capacity
        share = float(torch.rand((), generator=generator, device=generator.device))
        return round(low * (high / low) ** share)

    def features(self, instance: Instance) -> Features:
        depot = torch.zeros_like(instance.demand)
        depot[:, 0] = 1
        extra = torch.stack([instance.demand, depot], -1)
        nodes = torch.cat([instance.coords, extra.float()], -1)
        edges = None if instance.distances is None else instance.distances[..., None]
        return Features(nodes, instance.exists, instance.coords, edges)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, count = instance.demand.shape
        device = instance.device
        current = torch.zeros(batch, rollouts, dtype=torch.long, device=device)
        alive = torch.ones(batch, rollouts, count, dtype=torch.bool, device=device)
        if instance.exists is not None:
            alive = instance.exists[:, None].repeat(1, rollouts, 1)
        alive[:, :, 0] = False
        load = torch.ones(batch, rollouts, dtype=torch.double, device=device)
        return State(current, load, alive)

    def _fits(self, instance: Instance, state: State) -> Tensor:
        return instance.demand[:, None] <= state.load[..., None] + TOLERANCE

    def _demand(self, instance: Instance, node: Tensor) -> Tensor:
        return instance.demand.gather(1, node)

    def _walk(self, instance: Instance, path: Tensor) -> Tensor:
        """The length ``[B, S]`` of `path` ``[B, S, T]`` from the depot and back."""
        depot = torch.zeros_like(path[:, :, :1])
        return self._steps(instance, torch.cat([depot, path, depot], 2)).sum(-1)

    def _steps(self, instance: Instance, path: Tensor) -> Tensor:
        """The lengths ``[B, S, T - 1]`` between the nodes of `path` ``[B, S, T]``."""
        if instance.distances is None:
            steps = lengths(instance.coords, path)
        else:
            rows = torch.arange(len(path), device=path.device)[:, None, None]
            steps = instance.distances[rows, path[:, :, :-1], path[:, :, 1:]]
        return steps if instance.scale is None else steps * instance.scale[:, None, None]

    def windows(
        self, instance: Instance, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        """Routes that lie side by side, about `length` customers together, in a random order.

        At random either by their angles around the depot or by the distances of their centres, so
        that a region may also lie behind another one. Which of a small instance's customers is the
        first one is given.
        """
        owners: list[int] = []
        groups: list[list[list[int]]] = []
        for b, plan in enumerate(self.solution(instance, actions)):
            away = (instance.coords[b] - instance.coords[b, :1]).tolist()
            swept = arrangement.rotated(
                arrangement.by_angle(away, plan), arrangement.draw(max(len(plan), 1), generator)
            )
            if arrangement.draw(2, generator):
                swept = arrangement.by_nearness(away, swept, length)
            parts = arrangement.grouped(swept, length)
            groups += [arrangement.shuffled(group, generator) for group in parts]
            owners += [b] * len(parts)
        if not groups:
            return None
        members = [[customer for route in group for customer in route] for group in groups]
        small = self._small(instance, owners, members)
        plans = [arrangement.renumbered(group) for group in groups]
        return Windows(small, self.actions(small, plans), 1, (owners, members))

    def _small(self, instance: Instance, owners: list[int], members: list[list[int]]) -> Instance:
        """The depot and some of the customers, of one instance in each row."""
        most = max(map(len, members)) + 1
        node = torch.zeros(len(members), most, dtype=torch.long, device=instance.device)
        exists = torch.zeros(len(members), most, dtype=torch.bool, device=instance.device)
        for row, inside in enumerate(members):
            node[row, 1 : len(inside) + 1] = torch.tensor(inside, device=instance.device)
            exists[row, : len(inside) + 1] = True
        owner = torch.tensor(owners, device=instance.device)
        distances = instance.distances
        if distances is not None:
            distances = distances[owner[:, None, None], node[:, :, None], node[:, None]]
        demand = instance.demand[owner[:, None], node].masked_fill(~exists, 0)
        return Instance(
            instance.coords[owner[:, None], node],
            demand,
            instance.capacity[owner],
            None if bool(exists.all()) else exists,
            distances,
            None if instance.scale is None else instance.scale[owner],
        )

    def rejoin(
        self, instance: Instance, actions: Tensor, windows: Windows, parts: Tensor
    ) -> Tensor:
        owners, members = windows.places
        plans: list[list[list[int]]] = [[] for _ in range(len(instance))]
        small = self.solution(windows.instance, parts)
        for b, inside, plan in zip(owners, members, small, strict=True):
            plans[b] += [[inside[customer - 1] for customer in route] for route in plan]
        return self.actions(instance, plans)

    def padded(self, instance: Instance, nodes: int) -> Instance:
        return pad_nodes(instance, instance.demand.shape[1], nodes)

    def start_count(self, instance: Instance) -> int:
        return instance.demand.shape[1] - 1

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        counts = self._customers(instance)[:, None].clamp_min(1)
        return (torch.arange(rollouts, device=instance.device) % counts + 1)[..., None]

    def symmetries(self, instance: Instance) -> list[Instance]:
        return [
            Instance(
                image,
                instance.demand,
                instance.capacity,
                instance.exists,
                instance.distances,
                instance.scale,
            )
            for image in dihedral(instance.coords)
        ]

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """A random order and random directions of the routes."""

        def shuffled(b: int, plan: list[list[int]], random: list[float]) -> list[list[int]]:
            return [route for _, route in sorted(zip(random, plan, strict=False))]

        return self._arranged(instance, actions, generator, shuffled)

    def _arranged(
        self, instance: Instance, actions: Tensor, generator: Generator, arrange: Arrange
    ) -> Tensor:
        """The same routes ``[B, S, T]`` in the order of `arrange`, in random directions."""
        batch, rollouts, total = actions.shape
        repeated = [b for b in range(batch) for _ in range(rollouts)]
        plans = self.solution(instance[repeated], actions.flatten(0, 1))
        shape = (2, len(plans), total)
        order, flips = torch.rand(shape, generator=generator, device=generator.device).tolist()
        changed = []
        for b, plan, random, flip in zip(repeated, plans, order, flips, strict=True):
            routes = [r[::-1] if f < 0.5 else r for r, f in zip(plan, flip, strict=False)]
            changed.append(arrange(b, routes, random))
        return self.actions(instance[repeated], changed).unflatten(0, (batch, rollouts))

    def load(self, cases: Sequence[Case]) -> Instance:
        return instances.load(cases)

    def cases(self, instance: Instance) -> list[Case]:
        counts = (self._customers(instance) + 1).tolist()
        scales = [1.0] * len(counts) if instance.scale is None else instance.scale.tolist()
        cases: list[Case] = []
        for b, (count, scale) in enumerate(zip(counts, scales, strict=True)):
            capacity = float(instance.capacity[b])
            demand = instance.demand[b, :count].cpu().numpy() * capacity
            # integers come back exactly
            whole = np.rint(demand)
            demand = np.where(np.abs(demand - whole) < TOLERANCE * capacity, whole, demand)
            data: dict[str, object] = {"demand": demand, "capacity": capacity}
            if instance.distances is None:
                data["coords"] = instance.coords[b, :count].double().cpu().numpy() * scale
            else:
                data["distances"] = instance.distances[b, :count, :count].double().numpy() * scale
            case = files.from_arrays({**data, "name": f"cvrp{count - 1}-{b}"})
            assert case is not None
            cases.append(case)
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """Kool's sets of 10,000 (1234 test, 4321 validation), which draw all depots first.

        So the first `count` instances are cut out of the whole set.
        """
        if isinstance(self.capacity, list):
            raise ValueError(f"capacity {self.capacity}: the published sets have one")
        random = np.random.RandomState(seed)
        depot = random.uniform(size=(10_000, 2))
        customers = random.uniform(size=(10_000, size, 2))[:count]
        demand = random.randint(1, LARGEST_DEMAND + 1, size=(10_000, size))[:count]
        capacity = self.capacity or literature_capacity(size)
        cases: list[Case] = []
        for b in range(count):
            case = files.from_arrays(
                {
                    "coords": np.concatenate([depot[b : b + 1], customers[b]]),
                    "demand": np.concatenate([[0], demand[b]]),
                    "capacity": capacity,
                    "name": f"cvrp{size}-{seed}-{b}",
                }
            )
            assert case is not None
            cases.append(case)
        return cases

    @staticmethod
    def _customers(instance: Instance) -> Tensor:
        batch, count = instance.demand.shape
        if instance.exists is None:
            return torch.full((batch,), count - 1, device=instance.device)
        return instance.exists.sum(-1) - 1


class CVRP(_Routing, Replayable):
    """Serve every customer once by routes from the depot within capacity, over the least distance.

    - instance: `coords` or `distances`, `demand`, `capacity`;
    - nodes: ``x, y, demand`` (in capacities), ``is_depot``; context: ``free``, what the vehicle can
      still take, in capacities; focus: ``current``;
    - action: the next node, 0 being the depot;
    - mask: customers not yet served that fit; the depot unless the vehicle stands there;
    - end: all served (the way home is implied); a finished row may only choose the depot;
    - cost: the length of all routes in the source's units;
    - generator: Kool, van Hoof & Welling (2019); capacities of the literature.

    Args:
        size: number of customers, or ``[low, high]`` drawn for each batch.
        capacity: of a vehicle, or ``[low, high]`` drawn for each batch, log-uniform; by
            default the literature's for the size.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=NODES,
        context=columns("free", unit=Unit.LOAD),
        focus=("current",),
    )

    def observe(self, instance: Instance, state: State) -> Observation:
        mask = state.alive & self._fits(instance, state)
        home = (state.current > 0) | self.done(instance, state)
        mask[:, :, 0] = home
        # at the depot an empty vehicle can serve any customer: nobody is left without an action
        context = state.load[..., None].float()
        return Observation(mask, state.current[..., None], context, state.alive)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        over = self.done(instance, state)
        left = state.load - self._demand(instance, action)
        load = torch.where(action == 0, 1.0, left)
        current = torch.where(over, state.current, action)
        load = torch.where(over, state.load, load)
        return State(current, load, state.alive.scatter(-1, action[..., None], False))

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        return self._walk(instance, actions)

    def objectives(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """Named figures ``[B, S]`` of complete actions: `longest_route`, in the cost's unit."""
        depot = torch.zeros_like(actions[:, :, :1])
        closed = torch.cat([depot, actions, depot], 2)
        steps = self._steps(instance, closed)
        route = (closed[:, :, :-1] == 0).cumsum(2)
        total = steps.new_zeros(*steps.shape[:2], steps.shape[2] + 2)
        return {"longest_route": total.scatter_add(2, route, steps).amax(2)}

    def horizon(self, instance: Instance) -> tuple[int, int]:
        customers = instance.demand.shape[1] - 1
        least = customers if instance.exists is None else int(self._customers(instance).min())
        return max(least, 1), max(2 * customers - 1, 1)  # a depot alone stays where it is

    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        """In closed form, from the customers' ranks and cumulated demands."""
        batch, rollouts, total = actions.shape
        count = instance.demand.shape[1]
        when = torch.arange(total, device=actions.device)
        if steps is None:
            steps = when.expand(batch, rollouts, total)
        rank = torch.full((batch, rollouts, count), -1, device=actions.device)
        rank = rank.scatter(-1, actions, when.expand_as(actions))
        alive = rank[:, :, None] >= steps[..., None]
        alive[..., 0] = False
        demand = instance.demand[:, None].expand(-1, rollouts, -1).gather(2, actions)
        taken = demand.cumsum(-1)
        # what was taken in all when the vehicle last stood at the depot
        at_depot = torch.where(actions == 0, taken, 0.0).cummax(-1).values
        zero = taken.new_zeros(batch, rollouts, 1)
        load = torch.cat([zero + 1, 1 - (taken - at_depot)], 2)
        current = torch.cat([zero.long(), actions], 2)
        # a finished row stays at its last customer
        last = rank[..., 1:].max(-1).values[..., None] + 1
        steps = steps.minimum(last)
        return State(current.gather(2, steps), load.gather(2, steps), alive)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[int]]]:
        return [arrangement.split_routes(row) for row in actions.tolist()]

    def actions(self, instance: Instance, solutions: Sequence[list[list[int]]]) -> Tensor:
        rows: list[list[int]] = []
        for plan in solutions:
            row: list[int] = []
            for route in plan:
                row += ([0] if row and route else []) + list(route)
            rows.append(row)
        # to the longest possible episode only where a caller joins batches; here to the longest row
        total = max(len(row) for row in rows)
        return torch.tensor(
            [row + [0] * (total - len(row)) for row in rows], device=instance.device
        )


class CVRPVia(_Routing, HasDemonstrations):
    """The same problem with two kinds of action for each customer: directly, or by the depot.

    - action: ``kind * N + customer``; kind 0 drives there directly, kind 1 by way of the depot;
    - mask: direct where the customer fits what is left, by the depot wherever the vehicle is on
      its way (at the depot both would be the same action);
    - end: after exactly one step a customer. The encoding of BQ-NCO (Drakulic et al. 2023).

    Instance, nodes, context, cost and generator are those of `CVRP`; focus: ``depot, current``.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=NODES,
        context=columns("free", unit=Unit.LOAD),
        focus=("depot", "current"),
        actions=("direct", "by_depot"),
    )

    def observe(self, instance: Instance, state: State) -> Observation:
        count = instance.demand.shape[1]
        direct = state.alive & self._fits(instance, state)
        via = state.alive & (state.current > 0)[..., None]
        if instance.exists is not None or count == 1:  # only padded rows finish before the others
            direct[:, :, 0] = self.done(instance, state)
        mask = torch.cat([direct, via], -1)
        context = state.load[..., None].float()
        focus = torch.stack([torch.zeros_like(state.current), state.current], -1)
        return Observation(mask, focus, context, state.alive)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        over = self.done(instance, state)
        count = instance.demand.shape[1]
        node = action % count
        before = torch.where(action >= count, 1.0, state.load)
        load = torch.where(over, state.load, before - self._demand(instance, node))
        current = torch.where(over, state.current, node)
        return State(current, load, state.alive.scatter(-1, node[..., None], False))

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        count = instance.demand.shape[1]
        node = actions % count
        stop = torch.where(actions >= count, 0, node)  # the depot before it, or itself once more
        return self._walk(instance, torch.stack([stop, node], -1).flatten(2))

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Routes by their angle around the depot, from a random one on, in random directions.

        So the end of a sequence is a region, which a search can build anew.
        """
        away = (instance.coords - instance.coords[:, :1]).tolist()

        def swept(b: int, plan: list[list[int]], random: list[float]) -> list[list[int]]:
            ordered = arrangement.by_angle(away[b], plan)
            return arrangement.rotated(ordered, int(random[0] * len(plan)))

        return self._arranged(instance, actions, generator, swept)

    def demonstrations(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Routes by their angle, either way round, and the one with the most room at the end.

        Drakulic et al. (2023, section 5) put fuller routes first, so that nobody has to know early
        where room will be left; but which of many almost full routes comes next cannot be told.
        What lies beside the last one can.
        """
        away = (instance.coords - instance.coords[:, :1]).tolist()
        demand = instance.demand.tolist()

        def swept(b: int, plan: list[list[int]], random: list[float]) -> list[list[int]]:
            ordered = arrangement.by_angle(away[b], plan)
            if random[0] < 0.5:
                ordered.reverse()
            loads = [sum(demand[b][i] for i in route) for route in ordered]
            return arrangement.rotated(ordered, loads.index(min(loads)) + 1) if loads else ordered

        return self._arranged(instance, actions, generator, swept)

    def horizon(self, instance: Instance) -> tuple[int, int]:
        steps = max(instance.demand.shape[1] - 1, 1)  # a depot alone stays where it is
        return steps, steps

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[int]]]:
        count = instance.demand.shape[1]
        plans = []
        for row in actions.tolist():
            path: list[int] = []
            for action in row:
                path += [0, action - count] if action >= count else [action]
            plans.append(arrangement.split_routes(path))
        return plans

    def actions(self, instance: Instance, solutions: Sequence[list[list[int]]]) -> Tensor:
        count = instance.demand.shape[1]
        rows: list[list[int]] = []
        for plan in solutions:
            row: list[int] = []
            for route in plan:
                if route:
                    row += [route[0] + (count if row else 0), *route[1:]]
            rows.append(row + [0] * (count - 1 - len(row)))
        return torch.tensor(rows, device=instance.device)
