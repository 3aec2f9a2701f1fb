"""Names that are imported when first used: `import nco` and solver children need no torch."""

import importlib
from collections.abc import Callable


def attribute(package: str, where: dict[str, str]) -> Callable[[str], object]:
    """A module ``__getattr__`` that finds each name of `where` in its sub-module."""

    def __getattr__(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package} has no attribute {name}")
        value: object = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        return value

    return __getattr__
