"""`nco examples`: the instances that ship."""

import argparse
from typing import Any

from nco.cli.arguments import command


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    command(commands, "examples", run, "List the instances that ship with the package.")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from nco.registry.sources import examples

    for name, path in examples().items():
        print(f"{name}  {path}")
    return 0
