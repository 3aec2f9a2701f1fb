"""A run's folder: nothing is lost in it, and it says what the run was."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from training_runs import fit, load

from nco.core.errors import NCOError
from nco.training import folder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.long
def test_a_folder_that_holds_a_run_is_not_overwritten(config: Path) -> None:
    """The same command again is refused before a step, with the three ways on."""
    path = fit(config, "runs/x")
    with pytest.raises(NCOError, match=r"--ckpt_path last.*another.*--overwrite") as refused:
        fit(config, "runs/x", "--trainer.max_steps", "2")
    assert "\n" not in str(refused.value)
    assert load(path)["global_step"] == 8
    fit(config, "runs/x", "--trainer.max_steps", "2", "--overwrite")
    assert load(path)["global_step"] == 2


@pytest.mark.long
def test_last_is_the_newest_checkpoint_of_the_folder(config: Path) -> None:
    """`--ckpt_path last` goes on where the folder's run stopped; a folder means the same."""
    fit(config, "x", "--trainer.max_steps", "3")
    path = fit(config, "x", "--ckpt_path", "last", "--trainer.max_steps", "5")
    assert load(path)["global_step"] == 5
    assert load(fit(config, "y", "--ckpt_path", "x"))["global_step"] == 8
    with pytest.raises(NCOError, match=r"no checkpoint .* in z"):
        fit(config, "z", "--ckpt_path", "last")


@pytest.mark.long
def test_a_checkpoint_of_another_folder_is_no_leave_to_overwrite(config: Path) -> None:
    """What goes on from elsewhere would overwrite the folder's own run all the same."""
    fit(config, "a", "--trainer.max_steps", "2")
    fit(config, "b", "--trainer.max_steps", "3")
    with pytest.raises(NCOError, match="b holds a run"):
        fit(config, "b", "--ckpt_path", "a/last.ckpt")
    assert load(Path("b/last.ckpt"))["global_step"] == 3


@pytest.mark.long
def test_a_missing_checkpoint_is_one_line(config: Path) -> None:
    """It names what is there instead."""
    fit(config, "a", "--trainer.max_steps", "2")
    with pytest.raises(NCOError, match=r"a/lost\.ckpt: no such file; there is a/last\.ckpt"):
        fit(config, "b", "--ckpt_path", "a/lost.ckpt")
    with pytest.raises(NCOError, match=r"nowhere: no such file$"):
        fit(config, "b", "--ckpt_path", "nowhere")


@pytest.mark.long
def test_the_folder_says_what_the_run_was(config: Path) -> None:
    """Whole configuration, commands, steps and versions; the configuration makes the same run."""
    fit(config, "x", "--trainer.max_steps", "3")
    fit(config, "x", "--trainer.max_steps", "4", "--ckpt_path", "last")
    written = yaml.safe_load(Path("x/config.yaml").read_text())
    assert written["trainer"]["max_steps"] == 4
    assert written["ckpt_path"] is None
    parts = json.loads(Path("x/about.json").read_text())["parts"]
    assert [part["from_step"] for part in parts] == [0, 3]
    assert "--ckpt_path last" in parts[1]["command"]
    stated, _, _ = parts[0]["versions"]["torch"].partition("+")  # wheels may add what they are for
    assert stated == torch.__version__.partition("+")[0]
    again = load(fit(Path("x/config.yaml"), "again"))
    for key, value in load(Path("x/last.ckpt"))["state_dict"].items():
        assert torch.equal(again["state_dict"][key], value), key


def test_a_folder_that_cannot_be_made_is_refused_first(config: Path) -> None:
    """Where a file has its name, in one line."""
    Path("file").write_text("")
    with pytest.raises(NCOError, match="file: cannot be made a folder"):
        fit(config, "file")


def test_overwriting_removes_only_what_a_run_writes(tmp_path: Path) -> None:
    """Notes of the user stay."""
    for name in ("last.ckpt", "about.json", "curve.csv", "notes.txt"):
        (tmp_path / name).write_text("")
    folder.forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
