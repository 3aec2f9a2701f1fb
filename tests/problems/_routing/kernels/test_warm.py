"""After compiling, no search compiles anything, in this process and in the next ones."""

import pytest
from compiled_kernels import assert_nothing_is_compiled_twice

SEARCHES = """
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
"""


@pytest.mark.long
def test_nothing_is_compiled_twice() -> None:
    """A second process reads all that it calls from the cache; more searches compile nothing."""
    assert_nothing_is_compiled_twice(("_common", "_routing"), SEARCHES)
