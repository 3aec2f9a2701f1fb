"""The documents are complete, and their figures are those of stored files."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pages
import pytest

from nco import registry
from nco.zoo import cards

MOST = 150  # lines of the README
SOURCES = [
    path.read_text()
    for folder in ("nco", "problems", "models")
    for path in (pages.ROOT / folder).rglob("*.py")
]


def script(path: str) -> ModuleType:
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, pages.ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("problem", registry.names())
def test_a_problem_has_a_page_with_its_solvers(problem: str) -> None:
    """The page of a problem names every classical solver that its folder has."""
    text = (pages.DOCS / "guide" / f"{problem}.md").read_text()
    missing = [
        name for name in registry.folder(problem).classical.solvers() if f"`{name}`" not in text
    ]
    assert not missing
    assert f"({problem}.md)" in (pages.DOCS / "guide" / "index.md").read_text()


def test_a_method_has_a_page() -> None:
    """Every module of methods is named on a page of the section on training."""
    text = "".join(page.read_text() for page in (pages.DOCS / "train").glob("*.md"))
    classes = [
        re.findall(r"^class (\w+)\(.*Method.*\):", path.read_text(), re.MULTILINE)
        for path in (pages.ROOT / "models").glob("*.py")
    ]
    assert not [
        name
        for names in classes
        for name in names
        if f"`{name}`" not in text and f".{name}`" not in text
    ]


def test_the_readme_is_short() -> None:
    """The README has at most 150 lines."""
    assert len((pages.ROOT / "README.md").read_text().splitlines()) <= MOST


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(name: str) -> None:
    """Every relative link of a page at the top of the repository leads to a file or folder."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (pages.ROOT / name).read_text())
    local = [link for link in links if not link.startswith("http")]
    assert not [link for link in local if not (pages.ROOT / link).exists()]


def test_figures_of_the_readme_are_those_of_the_results() -> None:
    """Renewing the README's figures from the stored results changes nothing."""
    results, text = script("benchmarks/results.py"), (pages.ROOT / "README.md").read_text()
    assert results.renewed(text, results.read()) == text


def test_results_say_where_they_come_from() -> None:
    """Every stored result has its date, commit and machine, and rows as wide as its columns."""
    for name, result in script("benchmarks/results.py").read().items():
        assert all(result[key] for key in ("title", "date", "commit", "machine", "measure")), name
        assert {len(row) for row in result["rows"]} == {len(result["columns"])}, name


def test_the_zoo_has_every_card() -> None:
    """The generated page of the zoo has a section for every model that ships."""
    generate = script("docs/generate.py")
    loaded = [json.loads(path.read_text()) for path in sorted(cards.FOLDER.glob("*/card.json"))]
    text = generate.zoo(loaded)
    assert all(f"\n## {card['name']}\n" in text for card in loaded)


def test_errors_that_are_explained_can_occur() -> None:
    """Every message of the page on errors stands in the source."""
    text = (pages.DOCS / "errors.md").read_text()
    messages = re.findall(r"^`([^`]+)`[^\n]*\n: ", text, re.MULTILINE)
    ours = [message for message in messages if message not in ELSEWHERE]
    assert len(ours) > 20
    assert not [one for one in ours if not any(one in source for source in SOURCES)]


ELSEWHERE = {  # texts of jsonargparse, and words that are put together
    "the loss is nan",
    "Key 'x' is not expected",
    "AssertionError",
}
