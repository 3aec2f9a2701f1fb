"""A certified lower bound of a shop's makespan: what sets of operations need of their machines."""

import time

import numpy as np

from nco.problems._shop.plan import Work

MOST_OPERATIONS = 2000  # of one set, n^2 pairs of a head and a tail


def makespan_bound(jobs: Work, seconds: float | None) -> int:
    """The greatest of three kinds of bounds; all durations are whole.

    Proof. An operation cannot begin before its *head*, the least durations of what comes before it
    in its job, nor end later than its *tail* before the makespan. So the makespan is at least head,
    duration and tail of any operation (1). Of operations that only m machines can do, take all of
    head at least r and tail at least q: their least durations P are done between r and the makespan
    less q, so it is at least r + ceil(P / m) + q (2); with m = 1 the maximum over r and q is the
    preemptive one-machine bound (Carlier 1982). With at least 2m operations, the machines are idle
    before the first and after the last operation of each: m makespans are at least P, the m least
    heads and the m least tails (3; Santos, Hunsucker & Deal, Omega 23(5), 1995); a machine that
    does nothing is idle for longer than the head and the tail of an operation that is neither first
    nor last on another machine, of which there are enough.

    Args:
        jobs: the work list.
        seconds: sets that cannot be looked at within this time are left out; None: no limit.
    """
    begun = time.perf_counter()
    least = [[min(duration for _, duration in choices) for choices in job] for job in jobs]
    heads = np.array([sum(row[:p]) for row in least for p in range(len(row))])
    tails = np.array([sum(row[p + 1 :]) for row in least for p in range(len(row))])
    durations = np.array([duration for row in least for duration in row])
    able = [frozenset(m for m, _ in choices) for job in jobs for choices in job]
    best = int((heads + durations + tails).max(initial=0))
    for machines in sorted(_groups(able), key=len):
        if seconds is not None and time.perf_counter() - begun > seconds:
            break
        chosen = np.array([own <= machines for own in able])
        if chosen.sum() <= MOST_OPERATIONS:
            parts = heads[chosen], durations[chosen], tails[chosen]
            best = max(best, _busy(*parts, len(machines)), _idle(*parts, len(machines)))
    return best


def _groups(able: list[frozenset[int]]) -> set[frozenset[int]]:
    """Sets of machines that are worth a look: each operation's own, and all together."""
    return {*able, frozenset().union(*able)}


def _busy(heads: np.ndarray, durations: np.ndarray, tails: np.ndarray, count: int) -> int:
    """The greatest r + ceil(P / count) + q over thresholds r of heads and q of tails."""
    order = np.argsort(-tails, kind="stable")
    heads, durations, tails = heads[order], durations[order], tails[order]
    best = 0
    for head in np.unique(heads).tolist():
        within = heads >= head
        work = np.cumsum(durations[within])
        best = max(best, int((head - (-work // count) + tails[within]).max()))
    return best


def _idle(heads: np.ndarray, durations: np.ndarray, tails: np.ndarray, count: int) -> int:
    """The bound with the `count` least heads and tails; 0 where there are too few operations."""
    if len(heads) < 2 * count:
        return 0
    total = int(durations.sum() + np.sort(heads)[:count].sum() + np.sort(tails)[:count].sum())
    return -(-total // count)
