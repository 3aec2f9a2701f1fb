"""The 0-1 knapsack problem."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import HasCases, HasEquivalents, HasPublished, HasStarts, Paddable
from nco.core.case import Case
from nco.core.defaults import pad_nodes, replay
from nco.core.geometry import check_size, draw_size
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Column, Schema, Unit, columns
from nco.problems.knapsack import files

# weights are fractions of the capacity in float64, where an exact fit may seem to be a little over
TOLERANCE = 1e-9
TOO_MUCH = 2.0  # weight of padding, which never fits


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of knapsacks."""

    values: Tensor  # [B, N] double, in the source's units
    weights: Tensor  # [B, N] double, fractions of the capacity; padding `TOO_MUCH`
    capacity: Tensor  # [B] double, in the source's units
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding


@dataclass(frozen=True, eq=False)
class State(Batch):
    """What is packed."""

    free: Tensor  # [B, S] double, the remaining share of the capacity
    alive: Tensor  # [B, S, N] bool, not packed, and still fits
    last: Tensor  # [B, S] long, the item packed last; -1 at first


class Packings(Problem[Instance, State], HasStarts, HasEquivalents, Paddable):
    """Items within a capacity, one after the other: what knapsacks of one and of two values share.

    The parts of the description are those of `Knapsack`.
    """

    @staticmethod
    def worth(instance: Instance) -> Tensor:
        """What each item adds to the value packed, ``[B, N]`` double."""
        return instance.values

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch = len(instance)
        fits = (instance.weights <= 1 + TOLERANCE)[:, None].expand(-1, rollouts, -1)
        free = torch.ones(batch, rollouts, dtype=torch.double, device=instance.device)
        last = torch.full((batch, rollouts), -1, device=instance.device)
        return State(free, fits, last)

    def observe(self, instance: Instance, state: State) -> Observation:
        items = torch.arange(state.alive.shape[-1], device=state.alive.device)
        stay = items == state.last.clamp_min(0)[..., None]
        mask = state.alive | (stay & self.done(instance, state)[..., None])
        share = state.alive.sum(-1) / self._items(instance)[:, None]
        context = torch.stack([state.free.float(), share], -1)
        focus = state.last.new_zeros(*state.last.shape, 0)
        return Observation(mask, focus, context, state.alive)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        weight = instance.weights.gather(1, action)
        over = self.done(instance, state)
        free = torch.where(over, state.free, state.free - weight)
        alive = state.alive.scatter(-1, action[..., None], False)
        alive = alive & (instance.weights[:, None] <= free[..., None] + TOLERANCE)
        return State(free, alive, torch.where(over, state.last, action))

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        return -self.packed_value(instance, actions, self.worth(instance))

    @staticmethod
    def packed_value(instance: Instance, actions: Tensor, values: Tensor) -> Tensor:
        """The sum ``[B, S]`` of the `values` ``[B, N]`` of the items packed."""
        batch, rollouts, _ = actions.shape
        # no-ops repeat an item or name one that does not fit: count each packed item once
        packed = values.new_zeros(batch, rollouts, values.shape[1]).scatter(-1, actions, 1.0)
        packed = packed * (instance.weights <= 1 + TOLERANCE)[:, None]
        return (packed * values[:, None]).sum(-1)

    def horizon(self, instance: Instance) -> tuple[int, int]:
        return 1, max(instance.values.shape[1], 1)

    def start_count(self, instance: Instance) -> int:
        return int((instance.weights <= 1 + TOLERANCE).sum(-1).max())

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        """The items that fit, densest first."""
        fits = instance.weights <= 1 + TOLERANCE
        density = self.worth(instance) / instance.weights.clamp_min(1e-9)
        order = density.masked_fill(~fits, -1.0).argsort(-1, descending=True)
        counts = fits.sum(-1, keepdim=True).clamp_min(1)
        first = order.gather(1, torch.arange(rollouts, device=order.device) % counts)
        first = first.masked_fill(~fits.any(-1, keepdim=True), 0)
        return first[..., None]

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """The same items in a random order."""
        total = actions.shape[2]
        state: State = replay(self, instance, actions)
        real = state.alive.any(-1)  # steps that packed something
        key = torch.rand(actions.shape, generator=generator, device=generator.device)
        key = key.to(actions.device).masked_fill(~real, 2.0)
        shuffled = actions.gather(2, key.argsort(-1))
        lengths = real.sum(-1, keepdim=True)
        position = torch.arange(total, device=actions.device)
        last = shuffled.gather(2, (lengths - 1).clamp_min(0))
        return torch.where(position < lengths, shuffled, last)

    def solution(self, instance: Instance, actions: Tensor) -> list[list[int]]:
        fits = instance.weights <= 1 + TOLERANCE
        return [
            sorted({item for item in row if fits[b, item]})
            for b, row in enumerate(actions.tolist())
        ]

    def actions(self, instance: Instance, solutions: Sequence[list[int]]) -> Tensor:
        total = max(1, *(len(items) for items in solutions))
        rows = [
            list(items) + [items[-1] if items else 0] * (total - len(items)) for items in solutions
        ]
        return torch.tensor(rows, device=instance.device)

    def padded(self, instance: Instance, nodes: int) -> Instance:
        wide: Instance = pad_nodes(instance, instance.values.shape[1], nodes)
        assert wide.exists is not None
        return replace(wide, weights=wide.weights.masked_fill(~wide.exists, TOO_MUCH))

    @staticmethod
    def _items(instance: Instance) -> Tensor:
        batch, count = instance.values.shape
        if instance.exists is None:
            return torch.full((batch,), count, device=instance.device)
        return instance.exists.sum(-1)


class Knapsack(Packings, HasCases, HasPublished):
    """Choose items of the greatest total value within the capacity.

    - instance: `values`, `weights`, `capacity`;
    - nodes: ``value`` and ``relative_weight`` in shares of the largest, ``weight`` in capacities,
      the share of items that are ``denser`` (in value by weight), and how far ``overfull`` they and
      the item make the knapsack; context: the ``free`` share of the capacity, and the share of
      items that are ``open``;
    - action: the next item; mask: items not packed that still fit;
    - end: nothing fits; a finished row may only choose the item packed last once more (item 0
      where none was);
    - cost: minus the value packed, in the source's units;
    - generator: values and weights uniform in (0, 1), capacity a quarter of the number of items
      (25 at 100, as in POMO, Kwon et al. 2020; 12.5 at 50).

    Args:
        size: number of items, or ``[low, high]`` drawn for each batch.
        capacity: or by default ``size / 4``.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=(
            *columns("value", "relative_weight"),
            Column("weight", Unit.LOAD),
            *columns("denser", "overfull"),
        ),
        context=(Column("free", Unit.LOAD), Column("open")),
    )

    def __init__(self, size: int | list[int] = 100, capacity: float | None = None) -> None:
        self.size = check_size(size)
        if capacity is not None and capacity <= 0:
            raise ValueError(f"capacity must be positive, not {capacity}")
        self.capacity = capacity

    def generate(self, batch: int, generator: Generator) -> Instance:
        count = draw_size(self.size, generator)
        device = generator.device
        drawn = torch.rand(2, batch, count, generator=generator, device=device).double()
        capacity = self.capacity or count / 4
        full = torch.full((batch,), capacity, dtype=torch.double, device=device)
        return Instance(drawn[0], drawn[1] / capacity, full)

    def features(self, instance: Instance) -> Features:
        return Features(described(instance).float(), instance.exists)

    def load(self, cases: Sequence[Case]) -> Instance:
        most = max(case.size for case in cases)
        batch = len(cases)
        values = torch.zeros(batch, most, dtype=torch.double)
        weights = torch.full((batch, most), TOO_MUCH, dtype=torch.double)
        exists = torch.zeros(batch, most, dtype=torch.bool)
        capacity = torch.ones(batch, dtype=torch.double)
        for b, case in enumerate(cases):
            assert isinstance(case, files.Case)
            values[b, : case.size] = torch.from_numpy(np.asarray(case.values))
            weights[b, : case.size] = torch.from_numpy(np.asarray(case.weights) / case.capacity)
            exists[b, : case.size] = True
            capacity[b] = case.capacity
        return Instance(values, weights, capacity, None if bool(exists.all()) else exists)

    def cases(self, instance: Instance) -> list[Case]:
        cases: list[Case] = []
        for b in range(len(instance)):
            real = slice(None) if instance.exists is None else instance.exists[b]
            capacity = float(instance.capacity[b])
            data = {
                "values": instance.values[b][real].cpu().numpy(),
                "weights": instance.weights[b][real].cpu().numpy() * capacity,
                "capacity": capacity,
                "name": f"knapsack-{b}",
            }
            case = files.from_arrays(data)
            assert case is not None
            cases.append(case)
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """Seeded sets of this package (the literature's are not regenerable): weights, then values.

        10,000 instances are drawn and the first `count` kept.
        """
        random = np.random.RandomState(seed)
        weights = random.uniform(size=(10_000, size))[:count]
        values = random.uniform(size=(10_000, size))[:count]
        cases = [
            files.from_arrays(
                {
                    "values": values[b],
                    "weights": weights[b],
                    "capacity": self.capacity or size / 4,
                    "name": f"knapsack{size}-{seed}-{b}",
                }
            )
            for b in range(count)
        ]
        return [case for case in cases if case is not None]


class KnapsackRest(Knapsack):
    """The same problem, each item described by what it means to the remaining sub-problem.

    The state of BQ-NCO (Drakulic et al. 2023): the items left and the capacity left are again a
    knapsack. Instance, actions and cost are those of `Knapsack`; the observation adds, for every
    item, its weight in shares of the free capacity, how many of the items left are denser, and how
    far over the free capacity they and it together would be.
    """

    schema: ClassVar[Schema] = replace(
        Knapsack.schema, dynamic=columns("weight_in_free", "denser_left", "overfull_left")
    )

    def observe(self, instance: Instance, state: State) -> Observation:
        seen = super().observe(instance, state)
        density = instance.values / instance.weights.clamp_min(1e-9)
        order = density.argsort(-1, descending=True)[:, None].expand_as(state.alive)
        alive = state.alive.gather(2, order)
        weights = instance.weights[:, None].expand_as(alive).gather(2, order) * alive
        free = state.free.clamp_min(TOLERANCE)[..., None]
        denser = alive.cumsum(-1) / alive.sum(-1, keepdim=True).clamp_min(1)
        over = (weights.cumsum(-1) / free - 1).clamp(-2, 2)
        ranked = torch.stack([(weights / free).clamp_max(2), denser.double(), over], -1)
        nodes = torch.zeros_like(ranked).scatter(2, order[..., None].expand_as(ranked), ranked)
        return replace(seen, nodes=nodes.float())


def described(instance: Instance) -> Tensor:
    """The columns of `Knapsack`'s nodes, ``[B, N, 5]`` double."""
    values, weights = instance.values, instance.weights
    small = torch.finfo(values.dtype).tiny
    real = weights <= 1 + TOLERANCE
    top_value = (values * real).amax(-1, keepdim=True).clamp_min(small)
    top_weight = (weights * real).amax(-1, keepdim=True).clamp_min(small)
    density = (values / top_value) / (weights / top_weight).clamp_min(1e-6)
    density = density.masked_fill(~real, -1.0)
    # the share of items that are denser: the one feature that means the same everywhere
    order = density.argsort(-1, descending=True).argsort(-1)
    count = real.sum(-1, keepdim=True).clamp_min(1)
    load = (weights * real).gather(1, density.argsort(-1, descending=True)).cumsum(-1)
    load = load.gather(1, order)  # the capacity used when items are packed by density so far
    return torch.stack(
        [
            # an item that never fits may be worth any times more
            (values / top_value).clamp_max(2),
            (weights / top_weight).clamp_max(2),
            weights.clamp_max(2),
            order / count,
            (load - 1).clamp(-2, 2),
        ],
        -1,
    )
