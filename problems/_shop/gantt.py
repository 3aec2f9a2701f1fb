"""Gantt charts."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nco.core import words
from nco.pictures import axes, colours, things
from nco.problems._shop import sheets
from nco.problems._shop.plan import makespan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.8  # of a bar, where the rows are 1 apart
OUTLINED = 1000  # operations up to which bars have white edges
LISTED = 20  # jobs up to which there is a legend
LONGEST = 16  # characters of a name at the axis or in the legend


def size(case: sheets.Case) -> tuple[float, float]:
    """Inches of a figure in which each machine's row is high enough to be read."""
    rows = 1 + max(m for job in case.work for choices in job for m, _ in choices)
    return 10.0, min(max(1.8 + 0.3 * rows, 3.2), 14.0)


def draw(case: Any, solution: Any, ax: "Axes", base: int = 0) -> None:
    """Draws a bar for each operation: its machine's row, its job's colour, the job's name in it.

    Up to 64 jobs differ in colour or hatching; of more, those that follow each other on a machine
    do as far as there are enough colours. The axes are time, in the unit of the source, and
    machines, so their scales are not made equal.

    Args:
        case: the shop.
        solution: of it.
        ax: where to draw.
        base: the source's number of the first machine.
    """
    plan = case.planned(solution)
    table = sheets.schedule(case, solution, base)
    facts = {
        name: [row[k] for row in table.rows] for k, name in enumerate(table.columns)
    }  # an operation each, job by job
    machines = np.array([m for row in plan.machine for m in row], dtype=np.int64)
    owners = np.repeat(np.arange(len(plan.machine)), [len(row) for row in plan.machine])
    starts = np.array(facts["start"], dtype=np.float64)
    lengths = np.array(facts["duration"], dtype=np.float64)
    dealt = _colours(machines, owners, starts, len(plan.machine))
    names = [_name(case, "jobs", j, 0) for j in range(len(plan.machine))]
    outline: dict[str, Any] = (
        {"edgecolor": "white", "linewidth": 0.5} if len(owners) <= OUTLINED else {}
    )
    for j, name in enumerate(names):
        own = owners == j
        bars = ax.broken_barh([], (0, 0), facecolor=colours.light(dealt[j]), **outline)
        bars.set_verts(list(_corners(starts[own], lengths[own], machines[own])))
        bars.set(gid=f"job-{j}", label=axes.shortened(name, LONGEST))
        if hatch := colours.hatch(dealt[j]):
            bars.set(hatch=hatch, edgecolor="white")
    places = np.stack([starts, machines - HEIGHT / 2, lengths, np.full(len(owners), HEIGHT)], 1)
    groups = [f"job-{j}" for j in owners.tolist()]
    own_names = [names[j] for j in owners.tolist()]
    things.add(ax, "operation", own_names, places, facts, groups, most=OUTLINED)
    _finish(case, ax, int(machines.max()) + 1, base)
    ax.set_xlim(0, max(float((starts + lengths).max()) * 1.01, 1.0))
    if len(names) <= LISTED and axes.roomy(ax):
        axes.legend_below(ax, min(len(names), 6))
    shown = words.amount(makespan(case.work, plan), case.cost_unit)
    axes.entitle(ax, f"{case.name}: makespan {shown}")


def _finish(case: Any, ax: "Axes", machines: int, base: int) -> None:
    """The axes' labels and ticks."""
    axes.plain(ax)
    step = -(-machines // 40)  # of hundreds of machines every tenth or so is named
    ticks = range(0, machines, step)
    names = [axes.shortened(_name(case, "machines", m, base), LONGEST) for m in ticks]
    ax.set_yticks(list(ticks), names)
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.set_ylim(machines - 0.4, -0.6)
    ax.set_xlabel(f"time ({case.cost_unit})" if case.cost_unit else "time")
    ax.set_ylabel("machine")
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def _name(case: Any, kind: str, place: int, base: int) -> str:
    """What the source calls a job or machine."""
    return case.called(kind, place) or str(place + base)


def _corners(starts: np.ndarray, lengths: np.ndarray, machines: np.ndarray) -> np.ndarray:
    """The corners of bars, ``[n, 4, 2]``."""
    low, high = machines - HEIGHT / 2, machines + HEIGHT / 2
    ends = starts + lengths
    x = np.stack([starts, starts, ends, ends], 1)
    y = np.stack([low, high, high, low], 1)
    return np.stack([x, y], -1)


def _colours(machines: np.ndarray, owners: np.ndarray, starts: np.ndarray, jobs: int) -> list[int]:
    """A number of a colour and a hatching for each job, its own where there are enough."""
    rows = []
    for machine in np.unique(machines):
        here = np.flatnonzero(machines == machine)
        rows.append(owners[here[np.argsort(starts[here], kind="stable")]].tolist())
    looks = len(colours.LIGHT) * len(colours.HATCHES)
    count = jobs if jobs <= looks else len(colours.LIGHT)
    return colours.apart(colours.beside(rows, jobs), count)
