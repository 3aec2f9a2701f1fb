"""Accept or reject what arrives, before knowing what will arrive later."""

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
from nco.core.geometry import check_size, draw_size
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema, columns
from nco.problems.exo import files, planner

TOLERANCE = planner.TOLERANCE
EXAGGERATION = 4.0  # standardised features end here


class Setting(Described, ABC):
    """What may arrive, and what there is to give."""

    @abstractmethod
    def case(self, periods: int) -> files.Case:
        """The setting over so many periods, without a trace."""


class Secretary(Setting):
    """The multi-secretary problem of Sinclair et al. (2023): hire a share of the candidates.

    Every period brings one candidate of four abilities 1/4, 1/2, 3/4, 1, whose odds swing as
    ``1 + u + sin(phase + frequency t)``; phases in [0, 2 pi), frequencies in [0, pi / 4) and u in
    [0, 1) are drawn once from `seed`.

    Args:
        share: of the candidates that can be hired, rounded down.
        seed: of the odds; 387 is that of the paper's code.
    """

    def __init__(self, share: float = 0.6, seed: int = 387) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], not {share}")
        self.share, self.seed = share, seed

    def case(self, periods: int) -> files.Case:
        types = 4
        random = np.random.default_rng(self.seed)
        phase = random.random(types) * 2 * np.pi
        frequency = random.random(types) * 0.25 * np.pi
        level = 1 + random.random(types)
        odds = level + np.sin(phase + np.arange(periods)[:, None] * frequency)
        return files.Case(
            name="secretary",
            capacity=np.array([float(int(self.share * periods + TOLERANCE))]),
            revenue=np.arange(1, types + 1) / types,
            uses=np.ones((1, types)),
            probability=odds / odds.sum(1, keepdims=True),
            resources=("posts",),
            classes=("fair", "good", "strong", "excellent"),
        )


class Airline(Setting):
    """Network revenue management with three flights and two fares (Sinclair et al. 2023).

    Args:
        capacity: seats of each flight.
        probability: of each fare's request in each period.
    """

    def __init__(self, capacity: list[float] | None = None, probability: float = 1 / 3) -> None:
        self.capacity = [7.0, 4.0, 4.0] if capacity is None else [float(c) for c in capacity]
        self.probability = probability

    def case(self, periods: int) -> files.Case:
        return files.Case(
            name="airline",
            capacity=np.array(self.capacity),
            revenue=np.array([1.0, 2.0]),
            uses=np.array([[2.0, 3.0], [3.0, 0.0], [2.0, 1.0]]),
            probability=np.full((periods, 2), self.probability),
            resources=tuple(f"flight {k + 1}" for k in range(len(self.capacity))),
            classes=("single", "return"),
        )


class Listed(Setting):
    """A setting of one's own, spelled out.

    Args:
        capacity: ``[R]``; revenue: ``[J]``; uses: ``[R][J]``.
        probability: ``[J]``, the same in every period.
    """

    def __init__(
        self,
        capacity: list[float],
        revenue: list[float],
        uses: list[list[float]],
        probability: list[float],
    ) -> None:
        self.capacity, self.revenue, self.uses = capacity, revenue, uses
        self.probability = probability
        self.case(1)  # raises where they do not fit together

    def case(self, periods: int) -> files.Case:
        return files.Case(
            name="listed",
            capacity=np.array(self.capacity, dtype=np.float64),
            revenue=np.array(self.revenue, dtype=np.float64),
            uses=np.array(self.uses, dtype=np.float64),
            probability=np.tile(np.array(self.probability, dtype=np.float64), (periods, 1)),
        )


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of traces with the settings that they were drawn from."""

    arrivals: Tensor  # [B, T] long, the class that arrives; -1: nobody
    capacity: Tensor  # [B, R] double
    revenue: Tensor  # [B, J] double; padding 0
    uses: Tensor  # [B, R, J] double; padding 0
    ahead: Tensor  # [B, T+1, J] double, expected arrivals of each class from a period on
    exists: Tensor | None = None  # [B, T] bool; None: nothing is padding


@dataclass(frozen=True, eq=False)
class State(Batch):
    """What is left."""

    free: Tensor  # [B, S, R] double
    step: Tensor  # [B, S] long, the period whose arrival is to be decided on


@dataclass(frozen=True, eq=False)
class Seen(Observation):
    """An observation with the plain numbers that the classical rules calculate with."""

    free: Tensor | None = None  # [B, S, R] double
    step: Tensor | None = None  # [B, S] long
    arrival: Tensor | None = None  # [B, S] long, the class that has arrived; -1: nobody


class Revenue(Problem[Instance, State], Online, HasHindsight, HasCases, Selective):
    """Multi-secretary and network revenue management: an Exo-MDP of Sinclair et al. (2023).

    - instance: a trace of arrivals, one class or nobody in each of T periods, and the setting:
      capacities, what a class earns and uses, and how many of each are expected from when on;
    - nodes: the periods, of which a policy knows the ``chance`` of an arrival, the ``revenue`` that
      is expected, and ``when`` it is; focus: the ``period`` at hand;
    - context: thirteen numbers that mean the same in every setting: periods ``left`` and their
      inverse root; whether somebody has ``arrived`` and is ``acceptable``; its ``revenue``, the
      ``gain`` of accepting it by the fluid optimum, and ``gain_in_whole`` units; how tight the
      scarcest resource is (``tightness``); how many ``better`` and ``as_good`` arrivals are
      expected, and what is to spare of the room when they have come; the inverse of the room;
    - action: reject (t) or accept (N + t) the arrival of period t; mask: accept where somebody has
      arrived and the resources suffice;
    - end: after the last period; a finished row rejects in its last period once more;
    - cost: minus the revenue of what was accepted;
    - online: the trace is revealed an arrival at a time;
    - generator: traces of `setting`.

    Args:
        size: the number of periods T, or ``[low, high]`` drawn for each batch.
        setting: what may arrive; `Secretary` by default.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=columns("chance", "revenue", "when"),
        context=columns(
            *("left", "left_inverse_root", "arrived", "acceptable", "revenue"),
            *("gain", "gain_in_whole", "tightness", "better", "as_good"),
            *("spare_of_better", "spare_of_as_good", "room_inverse"),
        ),
        focus=("period",),
        actions=("reject", "accept"),
    )

    def __init__(self, size: int | list[int] = 100, setting: Setting | None = None) -> None:
        self.size = check_size(size)
        self.setting = setting if setting is not None else Secretary()

    def generate(self, batch: int, generator: Generator) -> Instance:
        return self.traces(self.setting.case(draw_size(self.size, generator)), batch, generator)

    def traces(self, case: Case, count: int, generator: Generator) -> Instance:
        assert isinstance(case, files.Case)
        device = generator.device
        chance = torch.from_numpy(case.probability).to(device)
        uniform = torch.rand(count, case.size, generator=generator, device=device).double()
        # the number of classes that the draw has passed by: all of them means that nobody comes
        arrivals = (uniform[..., None] >= chance.cumsum(-1)).sum(-1)
        arrivals = arrivals.masked_fill(arrivals == chance.shape[1], -1)
        return _instance([case] * count, arrivals)

    def features(self, instance: Instance) -> Features:
        """Of each period: the chance of an arrival, its expected revenue, and when it is."""
        chance = instance.ahead[:, :-1] - instance.ahead[:, 1:]
        top = instance.revenue.amax(-1, keepdim=True)
        worth = (chance * (instance.revenue / top)[:, None]).sum(-1)
        total = chance.shape[1]
        when = torch.arange(total, device=chance.device) / _lengths(instance)[:, None]
        if instance.exists is not None:
            when = when.masked_fill(~instance.exists, 0.0)
        nodes = torch.stack([chance.sum(-1), worth, when.double()], -1)
        return Features(nodes.float(), instance.exists)

    def reset(self, instance: Instance, rollouts: int) -> State:
        free = instance.capacity[:, None].expand(-1, rollouts, -1)
        step = torch.zeros(len(instance), rollouts, dtype=torch.long, device=instance.device)
        return State(free, step)

    def observe(self, instance: Instance, state: State) -> Seen:
        at, arrival = self._now(instance, state)
        accept = (arrival >= 0) & self._fits(instance, state, arrival)
        total = instance.arrivals.shape[1]
        periods = torch.arange(total, device=at.device)
        here = periods == at[..., None]
        mask = torch.cat([here, here & accept[..., None]], -1)
        context = self._context(instance, state, at, arrival, accept)
        return Seen(mask, at[..., None], context, None, None, state.free, state.step, arrival)

    def _now(self, instance: Instance, state: State) -> tuple[Tensor, Tensor]:
        """The period ``[B, S]`` to decide on, the last one when all are over; and who is there."""
        last = _lengths(instance)[:, None] - 1
        at = torch.minimum(state.step, last)
        arrival = instance.arrivals.gather(1, at)
        return at, arrival.masked_fill(state.step > last, -1)

    def _fits(self, instance: Instance, state: State, arrival: Tensor) -> Tensor:
        used = planner.column(instance.uses, arrival)
        return (used <= state.free + TOLERANCE).all(-1)

    def _context(
        self, instance: Instance, state: State, at: Tensor, arrival: Tensor, accept: Tensor
    ) -> Tensor:
        """Thirteen numbers that mean the same in every setting, ``[B, S, 13]`` in about [-1, 1]."""
        length = _lengths(instance)[:, None]
        left = (length - at - 1).clamp_min(0).double()
        rows = torch.arange(len(at), device=at.device)[:, None]
        ahead = instance.ahead[rows, at + 1]  # [B, S, J]
        top = instance.revenue.amax(-1)[:, None]
        own = planner.column(instance.revenue[:, None], arrival)[..., 0]
        used = planner.column(instance.uses, arrival)
        room = planner.room(state.free, used, left)
        better = (ahead * (instance.revenue[:, None] > own[..., None])).sum(-1)
        as_good = (ahead * (instance.revenue[:, None] >= own[..., None])).sum(-1)
        wanted = ahead @ instance.uses.transpose(1, 2)  # [B, S, R]
        tight = (wanted / (wanted + state.free).clamp_min(TOLERANCE)).amax(-1)
        after = torch.where(accept[..., None], state.free - used, state.free)
        gains = []
        for whole in (False, True):
            before = planner.fluid(state.free, ahead, instance.revenue, instance.uses, whole)
            then = planner.fluid(after, ahead, instance.revenue, instance.uses, whole)
            gains.append((own + then - before) / top)
        columns = [
            left / length,
            1 / (1 + left).sqrt(),
            (arrival >= 0).double(),
            accept.double(),
            own / top,
            *gains,
            tight,
            better / (better + room).clamp_min(TOLERANCE),
            as_good / (as_good + room).clamp_min(TOLERANCE),
            _standard(room - better, better),
            _standard(room - as_good, as_good),
            1 / (1 + room),
        ]
        return torch.stack(columns, -1).float()

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        over = self.done(instance, state)
        total = instance.arrivals.shape[1]
        taken = (action >= total) & ~over
        arrival = instance.arrivals.gather(1, action % total)
        used = planner.column(instance.uses, arrival)
        free = torch.where(taken[..., None], state.free - used, state.free)
        return State(free, torch.where(over, state.step, state.step + 1))

    def done(self, instance: Instance, state: State) -> Tensor:
        return state.step >= _lengths(instance)[:, None]

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        total = instance.arrivals.shape[1]
        taken = actions >= total  # the no-op rejects
        arrival = instance.arrivals.gather(1, (actions % total).flatten(1)).view_as(actions)
        earned = instance.revenue.gather(1, arrival.clamp_min(0).flatten(1)).view_as(actions)
        return -(earned * (taken & (arrival >= 0))).sum(-1)

    def horizon(self, instance: Instance) -> tuple[int, int]:
        total = instance.arrivals.shape[1]
        return total, total

    def hindsight(self, instance: Instance, state: State) -> Tensor:
        """Cost-to-go ``[B, S, A]`` of each action for one who knows the trace; masked: infinite.

        Sinclair et al. (2023), section 4: the immediate cost and then the hindsight optimum.
        """
        at, arrival = self._now(instance, state)
        accept = (arrival >= 0) & self._fits(instance, state, arrival)
        coming = _remaining(instance)[torch.arange(len(at), device=at.device)[:, None], at + 1]
        used = planner.column(instance.uses, arrival)
        own = planner.column(instance.revenue[:, None], arrival)[..., 0]
        after = torch.where(accept[..., None], state.free - used, state.free)
        free = torch.stack([state.free, after], 2).flatten(1, 2)
        best = planner.best(instance, free, coming.repeat_interleave(2, 1))
        kept, spent = best.unflatten(1, (-1, 2)).unbind(2)
        shape = (*at.shape, instance.arrivals.shape[1])
        blank = torch.full(shape, torch.inf, dtype=torch.double, device=at.device)
        reject = blank.scatter(-1, at[..., None], -kept[..., None])
        taking = (-own - spent).masked_fill(~accept, torch.inf)
        return torch.cat([reject, blank.scatter(-1, at[..., None], taking[..., None])], -1)

    def mask_future(self, instance: Instance, steps: int) -> Instance:
        arrivals = instance.arrivals.clone()
        arrivals[:, steps + 1 :] = -1
        return replace(instance, arrivals=arrivals)

    def measures(self, instance: Instance, actions: Tensor) -> dict[str, Tensor]:
        """The share of arrivals that was accepted."""
        taken = (actions >= instance.arrivals.shape[1]).sum(-1).double()
        came = (instance.arrivals >= 0).sum(-1, keepdim=True)
        return {"accepted_share": taken / came.clamp_min(1)}

    def fits(self, case: Case) -> bool:
        """Whether `case` is of this problem's setting, in any number of periods."""
        if not isinstance(case, files.Case):
            return False
        own = self.setting.case(case.size)
        fields = ("capacity", "revenue", "uses", "probability")
        pairs = [(getattr(own, name), getattr(case, name)) for name in fields]
        return all(a.shape == b.shape and np.allclose(a, b) for a, b in pairs)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[int]]:
        total = instance.arrivals.shape[1]
        return [[a - total for a in row if a >= total] for row in actions.tolist()]

    def actions(self, instance: Instance, solutions: Sequence[list[int]]) -> Tensor:
        total = instance.arrivals.shape[1]
        lengths = _lengths(instance).tolist()
        rows = []
        for accepted, length in zip(solutions, lengths, strict=True):
            chosen = set(accepted)
            row = [t + total if t in chosen else t for t in range(length)]
            rows.append(row + [length - 1] * (total - length))
        return torch.tensor(rows, device=instance.device)

    def load(self, cases: Sequence[Case]) -> Instance:
        most = max(case.size for case in cases)
        arrivals = torch.full((len(cases), most), -1)
        exact = []
        for b, case in enumerate(cases):
            assert isinstance(case, files.Case)
            if case.arrivals is not None:  # else nobody is known to come
                arrivals[b, : case.size] = torch.from_numpy(case.arrivals)
            exact.append(case)
        return _instance(exact, arrivals)

    def cases(self, instance: Instance) -> list[Case]:
        chance = (instance.ahead[:, :-1] - instance.ahead[:, 1:]).clamp(0, 1)
        cases: list[Case] = []
        for b, length in enumerate(_lengths(instance).tolist()):
            real = instance.revenue[b] > 0
            cases.append(
                files.Case(
                    name=f"exo-{b}",
                    capacity=instance.capacity[b].cpu().numpy(),
                    revenue=instance.revenue[b][real].cpu().numpy(),
                    uses=instance.uses[b][:, real].cpu().numpy(),
                    probability=chance[b, :length][:, real].cpu().numpy(),
                    arrivals=instance.arrivals[b, :length].cpu().numpy(),
                )
            )
        return cases


def _lengths(instance: Instance) -> Tensor:
    """Periods of each instance, ``[B]``."""
    batch, total = instance.arrivals.shape
    if instance.exists is None:
        return torch.full((batch,), total, device=instance.device)
    return instance.exists.sum(-1)


def _remaining(instance: Instance) -> Tensor:
    """Arrivals ``[B, T+1, J]`` of each class from a period on, in the trace."""
    classes = torch.arange(instance.revenue.shape[1], device=instance.device)
    came = (instance.arrivals[..., None] == classes).double()
    after = came.flip(1).cumsum(1).flip(1)
    return torch.cat([after, after.new_zeros(len(after), 1, after.shape[2])], 1)


def _standard(slack: Tensor, expected: Tensor) -> Tensor:
    """A difference in (Poisson) standard deviations, cut and scaled to [-1, 1]."""
    return (slack / (1 + expected).sqrt()).clamp(-EXAGGERATION, EXAGGERATION) / EXAGGERATION


def _instance(cases: Sequence[files.Case], arrivals: Tensor) -> Instance:
    """A padded batch of `cases` with `arrivals` ``[B, T]``."""
    if all(case is cases[0] for case in cases):
        one = _arrays(cases[:1], arrivals.shape[1])
        arrays = [array.expand(len(cases), *array.shape[1:]) for array in one]
    else:
        arrays = _arrays(cases, arrivals.shape[1])
    capacity, revenue, uses, ahead, exists = (array.to(arrivals.device) for array in arrays)
    padded = None if bool(exists.all()) else exists
    return Instance(arrivals, capacity, revenue, uses, ahead, padded)


def _arrays(cases: Sequence[files.Case], total: int) -> list[Tensor]:
    """Capacity, revenue, uses, ahead and exists of `cases`."""
    batch = len(cases)
    resources = max(len(case.capacity) for case in cases)
    classes = max(len(case.revenue) for case in cases)
    capacity = torch.zeros(batch, resources, dtype=torch.double)
    revenue = torch.zeros(batch, classes, dtype=torch.double)
    uses = torch.zeros(batch, resources, classes, dtype=torch.double)
    ahead = torch.zeros(batch, total + 1, classes, dtype=torch.double)
    exists = torch.zeros(batch, total, dtype=torch.bool)
    for b, case in enumerate(cases):
        rows, columns = case.uses.shape
        capacity[b, :rows] = torch.from_numpy(case.capacity)
        revenue[b, :columns] = torch.from_numpy(case.revenue)
        uses[b, :rows, :columns] = torch.from_numpy(case.uses)
        after = np.cumsum(case.probability[::-1], 0)[::-1].copy()
        ahead[b, : case.size, :columns] = torch.from_numpy(after)
        exists[b, : case.size] = True
    return [capacity, revenue, uses, ahead, exists]
