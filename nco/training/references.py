"""Reference sets by their names; one of the trained size is made at its first use, and kept."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from nco import registry
from nco.core import atomic
from nco.core.capabilities import HasCases
from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.labels import make
from nco.labels.store import LabelSpec, chunk_digests, problem_of, read_spec
from nco.solving import machine

SHIPPED = Path(str(files("nco.configs")))
OWN = "own"  # in place of a name: instances of the trained problem itself
INSTANCES, SIZES, SEED = 64, 8, 4321  # of such a set; SIZES of a problem of several sizes
NODE_SECONDS, LEAST, MOST = 0.01, 0.1, 1.0  # of its solver, for each instance


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


def sizes(description: dict[str, Any]) -> tuple[int, int] | None:
    """The least and the greatest size of a described problem; None where it has none."""
    size = (description.get("init_args") or {}).get("size")
    if isinstance(size, int):
        return size, size
    return (int(size[0]), int(size[-1])) if isinstance(size, list) and size else None


def is_unlike(names: list[str], problem: Problem[Any, Any]) -> bool:
    """Whether no reference has instances of a size that is trained."""
    trained = sizes(describe(problem))
    if trained is None or not names:
        return False
    for name in names:
        found = None if name == OWN else sizes(read_spec(folder_of(name)).problem)
        if found is None or (found[0] <= trained[1] and trained[0] <= found[1]):
            return False
    return True


def can_make(problem: Problem[Any, Any]) -> bool:
    """Whether a classical solver can make a reference set of the problem."""
    folder = registry.folder_of(problem)
    if not folder.has("classical") or not isinstance(problem, HasCases) or folder.is_online:
        return False
    return bool(folder.classical.improvers())


def own(problem: Problem[Any, Any]) -> Path:
    """The folder of a set of the problem's own instances; made where it is missing.

    The solver is the first that can improve a solution. The set is kept in the user's cache folder,
    by the problem's description and the code of its folder: who changes the rules gets another set.

    Raises:
        NCOError: where no classical solver can make it.
    """
    if not can_make(problem):
        kind = type(problem).__name__
        raise NCOError(f"references: no classical solver can make the set {OWN!r} of {kind}")
    description = describe(problem)
    size = sizes(description)
    several = size is not None and size[0] < size[1]
    seconds = min(MOST, max(LEAST, NODE_SECONDS * (size[1] if size is not None else 0)))
    spec = LabelSpec(
        description,
        registry.folder_of(problem).classical.improvers()[0],
        seconds,
        INSTANCES,
        SEED,
        chunk=INSTANCES // SIZES if several else INSTANCES,
    )
    code = [
        path.read_text("utf-8") for path in sorted(registry.folder_of(problem).path.rglob("*.py"))
    ]
    digest = atomic.sha256(json.dumps([spec.__dict__, code], sort_keys=True).encode())[:12]
    folder = machine.path().parent / "references" / f"{type(problem).__name__.lower()}-{digest}"
    if not (folder / "set.json").exists() or chunk_digests(folder) is None:
        print(
            f"nco: makes {INSTANCES} instances of the trained kind to validate on, solved by "
            f"{spec.solver} in {seconds:g} s each; they are kept in {folder}",
            file=sys.stderr,
        )
        make.fill(spec, folder, 1, lambda done: None)
    return folder
