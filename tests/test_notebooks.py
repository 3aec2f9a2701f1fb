"""Every notebook runs from top to bottom, with settings that take seconds."""

import importlib.util
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
SCRIPT = "docs/run_notebooks.py"
QUICK = {
    "solve_your_file": "SECONDS = 0.3",
    "train_a_model": "SIZE = 10\nSTEPS = 8",
    "compare_with_ortools": "SIZE = 20\nINSTANCES = 1\nTIME_LIMITS = [0.2]",
    "add_a_problem": "SECONDS = 0.5",
    "inventory": "SECONDS = 2.0\nTRACES = 40\nSTEPS = 2",
}
PATHS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_every_notebook_has_quick_settings() -> None:
    """A new notebook needs some, or the tests would run it in full."""
    assert {path.stem for path in PATHS} == set(QUICK)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_stored_outputs_are_whole(path: Path) -> None:
    """All of one run from top to bottom, by `docs/run_notebooks.py`, or none at all."""
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    counts = [cell.execution_count for cell in code]
    assert counts in ([None] * len(code), list(range(1, len(code) + 1)))
    outputs = [out for cell in code for out in cell.outputs]
    assert bool(outputs) == (counts[0] is not None)
    assert all(out.output_type != "error" and out.get("name") != "stderr" for out in outputs)


def test_what_libraries_say_is_not_stored() -> None:
    """Nor when each cell ran."""
    spec = importlib.util.spec_from_file_location("run_notebooks", FOLDER.parent / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    outputs = [{"output_type": "stream", "name": name} for name in ("stderr", "stdout")]
    cell = {"cell_type": "code", "metadata": {"execution": {}}, "outputs": outputs}
    (kept,) = script.stored(nbformat.from_dict({"cells": [cell]})).cells
    assert [out.name for out in kept.outputs] == ["stdout"]
    assert "execution" not in kept.metadata


@pytest.mark.long
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
