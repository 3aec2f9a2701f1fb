"""What can be earned with what is left: of expected arrivals (a bound), and of known ones (exact).

Vectorised over instances and rollouts. Sinclair et al. (2023) price every action of a trace so.
"""

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from nco.core.errors import NCOError

TOLERANCE = 1e-9  # an exact fit may seem to be a little over
MOST_PATTERNS = 5000  # combinations of accepted numbers of each class that are looked at


def column(table: Tensor, kind: Tensor) -> Tensor:
    """The columns ``[B, S, R]`` of `table` ``[B, R, J]`` for classes ``[B, S]``; -1 gives zeros."""
    index = kind.clamp_min(0)[:, None].expand(-1, table.shape[1], -1)
    return table.gather(2, index).transpose(1, 2) * (kind >= 0)[..., None]


def room(free: Tensor, used: Tensor, most: Tensor) -> Tensor:
    """How many arrivals that use `used` ``[..., R]`` fit into `free`, up to `most` ``[...]``."""
    times = ((free + TOLERANCE) / used.clamp_min(TOLERANCE)).floor()
    times = torch.where(used > 0, times, torch.inf)
    return torch.minimum(times.amin(-1).clamp_min(0), most)


def fluid(free: Tensor, ahead: Tensor, revenue: Tensor, uses: Tensor, whole: bool) -> Tensor:
    """Revenue ``[B, S]`` of the expected arrivals when the dearest classes are served first.

    Args:
        free: ``[B, S, R]``; ahead: ``[B, S, J]``; revenue: ``[B, J]``; uses: ``[B, R, J]``.
        whole: only whole numbers of each class.
    """
    load = (uses / uses.amax(-1, keepdim=True).clamp_min(TOLERANCE)).amax(1)  # [B, J]
    order = (revenue / load.clamp_min(TOLERANCE)).argsort(dim=-1, descending=True, stable=True)
    left, earned = free, torch.zeros_like(free[..., 0])
    for rank in range(revenue.shape[1]):
        kind = order[:, rank : rank + 1].expand(-1, free.shape[1])
        used = column(uses, kind)
        amount = ahead.gather(2, kind[..., None])[..., 0]
        fits = torch.where(used > 0, left / used.clamp_min(TOLERANCE), torch.inf).amin(-1)
        amount = torch.minimum(amount, (fits + TOLERANCE).floor() if whole else fits).clamp_min(0)
        left = (left - amount[..., None] * used).clamp_min(0)
        earned = earned + amount * revenue.gather(1, kind)
    return earned


def best(instance: Any, free: Tensor, coming: Tensor) -> Tensor:
    """The most ``[B, S]`` that arrivals ``[B, S, J]`` which are known can earn; exact.

    One resource of which every class uses the same is a matter of sorting (multi-secretary). Else
    every combination of numbers of accepted classes is looked at, which the order of arrival does
    not matter for.

    Raises:
        NCOError: where there are more than `MOST_PATTERNS` of them.
    """
    revenue, uses = instance.revenue, instance.uses
    one = uses[:1].expand_as(uses)
    if bool((uses == one).all()) and bool((revenue == revenue[:1]).all()):
        return _alike(instance, free, coming)
    rows = []
    for b in range(len(revenue)):
        part = instance[b : b + 1]
        rows.append(_alike(part, free[b : b + 1], coming[b : b + 1]))
    return torch.cat(rows)


def _alike(instance: Any, free: Tensor, coming: Tensor) -> Tensor:
    """`best` for a batch of one setting."""
    revenue, uses = instance.revenue[0], instance.uses[0]
    real = revenue > 0
    revenue, uses, coming = revenue[real], uses[:, real], coming[..., real]
    busy = (uses > 0).any(1)
    uses, free = uses[busy], free[..., busy]
    if len(uses) == 1 and bool((uses[0] == uses[0, 0]).all()):
        return _sorted(free[..., 0] / uses[0, 0], coming, revenue)
    capacity = instance.capacity[:, busy].amax(0)
    patterns = _patterns(capacity, uses, coming.flatten(0, 1).amax(0))
    used = patterns @ uses.T  # [Q, R]
    fits = (used <= free[..., None, :] + TOLERANCE).all(-1)  # [B, S, Q]
    fits = fits & (patterns <= coming[..., None, :]).all(-1)
    return (patterns @ revenue).masked_fill(~fits, -torch.inf).amax(-1)


def _sorted(places: Tensor, coming: Tensor, revenue: Tensor) -> Tensor:
    """The dearest arrivals that `places` ``[B, S]`` hold."""
    order = revenue.argsort(descending=True)
    coming, revenue = coming[..., order], revenue[order]
    before = coming.cumsum(-1) - coming
    places = (places + TOLERANCE).floor()[..., None]
    taken = torch.minimum((places - before).clamp_min(0), coming)
    return (taken * revenue).sum(-1)


def _patterns(capacity: Tensor, uses: Tensor, most: Tensor) -> Tensor:
    """All ``[Q, J]`` numbers of accepted arrivals that the full capacity can hold."""
    limits = []
    for kind in range(uses.shape[1]):
        used = uses[:, kind]
        fits = (capacity + TOLERANCE) / used.clamp_min(TOLERANCE)
        fitting = torch.where(used > 0, fits, torch.inf).amin()
        limits.append(int(torch.minimum(fitting, most[kind]).floor()))
    count = math.prod(limit + 1 for limit in limits)
    if count > MOST_PATTERNS:
        raise NCOError(
            f"the hindsight planner looks at {MOST_PATTERNS} combinations of accepted classes at "
            f"most, not {count}: use fewer classes or less capacity"
        )
    every = list(itertools.product(*[range(limit + 1) for limit in limits]))
    patterns = torch.tensor(every, dtype=torch.double, device=uses.device)
    return patterns[((patterns @ uses.T) <= capacity + TOLERANCE).all(-1)]
