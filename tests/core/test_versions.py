"""What version 0.1 wrote is refused in one line that says so."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nco.core.describe import construct
from nco.core.errors import NCOError
from nco.core.versions import is_old, refuse_config
from nco.labels import store
from nco.problems.tsp import TSP
from nco.training.command import main
from nco.zoo import weights

OLD = "of version 0.1"


@pytest.mark.parametrize(
    ("path", "old"),
    [
        ("nco.data.Labels", True),
        ("nco.train.AtomicCheckpoints", True),
        ("nco.geometry.Clustered", True),
        ("nco.models.ppo.Ppo", True),
        ("nco.models.nets.ParcoPolicy", True),
        ("nco.models.nets.PARCOPolicy", False),
        ("nco.models.reinforce.MeanOverStarts", True),
        ("nco.models.ppo.PPO", False),
        ("nco.models.reinforce.Reinforce", False),
        ("nco.training.data.Labels", False),
        ("nco.core.geometry.Clustered", False),
        ("nco.problems.tsp.TSP", False),
        ("module_of_a_user.data.Labels", False),
    ],
)
def test_names_of_version_0_1(path: str, old: bool) -> None:
    """Exactly those that this version has elsewhere, or not at all."""
    assert is_old(path) == old


def test_a_description_with_an_old_name() -> None:
    """Says that it is of version 0.1, and not only that nothing can be imported."""
    points = {"class_path": "nco.geometry.Clustered", "init_args": {}}
    description = {"class_path": "nco.problems.tsp.TSP", "init_args": {"points": points}}
    with pytest.raises(NCOError, match=f"nco.geometry.Clustered is a name {OLD}"):
        construct(description)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"data": {"class_path": "nco.data.Fresh"}}, "nco.data.Fresh is a name"),
        ({"trainer": {"plugins": [{"class_path": "nco.train.X"}]}}, "nco.train.X is a name"),
        (
            {"model": {"class_path": "nco.models.bq.BQ", "init_args": {"muon": True}}},
            "model.init_args.muon is of version 0.1; now it is training.optimizer",
        ),
        (
            {"data": {"class_path": "nco.training.data.Labels", "init_args": {"folders": []}}},
            "data.init_args.folders is of version 0.1; now it is sets",
        ),
    ],
)
def test_a_config_with_an_old_word(config: dict[str, Any], named: str) -> None:
    """Is refused with the file and the word."""
    with pytest.raises(NCOError, match=f"my.yaml: {named}"):
        refuse_config(config, "my.yaml")


def test_a_users_method_may_have_such_arguments() -> None:
    """Only classes of this package had them in version 0.1."""
    refuse_config({"model": {"class_path": "mine.Own", "init_args": {"lr": 1}}}, "my.yaml")
    refuse_config([], "my.yaml")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--config", "old.yaml"], "old.yaml: nco.data.Fresh is a name"),
        (["--config=old.yaml"], "old.yaml: nco.data.Fresh is a name"),
        (["--model.init_args.lr", "1"], "now it is training.lr"),
        (["--model.lr=1"], "now it is training.lr"),
        (["--data", "nco.data.Fresh"], "--data: nco.data.Fresh is a name"),
    ],
)
def test_a_command_line_with_an_old_word(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is parsed, whose messages would not say it."""
    monkeypatch.chdir(tmp_path)
    Path("old.yaml").write_text("data: {class_path: nco.data.Fresh}")
    with pytest.raises(NCOError, match=named):
        main(["fit", *words])


def test_an_old_checkpoint(tmp_path: Path) -> None:
    """It is neither played nor gone on with."""
    path = tmp_path / "last.ckpt"
    torch.save({"nco": {"method": {}, "decay_start": None}, "state_dict": {}}, path)
    with pytest.raises(NCOError, match=f"last.ckpt: a checkpoint {OLD}.*train again"):
        weights.load(path)


def test_an_old_labelled_set(tmp_path: Path) -> None:
    """Its problem names a class that is elsewhere now."""
    points = {"class_path": "nco.geometry.Clustered", "init_args": {}}
    problem = {"class_path": "nco.problems.tsp.TSP", "init_args": {"points": points}}
    store.claim(store.LabelSpec(problem, "ortools", None, instances=2, seed=1), tmp_path)
    with pytest.raises(NCOError, match=f"set.json: nco.geometry.Clustered is a name {OLD}"):
        next(store.read(tmp_path, TSP()))
