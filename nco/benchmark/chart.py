"""The curve of gap against time as SVG: a step line a solver, a point a run."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nco.benchmark.curve import Place, mean_curve
from nco.benchmark.plan import shown_limit
from nco.benchmark.runs import FINAL, Run
from nco.benchmark.summary import Row


@dataclass(frozen=True)
class Canvas:
    """The chart's measures in SVG's own units, and what is drawn on it.

    Attributes:
        width, height: of all; left, right, top, bottom: margins, which hold the axes' words.
        linear: percent around which the gap axis turns from linear to logarithmic.
        gaps: percents that may get a line.
        dots: runs that are drawn at most: more would make a report slow to open.
        earliest: seconds; what is found sooner is drawn there.
    """

    width: int = 760
    height: int = 400
    left: int = 56
    right: int = 14
    top: int = 12
    bottom: int = 54
    linear: float = 0.1
    gaps: tuple[float, ...] = (-10, -1, -0.1, 0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
    dots: int = 1500
    earliest: float = 1e-3

    @property
    def end(self) -> int:
        """Where the axes end on the right."""
        return self.width - self.right

    @property
    def base(self) -> int:
        """Where the axis of seconds lies."""
        return self.height - self.bottom


CANVAS = Canvas()

Caption = Callable[[Run], tuple[str, int | None]]


@dataclass(frozen=True)
class Axes:
    """Seconds on a logarithmic axis; gaps by the inverse hyperbolic sine, which knows zero."""

    first: float
    last: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        """The place of a time on the canvas, in its units; outside of the axis, that of its end."""
        span = math.log(self.last / self.first)
        place = math.log(min(max(seconds, self.first), self.last) / self.first) / span
        return CANVAS.left + place * (CANVAS.end - CANVAS.left)

    def y(self, gap: float) -> float:
        """The place of a gap on the canvas, in its units; outside of the axis, that of its end."""
        low, high = _scaled(self.low), _scaled(self.high)
        place = (_scaled(min(max(gap, self.low), self.high)) - low) / (high - low)
        return CANVAS.base - place * (CANVAS.base - CANVAS.top)


def _scaled(gap: float) -> float:
    return math.asinh(gap / CANVAS.linear)


def chart(
    runs: Sequence[Run], rows: Sequence[Row], colours: Mapping[str, int], caption: Caption
) -> str:
    """The chart of one problem.

    Args:
        runs: of that problem, not those from a cold start.
        rows: their summary: the larger points.
        colours: number of each solver's colour.
        caption: words and picture of a run.

    Returns:
        An ``svg`` element; empty where no run has a gap.
    """
    solved = [r for r in runs if r.gap_percent is not None and math.isfinite(r.gap_percent)]
    if not solved:
        return ""
    curves = {name: _curve(name, runs) for name in dict.fromkeys(run.solver for run in solved)}
    axes = _axes(solved, curves)
    parts = [_grid(axes)]
    for name, (places, traced) in curves.items():
        own = [run for run in solved if run.solver == name]
        parts += [
            f'<g class="series c{colours[name]}" data-series="{escape(name)}">',
            _band(places, axes),
            _line(places, axes, traced),
            *[_dot(run, axes, caption) for run in own[: CANVAS.dots // len(curves)]],
            *[_marker(row, axes) for row in rows if row.solver == name],
            "</g>",
        ]
    return (
        f'<svg class="chart" viewBox="0 0 {CANVAS.width} {CANVAS.height}" role="img" '
        f'aria-label="Mean gap in percent against seconds">{"".join(parts)}</svg>'
    )


def _curve(solver: str, runs: Sequence[Run]) -> tuple[list[Place], str]:
    """Of the runs at the solver's longest time limit, and where their points come from."""
    own = [run for run in runs if run.solver == solver and run.points]
    longest = max((run.time_limit or 0.0 for run in own), default=0.0)
    chosen = [run for run in own if (run.time_limit or 0.0) == longest]
    return mean_curve(chosen), chosen[0].traced if chosen else FINAL


def _axes(solved: Sequence[Run], curves: Mapping[str, tuple[list[Place], str]]) -> Axes:
    places = [place for curve, _ in curves.values() for place in curve]
    times = [run.seconds for run in solved] + [place.seconds for place in places]
    times += [run.time_limit for run in solved if run.time_limit is not None]
    gaps = [run.gap_percent or 0.0 for run in solved] + [place.gap_percent for place in places]
    first = max(min(times), CANVAS.earliest) * 0.8
    return Axes(first, max(max(times) * 1.1, first * 2), min([0.0, *gaps]), max([*gaps, 0.3]) * 1.1)


def _grid(axes: Axes) -> str:
    """Lines, their labels, and the titles of the axes."""
    parts = []
    for power in range(math.floor(math.log10(axes.first)), math.ceil(math.log10(axes.last)) + 1):
        for digit in (1, 2, 5):
            seconds = digit * 10.0**power
            if axes.first <= seconds <= axes.last:
                x = axes.x(seconds)
                parts.append(f'<path class="grid" d="M{x:.1f} {CANVAS.top}V{CANVAS.base}"/>')
                parts.append(_words(x, CANVAS.base + 20, f"{seconds:g}", "middle"))
    before = math.inf
    for gap in CANVAS.gaps:
        y = axes.y(gap)
        if axes.low <= gap <= axes.high and before - y >= 14:
            parts.append(f'<path class="grid" d="M{CANVAS.left} {y:.1f}H{CANVAS.end}"/>')
            parts.append(_words(CANVAS.left - 6, y + 4, f"{gap:g}", "end"))
            before = y
    parts.append(_words((CANVAS.left + CANVAS.end) / 2, CANVAS.height - 6, "seconds", "middle"))
    parts.append(
        f'<text transform="translate(14 {CANVAS.height / 2}) rotate(-90)" '
        'text-anchor="middle">gap (%)</text>'
    )
    return "".join(parts)


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _steps(places: Sequence[tuple[float, float]], axes: Axes) -> str:
    """A path that holds each value until the next, and the last to the right end."""
    if not places:
        return ""
    (seconds, gap), *rest = places
    parts = [f"{axes.x(seconds):.1f} {axes.y(gap):.1f}"]
    parts += [f"H{axes.x(seconds):.1f}V{axes.y(gap):.1f}" for seconds, gap in rest]
    return "".join(parts)


def _line(places: Sequence[Place], axes: Axes, traced: str) -> str:
    """Dashed where only final solutions are known: between them it may have been better."""
    if len(places) < 2:
        return ""
    kind = "line final" if traced == FINAL else "line"
    steps = _steps([(place.seconds, place.gap_percent) for place in places], axes)
    return f'<path class="{kind}" d="M{steps}"/>'


def _band(places: Sequence[Place], axes: Axes) -> str:
    """One standard error up and down."""
    if len(places) < 2:
        return ""
    upper = [(p.seconds, p.gap_percent + p.standard_error) for p in places]
    lower = [(p.seconds, p.gap_percent - p.standard_error) for p in places]
    back = f"L{axes.x(lower[-1][0]):.1f} {axes.y(lower[-1][1]):.1f}"
    for (_, gap), (seconds, _) in zip(lower[-2::-1], lower[:0:-1], strict=True):
        back += f"H{axes.x(seconds):.1f}V{axes.y(gap):.1f}"
    back += f"H{axes.x(lower[0][0]):.1f}"
    return f'<path class="band" d="M{_steps(upper, axes)}{back}Z"/>'


def _dot(run: Run, axes: Axes, caption: Caption) -> str:
    assert run.gap_percent is not None
    words, picture = caption(run)
    shown = "" if picture is None else f' data-picture="{picture}"'
    return (
        f'<circle class="dot" cx="{axes.x(run.seconds):.1f}" cy="{axes.y(run.gap_percent):.1f}" '
        f'r="3" data-caption="{escape(words)}"{shown}/>'
    )


def _marker(row: Row, axes: Axes) -> str:
    """A row of the table, at the median of its seconds: not every solver keeps its time limit."""
    seconds = row.seconds_median
    if row.gap_percent is None or seconds is None or not math.isfinite(row.gap_percent):
        return ""
    words = f"{row.solver}, {shown_limit(row.time_limit)} s: mean gap {row.gap_percent:.3f} %"
    if row.standard_error is not None:
        words += f" ± {row.standard_error:.3f}"
    if row.gap_median is not None:
        words += f", median {row.gap_median:.3f} %"
    return (
        f'<circle class="marker" cx="{axes.x(seconds):.1f}" cy="{axes.y(row.gap_percent):.1f}" '
        f'r="5.5" data-caption="{escape(words)}"><title>{escape(words)}</title></circle>'
    )
