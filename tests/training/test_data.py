"""Training data: pure functions of seed, step and rank, and sets that are made on the way."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nco.core.describe import construct, describe
from nco.core.errors import NCOError
from nco.core.problem import Problem
from nco.labels import make, store
from nco.labels.recipe import Recipe
from nco.labels.store import LabelSpec
from nco.problems.cvrp import CVRP, CVRPVia
from nco.problems.jssp import JSSP
from nco.problems.tsp import TSP
from nco.training.data import Data, Fresh, Labels

TOURS = {"problem": "tsp", "size": [4, 6], "solver": "ortools", "instances": 12, "chunk": 4}


@pytest.fixture(scope="module")
def tours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set by the first tours of OR-Tools, as `nco label` makes it."""
    folder = tmp_path_factory.mktemp("labels") / "tours"
    spec = LabelSpec(describe(TSP([4, 6])), "ortools", None, instances=12, seed=1, chunk=4)
    make.fill(spec, folder, 1, lambda done: None)
    return folder


def attached(data: Data, problem: Problem[Any, Any], step: int = 0, rank: int = 0) -> Data:
    """As in a trainer that has come to `step`."""
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        lightning_module=SimpleNamespace(problem=problem),
        state=SimpleNamespace(fn="fit"),
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        num_devices=1,
        global_step=step,
        global_rank=rank,
        accumulate_grad_batches=1,
    )
    data.setup("fit")
    return data


@pytest.mark.parametrize("kind", ["fresh", "labels"])
def test_data_is_a_function_of_seed_step_and_rank(tours: Path, kind: str) -> None:
    """So a resumed stream goes on where it was, and ranks see different instances."""

    def make(seed: int = 0, step: int = 0, rank: int = 0) -> Data:
        data = Fresh(4, seed) if kind == "fresh" else Labels([str(tours)], 4, seed)
        return attached(data, TSP([4, 6]), step, rank)

    def print_of(batch: Any) -> str:
        return store.fingerprint(batch.instance if kind == "labels" else batch)

    stream = iter(make().train_dataloader())
    steps = [print_of(next(stream)) for _ in range(6)]
    later = iter(make(step=4).train_dataloader())
    assert [print_of(next(later)) for _ in range(2)] == steps[4:]
    assert len(set(steps)) == 6
    assert print_of(make().batch(0, 2)) != steps[0]
    assert print_of(make(seed=1).batch(0, 0)) != steps[0]


def test_reference_sets_come_in_batches(tours: Path) -> None:
    """Every instance once, in batches of one size."""
    data = attached(Labels([str(tours)], references=[str(tours)], reference_batch=3), TSP([4, 6]))
    (loader,) = data.val_dataloader()
    batches = list(loader)
    assert sum(len(batch) for batch in batches) == 12
    assert max(len(batch) for batch in batches) == 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.long
def test_a_recipe_makes_what_nco_label_makes(tours: Path, tmp_path: Path) -> None:
    """The finished folder is the same to the last byte."""
    data = attached(Labels([Recipe(str(tmp_path / "made"), **TOURS)], 4), TSP([4, 6]))
    assert len(data.groups()) == len(store.by_size(store.read(tours), TSP()))
    data.teardown("fit")
    assert contents(tmp_path / "made") == contents(tours)


@pytest.mark.long
@pytest.mark.parametrize("workers", [None, 1], ids=["in turn", "beside the training"])
def test_training_is_the_same_however_fast_labels_come(
    tours: Path, tmp_path: Path, workers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of a set that is being made equal those of the complete set, step by step."""
    monkeypatch.setattr("nco.training.data.usable_cores", lambda: 1)  # none is free
    ready = attached(Labels([str(tours)], 3), TSP([4, 6]))
    folder = tmp_path / "made"
    made = attached(Labels([Recipe(str(folder), **TOURS)], 3, workers=workers), TSP([4, 6]))
    try:
        for step in range(14):  # two passes and a half
            one, other = ready.batch(step, 0), made.batch(step, 0)
            assert store.fingerprint(one) == store.fingerprint(other)
            if workers is None and step < 2:
                assert len(list(folder.glob("*.safetensors"))) == 1, "no more than is needed"
    finally:
        made.teardown("fit")


@pytest.mark.long
def test_a_stopped_production_is_gone_on_with(tours: Path, tmp_path: Path) -> None:
    """What was made stays as it is, a damaged file is made again, and the rest is made."""
    folder = tmp_path / "made"
    shutil.copytree(tours, folder)
    (folder / "00001.safetensors").unlink()
    (folder / "00002.safetensors").write_bytes(b"damaged")
    (folder / ".00002.safetensors.1.tmp").write_bytes(b"of a process that was killed")
    before = (folder / "00000.safetensors").stat().st_mtime_ns
    data = attached(Labels([Recipe(str(folder), **TOURS)], 4), TSP([4, 6]))
    data.groups()
    data.teardown("fit")
    assert contents(folder) == contents(tours)
    assert (folder / "00000.safetensors").stat().st_mtime_ns == before


@pytest.mark.long
def test_a_set_that_is_named_again_is_drawn_from_twice_as_often(
    tours: Path, tmp_path: Path
) -> None:
    """By its folder, whoever makes it; each chunk is still made once."""
    other = Recipe(str(tmp_path / "other"), **{**TOURS, "seed": 2})
    data = attached(Labels([str(tours), other, other.folder], 4), TSP([4, 6]))
    try:
        batches = [data.batch(step, 0) for step in range(9)]
    finally:
        data.teardown("fit")
    of_tours = {store.fingerprint(row) for part in store.read(tours) for row in rows(part)}
    shares = [sum(store.fingerprint(row) in of_tours for row in rows(batch)) for batch in batches]
    assert sorted(shares) == [0] * 6 + [4] * 3


def rows(batch: Any) -> list[Any]:
    """Each instance by itself."""
    return [batch.instance[i : i + 1] for i in range(len(batch))]


@pytest.mark.long
def test_relatives_double_a_set(tmp_path: Path) -> None:
    """Half of all batches are of shops that run backwards in time."""
    recipe = Recipe(str(tmp_path / "shops"), "mwkr", problem="jssp", size=3, instances=4, chunk=4)
    data = attached(Labels([recipe], 2, relatives=True), JSSP(3))
    try:
        batches = [data.batch(step, 0) for step in range(40)]
    finally:
        data.teardown("fit")
    of_set = {
        store.fingerprint(row) for part in store.read(tmp_path / "shops") for row in rows(part)
    }
    own = sum(store.fingerprint(rows(batch)[0]) in of_set for batch in batches)
    assert 8 < own < 32


@pytest.mark.long
def test_chunks_of_another_number_for_a_trial(tmp_path: Path) -> None:
    """`chunk` replaces what the recipe says, so that the first step comes sooner."""
    folder = tmp_path / "made"
    data = attached(Labels([Recipe(str(folder), **TOURS)], 4, chunk=2), TSP([4, 6]))
    data.batch(0, 0)
    data.teardown("fit")
    assert store.read_spec(folder).chunk == 2


def test_training_without_labels_is_refused() -> None:
    """There is nothing to learn from."""
    with pytest.raises(NCOError, match="no labelled set"):
        attached(Labels(sets=[]), TSP(5))


def test_a_folder_must_be_complete(tmp_path: Path) -> None:
    """Without a recipe nobody could make what it lacks."""
    store.claim(LabelSpec(describe(TSP(5)), "ortools", None, instances=2, seed=1), tmp_path)
    with pytest.raises(NCOError, match="the set is not complete"):
        attached(Labels([str(tmp_path)]), TSP(5))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 5}, "holds another set .*choose another folder"),
        ({"solver": "lkh"}, "holds another set .*choose another folder"),
        ({"size": None}, "size is missing"),
    ],
)
def test_a_recipe_that_does_not_fit_its_folder(
    change: dict[str, Any], reason: str, tours: Path
) -> None:
    """Is refused before training begins, in one line."""
    with pytest.raises(NCOError, match=reason):
        attached(Labels([Recipe(str(tours), **{**TOURS, **change})]), TSP(5))


def test_two_recipes_for_one_folder(tmp_path: Path) -> None:
    """They would overwrite each other."""
    recipes = [Recipe(str(tmp_path / "a"), **{**TOURS, "seed": seed}) for seed in (1, 2)]
    with pytest.raises(NCOError, match="two recipes for one folder"):
        attached(Labels(recipes), TSP(5))


@pytest.mark.long
def test_a_solver_that_fails_ends_the_training_in_one_line(tmp_path: Path) -> None:
    """The child says why, and whoever waits for the chunk hears it."""
    recipe = Recipe(str(tmp_path / "made"), **{**TOURS, "solver": "lkh"})
    data = attached(Labels([recipe], 4), TSP([4, 6]))
    with pytest.raises(NCOError, match="lkh: no such solver; tsp has ortools"):
        data.batch(0, 0)
    data.teardown("fit")


@pytest.mark.long
def test_labels_of_another_problem_are_read_in_its_encoding(tmp_path: Path) -> None:
    """Those of the CVRP serve a network that decides by way of the depot."""
    recipe = Recipe(str(tmp_path / "made"), "ortools", problem="cvrp", size=5, instances=4, chunk=4)
    data = attached(Labels([recipe], 4), CVRPVia(5))
    batch = data.batch(0, 0)
    data.teardown("fit")
    own = data.problem.cost(batch.instance, batch.actions)
    torch.testing.assert_close(own.double(), batch.cost, rtol=1e-5, atol=1e-6)
    assert isinstance(construct(store.read_spec(tmp_path / "made").problem), CVRP)
