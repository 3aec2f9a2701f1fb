"""Whether a history of demand repeats itself, by week of the year, and what follows from it.

Numpy only. A season is believed where the other cycles of a history foretell a cycle better than
that cycle's own mean does (leave one out). Futures of seasonal demand are drawn from the history's
periods at about the same time of the cycle: a block bootstrap (Dudek, Leskow, Paparoditis & Politis
2014, Journal of Time Series Analysis 35(2)), whose blocks may also begin a little earlier or later.
"""

import math
from datetime import date

import numpy as np

LEAST = 2  # cycles that a history must hold
SKILL = 0.1  # share of the squared error that other cycles must explain to be believed
CHANGE = 0.1  # of the mean from the first cycle to the last that is worth a word
BUSIEST = 6  # periods whose mean is told
YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4}  # periods of it
WEEK = 7  # days: a second cycle that days may have


def window(cycle: int) -> int:
    """Periods before and after one of the cycle that count as the same time of it."""
    return cycle // 24


def simulated(cycle: int, periods: int, warmup: int) -> tuple[int, int]:
    """Periods of a simulation, and of these its warm-up: both whole cycles."""
    if not cycle:
        return periods, warmup
    warm = math.ceil(warmup / cycle) * cycle
    return warm + math.ceil((periods - warmup) / cycle) * cycle, warm


def recognise(history: np.ndarray, first: list[str] | None = None) -> tuple[int, str]:
    """The cycle of a history ``[h, stores]`` (0: none), and a sentence about it.

    Args:
        history: observed demands.
        first: the first column of its table, header first, which may say how long a period is:
            by dates, or in its header (``week``). Without it periods are taken for weeks.
    """
    candidates = [c for c in _candidates(first) if len(history) >= LEAST * c]
    if not candidates:
        return 0, ""
    skills = {cycle: skill(history, cycle) for cycle in candidates}
    best = max(candidates, key=lambda cycle: skills[cycle])
    if skills[best] > SKILL:
        return best, described(history, best)
    years = f"{len(history) / best:.1f}"
    return 0, f"no season of {best} periods was recognised in the {years} cycles of the history"


def _candidates(first: list[str] | None) -> list[int]:
    """Cycles that demand may have, by what is known of the length of a period."""
    kind = "week" if not first else _kind(first)
    if kind is None:
        return []
    return [WEEK, YEAR["day"]] if kind == "day" else [YEAR[kind]]


def _kind(first: list[str]) -> str | None:
    """Whether the rows of a table are days, weeks, months or quarters; None: neither."""
    days = []
    for cell in first[1:]:
        try:
            days.append(date.fromisoformat(cell).toordinal())
        except ValueError:
            break
    if len(days) == len(first) - 1 and len(days) > 1:
        apart = float(np.median(np.diff(days)))
        lengths = {"day": 1.0, "week": 7.0, "month": 30.5, "quarter": 91.0}
        near = {kind: abs(apart / length - 1) for kind, length in lengths.items()}
        kind = min(near, key=lambda name: near[name])
        return kind if near[kind] < 0.1 else None
    word = first[0].lower()
    return word if word in YEAR else "week"


def skill(history: np.ndarray, cycle: int) -> float:
    """The share of a cycle's squared deviations from its mean that the other cycles foretell.

    Of all stores together, or of the stores one by one, whichever is more; about zero or below for
    demand without a season.
    """
    total = _skill(history.sum(1, keepdims=True), cycle)
    return max(total, _skill(history / np.maximum(history.std(0), 1e-9), cycle))


def _skill(series: np.ndarray, cycle: int) -> float:
    count = len(series) // cycle
    flat = seasonal = 0.0
    for left_out in range(count):
        rows = np.arange(left_out * cycle, (left_out + 1) * cycle)
        others = np.delete(np.arange(count * cycle), rows)
        shape = profile(series[others], cycle)
        own = series[rows] - series[rows].mean(0)
        flat += float((own**2).sum())
        seasonal += float(((own - (shape - shape.mean(0))) ** 2).sum())
    return 1 - seasonal / flat if flat > 0 else 0.0


def profile(history: np.ndarray, cycle: int) -> np.ndarray:
    """``[cycle, stores]``: mean demand at each time of the cycle, over `window` around it."""
    phases = np.arange(len(history)) % cycle
    sums = np.zeros((cycle, history.shape[1]))
    np.add.at(sums, phases, history)
    counts = np.bincount(phases, minlength=cycle).astype(float)[:, None]
    around = range(-window(cycle), window(cycle) + 1)
    total = np.stack([np.roll(sums, j, 0) for j in around]).sum(0)
    mean: np.ndarray = total / np.stack([np.roll(counts, j, 0) for j in around]).sum(0)
    return mean


def described(history: np.ndarray, cycle: int) -> str:
    """What was recognised, in a sentence."""
    shape = profile(history, cycle).sum(1)
    level = float(shape.mean()) or 1.0
    name = next((unit for unit, count in YEAR.items() if count == cycle), "period")
    span = min(BUSIEST, max(cycle // 4, 1))
    runs = np.stack([np.roll(shape, -j) for j in range(span)]).mean(0)
    top, low = int(np.argmax(runs)), int(np.argmin(runs))
    said = (
        f"season: demand repeats itself every {cycle} periods; it is {runs[top] / level:.0%} of "
        f"the mean in {_span(name, top, span, cycle)} and {runs[low] / level:.0%} in "
        f"{_span(name, low, span, cycle)}, counted from the first row of the history"
    )
    cycles = [history[k * cycle : (k + 1) * cycle].sum() for k in range(len(history) // cycle)]
    change = cycles[-1] / cycles[0] - 1 if cycles[0] > 0 else 0.0
    if abs(change) > CHANGE:
        said += (
            f"; the last cycle had {change:+.0%} of the first one's demand, which is not continued"
        )
    return said


def _span(name: str, first: int, count: int, cycle: int) -> str:
    """Such as ``weeks 22 to 27``."""
    last = (first + count - 1) % cycle
    return f"{name} {first + 1}" if count == 1 else f"{name}s {first + 1} to {last + 1}"


def beginnings(rows: int, block: int, cycle: int) -> tuple[np.ndarray, np.ndarray]:
    """Where blocks of the history may begin that start at each time of the cycle.

    Returns:
        ``[cycle, most]`` rows of the history, and ``[cycle]`` how many of them count.
    """
    last = rows - block
    lists = []
    for phase in range(cycle):
        around = [
            phase + shift + k * cycle
            for k in range(-1, rows // cycle + 2)
            for shift in range(-window(cycle), window(cycle) + 1)
        ]
        lists.append(sorted({row for row in around if 0 <= row <= last}))
    counts = np.array([len(each) for each in lists])
    table = np.zeros((cycle, int(counts.max())), dtype=np.int64)
    for phase, each in enumerate(lists):
        table[phase, : len(each)] = each
    return table, counts
