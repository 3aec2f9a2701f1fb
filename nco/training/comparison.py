"""Training runs side by side, from the files in their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nco.core.errors import NCOError
from nco.training import folder
from nco.training.curve import ERROR, NAME, Curve, smoothed


@dataclass(frozen=True)
class RunRow:
    """One run in the table of a comparison.

    Attributes:
        folder: of the run; run: the folder's name.
        method, problem: names of the classes.
        steps, minutes: of training.
        train: the loss, or of methods that log none the cost: the mean of the last twentieth.
        metric: the validation that `gap` is of; None where there was none.
        gap, standard_error: of the last validation, in percent; best: the least one of all.
        curve: all that was logged.
    """

    folder: Path
    run: str
    method: str
    problem: str
    steps: int
    minutes: float
    train: float | None
    metric: str | None
    gap: float | None
    standard_error: float | None
    best: float | None
    curve: Curve


def read(paths: Sequence[Path], metric: str | None = None) -> list[RunRow]:
    """The runs in these folders.

    Args:
        paths: of folders; those without a run, such as Lightning's logs, are passed over.
        metric: such as ``tsp50/gap``; None: the first gap that all runs have, else of each its own
            first one.

    Raises:
        NCOError: where none of them is the folder of a run, one does not exist, or no run has the
            metric.
    """
    curves = {path: Curve.read(path / NAME) for path in paths if _is_run(path)}
    if not curves and (alone := without_curve(paths)):
        raise NCOError(f"{alone[0]}: holds a checkpoint, but not the {NAME} that `nco fit` writes")
    if not curves:
        raise NCOError(f"no folder holds a run: none has the {NAME} that `nco fit` writes")
    if metric is None:
        metric = _common(list(curves.values()))
    else:
        metric = f"val/{metric.removeprefix('val/')}"
        every = dict.fromkeys(name for curve in curves.values() for name in curve.gaps())
        if metric not in every:
            shown = ", ".join(name.removeprefix("val/") for name in every) or "none"
            raise NCOError(f"{metric.removeprefix('val/')}: no run has it; there are {shown}")
    return [_row(path, curve, metric) for path, curve in curves.items()]


def _is_run(path: Path) -> bool:
    """Whether a folder holds the curve of a run."""
    if not path.is_dir():
        raise NCOError(f"{path}: there is no such folder")
    return (path / NAME).is_file()


def without_curve(paths: Sequence[Path]) -> list[Path]:
    """The folders with a checkpoint but no curve: runs that were stopped in their first steps."""
    bare = [path for path in paths if path.is_dir() and not (path / NAME).is_file()]
    return [path for path in bare if folder.checkpoints(path)]


def _common(curves: Sequence[Curve]) -> str | None:
    """The first gap that all runs have."""
    names = curves[0].gaps() if curves else []
    return next((name for name in names if all(name in curve.gaps() for curve in curves)), None)


def _row(path: Path, curve: Curve, metric: str | None) -> RunRow:
    method, problem = _classes(path)
    trained = [] if curve.trained is None else curve.series(curve.trained)[1]
    name = metric if metric is not None else next(iter(curve.gaps()), None)
    steps, values = curve.series(name) if name is not None else ([], [])
    last = curve.rows[steps[-1]] if steps else {}
    return RunRow(
        folder=path,
        run=path.name,
        method=method,
        problem=problem,
        steps=max(curve.rows, default=0),
        minutes=curve.seconds / 60,
        train=smoothed(trained)[-1] if trained else None,
        metric=None if name is None else name.removeprefix("val/"),
        gap=values[-1] if values else None,
        standard_error=last.get(f"{name}{ERROR}"),
        best=min(values, default=None),
        curve=curve,
    )


def _classes(path: Path) -> tuple[str, str]:
    """The method's and the problem's class, as the run's configuration names them."""
    try:
        config: Any = yaml.safe_load((path / "config.yaml").read_text())
        model = config["model"]
        names = (model["class_path"], model["init_args"]["problem"]["class_path"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return "", ""
    return tuple(str(name).rpartition(".")[2] for name in names)  # type: ignore[return-value]
