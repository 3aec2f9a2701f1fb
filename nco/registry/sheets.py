"""From tables to cases: which problem they are of, and what was given beside them."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.core.errors import InstanceError
from nco.registry.interface import ReadsTables
from nco.registry.shipped import located
from nco.tables import files, frames, matrices
from nco.tables.columns import has_header, match, unknown_headers
from nco.tables.figures import Unreadable, number
from nco.tables.forms import Argument, Form
from nco.tables.reading import Given
from nco.tables.rules import refuse_unread
from nco.tables.table import Table

Sheets = dict[str, ReadsTables[Any]]  # by the problem's name


@functools.cache
def readers() -> Sheets:
    """The problems that read tables."""
    found = ((name, registry.folder(name).reads_tables) for name in registry.names())
    return {name: sheet for name, sheet in found if sheet is not None}


def arguments() -> dict[str, Argument]:
    """What the problems' tables take beside them, by name."""
    return {argument.name: argument for sheet in readers().values() for argument in sheet.ARGUMENTS}


def case_of(
    tables: Sequence[Table],
    problem: str | None,
    columns: Mapping[str, str],
    given: Mapping[str, Any],
) -> Case:
    """The case of tables.

    Args:
        tables: of one file or DataFrame.
        problem: the problem folder's name; None: the one that uses most columns and arguments.
        columns: column name -> header, where the user says which is which.
        given: arguments by name.

    Raises:
        InstanceError: no problem, or several, have such tables; what is wrong with them.
    """
    whole = Given(tables, _arguments(given), dict(columns), problem)
    whole = replace(whole, has_distances=matrices.present(whole))
    _check_columns(whole, problem)
    sheets = readers()
    if problem is not None:
        if problem not in sheets:
            reason = f"{problem} reads no tables; {', '.join(sheets)} do"
            raise InstanceError(reason, path=whole.path)
        _check_arguments(problem, sheets[problem], whole)
        case = _made(sheets[problem], whole) if _score(sheets[problem], whole) else None
        if case is None:
            raise _unfit(problem, sheets[problem].FORMS, whole)
        return case
    takers = [name for name, sheet in sheets.items() if not _untaken(sheet, whole)] or [*sheets]
    scores = {name: _score(sheets[name], whole) for name in takers}
    best = max(scores.values())
    if best < 1 and whole.arguments and len(takers) < len(sheets):
        raise _nearest(takers, whole)
    names = [name for name, score in scores.items() if score == best]
    if best < 1:
        raise _unrecognised(whole)
    for name in names:
        _check_arguments(name, sheets[name], whole)
    cases = [case for name in names if (case := _made(sheets[name], whole)) is not None]
    if len(cases) == 1:
        return cases[0]
    if not cases:
        raise _unfit(names[0], sheets[names[0]].FORMS, whole)
    may_be = " or ".join(case.problem for case in cases)
    raise InstanceError(f"may be {may_be}; name one with problem= (--problem)", path=whole.path)


def _made(sheet: ReadsTables[Any], given: Given) -> Case | None:
    """The case of a problem; an error that names no file gets that of the tables."""
    refuse_unread(one for form in sheet.FORMS if (one := given.find(form)) is not None)
    try:
        made: Case | None = sheet.from_tables(given)
    except InstanceError as error:
        if error.path is not None or given.path is None:
            raise
        raise InstanceError(
            error.reason, field=error.field, value=error.value, path=given.path, line=error.line
        ) from error
    return made


def _score(sheet: ReadsTables[Any], given: Given) -> int:
    """How many columns and arguments a problem would use; 0 where it lacks its first table."""
    found = [given.find(form) for form in sheet.FORMS]
    alone = sheet.FORMS[0].with_distances == () and given.has_distances
    if found[0] is None and not alone:
        return 0
    declared = {argument.name for argument in sheet.ARGUMENTS}
    taken = sum(name in declared for name in given.arguments)
    tables = {id(one.table): len(one.match.places) for one in reversed(found) if one is not None}
    return 1 + taken + sum(tables.values())


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values; texts of the command line become numbers and tables."""
    known = arguments()
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in known:
            near = get_close_matches(name, known, 1)
            reason = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            raise InstanceError(f"no such argument of a table; {reason}", field=name)
        checked[name] = _value(known[name], value)
    return checked


def _value(argument: Argument, value: Any) -> Any:
    if argument.kind == "text":
        return str(value)
    if argument.kind == "table":
        try:
            if argument.name in matrices.ARGUMENTS and (square := frames.square_of(value)):
                return [square]
            if frames.is_frame(value):
                return [frames.read(value)]
        except InstanceError as error:
            raise InstanceError(error.reason, field=argument.name, value=error.value) from error
        if isinstance(value, str | Path) and files.is_table(Path(value)):
            return files.read(located(Path(value)))
    try:
        alone = hasattr(value, "item") and getattr(value, "size", 1) == 1
        read = number(value.item() if alone else value, ".")
    except Unreadable as error:
        table = (
            "a table (a file, a DataFrame; a sheet beside the first needs no option) or a number"
        )
        words = table if argument.kind == "table" else error
        reason = f"must be {words}" if argument.kind == "table" else str(words)
        shown = " ".join(str(value).split())[:60]
        raise InstanceError(reason, field=argument.name, value=shown) from None
    if argument.kind == "number":
        if read <= 0:
            raise InstanceError("must be positive", field=argument.name, value=str(value))
        return read
    if not read.is_integer() or not 1 <= read <= 2**53:
        raise InstanceError("must be a whole number from 1 on", field=argument.name, value=value)
    return int(read)


def _untaken(sheet: ReadsTables[Any], given: Given) -> list[str]:
    """The arguments that a problem does not have."""
    declared = [argument.name for argument in sheet.ARGUMENTS]
    return [name for name in given.arguments if name not in declared]


def _check_arguments(problem: str, sheet: ReadsTables[Any], given: Given) -> None:
    """Refuses an argument that the problem would ignore."""
    for name in _untaken(sheet, given):
        declared = [argument.name for argument in sheet.ARGUMENTS]
        others = f"; it takes {', '.join(declared)}" if declared else ""
        raise InstanceError(f"{problem} has no {name}{others}", field=name, path=given.path)


def _check_columns(given: Given, problem: str | None) -> None:
    """Refuses a column that no form has, and a header that no table has."""
    sheets = readers()
    chosen = [sheets[problem]] if problem in sheets else list(sheets.values())
    known = {column.name for sheet in chosen for form in sheet.FORMS for column in form.columns}
    for name in given.columns:
        if name not in known:
            reason = f"no such column; there are {', '.join(sorted(known))}"
            raise InstanceError(reason, field="columns", value=name, path=given.path)
    tables = [
        *given.tables,
        *(t for value in given.arguments.values() if isinstance(value, list) for t in value),
    ]
    for name, header in given.columns.items():
        errors = [unknown_headers({name: header}, table) for table in tables]
        if all(errors) and errors[0] is not None:
            raise errors[0]


def _unfit(problem: str, forms: Sequence[Form], given: Given) -> InstanceError:
    """Why tables are not those of a problem."""
    form = next((form for form in forms if given.find(form) is None), None)
    if form is None:
        return InstanceError(f"not the tables of {problem}", path=given.path)
    if form is not forms[0]:
        needs = " or ".join(", ".join(names) for names in form.needs)
        reason = (
            f"{problem} needs a table of {form.name} with the columns {needs}: a sheet of the "
            f"workbook, or --{form.name} TABLE ({form.name}=TABLE)"
        )
        return InstanceError(reason, field=form.name, path=given.path)
    table, found = max(
        ((table, match(form, table, given.columns)) for table in given.tables),
        key=lambda pair: len(pair[1].places),
    )
    needs = " or ".join(", ".join(names) for names in form.needs)
    lacking = min(([n for n in names if n not in found.places] for names in form.needs), key=len)
    reason = (
        f"{problem} needs the columns {needs}; here are {table.headers}: "
        f"name the missing by --columns {lacking[0]}=HEADER (columns={{'{lacking[0]}': HEADER}})"
    )
    return table.error(reason)


def _nearest(problems: Sequence[str], given: Given) -> InstanceError:
    """Why tables are not those of the problem with most of their columns."""

    def known(name: str) -> int:
        form = readers()[name].FORMS[0]
        return max(len(match(form, table, given.columns).places) for table in given.tables)

    best = max(problems, key=known)
    return _unfit(best, readers()[best].FORMS, given)


def _unrecognised(given: Given) -> InstanceError:
    """That no problem has these columns, and what some of them need."""
    needs: dict[str, list[str]] = {}
    for name, sheet in readers().items():
        form = sheet.FORMS[0]
        words = ", ".join(form.needs[-1]) + (" or distances" if form.with_distances == () else "")
        needs.setdefault(words, []).append(name)
    wanted = "; ".join(f"{', '.join(names)}: {words}" for words, names in needs.items())
    table = given.tables[0]
    reason = (
        f"the columns of no problem; here are {table.headers}. Needed are, for {wanted}. "
        "Name one with --problem, columns with --columns NAME=HEADER"
    )
    return table.error(reason)


def read_solution(table: Table, case: Case, columns: Mapping[str, str]) -> Any:
    """The solution of a case in a table.

    Args:
        table: of a file or a DataFrame.
        case: what it is a solution of.
        columns: column name -> header, where the user says which is which.

    Raises:
        InstanceError: the problem reads no such tables, has no such column, or what is wrong.
    """
    sheet = registry.folder(case.problem).reads_tables
    if sheet is None:
        reason = f"solutions of {case.problem} are not read from tables"
        raise InstanceError(reason, path=table.path)
    known = [column.name for column in sheet.PLAN.columns]
    for name in columns:
        if name not in known:
            reason = f"no such column of a solution; there are {', '.join(known)}"
            raise InstanceError(reason, field="columns", value=name, path=table.path)
    if (error := unknown_headers(columns, table)) is not None:
        raise error
    return sheet.read_solution(replace(table, stated=dict(columns)), case)


def parted(
    columns: Mapping[str, str],
    instance: Sequence[Table],
    arguments: Mapping[str, Any],
    plan: Table,
) -> tuple[dict[str, str], dict[str, str]]:
    """Which of the user's columns are those of the instance, and which those of the solution.

    One that fits both is of both; one that fits neither is of what reads such columns at all.

    Args:
        columns: column name -> header.
        instance: its tables; none of a source of another kind.
        arguments: those of the instance, of which some may be tables.
        plan: the solution's table.
    """
    sheets = readers().values()
    of_plan = {column.name for sheet in sheets for column in sheet.PLAN.columns}
    forms = [form for sheet in sheets for form in (*sheet.FORMS, matrices.PAIRS)]
    of_instance = {column.name for form in forms for column in form.columns}
    beside = [t for v in _arguments(arguments).values() if isinstance(v, list) for t in v]
    tables = [*instance, *beside]
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    for name, header in columns.items():
        there = name in of_instance and any(has_header(header, table) for table in tables)
        here = name in of_plan and has_header(header, plan)
        if there or (not here and (name in of_instance or name not in of_plan)):
            first[name] = header
        if here or (not there and name in of_plan and name not in of_instance):
            second[name] = header
    return first, second
