"""Optima by the ``optimum.py`` of a problem's folder, where it has one, before any search."""

from nco import registry
from nco.solving.incumbents import Candidate, Progress
from nco.solving.options import Options
from nco.zoo import cards


def found(progress: Progress, options: Options) -> bool:
    """Whether all cases of a group have a proven optimum now, so that there is nothing to search.

    A method that takes longer for a case than milliseconds leaves it out. None is asked where the
    caller named a network or wants no classical solver.
    """
    if not options.classical or options.model not in ("auto", cards.NO_MODEL):
        return False
    proven = 0
    for index, case in enumerate(progress.cases):
        folder = registry.folder(case.problem)
        optimum = folder.optimum.optimum(case) if folder.has("optimum") else None
        if optimum is None:
            continue
        candidate = Candidate(index, optimum.solution, None, optimum.by)
        if progress.take(candidate):
            report = progress.report(index)
            progress.prove(index, None if report is None else report.cost, optimum.by)
            proven += 1
    return proven == len(progress.cases)
