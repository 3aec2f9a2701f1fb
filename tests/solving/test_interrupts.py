"""An interrupt that comes before there is any answer."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

import nco
from nco.solving import interrupts
from nco.solving.incumbents import Progress

LATE = 5.0  # seconds that a loaded machine may take for what takes milliseconds


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also in a background job, which ignores it otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_before_the_construction_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the answer, with the status that says so."""
    real = Progress.construct

    def construct(self: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        real(self)

    monkeypatch.setattr(Progress, "construct", construct)
    for limit in (30.0, None, "auto"):
        begin = time.perf_counter()
        found = nco.solve([[0, 0], [0, 1], [1, 1], [1, 0]], time_limit=limit)
        assert time.perf_counter() - begin < LATE
        assert (found.status, found.found_by) == ("INTERRUPTED", "construction")
        assert found.feasible
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_the_answer_does_not_follow_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A construction that takes too long ends at once; a second interrupt is no patient one."""
    monkeypatch.setattr(interrupts, "PATIENCE", 0.1)
    monkeypatch.setattr(Progress, "construct", lambda self: _wait_for_interrupts(1))
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        nco.solve([[0, 0], [0, 1], [1, 1]], time_limit=30)
    assert time.perf_counter() - begin < LATE


def _wait_for_interrupts(count: int) -> None:
    for _ in range(count):
        os.kill(os.getpid(), signal.SIGINT)
    until = time.perf_counter() + 2 * LATE
    while time.perf_counter() < until:
        time.sleep(0.01)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)


def test_what_is_held_is_let_through_once() -> None:
    """At the end of the body at the latest; afterwards handlers are as they were."""
    with pytest.raises(KeyboardInterrupt), interrupts.held():
        _interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with interrupts.held():
        interrupts.let_through()
        with pytest.raises(KeyboardInterrupt):
            _interrupt()
    interrupts.let_through()


def test_a_handler_of_the_callers_own_stays() -> None:
    """It may do anything, and is none of ours."""
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    with interrupts.held():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert heard == [signal.SIGINT]


def test_other_threads_hear_no_signals() -> None:
    """Nor may they set handlers."""
    done: list[bool] = []

    def run() -> None:
        with interrupts.held():
            interrupts.let_through()
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LATE)
    assert done == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_answers_although_it_is_still_importing(number: int) -> None:
    """The signal comes with the first line of the command; the construction is there soon."""
    code = (
        f"import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import nco.cli.parser; parse = nco.cli.parser.parse\n"
        f"nco.solving.interrupts.PATIENCE = 30.0  # of a loaded machine\n"
        f"def late(words):\n    os.kill(os.getpid(), {int(number)}); return parse(words)\n"
        f"nco.cli.parser.parse = late; nco.cli.main(['solve', 'example:random100.vrp'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130, done.stderr
    assert "INTERRUPTED" in done.stdout
    assert "found by construction" in done.stdout
