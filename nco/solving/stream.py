"""Many instances one after the other: their solutions in order, as soon as they are there."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.solving import group, interrupts, shared, turns
from nco.solving.options import Options
from nco.solving.solution import Solution, Status
from nco.workers import lanes
from nco.zoo import cards


def solutions(cases: list[Case], options: Options, begin: float) -> Iterator[Solution]:
    """Solutions in the order of the cases; one that was interrupted is the last.

    Args:
        cases: all that are to be solved.
        options: of the call.
        begin: reading of `time.perf_counter` from which on the time of the first of them counts.

    Raises:
        NCOError: where a case has no use for an option, before anything is searched.
        KeyboardInterrupt: at Ctrl-C, where a case that is under way has no solution yet.
    """
    online = [registry.folder(case.problem).is_online for case in cases]
    _refuse(cases, online, options)
    if options.total_time is not None:
        return shared.solutions(cases, options, begin + options.total_time)
    return _one_by_one(cases, online, options, begin)


def _refuse(cases: Sequence[Case], online: Sequence[bool], options: Options) -> None:
    """Raises for an option that contradicts a case."""
    if options.hindsight and not all(online):
        raise NCOError("hindsight: only online problems have a future that could be known")
    if options.start is not None and any(online) and not options.hindsight:
        raise NCOError(
            "start: an online problem begins from no plan; a rule of yours is compared by policy "
            "(--policy)"
        )
    for name in ("policy", "what_if"):
        if getattr(options, name) is not None and not all(online):
            raise NCOError(f"{name}: only online problems are answered by a policy")
    if options.total_time is not None and any(online):
        raise NCOError("total_time: online problems have no plan to improve; use time_limit")
    if options.model not in ("auto", cards.NO_MODEL):
        for problem in {case.problem for case in cases}:
            cards.check(options.model, problem)


def _one_by_one(
    cases: list[Case], online: Sequence[bool], options: Options, begin: float
) -> Iterator[Solution]:
    """Group by group; those that come before their turn wait for it."""
    waiting: dict[int, Solution] = {}
    given = 0
    for members in _groups(cases, online, options):
        try:
            solved = _solved(cases, members, online[members[0]], options, begin)
        except KeyboardInterrupt:  # before this group has any answer; others have theirs
            yield from (waiting[index] for index in sorted(waiting))
            raise
        waiting.update(zip(members, solved, strict=True))
        if any(one.status is Status.INTERRUPTED for one in solved):
            yield from (waiting[index] for index in sorted(waiting))
            return
        while given in waiting:
            yield waiting.pop(given)
            given += 1
        begin = time.perf_counter()


def _groups(cases: Sequence[Case], online: Sequence[bool], options: Options) -> Iterator[list[int]]:
    """Indices of cases that are solved together: one by one where each has a limit of its own."""
    if options.time_limit is not None or options.iterations is not None:
        yield from ([index] for index in range(len(cases)))
        return
    yield from ([index] for index, apart in enumerate(online) if apart)
    yield from group.batches(cases, [index for index, apart in enumerate(online) if not apart])


def _solved(
    cases: Sequence[Case], members: list[int], is_online: bool, options: Options, begin: float
) -> list[Solution]:
    if not is_online:
        return group.solve([cases[index] for index in members], options, begin)
    interrupts.let_through()  # no simple answer comes first
    case, until = cases[members[0]], turns.deadline_of(options, begin)
    with lanes.current().lease(1, until=until) as lease:
        lane = lease.lane(0) if len(lease) else None
        ahead = None if lane is None else turns.ahead(lane, case, options, begin)
        try:
            start = time.perf_counter()
            from nco.solving import neural  # as torch, while the first rule is looked for
            from nco.solving import online as simulated

            imported = time.perf_counter() - start
            there = replace(options, device=neural.device_of(options))
            return [simulated.solve(case, there, begin, lane, ahead, imported)]
        finally:
            if ahead is not None:  # also where the call is refused
                ahead.turn.handle.stop()
