"""What options may be given, each a function from its text; and how a sub-command is added."""

import argparse
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Protocol

from nco.core.errors import NCOError

SEVERITY = (0, 3, 1, 2, 130)  # of exit codes: of several files the last one of these counts

Handler = Callable[[argparse.Namespace], int]


class Verdict(Protocol):
    """What exit codes are made of: a report, or a solution."""

    @property
    def cost(self) -> float | int | None: ...
    @property
    def feasible(self) -> bool: ...
    @property
    def violations(self) -> list[str]: ...


CODES = """\
exit codes:
  0    done; of nco solve: every file has a feasible answer; of nco check: feasible
  1    an answer is infeasible
  3    an answer is partial: it breaks no rule, but leaves out what must be served
  2    an argument, a file or a result was wrong or could not be written; others were done
  130  interrupted by Ctrl-C or SIGTERM; what there was is kept
"""


def code_of(report: "Verdict") -> int:
    """The exit code that an answer stands for."""
    return 0 if report.feasible else 1 if report.violations or report.cost is None else 3


def worse(code: int, other: int) -> int:
    """The more severe of two exit codes."""
    return max(code, other, key=SEVERITY.index)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, instead of a page of usage before it."""

    def error(self, message: str) -> NoReturn:
        """Prints the line and exits with 2."""
        asked = [*self.prog.split()[1:], "--help"]
        self.exit(2, f"nco: {message.removeprefix('argument ')} (see nco {' '.join(asked)})\n")


def command(
    commands: Any, name: str, handler: Handler, text: str, example: str = ""
) -> argparse.ArgumentParser:
    """Adds a sub-command.

    Args:
        commands: those of ``nco``.
        name: its word.
        handler: is called with what was parsed.
        text: what it does, in a sentence.
        example: commands that show it, a line each; ends the help, and stands alone where the
            command is given without arguments.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=example and f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=handler)
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module or package of yours, which you trust, with classes that a model needs",
    )
    return parser


def allow(modules: Iterable[str]) -> None:
    """Has models' classes of these modules imported, from the present folder too.

    Raises:
        NCOError: there is no such module.
    """
    from nco.core import describe

    for module in modules:
        if os.getcwd() not in sys.path:  # as for nco fit
            sys.path.append(os.getcwd())
        try:
            found = module and importlib.util.find_spec(module)
        except (ImportError, ValueError):  # of a parent that is none; a relative name
            found = None
        if not found:
            where = "a name such as my_networks belongs to --import and into a class_path"
            raise NCOError(f"{module}: no such module here or on the path; {where}")
        describe.allow(module)


def truth(text: str) -> bool:
    """``true`` or ``false``."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise argparse.ArgumentTypeError(f"true or false, not {text}")


def seconds(text: str) -> float:
    """Positive seconds."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"positive seconds, not {text}")
    return value


def size(text: str) -> int | list[int]:
    """A size, or the smallest and the largest one as ``LOW-HIGH``."""
    ends = [int(end) for end in text.split("-")] if re.fullmatch(r"\d+(-\d+)?", text) else []
    if not ends or not 1 <= ends[0] <= ends[-1]:
        raise argparse.ArgumentTypeError(f"a size from 1 on, or LOW-HIGH, not {text}")
    return ends if len(ends) > 1 else ends[0]


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"0*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not {text}")
    return int(text)


def names(text: str) -> list[str]:
    """Names between commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def numbers(text: str) -> list[int]:
    """Whole numbers from 1 on, between commas."""
    return [count(item) for item in names(text)]


def limits(text: str) -> list[float | None]:
    """Seconds between commas; ``default`` is None, the solver's own idea of when to stop."""
    try:
        return [None if name == "default" else seconds(name) for name in names(text)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"seconds or 'default', not {text}") from error


def mapping(text: str) -> dict[str, Any]:
    """A mapping in YAML, such as ``{size: 50}``."""
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"names with values, such as '{{size: 50}}', not {text}")
    return found
