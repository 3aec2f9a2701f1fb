"""Objects as plain data, ``{"class_path": ..., "init_args": {...}}`` as in Lightning's CLI.

Checkpoints and cards hold only such descriptions, so they load with ``weights_only=True`` whether
the objects were made by a YAML file or in Python. A class that derives from `Described` remembers
the arguments of its own construction; of a dataclass they are its fields.
"""

import dataclasses
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from nco.core.errors import NCOError
from nco.core.versions import refuse_class

DESCRIPTION = "nco"  # a checkpoint's key that holds the description of what was trained
IMPORT = "NCO_IMPORT"  # environment: modules and packages that may be imported, between commas
PLAIN = (str, int, float, bool, type(None))


class Described:
    """Mixin: every instance can be turned into a description and back."""

    _init_args: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in cls.__dict__:
            setattr(cls, "__init__", _remembering(cls.__dict__["__init__"]))  # noqa: B010


def _remembering(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_init_args" not in self.__dict__:  # the outermost class wins over its parents
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            arguments.pop("self")
            # nn.Module refuses plain attributes before its own __init__; the dict does not
            self.__dict__["_init_args"] = arguments
        init(self, *args, **kwargs)

    return wrapped


def arguments_of(value: Described) -> dict[str, Any]:
    """The arguments that `value` was constructed with, defaults included, by name."""
    if dataclasses.is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    return dict(value.__dict__.get("_init_args", {}))


def describe(value: Any) -> Any:
    """Plain data (dict, list, str, int, float, bool, None) that `construct` turns back."""
    if isinstance(value, Described):
        return {
            "class_path": f"{type(value).__module__}.{type(value).__qualname__}",
            "init_args": {name: describe(item) for name, item in arguments_of(value).items()},
        }
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        return {str(name): describe(item) for name, item in value.items()}
    raise NCOError(f"{value!r} cannot be stored in a checkpoint: pass plain values or Described")


def allow(module: str) -> None:
    """Has `construct` import a module, or what lies in a package; later child processes, too."""
    names = os.environ.get(IMPORT, "").split(",")
    os.environ[IMPORT] = ",".join(dict.fromkeys([*filter(None, names), module]))


def _allowed() -> tuple[str, ...]:
    """Prefixes of the class paths that the user has named."""
    names = map(str.strip, os.environ.get(IMPORT, "").split(","))
    return tuple(f"{name}." for name in names if name)


def construct(description: Any, trusted: tuple[str, ...] = ("nco.",)) -> Any:
    """The object of a description.

    Importing a class runs its module, so a downloaded card must not be able to name just any: only
    modules that begin with a `trusted` prefix are imported, and classes of other modules are found
    where the program has imported them itself, or the user has named them (`allow`).
    """
    if isinstance(description, list):
        return [construct(item, trusted) for item in description]
    if not isinstance(description, dict):
        return description
    if "class_path" not in description or set(description) - {"class_path", "init_args"}:
        return {name: construct(item, trusted) for name, item in description.items()}
    path = str(description["class_path"])
    refuse_class(path)
    module, _, name = path.rpartition(".")
    if not path.startswith((*trusted, *_allowed())) and module not in sys.modules:
        reason = (
            f"{path} is not part of nco: import {module} yourself first if you trust it; on the "
            f"command line --import {module}"
        )
        raise NCOError(reason)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise NCOError(f"{path} cannot be imported ({error})") from error
    if not (isinstance(found, type) and issubclass(found, Described)):
        raise NCOError(f"{path} is not a Described class of this version")
    given = construct(dict(description.get("init_args") or {}), trusted)
    try:
        inspect.signature(found).bind(**given)
    except TypeError as error:
        raise NCOError(f"{path} of this version takes other arguments ({error})") from error
    return found(**given)
