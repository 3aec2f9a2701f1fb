"""Compiles kernels with numba; the only module that decides how."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numba
import numpy as np

from nco.problems._common.kernels import cache

F = TypeVar("F", bound=Callable[..., Any])
Whole: TypeAlias = int | np.integer[Any]  # numbers of Python and of arrays


def compiled(function: F) -> F:
    """The function compiled at its first call, from the cache where that holds it.

    It runs without the interpreter's lock. Division is that of the processor: 1 / 0 is infinity.
    With ``NUMBA_DISABLE_JIT=1`` in the environment it remains the Python function that it is.
    """
    made: F = _compile(function, {})
    return made


def kernel(function: F) -> F:
    """As `compiled`, for a function that makes no arrays: it only changes those it is given.

    numba then counts no references to them, which would take a third of the time.
    """
    made: F = _compile(function, {"_nrt": False})
    return made


def inlined(function: F) -> F:
    """As `kernel`, for a part of kernels: its code becomes part of whichever calls it."""
    made: F = _compile(function, {"_nrt": False, "forceinline": True})
    return made


def part(function: F) -> F:
    """As `inlined`, for a part that only compiled functions call: Python has no way to.

    That saves about half the time that a kernel of many parts takes to compile, and the parts'
    cache files: they are kept in those of their callers.
    """
    decorator: Any = numba.njit  # its types do not know all of its options
    decorate = decorator(
        nogil=True,
        error_model="numpy",
        forceinline=True,
        _nrt=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )
    made: F = decorate(function)
    return made


def shared(function: F) -> F:
    """As `kernel`, for a large part that several kernels call: it is compiled once for all.

    Python has no way to call it. A call costs about a tenth of a microsecond for 60 arrays, which
    are handed over one by one.
    """
    options = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: F = _compile(function, options)
    return made


def _compile(function: Callable[..., Any], options: dict[str, bool]) -> Any:
    """numba looks at its cache folder while it decorates: it is ours for just that long."""
    folder = cache.folder()
    config: Any = numba.config  # filled while it is imported
    decorator: Any = numba.njit  # its types do not know all of its options
    before = config.CACHE_DIR
    config.CACHE_DIR = "" if folder is None else str(folder)
    try:
        decorate = decorator(cache=folder is not None, nogil=True, error_model="numpy", **options)
        return decorate(function)
    finally:
        config.CACHE_DIR = before
