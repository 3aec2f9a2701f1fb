"""After compiling, no search for tours compiles anything, in this process and in the next ones."""

import pytest
from compiled_kernels import assert_nothing_is_compiled_twice

SEARCHES = """
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
"""


@pytest.mark.long
def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    assert_nothing_is_compiled_twice(("_common", "_routing", "tsp"), SEARCHES)
