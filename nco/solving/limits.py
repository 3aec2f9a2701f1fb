"""The time limit that nobody has to give: how long it is, and when the search ends before it."""

import math
from dataclasses import dataclass, replace

from nco import registry
from nco.core.case import Case
from nco.solving.options import AUTO, Options
from nco.workers import lanes


@dataclass(frozen=True)
class Usual:
    """The limit of an instance, and what counts as the end of improvement.

    Attributes:
        each: seconds for each unit of its size.
        least, most: seconds of any instance.
        first: seconds more in a program's first call, in which compiled searches load.
        share: of the time, before which no search is taken to be through. Compiled searches cool
            down over their time, and find most of what they find after a third of it: on 32
            instances, ending at 0.3 of the time cost 2.1 % of the answer, and 0.06 % at 0.5.
        bound: share of the limit that is kept for the bound; seconds of it at least and at most.
    """

    each: float = 0.01
    least: float = 1.0
    most: float = 60.0
    first: float = 1.0
    share: float = 0.5
    bound: float = 0.1
    bound_least: float = 0.1
    bound_most: float = 2.0


USUAL = Usual()


class Automatic(float):
    """Seconds that nobody asked for: the search ends earlier when it finds nothing better."""


def automatic(size: int) -> Automatic:
    """The limit of an instance of a size (`Case.size`): 1 s at 100, 10 s at 1,000, at most 60 s."""
    return Automatic(min(max(USUAL.each * size, USUAL.least), USUAL.most))


def settle(options: Options, case: Case) -> Options:
    """The options for one instance: "auto" is a number of seconds now, or None.

    Nothing is limited where iterations are, nor in an online problem, which has nothing to improve.
    """
    if options.time_limit != AUTO:
        return options
    counted = options.iterations is not None
    if counted or registry.folder(case.problem).is_online:
        return replace(options, time_limit=None)
    return replace(options, time_limit=Automatic(automatic(case.size) + _loading(options, case)))


def _loading(options: Options, case: Case) -> float:
    """Seconds that compiled searches need where no process has them in memory."""
    if not options.classical or lanes.current().has_started():
        return 0.0
    improvers = registry.folder(case.problem).improvers()
    compiled = (each for each in improvers if each.kernels and each.refusal(case) is None)
    return USUAL.first if any(compiled) else 0.0


def settle_several(options: Options) -> Options:
    """The options for a list or a batch: "auto" is no limit, so that networks solve them together.

    As with a total time, which is a limit for all of them.
    """
    return options if options.time_limit != AUTO else replace(options, time_limit=None)


def over(begun: float, latest: float | None, deadline: float) -> float:
    """When a search counts as through: after as long without improvement as with it, at least.

    Args:
        begun: a reading of the clock when the first solver began to search.
        latest: that of the latest improvement, if there was one since.
        deadline: that of the end.

    Returns:
        A reading of the same clock; after the deadline where it will not be through.
    """
    latest = begun if latest is None else max(latest, begun)
    earliest = begun + USUAL.share * max(deadline - begun, 0.0)
    return max(earliest, latest + (latest - begun)) if math.isfinite(deadline) else math.inf
