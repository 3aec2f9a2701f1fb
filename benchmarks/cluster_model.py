"""What a cluster of many nodes would do: a discrete-event model fed with measured costs.

    python benchmarks/cluster_model.py benchmarks/cluster_costs.json --instances 1000000
    python benchmarks/cluster_model.py costs.json --nodes 1 2 4 --cores 1 --seconds 0.1 --unread

One driver reads instances, packs blocks, sends them, unpacks the answers and writes the ledger, one
after the other. Each node does one block at a time and has one more waiting, as
`nco.cluster.dispatch` does. The driver's network link is shared by all transfers. Everything else,
such as Ray's own schedulers, is in the measured costs.
"""

import argparse
import heapq
import json
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Costs:
    """Seconds, as ``benchmarks/cluster.py overheads`` measures them.

    Attributes:
        actor_seconds: until a host is ready.
        block_seconds: of the driver, for a block without content.
        task_seconds: of the driver, for each task of a block.
        input_seconds: of the driver, from a row of a manifest to a task.
        read_seconds: of a node, to make a case of arrays or a file.
        ledger_seconds: of a line of the ledger.
        megabyte_seconds: of packing, sending and unpacking.
    """

    actor_seconds: float
    block_seconds: float
    task_seconds: float
    input_seconds: float
    read_seconds: float
    ledger_seconds: float
    megabyte_seconds: float

    @classmethod
    def read(cls, path: Path) -> "Costs":
        found = json.loads(path.read_text())
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Load:
    """What is to be done.

    Attributes:
        instances: how many.
        seconds: of one core for each.
        sent, back: bytes of an instance and of its answer.
        cores: of a node.
        target, most: seconds and instances of a block, as `nco.cluster.dispatch.Rules` has them.
        link: bytes a second of the driver's network.
    """

    instances: int
    seconds: float
    sent: float = 4000.0
    back: float = 2000.0
    cores: int = 16
    target: float = 1.0
    most: int = 200
    link: float = 1.25e9

    def block(self) -> int:
        """Instances of a block: a second's worth, in whole rounds of the cores."""
        size = max(1, int(self.target * self.cores / self.seconds))
        return min(-(-size // self.cores) * self.cores, self.most)


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        rate: instances a second, without the time in which hosts begin.
        ideal: the same if the driver cost nothing.
        driver: share of the time in which it worked.
        link: share of the time in which its network was busy.
    """

    rate: float
    ideal: float
    driver: float
    link: float


def simulate(costs: Costs, load: Load, nodes: int) -> Outcome:
    """Plays blocks through driver and nodes; time in seconds."""
    size = load.block()
    sending = costs.block_seconds / 2 + size * (costs.task_seconds / 2)
    sending += size * costs.input_seconds
    sending += size * load.sent / 1e6 * costs.megabyte_seconds
    hearing = costs.block_seconds / 2 + size * (costs.task_seconds / 2 + costs.ledger_seconds)
    hearing += size * load.back / 1e6 * costs.megabyte_seconds
    working = -(-size // load.cores) * load.seconds + size * costs.read_seconds
    wire = (size * load.sent / load.link, size * load.back / load.link)
    left = -(-load.instances // size)
    blocks, free, driver, link, busy, last = left, [0.0] * nodes, 0.0, 0.0, 0.0, 0.0
    events: list[tuple[float, int]] = []

    def send(node: int, now: float) -> None:
        nonlocal driver, link, busy, left
        driver = max(driver, now) + sending
        link = max(link, driver) + wire[0]
        busy += sending
        free[node] = max(free[node], link) + working
        heapq.heappush(events, (free[node], node))
        left -= 1

    for _ in range(2):  # a block that runs and one that waits
        for node in range(nodes):
            if left > 0:
                send(node, 0.0)
    while events:
        now, node = heapq.heappop(events)
        link = max(link, now) + wire[1]
        driver = max(driver, link) + hearing
        busy += hearing
        last = driver
        if left > 0:
            send(node, driver)
    done = blocks * size
    rate = done / last
    return Outcome(rate, nodes * load.cores / load.seconds, busy / last, blocks * sum(wire) / last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("costs", type=Path, help="of benchmarks/cluster.py overheads")
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.03, 0.1, 1.0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--target", type=float, default=1.0)
    parser.add_argument("--unread", action="store_true", help="no input, and nodes that sleep")
    words = parser.parse_args()
    costs = Costs.read(words.costs)
    costs = replace(costs, read_seconds=0.0, input_seconds=0.0) if words.unread else costs
    print("| seconds | nodes | instances/s | of the ideal | driver busy | link busy |")
    print("| --- | --- | --- | --- | --- | --- |")
    for seconds in words.seconds:
        for nodes in words.nodes:
            load = Load(
                words.instances, seconds, cores=words.cores, most=words.most, target=words.target
            )
            found = simulate(costs, load, nodes)
            shares = [found.rate / found.ideal, found.driver, found.link]
            print(
                f"| {seconds:g} | {nodes} | {found.rate:,.0f} | "
                + " | ".join(f"{100 * share:.0f} %" for share in shares)
                + " |"
            )


if __name__ == "__main__":
    main()
