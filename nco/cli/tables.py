"""The flags for tables: what they do not say, and which column is which."""

import argparse
from typing import Any

from nco.registry import sheets


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--columns``, and a flag for each argument that a problem's tables take."""
    group = parser.add_argument_group("tables (CSV, Excel)")
    group.add_argument(
        "--columns",
        type=columns,
        metavar="NAME=HEADER,...",
        help="which header is which column, where it is not recognised: demand=qty,name=client",
    )
    for argument in sheets.arguments().values():
        group.add_argument(
            f"--{argument.name}",
            metavar=argument.metavar,
            help=argument.text.removeprefix("Of a table: ").replace("%", "%%"),
        )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords that readers of tables take."""
    own = {name: getattr(arguments, name) for name in sheets.arguments()}
    stated = {name: value for name, value in own.items() if value is not None}
    return {"columns": arguments.columns, "arguments": stated or None}


def files(arguments: argparse.Namespace) -> list[str]:
    """The tables beside the instance: what of their flags are paths."""
    declared = sheets.arguments().values()
    stated = [getattr(arguments, each.name) for each in declared if each.kind == "table"]
    return [path for path in stated if path is not None]


def columns(text: str) -> dict[str, str]:
    """``demand=qty,name=client``; a header with a comma in it is put between quotes."""
    import csv

    stated: dict[str, str] = {}
    try:
        items = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        items = [""]
    for item in items:
        name, sign, header = item.partition("=")
        if not sign or not name.strip() or not header.strip() or name.strip() in stated:
            raise argparse.ArgumentTypeError(f"NAME=HEADER,NAME=HEADER, not {text}")
        stated[name.strip()] = header.strip()
    return stated
