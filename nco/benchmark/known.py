"""Best known values from a CSV file."""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

from nco.core.case import Case
from nco.core.errors import InstanceError


def best_known(path: Path, cases: Iterable[tuple[str, Case]]) -> dict[tuple[str, str], float]:
    """The value of each instance, found by its name or by that of its file.

    Args:
        path: a CSV file with the columns ``name`` and ``best_known``, in the problem's own sense.
        cases: names within the comparison, and instances.

    Returns:
        Values by (problem, name).

    Raises:
        InstanceError: the file, line and value at fault, or the instance that has no row.
    """
    values = _read(path)
    known = {}
    for name, case in cases:
        file = Path(case.path or name)
        matches = [key for key in (name, file.stem, file.name, case.name) if key in values]
        if not matches:
            raise InstanceError("has no row for this instance", field="name", value=name, path=path)
        text, line = values[matches[0]]
        try:
            known[case.problem, name] = float(text)
        except ValueError:
            known[case.problem, name] = math.nan
        if not math.isfinite(known[case.problem, name]):
            raise InstanceError(
                "not a finite number", field="best_known", value=text or None, path=path, line=line
            )
    return known


def _read(path: Path) -> dict[str, tuple[str, int]]:
    """Name to value as it stands there and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise InstanceError(f"cannot be read: {reason}", path=path) from error
    reader = csv.DictReader(io.StringIO(text))
    for column in ("name", "best_known"):
        if column not in (reader.fieldnames or []):
            raise InstanceError("this column is missing", field=column, path=path, line=1)
    return {
        (row["name"] or "").strip(): (row["best_known"] or "", reader.line_num) for row in reader
    }
