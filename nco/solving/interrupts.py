"""An interrupt before there is any answer waits for the first one, which is there in a moment.

Only signals that would raise KeyboardInterrupt are kept: a handler of the caller's own stays.
"""

import _thread
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

PATIENCE = 1.5  # seconds that an interrupt waits for a first answer
KINDS = (signal.SIGINT, signal.SIGTERM)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A handler that makes a signal what Ctrl-C is: the best so far is kept."""
    raise KeyboardInterrupt


class _Kept:
    """What is held back, on the main thread, which alone hears signals."""

    def __init__(self) -> None:
        self.open = False
        self.number: int | None = None
        self.timer: threading.Timer | None = None
        self.overdue = False

    def hear(self, number: int, frame: FrameType | None) -> None:
        if not self.open or self.overdue:
            raise KeyboardInterrupt
        if self.number is None:
            self.number = number
            self.timer = threading.Timer(PATIENCE, self.insist)
            self.timer.daemon = True
            self.timer.start()

    def insist(self) -> None:
        """The answer does not come: the interrupt is heard all the same."""
        if self.open and self.number is not None:
            self.overdue = True
            _thread.interrupt_main(signal.Signals(self.number))

    def end(self) -> bool:
        """Holds nothing back any more; whether something was."""
        if self.timer is not None:
            self.timer.cancel()
        heard = self.number is not None and not self.overdue
        self.open, self.number, self.timer, self.overdue = False, None, None, False
        return heard


_kept = _Kept()


@contextlib.contextmanager
def held(wanted: bool = True) -> Iterator[None]:
    """Signals in the body wait until `let_through`, or its end, or `PATIENCE` is over.

    On other threads than the main one nothing happens, nor within another `held`.
    """
    main = threading.current_thread() is threading.main_thread()
    if not wanted or not main or any(signal.getsignal(kind) == _kept.hear for kind in KINDS):
        yield
        return
    handlers = {kind: signal.getsignal(kind) for kind in KINDS}
    before = {
        kind: handler
        for kind, handler in handlers.items()
        if handler in (signal.default_int_handler, interrupt)
    }
    _kept.open = True
    for kind in before:
        signal.signal(kind, _kept.hear)
    try:
        yield
        if _kept.end():
            raise KeyboardInterrupt
    finally:
        _kept.end()
        for kind, handler in before.items():
            signal.signal(kind, handler)


def let_through() -> None:
    """There is an answer, or none will come soon: from now on signals are heard at once.

    Raises:
        KeyboardInterrupt: where one was kept.
    """
    if threading.current_thread() is threading.main_thread() and _kept.open and _kept.end():
        raise KeyboardInterrupt
