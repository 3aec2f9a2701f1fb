"""Solvers x instances x time limits: one table, one picture, and every single run.

    plan = Plan(problem="tsp", size=100, solvers=["nco", "ortools"], time_limits=[0.1, 1.0])
    runs = compare(plan)
    print_table(summarise(runs))

Each answer is priced by the problem's independent checker in the instance's own units. Solvers take
turns on one instance before the next begins, so that whatever else the machine does hits all alike;
each has solved an instance, uncounted, before the clock starts. The time of a network is that of
the whole `nco.solve` call; that of a classical solver is its own call's, in its child process.
"""

import csv
import io
import json
import math
import os
import platform
import statistics
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nco import __version__, atomic, baselines, folders, sources
from nco.baselines import Outcome, Workers
from nco.case import Case
from nco.errors import InstanceError, NCOError
from nco.seeds import derive, generator

if TYPE_CHECKING:
    from nco.simulate import Evaluation

NETWORKS = ("nco", "nco-neural")  # with and without a classical solver's help; both take ":MODEL"
PUBLISHED_SEEDS, PUBLISHED = (1234, 4321), 10_000
DEFAULT = "default"  # a solver's own idea of when to stop, such as nco's one deterministic pass
WARM_UP = (0.05, 1.0)  # seconds: load everything, then take the whole path once
LINEAR = 1.0  # percent below which the picture's gap axis is linear
MARKERS = "osD^vP*X"  # so that solvers with equal gaps can be told apart
WIDEST = 300  # characters of a printed line on the setting; about.json has it whole
SHOWN = 3  # failures of a row that are printed
PACKAGES = ("torch", "ortools", "pyvrp", "fast-tsp")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compare on what: instances of one problem and size, or files.

    Attributes:
        solvers: "nco" (network, then classical improvement), "nco-neural" (network alone), either
            with ":MODEL" (a shipped name, a folder or a checkpoint), or names of the problem's
            `baseline.py`. A solver sits out the problems it cannot solve.
        time_limits: seconds for each instance; None leaves it to the solver.
        problem: folder; with `files` only needed where they do not tell.
        size, instances, seed: of generated instances; the seeds 1234 and 4321 stand for the first
            of the published set. Solvers are given the same seed.
        files: instance files of any problems and sizes.
        best_known: CSV with columns name and best_known (in the problem's own sense: a knapsack's
            value); without it gaps are to the best cost that any solver finds in this comparison.
        device: of the networks.
    """

    solvers: Sequence[str] = ("nco", "ortools")
    time_limits: Sequence[float | None] = (1.0,)
    problem: str | None = None
    size: int | None = None
    instances: int = 10
    seed: int = 1234
    files: Sequence[str] = ()
    best_known: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        for limit in self.time_limits:
            if limit is not None and not 0 < limit < math.inf:
                raise NCOError(f"time_limits: must be positive seconds, not {limit}")
        if not self.solvers or not self.time_limits:
            raise NCOError("at least one solver and one time limit are needed")
        if self.files and self.size is not None:
            raise NCOError("size is that of generated instances: leave it out with files")
        if not self.files and (self.problem is None or self.size is None):
            raise NCOError("files are needed, or a problem and a size")
        most = PUBLISHED if self.seed in PUBLISHED_SEEDS else math.inf
        if not 1 <= self.instances <= most:
            raise NCOError(f"instances must be from 1 to {most}, not {self.instances}")


@dataclass(frozen=True)
class Run:
    """One solver on one instance at one time limit; one line of ``runs.csv``.

    Attributes:
        cost, objective: by the checker; None where the run failed.
        gap_percent: positive when worse; None until the comparison is over, and for failures.
        seconds: wall time; error: why there is no feasible solution.
        cost_standard_error, measures: of a policy, which is simulated on the same random futures as
            every other one; its cost is then a mean.
    """

    problem: str
    instance: str
    size: int
    solver: str
    time_limit: float | None
    cost: float | None
    objective: float | None
    gap_percent: float | None
    seconds: float
    error: str | None
    cost_standard_error: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One solver at one time limit; all but the last four are columns of ``table.csv``.

    Attributes:
        size: the instances' size, or "least-most".
        instances: runs; failures: those without a feasible solution, which no figure includes.
        standard_error: of gap_percent over the instances; None for less than two.
        messages: what went wrong, an instance each.
        cost_standard_error, measures: of policies that were simulated: of their mean cost over the
            instances, and means of other figures by name. Columns only where there are any.
    """

    problem: str
    size: int | str
    solver: str
    time_limit: float | None
    instances: int
    failures: int
    mean_cost: float | None
    gap_percent: float | None
    seconds_median: float | None
    seconds_max: float | None
    standard_error: float | None
    messages: list[str]
    cost_standard_error: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)


COLUMNS = [item.name for item in fields(Row)][:-4]
RUN_COLUMNS = [item.name for item in fields(Run)][:-2]


@dataclass(frozen=True)
class Entrant:
    """A solver by name; `model` is None for a classical one."""

    name: str
    model: str | None
    classical: bool = True


@dataclass(frozen=True)
class Contest:
    """A plan whose instances and solvers have been found.

    Attributes:
        cases: name (unique within a problem) and instance, problem by problem.
        entrants: who takes part, problem by problem.
        known: best known objective values by (problem, name).
        models: the networks that each entrant will use.
        origin: where the instances come from.
    """

    plan: Plan
    cases: list[tuple[str, Case]]
    entrants: dict[str, list[Entrant]]
    known: dict[tuple[str, str], float]
    models: dict[str, list[str]]
    origin: str

    @property
    def runs(self) -> int:
        """How many there will be."""
        limits = len(dict.fromkeys(self.plan.time_limits))
        return limits * sum(len(self.entrants[case.problem]) for _, case in self.cases)


def compare(plan: Plan) -> list[Run]:
    """Every run of a plan, gaps included.

    Raises:
        NCOError: a solver, problem, file or best known value that is not there, before any run.
    """
    contest = prepare(plan)
    return with_gaps(list(measure(contest)), contest.known)


def main(plan: Plan, folder: Path) -> int:
    """`nco benchmark`: measures, then saves and prints the table.

    Ctrl-C ends the measuring, and what has been measured is summarised; so does ``runs.csv`` hold
    every finished run at any moment, though without gaps.
    """
    contest = prepare(plan)
    about = describe_setting(contest)
    for key, value in about.items():
        print(textwrap.shorten(f"{key}: {_plain(value)}", WIDEST, placeholder=" ..."), flush=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(folder / "about.json", json.dumps(about, indent=1) + "\n")
        log = open(folder / "runs.csv", "w", newline="")  # noqa: SIM115  closed below
    except OSError as error:
        raise NCOError(f"{folder}: cannot be written ({error.strerror})") from error
    with log:
        runs, code = _logged(contest, log)
    runs = with_gaps(runs, contest.known)
    save(runs, folder, {**about, "measured": f"{len(runs)} of {contest.runs} runs"})
    print_table(summarise(runs))
    return code


def _logged(contest: Contest, log: TextIO) -> tuple[list[Run], int]:
    """The runs, each written to `log` as it ends, and the exit code: 130 after Ctrl-C."""
    from tqdm import tqdm

    writer = csv.writer(log, lineterminator="\n")
    writer.writerow(RUN_COLUMNS)
    runs: list[Run] = []
    try:
        for run in tqdm(measure(contest), total=contest.runs, unit="run", disable=None):
            runs.append(run)
            writer.writerow(_cells(run)[: len(RUN_COLUMNS)])
            log.flush()
    except KeyboardInterrupt:
        if not runs:
            raise
        return runs, 130
    return runs, 0


# ---- what is compared


def prepare(plan: Plan) -> Contest:
    """Reads or generates the instances and finds the solvers; nothing is measured or written."""
    cases, origin = _from_files(plan) if plan.files else _from_problem(plan)
    problems = list(dict.fromkeys(case.problem for _, case in cases))
    asked = [_entrant(name) for name in dict.fromkeys(plan.solvers)]
    entrants = {
        problem: [entrant for entrant in asked if _serves(entrant, problem)] for problem in problems
    }
    for entrant in asked:
        if not any(entrant in found for found in entrants.values()):
            raise NCOError(_unknown(entrant, problems))
    known = _best_known(Path(plan.best_known), cases) if plan.best_known is not None else {}
    return Contest(plan, cases, entrants, known, _models(entrants, cases), origin)


def _from_files(plan: Plan) -> tuple[list[tuple[str, Case]], str]:
    found = [(path, sources.read(path, plan.problem)) for path in dict.fromkeys(plan.files)]
    found.sort(key=lambda item: item[1].problem)  # problem by problem, else in the given order
    keys = [(case.problem, Path(path).stem) for path, case in found]
    named = [
        (key[1] if keys.count(key) == 1 else str(path), case)
        for key, (path, case) in zip(keys, found, strict=True)
    ]
    return named, f"{len(named)} files"


def _from_problem(plan: Plan) -> tuple[list[tuple[str, Case]], str]:
    assert plan.problem is not None
    kind = folders.problem_class(plan.problem)
    try:
        problem = kind(size=plan.size)
    except ValueError as error:
        raise NCOError(f"{plan.problem}: {error}") from error
    what = f"{plan.instances} of {plan.problem}, n = {plan.size}, seed {plan.seed}"
    if plan.seed in PUBLISHED_SEEDS:
        try:
            cases = problem.published(plan.size, plan.instances, plan.seed)
            return [(case.name, case) for case in cases], f"{what}, the first of the published set"
        except NotImplementedError:  # a problem without a published set
            pass
    instance = problem.generate(plan.instances, generator(plan.seed, "benchmark"))
    return [(case.name, case) for case in problem.cases(instance)], f"{what}, generated"


def _entrant(name: str) -> Entrant:
    kind, colon, model = name.partition(":")
    if kind not in NETWORKS:
        return Entrant(name, None)
    return Entrant(name, model if colon else "auto", kind == "nco")


def _serves(entrant: Entrant, problem: str) -> bool:
    if entrant.model is None:
        return entrant.name in baselines.solvers(problem)
    if entrant.model == "auto":
        return True
    from nco.zoo import load

    return folders.folder_of(load(entrant.model).problem).rpartition(".")[2] == problem


def _unknown(entrant: Entrant, problems: Sequence[str]) -> str:
    if entrant.model is not None:
        return f"solver {entrant.name}: not a model for {' or '.join(problems)}"
    names = dict.fromkeys(name for problem in problems for name in baselines.solvers(problem))
    return (
        f"unknown solver {entrant.name}; there are {', '.join([*NETWORKS, *names])}, "
        f"{NETWORKS[0]}:MODEL and {NETWORKS[1]}:MODEL"
    )


def _models(
    entrants: Mapping[str, Sequence[Entrant]], cases: Iterable[tuple[str, Case]]
) -> dict[str, list[str]]:
    """The networks behind each entrant, or that there is none."""
    from nco.simulate import is_online
    from nco.solver import NO_MODEL
    from nco.zoo import choose, fitting

    kinds = {(case.problem, case.variant, case.size): case for _, case in cases}
    found: dict[str, list[str]] = {}
    for (problem, *_), case in kinds.items():
        for entrant in entrants[problem]:
            if entrant.model is None:
                continue
            if entrant.model != "auto":
                names = [entrant.model]
            elif is_online(case):
                names = fitting(problem, case)
            else:
                names = [choose(case) or NO_MODEL]
            found.setdefault(entrant.name, []).extend(names)
    return {name: list(dict.fromkeys(models)) for name, models in found.items()}


def _best_known(path: Path, cases: Iterable[tuple[str, Case]]) -> dict[tuple[str, str], float]:
    """The value of each instance, found by its name or by that of its file."""
    values = _read_best_known(path)
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


def _read_best_known(path: Path) -> dict[str, tuple[str, int]]:
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


# ---- measuring


def measure(contest: Contest) -> Iterator[Run]:
    """The runs as they end, gaps still open."""
    with Workers() as pool:  # apart from the child in which nco.solve improves its solutions
        _warm_up(contest, pool)
        for name, case in contest.cases:
            for limit in dict.fromkeys(contest.plan.time_limits):
                for entrant in contest.entrants[case.problem]:
                    outcome = _answer(entrant, case, limit, contest.plan, pool)
                    yield _priced(name, case, entrant.name, limit, outcome, contest.plan)


def _warm_up(contest: Contest, pool: Workers) -> None:
    """Every solver on the first instance of each problem; failures will show in the runs."""
    first = {case.problem: case for _, case in reversed(contest.cases)}
    for problem, case in first.items():
        classical = [each.name for each in contest.entrants[problem] if each.model is None]
        if classical:
            pool.warm(problem, *classical)
        for entrant in contest.entrants[problem]:
            for seconds in WARM_UP:
                _answer(entrant, case, seconds, contest.plan, pool)


def _answer(
    entrant: Entrant, case: Case, limit: float | None, plan: Plan, pool: Workers
) -> Outcome:
    if entrant.model is None:
        return pool.run(case, entrant.name, time_limit=limit, seed=plan.seed)
    from nco.solver import solve

    begin = time.perf_counter()
    try:
        found = solve(
            case,
            model=entrant.model,
            time_limit=limit,
            seed=plan.seed,
            device=plan.device,
            classical=entrant.classical,
        )
    except Exception as error:  # whatever it is, it is this run's outcome, and listed
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(None, time.perf_counter() - begin, message)
    if found.status == "INTERRUPTED":  # Ctrl-C, which `solve` answers with the best so far
        raise KeyboardInterrupt
    return Outcome(found.solution, found.seconds)


def _priced(
    name: str, case: Case, solver: str, limit: float | None, outcome: Outcome, plan: Plan
) -> Run:
    error = outcome.error
    cost = objective = cost_error = None
    measures: Mapping[str, float] = {}
    if isinstance(outcome.solution, Mapping):  # a policy; plans are lists
        found = _simulated(case, outcome.solution, plan)
        if found.violations:
            error = f"infeasible: {found.violations[0]}"
        else:
            cost, objective = found.cost, found.objective
            cost_error, measures = found.cost_standard_error, found.measures
    elif outcome.solution is not None:
        report = folders.module(case.problem, "check").check(case, outcome.solution)
        if report.feasible:
            cost, objective = report.cost, report.objective
        else:
            error = f"infeasible: {(report.violations or ['no cost'])[0]}"
    elif error is None:
        error = "no solution found"
    return Run(
        problem=case.problem,
        instance=name,
        size=case.size,
        solver=solver,
        time_limit=limit,
        cost=cost,
        objective=objective,
        gap_percent=None,
        seconds=outcome.seconds,
        error=error,
        cost_standard_error=cost_error,
        measures=measures,
    )


def _simulated(case: Case, solution: Any, plan: Plan) -> "Evaluation":
    """A policy on the futures that all policies of this comparison meet."""
    from nco.simulate import policy_of, simulate

    problem, policy = policy_of(case, solution)
    return simulate(problem, policy, case, seed=derive(plan.seed, "benchmark"))


# ---- figures


def with_gaps(runs: Sequence[Run], known: Mapping[tuple[str, str], float]) -> list[Run]:
    """The runs with their gaps to the best cost among them, or to the `known` objective values.

    Args:
        runs: of any problems.
        known: by (problem, instance); where a value is given, it alone counts.
    """
    maximised = {run.problem for run in runs if run.objective != run.cost}
    best: dict[tuple[str, str], float] = {}
    for run in runs:
        if run.cost is not None:
            key = run.problem, run.instance
            best[key] = min(run.cost, best.get(key, math.inf))
    for key, value in known.items():
        best[key] = -value if key[0] in maximised else value
    return [
        run
        if run.cost is None
        else replace(run, gap_percent=_gap(run.cost, best[run.problem, run.instance]))
        for run in runs
    ]


def _gap(cost: float, best: float) -> float:
    """In percent of the best, positive when worse, for negative costs too."""
    if cost == best:
        return 0.0
    return 100 * (cost - best) / abs(best) if best else math.copysign(math.inf, cost)


def summarise(runs: Iterable[Run]) -> list[Row]:
    """One row a problem, solver and time limit, in the order of their first runs."""
    groups: dict[tuple[str, str, float | None], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.problem, run.solver, run.time_limit), []).append(run)
    return [_row(group) for group in groups.values()]


def _row(group: Sequence[Run]) -> Row:
    solved = [run for run in group if run.cost is not None]
    sizes = [run.size for run in group]
    least, most = min(sizes), max(sizes)
    gaps = [run.gap_percent for run in solved if run.gap_percent is not None]
    spread = len(gaps) > 1 and all(map(math.isfinite, gaps))
    seconds = [run.seconds for run in solved]
    return Row(
        problem=group[0].problem,
        size=least if least == most else f"{least}-{most}",
        solver=group[0].solver,
        time_limit=group[0].time_limit,
        instances=len(group),
        failures=len(group) - len(solved),
        mean_cost=_mean([run.cost for run in solved if run.cost is not None]),
        gap_percent=_mean(gaps),
        seconds_median=statistics.median(seconds) if seconds else None,
        seconds_max=max(seconds, default=None),
        standard_error=statistics.stdev(gaps) / math.sqrt(len(gaps)) if spread else None,
        messages=[f"{run.instance}: {run.error}" for run in group if run.cost is None],
        cost_standard_error=_together([run.cost_standard_error for run in solved]),
        measures=_means([run.measures for run in solved]),
    )


def _together(errors: Sequence[float | None]) -> float | None:
    """The standard error of the mean of independent means."""
    known = [error for error in errors if error is not None]
    if not known or len(known) < len(errors):
        return None
    return math.sqrt(sum(error**2 for error in known)) / len(known)


def _means(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of what all of them name."""
    names = [name for name in (measures[0] if measures else {}) if all(name in m for m in measures)]
    return {name: sum(m[name] for m in measures) / len(measures) for name in names}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def describe_setting(contest: Contest) -> dict[str, Any]:
    """What a reader must know to judge the figures: machine, versions, arguments, date."""
    import torch

    versions = {"nco": __version__}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    device = contest.plan.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and torch.cuda.is_available():
        device = torch.cuda.get_device_name(device)
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": usable,
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "torch_threads": torch.get_num_threads(),
        "network_device": device,
        "versions": versions,
        "instances": contest.origin,
        "models": contest.models,
        "gaps_to": contest.plan.best_known or "the best of this comparison",
        "seed": contest.plan.seed,
        "arguments": asdict(contest.plan),
    }


def _processor() -> str:
    try:  # what platform knows on Linux is often no more than x86_64
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# ---- output


def save(runs: Sequence[Run], folder: Path, about: Mapping[str, Any]) -> None:
    """Writes ``table.csv``, ``runs.csv``, ``about.json`` and ``plot.png`` into `folder`."""
    rows = summarise(runs)
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(folder / "table.csv", _csv(COLUMNS, rows))
    atomic.write_text(folder / "runs.csv", _csv(RUN_COLUMNS, runs))
    atomic.write_text(folder / "about.json", json.dumps(about, indent=1) + "\n")
    atomic.write_bytes(folder / "plot.png", plot(rows))


def _csv(columns: Sequence[str], rows: Sequence[Run] | Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = _further(rows)
    writer.writerow([*columns, *names])
    for row in rows:
        cells = _cells(row)[: len(columns)]
        writer.writerow(cells + [_further_cell(row, name) for name in names])
    return text.getvalue()


def _further(rows: Sequence[Run] | Sequence[Row]) -> list[str]:
    """Columns that only simulated policies have."""
    if all(row.cost_standard_error is None for row in rows):
        return []
    return ["cost_standard_error", *dict.fromkeys(name for row in rows for name in row.measures)]


def _further_cell(row: Run | Row, name: str) -> float | str:
    found = row.measures.get(name, getattr(row, name, None))
    return "" if found is None else found


def _cells(row: Run | Row) -> list[Any]:
    values = {**asdict(row), "time_limit": _limit(row.time_limit)}
    return ["" if value is None else value for value in values.values()]


def _limit(limit: float | None) -> str:
    return DEFAULT if limit is None else f"{limit:g}"


def _plain(value: Any) -> str:
    """Nested values on one line, without the brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return " ".join(_plain(item) for item in value)
    return DEFAULT if value is None else str(value)


def print_table(rows: Sequence[Row]) -> None:
    """The table in aligned columns, the gap with its standard error, then what went wrong."""
    names = _further(rows)
    lines = [[*COLUMNS, *names]] + [
        _shown(row) + [_figure(_further_cell(row, name)) for name in names] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = ("problem", "solver")
    print()
    for line in lines:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, cell, width in zip(lines[0], line, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
    for row in rows:
        shown = row.messages[:SHOWN]
        if len(row.messages) > SHOWN:
            shown.append(f"and {len(row.messages) - SHOWN} more, see runs.csv")
        for message in shown:
            print(f"failed: {row.solver}, time limit {_limit(row.time_limit)}: {message}")


def _figure(value: float | str) -> str:
    return value or "-" if isinstance(value, str) else format(value, ".4g")


def _shown(row: Row) -> list[str]:
    def figure(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    gap = figure(row.gap_percent, ".3f")
    if row.standard_error is not None:
        gap += f" ±{row.standard_error:.3f}"
    return [
        row.problem,
        str(row.size),
        row.solver,
        _limit(row.time_limit),
        str(row.instances),
        str(row.failures),
        figure(row.mean_cost, ".7g"),
        gap,
        figure(row.seconds_median, ".3f"),
        figure(row.seconds_max, ".3f"),
    ]


def plot(rows: Sequence[Row]) -> bytes:
    """A PNG of the gap against the time limit; bars are standard errors.

    One panel a problem. A run without a limit is hollow, at the median time that it took.
    """
    from matplotlib.figure import Figure  # not pyplot, which keeps figures in a global list

    problems = list(dict.fromkeys(row.problem for row in rows))
    figure = Figure(figsize=(6.4 * max(1, len(problems)), 4.8), layout="constrained")
    for panel, problem in enumerate(problems):
        ax = figure.add_subplot(1, len(problems), panel + 1)
        own = [row for row in rows if row.problem == problem]
        for index, solver in enumerate(dict.fromkeys(row.solver for row in own)):
            _draw(ax, [row for row in own if row.solver == solver], index)
        sizes = ", ".join(dict.fromkeys(str(row.size) for row in own))
        ax.set(xscale="log", xlabel="time limit (s)", ylabel="gap (%)")
        ax.set_yscale("symlog", linthresh=LINEAR)  # tenths and tens of a percent in one picture
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_title(f"{problem}, n = {sizes}, {own[0].instances} instances")
        ax.grid(alpha=0.3)
        if all((row.gap_percent or 0.0) >= 0 for row in own):
            ax.set_ylim(bottom=-LINEAR / 10)
        if ax.get_legend_handles_labels()[1]:
            ax.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()


def _draw(ax: Any, rows: Sequence[Row], index: int) -> None:
    """One solver's points ``(seconds, gap, standard error)``."""
    limited: list[tuple[float, float, float]] = []
    free: list[tuple[float, float, float]] = []
    for row in rows:
        if row.gap_percent is None or not math.isfinite(row.gap_percent):
            continue
        seconds = row.seconds_median if row.time_limit is None else row.time_limit
        points = free if row.time_limit is None else limited
        points.append((seconds or 0.0, row.gap_percent, row.standard_error or 0.0))
    style: dict[str, Any] = {
        "marker": MARKERS[index % len(MARKERS)],
        "color": f"C{index % 10}",
        "capsize": 3,
    }
    for points, line, label in ((limited, "-", ""), (free, "none", f", {DEFAULT}")):
        if points:
            x, y, error = zip(*sorted(points), strict=True)
            style["mfc"] = "none" if points is free else style["color"]
            style["label"] = f"{rows[0].solver}{label}"
            # later lines are thinner, so that those below them show
            width = max(1.0, 3.0 - index / 2)
            ax.errorbar(x, y, error, ls=line, lw=width, elinewidth=1, **style)
