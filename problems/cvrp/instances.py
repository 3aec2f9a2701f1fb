"""Batches of CVRPs as tensors, from cases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.case import Case
from nco.problems._routing.embedding import View, view
from nco.problems.cvrp import files


@dataclass(frozen=True, eq=False)
class Instance(Batch):
    """A batch of CVRPs, node 0 the depot, scaled into the unit square."""

    coords: Tensor  # [B, N, 2] float, N = customers + 1
    demand: Tensor  # [B, N] double, fractions of the vehicle's capacity; depot and padding 0
    capacity: Tensor  # [B] double, in the source's units
    exists: Tensor | None = None  # [B, N] bool; None: nothing is padding
    distances: Tensor | None = None  # [B, N, N] float, where they are not those of the coordinates
    scale: Tensor | None = None  # [B] float, the source's units in one side of the square


def load(cases: Sequence[Case]) -> Instance:
    """A padded batch of CVRP cases, each as `nco.problems._routing.embedding.view` sees it."""
    batch, most = len(cases), max(case.size for case in cases) + 1
    coords = torch.zeros(batch, most, 2)
    demand = torch.zeros(batch, most, dtype=torch.double)
    exists = torch.zeros(batch, most, dtype=torch.bool)
    capacity = torch.ones(batch, dtype=torch.double)
    views: list[View] = []
    for b, case in enumerate(cases):
        assert isinstance(case, files.Case)
        seen, count = view(case), case.size + 1
        coords[b, :count] = torch.from_numpy(seen.coords)
        demand[b, :count] = torch.from_numpy(np.asarray(case.demand) / case.capacity)
        exists[b, :count] = True
        capacity[b] = case.capacity
        views.append(seen)
    distances = None
    if any(seen.distances is not None for seen in views):
        distances = torch.zeros(batch, most, most)
        for b, seen in enumerate(views):
            count = len(seen.coords)
            distances[b, :count, :count] = torch.from_numpy(seen.matrix())
    scale = torch.tensor([seen.factor for seen in views])
    padded, scaled = not bool(exists.all()), bool((scale != 1).any())
    return Instance(
        coords,
        demand,
        capacity,
        exists if padded else None,
        distances,
        scale if scaled else None,
    )
