"""Runs kernels in short chunks: the clock, the temperature, the stop flag and what is published."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

CHUNK = 0.005  # seconds that a kernel runs between two looks at the clock
FIRST = 64  # steps of the first chunk by the clock, whose speed is not known yet
LEVELS, LEAST = 200, 50  # temperatures of a number of steps; the fewest steps at one
FASTEST = 2e6  # steps a second of any kernel that cools: with less time nobody need measure it
TELLING = 0.05  # share of the time that may go into telling of better solutions

S = TypeVar("S")
S_out = TypeVar("S_out", covariant=True)
Step = Callable[[int, float], int]


@dataclass(frozen=True)
class Span:
    """When a search ends.

    Attributes:
        until: a reading of `time.perf_counter`; None for a number of steps alone.
        iterations: of the kernel; None for a time alone. With both the search ends at whichever
            comes first, and cools by the number of steps.
        stop: int64 [1]; whoever sets it ends the search within a step.

    Raises:
        ValueError: neither `until` nor `iterations` is given.
    """

    until: float | None = None
    iterations: int | None = None
    stop: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    def __post_init__(self) -> None:
        if self.until is None and self.iterations is None:
            raise ValueError("a span needs a time or a number of steps, and it has neither")

    def is_over(self, done: int) -> bool:
        """Whether to end after so many steps."""
        if self.stop[0] or (self.iterations is not None and done >= self.iterations):
            return True
        return self.until is not None and time.perf_counter() >= self.until


def cool(
    step: Step,
    hot: float,
    cold: float,
    span: Span,
    after: Callable[[], None] = lambda: None,
) -> int:
    """Runs a kernel while the temperature falls at a constant rate; the number of steps.

    Kirkpatrick, Gelatt and Vecchi (1983), "Optimization by Simulated Annealing".

    Args:
        step: takes a number of steps and a temperature, and says how many it has made.
        hot, cold: temperatures at the beginning and at the end, positive.
        span: when to end. By a number of steps alone all depends on that number.
        after: is called after each chunk.
    """
    if span.iterations is not None:
        return _counted(step, hot, cold, span, after)
    assert span.until is not None
    begun = now = time.perf_counter()
    done, chunk, speed = 0, FIRST, 0.0
    while now < span.until and not span.stop[0]:
        share = (now - begun) / (span.until - begun)
        if speed > 0:
            chunk = max(1, int(speed * min(CHUNK, span.until - now)))
        done += step(chunk, hot * (cold / hot) ** share)
        speed = chunk / max(time.perf_counter() - now, 1e-7)
        after()
        now = time.perf_counter()
    return done


def _counted(step: Step, hot: float, cold: float, span: Span, after: Callable[[], None]) -> int:
    assert span.iterations is not None
    chunk = max(LEAST, -(-span.iterations // LEVELS))
    done = 0
    while not span.is_over(done):
        # in 24 bits: powers differ in their last bits between systems
        share = float(np.float32((cold / hot) ** (done / span.iterations)))
        done += step(min(chunk, span.iterations - done), hot * share)
        after()
    return done


def repeat(step: Callable[[int], int], span: Span, after: Callable[[], None] = lambda: None) -> int:
    """Runs a kernel that knows no temperature; the number of steps.

    Args:
        step: takes a number of steps and says how many it has made: fewer when it has finished.
        span: when to end. How its steps are cut up must not matter to the kernel.
        after: is called after each chunk.
    """
    done, chunk = 0, FIRST
    wanted = made = 0
    while made == wanted and not span.is_over(done):
        begun = time.perf_counter()
        wanted = chunk if span.iterations is None else min(chunk, span.iterations - done)
        made = step(wanted)
        done += made
        after()
        now = time.perf_counter()
        left = CHUNK if span.until is None else min(CHUNK, span.until - now)
        chunk = max(1, int(made / max(now - begun, 1e-7) * left))
    return done


class Searching(Protocol[S_out]):
    """A search that cools down.

    Attributes:
        unit: of its temperatures, positive.
        stop: int64 [1], read by its kernel.
        least: the cost of the best so far.
    """

    unit: float
    stop: np.ndarray

    @property
    def least(self) -> float: ...

    def step(self, steps: int, temperature: float, /) -> int:
        """So many steps of the kernel; how many it has made."""

    def best(self) -> S_out | None:
        """The best solution so far; None where there is none yet."""


def anneal(
    search: Searching[S],
    hot: float,
    cold: float,
    span: Span,
    tell: Callable[[S], None] | None = None,
) -> int:
    """Cools a search from `hot` to `cold`, in its units; the number of steps.

    Args:
        span: when to end; its flag must be the search's.
        tell: is called with better solutions on the way.
    """
    return _cooled(search, hot, cold, span, Teller(tell, search.best))


def _cooled(search: Searching[S], hot: float, cold: float, span: Span, teller: "Teller[S]") -> int:
    unit = search.unit
    return cool(search.step, hot * unit, cold * unit, span, lambda: teller.look(search.least))


@dataclass(frozen=True)
class Annealed(Generic[S]):
    """Attributes:
    search: the one that has found the best.
    steps: of all searches.
    """

    search: Searching[S]
    steps: int


def anneal_anew(
    begin: Callable[[int], tuple[Searching[S], float]],
    cold: float,
    span: Span,
    length: int,
    tell: Callable[[S], None] | None = None,
) -> Annealed[S]:
    """Cools searches to `cold`, in their units, one after the other, and keeps the best.

    What a search has found when it is cold depends on chance, the more so the smaller the instance
    is. Beyond some steps a slower fall of the temperature gains less than another search does.

    Args:
        begin: makes the search of a number, from 0 on, and says at which temperature it begins, in
            its unit. They differ by their random numbers: `chance.further`.
        span: when to end.
        length: steps after which another search is worth more.
        tell: is called with better solutions on the way.
    """
    best, hot = begin(0)
    best.stop = span.stop
    teller = Teller(tell, best.best)
    rounds, steps = _rounds(best, hot, span, length)
    steps += _cooled(best, hot, cold, _part(span, steps, rounds), teller)
    for number in range(1, rounds):
        if span.is_over(steps):
            break
        search, hot = begin(number)
        search.stop, teller.read = span.stop, search.best
        steps += _cooled(search, hot, cold, _part(span, steps, rounds - number), teller)
        if search.least < best.least:
            best = search
    return Annealed(best, steps)


def _rounds(search: Searching[S], hot: float, span: Span, length: int) -> tuple[int, int]:
    """How many searches there is time for; and the steps made to know their speed."""
    if span.iterations is not None:
        return max(1, span.iterations // length), 0
    assert span.until is not None
    begun = time.perf_counter()
    if (span.until - begun) * FASTEST < 2 * length:
        return 1, 0
    done = repeat(
        lambda steps: search.step(steps, hot * search.unit),
        Span(min(span.until, begun + CHUNK), stop=span.stop),
    )
    now = time.perf_counter()
    speed = done / max(now - begun, 1e-7)
    return max(1, int(speed * (span.until - now) / length)), done


def _part(span: Span, done: int, rounds: int) -> Span:
    """An equal part of what is left, after so many steps."""
    until, iterations = span.until, None
    if span.iterations is not None:
        iterations = (span.iterations - done) // rounds
    elif until is not None:
        now = time.perf_counter()
        until = now + (until - now) / rounds
    return Span(until, iterations, span.stop)


class Teller(Generic[S]):
    """Tells of better solutions, but not so often that it takes much of the time.

    Args:
        tell: is called with each solution that is told of; None to tell nobody.
        read: makes the best solution out of the kernel's arrays, or None where there is none.
    """

    def __init__(self, tell: Callable[[S], None] | None, read: Callable[[], S | None]) -> None:
        self.tell, self.read = tell, read
        self.next = -np.inf
        self.told = np.inf

    def look(self, cost: float) -> None:
        """Tells where `cost`, that of the best, has fallen and it is time to."""
        if self.tell is None or not cost < self.told:
            return
        now = time.perf_counter()
        if now < self.next:
            return
        solution = self.read()
        if solution is not None:
            self.tell(solution)
            self.told = cost
        took = time.perf_counter() - now
        self.next = now + took / TELLING
