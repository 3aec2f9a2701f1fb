"""Finds problem folders; a new folder need not be registered anywhere.

>>> from nco import registry
>>> registry.folder("tsp").files.SUFFIX
'.tsp'
"""

import functools
import importlib
import os
import pkgutil
import sys
from typing import Any

from nco.core import describe
from nco.core.errors import NCOError, did_you_mean
from nco.registry.folders import ROOT, Folder


def names() -> list[str]:
    """The problem folders of this installation; those that begin with ``_`` are shared parts."""
    package = importlib.import_module(ROOT)
    return list(_names(tuple((path, os.stat(path).st_mtime_ns) for path in package.__path__)))


@functools.lru_cache(maxsize=1)
def _names(folders: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Looked for again when a folder changes: it takes as long as reading a small instance."""
    modules = pkgutil.iter_modules([path for path, _ in folders])
    return tuple(
        sorted(item.name for item in modules if item.ispkg and not item.name.startswith("_"))
    )


@functools.cache
def folder(problem: str) -> Folder:
    """The folder of a problem by its name.

    Args:
        problem: of a folder of this installation; or the full name of an importable package with
            the same parts, such as ``my_problems.mtsp``, whose cases have that name as well.

    Raises:
        NCOError: where there is none.
    """
    if problem in names():
        return Folder(f"{ROOT}.{problem}")
    _check_foreign(problem)
    describe.allow(problem)  # named by the user, whose it is
    return Folder(problem)


def _check_foreign(problem: str) -> None:
    """Refuses what is no package that states ``PROBLEM``, and says what it is.

    Raises:
        NCOError: in one line.
    """
    try:
        package = importlib.import_module(problem)
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{problem}.".startswith(f"{error.name}."):
            raise NCOError(f"{problem}: cannot be imported ({error})") from error
        parent, _, last = problem.rpartition(".")
        if parent and error.name == problem and hasattr(sys.modules.get(parent), last):
            what = f"{problem} is a class, which has neither checker nor solvers"
            raise NCOError(f"{what}: give the package that it lies in") from error
        near = did_you_mean(problem, names())
        there = f"there are {', '.join(names())}, and importable packages"
        raise NCOError(f"unknown problem {problem};{near} {there}") from error
    except (ImportError, TypeError, ValueError) as error:  # relative, empty, or fails inside
        raise NCOError(f"{problem}: cannot be imported ({error})") from error
    if not hasattr(package, "__path__") or not hasattr(package, "PROBLEM"):
        reason = "is no package whose __init__.py states PROBLEM"
        raise NCOError(f"unknown problem {problem}: it {reason}")


def folder_of(problem: Any) -> Folder:
    """The package that a problem object's class lives in, wherever its author keeps it.

    It has the parts that lie beside the class; a class in a module without a package has none.
    """
    return Folder(type(problem).__module__.rpartition(".")[0])
