"""Batches of inventory networks as tensors: from cases, put together, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nco.core.batch import Batch, cat
from nco.problems.inventory import files
from nco.problems.inventory.network import outline

TINY = 1e-6  # of a unit: what a node that keeps no stock sends where nobody ordered anything


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
    kind: Tensor  # [B, N] long, of demand, by `parts.KINDS`
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


def tensors(case: files.Case, periods: int) -> Instance:
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


def joined(parts: Sequence[Instance]) -> Instance:
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


def by_period(instance: Instance) -> Instance:
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


def case_of(one: Instance, number: int) -> files.Case:
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


def family(case: files.Case) -> tuple[Any, ...]:
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


def same(case: files.Case, other: files.Case) -> bool:
    """Whether the same nodes, edges and demand are meant, whatever their names."""
    if len(case.nodes) != len(other.nodes) or len(case.source) != len(other.source):
        return False
    names = ("source", "target", "lead", "lost", "keeps", "kind", "holding", "penalty", "price")
    amounts = (*names, "cost", "mean", "sd")
    equal = all(np.allclose(getattr(case, name), getattr(other, name)) for name in amounts)
    alike = case.history is None and other.history is None and case.simple and other.simple
    return equal and alike and abs(case.correlation - other.correlation) < 1e-9
