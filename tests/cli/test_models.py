"""`nco models`: cards, runs, and their measurements again."""

import json

import pytest

from nco import cli
from nco.zoo import cards


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_one_model_is_described(capsys: pytest.CaptureFixture) -> None:
    """What it was trained on and how, without the others; --json has the card alone."""
    code, out, _ = run(capsys, "models", "bq-tsp")
    assert code == 0
    assert out.startswith("bq-tsp: TSP, 1.22 M parameters")
    assert "trained on: uniform in the unit square" in out
    assert "am-tsp:" not in out
    assert list(json.loads(run(capsys, "models", "bq-tsp", "--json")[1])) == ["bq-tsp"]


def test_a_folder_and_a_checkpoint_are_described(
    capsys: pytest.CaptureFixture, tiny: dict[str, str]
) -> None:
    """As a shipped model is."""
    code, out, _ = run(capsys, "models", tiny["tsp"])
    assert code == 0
    assert "TSP" in out


@pytest.mark.long
def test_a_card_is_measured_again(capsys: pytest.CaptureFixture) -> None:
    """On the very instances of the card, so that nearly the same gap comes out.

    A processor without bfloat16 rounds differently.
    """
    code, out, _ = run(capsys, "models", "am-knapsack", "--measure", "--sets", "knapsack50")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("knapsack50"))
    card = cards.available()["am-knapsack"]["measured"][0]
    cells = row.split()
    assert float(cells[2]) == pytest.approx(card["gap_percent"], abs=card["standard_error"])
    assert cells[1] == str(card["instances"])


@pytest.mark.long
def test_an_online_card_is_measured_again(capsys: pytest.CaptureFixture) -> None:
    """The policy's mean cost against the card's reference, on the same futures."""
    code, out, _ = run(capsys, "models", "hindsight-airline", "--measure")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("airline"))
    assert row.count("0.000 ± 0.000") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("am-tps",), "model am-tps: neither shipped nor a folder with card.json"),
        (("am-tps",), "did you mean am-tsp?"),
        (("runs/none",), "model runs/none: neither shipped"),
        (("--measure",), "--measure: name the models"),
        (("am-tsp", "--sets", "cvrp50"), "cvrp50: instances of cvrp, but the model is one of TSP"),
        (("am-tsp", "--sets", "nowhere"), "nowhere/set.json: no such labelled set"),
    ],
)
def test_what_is_no_model_is_one_line(
    capsys: pytest.CaptureFixture, words: tuple[str, ...], message: str
) -> None:
    """It names what was given and what there is."""
    code, _, err = run(capsys, "models", *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_folder_without_a_model_says_what_it_lacks(
    capsys: pytest.CaptureFixture, tmp_path: object
) -> None:
    """It is a folder, so the message is not that it is not shipped."""
    code, _, err = run(capsys, "models", str(tmp_path))
    assert code == 2
    assert f"model {tmp_path}: this folder has neither card.json nor last.ckpt" in err
