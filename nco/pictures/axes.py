"""Axes that people read: plain numbers, no powers of ten, no offsets."""

from typing import TYPE_CHECKING, Any

from nco.core.words import number as number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

ROOMY = 4.0  # inches
TICKS, LABELLED = 0.25, 0.45  # inches that numbers take below axes, and a label below these


def plain(ax: "Axes", whole_x: bool = False, whole_y: bool = False, most: int = 9) -> None:
    """Gives both axes plain numbers at round places.

    Args:
        ax: with linear scales.
        whole_x, whole_y: whether only whole numbers mean anything (periods, machines).
        most: intervals between ticks.
    """
    for axis, whole in ((ax.xaxis, whole_x), (ax.yaxis, whole_y)):
        _plain(axis, whole, most)


def _plain(axis: "Axis", whole: bool, most: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    steps = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
    axis.set_major_locator(MaxNLocator(most, steps=steps, integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.12g}"))))


def entitle(ax: "Axes", words: str) -> None:
    """The title, in which a dollar sign is a dollar sign."""
    ax.set_title(words, parse_math=False)


def figure(value: float) -> str:
    """A measured number to five digits: ``1,234.6``, ``0.012346``."""
    return number(float(f"{value:.5g}")) if abs(value) < 1e5 else number(float(f"{value:.0f}"))


def roomy(ax: "Axes") -> bool:
    """Whether there is room for a legend of more than a few lines below the axes."""
    return bool(ax.figure.get_figwidth() * ax.get_position().width > ROOMY)  # type: ignore[union-attr]


def legend_below(ax: "Axes", columns: int) -> None:
    """A legend below the axes, their ticks and label, where it covers nothing."""
    from matplotlib.transforms import ScaledTranslation

    figure: Any = ax.figure
    inches = LABELLED if ax.get_xlabel() else TICKS
    legend = ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, -inches, figure.dpi_scale_trans),
        ncols=columns,
        fontsize="small",
        frameon=False,
        handlelength=1.6,
        columnspacing=1.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def shortened(text: str, most: int) -> str:
    """A name with at most so many characters, the last a sign that some are missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
