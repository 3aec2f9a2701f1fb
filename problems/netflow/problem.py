"""A factory produces and ships to stores, with their demand known a few periods ahead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, Online, Selective
from nco.core.case import Case
from nco.core.geometry import check_size, draw_size
from nco.core.problem import AdditiveProblem, Features, Observation
from nco.core.schema import Amounts, Column, Schema, Unit, columns
from nco.core.seeds import generator as seeded
from nco.problems.netflow import files

AHEAD = 3  # periods whose demand is known, the present one included
PERIODS = 30
# the settings of Gammelli et al. (2023): capacity and storage cost (factory first), shipping, peak
PUBLISHED = {
    2: ([20, 9, 12], [3, 2, 1], [0.3, 0.6], [2, 16]),
    3: ([30, 15, 15, 15], [2, 1, 1, 1], [0.3] * 3, [1, 5, 24]),
    10: ([100] + [15] * 10, [1] + [2] * 10, [0.3] * 10, [2] * 4 + [10] * 3 + [18] * 3),
}
NOISE = 2
PRICE, MAKING, PENALTY = 15.0, 5.0, 22.5


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of demand traces with their settings; node 0 is the factory."""

    demand: Tensor  # [B, T, N] double; 0 at the factory and at padding
    capacity: Tensor  # [B, N] double
    storage: Tensor  # [B, N] double
    shipping: Tensor  # [B, N] double; 0 at the factory
    peak: Tensor  # [B, N] double
    noise: Tensor  # [B, N] double
    money: Tensor  # [B, 3] double: price, production cost, penalty
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding


@dataclass(frozen=True, eq=False)
class State(Batch):
    """What lies where before a period."""

    stock: Tensor  # [B, S, N] double, negative is backlog
    coming: Tensor  # [B, S, N] double, what arrives at the beginning of the period
    step: Tensor  # [B, S] long
    step_cost: Tensor  # [B, S] double, what the last period cost


class SupplyChain(AdditiveProblem[Instance, State], Online, HasCases, Selective):
    """Production and shipping of Gammelli et al. (2023), section 5.3: a factory and n stores.

    - instance: demand of each store in T periods, costs and capacities;
    - nodes: the factory, and the stores: ``is_factory, capacity, storage_cost, shipping_cost,
      mean_demand, noise``; links both ways between them: ``is_link, shipping_cost``; amounts are in
      units of the mean total demand, costs in prices;
    - nodes that change: ``stock``, what is ``coming``, the ``lack`` when it has arrived, and the
      demand of this period and the next two (``demand_k``); context: periods ``left``, what the
      ``factory_has``, what all ``stores_lack``, what the ``factory_lacks`` for the period after
      the next;
    - action: amounts ``[B, S, N]``: production at the factory, shipments to the stores; where more
      is shipped than the factory has, all are cut in proportion;
    - a period: what was made and sent in the last one arrives; shipments leave; demand is served or
      owed; what is over a capacity is lost. Paid are production, shipping, storage of what is left,
      and the penalty on what is owed or lost; all demand earns its price at once;
    - known ahead: the demand of this period and the next two;
    - end: after T periods; cost: minus the profit;
    - online: the rest of the demand is revealed period by period;
    - generator: demand of the published settings (2, 3 or 10 stores); other numbers of stores are
      drawn from ranges that cover those.

    Args:
        size: number of stores, or ``[low, high]`` drawn for each batch.
        periods: T.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            Column("is_factory"),
            Column("capacity", Unit.LOAD),
            *columns("storage_cost", "shipping_cost"),
            Column("mean_demand", Unit.LOAD),
            Column("noise"),
        ),
        links=columns("is_link", "shipping_cost"),
        dynamic=columns(
            "stock", "coming", "lack", *(f"demand_{k}" for k in range(AHEAD)), unit=Unit.LOAD
        ),
        context=(
            Column("left"),
            *columns("factory_has", "stores_lack", "factory_lacks", unit=Unit.LOAD),
        ),
        amounts=(Amounts.NODES,),
    )
    continuous: ClassVar[bool] = True

    def __init__(self, size: int | list[int] = 2, periods: int = PERIODS) -> None:
        self.size = check_size(size)
        if periods < 1:
            raise ValueError(f"periods must be at least 1, not {periods}")
        self.periods = periods

    def generate(self, batch: int, generator: Generator) -> Instance:
        stores = draw_size(self.size, generator)
        return self.traces(setting(stores, self.periods, generator), batch, generator)

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        assert isinstance(case, files.Case)
        device, stores = generator.device, case.size
        peak = torch.from_numpy(case.peak).to(device)
        noise = torch.from_numpy(case.noise).to(device)
        number = torch.arange(1, stores + 1, device=device).double()
        period = torch.arange(case.periods, device=device).double()[:, None]
        swing = 1 + torch.cos(4 * torch.pi * (2 * number + period) / case.periods)
        drawn = torch.rand(
            count, case.periods, stores, generator=generator, device=device, dtype=torch.double
        )
        demand = (peak / 2 * swing + (drawn * (noise + 1)).floor()).round()
        return _instance([case] * count, demand)

    def features(self, instance: Instance) -> Features:
        """What a node is, its capacity, its costs, and its mean demand, in units of the total."""
        unit = scale(instance)[:, None]
        price = instance.money[:, :1]
        batch, count = instance.capacity.shape
        factory = torch.zeros_like(instance.capacity)
        factory[:, 0] = 1.0
        nodes = torch.stack(
            [
                factory,
                instance.capacity / unit,
                instance.storage / price,
                instance.shipping / price,
                mean_demand(instance) / unit,
                (instance.noise + 1) / (1 + unit),
            ],
            -1,
        )
        if instance.exists is not None:
            nodes = nodes * instance.exists[..., None]
        stores = torch.arange(1, count, device=nodes.device)
        there = torch.stack([torch.zeros_like(stores), stores], -1)
        links = torch.cat([there, there.flip(-1)]).expand(batch, -1, -1)
        linked = None if instance.exists is None else instance.exists[:, 1:].repeat(1, 2)
        cost = (instance.shipping[:, 1:] / price).repeat(1, 2)
        link = torch.stack([torch.ones_like(cost), cost], -1)
        return Features(
            nodes.float(), instance.exists, links=links, link=link.float(), linked=linked
        )

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, count = instance.capacity.shape
        empty = instance.capacity.new_zeros(batch, rollouts, count)
        step = torch.zeros(batch, rollouts, dtype=torch.long, device=empty.device)
        return State(empty, empty, step, empty[..., 0])

    def observe(self, instance: Instance, state: State) -> Observation:
        unit = scale(instance)[:, None]
        window = self.window(instance, state.step)  # [B, S, AHEAD, N]
        there = state.stock + state.coming
        # what a store lacks when the shipment of this period has arrived
        lack = window[:, :, 0] + window[:, :, 1] - there
        columns = [state.stock, state.coming, lack, *window.unbind(2)]
        if instance.exists is not None:
            columns = [column * instance.exists[:, None] for column in columns]
        nodes = torch.stack(columns, -1) / unit[..., None, None]
        total = instance.demand.shape[1]
        lacked = lack[..., 1:].clamp_min(0)
        if instance.exists is not None:
            lacked = lacked * instance.exists[:, None, 1:]
        later = (lack + window[:, :, 2])[..., 1:].clamp_min(0)
        if instance.exists is not None:
            later = later * instance.exists[:, None, 1:]
        context = torch.stack(
            [
                1 - state.step / total,
                there[..., 0] / unit,
                lacked.sum(-1) / unit,
                # what the factory lacks for the period after the next
                (later.sum(-1) - there[..., 0]) / unit,
            ],
            -1,
        )
        mask = self._mask(instance, state.step.shape[1])
        focus = state.step.new_zeros(*state.step.shape, 0)
        return Observation(mask, focus, context.float(), None, nodes.float())

    def _mask(self, instance: Instance, rollouts: int) -> Tensor:
        batch, count = instance.capacity.shape
        if instance.exists is None:
            full = torch.ones(batch, 1, count, dtype=torch.bool, device=instance.device)
        else:
            full = instance.exists[:, None]
        return full.expand(-1, rollouts, -1)

    def window(self, instance: Instance, step: Tensor) -> Tensor:
        """Demand ``[B, S, AHEAD, N]`` of the next periods, 0 beyond the end."""
        total = instance.demand.shape[1]
        later = step[..., None] + torch.arange(AHEAD, device=step.device)
        rows = torch.arange(len(step), device=step.device)[:, None, None]
        demand = instance.demand[rows, later.clamp_max(total - 1)]
        return demand * (later < total)[..., None]

    def amounts(self, instance: Instance, state: State, action: Tensor) -> Tensor:
        """What is really made and sent, ``[B, S, N]``."""
        wanted = action.double().clamp_min(0)
        if instance.exists is not None:
            wanted = wanted * instance.exists[:, None]
        there = (state.stock + state.coming)[..., 0]
        asked = wanted[..., 1:].sum(-1)
        share = (there / asked.clamp_min(1e-12)).clamp(0, 1)
        return torch.cat([wanted[..., :1], wanted[..., 1:] * share[..., None]], -1)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        return self._move(instance, state, self.amounts(instance, state, action))

    def _move(self, instance: Instance, state: State, amounts: Tensor) -> State:
        """One period with ``amounts [B, S, N]`` that are feasible."""
        over = self.done(instance, state)
        window = self.window(instance, state.step)[:, :, 0]
        sent = amounts[..., 1:].sum(-1, keepdim=True)
        leaves = torch.cat([sent, window[..., 1:]], -1)
        stock = state.stock + state.coming - leaves
        capacity = instance.capacity[:, None]
        lost = (stock - capacity).clamp_min(0) + (-stock).clamp_min(0)
        price, making, penalty = instance.money[:, None].unbind(-1)
        cost = (
            making * amounts[..., 0]
            + (instance.shipping[:, None] * amounts).sum(-1)
            + (instance.storage[:, None] * stock.clamp_min(0)).sum(-1)
            + penalty * lost.sum(-1)
            - price * window.sum(-1)
        )
        keep = over[..., None]
        return State(
            torch.where(keep, state.stock, torch.minimum(stock, capacity)),
            torch.where(keep, state.coming, amounts),
            torch.where(over, state.step, state.step + 1),
            cost.masked_fill(over, 0.0),
        )

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.step >= instance.demand.shape[1]

    def step_cost(self, instance: Instance, state: State) -> Tensor:
        return state.step_cost

    def horizon(self, instance: Instance) -> tuple[int, int]:
        total = instance.demand.shape[1]
        return total, total

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        demand = instance.demand.clone()
        demand[:, steps + AHEAD :] = 0.0
        return replace(instance, demand=demand)

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """The share of demand that is served when it comes."""
        state = self.reset(instance, actions.shape[1])
        short, wanted = torch.zeros_like(state.step_cost), instance.demand.sum((1, 2))
        for t in range(actions.shape[2]):
            before = (-state.stock).clamp_min(0)
            state = self.step(instance, state, actions[:, :, t])
            new = torch.minimum((-state.stock).clamp_min(0), instance.demand[:, None, t])
            short = short + torch.where(before >= 0, new, 0.0)[..., 1:].sum(-1)
        return {"served_at_once": 1 - short / wanted[:, None].clamp_min(1e-9)}

    def fits(self, case: Case) -> bool:
        """Whether `case` is the published setting of this problem's size and periods."""
        if not isinstance(case, files.Case) or case.size not in PUBLISHED:
            return False
        if case.size != self.size or case.periods != self.periods:
            return False
        own = setting(case.size, case.periods, seeded(0))
        fields = ("capacity", "storage", "shipping", "peak", "noise")
        alike = all(np.allclose(getattr(own, name), getattr(case, name)) for name in fields)
        money = (case.price, case.production, case.penalty)
        return alike and money == (PRICE, MAKING, PENALTY)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[float]]]:
        """What is really made and sent in each period."""
        state = self.reset(instance, 1)
        rows = []
        for t in range(actions.shape[1]):
            rows.append(self.amounts(instance, state, actions[:, None, t])[:, 0])
            state = self.step(instance, state, actions[:, None, t])
        plans = torch.stack(rows, 1)
        counts = _counts(instance).tolist()
        pairs = zip(plans, counts, strict=True)
        return [plan[:, :count].tolist() for plan, count in pairs]

    def actions(self, instance: Instance, solutions: Sequence[list[list[float]]]) -> Tensor:
        batch, count = instance.capacity.shape
        rows = torch.zeros(batch, instance.demand.shape[1], count)
        for b, plan in enumerate(solutions):
            rows[b, :, : len(plan[0])] = torch.tensor(plan)
        return rows.to(instance.device)

    def load(self, cases: Sequence[Case]) -> Instance:
        most = max(case.size for case in cases)
        exact: list[files.Case] = []
        for case in cases:
            assert isinstance(case, files.Case)
            exact.append(case)
        demand = torch.zeros(len(exact), exact[0].periods, most, dtype=torch.double)
        for b, case in enumerate(exact):
            if case.periods != exact[0].periods:
                raise ValueError(f"{case.periods} and {exact[0].periods} periods in one batch")
            if case.demand is not None:
                demand[b, :, : case.size] = torch.from_numpy(case.demand)
        return _instance(exact, demand)

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b, count in enumerate(_counts(instance).tolist()):
            price, making, penalty = instance.money[b].tolist()
            cases.append(
                files.Case(
                    name=f"netflow-{b}",
                    periods=instance.demand.shape[1],
                    price=price,
                    production=making,
                    penalty=penalty,
                    capacity=instance.capacity[b, :count].cpu().numpy(),
                    storage=instance.storage[b, :count].cpu().numpy(),
                    shipping=instance.shipping[b, 1:count].cpu().numpy(),
                    peak=instance.peak[b, 1:count].cpu().numpy(),
                    noise=instance.noise[b, 1:count].cpu().numpy(),
                    demand=instance.demand[b, :, 1:count].cpu().numpy(),
                )
            )
        return cases


class SupplyShares(SupplyChain):
    """The same, decided in two levels: a desired next state, and the flows that come closest.

    The upper level names shares of what the factory has, one for each node (the factory's own is
    kept), and a production in units of the mean total demand; the action is those N shares and the
    production, ``[B, S, N + 1]``. The lower level ships as near to the shares as capacities allow:
    minimise ``sum |flow - desired| + 10^4 overflow``, which for a star of one factory has the
    closed form used here (`flows.closest` is the linear programme, and a test holds the two equal).

    Gammelli et al. (2023), equations 4 to 6, with three differences from their code that bring the
    rules nearer to those of the perfect plans: a store's capacity counts after the demand of the
    next period, which is known; the factory's is left to the penalty, as what is made may leave
    before it is too much; and amounts are real numbers instead of rounded down.
    """

    schema: ClassVar[Schema] = replace(SupplyChain.schema, amounts=(Amounts.NODES, Amounts.ONE))

    def _mask(self, instance: Instance, rollouts: int) -> Tensor:
        nodes = super()._mask(instance, rollouts)
        return torch.cat([nodes, torch.ones_like(nodes[..., :1])], -1)

    def desired(self, instance: Instance, state: State, action: Tensor) -> Tensor:
        """Amounts ``[B, S, N]`` that the upper level names: production, shipments."""
        shares, made = action[..., :-1].double().clamp_min(0), action[..., -1].double()
        if instance.exists is not None:
            shares = shares * instance.exists[:, None]
        total = shares.sum(-1, keepdim=True)
        shares = shares / total.clamp_min(1e-12)
        there = (state.stock + state.coming)[..., :1].clamp_min(0)
        made = made.clamp_min(0) * scale(instance)[:, None]
        return torch.cat([made[..., None], shares[..., 1:] * there], -1)

    def amounts(self, instance: Instance, state: State, action: Tensor) -> Tensor:
        wanted = self.desired(instance, state, action)
        there = state.stock + state.coming
        # what is sent now is there in the next period, whose demand is known
        demand = self.window(instance, state.step)[:, :, :2].sum(2)
        room = (instance.capacity[:, None] + demand - there).clamp_min(0)
        sent = torch.minimum(wanted[..., 1:], room[..., 1:])
        return torch.cat(
            [wanted[..., :1], sent], -1
        )  # what is made may leave before it is too much

    def actions(self, instance: Instance, solutions: Sequence[list[list[float]]]) -> Tensor:
        """Shares that ship the plan's amounts, where these are within capacity."""
        plans = super().actions(instance, solutions).double()
        state = self.reset(instance, 1)
        rows = []
        for t in range(plans.shape[1]):
            plan = plans[:, None, t]
            there = (state.stock + state.coming)[..., :1]
            kept = (there - plan[..., 1:].sum(-1, keepdim=True)).clamp_min(0)
            shares = torch.cat([kept, plan[..., 1:]], -1) / there.clamp_min(1e-12)
            made = plan[..., :1] / scale(instance)[:, None, None]
            rows.append(torch.cat([shares, made], -1)[:, 0].float())
            state = self.step(instance, state, rows[-1][:, None])
        return torch.stack(rows, 1)


def setting(stores: int, periods: int, generator: Generator) -> files.Case:
    """A published setting, or one drawn from ranges that cover them, without a trace."""
    if stores in PUBLISHED:
        capacity, storage, shipping, peak = (
            np.array(part, dtype=np.float64) for part in PUBLISHED[stores]
        )
    else:
        drawn = torch.rand(4, stores + 1, generator=generator, device=generator.device)
        numbers = drawn.double().cpu().numpy()
        capacity = np.round(9 + 6 * numbers[0])
        capacity[0] = 10.0 * (stores + 1)
        storage = np.round(1 + numbers[1] * 2)
        shipping = np.round(0.3 + 0.3 * numbers[2, 1:], 1)
        peak = np.round(1 + 17 * numbers[3, 1:])
    return files.Case(
        name=f"1F{stores}S",
        periods=periods,
        price=PRICE,
        production=MAKING,
        penalty=PENALTY,
        capacity=capacity,
        storage=storage,
        shipping=shipping,
        peak=peak,
        noise=np.full(stores, float(NOISE)),
    )


def mean_demand(instance: Instance) -> Tensor:
    """Expected demand ``[B, N]`` of a period."""
    mean = instance.peak / 2 + instance.noise / 2
    mean[:, 0] = 0.0
    return mean


def scale(instance: Instance) -> Tensor:
    """The unit ``[B]`` of a network's numbers: the mean total demand, or 1 where there is none."""
    total = mean_demand(instance).sum(-1)
    return torch.where(total > 0, total, 1.0)


def _counts(instance: Instance) -> Tensor:
    batch, count = instance.capacity.shape
    if instance.exists is None:
        return torch.full((batch,), count, device=instance.device)
    return instance.exists.sum(-1)


def _instance(cases: Sequence[files.Case], demand: Tensor) -> Instance:
    """A padded batch of `cases` with `demand` ``[B, T, n]``."""
    batch, _, most = demand.shape
    columns = ("capacity", "storage", "shipping", "peak", "noise")
    tables = {name: torch.zeros(batch, most + 1, dtype=torch.double) for name in columns}
    money = torch.zeros(batch, 3, dtype=torch.double)
    exists = torch.zeros(batch, most + 1, dtype=torch.bool)
    for b, case in enumerate(cases):
        for name in columns:
            values = torch.from_numpy(getattr(case, name))
            first = case.size + 1 - len(values)
            tables[name][b, first : case.size + 1] = values
        money[b] = torch.tensor([case.price, case.production, case.penalty])
        exists[b, : case.size + 1] = True
    instance = Instance(
        torch.cat([torch.zeros_like(demand[..., :1]), demand], -1).cpu(),
        tables["capacity"],
        tables["storage"],
        tables["shipping"],
        tables["peak"],
        tables["noise"],
        money,
        None if bool(exists.all()) else exists,
    )
    return instance.to(demand.device)
