"""After compiling, no search for tours with a direction compiles anything."""

import subprocess
import sys

import pytest

LATER = """
import numpy as np
from nco.problems.atsp import classical, files
from nco.problems.atsp.kernels import search, tour, warm

def signatures():
    functions = (search.improve, search.descend, search.step, search.kick, tour.swap, tour.undo)
    return [len(function.signatures) for function in functions]

warm.compile_kernels()
before = signatures()
assert search.step.stats.cache_misses == {}, search.step.stats
for factor in (1.0, 1000):
    apart = (np.random.default_rng(0).random((40, 40)) * factor).astype(type(factor))
    case = files.from_arrays({"distances": apart})
    found = classical.oropt(case, time_limit=None, seed=1, iterations=100)
    classical.oropt(case, time_limit=0.02, seed=1, start=found, found=print)
assert signatures() == before, (before, signatures())
"""


@pytest.mark.long
def test_directed_tours_are_compiled_once() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    first = "from nco.problems.atsp.kernels import warm; warm.compile_kernels()"
    for code in (first, LATER):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
