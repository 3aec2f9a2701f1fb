"""Runs the notebooks from top to bottom and stores their outputs, for readers without Python.

    python docs/run_notebooks.py                    # all
    python docs/run_notebooks.py inventory          # one

What libraries say on stderr is left out. Takes a few minutes; nothing else should run meanwhile.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
SECONDS = 600  # of a cell at most


def stored(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what is on stderr, and without the times of its cells."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    return notebook


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        path = FOLDER / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as work:
            resources = {"metadata": {"path": work}}
            client = NotebookClient(
                notebook, timeout=SECONDS, kernel_name="python3", resources=resources
            )
            client.execute()
        nbformat.write(stored(notebook), path)
        print(path)


if __name__ == "__main__":
    main()
