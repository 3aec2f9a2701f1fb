"""Reference sets by their names."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from nco import registry
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.labels.store import problem_of, read_spec

SHIPPED = Path(str(files("nco.configs")))


def folder_of(reference: str) -> Path:
    """The folder of a labelled set, or of one that ships by its name."""
    shipped = SHIPPED / "references" / reference
    return shipped if shipped.exists() else Path(reference)


def refuse_other(folder: Path, problem: Problem[Any, Any]) -> None:
    """Raises NCOError where a set is of another problem folder than `problem`."""
    own = registry.folder_of(problem_of(read_spec(folder), folder))
    asked = registry.folder_of(problem)
    if own != asked:
        kind = type(problem).__name__
        raise NCOError(f"{folder}: instances of {own.name}, but the model is one of {kind}")
