"""Names that are imported when first used: `import nco` and solver children need no torch."""

import importlib
import time
from collections.abc import Callable

JUST = 0.01  # seconds after an import in which a call still belongs to it
_waited = [0.0, 0.0]  # readings of the clock: the last import of a name, from and to


def attribute(package: str, where: dict[str, str]) -> Callable[[str], object]:
    """A module ``__getattr__`` that finds each name of `where` in its sub-module."""

    def __getattr__(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package} has no attribute {name}")
        begun = time.perf_counter()
        found = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        _waited[:] = begun, time.perf_counter()
        return found

    return __getattr__


def called() -> float:
    """When a call that is just beginning began for the caller, who also waited for its import."""
    now = time.perf_counter()
    begun, ended = _waited
    return begun if now - ended < JUST else now
