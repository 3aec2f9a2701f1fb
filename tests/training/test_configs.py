"""Every config that ships is understood, makes its method, and gives a loss with a gradient."""

from pathlib import Path

import pytest
import torch
import yaml

from nco.core.describe import construct
from nco.core.rollout import rollout, sample
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.bq import BQ
from nco.models.imitation import Imitation
from nco.training.command import main
from nco.training.data import SHIPPED

CONFIGS = sorted(SHIPPED.glob("*/*.yaml"))


def tiny_batch(method):
    """What the method's data would hand over, four instances of five."""
    instance = method.problem.generate(4, generator(0))
    if not isinstance(method, Imitation | BQ):
        return instance
    with torch.no_grad():
        played = rollout(method.problem, method.policy, instance, 1, sample(generator(1)))
    return Labelled(instance, played.actions, played.cost)


def test_there_are_configs_of_every_problem():
    assert {path.parent.name for path in CONFIGS} >= {
        "tsp",
        "cvrp",
        "knapsack",
        "atsp",
        "op",
        "jssp",
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_config(path: Path, capsys, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(path), "--print_config"])
    assert not stop.value.code
    printed = yaml.safe_load(capsys.readouterr().out)
    model, data = printed["model"], printed["data"]
    model["init_args"]["problem"]["init_args"]["size"] = 5
    for name in data["init_args"]["references"] or []:
        assert (SHIPPED / "references" / name / "set.json").exists()
    method = construct(model)
    monkeypatch.setattr(method, "log", lambda *arguments, **options: None)
    loss = method.training_step(tiny_batch(method), 0)
    loss.backward()
    assert loss.isfinite()
    assert any(p.grad is not None and bool(p.grad.any()) for p in method.policy.parameters())


def test_a_clustered_generator_is_a_setting(capsys):
    points = "--model.init_args.problem.init_args.points"
    command = ["fit", "--config", str(SHIPPED / "cvrp" / "pomo.yaml"), "--print_config"]
    command += [f"{points}=nco.core.geometry.Clustered", f"{points}.uniform_share=0.5"]
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert not stop.value.code
    problem = construct(yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["problem"])
    assert problem.points.uniform_share == 0.5
    spread = problem.generate(64, generator(0)).coords
    assert spread.min() >= 0
    assert spread.max() <= 1


def test_an_unknown_key_is_an_error(capsys):
    path = SHIPPED / "tsp" / "pomo.yaml"
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(path), "--model.init_args.learning_rate", "1"])
    assert stop.value.code == 2
    assert "learning_rate" in capsys.readouterr().err
