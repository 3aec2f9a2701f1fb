"""Best known values from a CSV file."""

import csv
import io
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nco.benchmark.runs import Run
from nco.core.case import Case
from nco.core.errors import InstanceError

Known = dict[tuple[str, str], float | None]  # by (problem, name); None: the file has no value

EMPTY = ("", "-", "?", "nan", "none", "na", "n/a")  # a value that is not known
LEAST, MOST = 0.8, 5.0  # objective to best known value: outside of it is another unit


@dataclass(frozen=True)
class _Row:
    """A line of the file: its number, and the value and its scale as they stand there."""

    line: int
    value: str
    scale: str


def best_known(path: Path, cases: Iterable[tuple[str, Case]]) -> Known:
    """The value of each instance, found by its name or by that of its file.

    A name may have folders before it: ``brandimarte/mk01``.

    Args:
        path: a CSV file with the columns ``name`` and ``best_known``, in the problem's own sense,
            and, where that is in other units, ``scale``: what it is multiplied by to be in those
            of the instance.
        cases: names within the comparison, and instances.

    Returns:
        Values by (problem, name); None where there is no row, or an empty one.

    Raises:
        InstanceError: the file, line and value at fault, or where no instance has a row.
    """
    rows = _read(path)
    known: Known = {}
    for name, case in cases:
        row = _match(rows, name, case)
        known[case.problem, name] = None if row is None else _value(row, path)
    if known and all(value is None for value in known.values()):
        name = next(iter(known))[1]
        reason = "has no value for any instance; the first is"
        raise InstanceError(f"{reason} {name}", field="name", path=path)
    return known


def _match(rows: Mapping[str, _Row], name: str, case: Case) -> _Row | None:
    """The row of an instance: by its names, with more and more folders, at last without any."""
    file = Path(case.path or name).absolute()
    parts = file.parts[-4:]
    deeper = [str(PurePosixPath(*parts[-depth:])) for depth in range(2, len(parts) + 1)]
    deeper += [str(PurePosixPath(each).with_suffix("")) for each in deeper]
    for key in (name, file.stem, file.name, case.name, *deeper):
        if key in rows:
            return rows[key]
    short = {file.stem, case.name}
    found = [row for key, row in rows.items() if "/" in key and key.rpartition("/")[2] in short]
    return found[0] if len(found) == 1 else None  # two folders may have files of one name


def _value(row: _Row, path: Path) -> float | None:
    """A line's value in the instance's units."""
    if row.value.strip().lower() in EMPTY:
        return None
    scale = _number(row.scale or "1", "scale", row, path)
    return scale * _number(row.value, "best_known", row, path)


def _number(text: str, field: str, row: _Row, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InstanceError(
            "not a finite number", field=field, value=text, path=path, line=row.line
        )
    return value


def remarks(known: Mapping[tuple[str, str], float | None], path: str) -> list[str]:
    """A line on the instances without a value, where there are any."""
    lacking = [name for (_, name), value in known.items() if value is None]
    if not lacking:
        return []
    shown = ", ".join(lacking[:5]) + (" and others" if len(lacking) > 5 else "")
    count = f"{len(lacking)} of {len(known)} instances"
    return [f"{path} has no value for {count}, whose gaps stay empty: {shown}"]


def doubts(runs: Sequence[Run], known: Mapping[tuple[str, str], float | None]) -> Iterator[str]:
    """A line on values that cannot be in the instances' units.

    Where a column ``scale`` would help, it says with which value.
    """
    ratios: dict[str, float] = {}
    for run in runs:
        value = known.get((run.problem, run.instance))
        if run.objective is not None and value:
            ratio = run.objective / value
            nearest = ratios.get(run.instance, math.inf)
            if abs(math.log(max(ratio, 1e-9))) < abs(math.log(max(nearest, 1e-9))):
                ratios[run.instance] = ratio
    odd = {name: ratio for name, ratio in ratios.items() if not LEAST <= ratio <= MOST}
    if odd:
        name, ratio = next(iter(odd.items()))
        middle = statistics.median(odd.values())
        power = 10.0 ** round(math.log10(middle)) if middle > 0 else 1.0
        tip = f"; a column scale with {power:g} may put it right" if power not in (1.0, 0.0) else ""
        yield (
            f"best known values seem to be in other units for {len(odd)} of {len(ratios)} "
            f"instances: for {name} {ratio:.4g} times the value was found{tip}"
        )


def _read(path: Path) -> dict[str, _Row]:
    """The lines by name."""
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
        (row["name"] or "").strip(): _Row(
            reader.line_num, row["best_known"] or "", (row.get("scale") or "").strip()
        )
        for row in reader
    }
