"""Rich vehicle routing as a problem for networks: constraints are columns, their rules masks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Generator, Tensor

import nco.core.case
from nco.core.capabilities import (
    HasCases,
    HasDemonstrations,
    HasSymmetries,
    HasWindows,
    Replayable,
    Selective,
    Windows,
)
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema
from nco.problems.vrp.case import Case, Route
from nco.problems.vrp.known import refusal
from nco.problems.vrp.network import columns, loading, mixtures, orders, paths
from nco.problems.vrp.network.tensors import (
    Instance,
    State,
    allows,
    alone,
    begun,
    extended,
    homes,
    move,
    moves,
)


class VRP(
    Problem[Instance, State],
    HasDemonstrations,
    HasSymmetries,
    HasWindows,
    HasCases,
    Replayable,
    Selective,
):
    """Serve clients by routes at the least cost, whatever constraints the case states.

    - instance: `Instance`, of depots, types of vehicles and clients as in `nco.problems.vrp.case`.
      Networks know deliveries and pickups of one dimension (mixed, or deliveries first), one window
      a client, release times, service times, prizes, open routes, limits of length and duration,
      several depots, and fleets with capacities, fixed costs and costs of a unit of way;
    - nodes: see `schema`; those 0 to V-1 are the types of vehicles, where they start. Loads are in
      capacities of the largest vehicle, times since the first type may leave, prizes and fixed
      costs in the length that costs as much;
    - dynamic: of each client from where the vehicle is: ``wait`` until its window opens, ``slack``
      until it closes or the vehicle could not be home in time, the way ``home`` behind it, and the
      length ``spare`` then; whether it is in ``reach``;
    - context: what the vehicle can still deliver (``free``) and pick up (``room``), its ``time``,
      how much length and duration its route has ``left``; flags: an ``open`` route, deliveries
      ``after`` none of its pickups, ``picking`` up already, and which limits there are;
    - action: ``kind * N + node``. Kind 0 drives there directly, kind 1 by way of the depot with a
      vehicle of the same type. Where there are several types, a route begins with kind 0 of its
      type instead. Kind 1 of node 0 ends the plan; a finished row may choose nothing else;
    - mask: a client is allowed if the route keeps all limits when it goes home from there. So every
      client is served who can be served alone, which `load` asks of all that are required, unless
      the vehicles are too few: then what is left is left out, at a cost above all others;
    - end: nobody is left, or only optional clients are and the plan is ended;
    - cost: vehicles, ways and prizes left, in the source's units;
    - generator: `nco.problems.vrp.network.mixtures`.

    Args:
        size: number of clients, or ``[low, high]`` drawn for each batch.
        variants: names of the literature's variants that are drawn, such as ``ovrptw``; None: all.
        held_out: names that are never drawn.
        varied: share of instances whose numbers are drawn from wide ranges.
        extras: share of instances with what no variant has.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = columns.SCHEMA
    tiny: ClassVar[int] = 3

    def __init__(
        self,
        size: int | list[int] = 50,
        variants: list[str] | None = None,
        held_out: list[str] | None = None,
        varied: float = 0.5,
        extras: float = 0.2,
        points: Points | None = None,
    ) -> None:
        self.size = check_size(size)
        known = list(mixtures.VARIANTS)
        for name in [*(variants or ()), *(held_out or ())]:
            if name not in known:
                raise ValueError(f"{name!r} is no variant: there are {', '.join(known)}")
        self.variants = [name for name in variants or known if name not in (held_out or ())]
        if not self.variants:
            raise ValueError(f"no variant is left to draw, held_out is {held_out}")
        if not (0 <= varied <= 1 and 0 <= extras <= 1):
            raise ValueError(f"varied and extras are shares, not {varied} and {extras}")
        self.varied, self.extras, self.points = varied, extras, points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        clients = draw_size(self.size, generator)
        return mixtures.draw(
            batch, clients, self.points, self.variants, self.varied, self.extras, generator
        )

    def features(self, instance: Instance) -> Features:
        xy = instance.coords.float()
        return Features(torch.cat([xy, columns.nodes(instance)], -1), instance.exists, xy)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch = len(instance)
        several = instance.several[:, None].expand(-1, rollouts)
        vehicle = torch.zeros(batch, rollouts, dtype=torch.long, device=instance.device)
        alive = (alone(instance).any(1) & instance.clients)[:, None].repeat(1, rollouts, 1)
        left = instance.fleet[:, None].repeat(1, rollouts, 1)
        paid = torch.zeros(batch, rollouts, dtype=torch.double, device=instance.device)
        return State(
            vehicle.masked_fill(several, -1),
            vehicle,
            begun(instance, vehicle),
            left,
            alive,
            paid,
            paths.priced(instance, paid),
        )

    def observe(self, instance: Instance, state: State) -> Observation:
        types, vehicle = instance.types, state.vehicle.clamp_min(0)
        trip = state.trip.map(lambda tensor: tensor[..., None])
        way_there = moves(instance, state.current)
        after, home = extended(trip, way_there), homes(instance, vehicle)
        rows = torch.arange(len(vehicle), device=vehicle.device)[:, None]
        picking = instance.after[:, None] & (state.trip.picked > 0)
        direct = state.alive & allows(after, home) & instance.allowed[rows, vehicle]
        direct &= ~(picking[..., None] & (instance.demand > 0)[:, None])
        direct &= self._has_vehicle(state)[..., None]
        mask, offered = self._mask(instance, state, direct)
        focus = torch.stack([state.vehicle, state.current.where(state.vehicle >= 0, -1)], -1)
        dynamic = columns.dynamic(instance, state, way_there.time, after, home, direct)
        context = columns.context(instance, state, vehicle, picking)
        offered[..., :types] |= mask[..., :types]
        return Observation(mask, focus, context, state.alive | offered, dynamic, always=offered)

    @staticmethod
    def _has_vehicle(state: State) -> Tensor:
        """Whether one is on its way or one of the chosen type is left, ``[B, S]`` bool."""
        vehicle = state.vehicle.clamp_min(0)[..., None]
        left = state.left.gather(2, vehicle)[..., 0] > 0
        return (state.vehicle >= 0) & (left | (state.current >= state.left.shape[2]))

    def _mask(self, instance: Instance, state: State, direct: Tensor) -> tuple[Tensor, Tensor]:
        """What is allowed ``[B, S, 2 N]``, and where node 0 is offered as the end of the plan."""
        types, several = instance.types, instance.several[:, None]
        solo = alone(instance)
        on_way = state.current >= types
        more = state.left > 0
        anew = state.alive & solo[:, None, 0] & (on_way & more[..., 0] & ~several)[..., None]
        first = several & (on_way | (state.vehicle < 0))
        useful = torch.einsum("bsn,bvn->bsv", state.alive.float(), solo.float()) > 0
        mask = torch.cat([direct, anew], -1)
        mask[..., :types] = first[..., None] & more & useful
        needed = (state.alive & instance.required[:, None]).any(-1)
        waiting = several & ~on_way & (state.vehicle >= 0)
        done = self.done(instance, state)
        end = done | ~(needed | waiting) | ~mask.any(-1)
        mask[..., direct.shape[-1]] = end
        offered = torch.zeros_like(direct)
        offered[..., 0] = end & ~done
        return mask, offered

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        nodes, types = instance.demand.shape[1], instance.types
        node, by_depot = action % nodes, action >= nodes
        over = self.done(instance, state)
        ends = by_depot & (node == 0)
        chooses = ~by_depot & (node < types)
        vehicle = torch.where(chooses, node, state.vehicle).clamp_min(0)
        start = torch.where(by_depot | chooses, vehicle, state.current)
        fresh = begun(instance, vehicle)
        trip = fresh.where(by_depot | chooses, state.trip)
        there = move(instance, start, node)
        moved = fresh.where(chooses, extended(trip, there))
        old = state.vehicle.clamp_min(0)
        begins = ~chooses & (start < types)
        paid = state.paid + paths.back(instance, old, state.current) * (by_depot | chooses)
        paid = paid + (there.distance * instance.unit.gather(1, vehicle)) * ~chooses
        paid = paid + instance.fixed.gather(1, vehicle) * begins - instance.prize.gather(1, node)
        spent = torch.zeros_like(state.left).scatter(2, vehicle[..., None], 1.0) * begins[..., None]
        alive = state.alive.scatter(2, node[..., None], False) & ~ends[..., None]
        changed = State(
            vehicle,
            node,
            moved,
            state.left - spent,
            alive,
            paid,
            paths.priced(instance, paid + paths.back(instance, vehicle, node)),
        )
        stopped = replace(state, alive=alive)
        return state.where(over, stopped.where(ends, changed))

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        return paths.cost(instance, actions)

    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        """In closed form, but for the last route, which is driven anew."""
        if steps is None:
            when = torch.arange(actions.shape[2], device=actions.device)
            steps = when.expand_as(actions)
        return paths.states(instance, actions, steps)

    def horizon(self, instance: Instance) -> tuple[int, int]:
        """A step a client, where there is a choice one a route, and where some may stay the end."""
        served = (alone(instance).any(1) & instance.clients).sum(1)
        needed = (instance.clients & instance.required).sum(1)
        several = instance.several
        limited = torch.isfinite(instance.fleet).any(1)
        least = torch.where(limited, 1, needed + (several & (needed > 0)))
        most = served * (1 + several.long()) + ((served > needed) | limited)
        return max(int(least.min()), 1), max(int(most.max()), 1)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[Route]]:
        nodes, types = instance.demand.shape[1], instance.types
        plans = []
        for depots, row in zip(instance.depots.tolist(), actions.tolist(), strict=True):
            plan: list[Route] = []
            vehicle, anew = 0, True
            for action in row:
                node = action % nodes
                if node < types:
                    if action >= nodes:
                        break
                    vehicle, anew = node, True
                    continue
                if anew or action >= nodes:
                    plan.append(Route(vehicle, []))
                plan[-1].stops.append(node - types + depots)
                anew = False
            plans.append(plan)
        return plans

    def actions(self, instance: Instance, solutions: Sequence[list[Route]]) -> Tensor:
        nodes, types = instance.demand.shape[1], instance.types
        servable = (alone(instance).any(1) & instance.clients).sum(1).tolist()
        rows: list[list[int]] = []
        several, depots = instance.several.tolist(), instance.depots.tolist()
        for b, plan in enumerate(solutions):
            row: list[int] = []
            count = 0
            for vehicle, stops in plan:
                path = [stop - depots[b] + types for stop in stops]
                count += len(path)
                if several[b]:
                    row += [vehicle, *path]
                elif path:
                    row += [path[0] + (nodes if row else 0), *path[1:]]
            rows.append(row + [nodes] * (count < servable[b]))
        total = max(1, *(len(row) for row in rows))
        padded = [row + [nodes] * (total - len(row)) for row in rows]
        return torch.tensor(padded, device=instance.device)

    def demonstrations(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """Neighbouring routes after one another, the one with the most room at the end.

        As of `CVRPVia`; a route keeps its direction where windows, pickups or an open end say so.
        """
        batch, rollouts, total = actions.shape
        repeated = instance[[b for b in range(batch) for _ in range(rollouts)]]
        plans = self.solution(repeated, actions.flatten(0, 1))
        changed = self.actions(repeated, orders.swept(repeated, plans, generator))
        blank = changed.new_full((len(changed), total), instance.demand.shape[1])
        short = min(total, changed.shape[1])
        blank[:, :short] = changed[:, :short]
        return blank.unflatten(0, (batch, rollouts))

    def symmetries(self, instance: Instance) -> list[Instance]:
        return [replace(instance, coords=image) for image in dihedral(instance.coords)]

    def windows(
        self, instance: Instance, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        """Routes that lie side by side, about `length` clients together, in a random order.

        Which of a small instance's clients is the first one is given.
        """
        found = orders.grouped(instance, self.solution(instance, actions), length, generator)
        if found is None:
            return None
        small, plans, places = found
        return Windows(small, self.actions(small, plans), 1, places)

    def rejoin(
        self, instance: Instance, actions: Tensor, windows: Windows, parts: Tensor
    ) -> Tensor:
        small: Instance = windows.instance
        plans = orders.rejoined(instance, self.solution(small, parts), windows.places)
        return self.actions(instance, plans)

    def load(self, cases: Sequence[nco.core.case.Case]) -> Instance:
        return loading.load(cases)

    def cases(self, instance: Instance) -> list[nco.core.case.Case]:
        return loading.cases(instance)

    def fits(self, case: nco.core.case.Case) -> bool:
        return isinstance(case, Case) and refusal(case) is None
