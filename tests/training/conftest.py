"""What the tests of training runs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from training_runs import write_config

from nco.core.describe import describe
from nco.labels import make
from nco.labels.store import LabelSpec
from nco.problems.tsp import TSP


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums in another order would differ in the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set by the first tours of OR-Tools."""
    folder = tmp_path_factory.mktemp("labels") / "tours"
    spec = LabelSpec(describe(TSP([4, 6])), "ortools", None, instances=12, seed=1, chunk=4)
    make.fill(spec, folder, 1, lambda done: None)
    return folder


@pytest.fixture
def config(tours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in the present folder, beside a module of the user's own."""
    return write_config(tours, tmp_path, monkeypatch)
