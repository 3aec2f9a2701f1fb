"""From what a user has (a path, arrays) to exact cases; and checking of solutions."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nco import registry
from nco.core.case import Case, Report
from nco.core.errors import InstanceError, NCOError
from nco.registry import foreign, sheets
from nco.registry.interface import TakesArguments
from nco.registry.shipped import located
from nco.tables import files as table_files
from nco.tables import frames
from nco.tables.table import Table

LARGEST_FILE = 2**30  # bytes
ALIKE = 0.8  # of two keys, from where on one may be a slip for the other


def read(
    path: str | Path,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Case:
    """The case of a file; each problem folder says whether it recognises the text.

    Args:
        path: of a file, or ``example:PROBLEM/FILE`` (or ``example:FILE``) for one that ships.
        problem: the problem folder's name, where the text does not tell.
        columns: of a table (CSV, Excel): which header is which column, such as
            ``{"demand": "qty"}``, where it is not recognised.
        arguments: of a table: what it does not say, such as ``{"capacity": 12}``.

    Raises:
        InstanceError: naming file, line, field, value and reason.
        NCOError: where no folder, or more than one, recognises it.
    """
    path = located(Path(path))
    if table_files.is_table(path):
        return sheets.case_of(table_files.read(path), problem, columns or {}, arguments or {})
    _refuse(columns, None, path)
    text = _text(path)
    if (foreign_kind := foreign.kind(text)) is not None:
        raise InstanceError(f"{foreign_kind}, which is not solved here", path=path)
    names = [problem] if problem else _takers(text)
    known = any(registry.folder(name).files.recognise(text) for name in names)
    if not known and (arrays := _arrays(text)) is not None:
        return _of_arrays(arrays, problem, path, arguments or {})
    if not names:
        raise InstanceError(
            f"not recognised as a file of any problem ({', '.join(registry.names())}); "
            f"name one with problem= (--problem) to be told what it lacks{_like_a_table(text)}",
            path=path,
        )
    if len(names) == 1:
        return _case(names[0], text, path, arguments or {})
    return _readable(names, text, path, arguments or {})


def _like_a_table(text: str) -> str:
    """The remedy for a text that looks like a table, which only its file's name would say."""
    lines = text.splitlines()[:2]
    marks = [mark for mark in ",;\t" if all(line.count(mark) > 1 for line in lines)]
    return "; a table is a file that ends in .csv" if len(lines) == 2 and marks else ""


def _arrays(text: str) -> Any:
    """The JSON that a text is, such as Python's arrays written to a file; None of another text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_arrays(arrays: Any, problem: str | None, path: Path, arguments: Mapping[str, Any]) -> Case:
    """The case of arrays in a file, which has its name; ``problem`` may be among them."""
    named = arrays.get("problem") if isinstance(arrays, Mapping) else None
    if named in registry.names():
        problem = problem or str(named)
        if "problem" not in registry.folder(problem).files.ARRAYS:
            arrays = {key: value for key, value in arrays.items() if key != "problem"}
    try:
        case = as_case(arrays, problem, arguments=arguments)
    except InstanceError as error:
        raise InstanceError(
            error.reason, field=error.field, value=error.value, path=path
        ) from error
    return replace(case, path=str(path), name=path.stem)


def _case(name: str, text: str, path: Path, arguments: Mapping[str, Any]) -> Case:
    """The case of a problem's text; an argument that the problem would ignore is refused."""
    files = registry.folder(name).files
    stated = {name: value for name, value in arguments.items() if value is not None}
    known = files.ARGUMENTS if isinstance(files, TakesArguments) else ()
    _refuse(None, {name: value for name, value in stated.items() if name not in known}, path)
    try:
        case: Case = files.read(text, path=str(path), **stated)
    except InstanceError as error:
        takers = [] if files.recognise(text) else _takers(text)
        if not takers:
            raise
        reason = f"{error.reason} (this is a file of {' or '.join(takers)})"
        raise InstanceError(
            reason, field=error.field, value=error.value, path=error.path, line=error.line
        ) from error
    return case


def _takers(text: str) -> list[str]:
    """The problems that recognise a text."""
    return [name for name in registry.names() if registry.folder(name).files.recognise(text)]


def _refuse(
    columns: Mapping[str, str] | None, arguments: Mapping[str, Any] | None, path: Path | None
) -> None:
    """Refuses what would be ignored: only tables leave things out."""
    for name in {**({"columns": columns} if columns else {}), **(arguments or {})}:
        reason = "is for tables (CSV, Excel, DataFrames); another source says so itself"
        raise InstanceError(reason, field=name, path=path)


def _readable(names: list[str], text: str, path: Path, arguments: Mapping[str, Any]) -> Case:
    """The case of the only one of several problems that has no objection to a text.

    So a problem with one more rule, which a file states, needs no word in the folder of the problem
    without that rule, which refuses the file.
    """
    cases: list[Case] = []
    for name in names:
        with contextlib.suppress(InstanceError):
            cases.append(_case(name, text, path, arguments))
    if len(cases) == 1:
        return cases[0]
    may_be = " or ".join([case.problem for case in cases] or names)
    raise InstanceError(f"may be {may_be}; name one with problem=", path=path)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InstanceError("larger than a gigabyte", path=path)
        data = path.read_bytes()
    except OSError as error:
        raise InstanceError(f"cannot be read: {error.strerror}", path=path) from error
    if b"\0" in data:
        raise InstanceError("a binary file, not text", path=path)
    if not data.strip():
        raise InstanceError("the file is empty", path=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # comments of old public files hold accents


def as_case(
    source: Any,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Case:
    """The case of a path, of a DataFrame, of arrays, or itself; arguments as those of `read`."""
    if isinstance(source, Case):
        return source
    if isinstance(source, str | Path):
        return read(source, problem, columns=columns, arguments=arguments)
    if frames.is_frame(source) and frames.is_named(source):
        return sheets.case_of([frames.read(source)], problem, columns or {}, arguments or {})
    _refuse(columns, arguments, None)
    source = source.to_numpy() if frames.is_frame(source) else source
    found = []
    for name in [problem] if problem else registry.names():
        files = registry.folder(name).files
        stated = source
        if problem and "problem" in files.ARRAYS and isinstance(source, Mapping):
            stated = {"problem": problem, **source}  # where other problems have the same keys
        case = files.from_arrays(stated)
        if case is not None:
            found.append(case)
    if len(found) == 1:
        only: Case = found[0]
        return only
    shape = sorted(source) if isinstance(source, Mapping) else type(source).__name__
    if not found and getattr(source, "ndim", 0) > 2:
        reason = f"a batch of {source.shape[0]} instances: give a list of them, list(source)"
        raise InstanceError(reason, field="source", value=shape)
    if not found:
        if isinstance(source, Mapping) and (misnamed := _misnamed(source, problem)):
            raise misnamed
        allowed = ", ".join([problem] if problem else registry.names())
        raise InstanceError(f"not the arrays of {allowed}", field="source", value=shape)
    names = " or ".join(case.problem for case in found)
    raise InstanceError(f"may be {names}; name one with problem=", field="source", value=shape)


def is_table(source: Any) -> bool:
    """Whether a source of `as_case` is a table, which takes arguments."""
    if isinstance(source, str | Path):
        return table_files.is_table(located(Path(source)))
    return frames.is_frame(source) and frames.is_named(source)


def _misnamed(source: Mapping[Any, Any], problem: str | None) -> InstanceError | None:
    """For keys of which some are, or nearly are, those of a problem (`ARRAYS` of its files.py)."""
    given = {str(key) for key in source}
    nearest: tuple[int, str, set[str]] | None = None
    for name in [problem] if problem else registry.names():
        known = set(registry.folder(name).files.ARRAYS)
        alike = sum(bool(get_close_matches(key, known, 1, ALIKE)) for key in given)
        if nearest is None or (alike, -len(known)) > (nearest[0], -len(nearest[2])):
            nearest = (alike, name, known)
    if nearest is None or nearest[0] == 0 or given <= nearest[2]:
        return None
    field = min(given - nearest[2])
    reason = f"no such key; the arrays of {nearest[1]} are {', '.join(sorted(nearest[2]))}"
    return InstanceError(reason, field=field)


def plan_table(solution: Any) -> Table | None:
    """The table that a solution is, a file or a DataFrame; None of another solution."""
    if frames.is_frame(solution):
        return frames.read(solution)
    if isinstance(solution, str | Path) and table_files.is_table(Path(solution)):
        return table_files.read(Path(solution))[0]
    return None


def parted_columns(
    instance: Any,
    solution: Any,
    columns: Mapping[str, str] | None,
    arguments: Mapping[str, Any] | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Which of the columns of `check` are those of the instance, and which of the solution."""
    plan = plan_table(solution) if columns else None
    if not columns or plan is None:
        return dict(columns or {}), {}
    tables: list[Table] = []
    if isinstance(instance, str | Path) and table_files.is_table(path := located(Path(instance))):
        tables = table_files.read(path)
    elif frames.is_frame(instance) and frames.is_named(instance):
        tables = [frames.read(instance)]
    return sheets.parted(columns, tables, arguments or {}, plan)


def check(
    instance: Any,
    solution: Any,
    problem: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Report:
    """The independent checker's verdict.

    Args:
        instance: a path, a case, a DataFrame or arrays.
        solution: in the instance's own numbers, a `Solution`, or the path of a solution file; a
            table such as `Solution.save` writes or `Solution.table` makes is one, too.
        problem: the problem folder's name, where the instance does not tell.
        columns: of an instance or a solution that is a table, as those of `read`.
        arguments: of an instance that is a table, as those of `read`.
    """
    columns, own = parted_columns(instance, solution, columns, arguments)
    case = as_case(instance, problem, columns=columns, arguments=arguments)
    return verdict(case, solution, own)


def verdict(case: Case, solution: Any, columns: Mapping[str, str]) -> Report:
    """`check` of a case.

    Args:
        case: what it is a solution of.
        solution: as that of `check`.
        columns: column name -> header, of a solution that is a table.
    """
    return registry.folder(case.problem).check.check(case, plan_of(case, solution, columns))


def plan_of(case: Case, solution: Any, columns: Mapping[str, str]) -> Any:
    """A solution of a case as plain data, unchecked; arguments as those of `verdict`.

    Raises:
        InstanceError: where the file or table holds none.
    """
    if (plan := plan_table(solution)) is not None:
        return sheets.read_solution(plan, case, columns)
    if isinstance(solution, str | Path):
        path = Path(solution)
        try:
            return registry.folder(case.problem).files.read_solution(_text(path), case)
        except InstanceError as error:
            raise InstanceError(
                error.reason, field=error.field, value=error.value, path=path, line=error.line
            ) from error
    return getattr(solution, "solution", solution)


__all__ = ["NCOError", "as_case", "check", "read"]
