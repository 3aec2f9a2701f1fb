"""The curve of a training run: what was logged at which step, as a table and as a picture."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nco.core import atomic
from nco.core.errors import InstanceError

NAME, PICTURE = "curve.csv", "curve.png"
STEP, SECONDS = "step", "seconds"
ERROR = "_standard_error"  # ends the name of a metric's standard error
TRAINED = ("train/loss", "train/cost")  # what says how training goes, the best first
Row = dict[str, float]


class Curve:
    """Rows by step; each holds what was logged there, under the metrics' names.

    Args:
        rows: in any order.

    Attributes:
        rows: step to metrics; also ``seconds`` of training until there.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows: dict[int, Row] = {int(row[STEP]): row for row in rows}

    @classmethod
    def read(cls, path: Path) -> "Curve":
        """The curve of a file that `write` made.

        Raises:
            InstanceError: where it cannot be read as one.
        """
        try:
            with open(path, newline="") as file:
                rows = [
                    {key: float(value) for key, value in row.items() if value not in ("", None)}
                    for row in csv.DictReader(file)
                ]
            return cls(rows)
        except OSError as error:
            raise InstanceError(f"cannot be read: {error.strerror}", path=path) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InstanceError(f"not the curve of a run ({error})", path=path) from error

    def before(self, step: int) -> "Curve":
        """The rows up to `step`, from which a run goes on."""
        return Curve(row for at, row in self.rows.items() if at <= step)

    def add(self, step: int, seconds: float, metrics: Mapping[str, float]) -> None:
        """What was logged at a step; adds to what is there of it."""
        row = self.rows.setdefault(step, {STEP: step})
        row |= {SECONDS: round(seconds, 3), **metrics}

    @property
    def seconds(self) -> float:
        """Of training, until the last row."""
        return max((row.get(SECONDS, 0.0) for row in self.rows.values()), default=0.0)

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one metric."""
        steps = [step for step in sorted(self.rows) if name in self.rows[step]]
        return steps, [self.rows[step][name] for step in steps]

    def names(self, prefix: str = "") -> list[str]:
        """Metrics that begin so, standard errors left out."""
        every = dict.fromkeys(name for step in sorted(self.rows) for name in self.rows[step])
        kept = [name for name in every if name not in (STEP, SECONDS) and not name.endswith(ERROR)]
        return [name for name in kept if name.startswith(prefix)]

    @property
    def trained(self) -> str | None:
        """The metric that says how training goes: the loss, or the cost of what was played."""
        return next((name for name in TRAINED if self.series(name)[0]), None)

    def gaps(self) -> list[str]:
        """The validation's metrics, the main gap of each set first."""
        return sorted(self.names("val/"), key=lambda name: not name.endswith("/gap"))

    def write(self, path: Path) -> None:
        """As CSV with a column for each metric; cells are empty where nothing was logged."""
        columns = list(dict.fromkeys([STEP, SECONDS, *_every(self.rows.values())]))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        for step in sorted(self.rows):
            writer.writerow({**self.rows[step], STEP: step})
        atomic.write_text(path, text.getvalue())


def _every(rows: Iterable[Row]) -> list[str]:
    return [name for row in rows for name in row]


def draw(curves: Mapping[str, Curve]) -> bytes:
    """A PNG: each run's loss, or cost, in training, and below it the gaps of its validations.

    Args:
        curves: by the name of the run. Of several runs only the main gap of each set is drawn; bars
            are standard errors.
    """
    from matplotlib.figure import Figure  # not pyplot, which keeps figures in a global list

    figure = Figure(figsize=(7, 7), layout="constrained")
    training, gaps = figure.subplots(2, 1)
    words: dict[str, None] = {}
    for number, (name, curve) in enumerate(curves.items()):
        colour = f"C{number % 10}"
        if curve.trained is not None:
            steps, values = curve.series(curve.trained)
            training.plot(steps, values, color=colour, alpha=0.25, lw=1)
            training.plot(steps, smoothed(values), color=colour, label=name)
            words[curve.trained.removeprefix("train/")] = None
        _draw_gaps(gaps, name, curve, colour, several=len(curves) > 1)
    training.set(xlabel="step", ylabel=" or ".join(words) or "loss")
    gaps.set(xlabel="step", ylabel="gap to the reference (%)")
    for ax in (training, gaps):
        ax.grid(alpha=0.3)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(fontsize="small")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _draw_gaps(ax: Any, run: str, curve: Curve, colour: str, several: bool) -> None:
    styles = ("-", "--", ":", "-.")
    names = [name for name in curve.gaps() if name.endswith("/gap") or not several]
    for number, name in enumerate(names):
        steps, values = curve.series(name)
        errors = [curve.rows[step].get(name + ERROR, 0.0) for step in steps]
        short = name.removeprefix("val/")
        style: dict[str, Any] = {"ls": styles[number % len(styles)], "capsize": 2, "marker": "."}
        style["color"] = colour if several else f"C{number % 10}"
        ax.errorbar(steps, values, errors, label=f"{run}: {short}" if several else short, **style)


def smoothed(values: Sequence[float], share: float = 0.05) -> list[float]:
    """Means of the last values at each place: a `share` of all of them, at least one."""
    width = max(1, math.ceil(len(values) * share))
    return [
        sum(values[max(0, end - width) : end]) / min(end, width)
        for end in range(1, len(values) + 1)
    ]
