"""The asymmetric travelling salesman problem."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.capabilities import HasCases, HasEquivalents, HasPublished, HasRemaining
from nco.core.case import Case
from nco.core.geometry import check_size, draw_size
from nco.core.problem import Features
from nco.core.schema import Schema, Unit, columns
from nco.problems.atsp import files
from nco.problems.tsp.problem import Instance, State, Tours, between, filled, rests

__all__ = ["ATSP", "Instance", "State"]

LARGEST = 10**6  # of the generator's whole numbers
MEAN = 0.5  # of an instance's distances, about that of points in the unit square


class ATSP(Tours, HasEquivalents, HasRemaining, HasCases, HasPublished):
    """Visit every city once and return, over the least distance; there and back differ.

    - instance: the TSP's with ``distances [B, N, N]`` from row to column, whose mean is 1/2, and
      `coords` without columns: a city has no place;
    - nodes: the least distance from a city and to it (``nearest_from, nearest_to``), and the mean
      (``mean_from, mean_to``); edges: ``there, back``; focus: ``first, current``;
    - action, mask, end and cost: as in `Tours`;
    - generator: Kwon et al. (2021, MatNet), whole numbers from 1 to 10^6 made to keep the triangle
      inequality, in units of 10^6.

    Args:
        size: number of cities, or ``[low, high]`` drawn for each batch.
    """

    schema: ClassVar[Schema] = Schema(
        nodes=columns("nearest_from", "nearest_to", "mean_from", "mean_to", unit=Unit.LENGTH),
        edges=columns("there", "back", unit=Unit.LENGTH),
        focus=("first", "current"),
        one_way=True,
    )

    def __init__(self, size: int | list[int] = 50) -> None:
        self.size = check_size(size)

    def generate(self, batch: int, generator: Generator) -> Instance:
        count = draw_size(self.size, generator)
        shape = (batch, count, count)
        whole = torch.randint(1, LARGEST + 1, shape, generator=generator, device=generator.device)
        return _scaled(closure(whole.double()), 1 / LARGEST)

    def features(self, instance: Instance) -> Features:
        distances = instance.distances
        assert distances is not None
        edges = torch.stack([distances, distances.transpose(1, 2)], -1)
        pairs = _pairs(distances, instance.exists)[..., None]
        count = pairs.sum(2).clamp_min(1)
        least = edges.masked_fill(~pairs, torch.inf).amin(2)
        least = least.masked_fill(~pairs.any(2), 0.0)  # of a single city, and of padding
        return Features(torch.cat([least, edges.sum(2) / count], -1), instance.exists, None, edges)

    def equivalent(self, instance: Instance, actions: Tensor, generator: Generator) -> Tensor:
        """A random rotation of each tour; the other direction is another tour."""
        batch, rollouts, total = actions.shape
        counts = self._counts(instance)[:, None, None]
        random = torch.rand(batch, rollouts, 1, generator=generator, device=generator.device)
        position = torch.arange(total, device=actions.device).minimum(counts - 1)
        shift = (random.to(actions.device) * counts).long()
        return actions.gather(2, (shift + position) % counts)

    def remaining(self, instance: Instance, state: State) -> list[Case]:
        """Tours by way of the cities left from a city 0 that is two.

        It is left as where we stand, and reached as the first city.
        """
        cases: list[Case] = []
        for b, (ends, left) in enumerate(rests(state)):
            distances = between(instance, b, [ends[-1], *left], [ends[0], *left])
            np.fill_diagonal(distances, 0)
            cases.append(_case(distances, f"rest-{b}"))
        return cases

    def resumed(self, instance: Instance, state: State, solutions: Sequence[Any]) -> Tensor:
        rows: list[list[int]] = []
        for (_, left), tour in zip(rests(state), solutions, strict=True):
            at = tour.index(0)
            rows.append([left[place - 1] for place in [*tour[at + 1 :], *tour[:at]]])
        return filled(rows, instance)

    def load(self, cases: Sequence[Case]) -> Instance:
        """A padded batch of ATSP cases."""
        most = max(case.size for case in cases)
        distances = torch.zeros(len(cases), most, most, dtype=torch.double)
        exists = torch.zeros(len(cases), most, dtype=torch.bool)
        for b, case in enumerate(cases):
            assert isinstance(case, files.Case)
            distances[b, : case.size, : case.size] = torch.from_numpy(case.matrix())
            exists[b, : case.size] = True
        return _scaled(distances, 1.0, None if bool(exists.all()) else exists)

    def cases(self, instance: Instance) -> list[Case]:
        assert instance.distances is not None
        assert instance.scale is not None
        cases: list[Case] = []
        matrices = instance.distances.double().cpu() * instance.scale.cpu()[:, None, None]
        for b, count in enumerate(self._counts(instance).tolist()):
            cases.append(_case(matrices[b, :count, :count].numpy(), f"atsp{count}-{b}"))
        return cases

    def published(self, size: int, count: int, seed: int) -> list[Case]:
        """A set like MatNet's, whose own has no seed: NumPy's whole numbers, in its own units."""
        whole = np.random.RandomState(seed).randint(1, LARGEST + 1, (count, size, size))
        matrices = closure(torch.from_numpy(whole).double()).numpy() / LARGEST
        return [_case(matrix, f"atsp{size}-{seed}-{b}") for b, matrix in enumerate(matrices)]


def closure(distances: Tensor) -> Tensor:
    """`distances` ``[B, N, N]`` over the shortest ways, the diagonal 0 (Floyd and Warshall)."""
    shortest = distances.clone()
    shortest.diagonal(dim1=1, dim2=2).zero_()
    for via in range(shortest.shape[1]):
        through = shortest[:, :, via, None] + shortest[:, via, None, :]
        shortest = torch.minimum(shortest, through)
    return shortest


def _pairs(distances: Tensor, exists: Tensor | None) -> Tensor:
    """Which entries ``[B, N, N]`` lead from one existing city to another."""
    pairs = ~torch.eye(distances.shape[1], dtype=torch.bool, device=distances.device)
    if exists is None:
        return pairs.expand_as(distances)
    return pairs & exists[:, :, None] & exists[:, None]


def _scaled(distances: Tensor, unit: float, exists: Tensor | None = None) -> Instance:
    """An instance of mean `MEAN`, of double distances ``[B, N, N]`` in `unit` source units.

    The sum of whole numbers is exact in double precision, and so the same on every machine.
    """
    count = _pairs(distances, exists).sum((1, 2)).clamp_min(1)
    factor = distances.sum((1, 2)) / count / MEAN
    factor = torch.where(factor > 0, factor, 1.0)
    scaled = (distances / factor[:, None, None]).float()
    return Instance(scaled[..., :0], exists, scaled, (factor * unit).float())


def _case(distances: np.ndarray, name: str) -> files.Case:
    case = files.from_arrays({"distances": distances, "name": name, "problem": "atsp"})
    assert case is not None
    return case
