"""How a solution is written: what the ending of the file's name says."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nco import registry
from nco.core import atomic
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.registry.interface import OwnJson, TellsPolicies
from nco.solving import picture
from nco.solving.tabular import named_lines, table_of
from nco.tables import delimited, excel, geojson

if TYPE_CHECKING:
    from nco.solving.solution import Solution

PUBLIC = (".sol", ".tour", ".txt", "")  # the problem's own public form
TABLES = (".csv", ".tsv", ".xlsx", ".geojson")
PAGE = ".html"  # the picture and the table
KNOWN = (".json", *TABLES, PAGE, *PUBLIC[:-1])


def check_ending(path: Path) -> None:
    """Refuses a file whose ending says no form of a solution; nothing need be solved for that.

    Raises:
        NCOError: for such an ending, and for Excel without what writes it.
    """
    suffix = path.suffix.lower()
    if suffix not in (*KNOWN, *PUBLIC):
        raise NCOError(f"{path}: no form of a solution; the endings are {', '.join(KNOWN)}")
    if suffix == ".xlsx":
        excel.library()


def check_form(path: Path, case: Case, plan: bool) -> None:
    """Refuses a form that the answer to a case will not have; nothing need be solved for that.

    Args:
        path: its ending says the form, which `check_ending` knows.
        case: what will be solved.
        plan: of an online case, whether the answer will be a plan of its trace and not a policy.

    Raises:
        NCOError: a table of a policy that has none, or a map of stops without degrees.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLES:
        return
    folder = registry.folder(case.problem)
    if not folder.is_online:
        if suffix == ".geojson":
            geojson.written(table_of(case, case.construct()), str(path))
    elif not plan and (suffix == ".geojson" or not isinstance(folder.sheet, TellsPolicies)):
        raise NCOError(
            f"{path}: a policy of {case.problem} is no {'map' if suffix == '.geojson' else 'table'}"
            ": save .json, or .html with its picture"
        )


def write(path: Path, data: bytes, solution: "Solution") -> None:
    """Writes a file of a solution.

    Raises:
        NCOError: where it cannot be written: an older file is then still there, whole, and the
            solution's `faults` has the message too.
    """
    try:
        atomic.write_bytes(path, data)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror})"
        solution.faults.append(message)
        raise NCOError(message) from error


def content(path: Path, solution: "Solution", case: Case | None) -> bytes:
    """What is to be written; as JSON in the form of another program, where the case came so.

    Args:
        path: its ending says the form.
        solution: what was found.
        case: what it is a solution of; None where the problem has no files.

    Raises:
        NCOError: an ending that says no form, or a form that this solution does not have.
    """
    check_ending(path)
    suffix = path.suffix.lower()
    if suffix == ".json" and (own := _own_json(solution, case)) is not None:
        return own.encode()
    if suffix == ".json":
        data = solution.to_dict()
        if case is not None and named_lines(solution):
            table = table_of(case, solution.solution, solution.orders)
            data["table"] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        return (json.dumps(data, indent=1) + "\n").encode()
    if case is None:
        raise NCOError(f"{solution.problem} has no files.py: its solutions cannot be saved so")
    if suffix == PAGE:
        return picture.written(solution, "html")
    if suffix not in TABLES:
        files = registry.folder(solution.problem).files
        return files.write_solution(case, solution.solution, solution.cost).encode()
    table = table_of(case, solution.solution, solution.orders)
    if suffix == ".xlsx":
        return excel.written([table])
    if suffix == ".geojson":
        return geojson.written(table, str(path)).encode()
    mark = "\ufeff"  # by which Excel knows UTF-8
    return (mark + delimited.written(table, "\t" if suffix == ".tsv" else ",")).encode()


def _own_json(solution: "Solution", case: Case | None) -> str | None:
    """The solution in the JSON form of the program that the case was written for, if any."""
    files = None if case is None else registry.folder(case.problem).files
    if not isinstance(files, OwnJson):
        return None
    return files.write_json(case, solution.solution, solution.cost)
