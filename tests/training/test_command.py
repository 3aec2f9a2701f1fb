"""`nco fit` as a user runs it, and runs that are killed, interrupted or go astray."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from training_runs import fit, load, write_config

from nco.core.describe import construct
from nco.core.errors import NCOError
from nco.core.rollout import greedy, rollout
from nco.labels import store
from nco.models.imitation import Imitation
from nco.training import command
from nco.training.command import AtomicCheckpoints, main
from nco.zoo import weights

RECIPE = (
    "{folder: made, problem: tsp, size: [4, 6], solver: ortools, instances: 12, seed: 1, chunk: 4}"
)
pytestmark = pytest.mark.usefixtures("one_thread")


def metrics(config: Path) -> list[dict[str, str]]:
    """The rows of the newest log."""
    newest = max(config.parent.glob("logs/*/*/metrics.csv"), key=lambda path: path.stat().st_mtime)
    with open(newest, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole(tours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a finished run of eight steps, with its checkpoint in ``whole``."""
    with pytest.MonkeyPatch.context() as patch:
        config = write_config(tours, tmp_path_factory.mktemp("whole"), patch)
        fit(config, str(config.parent / "whole"))
    return config


# --------------------------------------------------------------------------------------------------
# A run


@pytest.mark.long
def test_a_checkpoint_is_plain_data(whole: Path) -> None:
    """It loads without pickle, and holds everything that makes problem, policy and method again."""
    checkpoint = load(whole.parent / "whole/last.ckpt")
    assert checkpoint["global_step"] == 8
    method = construct(checkpoint["nco"]["method"])
    assert isinstance(method, Imitation)
    assert (method.lr, method.views, method.problem.size) == (0.01, 2, [4, 6])
    method.load_state_dict(checkpoint["state_dict"])
    model = weights.load(str(whole.parent / "whole/last.ckpt"))
    for key, value in model.policy.state_dict().items():
        assert torch.equal(value, checkpoint["state_dict"][f"policy.{key}"])


@pytest.mark.long
def test_validation_logs_the_gap(whole: Path, tours: Path) -> None:
    """In percent of the stored cost, the best over all starts and the first start alone."""
    rows = [row for row in metrics(whole) if row.get("val/tours/gap")]
    assert len(rows) == 2
    model = weights.load(str(whole.parent / "whole/last.ckpt"))
    best, first = [], []
    for chunk in store.read(tours):
        instance: Any = chunk.instance
        count = instance.coords.shape[1]
        starts = torch.arange(count).expand(len(instance), -1)[..., None]
        found = rollout(model.problem, model.policy, instance, count, greedy, prefix=starts)
        gaps = 100 * (found.cost / chunk.cost - 1)
        best.append(gaps.amin(1))
        first.append(gaps[:, 0])
    last = rows[-1]
    wanted = torch.cat(best).mean().item()
    assert float(last["val/tours/gap"]) == pytest.approx(wanted, abs=1e-3)
    wanted = torch.cat(first).mean().item()
    assert float(last["val/tours/gap_first_start"]) == pytest.approx(wanted, abs=1e-3)


def test_every_step_logs_its_loss(whole: Path) -> None:
    """There is a loss for each step, and none is repeated."""
    losses = [float(row["train/loss"]) for row in metrics(whole) if row.get("train/loss")]
    assert len(losses) == 8
    assert len(set(losses)) == 8


def test_validate_measures_a_checkpoint(
    whole: Path, config: Path, capsys: pytest.CaptureFixture
) -> None:
    """`nco validate` finds what the run itself found at its end."""
    last = [row for row in metrics(whole) if row.get("val/tours/gap")][-1]
    checkpoint = str(whole.parent / "whole/last.ckpt")
    main(["validate", "--config", str(config), "--ckpt_path", checkpoint])
    again = metrics(config)[-1]
    assert float(again["val/tours/gap"]) == pytest.approx(float(last["val/tours/gap"]))
    assert f"{float(last['val/tours/gap']):.3f} ± " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("warmup: 3", "warm_up: 3", "warm_up"),
        ("size: [4, 6]", "sizes: [4, 6]", "sizes"),
        ("width: 8", "width: wide", "width"),
        ("max_steps: 8", "max_stepps: 8", "max_stepps"),
        ("batch_size: 4", "batchsize: 4", "batchsize"),
        ("nco.training.data.Labels", "nco.training.data.Lables", "nco.training.data.Lables"),
    ],
)
def test_a_misspelt_key_is_an_error(
    config: Path, capsys: pytest.CaptureFixture, before: str, after: str, named: str
) -> None:
    """Nothing is trained by a configuration that is not understood to the last word."""
    config.write_text(config.read_text().replace(before, after))
    with pytest.raises(SystemExit) as exit_:
        fit(config, "unused")
    assert exit_.value.code == 2
    assert named in capsys.readouterr().err
    assert not Path("unused").exists()


# --------------------------------------------------------------------------------------------------
# Runs that end otherwise


@pytest.mark.long
@pytest.mark.parametrize(
    ("step", "recipe"),
    [(3, True), (5, False)],
    ids=["in mid-epoch while labels are made", "at an epoch's last step"],
)
def test_a_killed_run_resumes_bit_by_bit(
    whole: Path, config: Path, step: int, recipe: bool
) -> None:
    """After SIGKILL the newest checkpoint leads to the same weights as a run that went through.

    That run had all of its labels from the beginning.
    """
    if recipe:
        text = config.read_text()
        folder = text.partition("sets: [")[2].partition("]")[0]
        config.write_text(text.replace(f"sets: [{folder}]", f"sets: [{RECIPE}]"))
    command = [sys.executable, "-c", "import sys; from nco.cli import main; main(sys.argv[1:])"]
    command += ["fit", "--config", str(config)]
    command += ["--checkpoint.folder", "killed", "--checkpoint.steps", "2"]
    command += ["--trainer.callbacks", "module_of_a_user.End"]
    command += ["--trainer.callbacks.step", str(step), "--trainer.callbacks.kill", "true"]
    killed = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    before = load(Path("killed/last.ckpt"))
    assert before["global_step"] == step - 1
    resumed = load(fit(config, "resumed", "--ckpt_path", "killed/last.ckpt"))
    wanted = load(whole.parent / "whole/last.ckpt")
    assert resumed["global_step"] == 8
    assert Path("made").exists() == recipe
    for key, value in wanted["state_dict"].items():
        assert torch.equal(resumed["state_dict"][key], value), key
    trained = "policy.decoders.0.graph.weight"
    assert not torch.equal(before["state_dict"][trained], wanted["state_dict"][trained])
    gaps = [row["val/tours/gap"] for row in metrics(config) if row.get("val/tours/gap")]
    assert gaps[-1] == [row["val/tours/gap"] for row in metrics(whole)][-1]


@pytest.mark.long
def test_an_interrupted_run_keeps_its_last_step(whole: Path, config: Path) -> None:
    """Ctrl-C writes a checkpoint of the very step, from which training goes on the same."""
    handler = signal.getsignal(signal.SIGINT)
    words = ["--trainer.callbacks", "module_of_a_user.End"]
    words += ["--trainer.callbacks.step", "3", "--trainer.callbacks.kill", "false"]
    try:
        with pytest.raises(SystemExit):
            fit(config, "interrupted", *words)
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored
    path = Path("interrupted/last.ckpt")
    assert load(path)["global_step"] == 3
    resumed = load(fit(config, "resumed", "--ckpt_path", str(path)))
    wanted = load(whole.parent / "whole/last.ckpt")
    for key, value in wanted["state_dict"].items():
        assert torch.equal(resumed["state_dict"][key], value), key


@pytest.mark.long
def test_a_loss_that_is_not_finite_ends_the_run(config: Path) -> None:
    """With the newest good checkpoint untouched, even where the next one would be due."""
    words = ["--checkpoint.steps", "1", "--model", "module_of_a_user.Astray"]
    with pytest.raises(FloatingPointError, match="the loss is nan at step 3"):
        fit(config, "astray", *words)
    checkpoint = load(Path("astray/last.ckpt"))
    assert checkpoint["global_step"] == 3
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


@pytest.mark.long
def test_a_decay_ends_by_itself(whole: Path, config: Path) -> None:
    """From any checkpoint to rate 0 in the given steps, also when it is interrupted half-way."""
    start, decay = whole.parent / "whole/last.ckpt", ("--model.init_args.training.decay_steps", "4")
    path = fit(config, "a", "--ckpt_path", str(start), "--trainer.max_steps", "99", *decay)
    through = load(path)
    assert through["global_step"] == 12
    assert through["nco"]["decay_start"] == 8
    assert [group["lr"] for group in through["optimizer_states"][0]["param_groups"]] == [0.0, 0.0]
    half = fit(config, "b", "--ckpt_path", str(start), "--trainer.max_steps", "10", *decay)
    rates = [group["lr"] for group in load(half)["optimizer_states"][0]["param_groups"]]
    assert rates == pytest.approx([0.005, 0.005])
    path = fit(config, "c", "--ckpt_path", str(half), "--trainer.max_steps", "99", *decay)
    assert load(path)["global_step"] == 12
    for key, value in through["state_dict"].items():
        assert torch.equal(load(path)["state_dict"][key], value), key


def test_a_checkpoint_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that breaks off leaves the file as it was, and nothing beside it."""
    checkpoints, path = AtomicCheckpoints(), tmp_path / "deep" / "last.ckpt"
    checkpoints.save_checkpoint({"step": torch.tensor(1)}, path)

    def full(source: object, target: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        checkpoints.save_checkpoint({"step": torch.tensor(2)}, path)
    assert load(path)["step"] == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_of_version_0_1_is_not_gone_on_with(whole: Path, config: Path) -> None:
    """One line says so; nothing is trained."""
    checkpoint = load(whole.parent / "whole/last.ckpt")
    del checkpoint["nco"]["format"]
    torch.save(checkpoint, "old.ckpt")
    with pytest.raises(NCOError, match=r"--ckpt_path: a checkpoint of version 0\.1"):
        fit(config, "again", "--ckpt_path", "old.ckpt")


def test_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    """Resuming never runs what a file brings with it."""
    torch.save({"thing": SimpleNamespace()}, tmp_path / "evil.ckpt")
    with pytest.raises(Exception, match="Weights only load failed"):
        AtomicCheckpoints().load_checkpoint(tmp_path / "evil.ckpt", weights_only=False)


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["fit"], []),
        (["fit", "--seed_everything", "true"], []),
        (
            ["fit", "--seed_everything", "7"],
            ["--model.init_args.training.seed=7", "--data.init_args.seed=7"],
        ),
        (
            ["fit", "--seed_everything=7", "--data.init_args.seed", "3"],
            ["--model.init_args.training.seed=7"],
        ),
    ],
)
def test_lightnings_seed_is_that_of_training_and_data(words: list[str], more: list[str]) -> None:
    """Which draw all random numbers here; what is said of one of them stays."""
    assert command._seeded(words) == [*words, *more]


@pytest.mark.long
def test_a_checkpoint_of_another_network_is_refused(whole: Path, config: Path) -> None:
    """In one line that names both, before any weight is loaded."""
    words = ["--model.init_args.policy.init_args.encoder.init_args.width", "64"]
    with pytest.raises(NCOError, match=r"--ckpt_path: is of .* \[\d+, \d+\], not "):
        fit(config, "wider", "--ckpt_path", str(whole.parent / "whole/last.ckpt"), *words)


@pytest.mark.long
def test_events_lie_in_the_run(config: Path) -> None:
    """Where nothing says otherwise: `tensorboard --logdir runs` shows which run is which."""
    fit(config, "with_events", "--trainer.logger", "true", "--trainer.max_steps", "2")
    assert list(Path("with_events").rglob("version_0"))
