"""After compiling, no search for tours compiles anything, in this process and in the next ones."""

import subprocess
import sys

LATER = """
import importlib, pkgutil
import numpy as np
from numba.core.dispatcher import Dispatcher
from nco.problems._common.kernels import cache
from nco.problems.tsp.kernels import warm

def functions():
    for package in ("_common", "_routing", "tsp"):
        package = f"nco.problems.{package}.kernels"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            name = f"{package}.{module.name}"
            for function in vars(importlib.import_module(name)).values():
                if isinstance(function, Dispatcher) and function.__module__ == name:
                    yield function

def signatures():
    return {f"{f.__module__}.{f.__name__}": len(f.signatures) for f in functions()}

warm.compile_kernels()
before = signatures()
assert sum(before.values()) > 5, before
from nco.problems.tsp import classical, files
random = np.random.default_rng(0)
coords = random.random((60, 2))
coords.flags.writeable = False
apart = np.linalg.norm(coords[:, None] - coords, axis=-1)
for fields in (
    {"coords": coords},
    {"coords": coords.astype(np.float32)},
    {"distances": apart},
    {"distances": (apart * 1000).astype(int)},
):
    case = files.from_arrays(fields)
    tour = classical.oropt(case, time_limit=None, seed=1, iterations=100)
    assert classical.oropt(case, time_limit=0.02, seed=1, start=tour, found=print)
assert signatures() == before, (before, signatures())
missed = {f.__name__: dict(f.stats.cache_misses) for f in functions() if f.stats.cache_misses}
assert not missed or cache.folder() is None, missed
"""


def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    first = "from nco.problems.tsp.kernels import warm; warm.compile_kernels()"
    for code in (first, LATER):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
