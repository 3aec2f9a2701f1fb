"""One cluster on this machine for all tests of this folder that need one."""

from collections.abc import Iterator

import pytest
from cluster_nodes import Nodes, cluster, ray_or_skip


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    ray_or_skip()
    with cluster() as found:
        yield found
