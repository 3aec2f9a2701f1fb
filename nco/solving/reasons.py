"""Why something is not served, by the ``explain.py`` of a problem's folder, where it has one."""

from collections.abc import Sequence
from typing import Any

from nco import registry
from nco.core.case import Case, Report


def impossible(case: Case, report: Report) -> list[str]:
    """What no plan of a case can do, a sentence each; nothing where a plan is feasible."""
    folder = registry.folder(case.problem)
    if report.feasible or not folder.has("explain"):
        return []
    return folder.explain.impossible(case)


def unassigned(case: Case, solution: Any, report: Report) -> list[str]:
    """What a plan leaves out, each with its reason after a colon where one is known."""
    folder = registry.folder(case.problem)
    if not report.partial or not folder.has("explain"):
        return list(report.unassigned)
    return _told(report.unassigned, folder.explain.left_out(case, solution))


def declined(case: Case, solution: Any, report: Report) -> list[str]:
    """What a plan need not serve and does not, with the reason where no plan could serve it."""
    folder = registry.folder(case.problem)
    told = getattr(folder.explain, "declined", None) if folder.has("explain") else None
    if not report.declined or told is None:
        return list(report.declined)
    return _told(report.declined, told(case, solution))


def _told(names: Sequence[str], reasons: Sequence[str]) -> list[str]:
    """Names, each with its reason behind a colon where there is one."""
    return [
        f"{name}: {reason}" if reason else name for name, reason in zip(names, reasons, strict=True)
    ]
