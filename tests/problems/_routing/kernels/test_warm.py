"""After compiling, no search compiles anything, in this process and in the next ones."""

import subprocess
import sys

LATER = """
import importlib, pkgutil
import numpy as np
from numba.core.dispatcher import Dispatcher
from nco.problems._common.kernels import cache
from nco.problems._routing import kernels
from nco.problems._routing.kernels import warm

def functions():
    for package in ("nco.problems._common.kernels", "nco.problems._routing.kernels"):
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
from nco.problems.cvrp import classical, files
random = np.random.default_rng(0)
coords = random.random((41, 2))
coords.flags.writeable = False
apart = np.linalg.norm(coords[:, None] - coords, axis=-1)
for fields in (
    {"coords": coords},
    {"coords": coords.astype(np.float32), "vehicles": 20},
    {"distances": apart},
    {"distances": (apart * 1000).astype(int)},
):
    case = files.from_arrays({"demand": [0] + [1.5, 2] * 20, "capacity": 10, **fields})
    routes = classical.sisr(case, time_limit=None, seed=1, iterations=1000)
    assert classical.sisr(case, time_limit=0.02, seed=1, start=routes, found=print)
from nco.problems.hcvrp import classical as fleets
from nco.problems.hcvrp import files as fleet_files
from nco.problems.op import classical as orienteering
from nco.problems.op import files as op_files
for fields in ({"speeds": [1, 0.5]}, {"fixed": [1, 2], "unit": [1.0, 1.5]}):
    data = {"coords": coords, "demand": [0] + [1.5, 2] * 20, "capacities": [60, 70.5], **fields}
    case = fleet_files.from_arrays(data)
    routes = fleets.sisr(case, time_limit=None, seed=1, iterations=1000)
    assert fleets.sisr(case, time_limit=0.02, seed=1, start=routes, found=print)
for fields in ({"coords": coords}, {"distances": apart}):
    case = op_files.from_arrays({"prizes": [0] + [1, 2] * 20, "limit": 3, **fields})
    route = orienteering.sisr(case, time_limit=None, seed=1, iterations=1000)
    assert orienteering.sisr(case, time_limit=0.02, seed=1, start=route, found=print)
from nco.problems.omdcpdp import classical as deliveries
from nco.problems.omdcpdp.files import Case
random = np.random.default_rng(1)
ends = [random.random((count, 2)) for count in (2, 9, 9)]
case = Case(depots=ends[0], pickups=ends[1], deliveries=ends[2], capacity=2, name="")
routes = deliveries.sisr(case, time_limit=None, seed=1, iterations=1000)
assert deliveries.sisr(case, time_limit=0.02, seed=1, start=routes, found=print)
assert signatures() == before, (before, signatures())
missed = {f.__name__: dict(f.stats.cache_misses) for f in functions() if f.stats.cache_misses}
assert not missed or cache.folder() is None, missed
"""


def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    first = "from nco.problems._routing.kernels import warm; warm.compile_kernels()"
    for code in (first, LATER):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
