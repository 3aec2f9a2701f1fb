"""Training and sweeps in Ray's workers: a worker that dies, and the best of several trials."""

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
from cluster_nodes import TESTS, ray_or_skip
from training_runs import CONFIG, load

from nco import cli
from nco.cluster.sweep import distribution
from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.labels import make
from nco.labels.store import LabelSpec
from nco.problems.tsp import TSP
from nco.zoo import weights

ray_or_skip()
pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray Train of its own settings
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A short run, in the present folder."""
    tours = tmp_path / "tours"
    spec = LabelSpec(describe(TSP([4, 6])), "ortools", None, instances=12, seed=1, chunk=4)
    make.fill(spec, tours, 1, lambda done: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(TESTS) / "training"))
    (tmp_path / "module_of_ranks.py").write_text(
        (Path(TESTS) / "training" / "module_of_ranks.py").read_text()
    )
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(labels=tours, folder=tmp_path / "logs"))
    return path


def run(*words):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    return stop.value.code


def test_a_training_goes_on_when_a_worker_dies(nodes, config, tmp_path):
    """Ray begins both workers again, from the newest checkpoint, and they end alike."""
    nodes.resize(2)
    seen = tmp_path / "seen"
    seen.mkdir()
    death = ["--trainer.callbacks+", "module_of_ranks.Death", "--trainer.callbacks.rank", "1"]
    death += ["--trainer.callbacks.step", "5", "--trainer.callbacks.folder", str(tmp_path)]
    watch = ["--trainer.callbacks+", "module_of_ranks.Seen"]
    watch += ["--trainer.callbacks.folder", str(seen)]
    words = ["fit", "--config", str(config), "--checkpoint.folder", str(tmp_path / "run")]
    words += ["--checkpoint.steps", "2", "--cluster", nodes.address, "--workers", "2"]
    cli.main([*words, *watch, *death])
    assert (tmp_path / "died").exists()
    assert load(tmp_path / "run" / "last.ckpt")["global_step"] == 8
    steps = [json.loads(line)["step"] for line in (seen / "rank0.jsonl").read_text().splitlines()]
    assert steps[-1] == 8
    assert steps.count(5) == 2  # again from the checkpoint of step 4
    assert steps.count(4) == 1
    assert len({path.read_text() for path in seen.glob("*.weights")}) == 1


def test_a_sweep_keeps_its_best_trial(nodes, config, tmp_path, capsys):
    """A learning rate of nothing learns nothing; the other trial is the best."""
    nodes.resize(2)
    words = ["sweep", "--config", str(config), "--output", "found", "--cluster", nodes.address]
    words += ["--trials", "2", "--seconds", "4", "--scheduler", "none"]
    words += ["--trainer.max_steps", "-1", "--trainer.limit_train_batches", "1000000"]
    words += ["--tune.model.init_args.training.seed", "choice(0, 1)"]
    assert not run(*words)
    rows = list(csv.DictReader((tmp_path / "found" / "trials.csv").read_text().splitlines()))
    assert len(rows) == 2
    lasts = [float(row["last"]) for row in rows]
    assert lasts == sorted(lasts)
    assert all(4 <= float(row["cpu_seconds"]) < 30 for row in rows)
    assert (tmp_path / "found" / "trials.png").read_bytes().startswith(b"\x89PNG")
    best = weights.load(tmp_path / "found" / "best")
    trial = weights.load(tmp_path / "found" / "runs" / rows[0]["trial"])
    for one, other in zip(best.policy.parameters(), trial.policy.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3, rtol=1e-2)  # kept in half precision
    assert "found/best" in capsys.readouterr().out


@pytest.mark.slow  # a trial that goes on from another one begins its training again
@pytest.mark.parametrize("scheduler", ["pbt", "searl"])
def test_a_population_goes_on_from_its_better_trials(nodes, config, tmp_path, scheduler):
    """Weights and values of the better trial replace those of the other one, to the end."""
    nodes.resize(2)
    words = ["sweep", "--config", str(config), "--output", "found", "--cluster", nodes.address]
    words += ["--trials", "2", "--seconds", "5", "--scheduler", scheduler]
    words += ["--trainer.max_steps", "-1", "--trainer.limit_train_batches", "1000000"]
    words += ["--tune.model.init_args.training.lr", "loguniform(1e-9, 3e-2)"]
    assert not run(*words)
    rows = list(csv.DictReader((tmp_path / "found" / "trials.csv").read_text().splitlines()))
    assert len(rows) == 2
    assert all(float(row["cpu_seconds"]) >= 5 for row in rows)
    copies = (tmp_path / "found" / "tune" / "pbt_global.txt").read_text().splitlines()
    assert copies
    assert weights.load(tmp_path / "found" / "best").policy is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gauss(1, 2)", "one of uniform, loguniform"),
        ("uniform(1, x)", "no JSON values"),
        ("loguniform(0, 1)", "lower bound"),
        ("__import__('os')", "one of uniform"),
    ],
)
def test_a_distribution_is_read_and_not_run(text, words):
    """It is text of a user, and no code."""
    with pytest.raises(NCOError, match=words):
        distribution("lr", text)


def test_distributions_draw_what_they_say():
    """Numbers between their ends, or one of some values."""
    assert 1 <= distribution("x", "uniform(1, 2)").sample() <= 2
    assert distribution("x", 'choice("a", "b")').sample() in ("a", "b")
    assert "ray" in sys.modules
