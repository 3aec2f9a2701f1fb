"""Model folders: what loads, what is refused, and whether shipped weights do what cards say."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

import nco
from nco.core.capabilities import Online
from nco.core.defaults import resize
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.zoo import weights


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    copy = tmp_path / "model"
    shutil.copytree(tiny["tsp"], copy)
    return copy


def damage(path: Path, change) -> None:
    data = bytearray(path.read_bytes())
    path.write_bytes(bytes(change(data)))


def flipped(data: bytearray) -> bytearray:
    data[-1] ^= 1
    return data


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[: len(data) // 2], "SHA-256"),
        (lambda data: data[:0], "SHA-256"),
        (flipped, "SHA-256"),
        (lambda data: b"\xff" * 8 + data[8:], "header"),
        (lambda data: pickle.dumps({"a": 1}), "header|SHA-256"),
    ],
)
def test_damaged_weights_are_refused(folder, change, reason):
    """A file that is cut, changed or missing is named with the reason."""
    damage(folder / "weights.safetensors", change)
    with pytest.raises(nco.NCOError, match=reason):
        weights.load(str(folder))


def test_a_card_without_weights_or_of_another_format(folder):
    """Each is an error of one line."""
    (folder / "weights.safetensors").unlink()
    with pytest.raises(nco.NCOError, match="cannot be read"):
        weights.load(str(folder))
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(nco.NCOError, match="format 99"):
        weights.load(str(folder))
    (folder / "card.json").write_text(json.dumps({**card, "format": 1}))
    with pytest.raises(nco.NCOError, match=r"a card of nco 0\.1"):
        weights.load(str(folder))
    (folder / "card.json").write_text("{")
    with pytest.raises(nco.NCOError, match="not a model card"):
        weights.load(str(folder))


def test_weights_of_another_architecture_do_not_load(folder):
    """Shapes that differ are an error of one line."""
    card = json.loads((folder / "card.json").read_text())
    card["policy"]["init_args"]["encoder"]["init_args"]["layers"] = 2
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(nco.NCOError, match="do not fit"):
        weights.load(str(folder))


def test_a_card_cannot_import_foreign_code(folder):
    """Only classes of this package may be named."""
    card = json.loads((folder / "card.json").read_text())
    card["problem"]["class_path"] = "antigravity.Anything"
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(nco.NCOError, match="not part of nco"):
        weights.load(str(folder))
    card["problem"]["class_path"] = "os.system"
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(nco.NCOError, match="not a Described class"):
        weights.load(str(folder))


def test_a_pickled_checkpoint_is_not_executed(tmp_path):
    """The code in it does not run, and the error says what is wanted."""
    canary = tmp_path / "canary"

    class Malice:
        def __reduce__(self):
            return (Path.touch, (canary,))

    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": Malice()}, path)
    with pytest.raises((nco.NCOError, pickle.UnpicklingError)):
        weights.load(str(path))
    assert not canary.exists()


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(weights.available()))
def test_shipped_models_reproduce_their_canary(name):
    """The cost of a few seeded instances, stored in the card when the weights were exported."""
    model = weights.load(name)
    canary = model.card["canary"]
    size = canary.get("size")  # without: of the cases that it was trained on
    problem = model.problem if size is None else resize(model.problem, size)
    instance = problem.generate(canary["instances"], generator("canary", canary["seed"]))
    if isinstance(
        problem, Online
    ):  # an instance holds its future: the policy plays it without looking ahead
        played = rollout(problem, model.policy, instance, 1, greedy, logp=False)
        assert float(played.cost.mean()) == pytest.approx(canary["cost"], rel=5e-3)
        return
    found = nco.solve(instance, model=name)
    costs = [one.cost for one in found]
    assert all(one.feasible for one in found)
    # a processor without bfloat16 rounds differently, and one other decision is another path
    assert sum(costs) / len(costs) == pytest.approx(canary["cost"], rel=2e-2)


@pytest.mark.parametrize("name", sorted(weights.available()))
def test_cards_say_how_the_weights_were_made_and_what_was_measured(name):
    """Every shipped card has all of these fields."""
    card = weights.available()[name]
    assert {"problem", "policy", "parameters", "sha256", "training", "measured"} <= set(card)
    assert {"hardware", "minutes", "instances", "method"} <= set(card["training"])
    for row in card["measured"]:
        assert {"set", "size", "instances", "gap_percent", "standard_error", "search"} <= set(row)


def test_the_zoo_stays_small():
    """All weights together are less than 40 MB."""
    size = sum(path.stat().st_size for path in weights.FOLDER.rglob("*") if path.is_file())
    assert size < 40e6
