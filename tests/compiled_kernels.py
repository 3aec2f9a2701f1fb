"""Shows that after a package's kernels have been compiled, no search compiles anything more."""

import subprocess
import sys

FUNCTIONS = """
import importlib, pkgutil
import numpy as np
from numba.core.dispatcher import Dispatcher
from nco.problems._common.kernels import cache

def functions():
    for package in {packages}:
        package = f"nco.problems.{{package}}.kernels"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            name = f"{{package}}.{{module.name}}"
            for function in vars(importlib.import_module(name)).values():
                if isinstance(function, Dispatcher) and function.__module__ == name:
                    yield function

def signatures():
    return {{f"{{f.__module__}}.{{f.__name__}}": len(f.signatures) for f in functions()}}
"""
AFTER = """
assert signatures() == before, (before, signatures())
missed = {f.__name__: dict(f.stats.cache_misses) for f in functions() if f.stats.cache_misses}
assert not missed or cache.folder() is None, missed
"""


def assert_nothing_is_compiled_twice(packages: tuple[str, ...], searches: str) -> None:
    """Compiles in one process; in a second one all is read from the cache, also by searches.

    Args:
        packages: of `nco.problems`, whose kernels are called; the last one's are compiled.
        searches: Python that runs them; numpy is there as ``np``.
    """
    warm = f"from nco.problems.{packages[-1]}.kernels import warm; warm.compile_kernels()\n"
    before = "before = signatures()\nassert sum(before.values()) > 1, before\n"
    later = FUNCTIONS.format(packages=packages) + warm + before + searches + AFTER
    for code in (warm, later):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
