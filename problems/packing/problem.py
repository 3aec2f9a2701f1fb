"""Place what arrives at once, before knowing what will arrive later."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, HasHindsight, Online, Selective
from nco.core.case import Case
from nco.core.describe import Described
from nco.core.errors import NCOError
from nco.core.geometry import check_size, draw_size
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.packing import files
from nco.problems.packing.planner import Planner

TOLERANCE = 1e-9
LEVELS = 10  # of the histogram of open bins that a network sees
MANY = 4.0  # bins of a level that count as one unit there


class Setting(Described, ABC):
    """What may arrive, and what a bin holds."""

    @abstractmethod
    def case(self, periods: int) -> files.Case:
        """The setting over so many periods, without a trace."""


class Bins(Setting):
    """Online bin packing of whole sizes that stay; the default is PP0 of Balaji et al. (2019).

    Args:
        capacity: of a bin; sizes: of the kinds of items; probability: of each kind.
    """

    def __init__(
        self,
        capacity: int = 9,
        sizes: list[int] | None = None,
        probability: list[float] | None = None,
    ) -> None:
        self.capacity = capacity
        self.sizes = [2, 3] if sizes is None else sizes
        self.probability = [0.75, 0.25] if probability is None else probability
        self.case(1)  # raises where they do not fit together

    def case(self, periods: int) -> files.Case:
        return files.Case(
            name="bins",
            periods=periods,
            capacity=np.array([float(self.capacity)]),
            needs=np.array(self.sizes, dtype=np.float64)[:, None],
            probability=np.array(self.probability, dtype=np.float64),
            stays=np.full(len(self.sizes), np.inf),
            resources=("size",),
            kinds=tuple(f"size {size}" for size in self.sizes),
        )


class Machines(Setting):
    """Virtual machines on hosts, a synthetic trace: the data of Sinclair et al. (2023) is closed.

    Four flavours of (cores, memory): (1, 4), (2, 8), (4, 8) and (4, 32) on hosts of 8 cores and 64
    of memory, by probabilities 0.35, 0.25, 0.2 and 0.1, so that nobody asks in a tenth of the
    periods. A machine stays a geometric number of periods, short-lived ones (the first two) with
    mean `short`, the others `long`, and says how long when it comes. Hosts cost what they run.

    Args:
        short, long: mean stays in periods.
    """

    def __init__(self, short: float = 6.0, long: float = 20.0) -> None:
        if min(short, long) < 1:
            raise ValueError(f"mean stays must be at least 1 period, not {short} and {long}")
        self.short, self.long = short, long

    def case(self, periods: int) -> files.Case:
        return files.Case(
            name="machines",
            periods=periods,
            capacity=np.array([8.0, 64.0]),
            needs=np.array([[1.0, 4.0], [2.0, 8.0], [4.0, 8.0], [4.0, 32.0]]),
            probability=np.array([0.35, 0.25, 0.2, 0.1]),
            stays=np.array([self.short, self.short, self.long, self.long]),
            running=True,
            resources=("cores", "memory"),
            kinds=("tiny", "small", "compute", "memory"),
        )


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of traces with the settings that they were drawn from."""

    arrivals: Tensor  # [B, T] long, the kind that arrives; -1: nobody
    leaves: Tensor  # [B, T] long, the period at whose beginning it is gone
    capacity: Tensor  # [B, R] double; padding 1
    needs: Tensor  # [B, J, R] double; padding 0
    chance: Tensor  # [B, J] double; padding 0
    stays: Tensor  # [B, J] double; infinite: for ever
    running: Tensor  # [B] bool
    exists: Tensor | None = None  # [B, T] bool; None: nothing is padding


@dataclass(frozen=True, eq=False)
class State(Batch):
    """Where the items are."""

    place: Tensor  # [B, S, T] long, the bin of the item of each period; -1: none
    step: Tensor  # [B, S] long, the period whose item is to be placed


@dataclass(frozen=True, eq=False)
class Seen(Observation):
    """An observation with the plain numbers that the classical rules calculate with."""

    free: Tensor | None = None  # [B, S, N, R] double, in shares of the capacity
    need: Tensor | None = None  # [B, S, R] double, of the item at hand, likewise
    used: Tensor | None = None  # [B, S, N] bool, holds anything


class Packing(Problem[Instance, State], Online, HasHindsight, HasCases, Selective):
    """Online bin packing and machine allocation: an Exo-MDP of Sinclair et al. (2023).

    - instance: a trace of items, one kind or nobody in each of T periods, each with the period in
      which it leaves; what kinds need and a bin holds of each resource; how likely kinds are;
    - nodes: the bins, as many as periods, so that there is always an empty one; all ``is_bin``;
    - nodes that change: whether a bin ``is_used``, what is ``free``, the least and the most of any
      resource after the item (``least_after, most_after``), whether it ``fills`` the bin, the
      chance that a random item fits before, after, and only before (``takes, takes_after,
      takes_lost``), how long the bin is ``busy``, and how much ``longer`` the item keeps it busy;
    - context: periods ``left`` and their inverse root, whether an item has ``arrived``, its largest
      and smallest need, how long it will ``stay``, how many bins are ``used``, the
      ``expected_load`` of the rest, and how many bins have how much room (``used_of_room_k``);
    - action: the bin for the item; mask: bins in use that have room for it, and the first of the
      empty ones; where nobody arrives, and when all is over, bin 0, which means nothing;
    - end: after the last period;
    - cost: the number of times that an empty bin was opened, or (`running`) the sum over periods
      of the bins that hold anything;
    - online: the trace is revealed an item at a time; how long it stays is known when it comes;
    - generator: traces of `setting`, geometric stays of the means it says.

    Args:
        size: the number of periods T, or ``[low, high]`` drawn for each batch.
        setting: what may arrive; `Bins` by default.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=columns("is_bin"),
        dynamic=(
            Column("is_used"),
            *columns("free", "least_after", "most_after", unit=Unit.LOAD),
            *columns("fills", "takes", "takes_after", "takes_lost", "busy", "longer"),
        ),
        context=(
            *columns("left", "left_inverse_root", "arrived"),
            *columns("largest_need", "smallest_need", unit=Unit.LOAD),
            *columns("stay", "used", "expected_load"),
            *columns(*(f"used_of_room_{level}" for level in range(LEVELS))),
        ),
    )

    def __init__(self, size: int | list[int] = 30, setting: Setting | None = None) -> None:
        self.size = check_size(size)
        self.setting = setting if setting is not None else Bins()

    def generate(self, batch: int, generator: Generator) -> Instance:
        return self.traces(self.setting.case(draw_size(self.size, generator)), batch, generator)

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        assert isinstance(case, files.Case)
        device, total = generator.device, case.size
        chance = torch.from_numpy(case.probability).to(device)
        drawn = torch.rand(2, count, total, generator=generator, device=device).double()
        arrivals = (drawn[0][..., None] >= chance.cumsum(-1)).sum(-1)
        arrivals = arrivals.masked_fill(arrivals == len(chance), -1)
        # geometric by inversion: 1 + floor(log u / log(1 - 1 / mean))
        means = torch.from_numpy(case.stays).to(device)[arrivals.clamp_min(0)]
        stay = torch.log1p(-drawn[1]) / torch.log1p(-1 / means)
        stay = torch.where(means > 1, stay, 0.0).nan_to_num(posinf=total).clamp_max(total)
        periods = torch.arange(total, device=device)
        leaves = (periods + 1 + stay.floor().long()).clamp_max(total)
        leaves = leaves.masked_fill(arrivals < 0, total)
        return _instance([case] * count, arrivals, leaves)

    def features(self, instance: Instance) -> Features:
        """Bins are alike."""
        batch, total = instance.arrivals.shape
        ones = torch.ones(batch, total, 1, device=instance.device)
        return Features(ones, instance.exists)

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, total = instance.arrivals.shape
        place = torch.full((batch, rollouts, total), -1, device=instance.device)
        return State(place, place.new_zeros(batch, rollouts))

    def observe(self, instance: Instance, state: State) -> Seen:
        at, arrival = self._now(instance, state)
        free, used, busy = self._bins(instance, state)
        share = instance.needs / instance.capacity[:, None]  # [B, J, R]
        rows = torch.arange(len(at), device=at.device)[:, None]
        need = share[rows, arrival.clamp_min(0)] * (arrival >= 0)[..., None]
        fits = (need[:, :, None] <= free + TOLERANCE).all(-1)
        first = torch.arange(used.shape[-1], device=at.device) == (~used).int().argmax(
            -1, keepdim=True
        )
        zero = torch.arange(used.shape[-1], device=at.device) == 0
        mask = torch.where((arrival >= 0)[..., None], (used & fits) | first, zero)
        stay = (instance.leaves.gather(1, at) - at) * (arrival >= 0)
        nodes = self._nodes(instance, at, free, used, busy, need, stay)
        context = self._context(instance, at, free, used, need, arrival, stay)
        focus = at.new_zeros(*at.shape, 0)
        return Seen(mask, focus, context, None, nodes, free, need, used)

    def _now(self, instance: Instance, state: State) -> tuple[Tensor, Tensor]:
        """The period ``[B, S]`` to decide on, the last one when all are over; and who is there."""
        last = _lengths(instance)[:, None] - 1
        at = torch.minimum(state.step, last)
        arrival = instance.arrivals.gather(1, at)
        return at, arrival.masked_fill(state.step > last, -1)

    def _bins(self, instance: Instance, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """Of each bin ``[B, S, N, ...]``: free shares, whether it is in use, and until when."""
        rows = torch.arange(len(state.place), device=state.place.device)[:, None]
        share = (instance.needs / instance.capacity[:, None])[rows, instance.arrivals.clamp_min(0)]
        present = (state.place >= 0) & (instance.leaves[:, None] > state.step[..., None])
        where = state.place.clamp_min(0)
        taken = share[:, None] * present[..., None]  # [B, S, T, R]
        load = torch.zeros_like(taken).scatter_add(2, where[..., None].expand_as(taken), taken)
        until = torch.where(present, instance.leaves[:, None], 0)
        busy = torch.zeros_like(until).scatter_reduce(2, where, until, "amax")
        return 1 - load, busy > 0, busy

    def _nodes(
        self,
        instance: Instance,
        at: Tensor,
        free: Tensor,
        used: Tensor,
        busy: Tensor,
        need: Tensor,
        stay: Tensor,
    ) -> Tensor:
        """Ten numbers of each bin for the item at hand, ``[B, S, N, 10]``."""
        after = free - need[:, :, None]
        share = (instance.needs / instance.capacity[:, None])[:, None, None]  # [B, 1, 1, J, R]
        chance = instance.chance[:, None, None]

        def takes(room: Tensor) -> Tensor:
            """The probability that a bin with such room takes a random item."""
            fits = (share <= room[..., None, :] + TOLERANCE).all(-1)
            return (fits * chance).sum(-1)

        length = _lengths(instance)[:, None, None]
        left = (busy - at[..., None]).clamp_min(0) / length
        longer = (stay[..., None] / length - left).clamp_min(0)
        columns = [
            used.double(),
            free.amin(-1),
            after.amin(-1).clamp_min(-1),
            after.amax(-1).clamp_min(-1),
            (after.amin(-1).abs() <= TOLERANCE).double(),
            takes(free),
            takes(after),
            takes(free) - takes(after),
            left,
            longer * instance.running[:, None, None],
        ]
        return torch.stack(columns, -1).float()

    def _context(
        self,
        instance: Instance,
        at: Tensor,
        free: Tensor,
        used: Tensor,
        need: Tensor,
        arrival: Tensor,
        stay: Tensor,
    ) -> Tensor:
        """Eighteen numbers of the state, the last ten a histogram of open bins by room."""
        length = _lengths(instance)[:, None]
        left = (length - at - 1).double()
        room = free.amin(-1)
        level = (room * LEVELS - TOLERANCE).floor().clamp(0, LEVELS - 1).long()
        counts = torch.zeros(*at.shape, LEVELS, dtype=torch.double, device=at.device)
        counts = counts.scatter_add(-1, level, used.double())
        wanted = (instance.chance[..., None] * instance.needs / instance.capacity[:, None]).sum(1)
        columns = [
            left / length,
            1 / (1 + left).sqrt(),
            (arrival >= 0).double(),
            need.amax(-1),
            need.amin(-1),
            stay / length,
            used.sum(-1) / length,
            (left * wanted.amax(-1, keepdim=True)).log1p() / 5,
        ]
        joined = torch.cat([torch.stack(columns, -1), (counts / MANY).clamp_max(1.0)], -1)
        return joined.float()

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        over = self.done(instance, state)
        at, arrival = self._now(instance, state)
        placed = torch.where(arrival >= 0, action, -1)
        place = state.place.scatter(-1, at[..., None], placed[..., None])
        place = torch.where(over[..., None], state.place, place)
        return State(place, torch.where(over, state.step, state.step + 1))

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.step >= _lengths(instance)[:, None]

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        steps = actions.shape[2]
        real = (instance.arrivals[:, None, :steps] >= 0).expand_as(actions)
        if instance.exists is not None:
            real = real & instance.exists[:, None, :steps]
        leaves = instance.leaves[:, None, :steps]
        running = instance.running[:, None]
        until = actions.new_zeros(*actions.shape[:2], instance.arrivals.shape[1])
        total = torch.zeros(actions.shape[:2], dtype=torch.double, device=actions.device)
        for t in range(steps):  # a bin runs from its first item until its last one leaves
            here = actions[:, :, t : t + 1]
            before = until.gather(-1, here)
            after = torch.maximum(before, leaves[..., t : t + 1])
            opened = (before <= t)[..., 0]
            longer = (after - before.clamp_min(t))[..., 0]
            price = torch.where(running, longer, opened.long())
            total = total + torch.where(real[:, :, t], price, 0)
            until = until.scatter(-1, here, torch.where(real[:, :, t, None], after, before))
        return total

    def horizon(self, instance: Instance) -> tuple[int, int]:
        total = instance.arrivals.shape[1]
        return total, total

    def hindsight(self, instance: Instance, state: State) -> Tensor:
        """Cost-to-go ``[B, S, A]`` of each action for one who knows the trace; masked: infinite.

        Raises:
            NCOError: where items leave again, or kinds are too many for counting.
        """
        if not bool((instance.leaves >= _lengths(instance)[:, None]).all()):
            raise NCOError("items that leave again cannot be priced by counting them")
        seen = self.observe(instance, state)
        assert seen.free is not None
        assert seen.used is not None
        prices = torch.full(seen.mask.shape, torch.inf, dtype=torch.double)
        _, arrivals = self._now(instance, state)
        coming = _remaining(instance).tolist()
        for b in range(len(state.step)):
            capacity = instance.capacity[b].cpu().numpy()
            needs = instance.needs[b][instance.needs[b].sum(-1) > 0].cpu().numpy()
            plan = _planner(tuple(capacity), tuple(map(tuple, needs)))
            for s in range(state.step.shape[1]):
                at, kind = int(state.step[b, s]), int(arrivals[b, s])
                after = tuple(coming[b][min(at + 1, len(coming[b]) - 1)][: len(needs)])
                used = seen.used[b, s]
                free = (seen.free[b, s][used].cpu() * instance.capacity[b].cpu()).tolist()
                places = used.nonzero()[:, 0].tolist()
                allowed = seen.mask[b, s].nonzero()[:, 0].tolist()
                costs = _prices(plan, dict(zip(places, free, strict=True)), allowed, kind, after)
                prices[b, s, allowed] = torch.tensor(costs, dtype=torch.double)
        return prices.to(instance.device)

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        arrivals, leaves = instance.arrivals.clone(), instance.leaves.clone()
        arrivals[:, steps + 1 :] = -1
        leaves[:, steps + 1 :] = leaves.shape[1]
        return replace(instance, arrivals=arrivals, leaves=leaves)

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """How many bins or hosts were opened."""
        once = replace(instance, running=torch.zeros_like(instance.running))
        return {"opened": self.cost(once, actions)}

    def fits(self, case: Case) -> bool:
        """Whether `case` is of this problem's setting, in any number of periods."""
        if not isinstance(case, files.Case):
            return False
        own = self.setting.case(case.size)
        fields = ("capacity", "needs", "probability", "stays")
        pairs = [(getattr(own, name), getattr(case, name)) for name in fields]
        alike = all(a.shape == b.shape and np.allclose(a, b) for a, b in pairs)
        return alike and own.running == case.running

    def solution(self, instance: Instance, actions: Tensor) -> list[list[list[int]]]:
        plans = []
        arrivals, leaves = instance.arrivals.tolist(), instance.leaves.tolist()
        for b, row in enumerate(actions.tolist()):
            bins: dict[int, list[int]] = {}
            closed: list[list[int]] = []
            for t, place in enumerate(row):
                if arrivals[b][t] < 0:
                    continue
                if place in bins and all(leaves[b][item] <= t for item in bins[place]):
                    closed.append(bins.pop(place))
                bins.setdefault(place, []).append(t)
            plans.append(sorted(closed + list(bins.values())))
        return plans

    def actions(self, instance: Instance, solutions: Sequence[list[list[int]]]) -> Tensor:
        arrivals, leaves = instance.arrivals.tolist(), instance.leaves.tolist()
        rows = []
        for b, solution in enumerate(solutions):
            owner = {t: number for number, part in enumerate(solution) for t in part}
            place: dict[int, int] = {}  # of the bins that hold anything
            row = []
            for t, kind in enumerate(arrivals[b]):
                if kind < 0:
                    row.append(0)
                    continue
                gone = [
                    n
                    for n in place
                    if all(leaves[b][item] <= t for item in solution[n] if item < t)
                ]
                for n in gone:
                    del place[n]
                taken = set(place.values())
                free = next(k for k in range(len(arrivals[b])) if k not in taken)
                row.append(place.setdefault(owner[t], free))
            rows.append(row)
        return torch.tensor(rows, device=instance.device)

    def load(self, cases: Sequence[Case]) -> Instance:
        most = max(case.size for case in cases)
        arrivals = torch.full((len(cases), most), -1)
        leaves = torch.full((len(cases), most), most)
        exact = []
        for b, case in enumerate(cases):
            assert isinstance(case, files.Case)
            if case.arrivals is not None and case.leaves is not None:
                arrivals[b, : case.size] = torch.from_numpy(case.arrivals)
                leaves[b, : case.size] = torch.from_numpy(case.leaves)
            exact.append(case)
        return _instance(exact, arrivals, leaves)

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b, length in enumerate(_lengths(instance).tolist()):
            real = instance.chance[b] > 0
            cases.append(
                files.Case(
                    name=f"packing-{b}",
                    periods=length,
                    capacity=instance.capacity[b].cpu().numpy(),
                    needs=instance.needs[b][real].cpu().numpy(),
                    probability=instance.chance[b][real].cpu().numpy(),
                    stays=instance.stays[b][real].cpu().numpy(),
                    running=bool(instance.running[b]),
                    arrivals=instance.arrivals[b, :length].cpu().numpy(),
                    leaves=instance.leaves[b, :length].clamp_max(length).cpu().numpy(),
                )
            )
        return cases


@functools.lru_cache(maxsize=64)
def _planner(capacity: tuple[float, ...], needs: tuple[tuple[float, ...], ...]) -> Planner:
    return Planner(np.array(capacity), np.array(needs))


def _prices(
    plan: Planner,
    free: dict[int, list[float]],
    allowed: list[int],
    kind: int,
    after: tuple[int, ...],
) -> list[float]:
    """The bins that are still to be opened if the item goes into each of the `allowed` ones."""
    prices = []
    whole = [float(part) for part in plan.capacity]
    for place in allowed:
        bins = dict(free)
        opened = 0
        if kind >= 0:
            opened = int(place not in bins)
            room = bins.get(place, whole)
            bins[place] = [a - b for a, b in zip(room, plan.needs[kind].tolist(), strict=True)]
        left = [tuple(part) for part in bins.values()]
        prices.append(float(opened + plan.fewest(left, after)))
    return prices


def _lengths(instance: Instance) -> Tensor:
    """Periods of each instance, ``[B]``."""
    batch, total = instance.arrivals.shape
    if instance.exists is None:
        return torch.full((batch,), total, device=instance.device)
    return instance.exists.sum(-1)


def _remaining(instance: Instance) -> Tensor:
    """Items ``[B, T+1, J]`` of each kind from a period on, in the trace."""
    kinds = torch.arange(instance.chance.shape[1], device=instance.device)
    came = (instance.arrivals[..., None] == kinds).long()
    after = came.flip(1).cumsum(1).flip(1)
    return torch.cat([after, after.new_zeros(len(after), 1, after.shape[2])], 1)


def _instance(cases: Sequence[files.Case], arrivals: Tensor, leaves: Tensor) -> Instance:
    """A padded batch of `cases` with `arrivals` and `leaves` ``[B, T]``."""
    batch, total = arrivals.shape
    resources = max(len(case.capacity) for case in cases)
    kinds = max(len(case.needs) for case in cases)
    capacity = torch.ones(batch, resources, dtype=torch.double)
    needs = torch.zeros(batch, kinds, resources, dtype=torch.double)
    chance = torch.zeros(batch, kinds, dtype=torch.double)
    stays = torch.full((batch, kinds), torch.inf, dtype=torch.double)
    running = torch.tensor([case.running for case in cases])
    exists = torch.zeros(batch, total, dtype=torch.bool)
    for b, case in enumerate(cases):
        rows, columns = case.needs.shape
        capacity[b, :columns] = torch.from_numpy(case.capacity)
        needs[b, :rows, :columns] = torch.from_numpy(case.needs)
        chance[b, :rows] = torch.from_numpy(case.probability)
        stays[b, :rows] = torch.from_numpy(case.stays)
        exists[b, : case.size] = True
    padded = None if bool(exists.all()) else exists
    instance = Instance(
        arrivals.cpu(), leaves.cpu(), capacity, needs, chance, stays, running, padded
    )
    return instance.to(arrivals.device)
