"""A comparison from the plan to its files."""

import contextlib
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from nco.benchmark.contest import Contest, prepare
from nco.benchmark.curve import with_integrals
from nco.benchmark.known import doubts, remarks
from nco.benchmark.measuring import measure
from nco.benchmark.output import log_line, print_table, save
from nco.benchmark.plan import DEFAULT, Plan
from nco.benchmark.runs import Run, with_gaps
from nco.benchmark.setting import describe_setting
from nco.benchmark.summary import summarise
from nco.core import atomic
from nco.core.errors import NCOError

WIDEST = 300  # characters of a printed line on the setting; about.json has it whole


def compare(plan: Plan) -> list[Run]:
    """Every run of a plan, gaps and primal integrals included.

    Raises:
        NCOError: a solver, problem, file or best known value that is not there, before any run.
    """
    contest = prepare(plan)
    return _completed(list(measure(contest)), contest)


def _completed(runs: Sequence[Run], contest: Contest) -> list[Run]:
    return with_integrals(with_gaps(runs, contest.known))


def main(plan: Plan, folder: Path) -> int:
    """`nco benchmark`: measures, prints the table, and saves it with all else.

    Ctrl-C ends the measuring, and what has been measured is summarised; so does ``runs.csv`` hold
    every finished run at any moment, though without gaps. A disk that fills up costs the files
    alone: the table is printed before they are written.
    """
    contest = prepare(plan)
    about = describe_setting(contest)
    for key, value in about.items():
        print(textwrap.shorten(f"{key}: {_plain(value)}", WIDEST, placeholder=" ..."), flush=True)
    for line in remarks(contest.known, str(plan.best_known)):
        print(f"nco: {line}", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(folder / "about.json", json.dumps(about, indent=1) + "\n")
        log = open(folder / "runs.csv", "wb", buffering=0)  # noqa: SIM115  closed below
    except OSError as error:
        raise NCOError(f"{folder}: cannot be written ({error.strerror})") from error
    with log:
        runs, code = _logged(contest, log)
    runs = _completed(runs, contest)
    print_table(summarise(runs))
    for line in doubts(runs, contest.known):
        print(f"nco: {line}", file=sys.stderr)
    measured = f"{len(runs)} of {contest.runs} runs"
    save(runs, folder, {**about, "measured": measured}, contest.cases)
    print(f"\n{folder / 'report.html'}")
    return code


def _logged(contest: Contest, log: IO[bytes]) -> tuple[list[Run], int]:
    """The runs, each written to `log` as it ends, and the exit code: 130 after Ctrl-C."""
    from tqdm import tqdm

    runs: list[Run] = []
    _write(log, log_line(None))
    try:
        for run in tqdm(measure(contest), total=contest.runs, unit="run", disable=None):
            runs.append(run)
            _write(log, log_line(run))
    except KeyboardInterrupt:
        if not runs:
            raise
        return runs, 130
    return runs, 0


def _write(log: IO[bytes], line: str) -> None:
    """Loses the line on a full disk, but not the measuring; saving will then say so."""
    with contextlib.suppress(OSError):
        log.write(line.encode())


def _plain(value: Any) -> str:
    """Nested values on one line, without the brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return " ".join(_plain(item) for item in value)
    return DEFAULT if value is None else str(value)
