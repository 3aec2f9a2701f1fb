"""`nco completion`: commands and options by the tabulator key."""

import argparse
import functools
from typing import Any

from nco.cli.arguments import command
from nco.core.errors import NCOError

SHELLS = ("bash", "zsh", "tcsh")
EXAMPLE = """\
  nco completion bash > ~/.local/share/bash-completion/completions/nco
  nco completion zsh > ~/.zfunc/_nco      (with fpath+=~/.zfunc before compinit in ~/.zshrc)"""


def add(commands: Any, parser_of_all: argparse.ArgumentParser) -> None:
    """Adds the sub-command to those of ``nco``, whose parser it prints."""
    text = "Print what a shell needs to complete commands and options."
    handler = functools.partial(run, parser_of_all)
    parser = command(commands, "completion", handler, text, EXAMPLE)
    parser.add_argument("shell", choices=SHELLS)


def run(parser_of_all: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    try:
        import shtab
    except ImportError as error:
        raise NCOError("shtab is not installed: pip install 'nco-solver[completion]'") from error
    print(shtab.complete(parser_of_all, shell=options.shell))
    return 0
