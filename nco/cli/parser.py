"""The command line as argparse has it, and what is said of words that it does not know."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from nco import __version__
from nco.cli import (
    benchmark,
    check,
    compare,
    completion,
    doctor,
    examples,
    generate,
    label,
    models,
    prune,
    solve,
    sweep,
    tune,
)
from nco.cli.arguments import CODES, Parser
from nco.core.errors import NCOError, did_you_mean

TRAINING = ("fit", "validate", "test", "predict")
COMMANDS = (  # as help lists them; then completion, which knows all of them
    *(solve, check, generate, label, benchmark, tune, sweep, models, prune, examples),
    *(compare, doctor),
)
USES = """\
examples:
  nco solve example:capitals.tsp                       an instance that ships with the package
  nco solve my.vrp --time_limit 10 --plot routes.png   your own file
  nco examples                                         files that ship, by problem
  nco fit --config configs/tsp/pomo.yaml               trains a network (nco fit --help)
"""


def build() -> Parser:
    """The parser of all commands but those of training, which Lightning reads."""
    parser = Parser(
        prog="nco",
        description="Neural combinatorial optimisation. Training: nco fit|validate|test|predict "
        "--config configs/PROBLEM/METHOD.yaml (see nco fit --help).",
        epilog=f"{USES}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nco {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    completion.add(commands, parser)
    return parser


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command; words that are no option are refused by name.

    Raises:
        NCOError: with the word that may have been meant.
        SystemExit: after ``--help``, ``--version``, or an argument that is wrong.
    """
    if not words:
        _show(USES + "\nnco --help lists the commands.")
    parser = build()
    commands = _commands(parser)
    given = _merged(words)
    if not given[0].startswith("-") and given[0] not in commands:
        raise NCOError(_no_command(given[0], [*commands, *TRAINING]))
    if len(given) == 1 and (epilog := _asks(commands.get(given[0]))):
        _show(f"{epilog}\n\nnco {given[0]} --help lists the options.")
    given, passed_on = sweep.parted(given) if given[0] == sweep.NAME else (given, {})
    options, rest = parser.parse_known_args(given)
    vars(options).update(passed_on)
    if rest:
        own = commands[given[0]]
        flags = [flag for action in own._actions for flag in action.option_strings]
        word = next((each for each in rest if each.startswith("-")), rest[0])
        name = word.partition("=")[0]
        kind = "option" if name.startswith("-") else "argument"
        near = did_you_mean(name.replace("-", "_").replace("__", "--", 1), flags)
        raise NCOError(f"{name}: no such {kind} of {own.prog}{';' * bool(near)}{near}")
    return options


def _merged(words: Sequence[str]) -> list[str]:
    """Commands of two words are one for argparse."""
    return [prune.NAME, *words[2:]] if list(words[:2]) == prune.NAME.split() else list(words)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in parser._actions if hasattr(each, "add_parser"))
    choices: dict[str, Any] = action.choices  # type: ignore[assignment]
    return choices


def _asks(command: argparse.ArgumentParser | None) -> str | None:
    """The examples of a command that does nothing without arguments."""
    if command is None or not any(action.required for action in command._actions):
        return None
    return command.epilog


def _no_command(word: str, names: Sequence[str]) -> str:
    if Path(word).exists() or word.startswith("example:"):
        return f"{word}: no command; did you mean nco solve {word}?"
    return f"{word}: no such command;{did_you_mean(word, names) or ' nco --help lists them'}"


def _show(text: str) -> NoReturn:
    import sys

    print(text, file=sys.stderr)
    raise SystemExit(2)
