"""The travelling salesman problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.batch import Batch
from nco.core.capabilities import (
    HasCases,
    HasEquivalents,
    HasFixedFirstAction,
    HasPublished,
    HasRemaining,
    HasStarts,
    HasSymmetries,
    HasWindows,
    Paddable,
    Replayable,
    Reversible,
    Windows,
)
from nco.core.case import Case
from nco.core.defaults import pad_nodes
from nco.core.errors import NCOError
from nco.core.geometry import Points, Uniform, check_size, dihedral, draw_size, lengths
from nco.core.problem import Features, Observation, Problem
from nco.core.schema import Schema, Unit, columns
from nco.problems._routing.embedding import View, view
from nco.problems.tsp import files

BOUND = 3.0  # longest distances that not going by the way that is given costs a tour


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of symmetric TSPs, scaled into the unit square."""

    coords: Tensor  # [B, N, 2] float
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    distances: Tensor | None = None  # [B, N, N] float, where they are not those of the coordinates
    scale: Tensor | None = None  # [B] float, the source's units in one side of the square


@dataclass(frozen=True, eq=False)
class State(Batch):
    """A partial tour."""

    first: Tensor  # [B, S] long, -1 before the first node
    current: Tensor  # [B, S] long, -1 before the first node
    alive: Tensor  # [B, S, N] bool, not yet visited


class Tours(
    Problem[Instance, State],
    HasStarts,
    HasFixedFirstAction,
    Replayable,
    Paddable,
    HasWindows,
):
    """The rules that the symmetric and the asymmetric problem share.

    - action: the next node; mask: the nodes not yet visited;
    - end: all visited; a finished (padded) row may only stay where it is;
    - cost: the length of the closed tour in the source's units.
    """

    def reset(self, instance: Instance, rollouts: int) -> State:
        batch, count = instance.coords.shape[:2]
        nowhere = torch.full((batch, rollouts), -1, device=instance.device)
        if instance.exists is None:
            alive = torch.ones(batch, rollouts, count, dtype=torch.bool, device=instance.device)
        else:
            alive = instance.exists[:, None].expand(-1, rollouts, -1)
        return State(nowhere, nowhere, alive)

    def observe(self, instance: Instance, state: State) -> Observation:
        mask = state.alive
        if instance.exists is not None:  # only padded rows finish before the others
            stay = torch.arange(mask.shape[-1], device=mask.device) == state.current[..., None]
            mask = mask | (stay & self.done(instance, state)[..., None])
        focus = torch.stack([state.first, state.current], -1)
        context = state.alive.new_zeros(*focus.shape[:-1], 0, dtype=torch.float32)
        return Observation(mask, focus, context, alive=state.alive)

    def step(self, instance: Instance, state: State, action: Tensor) -> State:
        first = torch.where(state.first < 0, action, state.first)
        return State(first, action, state.alive.scatter(-1, action[..., None], False))

    def done(self, instance: Instance, state: State) -> Tensor:
        return ~state.alive.any(-1)

    def cost(self, instance: Instance, actions: Tensor) -> Tensor:
        closed = torch.cat([actions, actions[:, :, :1]], 2)
        if instance.distances is None:
            total = lengths(instance.coords, closed).sum(-1)
        else:
            rows = torch.arange(len(actions), device=actions.device)[:, None, None]
            total = instance.distances[rows, closed[:, :, :-1], closed[:, :, 1:]].sum(-1)
        return total if instance.scale is None else total * instance.scale[:, None]

    def horizon(self, instance: Instance) -> tuple[int, int]:
        count = instance.coords.shape[1]
        return count, count

    def replay(self, instance: Instance, actions: Tensor, steps: Tensor | None = None) -> State:
        """In closed form: a node is alive as long as its rank in the tour is not passed."""
        batch, rollouts, total = actions.shape
        when = torch.arange(total, device=actions.device)
        if steps is None:
            steps = when.expand(batch, rollouts, total)
        rank = torch.full((batch, rollouts, instance.coords.shape[1]), -1, device=actions.device)
        # the least rank, because a padded row repeats its last node
        rank = rank.scatter_reduce(-1, actions, when.expand_as(actions), "amin", include_self=False)
        alive = rank[:, :, None] >= steps[..., None]
        current = actions.gather(2, (steps - 1).clamp_min(0)).masked_fill(steps == 0, -1)
        first = actions[:, :, :1].expand_as(steps).masked_fill(steps == 0, -1)
        return State(first, current, alive)

    def start_count(self, instance: Instance) -> int:
        return instance.coords.shape[1]

    def starts(self, instance: Instance, rollouts: int) -> Tensor:
        counts = self._counts(instance)[:, None]
        return (torch.arange(rollouts, device=instance.device) % counts)[..., None]

    def fixed_first_action(self, instance: Instance, rollouts: int) -> Tensor:
        return self.starts(instance, 1).expand(-1, rollouts, -1)

    def padded(self, instance: Instance, nodes: int) -> Instance:
        return pad_nodes(instance, instance.coords.shape[1], nodes)

    def windows(
        self, instance: Instance, actions: Tensor, length: int, generator: Generator
    ) -> Windows | None:
        """Pieces of the tours, each between two nodes that stay, walked in a random direction.

        The small instance is a tour, too: from the end straight to the beginning, which is given,
        and through the piece to the end.
        """
        counts = self._counts(instance).tolist()
        if length < 2 or min(counts) < length + 2:
            return None
        device = actions.device
        rows: list[tuple[int, list[int]]] = []
        for b, count in enumerate(counts):
            first = _draw(count, generator)
            for at in range(first, first + count - length, length + 1):
                piece = [(at + step) % count for step in range(length + 2)]
                rows.append((b, piece if _draw(2, generator) else piece[::-1]))
        owner = torch.tensor([b for b, _ in rows], device=device)
        position = torch.tensor([piece for _, piece in rows], device=device)
        position = torch.cat([position[:, -1:], position[:, :-1]], 1)
        node = actions[owner[:, None], position]
        distances = instance.distances
        if distances is not None:
            distances = distances[owner[:, None, None], node[:, :, None], node[:, None]]
        scale = None if instance.scale is None else instance.scale[owner]
        small = Instance(instance.coords[owner[:, None], node], None, distances, scale)
        label = torch.arange(length + 2, device=device).expand(len(rows), -1)
        return Windows(small, label, 2, (owner, position, node))

    def rejoin(
        self, instance: Instance, actions: Tensor, windows: Windows, parts: Tensor
    ) -> Tensor:
        owner, position, node = windows.places
        joined = actions.clone()
        joined[owner[:, None], position[:, 2:]] = node.gather(1, parts)[:, 2:]
        if instance.exists is not None:  # a padded row stays where it is in the end
            last = self._counts(instance)[:, None] - 1
            ranks = torch.arange(actions.shape[1], device=actions.device).minimum(last)
            joined = joined.gather(1, ranks)
        return joined

    def solution(self, instance: Instance, actions: Tensor) -> list[list[int]]:
        counts = self._counts(instance).tolist()
        return [row[:count] for row, count in zip(actions.tolist(), counts, strict=True)]

    def actions(self, instance: Instance, solutions: Sequence[list[int]]) -> Tensor:
        total = instance.coords.shape[1]
        rows = [list(tour) + [tour[-1]] * (total - len(tour)) for tour in solutions]
        return torch.tensor(rows, device=instance.device)

    @staticmethod
    def _counts(instance: Instance) -> Tensor:
        batch, count = instance.coords.shape[:2]
        if instance.exists is None:
            return torch.full((batch,), count, device=instance.device)
        return instance.exists.sum(-1)


class TSP(
    Tours,
    HasEquivalents,
    HasSymmetries,
    Reversible,
    HasRemaining,
    HasCases,
    HasPublished,
):
    """Visit every node once and return, over the least distance.

    - instance: `coords`, or `distances` where a file gives its own;
    - nodes: ``x, y``; focus: ``first, current``;
    - action, mask, end, cost: as in `Tours`;
    - generator: Kool, van Hoof & Welling (2019), uniform in the unit square.

    Args:
        size: number of nodes, or ``[low, high]`` drawn for each batch.
        points: a distribution of `nco.core.geometry`.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=columns("x", "y", unit=Unit.LENGTH),
        focus=("first", "current"),
    )

    def __init__(self, size: int | list[int] = 50, points: Points | None = None) -> None:
        self.size = check_size(size)
        self.points = points or Uniform()

    def generate(self, batch: int, generator: Generator) -> Instance:
        count = draw_size(self.size, generator)
        return Instance(self.points.draw(batch, count, generator))

    def features(self, instance: Instance) -> Features:
        edges = None if instance.distances is None else instance.distances[..., None]
        return Features(instance.coords, instance.exists, instance.coords, edges)

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """A random rotation and direction of each tour."""
        batch, rollouts, total = actions.shape
        counts = self._counts(instance)[:, None, None]
        random = torch.rand(2, batch, rollouts, 1, generator=generator, device=generator.device)
        random = random.to(actions.device)
        shift = (random[0] * counts).long()
        sign = torch.where(random[1] < 0.5, 1, -1)
        position = torch.arange(total, device=actions.device).minimum(counts - 1)
        return actions.gather(2, (shift + sign * position) % counts)

    def symmetries(self, instance: Instance) -> list[Instance]:
        images = dihedral(instance.coords)
        return [
            Instance(image, instance.exists, instance.distances, instance.scale) for image in images
        ]

    def reversed_state(self, instance: Instance, state: State) -> State:
        """The way back: from where we are to the first node, or the other way round."""
        return State(state.current, state.first, state.alive)

    def joined(self, instance: Instance, actions: Tensor, behind: Tensor) -> Tensor:
        if instance.exists is None:
            return super().joined(instance, actions, behind)
        # a row that is over has stayed at either end; it ends at the last node of all
        total = actions.shape[2]
        when = torch.arange(total, device=actions.device)
        counts = self._counts(instance)[:, None, None].clamp_max(total)
        places = torch.where(behind, 2 * total - when, when)
        order = places.masked_fill(when >= counts, 2 * total + 1).argsort(dim=-1)
        return actions.gather(2, order.gather(2, when.minimum(counts - 1).expand_as(order)))

    def remaining(self, instance: Instance, state: State) -> list[Case]:
        """Tours by way of the nodes left, and straight from where we stand to the first node.

        That way costs nothing, and all others so much that no good tour goes without it.
        """
        cases: list[Case] = []
        for b, (ends, left) in enumerate(rests(state)):
            distances = between(instance, b, ends + left, ends + left)
            if len(ends) > 1:
                distances = distances + BOUND * distances.max()
                distances[0, 1] = distances[1, 0] = 0
                np.fill_diagonal(distances, 0)
            case = files.from_arrays({"distances": distances, "name": f"rest-{b}"})
            assert case is not None
            cases.append(case)
        return cases

    def resumed(self, instance: Instance, state: State, solutions: Sequence[Any]) -> Tensor:
        rows: list[list[int]] = []
        for b, ((ends, left), tour) in enumerate(zip(rests(state), solutions, strict=True)):
            at = tour.index(0)
            tour = [*tour[at:], *tour[:at]]
            if len(ends) > 1 and tour[1] != 1:
                tour = [0, *tour[:0:-1]]
                if tour[1] != 1:
                    raise NCOError(f"row {b}: the tour does not go the way that was given")
            rows.append([(ends + left)[place] for place in tour[len(ends) :]])
        return filled(rows, instance)

    def load(self, cases: Sequence[Case]) -> Instance:
        return load(cases)

    def cases(self, instance: Instance) -> list[Case]:
        counts = self._counts(instance).tolist()
        scales = [1.0] * len(counts) if instance.scale is None else instance.scale.tolist()
        cases: list[Case] = []
        for b, (count, scale) in enumerate(zip(counts, scales, strict=True)):
            coords = instance.coords[b, :count].double().cpu().numpy() * scale
            data: dict[str, object] = {"coords": coords}
            if instance.distances is not None:
                data = {"distances": instance.distances[b, :count, :count].double().numpy() * scale}
            case = files.from_arrays({**data, "name": f"tsp{count}-{b}"})
            assert case is not None
            cases.append(case)
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """Kool's sets: `seed` 1234 is the test set, 4321 the validation set."""
        coords = np.random.RandomState(seed).uniform(size=(count, size, 2))
        cases = [
            files.from_arrays({"coords": xy, "name": f"tsp{size}-{seed}-{b}"})
            for b, xy in enumerate(coords)
        ]
        return [case for case in cases if case is not None]


def _draw(count: int, generator: Generator) -> int:
    """A random number below `count`."""
    return int(torch.randint(count, (), generator=generator, device=generator.device))


def load(cases: Sequence[Case]) -> Instance:
    """A padded batch of TSP cases, each as `nco.problems._routing.embedding.view` sees it."""
    views: list[View] = []
    for case in cases:
        assert isinstance(case, files.Case)
        views.append(view(case))
    batch, most = len(cases), max(case.size for case in cases)
    coords = torch.zeros(batch, most, 2)
    exists = torch.zeros(batch, most, dtype=torch.bool)
    explicit = any(seen.distances is not None for seen in views)
    distances = torch.zeros(batch, most, most) if explicit else None
    for b, seen in enumerate(views):
        count = len(seen.coords)
        coords[b, :count] = torch.from_numpy(seen.coords)
        exists[b, :count] = True
        if distances is not None:
            distances[b, :count, :count] = torch.from_numpy(seen.matrix())
    scale = torch.tensor([seen.factor for seen in views])
    padded, scaled = not bool(exists.all()), bool((scale != 1).any())
    return Instance(coords, exists if padded else None, distances, scale if scaled else None)


def rests(state: State) -> list[tuple[list[int], list[int]]]:
    """Of states ``[B, 1]``: the first node and where we stand, if another; the nodes left."""
    first, current = state.first[:, 0].tolist(), state.current[:, 0].tolist()
    left = [row[0].nonzero()[:, 0].tolist() for row in state.alive]
    return [
        (list(dict.fromkeys(ends)), nodes)
        for ends, nodes in zip(zip(first, current, strict=True), left, strict=True)
    ]


def between(instance: Instance, b: int, start: list[int], end: list[int]) -> np.ndarray:
    """Distances ``[len(start), len(end)]`` between nodes of instance `b`."""
    if instance.distances is not None:
        return instance.distances[b, start][:, end].double().cpu().numpy()
    places = instance.coords[b].double().cpu().numpy()
    gap = places[start][:, None] - places[end]
    return np.hypot(gap[..., 0], gap[..., 1])


def filled(rows: list[list[int]], instance: Instance) -> Tensor:
    """Actions ``[B, T]``; short rows stay where they are in the end."""
    longest = max(len(row) for row in rows)
    rows = [row + row[-1:] * (longest - len(row)) for row in rows]
    return torch.tensor(rows, device=instance.device)
