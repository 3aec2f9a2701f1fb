"""Every notebook runs from top to bottom, with settings that take seconds."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
QUICK = {
    "solve_your_file": "SECONDS = 0.3",
    "train_a_model": "SIZE = 10\nSTEPS = 8",
    "compare_with_ortools": "SIZE = 20\nINSTANCES = 1\nTIME_LIMITS = [0.2]",
    "add_a_problem": "SECONDS = 2",
    "inventory": "SECONDS = 2.0\nTRACES = 40\nSTEPS = 2",
}
PATHS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_every_notebook_has_quick_settings() -> None:
    """A new notebook needs some, or the tests would run it in full."""
    assert {path.stem for path in PATHS} == set(QUICK)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_outputs_are_committed(path: Path) -> None:
    """Outputs and counts of execution are empty."""
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, which is still empty afterwards."""
    work = tmp_path / "work"
    work.mkdir()
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # on busy CPUs, threads wait for each other
    notebook = read(path)
    (settings,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    settings.source = QUICK[path.stem]
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(work)}},
    )
    client.execute()  # raises with the cell and its traceback
    assert os.listdir(work) == []
