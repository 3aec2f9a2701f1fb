"""The hosts of a Ray cluster: one actor on each node, which holds processes and models."""

import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nco import __version__
from nco.cluster.connect import in_one_line
from nco.cluster.dispatch import Event
from nco.cluster.task import Hand, Task, Work
from nco.core.errors import NCOError

LOOK = 2.0  # seconds between two looks for nodes that came or went
STARTS = 3  # of a host on one node that fail, until the node is given up
LEAST = 1.0  # CPUs of a node that is used: the head of many clusters has none


class Host:
    """The actor: does blocks of tasks on its node, one after the other."""

    def __init__(self, work: Work, cores: int) -> None:
        self._hand: Hand = work.open(cores)

    def version(self) -> str:
        """Of the package; the first call returns when the host is ready."""
        return __version__

    def do(self, packed: bytes) -> bytes:
        """The answers, and the seconds that they took.

        Both ways as bytes: arrays that Ray itself unpacks cannot be written to.
        """
        from ray import cloudpickle

        begin = time.perf_counter()
        answers = self._hand.do(*pickle.loads(packed))
        return bytes(cloudpickle.dumps((answers, time.perf_counter() - begin)))


@dataclass
class _Node:
    """One node of the cluster.

    Attributes:
        name: to show.
        cores: of its host.
        actor: the host, or None.
        greeting: the first call of a host that is not ready yet, or None.
        failures: hosts that did not get ready; why: the last one's reason.
        given_up: no host is begun here any more.
    """

    name: str
    cores: int
    actor: Any = None
    greeting: Any = None
    failures: int = 0
    why: str = ""
    given_up: bool = False

    @property
    def ready(self) -> bool:
        return self.actor is not None and self.greeting is None


class RayFleet:
    """A `nco.cluster.dispatch.Fleet` of Ray actors; nodes that join later are used too.

    Args:
        ray: the module, connected.
        work: what hosts do.
        cores: of each node at most; None: all that Ray counts there.
    """

    def __init__(self, ray: Any, work: Work, cores: int | None = None) -> None:
        self._ray, self._cores = ray, cores
        self._work = work
        self._nodes: dict[str, _Node] = {}
        self._tickets: dict[Any, tuple[int, Any]] = {}  # reference -> ticket, actor
        self._sent = 0
        self._looked = -LOOK
        self.dropped: list[str] = []  # hosts that were ended and why, for people
        self._look()

    # ---- Fleet

    def hosts(self) -> Mapping[str, int]:
        self._look()
        self._greet()
        nodes = self._nodes.values()
        if nodes and all(node.given_up for node in nodes):
            raise NCOError(f"--cluster: no node can work: {next(iter(nodes)).why}")
        return {name: node.cores for name, node in self._nodes.items() if node.ready}

    def send(self, host: str, tasks: Sequence[Task], note: Mapping[str, Any]) -> int:
        self._sent += 1
        actor = self._nodes[host].actor
        packed = self._ray.cloudpickle.dumps((tasks, note))
        self._tickets[actor.do.remote(packed)] = self._sent, actor
        return self._sent

    def events(self, timeout: float) -> list[Event]:
        waiting = [*self._tickets, *(n.greeting for n in self._nodes.values() if n.greeting)]
        if not waiting:
            time.sleep(timeout)
            return []
        done, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout)
        if done and len(waiting) > 1:  # whatever else there is by now
            done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        return [self._event(reference) for reference in done if reference in self._tickets]

    def drop(self, host: str, reason: str, *, again: bool) -> None:
        node = self._nodes.get(host)
        if node is None:
            return
        self.dropped.append(f"{node.name}: {reason}")
        node.why, node.given_up = reason, not again
        self._end(node)

    # ---- hosts

    def node_count(self) -> tuple[int, int]:
        """Nodes that can be used, and their cores in all."""
        nodes = [node for node in self._nodes.values() if not node.given_up]
        return len(nodes), sum(node.cores for node in nodes)

    def close(self) -> None:
        """Ends all hosts."""
        for node in self._nodes.values():
            self._end(node)

    def _event(self, reference: Any) -> Event:
        ticket, actor = self._tickets.pop(reference)
        try:
            answers, seconds = pickle.loads(self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:  # the host itself has a defect
            return Event(ticket, None, in_one_line(error.cause or error))
        except self._ray.exceptions.RayError as error:
            for node in self._nodes.values():
                if node.actor is actor:
                    self._end(node)
            return Event(ticket, None, in_one_line(error))
        return Event(ticket, answers, seconds=seconds)

    def _look(self) -> None:
        """Begins a host on every new node; forgets nodes that are gone."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        alive = set()
        for found in self._ray.nodes():
            cpus = found["Resources"].get("CPU", 0.0)
            if found["Alive"] and cpus >= LEAST:
                alive.add(found["NodeID"])
                if found["NodeID"] not in self._nodes:
                    cores = int(cpus) if self._cores is None else min(int(cpus), self._cores)
                    name = f"{found['NodeManagerHostname']}/{found['NodeID'][:8]}"
                    self._nodes[found["NodeID"]] = _Node(name, cores)
        for name in set(self._nodes) - alive:
            self._end(self._nodes.pop(name))
        for name, node in self._nodes.items():
            if node.actor is None and not node.given_up:
                self._begin(name, node)

    def _begin(self, name: str, node: _Node) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node_id=name, soft=False)
        kind = self._ray.remote(Host).options(
            num_cpus=node.cores, max_restarts=0, max_task_retries=0, scheduling_strategy=there
        )
        node.actor = kind.remote(self._work, node.cores)
        node.greeting = node.actor.version.remote()

    def _greet(self) -> None:
        """Hosts that have begun are ready; where one could not, another begins at the next look."""
        for node in self._nodes.values():
            if node.greeting is None or not self._ray.wait([node.greeting], timeout=0)[0]:
                continue
            try:
                version = self._ray.get(node.greeting)
                if version != __version__:
                    raise NCOError(f"{node.name} has nco {version}, here is {__version__}")
                node.greeting, node.failures = None, 0
            except (self._ray.exceptions.RayError, NCOError) as error:
                node.failures += 1
                node.why = in_one_line(getattr(error, "cause", None) or error)
                node.given_up = node.failures >= STARTS or isinstance(error, NCOError)
                self.dropped.append(f"{node.name}: {node.why}")
                self._end(node)

    def _end(self, node: _Node) -> None:
        if node.actor is not None:
            self._ray.kill(node.actor)
        node.actor = node.greeting = None
