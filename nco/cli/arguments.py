"""What options may be given, each a function from its text; and how a sub-command is added."""

import argparse
import re
from collections.abc import Callable
from typing import Any

Handler = Callable[[argparse.Namespace], int]


def command(commands: Any, name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
    """Adds a sub-command, whose ``handler`` is called with what was parsed."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(handler=handler)
    return parser


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
