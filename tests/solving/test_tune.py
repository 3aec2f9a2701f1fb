"""`nco tune`: what the planner is told of a machine."""

import json

import pytest

from nco import registry
from nco.cli import main
from nco.solving import machine, tune


@pytest.mark.parametrize(
    ("problem", "size"),
    [("tsp", 100), ("knapsack", 200), ("jssp", 10), ("hcvrp", 60), ("ffsp", 20)],
)
def test_the_usual_size_is_one_that_networks_know(problem: str, size: int):
    """A size that suits cities would be a shop of a hundred jobs on a hundred machines."""
    assert tune.usual_size(problem) == size


def test_every_problem_that_can_be_tuned_is_small_by_default():
    """A tuning run does not take a day."""
    sizes = [tune.usual_size(name) for name in tune.tunable()]
    assert sizes
    assert all(size is None or size <= 200 for size in sizes)


@pytest.mark.long
def test_the_command_keeps_what_it_measured(tmp_path, monkeypatch, capsys):
    """The file that it prints is what later solves read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    limits = ["--time_limits", "0.1", "--instances", "1"]
    with pytest.raises(SystemExit) as stop:
        main(["tune", "--problems", "knapsack", "--sizes", "12", *limits])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == str(machine.path())
    found = json.loads(machine.path().read_text())
    assert found["networks"][0]["seconds_per_instance"] > 0
    assert found["starts"] == []  # of OR-Tools, which does the same whatever it begins from


def test_beginnings_are_measured_where_they_are_chosen(monkeypatch):
    """A solver that begins by itself, or always does the same, is not measured for nothing."""
    assert not tune.begins_anywhere("cvrp")  # `sisr` is compiled
    assert not tune.begins_anywhere("knapsack")
    monkeypatch.setattr(registry.folder("tsp").classical, "improvers", lambda: ["pyvrp"])
    assert tune.begins_anywhere("tsp")
    monkeypatch.setattr(tune, "_first", lambda cases: None)
    monkeypatch.setattr(tune, "_loading", lambda: 0.0)
    monkeypatch.setattr(tune, "_compile", lambda problems: None)
    monkeypatch.setattr(tune, "_starts", lambda cases, limit, seconds: {"own": 0.0})
    rows = tune.tune(["cvrp", "tsp"], [10], [0.1], 1)["starts"]
    assert [row["problem"] for row in rows] == ["tsp"]
