"""Every config that ships trains as it stands: nothing has to be made, copied or set before."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from nco.training.method import Method
from nco.training.references import SHIPPED

CONFIGS = sorted(SHIPPED.glob("*/*.yaml"))
each_config = pytest.mark.parametrize(
    "path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """A core is left for whoever makes labels."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny_batch(method: Method) -> object:
    """What the method's data would hand over, four instances."""
    instance = method.problem.generate(4, generator(0))
    if not isinstance(method, Imitation | BQ):
        return instance
    with torch.no_grad():
        played = rollout(method.problem, method.policy, instance, 1, sample(generator(1)))
    return Labelled(instance, played.actions, played.cost)


def test_there_are_configs_of_every_problem() -> None:
    """At least of those whose networks ship."""
    names = {path.parent.name for path in CONFIGS}
    assert names >= {"tsp", "cvrp", "knapsack", "atsp", "op", "jssp"}


@pytest.mark.long
@each_config
def test_a_config_makes_a_method_that_can_learn(
    path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loss of five nodes is finite and has a gradient, and its references ship."""
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(path), "--print_config"])
    assert not stop.value.code
    printed = yaml.safe_load(capsys.readouterr().out)
    model, data = printed["model"], printed["data"]
    model["init_args"]["problem"]["init_args"]["size"] = 5
    source = model["init_args"].get("source") or {}
    if source.get("class_path", "").startswith("nco.cluster."):  # as its actors would play
        model["init_args"]["source"] = source["init_args"]["source"]
    for name in data["init_args"]["references"] or []:
        assert (SHIPPED / "references" / name / "set.json").exists()
    method = construct(model)
    monkeypatch.setattr(method, "log", lambda *arguments, **options: None)
    loss = method.training_step(tiny_batch(method), 0)
    loss.backward()
    assert loss.isfinite()
    assert any(p.grad is not None and bool(p.grad.any()) for p in method.policy.parameters())


def repeated(value: Any) -> Iterator[str]:
    """Arguments within a configuration that are what the class would take without them."""
    if isinstance(value, dict):
        module, _, name = str(value.get("class_path", "")).rpartition(".")
        # instances are what an experiment is about: a config may say even that they are usual ones
        if module and not module.startswith("nco.problems."):
            kind = getattr(importlib.import_module(module), name)
            parameters = inspect.signature(kind.__init__).parameters
            for key, given in (value.get("init_args") or {}).items():
                usual = parameters[key].default
                if type(usual) is type(given) and usual == given:
                    yield f"{name}.{key}: {given}"
        for item in value.values():
            yield from repeated(item)
    elif isinstance(value, list):
        for item in value:
            yield from repeated(item)


@each_config
def test_a_config_holds_only_differences(path: Path) -> None:
    """And begins with a sentence that says what it is."""
    text = path.read_text()
    assert text.startswith("# ")
    assert list(repeated(yaml.safe_load(text))) == []


@pytest.mark.slow
@each_config
def test_a_config_trains_as_it_stands(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step from nothing but the package; labels in files of four, so that it comes soon."""
    monkeypatch.chdir(tmp_path)
    words = ["fit", "--config", str(path), "--trainer.max_steps", "1", "--trainer.logger", "false"]
    words += ["--trainer.enable_progress_bar", "false", "--checkpoint.folder", "run"]
    if "nco.training.data.Labels" in path.read_text():
        words += ["--data.init_args.chunk", "4"]
    main(words)
    assert torch.load("run/last.ckpt", weights_only=True)["global_step"] == 1


def test_a_clustered_generator_is_a_setting(capsys: pytest.CaptureFixture) -> None:
    """A class within the problem is named, and its arguments are given, on the command line."""
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


def test_an_unknown_key_is_an_error(capsys: pytest.CaptureFixture) -> None:
    """It is named; nothing is trained."""
    path = SHIPPED / "tsp" / "pomo.yaml"
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(path), "--model.init_args.learning_rate", "1"])
    assert stop.value.code == 2
    assert "learning_rate" in capsys.readouterr().err
