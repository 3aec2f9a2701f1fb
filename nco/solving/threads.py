"""How many cores torch may use while searches of several calls share them. Needs torch."""

import contextlib
import threading
from collections.abc import Iterator

import torch


class Threads:
    """torch's number of threads, which searches lower while they are at work.

    New threads of the program take the number that was set last, so the usual one is set again
    when the last of the searches ends, on whichever thread that is. A number that the program sets
    meanwhile is lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches = 0
        self._usual = 1

    @contextlib.contextmanager
    def at_most(self, count: int) -> Iterator[None]:
        """The body's thread has so many, or fewer where the program has asked for fewer."""
        with self._lock:
            if self._searches == 0:
                self._usual = torch.get_num_threads()
            self._searches += 1
            torch.set_num_threads(min(count, self._usual))
        try:
            yield
        finally:
            with self._lock:
                self._searches -= 1
                if self._searches == 0:
                    torch.set_num_threads(self._usual)


at_most = Threads().at_most
