"""Random futures of a case's demand, and random networks to train on."""

import numpy as np
import torch
from torch import Generator, Tensor

from nco.problems.inventory import season
from nco.problems.inventory.files import Case
from nco.problems.inventory.parts import KINDS

NORMAL, POISSON, GEOMETRIC, HISTORY = (
    KINDS.index(kind) for kind in ("normal", "poisson", "geometric", "history")
)


def draw(case: Case, count: int, periods: int, generator: Generator) -> Tensor:
    """Demands ``[count, periods, n]`` on the generator's device; nodes without demand have zero."""
    shape = count, periods, len(case.nodes)
    if case.history is not None:
        return _blocks(case, count, periods, generator)
    demand = torch.zeros(shape, device=generator.device)
    for kind, sample in ((NORMAL, _normal), (POISSON, _poisson), (GEOMETRIC, _geometric)):
        stores = np.flatnonzero(case.kind == kind)
        if len(stores):
            at = torch.from_numpy(stores).to(generator.device)
            demand[:, :, at] = sample(case, stores, count, periods, generator)
    if case.size and not (case.kind != HISTORY).all():
        raise ValueError(f"{case.name} has a trace of observed demands only, and no history")
    return demand


def _row(values: np.ndarray, generator: Generator) -> Tensor:
    """Figures as a tensor on the generator's device."""
    return torch.as_tensor(values, dtype=torch.float32, device=generator.device)


def _normal(
    case: Case, stores: np.ndarray, count: int, periods: int, generator: Generator
) -> Tensor:
    """Equally correlated: a factor common to all stores, and one of each store's own."""
    size, device = len(stores), generator.device
    own = torch.randn(count, periods, size, generator=generator, device=device)
    rho = case.correlation
    if rho > 0:
        common = torch.randn(count, periods, 1, generator=generator, device=device)
        own = rho**0.5 * common + (1 - rho) ** 0.5 * own
    elif rho < 0:
        covariance = (1 - rho) * torch.eye(size, dtype=torch.double) + rho
        # at the least possible correlation the matrix is singular: by its eigenvectors
        values, vectors = torch.linalg.eigh(covariance)
        root = vectors * values.clamp_min(0).sqrt()
        own = own @ root.T.to(own)
    demand = _row(case.mean[stores], generator) + _row(case.sd[stores], generator) * own
    clip = torch.from_numpy(case.clip[stores].astype(bool)).to(device)
    return torch.where(clip, demand.clamp_min(0.0), demand)


def _poisson(
    case: Case, stores: np.ndarray, count: int, periods: int, generator: Generator
) -> Tensor:
    """Poisson demands ``[count, periods, stores]``."""
    rate = _row(case.mean[stores], generator).expand(count, periods, -1)
    return torch.poisson(rate, generator=generator)


def _geometric(
    case: Case, stores: np.ndarray, count: int, periods: int, generator: Generator
) -> Tensor:
    """Failures before the first success, so that zero is possible; by inversion."""
    mean = torch.as_tensor(case.mean[stores], dtype=torch.double, device=generator.device)
    shape = count, periods, len(stores)
    uniform = torch.rand(shape, generator=generator, device=generator.device, dtype=torch.double)
    failure = mean / (1 + mean)
    failures = (torch.log1p(-uniform) / failure.clamp_min(1e-300).log()).floor()
    return failures.float()


def _blocks(case: Case, count: int, periods: int, generator: Generator) -> Tensor:
    """Consecutive periods of the history, from random beginnings, one after the other.

    Where demand has a season, a block begins at about the time of the cycle that it stands for.
    """
    assert case.history is not None
    history, device = _row(case.history, generator), generator.device
    blocks = -(-periods // case.block)
    last = len(history) - case.block
    if case.season:
        table, counts = season.beginnings(len(history), case.block, case.season)
        phase = (case.phase + case.block * np.arange(blocks)) % case.season
        most = torch.from_numpy(counts[phase]).to(device)
        chosen = torch.rand(count, blocks, generator=generator, device=device) * most
        rows = torch.from_numpy(table[phase]).to(device).expand(count, -1, -1)
        first = rows.gather(2, chosen.long()[..., None])
    else:
        first = torch.randint(last + 1, (count, blocks, 1), generator=generator, device=device)
    rows = (first + torch.arange(case.block, device=device)).flatten(1)[:, :periods]
    return history[rows]


def one_warehouse(stores: int, generator: Generator) -> Case:
    """A random network of one warehouse and `stores` stores with lost sales; see `Inventory`."""

    def uniform(low: float, high: float, count: int = stores) -> np.ndarray:
        drawn = torch.rand(count, generator=generator, device=generator.device).cpu().numpy()
        return low + (high - low) * drawn.astype(float)

    mean, variation = uniform(2.5, 7.5), uniform(0.25, 0.5)
    holding, penalty = uniform(0.7, 1.3), uniform(6.3, 11.7)
    lead = 2 + (uniform(0, 1) < 0.5).astype(int)
    none, count = np.zeros(1), stores + 1
    return Case(
        name=f"one_warehouse_{stores}",
        nodes=(*(f"store {i}" for i in range(stores)), "warehouse"),
        holding=np.append(holding, 0.3),
        penalty=np.append(penalty, none),
        price=np.zeros(count),
        stock=np.zeros(count),
        lost=np.append(np.ones(stores, dtype=bool), False),
        keeps=np.ones(count, dtype=bool),
        kind=np.append(np.full(stores, NORMAL), 0),
        mean=np.append(mean, none),
        sd=np.append(mean * variation, none),
        clip=np.ones(count, dtype=bool),
        source=np.append(np.full(stores, stores), -1),
        target=np.arange(count),
        lead=np.append(lead, 3),
        cost=np.zeros(count),
        correlation=0.5 if stores > 1 else 0.0,
        transit=np.zeros((count, 0)),
    )
