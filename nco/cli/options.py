"""The flags of ``nco solve``, made from the fields of `nco.solving.options.Options`."""

import argparse
import dataclasses
import typing
from collections.abc import Callable
from typing import Any

from nco.cli import tables
from nco.cli.arguments import truth
from nco.solving.options import Options, Rule

# there is no progress beside lines that are printed as they come; `cluster` and `tables` add theirs
WITHOUT = ("progress", "cluster", "columns", "arguments")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for every option, under the same name."""
    for field in _fields():
        metadata = field.metadata
        # argparse takes % for a format
        settings: dict[str, Any] = {
            "help": str(metadata["text"]).replace("%", "%%"),
            "default": field.default,
        }
        if _kind(field) is bool and field.default is False:
            settings["action"] = "store_true"
        elif _kind(field) is bool:
            settings |= {"type": truth, "metavar": "true|false"}
        else:
            settings |= {
                "type": _parser(metadata["parse"] or _kind(field), metadata["rule"]),
                "metavar": metadata["metavar"],
            }
        parser.add_argument(f"--{field.name}", **settings)
    tables.add_options(parser)


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options by name, as `nco.solve` takes them."""
    own = {field.name: getattr(arguments, field.name) for field in _fields()}
    return {**own, **tables.given(arguments)}


def _fields() -> list["dataclasses.Field[Any]"]:
    return [field for field in dataclasses.fields(Options) if field.name not in WITHOUT]


def _kind(field: "dataclasses.Field[Any]") -> type:
    """The type of a field's values that are not None."""
    kinds = [kind for kind in typing.get_args(field.type) if kind is not type(None)]
    return kinds[0] if kinds else field.type  # type: ignore[return-value]


def _parser(kind: Callable[[str], Any], rule: Rule | None) -> Callable[[str], Any]:
    """From a flag's text to its value, which keeps the rule."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            if rule is None:
                raise
            raise _wrong(rule, text) from None
        if rule is not None and value is not None and not rule.holds(value):
            raise _wrong(rule, text)
        return value

    parse.__name__ = kind.__name__  # as argparse's message names it
    return parse


def _wrong(rule: Rule, text: str) -> argparse.ArgumentTypeError:
    """What a flag must be; Python's None is the word none there."""
    return argparse.ArgumentTypeError(f"must be {rule.words.replace('None', 'none')}, not {text}")
