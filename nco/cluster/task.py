"""What is sent to hosts and comes back, and what a host does: free of Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """One piece of work, which any host may do.

    Attributes:
        id: by which it is known for good: what has a result under its id is never done again.
        index: its place in the input, from 0.
        payload: what the `Work` at hand needs for it.
    """

    id: str
    index: int
    payload: Any


@dataclass(frozen=True)
class Answer:
    """What a host says of one task: exactly one of the three is not None.

    Attributes:
        value: what came out.
        refused: why nobody can do it, such as a file that is no instance: it is not tried again.
        failed: what went wrong here, such as a full disk: another host may try.
    """

    value: Any = None
    refused: str | None = None
    failed: str | None = None


class Kind(StrEnum):
    """How a task ended."""

    DONE = "done"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Result:
    """How a task ended, for good.

    Attributes:
        task: which.
        kind: done, refused (by what the input is) or quarantined (after its tries).
        value: of one that is done.
        error: of one that is not, in one line.
        host: where; empty where that is not known.
        tries: by itself, that failed before.
    """

    task: Task
    kind: Kind
    value: Any = None
    error: str | None = None
    host: str = ""
    tries: int = 0


class Hand(Protocol):
    """What does tasks on a host, a block at a time; holds processes and models for all of them."""

    def do(self, tasks: Sequence[Task], note: Mapping[str, Any]) -> list[Answer]:
        """An answer for every task. `note` is what the sender says of the whole block."""

    def close(self) -> None:
        """Ends what it holds."""


class Work(Protocol):
    """What is to be done, as it is sent to every host once: plain data that can be pickled."""

    def open(self, cores: int) -> Hand:
        """Begins on a host, with so many cores."""
