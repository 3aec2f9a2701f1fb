"""Points in the plane: distributions, the eight symmetries of the square, classical scaling."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Generator, Tensor

from nco.core.describe import Described


class Points(Described, ABC):
    """A distribution of point sets in the unit square."""

    @abstractmethod
    def draw(self, batch: int, count: int, generator: Generator) -> Tensor:
        """``[batch, count, 2]`` on the generator's device."""


class Uniform(Points):
    """Independent uniform points (Kool et al. 2019)."""

    def draw(self, batch: int, count: int, generator: Generator) -> Tensor:
        return torch.rand(batch, count, 2, generator=generator, device=generator.device)


class Clustered(Points):
    """Gaussian clusters around uniform centres, reflected into the square.

    Args:
        clusters: centres of each instance.
        spread: standard deviation around a centre, in sides of the square.
        uniform_share: share of the points that are uniform instead ("mixed"; the X set uses 1/2).
    """

    def __init__(self, clusters: int = 5, spread: float = 0.07, uniform_share: float = 0.0) -> None:
        if clusters < 1 or spread <= 0 or not 0 <= uniform_share <= 1:
            raise ValueError(f"clusters {clusters}, spread {spread}, share {uniform_share}")
        self.clusters, self.spread, self.uniform_share = clusters, spread, uniform_share

    def draw(self, batch: int, count: int, generator: Generator) -> Tensor:
        device = generator.device
        centres = torch.rand(batch, self.clusters, 2, generator=generator, device=device)
        member = torch.randint(
            self.clusters, (batch, count, 1), generator=generator, device=device
        ).expand(-1, -1, 2)
        noise = torch.randn(batch, count, 2, generator=generator, device=device) * self.spread
        points = (centres.gather(1, member) + noise).remainder(2.0)
        points = torch.where(points > 1, 2 - points, points)  # reflection at the far side
        flat = torch.rand(batch, count, 2, generator=generator, device=device)
        keep = torch.rand(batch, count, 1, generator=generator, device=device) < self.uniform_share
        return torch.where(keep, flat, points)


def draw_size(size: int | list[int], generator: Generator) -> int:
    """A size: itself, or uniform between the two ends of ``[low, high]``, both included."""
    if isinstance(size, int):
        return size
    low, high = size
    return int(torch.randint(low, high + 1, (), generator=generator, device=generator.device))


def check_size(size: int | list[int]) -> int | list[int]:
    """`size` itself, or a ValueError that says what a size may be."""
    ends = [size, size] if isinstance(size, int) else list(size)
    if len(ends) != 2 or not 1 <= ends[0] <= ends[1]:
        raise ValueError(f"size must be a number >= 1 or [low, high], not {size}")
    return size if isinstance(size, int) else ends


def dihedral(xy: Tensor) -> list[Tensor]:
    """The eight images of `xy` ``[..., 2]`` under the square's symmetries, itself first."""
    x, y = xy.unbind(-1)
    images = [(x, y), (y, x), (x, 1 - y), (y, 1 - x), (1 - x, y), (1 - y, x), (1 - x, 1 - y)]
    images.append((1 - y, 1 - x))
    return [torch.stack(image, -1) for image in images]


def unit_square(coords: np.ndarray) -> tuple[np.ndarray, float]:
    """`coords` ``[n, 2]`` moved and divided by one factor for both axes; and that factor.

    Points that already lie in the unit square stay where they are.
    """
    if len(coords) == 0 or (coords.min() >= 0 and coords.max() <= 1):
        return coords, 1.0
    low, high = coords.min(0), coords.max(0)
    factor = float((high - low).max())
    if factor == 0:
        return np.zeros_like(coords), 1.0
    return (coords - low) / factor, factor


def classical_scaling(distances: np.ndarray) -> np.ndarray:
    """Coordinates ``[n, 2]`` whose distances come near `distances` ``[n, n]``.

    Torgerson's classical multidimensional scaling: the two leading eigenvectors of the doubly
    centred matrix of squared distances. A network that sees points needs them; costs do not.
    """
    squared = np.asarray(distances, dtype=np.float64) ** 2
    centred = -0.5 * (squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean())
    values, vectors = np.linalg.eigh((centred + centred.T) / 2)
    leading = np.sqrt(np.maximum(values[-2:], 0.0))
    coords = vectors[:, -2:] * leading
    return np.pad(coords, ((0, 0), (0, 2 - coords.shape[1])))


def lengths(points: Tensor, order: Tensor) -> Tensor:
    """Distances ``[B, S, T - 1]`` between successive nodes of `order` ``[B, S, T]``."""
    rows = torch.arange(len(points), device=points.device)[:, None, None]
    visited = points[rows, order]
    return (visited[:, :, 1:] - visited[:, :, :-1]).norm(dim=-1)
