"""The comparison of solvers: who takes part, what is measured, and how it is summed up."""

import contextlib
import csv
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nco import registry
from nco.benchmark import (
    Plan,
    Run,
    command,
    compare,
    measuring,
    plot,
    prepare,
    print_table,
    save,
    summarise,
    with_gaps,
)
from nco.cli import main as nco
from nco.core.errors import NCOError
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.problems.tsp import TSP
from nco.workers import lanes
from nco.workers.pool import Outcome
from nco.zoo import weights

COLUMNS = (
    "problem,size,solver,time_limit,instances,failures,mean_cost,gap_percent,standard_error,"
    "gap_median,primal_integral,points,seconds_median,seconds_max,cold_gap_percent,cold_seconds"
)
SQUARE = """NAME: square
TYPE: TSP
DIMENSION: 4
EDGE_WEIGHT_TYPE: EUC_2D
NODE_COORD_SECTION
1 0 0
2 0 10
3 10 10
4 10 0
"""
KNAPSACK = "3 10\n6 6\n5 5\n5 5\n"  # the best value is 10


def run(
    cost: float | None,
    gap: float | None = None,
    *,
    instance: str = "a",
    problem: str = "tsp",
    size: int = 4,
    solver: str = "ortools",
    limit: float | None = 1.0,
    seconds: float = 1.0,
) -> Run:
    objective = -cost if cost is not None and problem == "knapsack" else cost
    error = "timed out" if cost is None else None
    return Run(problem, instance, size, solver, limit, cost, objective, gap, seconds, error)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network for the TSP."""
    problem = TSP(size=6)
    policy = AttentionPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16), heads=2)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    weights.save(folder, problem, policy.build(problem.schema), {"measured": []})
    return folder


@pytest.fixture
def square(tmp_path: Path) -> Path:
    path = tmp_path / "square.tsp"
    path.write_text(SQUARE)
    return path


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "WARM_UP", (0.05,))


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class TestGaps:
    def test_are_to_the_best_of_all_solvers_and_limits_by_instance(self) -> None:
        """Instances of the same name in two problems have nothing to do with each other."""
        runs = [
            run(10.0, solver="nco", limit=0.1),
            run(8.0, solver="nco", limit=1.0),
            run(9.0),
            run(100.0, instance="b"),
            run(5.0, problem="cvrp"),
        ]
        assert [each.gap_percent for each in with_gaps(runs, {})] == [25.0, 0.0, 12.5, 0.0, 0.0]

    def test_are_positive_when_worse_where_costs_are_negative(self) -> None:
        """Less value than the best is a positive gap."""
        runs = [run(-10.0, problem="knapsack"), run(-9.0, problem="knapsack", solver="cpsat")]
        assert [each.gap_percent for each in with_gaps(runs, {})] == [0.0, 10.0]

    def test_to_a_known_value_may_be_negative(self) -> None:
        """A known value counts even where this comparison found something better."""
        runs = [run(9.0), run(12.0, solver="nco"), run(7.0, instance="b")]
        gaps = [each.gap_percent for each in with_gaps(runs, {("tsp", "a"): 10.0})]
        assert gaps == [-10.0, 20.0, 0.0]

    def test_known_values_are_in_the_sense_of_the_problem(self) -> None:
        """A best known value is an objective, not a cost."""
        runs = [run(-9.0, problem="knapsack")]
        assert with_gaps(runs, {("knapsack", "a"): 10.0})[0].gap_percent == 10.0

    def test_of_failures_are_left_open(self) -> None:
        """A run without a cost has no gap."""
        assert with_gaps([run(None), run(3.0)], {})[0].gap_percent is None

    @pytest.mark.parametrize(("cost", "gap"), [(0, 0.0), (1, math.inf), (-1, -math.inf)])
    def test_to_a_best_of_nothing(self, cost: float, gap: float) -> None:
        """To a best cost of zero a gap is zero or infinite."""
        assert with_gaps([run(cost)], {("tsp", "a"): 0.0})[0].gap_percent == gap


class TestSummary:
    def test_averages_what_was_solved_and_counts_the_rest(self) -> None:
        """Failures enter no mean and are listed with their message."""
        runs = [
            run(10.0, 0.0, seconds=1.0),
            run(12.0, 4.0, instance="b", seconds=3.0),
            run(None, instance="c", seconds=99.0),
        ]
        (row,) = summarise(runs)
        assert (row.instances, row.failures, row.messages) == (3, 1, ["c: timed out"])
        assert (row.mean_cost, row.gap_percent, row.gap_median) == (11.0, 2.0, 2.0)
        assert row.standard_error == pytest.approx(2.0)
        assert (row.seconds_median, row.seconds_max) == (2.0, 3.0)

    def test_median_is_not_moved_by_one_bad_instance(self) -> None:
        """The mean is, and the median stays."""
        (row,) = summarise([run(1.0, gap, instance=str(gap)) for gap in (1.0, 2.0, 90.0)])
        assert (row.gap_percent, row.gap_median) == (31.0, 2.0)

    def test_cold_runs_stand_beside_the_warm_ones(self) -> None:
        """They are in no other figure, and their failures are told apart."""
        cold = replace(run(15.0, 50.0, seconds=9.0), cold=True)
        lost = replace(run(None, seconds=7.0, instance="b"), cold=True)
        (row,) = summarise([run(10.0, 0.0), cold, lost])
        assert (row.instances, row.failures, row.mean_cost) == (1, 0, 10.0)
        assert (row.gap_percent, row.seconds_max) == (0.0, 1.0)
        assert (row.cold_gap_percent, row.cold_seconds) == (50.0, 9.0)
        assert row.messages == ["b, cold: timed out"]

    def test_has_no_figures_where_nothing_was_solved(self) -> None:
        """All figures are open then, and the failures counted."""
        (row,) = summarise([run(None)])
        assert (row.instances, row.failures) == (1, 1)
        assert (row.mean_cost, row.gap_percent, row.seconds_max) == (None, None, None)

    def test_has_a_row_a_problem_solver_and_limit(self) -> None:
        """Runs that differ in one of the three are not mixed."""
        runs = [run(1.0), run(1.0, solver="nco"), run(1.0, limit=None), run(1.0, problem="cvrp")]
        runs += [replace(each, instance="b") for each in runs]
        rows = summarise(runs)
        assert [(row.problem, row.solver, row.time_limit) for row in rows] == [
            ("tsp", "ortools", 1.0),
            ("tsp", "nco", 1.0),
            ("tsp", "ortools", None),
            ("cvrp", "ortools", 1.0),
        ]
        assert [row.instances for row in rows] == [2, 2, 2, 2]

    @pytest.mark.parametrize(("sizes", "shown"), [([5, 5], 5), ([8, 5], "5-8")])
    def test_names_the_sizes(self, sizes: list[int], shown: int | str) -> None:
        """Equal sizes are one number, others their range."""
        assert summarise([run(1.0, size=size) for size in sizes])[0].size == shown

    def test_of_one_infinite_gap_is_infinite(self) -> None:
        """The mean gap is infinite then, without a standard error."""
        (row,) = summarise([run(1.0, math.inf), run(1.0, 0.0, instance="b")])
        assert (row.gap_percent, row.standard_error) == (math.inf, None)


RUNS = [
    run(10.0, 0.0, limit=0.1),
    run(12.0, 20.0, limit=1.0),
    run(11.0, 10.0, limit=None, solver="nco:a/long/name"),
    *[run(None, problem="knapsack", instance=f"k{index}") for index in range(5)],
    run(1.0, math.inf, problem="cvrp", size=7),
]


class TestOutput:
    def test_table_has_exactly_the_columns(self, tmp_path: Path) -> None:
        """The file has the promised columns, and a row for each solver and limit."""
        save(RUNS, tmp_path / "new" / "folder", {"seed": 1})
        lines = (tmp_path / "new" / "folder" / "table.csv").read_text().splitlines()
        assert lines[0] == COLUMNS
        assert lines[1] == "tsp,4,ortools,0.1,1,0,10.0,0.0,,0.0,,final,1.0,1.0,,"
        assert lines[3] == "tsp,4,nco:a/long/name,default,1,0,11.0,10.0,,10.0,,final,1.0,1.0,,"
        assert lines[4] == "knapsack,4,ortools,1,5,5,,,,,,,,,,"

    def test_every_run_and_the_setting_are_kept(self, tmp_path: Path) -> None:
        """Costs, errors and the setting are in the files."""
        save(RUNS, tmp_path, {"seed": 1})
        runs = read_table(tmp_path / "runs.csv")
        assert [row["cost"] for row in runs[:4]] == ["10.0", "12.0", "11.0", ""]
        assert (runs[3]["instance"], runs[3]["error"]) == ("k0", "timed out")
        assert json.loads((tmp_path / "about.json").read_text()) == {"seed": 1}

    @pytest.mark.parametrize("runs", [RUNS, [run(None)], []])
    def test_picture_is_a_picture_whatever_failed(self, runs: list[Run]) -> None:
        """Also where nothing was solved or nothing was run."""
        assert plot(summarise(runs)).startswith(b"\x89PNG")

    def test_printed_table_is_aligned_and_lists_failures(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Numbers end in one column, and messages follow the table."""
        print_table(summarise(RUNS))
        table = [line for line in capsys.readouterr().out.splitlines() if line]
        shown = [name for name in COLUMNS.split(",") if name != "standard_error"]
        assert table[0].split() == [name for name in shown if not name.startswith("cold_")]
        end = table[0].index("instances") + len("instances")
        assert [line[:end].split()[-1] for line in table[1:6]] == ["1", "1", "1", "5", "1"]
        assert table[6:] == [
            *[f"failed: ortools, time limit 1: k{index}: timed out" for index in range(3)],
            "failed: ortools, time limit 1: and 2 more, see runs.csv",
        ]


class TestPlan:
    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"size": None}, "files are needed, or a problem and a size"),
            ({"problem": None}, "files are needed, or a problem and a size"),
            ({"files": ["a.tsp"]}, "leave it out"),
            ({"solvers": []}, "at least one solver"),
            ({"time_limits": [0.0]}, "positive seconds, not 0.0"),
            ({"time_limits": [math.inf]}, "positive seconds, not inf"),
            ({"instances": 0}, "from 1 to 10000, not 0"),
            ({"instances": 10_001}, "from 1 to 10000, not 10001"),
            ({"cores": 0}, "cores must be from 1 to the"),
            ({"cores": 100_000}, "not 100000"),
            ({"cold": -1}, "from 0, not -1"),
            ({"problem": "chess"}, "unknown problem chess; there are"),
            ({"size": 0}, "tsp: size must be"),
            ({"solvers": ["magic"]}, "unknown solver magic; there are nco, nco-neural, ortools"),
            ({"solvers": ["cpsat"]}, "unknown solver cpsat"),
            ({"solvers": ["nco:no-such"]}, "model no-such: neither shipped"),
            ({"best_known": "no.csv"}, "no.csv: cannot be read"),
        ],
    )
    def test_that_cannot_be_carried_out_is_one_line(
        self, fault: dict[str, object], message: str
    ) -> None:
        """Each contradiction of a plan is an error of one line."""
        good = {"problem": "tsp", "size": 5, "instances": 1, "solvers": ["ortools"]}
        with pytest.raises(NCOError) as caught:
            prepare(Plan(**{**good, **fault}))
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_takes_the_first_of_a_published_set(self) -> None:
        """Names and numbers are those of the published instances."""
        cases = prepare(Plan(problem="tsp", size=5, instances=2, solvers=["ortools"])).cases
        assert [name for name, _ in cases] == ["tsp5-1234-0", "tsp5-1234-1"]
        # numpy's RandomState(1234).uniform(): Kool's recipe
        assert cases[0][1].coords[0] == pytest.approx([0.1915194504, 0.6221087710])

    def test_generates_where_the_seed_is_another(self) -> None:
        """The origin says so, and equal seeds give equal instances."""
        plan = Plan(problem="cvrp", size=5, instances=2, seed=7, solvers=["ortools"])
        first, again = prepare(plan), prepare(plan)
        assert "generated" in first.origin
        assert (first.cases[1][1].coords == again.cases[1][1].coords).all()
        assert (first.cases[0][1].coords != first.cases[1][1].coords).any()

    def test_solvers_sit_out_the_problems_of_others(
        self, tmp_path: Path, square: Path, model: Path
    ) -> None:
        """Each problem has the solvers that it knows."""
        sack = tmp_path / "sack"
        sack.write_text(KNAPSACK)
        files = [str(square), str(sack)]
        contest = prepare(Plan(files=files, solvers=["ortools", "cpsat", f"nco:{model}"]))
        names = {key: [each.name for each in found] for key, found in contest.entrants.items()}
        assert names == {"knapsack": ["ortools", "cpsat"], "tsp": ["ortools", f"nco:{model}"]}
        assert contest.models == {f"nco:{model}": [str(model)]}
        assert contest.runs == 4

    def test_files_of_one_name_are_told_apart(self, tmp_path: Path, square: Path) -> None:
        """Two files of one name keep their paths, and a file given twice runs once."""
        (tmp_path / "other").mkdir()
        twin = tmp_path / "other" / "square.tsp"
        twin.write_text(SQUARE)
        contest = prepare(Plan(files=[str(square), str(twin)] * 2, solvers=["ortools"]))
        assert [name for name, _ in contest.cases] == [str(square), str(twin)]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("name,optimum\nsquare,40\n", ":1: best_known: this column is missing"),
            ("", ":1: name: this column is missing"),
            ("name,best_known\ncircle,40\n", "has no value for any instance; the first is square"),
            ("name,best_known\ncircle,1\nsquare,many\n", ":3: best_known many: not a finite"),
        ],
    )
    def test_best_known_values_must_be_there(
        self, tmp_path: Path, square: Path, text: str, message: str
    ) -> None:
        """A table with a missing column or name is refused."""
        path = tmp_path / "known.csv"
        path.write_text(text)
        with pytest.raises(NCOError) as caught:
            prepare(Plan(files=[str(square)], solvers=["ortools"], best_known=str(path)))
        assert message in str(caught.value)


class TestMeasuring:
    def test_prices_files_against_best_known_values(self, tmp_path: Path, square: Path) -> None:
        """The square's tour is 40 long; the sack's best value is 10, and its cost is negative."""
        sack = tmp_path / "sack.txt"
        sack.write_text(KNAPSACK)
        known = tmp_path / "known.csv"
        known.write_text("n,name,best_known\n4,square,32\n3,sack,20\n")
        runs = compare(
            Plan(
                files=[str(square), str(sack)],
                solvers=["ortools"],
                time_limits=[0.05],
                best_known=str(known),
            )
        )
        assert [(each.instance, each.cost, each.gap_percent) for each in runs] == [
            ("sack", -10, 50.0),
            ("square", 40, 25.0),
        ]

    @pytest.mark.parametrize(
        ("outcome", "error"),
        [
            (Outcome(None, 0.1, "pyvrp is not installed"), "pyvrp is not installed"),
            (Outcome(None, 0.1), "no solution found"),
            (Outcome([1, 2, 3], 0.1), "infeasible: node 4 is not visited"),
            (Outcome("nonsense", 0.1), "infeasible: a tour is a list of node numbers, not str"),
        ],
    )
    def test_failures_are_runs_without_a_cost(
        self, monkeypatch: pytest.MonkeyPatch, square: Path, outcome: Outcome, error: str
    ) -> None:
        """Whatever goes wrong in a child is the error of a run."""
        monkeypatch.setattr(measuring, "classical", lambda *_: [outcome])
        (found,) = compare(Plan(files=[str(square)], solvers=["pyvrp"]))
        assert (found.cost, found.gap_percent, found.error) == (None, None, error)

    @pytest.mark.long
    def test_a_network_that_fails_is_a_failure(
        self, monkeypatch: pytest.MonkeyPatch, square: Path, model: Path
    ) -> None:
        """Its error is kept in one line."""

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("out of\nmemory")

        monkeypatch.setattr("nco.solving.solver.solve", fail)
        (found,) = compare(Plan(files=[str(square)], solvers=[f"nco:{model}"]))
        assert found.error == "RuntimeError: out of memory"

    def test_without_a_limit_a_network_makes_one_deterministic_pass(self, model: Path) -> None:
        """Two comparisons give the same cost."""
        plan = Plan(
            problem="tsp", size=5, instances=1, solvers=[f"nco-neural:{model}"], time_limits=[None]
        )
        first, again = compare(plan), compare(plan)
        assert first[0].cost is not None
        assert (first[0].time_limit, first[0].cost) == (None, again[0].cost)

    @pytest.mark.long
    def test_compiled_searches_are_loaded_before_the_first_run(self, square: Path) -> None:
        """Of `nco.solve` too: else its first runs are those of a cold start."""
        plan = Plan(files=[str(square)], solvers=["nco"], time_limits=(0.05,))
        with contextlib.closing(lanes.Lanes()) as own, lanes.within(own):
            next(measuring.measure(prepare(plan)))
            compiled = [each for each in registry.folder("tsp").improvers() if each.kernels]
            assert compiled
            assert all(own.lane(0).workers.has_loaded(each) for each in compiled)


class TestCommand:
    @pytest.mark.long
    def test_compares_networks_with_classical_solvers(
        self, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The command writes a table, runs and a report of all entrants."""
        solvers = [f"nco:{model}", f"nco-neural:{model}", "ortools"]
        arguments = ["benchmark", "--problem", "tsp", "--size", "5", "--instances", "2"]
        arguments += ["--seed", "1234", "--solvers", ",".join(solvers)]
        arguments += ["--time_limits", "0.05,0.1", "--cold", "0", "--output", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as ended:
            nco(arguments)
        assert ended.value.code == 0
        rows = read_table(tmp_path / "out" / "table.csv")
        assert [(row["time_limit"], row["solver"]) for row in rows] == [
            (limit, solver) for limit in ("0.05", "0.1") for solver in solvers
        ]
        assert all((row["instances"], row["failures"]) == ("2", "0") for row in rows)
        assert all(float(row["gap_percent"]) >= 0 for row in rows)
        assert float(rows[-1]["gap_percent"]) == pytest.approx(0)  # five nodes
        assert len(read_table(tmp_path / "out" / "runs.csv")) == 12
        assert (tmp_path / "out" / "plot.png").read_bytes().startswith(b"\x89PNG")
        assert "<!doctype html>" in (tmp_path / "out" / "report.html").read_text()
        curve = read_table(tmp_path / "out" / "curve.csv")
        assert {row["solver"] for row in curve} == set(solvers)
        assert {row["points"] for row in curve} == {"history", "streamed"}
        about = json.loads((tmp_path / "out" / "about.json").read_text())
        assert about["versions"].keys() >= {"nco", "torch", "ortools", "pyvrp"}
        assert about["measured"] == "12 of 12 runs"
        printed = capsys.readouterr().out
        assert f"processor: {about['processor']}" in printed
        assert "gap_percent" in printed

    def test_interrupted_keeps_what_was_measured(
        self, tmp_path: Path, square: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every run is in the file before the next one begins."""
        seen = []

        def measure(_: object) -> Iterator[Run]:
            yield run(40.0, instance="square")
            seen.append(len(read_table(tmp_path / "out" / "runs.csv")))
            raise KeyboardInterrupt

        monkeypatch.setattr(command, "measure", measure)
        arguments = ["benchmark", "--files", str(square), "--solvers", "ortools"]
        arguments += ["--time_limits", "0.1,default", "--cold", "0"]
        arguments += ["--output", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as ended:
            nco(arguments)
        assert (ended.value.code, seen) == (130, [1])
        (row,) = read_table(tmp_path / "out" / "table.csv")
        assert (row["mean_cost"], row["gap_percent"]) == ("40.0", "0.0")
        about = json.loads((tmp_path / "out" / "about.json").read_text())
        assert about["measured"] == "1 of 2 runs"

    def test_error_is_one_line_and_nothing_is_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An unknown solver is named beside those that there are."""
        arguments = ["benchmark", "--problem", "tsp", "--size", "5", "--solvers", "magic"]
        with pytest.raises(SystemExit) as ended:
            nco([*arguments, "--output", str(tmp_path / "out")])
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("nco: unknown solver magic; there are nco,")
        assert not (tmp_path / "out").exists()

    def test_output_that_is_a_file_is_an_error(
        self, square: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A file in the place of the output folder is left alone."""
        arguments = ["benchmark", "--files", str(square), "--solvers", "ortools"]
        with pytest.raises(SystemExit) as ended:
            nco([*arguments, "--output", str(square)])
        assert ended.value.code == 2
        assert f"nco: --output {square}: cannot be made a folder" in capsys.readouterr().err
        assert square.read_text() == SQUARE
