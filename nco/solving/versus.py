"""A policy of the caller's own, and a changed case, beside the best policy on the same futures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from nco.core.case import Case, Report
from nco.core.errors import InstanceError, NCOError
from nco.solving.candidates import evaluated
from nco.solving.options import Options
from nco.solving.simulate import Evaluation, difference, policy_of
from nco.tables import files
from nco.tables.table import Table, shown


@runtime_checkable
class ReadsPolicies(Protocol):
    """A case that understands rules as people write them."""

    def policy_in_words(self, text: str) -> Any:
        """The rule in words such as ``min-max 40 90``. Raises `InstanceError`."""

    def policy_of_rows(
        self, rows: list[dict[str, str]], lines: Sequence[int] = (), delimiter: str = ""
    ) -> Any:
        """The rule in a table with a row a node, header to cell. Raises `InstanceError`."""


@runtime_checkable
class Changeable(Protocol):
    """A case of which a single number can be changed by its name."""

    def changed(self, change: str) -> Case:
        """The case with ``edges.depot.lead_time=5``, or several such. Raises `InstanceError`."""


def policy(case: Case, given: Any, path: str | None = None) -> Any:
    """The caller's policy as plain data, of which it is certain that it can be played.

    Args:
        given: a rule as a mapping; a file: what ``--save`` wrote, a rule in JSON, or a table
            (``.csv``) with a row a node; else words.
        path: the file that a mapping is from, for errors.

    Raises:
        NCOError, InstanceError: naming the file or word, and what was expected.
    """
    if isinstance(given, Mapping):
        solution: Any = dict(given)
    elif Path(str(given)).suffix.lower() in (".json", ".csv"):
        solution = from_file(case, Path(str(given)))
        path = str(given)
    elif isinstance(case, ReadsPolicies):
        solution = case.policy_in_words(str(given))
    else:
        raise NCOError(f"policy {given!r}: of {case.problem} give a JSON file with a rule")
    try:
        policy_of(case, solution)
    except InstanceError as error:
        raise InstanceError(
            error.reason, field=error.field, value=error.value, path=error.path or path
        ) from error
    return solution


def from_file(case: Case, path: Path) -> Any:
    """What a JSON file or a table says, unchecked."""
    if path.suffix.lower() == ".csv":
        if not isinstance(case, ReadsPolicies):
            raise NCOError(f"{path}: of {case.problem} give a JSON file with a rule")
        table = files.read(path)[0]
        try:
            return case.policy_of_rows(_rows(table), table.lines, table.delimiter)
        except InstanceError as error:
            raise InstanceError(
                error.reason, field=error.field, value=error.value, path=path, line=error.line
            ) from error
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NCOError(f"{path}: cannot be read ({error})") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InstanceError(f"not JSON: {error}", field="policy", path=path) from error
    return data["solution"] if isinstance(data, dict) and "solution" in data else data


def _rows(table: Table) -> list[dict[str, str]]:
    """Each row of a table as header to cell."""
    return [dict(zip(table.columns, map(shown, row), strict=True)) for row in table.rows]


def changed(case: Case, change: str) -> Case:
    """The case with a change.

    Raises:
        NCOError, InstanceError: where the case has no such number, or may not have that value.
    """
    if not isinstance(case, Changeable):
        raise NCOError(f"what_if: {case.problem} cannot be changed by words yet: give two files")
    return case.changed(change)


def row(
    what: str,
    options: Options,
    case: Case,
    solution: Any,
    other: Evaluation,
    best: Evaluation,
) -> dict[str, Any]:
    """A comparison with the best policy as plain data.

    `difference` is how much more the other one costs, in the sense of the cost.
    """
    more, error = difference(other, best)
    return {
        "what": what,
        "given": _named(options.policy if what == "policy" else options.what_if),
        "cost": other.cost,
        "objective": other.objective,
        "cost_standard_error": other.cost_standard_error,
        "difference": more,
        "difference_standard_error": error,
        "traces": min(other.traces, best.traces),
        "measures": other.measures,
        "rule": case.words(solution),
        "solution": solution,
        "violations": other.violations,
    }


def _named(given: Any) -> str:
    return given if isinstance(given, str) else str(given.get("rule", given))


def report(case: Case, solution: Any, traces: int | None = None) -> Report:
    """A policy's mean cost as a checker's verdict; the futures are those of `nco.solve`.

    Args:
        case: an online one; solution: a rule or ``{"model": NAME}``.
        traces: futures.

    Raises:
        InstanceError: where it is no policy of this case.
    """
    options = Options() if traces is None else Options(traces=traces)
    from nco.solving import neural

    device = neural.device_of(options)
    found = evaluated(
        case,
        solution,
        Options(traces=options.traces, device=device),
        "evaluation",
        options.traces,
        None,
    )
    return Report(
        found.cost,
        found.objective,
        found.violations,
        cost_standard_error=found.cost_standard_error,
        measures={**found.measures, "traces": found.traces},
    )
