"""What the tests of the documents share: pages, and the blocks of code in them."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```", re.MULTILINE | re.DOTALL)


def all_pages() -> list[Path]:
    """Every page that a person wrote."""
    own: list[Path] = []
    for place, folders, names in os.walk(DOCS):  # `make docs` may write into the others meanwhile
        folders[:] = [name for name in folders if name not in ("generated", "_build", "modules")]
        own += [Path(place) / name for name in names if name.endswith(".md")]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(own)]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [text for kind, text in FENCE.findall(page.read_text()) if kind == language]


def write_files(page: Path, folder: Path) -> list[Path]:
    """The example files of a page, written into a folder."""
    written = []
    for name, text in FILE.findall(page.read_text()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        written.append(folder / name)
    return written


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))
