"""What is said of clusters where Ray is absent, and of flags that make no sense."""

import importlib.util
import subprocess
import sys

import pytest
from family_runs import attached, collecting

import nco
from nco import cli
from nco.cluster import fit
from nco.cluster.rollouts import Asynchronous
from nco.core.errors import NCOError

LABELS = ["--problem", "tsp", "--size", "5", "--instances", "2", "--solver", "ortools"]
BAG = {"values": [6, 4, 3], "weights": [5, 4, 3], "capacity": 8}


@pytest.fixture
def absent(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else found(name)
    )


@pytest.mark.parametrize(
    "words",
    [
        ["solve", "example:capitals.tsp", "--cluster", "local"],
        [
            "label",
            "--problem",
            "tsp",
            "--size",
            "5",
            "--instances",
            "2",
            "--solver",
            "ortools",
            "--output",
            "x",
            "--cluster",
            "a",
        ],
        ["sweep", "--output", "x", "--tune.a", "uniform(1,2)"],
        [
            "fit",
            "--config",
            "configs/tsp/pomo.yaml",
            "--checkpoint.folder",
            "x",
            "--cluster",
            "local",
        ],
    ],
)
def test_the_line_says_what_to_install(absent, capsys, words, tmp_path, monkeypatch):
    """And nothing is begun."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    line = "nco: --cluster needs Ray, which is not installed: pip install 'nco-solver[ray]'\n"
    assert capsys.readouterr().err == line


def test_so_does_a_call(absent):
    """As an error that a program can catch."""
    with pytest.raises(NCOError, match="pip install"):
        next(nco.solve_iter([BAG], cluster="local"))


def test_so_does_a_training_with_actors(absent):
    """At its first step; to make the method, or to load what it trained, nothing is needed."""
    source, trained = attached(Asynchronous())
    with pytest.raises(NCOError, match=r"^Asynchronous needs Ray, which is not installed: pip"):
        source.collect(collecting(trained))


def test_ray_is_not_imported_unless_asked_for():
    """Nor what this package has for it, beside the module of `solve_iter`."""
    code = "import sys, nco; print(len(list(nco.solve_iter([%r], model='none', time_limit=None))),"
    code = (code % BAG) + " 'ray' in sys.modules, 'nco.cluster.sweep' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False", "False"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--output", "x"], "--output: only with --cluster"),
        (["--dry_run"], "--dry_run: only with --cluster"),
        (["--cluster", "local", "--plot", "x.png"], "--plot: is for a few files"),
        (["--cluster", "local", "--format", "parquet"], "--format: needs --output DIR"),
    ],
)
def test_flags_without_sense_are_refused(words, line, capsys):
    """In one line, before anything is done."""
    with pytest.raises(SystemExit):
        cli.main(["solve", "example:capitals.tsp", *words])
    assert line in capsys.readouterr().err


def test_the_flags_of_a_training_on_a_cluster_are_taken_out():
    """Everything else is Lightning's."""
    words = ["fit", "--config", "a.yaml", "--cluster=auto", "--workers", "4"]
    job = fit.job_of([*words, "--checkpoint.folder", "runs/a", "--restarts", "1"])
    assert job.words == ("fit", "--config", "a.yaml", "--checkpoint.folder", "runs/a")
    assert (job.address, job.workers, job.restarts, job.folder) == ("auto", 4, 1, "runs/a")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["test", "--cluster", "local"], "is for nco fit, not for nco test"),
        (["fit", "--cluster", "local"], "needs --checkpoint.folder"),
        (["fit", "--checkpoint.folder=a", "--cluster"], "--cluster: its value is missing"),
        (
            ["fit", "--checkpoint.folder=a", "--cluster=b", "--workers=0"],
            "--workers: a whole number, not 0",
        ),
    ],
)
def test_wrong_flags_of_a_training_are_named(words, line):
    """With what they lack."""
    with pytest.raises(NCOError, match=line):
        fit.job_of(words)


def test_a_dry_run_says_what_it_will_cost(tmp_path, capsys):
    """Instances, nodes, time and core-hours; nothing is begun."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nco-solver[ray]'")
    path = tmp_path / "many.jsonl"
    path.write_text('{"values": [6], "weights": [5], "capacity": 8}\n' * 3600)
    words = ["solve", str(path), "--cluster", "local", "--time_limit", "2", "--dry_run"]
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    out = capsys.readouterr().out
    assert not stop.value.code
    assert "instances: 3600" in out
    assert "cost: 2 core-hours" in out
    assert "an instance: 2 s of one core at most, as --time_limit says" in out
