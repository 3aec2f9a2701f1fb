"""Pictures of solutions, small enough to travel inside a report."""

import base64
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nco.benchmark.runs import Run
from nco.core.case import Case
from nco.solving import drawing


@dataclass(frozen=True)
class Room:
    """What pictures may take in a report, so that browsers open it at once.

    Attributes:
        pictures: different ones.
        characters: of one; what would be larger is kept in pixels.
        together: characters of all of them.
        dots: pixels an inch of those that are kept in pixels.
    """

    pictures: int = 150
    characters: int = 120_000
    together: int = 8_000_000
    dots: int = 80


ROOM = Room()
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters as letters and not as curves
    "svg.hashsalt": "nco",  # the same picture twice is the same text
    "text.parse_math": False,  # a name with dollar signs is no formula
}
ATTRIBUTE = re.compile(r'\b(d|x|y)="([^"]*)"')
DECIMALS = re.compile(r"(\.\d)\d+")


class Album:
    """The pictures of a report's runs; equal solutions share one.

    Args:
        cases: instances by (problem, name).
    """

    def __init__(self, cases: Mapping[tuple[str, str], Case]) -> None:
        self.pictures: list[str] = []  # SVG, or a data URI of a PNG
        self.left_out = 0  # solutions that there was no room for
        self._cases = cases
        self._known: dict[tuple[str, str, str], int | None] = {}
        self._size = 0

    def number(self, run: Run) -> int | None:
        """The place of a run's picture in `pictures`; None where it has none.

        Policies have none: most problems can only draw what was done in one future.
        """
        case = self._cases.get((run.problem, run.instance))
        policy = run.cost_standard_error is not None
        if case is None or run.cost is None or run.solution is None or policy:
            return None
        key = (run.problem, run.instance, json.dumps(run.solution, default=str))
        if key not in self._known:
            self._known[key] = self._add(case, run.solution)
        return self._known[key]

    def _add(self, case: Case, solution: Any) -> int | None:
        if len(self.pictures) == ROOM.pictures or self._size > ROOM.together:
            self.left_out += 1
            return None
        picture = draw(case, solution)
        self._size += len(picture)
        self.pictures.append(picture)
        return len(self.pictures) - 1


def draw(case: Case, solution: Any) -> str:
    """The problem's own picture of a solution: SVG, or the data URI of a PNG where that is smaller.

    A picture that cannot be drawn shows why instead: a report is not lost for it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.4), layout="constrained")
        ax = figure.add_subplot()
        try:
            drawing.draw(case, solution, ax)
            text = _svg(figure)
        except Exception as error:
            return _svg(_excuse(f"not drawn: {type(error).__name__}: {error}"))
        return text if len(text) <= ROOM.characters else _png(figure)


def _excuse(message: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 1.0))
    figure.text(0.02, 0.5, message[:70], fontsize=8, va="center")
    return figure


def _svg(figure: Any) -> str:
    """Without metadata, and coordinates in tenths of a point."""
    data = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(data, format="svg", metadata=nothing)
    text = data.getvalue()
    text = text[text.index("<svg") :]
    return ATTRIBUTE.sub(_shortened, text)


def _shortened(match: re.Match[str]) -> str:
    name, value = match.groups()
    numbers = DECIMALS.sub(r"\1", value).replace(".0 ", " ")
    return f'{name}="{" ".join(numbers.split())}"'


def _png(figure: Any) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=ROOM.dots)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
