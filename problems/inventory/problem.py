"""Inventory networks as a differentiable simulation of many traces at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from nco.core.batch import Batch, cat
from nco.core.capabilities import HasCases, Online, Selective
from nco.core.case import Case
from nco.core.geometry import check_size, draw_size
from nco.core.problem import AdditiveProblem, Features, Observation
from nco.core.schema import Amounts, Column, Schema, Unit, columns
from nco.problems.inventory import demand, files
from nco.problems.inventory.network import outline

TINY = 1e-6  # of a unit: what a node that keeps no stock sends where nobody ordered anything
VARIETY = 16  # networks of a batch of random ones
NOTHING = 1e-3  # units up to which an order is rounding, and costs nothing


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of networks with their demand traces, in the source's units."""

    demand: Tensor  # [B, T, N], revealed a period at a time
    weight: Tensor  # [B, T] share of a period's cost in the cost
    holding: Tensor  # [B, N] a unit and period
    penalty: Tensor  # [B, N] a unit and period
    floor: Tensor  # [B, N] 0 where unmet demand is lost, -inf where it is backlogged
    keeps: Tensor  # [B, N] bool, False for cross-docks
    stock: Tensor  # [B, N] at the beginning
    transit: Tensor  # [B, N, K] at the beginning, due in 1, ..., K periods; K the longest lead time
    source: Tensor  # [B, L] long, N is the supplier
    target: Tensor  # [B, L] long
    lead: Tensor  # [B, L] long
    unit: Tensor  # [B, N] mean demand of the node and all below it: what is seen counts in it
    carry: Tensor  # [B, L] the unit of the target: what is ordered counts in it
    level: Tensor  # [B, N] a newsvendor's echelon level, in units
    figures: Tensor  # [B, N, F] static features
    kind: Tensor  # [B, N] long, of demand, by `files.KINDS`
    moments: Tensor  # [B, N, 3] mean, sd, and 1 where a normal demand is clipped
    correlation: Tensor  # [B]
    # [B, N, N] which nodes are below which, themselves included; None: no node supplies another
    below: Tensor | None = None
    price: Tensor | None = None  # [B, N] a unit sold; None: nothing has a price
    order_cost: Tensor | None = None  # [B, L] of each order; None: nowhere
    multiple: Tensor | None = None  # [B, L] orders are whole numbers of it, 0: any; None: nowhere
    review: Tensor | None = None  # [B, L] long, periods between orders; None: 1
    fare: Tensor | None = None  # [B, L] cost of a unit shipped; None: nothing costs
    least: Tensor | None = None  # [B, L] what an edge from a cross-dock carries where nobody asks
    whole: Tensor | None = None  # [B] bool, orders are whole numbers; None: nowhere
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    linked: Tensor | None = None  # [B, L] bool; the same for edges


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
    - a period: orders leave, demand comes, costs are taken of what is then on hand or missing, and
      what was ordered L periods ago arrives (at once where L = 0, before demand);
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
        instance = _by_period(self._started(_joined(parts), generator))
        return replace(instance, whole=None, multiple=None) if self.relaxed else instance

    def _static(self, case: files.Case) -> Instance:
        """A case as an instance ``[1, ...]`` without demand; of given networks made once."""
        made = self._made.get(id(case)) if self.networks is not None else None
        if made is None:
            made = _tensors(replace(case, warmup=self.warmup), self.periods)
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
        one = _tensors(case, case.periods).to(generator.device)
        many = one.map(lambda tensor: tensor.expand(count, *tensor.shape[1:]))
        drawn = demand.draw(case, count, case.periods, generator)
        return _by_period(replace(many, demand=drawn))

    def load(self, cases: Sequence[Case]) -> Instance:
        parts = []
        for case in cases:
            assert isinstance(case, files.Case)
            if case.trace is None:
                raise ValueError(f"{case.name} holds no trace: draw some with `traces`")
            trace = torch.from_numpy(case.trace).float()[None]
            parts.append(replace(_tensors(case, len(case.trace)), demand=trace))
        return _joined(parts)

    def cases(self, instance: Instance) -> list[Case]:
        return [_case(instance[b : b + 1], b) for b in range(len(instance))]

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        periods = torch.arange(instance.demand.shape[1], device=instance.device)
        return replace(instance, demand=instance.demand * (periods < steps)[:, None])

    def fits(self, case: Case) -> bool:
        """Where it was trained on this very network, but for prices of demand and horizon."""
        assert isinstance(case, files.Case)
        given = self._given()
        if given is None:
            return _family(case) == _family(demand.one_warehouse(case.size, torch.Generator()))
        return any(_same(case, other) for other in given)

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


def _tensors(case: files.Case, periods: int) -> Instance:
    """A case as an instance ``[1, ...]`` without demand."""

    def row(array: Any, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.as_tensor(np.asarray(array), dtype=dtype)[None]

    about = outline(case)
    nodes, unit = len(case.nodes), about.unit
    weight = torch.zeros(1, periods)
    weight[:, min(case.warmup, periods - 1) :] = 1 / (periods - min(case.warmup, periods - 1))
    scale = float(case.holding.max()) or 1.0
    gain = case.penalty + case.price
    figures = np.stack(
        [
            case.holding / scale,
            gain / np.maximum(gain + case.holding, 1e-12),
            np.log1p(gain / scale) / 4,
            case.mean / unit,
            case.sd / unit,
            case.lost,
            case.keeps,
            case.kind > 0,
            about.lead_in / 10,
            about.reach / 10,
            about.sd / unit,
            about.ratio,
        ],
        -1,
    )
    due = row(case.transit)
    slots = max(int(case.lead.max()), due.shape[2], 1)
    keeping = np.append(case.keeps, True)[case.source]  # -1 is the supplier, which may
    floor = np.where(case.lost | (case.kind == 0), 0.0, -np.inf)
    return Instance(
        demand=torch.zeros(1, periods, nodes),
        weight=weight,
        holding=row(case.holding),
        penalty=row(case.penalty),
        floor=row(floor),
        keeps=row(case.keeps, torch.bool),
        stock=row(case.stock),
        transit=functional.pad(due, (0, slots - due.shape[2])),
        source=row(np.where(case.source < 0, nodes, case.source), torch.long),
        target=row(case.target, torch.long),
        lead=row(case.lead, torch.long),
        unit=row(unit),
        carry=row(unit[case.target]),
        whole=row(case.whole, torch.bool) if case.whole else None,
        below=row(about.below) if (case.source >= 0).any() else None,
        price=row(case.price) if case.price.any() else None,
        fare=row(case.cost) if case.cost.any() else None,
        order_cost=None if case.order_cost is None else row(case.order_cost),
        multiple=None if case.multiple is None else row(case.multiple),
        review=None if case.review is None else row(case.review[case.target], torch.long),
        least=None if keeping.all() else row(np.where(keeping, 0.0, TINY * unit.min())),
        level=row(about.level / unit),
        figures=row(figures),
        kind=row(case.kind, torch.long),
        moments=row(np.stack([case.mean, case.sd, case.clip], -1)),
        correlation=row(case.correlation),
    )


def _joined(parts: Sequence[Instance]) -> Instance:
    """One batch, padded to the largest network."""
    if len({part.demand.shape[1] for part in parts}) > 1:
        raise ValueError("the traces of a batch must have one number of periods")
    nodes = max(part.demand.shape[2] for part in parts)
    links = max(part.source.shape[1] for part in parts)
    slots = max(part.transit.shape[2] for part in parts)
    ragged = any(
        part.demand.shape[2] < nodes or part.source.shape[1] < links or part.exists is not None
        for part in parts
    )
    return cat(_alike([_padded(part, nodes, links, slots, ragged) for part in parts]))


def _by_period(instance: Instance) -> Instance:
    """The same numbers, a period's demands of all traces side by side in memory.

    A step reads one period: by trace it would touch a cache line of each, a fifth of its time.
    """
    demand = instance.demand.transpose(0, 1).contiguous().transpose(0, 1)
    return replace(instance, demand=demand)


def _alike(parts: list[Instance]) -> list[Instance]:
    """What only some of them have, the others get as well, without effect."""
    if any(part.whole is not None for part in parts):
        parts = [
            replace(part, whole=part.keeps.new_zeros(len(part))) if part.whole is None else part
            for part in parts
        ]
    for name in ("least", "fare", "price", "order_cost", "multiple", "review"):
        if any(getattr(part, name) is not None for part in parts):
            parts = [_with_zeros(part, name) for part in parts]
    if any(part.below is not None for part in parts):
        parts = [
            replace(part, below=torch.eye(part.stock.shape[1]).expand(len(part), -1, -1))
            if part.below is None
            else part
            for part in parts
        ]
    return parts


def _with_zeros(part: Instance, name: str) -> Instance:
    if getattr(part, name) is not None:
        return part
    like = part.holding if name == "price" else part.source
    zeros: Any = {name: torch.zeros(like.shape, device=part.device)}
    if name == "review":  # every period
        zeros = {name: torch.ones_like(part.source)}
    return replace(part, **zeros)


def _padded(part: Instance, nodes: int, links: int, slots: int, ragged: bool) -> Instance:
    """Further nodes have no demand and no edges; further edges carry nothing."""
    old, batch = part.demand.shape[2], len(part)
    more, edges = nodes - old, links - part.source.shape[1]
    exists, linked = part.exists, part.linked
    if ragged:
        true = part.keeps.new_ones(batch, old)
        exists = functional.pad(true if exists is None else exists, (0, more))
        true = part.keeps.new_ones(batch, links - edges)
        linked = functional.pad(true if linked is None else linked, (0, edges))
    if not (more or edges or slots > part.transit.shape[2]):
        return replace(part, exists=exists, linked=linked)
    wide = {
        name: functional.pad(getattr(part, name), (0, more))
        for name in ("demand", "holding", "penalty", "floor", "stock", "level", "kind")
    }
    long = {name: functional.pad(getattr(part, name), (0, edges)) for name in ("target", "lead")}
    source = torch.where(part.source == old, nodes, part.source)
    return replace(
        part,
        **wide,
        **long,
        keeps=functional.pad(part.keeps, (0, more), value=True),
        source=functional.pad(source, (0, edges), value=nodes),
        carry=functional.pad(part.carry, (0, edges), value=1.0),
        unit=functional.pad(part.unit, (0, more), value=1.0),
        transit=functional.pad(part.transit, (0, slots - part.transit.shape[2], 0, more)),
        figures=functional.pad(part.figures, (0, 0, 0, more)),
        moments=functional.pad(part.moments, (0, 0, 0, more)),
        below=None if part.below is None else functional.pad(part.below, (0, more, 0, more)),
        price=None if part.price is None else functional.pad(part.price, (0, more)),
        fare=None if part.fare is None else functional.pad(part.fare, (0, edges)),
        least=None if part.least is None else functional.pad(part.least, (0, edges)),
        order_cost=None if part.order_cost is None else functional.pad(part.order_cost, (0, edges)),
        multiple=None if part.multiple is None else functional.pad(part.multiple, (0, edges)),
        review=None if part.review is None else functional.pad(part.review, (0, edges), value=1),
        exists=exists,
        linked=linked,
    )


def _case(one: Instance, number: int) -> files.Case:
    """The exact case of an instance ``[1, ...]``, with its trace."""
    real = slice(None) if one.exists is None else one.exists[0].cpu()
    edges = slice(None) if one.linked is None else one.linked[0].cpu()

    def column(tensor: Tensor, at: Any = real) -> np.ndarray:
        values: np.ndarray = tensor[0].cpu()[at].double().numpy()
        return values

    nodes = len(column(one.holding))
    source = column(one.source, edges).astype(int)
    source = np.where(source == one.demand.shape[2], -1, source)
    moments = column(one.moments)
    store = column(one.kind) > 0
    weight = one.weight[0].cpu()
    return files.Case(
        name=f"inventory-{number}",
        nodes=tuple(f"{'store' if store[i] else 'node'} {i}" for i in range(nodes)),
        holding=column(one.holding),
        penalty=column(one.penalty),
        price=np.zeros(nodes) if one.price is None else column(one.price),
        stock=column(one.stock),
        lost=(column(one.floor) == 0) & store,
        keeps=column(one.keeps).astype(bool),
        kind=column(one.kind).astype(int),
        mean=moments[:, 0],
        sd=moments[:, 1],
        clip=moments[:, 2].astype(bool),
        source=source,
        target=column(one.target, edges).astype(int),
        lead=column(one.lead, edges).astype(int),
        cost=np.zeros(len(source)) if one.fare is None else column(one.fare, edges),
        correlation=float(one.correlation[0]),
        trace=one.demand[0].cpu()[:, real].double().numpy(),
        transit=one.transit[0].cpu()[real].double().numpy(),
        periods=one.demand.shape[1],
        warmup=int((weight == 0).sum()),
        whole=one.whole is not None and bool(one.whole[0]),
        order_cost=None if one.order_cost is None else column(one.order_cost, edges),
        multiple=None if one.multiple is None else column(one.multiple, edges),
        review=None if one.review is None else _reviews(one, nodes, edges),
    )


def _reviews(one: Instance, nodes: int, edges: Any) -> np.ndarray:
    """``[n]`` periods from one order of a node to the next."""
    assert one.review is not None
    reviews = np.ones(nodes, dtype=int)
    reviews[one.target[0].cpu()[edges].numpy()] = one.review[0].cpu()[edges].numpy()
    return reviews


def _family(case: files.Case) -> tuple[Any, ...]:
    """What two networks share that differ in their numbers: shape, and how unmet demand is met."""
    return (
        len(case.nodes),
        sorted(zip((case.source < 0).tolist(), (case.kind[case.target] > 0).tolist(), strict=True)),
        sorted(case.lost[case.kind > 0].tolist()),
        sorted(case.keeps.tolist()),
        bool(case.price.any()),
        int(case.kind.max()),
        case.simple,
    )


def _same(case: files.Case, other: files.Case) -> bool:
    """Whether the same nodes, edges and demand are meant, whatever their names."""
    if len(case.nodes) != len(other.nodes) or len(case.source) != len(other.source):
        return False
    names = ("source", "target", "lead", "lost", "keeps", "kind", "holding", "penalty", "price")
    amounts = (*names, "cost", "mean", "sd")
    equal = all(np.allclose(getattr(case, name), getattr(other, name)) for name in amounts)
    alike = case.history is None and other.history is None and case.simple and other.simple
    return equal and alike and abs(case.correlation - other.correlation) < 1e-9
