"""`nco completion`: commands and options by the tabulator key."""

import argparse
from typing import Any

from nco.cli.arguments import command
from nco.core.errors import NCOError

SHELLS = ("bash", "zsh", "tcsh")
EXAMPLE = """\
  nco completion bash > ~/.local/share/bash-completion/completions/nco
  nco completion zsh > ~/.zfunc/_nco      (with fpath+=~/.zfunc before compinit in ~/.zshrc)"""


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Print what a shell needs to complete commands and options."
    parser = command(commands, "completion", run, text, EXAMPLE)
    parser.add_argument("shell", choices=SHELLS)


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    try:
        import shtab
    except ImportError as error:
        raise NCOError("shtab is not installed: pip install 'nco-solver[completion]'") from error
    from nco.cli.parser import build

    parser = build()
    print(shtab.complete(parser, shell=options.shell))
    return 0
