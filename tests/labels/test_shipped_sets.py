"""The reference sets that ship, made again from their seeds."""

from importlib import resources
from pathlib import Path

import pytest

from nco.labels.store import read, read_spec

FOLDER = Path(str(resources.files("nco.configs") / "references"))


@pytest.mark.parametrize("folder", sorted(FOLDER.iterdir()), ids=lambda folder: folder.name)
def test_a_shipped_set_is_the_same_on_this_machine(folder: Path) -> None:
    """Its instances have the fingerprints that were stored on another processor."""
    assert sum(len(chunk) for chunk in read(folder)) == read_spec(folder).instances
