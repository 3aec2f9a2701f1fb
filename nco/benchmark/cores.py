"""The same cores for every solver.

The process, and with it every child that it starts from then on, is confined to as many cores as
the plan says. A classical solver that can use several is told so; of one that cannot, several runs
share them: its variants, and then further seeds.
"""

import contextlib
import os
from collections.abc import Iterator

from nco import registry
from nco.core.case import Case


@contextlib.contextmanager
def confined(cores: int) -> Iterator[None]:
    """This process on so many of its cores; torch with as many threads, or fewer if it was told so.

    On systems that cannot bind a process to cores, only the numbers of threads are set. A child of
    `nco.workers.lanes.run` that was there before keeps the cores it had.
    """
    import torch

    threads = torch.get_num_threads()
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    try:
        torch.set_num_threads(min(threads, cores))
        if before is not None:
            os.sched_setaffinity(0, sorted(before)[:cores])
        yield
    finally:
        torch.set_num_threads(threads)
        if before is not None:
            os.sched_setaffinity(0, before)


def lineup(
    problem: str, solver: str, cores: int, seed: int, case: Case | None = None
) -> list[tuple[str, int]]:
    """What runs side by side for a classical solver's row: names with their seeds.

    Its variants run even where there are fewer cores than those, then one after another, each
    with the whole time: the row is the best of them.

    Args:
        case: decides where a solver has all cores for some cases alone (`Solver.together`).
    """
    own = registry.folder(problem).solver(solver)
    names = own.variants or (solver,)
    shares = own.cores if own.together is None else case is not None and own.together(case)
    if len(names) == 1 and shares:
        return [(solver, seed)]
    count = max(cores, len(names))
    return [(names[index % len(names)], seed + index // len(names)) for index in range(count)]


def described(problem: str, solver: str, cores: int, seed: int) -> str:
    """The same in words, for ``about.json``."""
    own = registry.folder(problem).solver(solver)
    runs = lineup(problem, solver, cores, seed)
    if len(runs) == 1:
        threads = cores if own.cores else 1
        return f"one run, {threads} thread{'s' if threads > 1 else ''}"
    names = ", ".join(f"{name} seed {number}" for name, number in runs)
    said = f"the best of {names}, one thread each, {cores} at a time"
    return f"{said}; large cases: one run, {cores} threads" if own.together else said
