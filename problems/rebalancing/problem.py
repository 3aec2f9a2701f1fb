"""Vehicles serve trips and are sent on empty, before knowing what will be asked for later."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, Online
from nco.core.case import Case
from nco.core.geometry import check_size, draw_size
from nco.core.problem import AdditiveProblem, Features, Observation
from nco.core.schema import Amounts, Column, Schema, Unit, columns
from nco.problems.rebalancing import files, flows

DUE = 3  # periods ahead of which arriving vehicles are shown
ROUNDING = 1e-3  # a decision is float32: nobody should get a vehicle less for that


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of traces of requests with their settings."""

    trips: Tensor  # [B, T, N, N] double
    vehicles: Tensor  # [B, N] double
    times: Tensor  # [B, N, N] double; padding 1
    rates: Tensor  # [B, N, N] double; padding 0
    prices: Tensor  # [B, N, N] double; padding 0
    running: Tensor  # [B] double
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Where the vehicles are before a period."""

    idle: Tensor  # [B, S, N] double, those that arrive now included
    due: Tensor  # [B, S, T + 1, N] double, arriving in each period; what is past stays there
    step: Tensor  # [B, S] long
    step_cost: Tensor  # [B, S] double, what the last period cost


@dataclass(frozen=True, eq=False)
class Seen(Observation):
    """An observation with the plain numbers that the classical rules calculate with."""

    idle: Tensor | None = None  # [B, S, N] double, before trips are served
    served: Tensor | None = None  # [B, S, N, N] double, the dearest trips
    times: Tensor | None = None  # [B, S, N, N] double


class Rebalancing(AdditiveProblem[Instance, State], Online, HasCases):
    """Dynamic vehicle rebalancing of Gammelli et al. (2023), section 5.2.

    - instance: requests from region to region in T periods, travel times, fares;
    - nodes: regions: requests expected to be ``leaving`` and ``arriving``, the mean ``fare``,
      ``vehicles`` at the beginning; linked all to all, with the travel ``time`` in shares of the
      horizon; amounts are in shares of the fleet;
    - nodes that change: vehicles left ``idle`` by the trips, requests ``asked`` and ``unserved``,
      and vehicles due in 1, 2, 3 periods (``due_k``); context: periods ``left`` and ``idle``
      vehicles of all regions;
    - action: ``[B, S, 2 N N]`` numbers of vehicles from region to region, trips that are served and
      then vehicles sent empty; rounded down, no more than is asked for, and in this order as long
      as there are vehicles;
    - a period: vehicles arrive; trips and empty vehicles leave and arrive after the travel time.
      A trip earns its fare, a driving vehicle costs its running for each period;
    - end: after T periods; cost: minus the profit;
    - online: requests are revealed period by period; their rates are known;
    - generator: a grid of regions with Manhattan travel times (at least 1); fares
      ``(1 + 2 u) (time + 1)``; rates drawn so that regions differ in what leaves and arrives.

    Args:
        size: number of regions, or ``[low, high]`` drawn for each batch.
        periods: T; vehicles: of each region at the beginning; running: cost of a driving vehicle
            for a period; demand: mean requests from a region in a period.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *columns("leaving", "arriving", unit=Unit.LOAD),
            Column("fare"),
            Column("vehicles", Unit.LOAD),
        ),
        links=columns("time", unit=Unit.TIME),
        dynamic=columns(
            "idle", "asked", "unserved", *(f"due_{k + 1}" for k in range(DUE)), unit=Unit.LOAD
        ),
        context=(Column("left"), Column("idle", Unit.LOAD)),
        amounts=(Amounts.PAIRS, Amounts.PAIRS),
    )
    continuous: ClassVar[bool] = True

    def __init__(
        self,
        size: int | list[int] = 4,
        periods: int = 20,
        vehicles: int = 5,
        running: float = 0.5,
        demand: float = 2.0,
    ) -> None:
        self.size = check_size(size)
        if periods < 1 or vehicles < 0 or running < 0 or demand < 0:
            raise ValueError(f"periods {periods}, vehicles {vehicles}, {running}, {demand}")
        self.periods, self.vehicles = periods, vehicles
        self.running, self.demand = running, demand

    def generate(self, batch: int, generator: Generator) -> Instance:
        case = self.setting(draw_size(self.size, generator), generator)
        return self.traces(case, batch, generator)

    def setting(self, regions: int, generator: Generator) -> files.Case:
        """A grid of regions, row by row, without a trace."""
        columns = math.ceil(math.sqrt(regions))
        row, column = np.arange(regions) // columns, np.arange(regions) % columns
        times = abs(row[:, None] - row) + abs(column[:, None] - column)
        drawn = torch.rand(3, regions, regions, generator=generator, device=generator.device)
        fare, pull, push = drawn.double().cpu().numpy()
        # some regions send, others attract
        weight = np.exp(2 * push[:1].T) * np.exp(2 * pull[:1]) * (1 - np.eye(regions))
        rates = self.demand * regions * weight / max(weight.sum(), 1e-12)
        return files.Case(
            name=f"grid{regions}",
            periods=self.periods,
            running=self.running,
            vehicles=np.full(regions, float(self.vehicles)),
            times=np.maximum(times, 1).astype(np.float64),
            rates=rates,
            prices=np.round((1 + 2 * fare) * (times + 1), 2),
        )

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        assert isinstance(case, files.Case)
        rates = torch.from_numpy(case.rates).to(generator.device)
        every = rates.expand(count, case.periods, -1, -1)
        return _instance([case] * count, torch.poisson(every, generator))

    def features(self, instance: Instance) -> Features:
        """What is expected to leave and to arrive, a region's mean fare, and its vehicles."""
        fleet = instance.vehicles.sum(-1, keepdim=True).clamp_min(1)
        top = instance.prices.amax((1, 2)).clamp_min(1e-12)[:, None]
        leaving = instance.rates.sum(-1)
        fare = (instance.rates * instance.prices).sum(-1) / leaving.clamp_min(1e-12)
        parts = [leaving / fleet, instance.rates.sum(1) / fleet, fare / top]
        nodes = torch.stack([*parts, instance.vehicles / fleet], -1)
        batch, count = instance.vehicles.shape
        numbers = torch.arange(count, device=nodes.device)
        pairs = torch.cartesian_prod(numbers, numbers)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        links = pairs.expand(batch, -1, -1)
        rows = torch.arange(batch, device=nodes.device)[:, None]
        time = instance.times[rows, links[..., 0], links[..., 1]]
        linked = None
        if instance.exists is not None:
            linked = instance.exists[rows[..., None], links].all(-1)
        link = time[..., None] / instance.trips.shape[1]
        return Features(
            nodes.float(), instance.exists, links=links, link=link.float(), linked=linked
        )

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, total, count = instance.trips.shape[:3]
        idle = instance.vehicles[:, None].expand(-1, rollouts, -1)
        due = idle.new_zeros(batch, rollouts, total + 1, count)
        step = torch.zeros(batch, rollouts, dtype=torch.long, device=idle.device)
        return State(idle, due, step, idle.new_zeros(batch, rollouts))

    def observe(self, instance: Instance, state: State) -> Seen:
        served = self.served(instance, state)
        after = state.idle - served.sum(-1)
        asked = self._asked(instance, state.step).sum(-1)
        total = instance.trips.shape[1]
        fleet = instance.vehicles.sum(-1).clamp_min(1)[:, None]
        later = state.step[..., None] + torch.arange(1, DUE + 1, device=after.device)
        index = later.clamp_max(total)[..., None].expand(*later.shape, after.shape[-1])
        due = state.due.gather(2, index) * (later <= total)[..., None]
        columns = [after, asked, asked - served.sum(-1), *due.unbind(2)]
        nodes = torch.stack(columns, -1) / fleet[..., None, None]
        context = torch.stack([1 - state.step / total, after.sum(-1) / fleet], -1)
        mask = self._mask(instance, state.step.shape[1])
        focus = state.step.new_zeros(*state.step.shape, 0)
        times = instance.times[:, None].expand_as(served)
        return Seen(mask, focus, context.float(), None, nodes.float(), state.idle, served, times)

    def _mask(self, instance: Instance, rollouts: int) -> Tensor:
        pairs = _pairs(instance)
        return torch.cat([pairs.flatten(1)] * 2, -1)[:, None].expand(-1, rollouts, -1)

    def _asked(self, instance: Instance, step: Tensor) -> Tensor:
        """Requests ``[B, S, N, N]`` of the present period, none when all are over."""
        total = instance.trips.shape[1]
        rows = torch.arange(len(step), device=step.device)[:, None]
        trips = instance.trips[rows, step.clamp_max(total - 1)]
        return trips * (step < total)[..., None, None]

    def served(self, instance: Instance, state: State) -> Tensor:
        """The dearest trips of each region ``[B, S, N, N]`` that its vehicles can serve."""
        asked = self._asked(instance, state.step)
        order = instance.prices.argsort(dim=-1, descending=True, stable=True)[:, None]
        order = order.expand_as(asked)
        ranked = asked.gather(-1, order)
        before = ranked.cumsum(-1) - ranked
        taken = torch.minimum((state.idle[..., None] - before).clamp_min(0), ranked)
        return torch.zeros_like(taken).scatter(-1, order, taken)

    def amounts(self, instance: Instance, state: State, action: Tensor) -> Tensor:
        """Trips that are served and vehicles that are sent, ``[B, S, 2, N, N]``."""
        count = instance.vehicles.shape[1]
        wanted = (action.double() + ROUNDING).floor().clamp_min(0)
        wanted = wanted.unflatten(-1, (2, count, count)) * _pairs(instance)[:, None, None]
        trips = torch.minimum(wanted[:, :, 0], self._asked(instance, state.step))
        other = ~torch.eye(count, dtype=torch.bool, device=action.device)
        both = torch.cat([trips, wanted[:, :, 1] * other], -1)  # [B, S, N, 2N]
        before = both.cumsum(-1) - both
        taken = torch.minimum((state.idle[..., None] - before).clamp_min(0), both)
        return torch.stack(taken.split(count, -1), 2)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        return self._move(instance, state, self.amounts(instance, state, action))

    def _move(self, instance: Instance, state: State, amounts: Tensor) -> State:
        over = self.done(instance, state)
        total = instance.trips.shape[1]
        leaving = amounts.sum(2)  # [B, S, N, N]
        times = instance.times[:, None]
        arrive = (state.step[..., None, None] + times.long()).clamp_max(total)
        beyond = state.step[..., None, None] + times > total
        counted = leaving.masked_fill(beyond, 0.0)
        flat = arrive * leaving.shape[-1] + torch.arange(leaving.shape[-1], device=over.device)
        due = state.due.flatten(2).scatter_add(2, flat.flatten(2), counted.flatten(2))
        due = due.view_as(state.due)
        after = (state.step + 1).clamp_max(total)
        now = due.gather(2, after[..., None, None].expand(*after.shape, 1, due.shape[-1]))[:, :, 0]
        idle = state.idle - leaving.sum(-1) + now
        driven = (leaving * times).sum((-1, -2)) * instance.running[:, None]
        cost = driven - (amounts[:, :, 0] * instance.prices[:, None]).sum((-1, -2))
        return State(
            torch.where(over[..., None], state.idle, idle),
            torch.where(over[..., None, None], state.due, due),
            torch.where(over, state.step, state.step + 1),
            cost.masked_fill(over, 0.0),
        )

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.step >= instance.trips.shape[1]

    def step_cost(self, instance: Instance, state: State) -> Tensor:
        return state.step_cost

    def horizon(self, instance: Instance) -> tuple[int, int]:
        total = instance.trips.shape[1]
        return total, total

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        trips = instance.trips.clone()
        trips[:, steps + 1 :] = 0.0
        return replace(instance, trips=trips)

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """The share of requests that is served."""
        state = self.reset(instance, actions.shape[1])
        served = state.step_cost
        for t in range(actions.shape[2]):
            moved = self.amounts(instance, state, actions[:, :, t])
            served = served + moved[:, :, 0].sum((-1, -2))
            state = self.step(instance, state, actions[:, :, t])
        asked = instance.trips.sum((1, 2, 3))[:, None].clamp_min(1)
        return {"served": served / asked}

    def solution(self, instance: Instance, actions: Tensor) -> list[Any]:
        """Trips served and vehicles sent in each period."""
        state = self.reset(instance, 1)
        rows = []
        for t in range(actions.shape[1]):
            rows.append(self.amounts(instance, state, actions[:, None, t])[:, 0])
            state = self.step(instance, state, actions[:, None, t])
        plans = torch.stack(rows, 1)
        counts = _counts(instance).tolist()
        pairs = zip(plans, counts, strict=True)
        return [plan[..., :count, :count].tolist() for plan, count in pairs]

    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        batch, total, count = instance.trips.shape[:3]
        rows = torch.zeros(batch, total, 2, count, count)
        for b, plan in enumerate(solutions):
            amounts = torch.tensor(plan)
            rows[b, :, :, : amounts.shape[-1], : amounts.shape[-1]] = amounts
        return rows.flatten(2).to(instance.device)

    def load(self, cases: Sequence[Case]) -> Instance:
        most = max(case.size for case in cases)
        exact: list[files.Case] = []
        for case in cases:
            assert isinstance(case, files.Case)
            exact.append(case)
        trips = torch.zeros(len(exact), exact[0].periods, most, most, dtype=torch.double)
        for b, case in enumerate(exact):
            if case.periods != exact[0].periods:
                raise ValueError(f"{case.periods} and {exact[0].periods} periods in one batch")
            if case.trips is not None:
                trips[b, :, : case.size, : case.size] = torch.from_numpy(case.trips)
        return _instance(exact, trips)

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b, count in enumerate(_counts(instance).tolist()):
            tables = {
                name: getattr(instance, name)[b, :count, :count].cpu().numpy()
                for name in files.TABLES
            }
            cases.append(
                files.Case(
                    name=f"rebalancing-{b}",
                    periods=instance.trips.shape[1],
                    running=float(instance.running[b]),
                    vehicles=instance.vehicles[b, :count].cpu().numpy(),
                    times=tables["times"],
                    rates=tables["rates"],
                    prices=tables["prices"],
                    trips=instance.trips[b, :, :count, :count].cpu().numpy(),
                )
            )
        return cases


class RebalancingShares(Rebalancing):
    """The same in two levels: shares of the idle fleet that regions should have, and the flows.

    The dearest trips are served; the action names a share ``[B, S, N]`` of the idle vehicles for
    each region; whole vehicles are then sent at least cost so that no region misses any of what it
    was wished (`flows.rebalance`, a min-cost flow). Gammelli et al. (2023), equation 6.
    """

    schema: ClassVar[Schema] = replace(Rebalancing.schema, amounts=(Amounts.NODES,))

    def _mask(self, instance: Instance, rollouts: int) -> Tensor:
        exists = instance.exists
        if exists is None:
            exists = torch.ones_like(instance.vehicles, dtype=torch.bool)
        return exists[:, None].expand(-1, rollouts, -1)

    def amounts(self, instance: Instance, state: State, action: Tensor) -> Tensor:
        served = self.served(instance, state)
        idle = state.idle - served.sum(-1)
        shares = action.double().clamp_min(0) * self._mask(instance, action.shape[1])
        shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-12)
        wished = (shares * idle.sum(-1, keepdim=True) + ROUNDING).floor()
        over = self.done(instance, state)
        sent = torch.zeros_like(served)
        times = instance.times.cpu().numpy()
        for b, s in (~over).nonzero().tolist():
            here, there = (part[b, s].cpu().numpy().astype(np.int64) for part in (idle, wished))
            moved, _ = flows.rebalance(here, there, times[b])
            sent[b, s] = torch.from_numpy(moved).to(sent)
        return torch.stack([served, sent], 2)


def _pairs(instance: Instance) -> Tensor:
    """Pairs of regions ``[B, N, N]`` that exist."""
    if instance.exists is None:
        return torch.ones_like(instance.times, dtype=torch.bool)
    return instance.exists[:, :, None] & instance.exists[:, None]


def _counts(instance: Instance) -> Tensor:
    batch, count = instance.vehicles.shape
    if instance.exists is None:
        return torch.full((batch,), count, device=instance.device)
    return instance.exists.sum(-1)


def _instance(cases: Sequence[files.Case], trips: Tensor) -> Instance:
    """A padded batch of `cases` with requests ``[B, T, N, N]``."""
    batch, _, most, _ = trips.shape
    vehicles = torch.zeros(batch, most, dtype=torch.double)
    tables = {name: torch.zeros(batch, most, most, dtype=torch.double) for name in files.TABLES}
    tables["times"] += 1
    exists = torch.zeros(batch, most, dtype=torch.bool)
    for b, case in enumerate(cases):
        count = case.size
        vehicles[b, :count] = torch.from_numpy(case.vehicles)
        for name, table in tables.items():
            table[b, :count, :count] = torch.from_numpy(getattr(case, name))
        exists[b, :count] = True
    running = torch.tensor([case.running for case in cases], dtype=torch.double)
    instance = Instance(
        trips.cpu().double(),
        vehicles,
        tables["times"],
        tables["rates"],
        tables["prices"],
        running,
        None if bool(exists.all()) else exists,
    )
    return instance.to(trips.device)
