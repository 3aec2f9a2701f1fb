"""After compiling, no search compiles anything, in this process and in the next ones."""

import pytest
from compiled_kernels import assert_nothing_is_compiled_twice

SEARCHES = """
import sys
sys.path.insert(0, {folder!r})
from rich_cases import KINDS, make
from nco.problems.vrp.solvers.searching import sisr
for kind in KINDS:
    case = make(kind)
    plan = sisr(case, time_limit=None, seed=1, iterations=200)
    assert sisr(case, time_limit=0.02, seed=1, start=plan, found=print)
"""


@pytest.mark.long
def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    folder = __file__.rpartition("/")[0]
    packages = "_common", "_routing", "vrp"
    assert_nothing_is_compiled_twice(packages, SEARCHES.format(folder=folder))
