"""Prints a module that assigns every problem folder's parts to their Protocols, for mypy to check.

    python tests/registry/typed_folders.py > build/types/nco/typed_folders.py

A new folder is in it without being registered: its parts are those that it has.
"""

from collections.abc import Iterable

from nco import registry
from nco.registry.folders import Folder
from nco.registry.interface import (
    AnswersAtOnce,
    EverySolution,
    PartName,
    Policies,
    ReadsTables,
    TellsPolicies,
)

PROTOCOLS: dict[PartName, str] = {
    "files": "Files",
    "check": "Check",
    "classical": "Classical",
    "plot": "Plot",
    "bound": "LowerBound",
    "decomposition": "Decomposition",
    "explain": "Explain",
    "optimum": "FindsOptimum",
    "replan": "Replan",
    "rules": "Rules",
    "sheet": "Sheet",
}


def lines(folder: Folder) -> Iterable[str]:
    """An import and an assignment for each part of a folder."""
    name, package = folder.name, folder.package
    yield f"import {package}"
    yield f"{name}_PROBLEM: str = {package}.PROBLEM"
    protocols: list[tuple[PartName, str]] = [
        (part, protocol) for part, protocol in PROTOCOLS.items() if folder.has(part)
    ]
    if folder.has("check") and isinstance(folder.check, EverySolution):
        protocols.append(("check", "EverySolution"))
    if folder.has("classical") and isinstance(folder.classical, Policies):
        protocols.append(("classical", "Policies"))
    if folder.has("classical") and isinstance(folder.classical, AnswersAtOnce):
        protocols.append(("classical", "AnswersAtOnce"))
    if folder.has("sheet") and isinstance(folder.sheet, ReadsTables):
        protocols.append(("sheet", "ReadsTables"))
    if folder.has("sheet") and isinstance(folder.sheet, TellsPolicies):
        protocols.append(("sheet", "TellsPolicies"))
    for part, protocol in protocols:
        kinds = f"{package}.files.Case" + (", Any" if protocol == "EverySolution" else "")
        yield f"import {package}.{part}"
        yield f"{name}_{protocol}: interface.{protocol}[{kinds}] = {package}.{part}"


def text(folders: Iterable[Folder]) -> str:
    """The whole module."""
    body = [line for folder in folders for line in lines(folder)]
    head = ["from typing import Any", "from nco.registry import interface"]
    return "\n".join([*head, *body]) + "\n"


if __name__ == "__main__":
    print(text(map(registry.folder, registry.names())), end="")
