"""Labels by a model: checked, never worse than what they improve, and the same when resumed."""

import json
from pathlib import Path

import pytest
import torch

from nco.cli import main
from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.labels import make, store
from nco.labels.store import LabelSpec
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.tsp import TSP
from nco.zoo import weights


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Untrained networks: whatever they propose has to be checked all the same."""
    folder = tmp_path_factory.mktemp("models")
    for problem in (TSP(), CVRPVia()):
        torch.manual_seed(3)
        encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
        policy = BQPolicy(encoder).build(problem.schema)
        weights.save(folder / type(problem).__name__, problem, policy, {})
    return {name: str(folder / name) for name in ("TSP", "CVRPVia")}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "tours"
    spec = LabelSpec(describe(TSP([6, 9])), "ortools", None, instances=7, seed=1, chunk=3)
    make.fill(spec, folder, 1, lambda done: None)
    return folder


def costs(folder: Path) -> list[float]:
    return [cost for chunk in store.read(folder) for cost in chunk.cost[:, 0].tolist()]


def test_a_model_labels_from_nothing(models: dict[str, str], tmp_path: Path) -> None:
    """In the problem's own encoding, whatever the model's: routes of a network with two kinds."""
    solver = f"model:{models['CVRPVia']}"
    spec = LabelSpec(describe(CVRP(6)), solver, None, instances=5, seed=1, chunk=3, rollouts=4)
    make.fill(spec, tmp_path / "routes", 1, lambda done: None)
    assert len(costs(tmp_path / "routes")) == 5
    for chunk in store.read(tmp_path / "routes", CVRPVia()):
        found = CVRPVia().cost(chunk.instance, chunk.actions)[:, 0]
        torch.testing.assert_close(found.double(), chunk.cost[:, 0], rtol=1e-5, atol=1e-5)


def test_a_model_improves_a_set_and_keeps_the_better_of_two(
    models: dict[str, str], base: Path, tmp_path: Path
) -> None:
    """No label costs more than before."""
    output = tmp_path / "better"
    arguments = ["label", "--solver", f"model:{models['TSP']}", "--improve", str(base)]
    with pytest.raises(SystemExit) as exit_:
        main([*arguments, "--rollouts", "40", "--output", str(output)])
    assert exit_.value.code == 0
    pairs = list(zip(costs(base), costs(output), strict=True))
    assert all(new <= old for old, new in pairs)
    assert any(new < old for old, new in pairs), "first solutions of OR-Tools are not optimal"
    spec = json.loads((output / "set.json").read_text())
    assert spec["improves"] == store.file_digest(base / "set.json")
    # one chunk lost: the same run makes the same again
    before = (output / "00001.safetensors").read_bytes()
    (output / "00001.safetensors").unlink()
    with pytest.raises(SystemExit):
        main([*arguments, "--rollouts", "40", "--output", str(output)])
    assert (output / "00001.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--solver", "ortools", "--problem", "tsp"], "size is missing"),
        (["--solver", "ortools", "--improve", "labels"], "improve: needs a solver model:NAME"),
        (
            ["--solver", "model:x", "--improve", "labels", "--size", "9"],
            "size: the instances are those of",
        ),
        (["--solver", "model:x", "--improve", "nowhere"], "nowhere"),
        (["--solver", "model:x", "--time_limit", "1"], "use rollouts"),
    ],
)
def test_options_that_contradict_are_one_line(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The error names the option."""
    with pytest.raises(SystemExit) as exit_:
        main(["label", *words, "--output", str(tmp_path / "out")])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_unfinished_set_cannot_be_improved(base: Path, tmp_path: Path) -> None:
    """A set without all of its chunks is refused."""
    spec = LabelSpec(describe(TSP(5)), "ortools", None, instances=2, seed=1)
    store.claim(spec, tmp_path)
    with pytest.raises(NCOError, match="not complete"):
        make.improving(tmp_path, "model:x", 4)
