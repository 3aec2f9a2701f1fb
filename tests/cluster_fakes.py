"""Hosts without Ray, in a time of their own, that fail as they are told; and work that fails."""

import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nco.cluster.dispatch import Event
from nco.cluster.task import Answer, Task

REST = 3.0  # seconds until a host that ended is there again


class FakeFleet:
    """A `Fleet` whose clock is moved by waiting. Payloads are words.

    Args:
        hosts: how many.
        seed: of deaths and newcomers; None: there are none.
        broken: a host on which every task fails.
    """

    def __init__(self, hosts: int, seed: int | None = None, broken: str = "") -> None:
        self.now, self.broken = 0.0, broken
        self.random = None if seed is None else random.Random(seed)
        self.alive = {f"host{i}": 1 + i % 2 for i in range(hosts)}
        self.back: dict[float, str] = {}
        self.queues: dict[str, list[tuple[int, list[Task], Any]]] = {h: [] for h in self.alive}
        self.free = dict.fromkeys(self.alive, 0.0)  # when each is through with what it has
        self.due: list[tuple[float, Event]] = []
        self.came = 0
        self.sent: list[tuple[str, list[Task], Mapping[str, Any]]] = []
        self.runs: dict[str, int] = {}
        self.dropped: list[tuple[str, str]] = []

    def clock(self) -> float:
        return self.now

    def hosts(self) -> Mapping[str, int]:
        for when in [when for when in self.back if when <= self.now]:
            host = self.back.pop(when)
            self.alive[host], self.queues[host], self.free[host] = 1, [], self.now
        return dict(self.alive)

    def send(self, host: str, tasks: Sequence[Task], note: Mapping[str, Any]) -> int:
        ticket = len(self.sent)
        self.sent.append((host, list(tasks), note))
        self.queues[host].append((ticket, list(tasks), note))
        self._plan(host)
        return ticket

    def _plan(self, host: str) -> None:
        """When the block that was sent last ends, and how."""
        ticket, tasks, note = self.queues[host][-1]
        words = [task.payload for task in tasks]
        begin = max(self.free[host], self.now)
        seconds = 0.1 * len(tasks)
        if "total_time" in note:
            seconds = note["total_time"] if "early" not in words else min(0.01, note["total_time"])
        self.free[host] = begin + seconds
        if "hang" in words:
            self.free[host] = float("inf")
            return
        if "poison" in words:
            self.due.append((begin + seconds, Event(ticket, None, "died")))
            return
        answers = [self._answer(host, task) for task in tasks]
        self.due.append((begin + seconds, Event(ticket, answers, seconds=seconds)))

    def _answer(self, host: str, task: Task) -> Answer:
        if task.payload == "unreadable":
            return Answer(refused="is no instance")
        if task.payload == "failing" or host == self.broken:
            return Answer(failed="no space left")
        return Answer(f"{task.id} solved")

    def events(self, timeout: float) -> list[Event]:
        self._strike()
        self.due.sort(key=lambda item: item[0])
        until = self.now + timeout
        if not self.due or self.due[0][0] > until:
            self.now = until
            return []
        self.now = max(self.now, self.due[0][0])
        _, event = self.due.pop(0)
        host, tasks, _ = self.sent[event.ticket]
        if event.answers is None:
            dies = any(ticket == event.ticket for ticket, _, _ in self.queues.get(host, []))
            return self._die(host, event.lost) if dies else [event]
        self.queues[host] = [each for each in self.queues[host] if each[0] != event.ticket]
        for task in tasks:
            self.runs[task.id] = self.runs.get(task.id, 0) + 1
        return [event]

    def _strike(self) -> None:
        """Sometimes a host dies, or one more comes."""
        if self.random is None:
            return
        if self.random.random() < 0.05 and self.alive:
            self.due = [(self.now, e) for e in self._die(self.random.choice(list(self.alive)))] + (
                self.due
            )
        if self.random.random() < 0.02:
            self.came += 1
            host = f"newcomer{self.came}"
            self.alive[host], self.queues[host], self.free[host] = 2, [], self.now

    def _die(self, host: str, reason: str = "its node went away") -> list[Event]:
        """All that it had is lost; after a rest it is back."""
        lost = {ticket for ticket, _, _ in self.queues.pop(host, [])}
        if self.alive.pop(host, None) is not None:
            self.back[self.now + REST + 1e-6 * len(self.back)] = host
        self.due = [item for item in self.due if item[1].ticket not in lost]
        return [Event(ticket, None, reason) for ticket in sorted(lost)]

    def drop(self, host: str, reason: str, *, again: bool) -> None:
        self.dropped.append((host, reason))
        events = self._die(host, reason)
        if not again:
            self.back = {when: name for when, name in self.back.items() if name != host}
        self.due = [(self.now, event) for event in events] + self.due


@dataclass(frozen=True)
class Trouble:
    """Work for real hosts: payloads are words that say what happens."""

    folder: str

    def open(self, cores: int) -> "TroubledHand":
        return TroubledHand(self.folder)


class TroubledHand:
    """Does what the payloads say, and writes down each id that it begins with."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        return [self.one(task) for task in tasks]

    def one(self, task: Task) -> Answer:
        with open(os.path.join(self.folder, f"{task.id}.begun"), "a") as file:
            file.write(f"{os.getpid()}\n")
        if task.payload == "poison":
            os._exit(1)
        if task.payload == "hang":
            time.sleep(600)
        if task.payload == "slow":
            time.sleep(0.05)
        if task.payload == "failing":
            return Answer(failed="OSError: no space left")
        return Answer({"node": os.getppid(), "doubled": task.index * 2})

    def close(self) -> None:
        pass
