"""Finds problem folders; a new folder need not be registered anywhere.

>>> from nco import registry
>>> registry.folder("tsp").files.SUFFIX
'.tsp'
"""

import functools
import importlib
import pkgutil
from typing import Any

from nco.core.errors import NCOError, did_you_mean
from nco.registry.folders import Folder

ROOT = "nco.problems"


def names() -> list[str]:
    """The problem folders of this installation; those that begin with ``_`` are shared parts."""
    package = importlib.import_module(ROOT)
    modules = pkgutil.iter_modules(package.__path__)
    return sorted(item.name for item in modules if item.ispkg and not item.name.startswith("_"))


@functools.cache
def folder(problem: str) -> Folder:
    """The folder of a problem by its name.

    Raises:
        NCOError: where there is none.
    """
    if problem not in names():
        near = did_you_mean(problem, names())
        raise NCOError(f"unknown problem {problem};{near} there are {', '.join(names())}")
    return Folder(f"{ROOT}.{problem}")


def folder_of(problem: Any) -> Folder:
    """The package that a problem object's class lives in, wherever its author keeps it.

    It has the parts that lie beside the class; a class in a module without a package has none.
    """
    return Folder(type(problem).__module__.rpartition(".")[0])
