"""The cards of the shipped models, and what they say of time and quality; free of torch."""

import functools
import json
import math
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from nco.core.case import Case
from nco.core.errors import NCOError, did_you_mean

FORMAT = 2  # 1 is that of nco 0.1, whose networks were told less of a problem
NO_MODEL = "none"  # in place of a name: no network
ABOUT = 1.5  # times as long is still about as fast
FOLDER = Path(str(files("nco.models"))) / "zoo"


def available() -> dict[str, dict[str, Any]]:
    """The shipped models: name to card."""
    return {path.parent.name: read_card(path) for path in sorted(FOLDER.glob("*/card.json"))}


def read_card(path: Path) -> dict[str, Any]:
    """The contents of a model's card.

    Raises:
        NCOError: where it is none, or one of another version of nco.
    """
    try:
        card: dict[str, Any] = json.loads(path.read_text())
        version = card["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NCOError(f"{path}: not a model card ({error})") from error
    if version == 1:
        raise NCOError(f"{path}: a card of nco 0.1, which this version does not read: train anew")
    if version != FORMAT:
        raise NCOError(f"{path}: format {version}, but this version reads {FORMAT}: update nco")
    return card


def locate(name: str | Path) -> Path:
    """The file of a shipped model's card, of a model folder's, or a training checkpoint.

    Raises:
        NCOError: where there is none, with a name that it may stand for.
    """
    path = Path(name)
    if path.suffix == ".ckpt":
        if not path.is_file():
            raise NCOError(f"model {name}: no such checkpoint")
        return path
    for file in (path / "last.ckpt", FOLDER / name / "card.json", path / "card.json"):
        if file.exists():
            return file
    if path.is_dir():
        raise NCOError(f"model {name}: this folder has neither card.json nor last.ckpt")
    if path.exists():
        raise NCOError(f"model {name}: a file, but no checkpoint (.ckpt); name a model's folder")
    near = did_you_mean(str(name), available()) or " nco models lists those that ship"
    raise NCOError(f"model {name}: neither shipped nor a folder with card.json;{near}")


def title(file: Path) -> str:
    """What a model of that file is called: its folder's name, or a checkpoint's path."""
    return str(file) if file.suffix == ".ckpt" else file.parent.name


def check(name: str, problem: str) -> None:
    """An error unless there is a model of that name; a card also tells whether of `problem`."""
    file = locate(name)
    if file.suffix == ".json":
        path = str(read_card(file)["problem"]["class_path"])
        if path.startswith("nco.problems.") and path.split(".")[2] != problem:
            raise NCOError(f"model {name} is not one for {problem}")


def _measured(case: Case) -> dict[str, list[dict[str, Any]]]:
    """The shipped models for `case` with their measurements: none for a variant of a problem."""
    if case.variant:
        return {}
    return {name: card.get("measured", []) for name, card in of_problem(case.problem).items()}


@functools.lru_cache
def of_problem(problem: str) -> dict[str, dict[str, Any]]:
    """The shipped models of a problem folder with their cards."""
    prefix = f"nco.problems.{problem}."
    return {
        name: card
        for name, card in available().items()
        if str(card["problem"]["class_path"]).startswith(prefix)
    }


def seconds(rows: list[dict[str, Any]], size: int) -> float:
    """What the first search takes at `size`.

    Between two measurements on a straight line of the logarithms, beyond the last one as the square
    of the size: a network that looks at so many neighbours only grows much more slowly than that.
    """
    known: dict[int, float] = {}
    for row in rows:
        known[int(row["size"])] = float(row["seconds_per_instance"])
    smaller = max((at for at in known if at <= size), default=None)
    larger = min((at for at in known if at >= size), default=None)
    if smaller is None or larger is None or smaller == larger:
        at = larger if smaller is None else smaller
        return math.inf if at is None else known[at] * (max(size, 1) / at) ** 2
    share = math.log(size / smaller) / math.log(larger / smaller)
    return known[smaller] ** (1 - share) * known[larger] ** share


def fastest(case: Case) -> str | None:
    """The shipped model whose first search is through first; None of none.

    A better one is preferred that takes up to ABOUT times as long.
    """
    found = {name: (seconds(rows, case.size), rows) for name, rows in _measured(case).items()}
    least = min((takes for takes, _ in found.values()), default=0.0)
    quick = [
        (*_nearest(rows, case.size), takes, name)
        for name, (takes, rows) in found.items()
        if takes <= ABOUT * least
    ]
    return min(quick)[-1] if quick else None


def _nearest(rows: list[dict[str, Any]], size: int) -> tuple[float, float]:
    """How far the nearest measured size is, on a logarithmic scale, and the gap there."""
    found = [
        (abs(math.log(max(size, 1) / int(row["size"]))), float(row["gap_percent"])) for row in rows
    ]
    return min(found, default=(math.inf, math.inf))


def first_seconds(case: Case, name: str) -> float:
    """What the first search of a shipped model takes."""
    return seconds(_measured(case)[name], case.size)


def may_play(cases: Iterable[Case], model: str) -> bool:
    """Whether `model` may be a network for any of `cases`: whether it is worth loading torch."""
    if model == "auto":
        return any(fastest(case) is not None for case in cases)
    return model != NO_MODEL


def choose(case: Case) -> str | None:
    """The shipped model for `case` with the least measured gap near its size; None of none.

    Each card lists measurements ``{"size": n, "gap_percent": g, "seconds_per_instance": s, ...}``;
    a model is judged by the one whose size is nearest on a logarithmic scale.
    """
    ranked = [(*_nearest(rows, case.size), name) for name, rows in _measured(case).items()]
    return min(ranked)[-1] if ranked else None
