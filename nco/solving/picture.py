"""The file of an answer's picture: in a format of matplotlib, or an HTML page."""

import io
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.solving import tabular
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nco.solving.solution import Solution

SQUARE = (6.0, 6.0)  # inches
BELOW, ROW, MOST = 1.2, 0.22, 9.0  # inches of a timeline, of each of its rows, and at most
DOTS = 150  # an inch, of pictures in pixels
PAGE = "html"


@runtime_checkable
class Sized(Protocol):
    """A ``plot.py`` whose pictures are not square."""

    def size(self, case: Case, /) -> tuple[float, float]:
        """Width and height in inches."""


@runtime_checkable
class PlotsTimes(Protocol):
    """A ``plot.py`` that also draws when everything happens, below the picture of where."""

    def rows(self, case: Case, solution: Any, /) -> int:
        """Rows of the timeline; 0 where there is none."""

    def timeline(self, case: Case, solution: Any, ax: "Axes", /) -> None:
        """Draws it on axes of their own."""


def size(case: Case) -> tuple[float, float]:
    """Width and height in inches of the figure that suits a case."""
    plot: Any = registry.folder(case.problem).plot
    return plot.size(case) if isinstance(plot, Sized) else SQUARE


def written(solution: "Solution", ending: str) -> bytes:
    """A file with the picture of an answer.

    Args:
        solution: with a case.
        ending: ``html``, or a format of matplotlib such as ``png``, ``svg`` and ``pdf``.

    Raises:
        NCOError: where the problem has no files, so that there is nothing to draw.
    """
    case = solution.case
    if case is None:
        raise NCOError(f"{solution.problem} has no files.py: its solutions cannot be plotted")
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False}):  # a name may have dollar signs
        if ending.lower() == PAGE:
            return _page(solution, case).encode("utf-8", "replace")
        data = io.BytesIO()
        _figure(case, solution.solution, 100).savefig(data, format=ending.lower(), dpi=DOTS)
    return data.getvalue()


def _figure(case: Case, solution: Any, dots: int) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(dpi=dots, layout="constrained")
    draw_all(case, solution, figure)
    return figure


def draw_all(case: Case, solution: Any, figure: "Figure") -> "Axes":
    """The picture of a solution on an empty figure, with its timeline below where it has one.

    Returns: the axes of the picture.
    """
    from nco.solving import drawing

    width, height = size(case)
    plot: Any = registry.folder(case.problem).plot
    rows = plot.rows(case, solution) if isinstance(plot, PlotsTimes) else 0
    below = min(BELOW + ROW * rows, MOST) if rows else 0.0
    figure.set_size_inches(width, height + below)
    if not rows:
        ax = figure.add_subplot()
        drawing.draw(case, solution, ax)
        return ax
    ax, under = figure.subplots(2, 1, height_ratios=[height, below])
    drawing.draw(case, solution, ax)
    plot.timeline(case, solution, under)
    return ax


def _page(solution: "Solution", case: Case) -> str:
    from nco.pictures import page

    figure = _figure(case, solution.solution, page.DOTS)
    words = str(solution).splitlines()
    words[0] = words[0].removeprefix(f"{solution.name} ")
    return page.page(figure, solution.name, words, _table(solution, case))


def _table(solution: "Solution", case: Case) -> Table | None:
    """The table of an answer; None where the problem has none, or the policy is none."""
    try:
        return tabular.table_of(case, solution.solution, solution.orders)
    except tabular.NoTable:
        return None
