"""Inventory networks as a differentiable simulation of many traces at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, Online, Selective
from nco.core.case import Case
from nco.core.geometry import check_size, draw_size
from nco.core.problem import AdditiveProblem, Features, Observation
from nco.core.schema import Amounts, Column, Schema, Unit, columns
from nco.problems.inventory import demand, files, instances
from nco.problems.inventory.instances import Instance

VARIETY = 16  # networks of a batch of random ones
NOTHING = 1e-3  # units up to which an order is rounding, and costs nothing


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Where the goods are before a period's orders."""

    stock: Tensor  # [B, S, N] on hand with today's arrivals; below zero is backlog
    transit: Tensor  # [B, S, N, K] due in 1, ..., K periods
    period: Tensor  # [B, S] long
    step_cost: Tensor  # [B, S] what the last period cost, weighted
    sold: Tensor  # [B, S, N] demand of the last period that was met at once
    kept: Tensor  # [B, S, N] on hand at its end, before arrivals: what holding was paid for


class Inventory(AdditiveProblem[Instance, State], Online, HasCases, Selective):
    """Order in every period, on every edge of a network, before its demand is known.

    - instance: the network and a trace of demands;
    - nodes: ``holding`` cost; the critical ratio of the node (``own_critical_ratio``) and of the
      stores below it (``critical_ratio``); ``gain``, a logarithm of what a unit sold is worth; mean
      and deviation of demand; whether it ``loses_sales``, ``keeps_stock``, ``has_demand``;
      ``lead_time`` and ``reach`` (until what is ordered can meet demand) in tens of periods; the
      deviation of all demand below it (``echelon_sd``);
    - links: ``lead_time`` in tens of periods, ``fare``, and whether the link ``is_from_outside``;
    - nodes that change: ``stock``; with what is on the way (``position``); the same of the node and
      all below it (``echelon``); the ``gap`` to the echelon level of a newsvendor; what is due in
      k periods (``due_k``);
    - action: an amount for every edge, in units of what its target and all below it need in a
      period on average, so that numbers are alike in small and large networks; what is ordered
      from a node is rationed in proportion where its stock does not suffice; a cross-dock sends
      all it has, in proportion;
    - a period: what was ordered L periods ago arrives, orders leave (and arrive at once where
      L = 0), demand comes, and costs are taken of what is then on hand or missing;
    - end: after T periods;
    - cost: mean over the periods after the warm-up of the whole network's holding and penalty
      costs, edge costs and order costs, less prices of units sold. What is in transit costs
      nothing;
    - generator: traces of the given networks, or (by `size`) one warehouse and many stores: mean
      demand U(2.5, 7.5), coefficient of variation U(.25, .5), correlation .5, lost sales, holding
      U(.7, 1.3), penalty U(6.3, 11.7), lead times 2 or 3; warehouse holding .3, lead time 3 (Alvo
      et al. 2023, arXiv 2306.11246, as their code has it).

    Args:
        size: stores of random networks, or ``[low, high]`` drawn for each batch.
        networks: files, or ``example:NAME``, to train on instead; a batch shares them out.
        periods: T of generated traces; warmup: of these whose cost does not count.
        lead: pipeline columns that a network sees; what is due later counts in the last one.
        spread: most that is on hand, and due in each period of the lead time, when a generated
            trace begins: drawn from 0 to this many times the mean demand of the node and all
            below it.
        relaxed: generated traces take fractional orders even where a case says whole units, so
            that gradients exist.
        calendar: the number of the period is seen as well, for rules that depend on it.
    """

    continuous: ClassVar[bool] = True

    def __init__(
        self,
        size: int | list[int] = 3,
        networks: list[str] | None = None,
        periods: int = 30,
        warmup: int = 0,
        lead: int = 4,
        spread: float = 1.0,
        relaxed: bool = True,
        calendar: bool = False,
    ) -> None:
        self.size = check_size(size)
        if not 0 <= warmup < periods:
            raise ValueError(f"warmup must be from 0 to periods - 1, not {warmup}")
        if lead < 1:
            raise ValueError(f"lead must be at least 1, not {lead}")
        self.networks, self.periods, self.warmup = networks, periods, warmup
        self.lead, self.spread, self.relaxed = lead, spread, relaxed
        self.calendar = calendar
        self._cases: list[files.Case] | None = None
        self._made: dict[int, Instance] = {}

    @property
    def schema(self) -> Schema:  # type: ignore[override]
        """The columns, as many of the pipeline as `lead` says."""
        return Schema(
            nodes=(
                *columns("holding", "own_critical_ratio", "gain"),
                *columns("mean_demand", "demand_sd", unit=Unit.LOAD),
                *columns("loses_sales", "keeps_stock", "has_demand"),
                *columns("lead_time", "reach", unit=Unit.TIME),
                Column("echelon_sd", Unit.LOAD),
                Column("critical_ratio"),
            ),
            links=(Column("lead_time", Unit.TIME), *columns("fare", "is_from_outside")),
            dynamic=columns(
                *("stock", "position", "echelon", "gap"),
                *(f"due_{k + 1}" for k in range(self.lead)),
                unit=Unit.LOAD,
            ),
            context=columns("period") if self.calendar else (),
            amounts=(Amounts.LINKS,),
        )

    # ---- instances

    def generate(self, batch: int, generator: Generator) -> Instance:
        cases = self._given() or self._random(min(batch, VARIETY), generator)
        first = int(torch.randint(len(cases), (), generator=generator, device=generator.device))
        order = [(first + number) % len(cases) for number in range(min(batch, len(cases)))]
        parts = []
        for place, index in enumerate(order):
            count = batch // len(order) + (place < batch % len(order))
            one = self._static(cases[index]).to(generator.device)
            many = one.map(lambda tensor: tensor.expand(count, *tensor.shape[1:]))  # noqa: B023
            drawn = demand.draw(cases[index], count, self.periods, generator)
            parts.append(replace(many, demand=drawn))
        instance = instances.by_period(self._started(instances.joined(parts), generator))
        return replace(instance, whole=None, multiple=None) if self.relaxed else instance

    def _static(self, case: files.Case) -> Instance:
        """A case as an instance ``[1, ...]`` without demand; of given networks made once."""
        made = self._made.get(id(case)) if self.networks is not None else None
        if made is None:
            made = instances.tensors(replace(case, warmup=self.warmup), self.periods)
            if self.networks is not None:
                self._made[id(case)] = made
        return made

    def _given(self) -> list[files.Case] | None:
        """The cases to train on, read once."""
        if self.networks is not None and self._cases is None:
            self._cases = [files.from_file(name) for name in self.networks]
        return self._cases

    def _random(self, count: int, generator: Generator) -> list[files.Case]:
        stores = draw_size(self.size, generator)
        return [demand.one_warehouse(stores, generator) for _ in range(count)]

    def _started(self, instance: Instance, generator: Generator) -> Instance:
        """A random stock and pipeline, so that a policy sees more than empty shelves."""
        mean = instance.moments[..., :1].clamp_min(0.0)
        if instance.below is not None:
            mean = instance.below @ mean
        mean = mean * self.spread * instance.keeps[..., None]
        batch, nodes, slots = instance.transit.shape
        device = generator.device
        drawn = torch.rand(batch, nodes, slots + 1, generator=generator, device=device) * mean
        held = drawn[..., 1:] * self._arrives(instance)
        return replace(instance, stock=instance.stock + drawn[..., 0], transit=held)

    @staticmethod
    def _arrives(instance: Instance) -> Tensor:
        """``[B, N, K]``, 1 where an order of the node could be due in k periods."""
        longest = torch.zeros_like(instance.stock).scatter_reduce(
            1, instance.target, instance.lead.to(instance.stock.dtype), "amax"
        )
        slots = torch.arange(1, instance.transit.shape[2] + 1, device=instance.device)
        return (slots <= longest[..., None] - 1).to(instance.stock.dtype)

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        assert isinstance(case, files.Case)
        one = instances.tensors(case, case.periods).to(generator.device)
        many = one.map(lambda tensor: tensor.expand(count, *tensor.shape[1:]))
        drawn = demand.draw(case, count, case.periods, generator)
        return instances.by_period(replace(many, demand=drawn))

    def load(self, cases: Sequence[Case]) -> Instance:
        parts = []
        for case in cases:
            assert isinstance(case, files.Case)
            if case.trace is None:
                raise ValueError(f"{case.name} holds no trace: draw some with `traces`")
            trace = torch.from_numpy(case.trace).float()[None]
            parts.append(replace(instances.tensors(case, len(case.trace)), demand=trace))
        return instances.joined(parts)

    def cases(self, instance: Instance) -> list[Case]:
        return [instances.case_of(instance[b : b + 1], b) for b in range(len(instance))]

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        periods = torch.arange(instance.demand.shape[1], device=instance.device)
        return replace(instance, demand=instance.demand * (periods < steps)[:, None])

    def fits(self, case: Case) -> bool:
        """Where it was trained on this very network, but for prices of demand and horizon."""
        assert isinstance(case, files.Case)
        given = self._given()
        if given is None:
            return instances.family(case) == instances.family(
                demand.one_warehouse(case.size, torch.Generator())
            )
        return any(instances.same(case, other) for other in given)

    # ---- the rules

    def features(self, instance: Instance) -> Features:
        nodes = instance.demand.shape[2]
        source = torch.where(instance.source == nodes, -1, instance.source)
        links = torch.stack([source, instance.target], -1)
        scale = instance.holding.amax(1, keepdim=True).clamp_min(1e-6)
        fare = torch.zeros_like(instance.carry)
        fare = fare if instance.fare is None else instance.fare / scale
        link = [instance.lead / 10, fare, (source < 0).float()]
        seen = torch.stack(link, -1)
        if instance.linked is not None:
            seen = seen * instance.linked[..., None]
        return Features(
            instance.figures, instance.exists, links=links, link=seen, linked=instance.linked
        )

    def reset(self, instance: Instance, rollouts: int) -> State:
        stock = instance.stock[:, None].expand(-1, rollouts, -1)
        transit = instance.transit[:, None].expand(-1, rollouts, -1, -1)
        zero = stock.new_zeros(stock.shape[:2])
        nothing = torch.zeros_like(stock)
        return State(stock, transit, zero.long(), zero, nothing, nothing)

    def observe(self, instance: Instance, state: State) -> Observation:
        unit = instance.unit[:, None]
        stock = state.stock / unit
        due = state.transit / unit[..., None]
        position = stock + due.sum(-1)
        echelon = position
        if instance.below is not None:
            echelon = (position * unit) @ instance.below.transpose(1, 2) / unit
        gap = instance.level[:, None] - echelon
        short = self.lead - due.shape[-1]
        if short >= 0:
            due = functional.pad(due, (0, short))
        else:
            due = torch.cat(
                [due[..., : self.lead - 1], due[..., self.lead - 1 :].sum(-1, True)], -1
            )
        seen = torch.cat([torch.stack([stock, position, echelon, gap], -1), due], -1)
        if instance.linked is None:
            mask = instance.source.new_ones(instance.source.shape, dtype=torch.bool)
        else:
            mask = instance.linked
        mask = mask[:, None].expand(-1, stock.shape[1], -1)
        period = state.period[..., None]
        context = period if self.calendar else period[..., :0]
        return Observation(mask, period[..., :0], context.to(stock.dtype), nodes=seen)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        batch, rollouts, nodes = state.stock.shape
        shape = batch, rollouts, instance.source.shape[1]
        shipped = self._ordered(instance, action, state.period)
        ready = state.stock
        if instance.below is not None:
            shipped, left = self._rationed(instance, ready, shipped)
            ready = ready - left
        slots = state.transit.shape[3] + 1
        slot = (instance.target * slots + instance.lead)[:, None].expand(shape)
        due = functional.pad(state.transit, (1, 0)).flatten(2).scatter_add(2, slot, shipped)
        due = due.unflatten(2, (nodes, slots))
        today = state.period.clamp_max(instance.demand.shape[1] - 1)
        want = instance.demand.gather(1, today[..., None].expand(-1, -1, nodes))
        ready = ready + due[..., 0]
        after = ready - want
        missing = (-after).clamp_min(0.0)
        sold = torch.minimum(want, ready.clamp_min(0.0))
        kept = after + missing
        costs = torch.addcmul(instance.holding[:, None] * kept, instance.penalty[:, None], missing)
        if instance.price is not None:
            costs = torch.addcmul(costs, instance.price[:, None], sold, value=-1.0)
        cost = costs.sum(-1)
        if instance.fare is not None:
            cost = cost + (instance.fare[:, None] * shipped).sum(-1)
        if instance.order_cost is not None:
            cost = cost + (instance.order_cost[:, None] * (shipped > NOTHING)).sum(-1)
        cost = cost * instance.weight.gather(1, today)
        stock = torch.maximum(after, instance.floor[:, None]) + due[..., 1]
        transit = functional.pad(due[..., 2:], (0, 1))
        return State(stock, transit, state.period + 1, cost, sold, kept)

    @staticmethod
    def _rationed(instance: Instance, stock: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """What is shipped on each edge ``[B, S, L]``, and leaves each node ``[B, S, N]``."""
        batch, rollouts, nodes = stock.shape
        source = instance.source[:, None].expand(order.shape)
        asked = stock.new_zeros(batch, rollouts, nodes + 1).scatter_add(2, source, order)
        wanted = asked[..., :nodes]
        ratio = stock.clamp_min(0.0) / wanted.clamp_min(1e-12)
        full = ratio.clamp_max(1.0)
        # cross-docks are there where some edge carries goods that nobody ordered
        ratio = (
            full if instance.least is None else torch.where(instance.keeps[:, None], full, ratio)
        )
        shipped = order * functional.pad(ratio, (0, 1), value=1.0).gather(2, source)
        return shipped, wanted * ratio

    @staticmethod
    def _ordered(instance: Instance, action: Tensor, period: Tensor) -> Tensor:
        """Orders ``[B, S, L]`` in the source's units, none below zero, in period ``[B, S]``."""
        order = action.clamp_min(0.0) * instance.carry[:, None]
        if instance.multiple is not None:
            size = instance.multiple[:, None]
            rounded = (order / size.clamp_min(1e-9)).round() * size
            order = order + (torch.where(size > 0, rounded, order) - order).detach()
        if instance.whole is not None:
            # whole numbers forwards, the gradient of the amount itself backwards
            order = order + ((order.round() - order) * instance.whole[:, None, None]).detach()
        if instance.review is not None:
            order = order * (period[..., None] % instance.review[:, None] == 0)
        if instance.least is not None:
            order = order + instance.least[:, None]
        return order if instance.linked is None else order * instance.linked[:, None]

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.period >= instance.demand.shape[1]

    def step_cost(self, instance: Instance, state: State) -> Tensor:
        return state.step_cost

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """After the warm-up: share of demand met at once, of periods without shortage, stock.

        The mean stock is of all nodes, after demand: what holding is paid for.
        """
        state = self.reset(instance, actions.shape[1])
        store = (instance.kind > 0)[:, None]
        met = asked = whole = held = torch.zeros_like(state.step_cost)
        for t in range(actions.shape[2]):
            state = self.step(instance, state, actions[:, :, t])
            counts = (instance.weight[:, t] > 0).to(met.dtype)[:, None]
            want = instance.demand[:, None, t].clamp_min(0.0)
            met = met + counts * torch.minimum(state.sold, want).sum(-1)
            asked = asked + counts * want.sum(-1)
            fine = ((state.sold >= want - 1e-4) | ~store).all(-1)
            whole = whole + counts * fine
            held = held + counts * state.kept.sum(-1)
        periods = (instance.weight > 0).sum(1, keepdim=True)
        return {
            "service_level": met / asked.clamp_min(1e-9),
            "periods_without_shortage": whole / periods,
            "mean_stock": held / periods,
        }

    def horizon(self, instance: Instance) -> tuple[int, int]:
        return instance.demand.shape[1], instance.demand.shape[1]

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[float]]]:
        """Orders ``[T][edges]`` in the source's units, as the rules understand them."""
        periods = torch.arange(actions.shape[1], device=instance.device).expand(
            len(instance), 1, -1
        )
        order = torch.stack(
            [
                self._ordered(instance, actions[:, None, t], periods[..., t])[:, 0]
                for t in range(actions.shape[1])
            ],
            1,
        )
        plans = []
        for b in range(len(instance)):
            real = slice(None) if instance.linked is None else instance.linked[b]
            plans.append(order[b][:, real].double().tolist())
        return plans

    def actions(self, instance: Instance, solutions: Sequence[Any]) -> Tensor:
        rows = torch.zeros(
            len(solutions),
            instance.demand.shape[1],
            instance.source.shape[1],
            device=instance.device,
        )
        for b, orders in enumerate(solutions):
            amounts = torch.tensor(orders, device=instance.device)
            count = amounts.shape[1]
            rows[b, :, :count] = amounts / instance.carry[b, :count]
        return rows
