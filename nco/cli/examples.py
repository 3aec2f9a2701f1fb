"""`nco examples`: the instances that ship."""

import argparse
from pathlib import Path
from typing import Any

from nco.cli.arguments import command
from nco.core.errors import NCOError, did_you_mean

MANY = 12  # more of one problem are shown with --all only
EXAMPLE = """\
  nco examples                       a few of each problem
  nco examples inventory --all       every one of a problem"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "List the instances that ship with the package, by problem."
    parser = command(commands, "examples", run, text, EXAMPLE)
    parser.add_argument("problem", nargs="?", help="those of one problem only")
    parser.add_argument("--all", action="store_true", help="every one, where there are many")
    parser.add_argument("--paths", action="store_true", help="with their places on the disk")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    groups = _groups()
    if options.problem is not None and options.problem not in groups:
        near = did_you_mean(options.problem, groups) or f" there are {', '.join(groups)}"
        raise NCOError(f"{options.problem}: no examples of this problem;{near}")
    for problem, files in groups.items():
        if options.problem not in (None, problem):
            continue
        print(problem)
        few = len(files) > MANY and not options.all
        for name, path in _first_of_kinds(files) if few else files:
            print(f"  {name}  {path}" if options.paths else f"  {name}")
        if few:
            print(f"  {len(files)} in all: nco examples {problem} --all")
    return 0


def _groups() -> dict[str, list[tuple[str, Path]]]:
    from nco.registry.shipped import EXAMPLE, examples

    groups: dict[str, list[tuple[str, Path]]] = {}
    for name, path in examples().items():
        groups.setdefault(name.removeprefix(EXAMPLE).split("/")[0], []).append((name, path))
    return groups


def _first_of_kinds(files: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """One file of each kind, which the name says before its numbers."""
    kinds: dict[str, tuple[str, Path]] = {}
    for name, path in files:
        kinds.setdefault(path.stem.split("_")[0], (name, path))
    return list(kinds.values())
