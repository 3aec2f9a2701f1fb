"""The examples in the documents run as they stand."""

import shlex
import sys
import types
import warnings
from pathlib import Path

import pages
import pytest

import nco
from nco import registry
from nco.cli.parser import TRAINING, parse

WITH_CODE = [page for page in pages.all_pages() if pages.blocks(page, "python")]
PROBLEMS = registry.names()
COMMANDS = [
    (pages.label(page), line)
    for page in pages.all_pages()
    for block in pages.blocks(page, "sh")
    for line in block.splitlines()
    if line.startswith("nco ")
]


@pytest.mark.long
@pytest.mark.parametrize("page", WITH_CODE, ids=pages.label)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run one after another in an empty folder with the page's files."""
    monkeypatch.chdir(tmp_path)
    pages.write_files(page, tmp_path)
    module = types.ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # classes name their module
    for code in pages.blocks(page, "python"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Lightning's about workers and loggers
            exec(compile(code, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_page_shows_a_file_of_its_problem(problem: str, tmp_path: Path) -> None:
    """The example file of a problem's page is read as a case of that problem."""
    (path,) = pages.write_files(pages.DOCS / "guide" / f"{problem}.md", tmp_path)
    assert nco.read(path).problem == problem


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_are_understood(page: str, line: str) -> None:
    """Every `nco` command of a page has options that there are; configs that it names exist."""
    words = shlex.split(line, comments=True)[1:]
    if words[0] in TRAINING:
        configs = [words[i + 1] for i, word in enumerate(words) if word == "--config"]
        shipped = [name for name in configs if name.startswith("configs/")]
        assert all((pages.ROOT / name).is_file() for name in shipped), f"{page}: {line}"
    else:
        parse(words)
