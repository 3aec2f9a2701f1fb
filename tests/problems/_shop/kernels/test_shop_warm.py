"""After compiling, no search compiles anything, in this process and in the next ones."""

import subprocess
import sys

import pytest

LATER = """
import sys
from nco.problems.ffsp import classical as flow, files as flow_files
from nco.problems.fjsp import classical as flexible, files as flexible_files
from nco.problems.jssp import classical, files
assert "numba" not in sys.modules
from nco.problems._common.kernels import cache
from nco.problems._shop.kernels import warm
from nco.problems._shop.kernels.search import proceed
warm.compile_kernels()
assert len(proceed.signatures) == 1, proceed.signatures
for solvers, case in (
    (classical, files.read("2 3\\n0 3 1 2 2 2\\n0 2 2 1 1 4\\n")),
    (flexible, flexible_files.from_arrays({"jobs": [[[(0, 2)], [(1, 1)]], [[(0, 1), (1, 4)]]]})),
    (flow, flow_files.read("FFSP 3 2\\n2 1\\n3 4\\n5 5\\n2 9\\n6\\n7\\n1\\n")),
):
    solve = solvers.solvers()["tabu"].solve
    assert solvers.solvers()["tabu"].kernels == warm.__name__
    plan = solve(case, time_limit=None, seed=1, iterations=1000)
    assert solve(case, time_limit=0.02, seed=2**40, start=plan, found=print)
assert len(proceed.signatures) == 1, proceed.signatures
assert not proceed.stats.cache_misses or cache.folder() is None, proceed.stats
"""


@pytest.mark.long
def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    first = "from nco.problems._shop.kernels import warm; warm.compile_kernels()"
    for code in (first, LATER):
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
