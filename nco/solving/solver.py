"""`solve` and `solve_iter`: what people call."""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nco.core.errors import NCOError
from nco.solving import interrupts
from nco.solving.options import OF_ONE, Options, takes_options

if TYPE_CHECKING:
    from nco.solving.solution import Solution


@takes_options()
def solve(source: Any, options: Options) -> Any:
    """Solves one instance, or a list of instances of any sizes and problems.

    Args:
        source: a path, a case (`nco.read`), arrays, a pandas DataFrame, a batch of tensors (an
            Instance of the model's own problem), or a list of any of these. Arrays: ``[n, 2]`` or
            a dict with ``coords`` or ``distances`` for TSP (ATSP where they are not symmetric);
            ``coords [n+1, 2]`` (depot first), ``demand [n+1]``, ``capacity`` for CVRP;
            ``coords``, ``prizes``, ``limit`` for orienteering; ``values, weights, capacity`` for
            knapsack; ``jobs`` for shops.
        OPTIONS

    Returns:
        A `Solution`, or a list of them in the order of `source`; after Ctrl-C those that there are.

    Raises:
        InstanceError: what is wrong with which input, before any search starts.
        NCOError: an unknown or contradictory option.
    """
    begin = time.perf_counter()  # what is imported now, the caller waits for too
    with interrupts.held():
        return _solve(source, options, begin)


def _solve(source: Any, options: Options, begin: float) -> Any:
    from nco.registry import sources
    from nco.solving import limits, stream

    several = isinstance(source, list | tuple) and not _is_points(source)
    if options.total_time is not None and not several:
        raise NCOError("total_time is for a list of instances: use time_limit")
    if options.bound is None:
        options = replace(options, bound=not several)
    if _is_tensors(source):
        if options.start is not None:
            raise NCOError("start is a plan of a case, not of tensors")
        from nco.solving import tensors

        solved = tensors.solutions(source, limits.settle_several(options), begin)
        return solved if len(solved) > 1 else solved[0]
    if several and options.start is not None:
        raise NCOError("start is a plan of one instance, not of a list")
    if not several:
        case = sources.as_case(source, options.problem, **_of_tables(options))
        if options.start is not None:
            from nco.solving import replanning

            return replanning.solved(case, options, begin)
        return next(stream.solutions([case], limits.settle(options, case), begin))
    options = limits.settle_several(options)
    of_tables = _of_tables(options)
    cases = [sources.as_case(item, options.problem, **of_tables) for item in source]
    return _collected(stream.solutions(cases, options, begin), len(cases), options.progress)


@takes_options("progress", *OF_ONE)
def solve_iter(source: Iterable[Any], options: Options) -> "Iterator[Solution]":
    """`solve` of many instances, whose solutions come in order, each as soon as it is there.

    Files are read a chunk at a time where each instance has its own limit or none; with
    ``total_time``, all of them first.

    Args:
        source: sources as those of `solve`.
        OPTIONS

    Raises:
        InstanceError: what is wrong with which input, when it is read.
        NCOError: an unknown or contradictory option.
    """
    begin = time.perf_counter()  # what is imported now, the caller waits for too
    from nco.registry import sources
    from nco.solving import limits, shared, stream
    from nco.solving.solution import Status

    options = limits.settle_several(replace(options, bound=bool(options.bound)))
    of_tables = _of_tables(options)
    cases = (sources.as_case(item, options.problem, **of_tables) for item in source)
    if options.total_time is not None:
        yield from stream.solutions(list(cases), options, begin)
        return
    while chunk := list(itertools.islice(cases, shared.SHARES.chunk)):
        for solution in stream.solutions(chunk, options, begin):
            yield solution
            if solution.status is Status.INTERRUPTED:
                return
        begin = time.perf_counter()


def _of_tables(options: Options) -> dict[str, Any]:
    """What the reading of tables takes."""
    return {"columns": options.columns, "arguments": options.arguments}


def _collected(
    solutions: "Iterator[Solution]", count: int, progress: bool | None
) -> "list[Solution]":
    """All of them, with a progress bar; those that there are survive an interrupt."""
    from tqdm import tqdm

    hidden = None if progress is None else not progress
    answers: list[Solution] = []
    try:
        for solution in tqdm(solutions, total=count, unit="instance", disable=hidden):
            answers.append(solution)
    except KeyboardInterrupt:
        if not answers:
            raise
    return answers


def _is_tensors(source: Any) -> bool:
    """Whether a source is a batch of tensors, which there are only where torch is imported."""
    batches = sys.modules.get("nco.core.batch")
    return batches is not None and isinstance(source, batches.Batch)


def _is_points(source: Sequence[Any]) -> bool:
    """Whether a list is itself one instance: rows of two numbers."""
    return len(source) > 0 and all(
        isinstance(row, list | tuple) and len(row) == 2 and all(_is_number(x) for x in row)
        for row in source
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
