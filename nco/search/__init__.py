"""Searches: each is a generator of better solutions, one file each.

``def search(problem, policy, instance, budget, start=None) -> Iterator[Incumbent]``, in the file of
its own name. `nco.solve` consumes until the deadline, Ctrl-C or the end, and keeps the best; so a
search may be as long as it likes. `start` is the best that is known already, if anything is. Which
searches suit a network its policy says (`Policy.searches`).
"""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from nco.search.budget import Incumbent

Search = Callable[..., Iterator[Incumbent]]


def named(name: str) -> Search:
    """The search of that name."""
    module: Any = importlib.import_module(f"nco.search.{name}")
    found: Search = getattr(module, name)
    return found
