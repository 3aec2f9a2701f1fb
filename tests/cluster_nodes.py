"""A Ray cluster of several nodes on this machine, for tests: small and quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

STORE = 80 * 2**20  # bytes of shared memory of a node; Ray's least is 75 MiB
STARTS = 3  # of a node, that may time out
TESTS = str(Path(__file__).parent)


def ray_or_skip() -> None:
    """Skips a module where Ray is absent."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nco-solver[ray]'")


class Nodes:
    """A cluster whose nodes come and go as a test wants.

    Attributes:
        address: of its head, which has no CPU and so no host.
    """

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster: Any = Cluster()
        self._start(num_cpus=0, include_dashboard=False)
        self.address: str = self._cluster.address
        self.nodes: list[Any] = []

    def add(self, cpus: int = 1) -> Any:
        node = self._start(num_cpus=cpus)
        self.nodes.append(node)
        return node

    def _start(self, **options: Any) -> Any:
        """Ray gives a node 30 seconds to begin, which on a busy machine may be too short."""
        for _ in range(STARTS - 1):
            try:
                return self._cluster.add_node(object_store_memory=STORE, **options)
            except Exception as error:
                if "timed out during startup" not in str(error):
                    raise
        return self._cluster.add_node(object_store_memory=STORE, **options)

    def kill(self, node: Any) -> None:
        """As by a power cut: none of its processes has time for anything."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def resize(self, count: int) -> None:
        """So many nodes, whatever the test before has left."""
        while len(self.nodes) > count:
            self.kill(self.nodes[-1])
        while len(self.nodes) < count:
            self.add()

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def cluster() -> Iterator[Nodes]:
    """The cluster, connected to by this process; its workers find the tests' modules."""
    from nco.cluster.connect import ray

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([TESTS, *([before] if before else [])])
    module = ray()
    nodes = Nodes()
    try:
        nodes.add()
        module.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
        yield nodes
    finally:
        module.shutdown()
        nodes.close()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
