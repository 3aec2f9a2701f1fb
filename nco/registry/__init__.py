"""Finds problem folders and their modules; a new folder need not be registered anywhere."""

import importlib
import importlib.util
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from nco.core.errors import NCOError

ROOT = "nco.problems"


def names() -> list[str]:
    """The problem folders of this installation; those that begin with ``_`` are shared parts."""
    package = importlib.import_module(ROOT)
    modules = pkgutil.iter_modules(package.__path__)
    return sorted(item.name for item in modules if item.ispkg and not item.name.startswith("_"))


def path(problem: str) -> Path:
    """Where a problem folder lies."""
    return Path(importlib.import_module(ROOT).__path__[0]) / problem


def module(problem: str, part: str) -> ModuleType:
    """The module `part` (``files``, ``check``, ``baseline``, ``plot``) of a problem folder."""
    if problem not in names():
        raise NCOError(f"unknown problem {problem}; there are {', '.join(names())}")
    return importlib.import_module(f"{ROOT}.{problem}.{part}")


def has(problem: str, part: str) -> bool:
    """Whether a problem folder has the optional module `part`."""
    return importlib.util.find_spec(f"{ROOT}.{problem}.{part}") is not None


def problem_class(problem: str) -> type:
    """The problem class that a folder names first in its ``__all__``."""
    if problem not in names():
        raise NCOError(f"unknown problem {problem}; there are {', '.join(names())}")
    package = importlib.import_module(f"{ROOT}.{problem}")
    found: type = getattr(package, package.__all__[0])
    return found


def is_online(problem: str) -> bool:
    """Whether a folder's solutions are policies; its classical.py then says which rules suit.

    The problem class says the same (`Online`), but knowing it takes torch.
    """
    return hasattr(module(problem, "classical"), "policies")


def folder_of(problem: Any) -> str:
    """The package that a problem object's class lives in, such as ``nco.problems.tsp``."""
    return type(problem).__module__.rpartition(".")[0]


def part_of(problem: Any, part: str) -> ModuleType | None:
    """The module `part` beside a problem's class; None where its author wrote none."""
    package = folder_of(problem)
    name = f"{package}.{part}" if package else part
    if not package or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)


def check_module(problem: Any) -> ModuleType:
    """The independent checker of a problem, which labelling cannot do without."""
    found = part_of(problem, "check")
    if found is None:
        raise NCOError(f"{folder_of(problem)} has no check.py")
    return found
