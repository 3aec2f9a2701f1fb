"""`nco models`: what ships, one model's card, its measurements again."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from nco.cli.arguments import command, count, names
from nco.core.errors import NCOError


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "List the models that ship with the package, or describe some."
    parser = command(commands, "models", run, text)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="a shipped model, a run's folder, a checkpoint"
    )
    parser.add_argument("--json", action="store_true", help="the whole cards")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="measure the card's gaps again, on the same instances; or those of --sets",
    )
    parser.add_argument(
        "--sets", type=names, metavar="S,...", help="labelled sets to measure, such as tsp50,tsp100"
    )
    parser.add_argument("--instances", type=count, metavar="K", help="of each of --sets; all")


def run(options: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    if options.measure or options.sets:
        if not options.models:
            raise NCOError("--measure: name the models, such as nco models bq-tsp --measure")
        return max(_measure(name, options) for name in options.models)
    cards = {name: _card(name) for name in options.models} or _shipped()
    if options.json:
        print(json.dumps(cards, indent=1))
        return 0
    for name, card in cards.items():
        print(f"{name}: {_title(card)}")
        for row in card.get("measured", []):
            print(f"  {row['set']}: {row['gap_percent']:.3f} % ({row['search']})")
        for line in _details(card) if options.models else []:
            print(f"  {line}")
    return 0


def _shipped() -> dict[str, dict[str, Any]]:
    from nco.zoo.cards import available

    return available()


def _card(name: str) -> dict[str, Any]:
    """The card of one model; of a checkpoint, what it says of itself."""
    from nco.zoo import cards

    file = cards.locate(name)
    if file.suffix == ".json":
        return cards.read_card(file)
    from nco.core.describe import describe
    from nco.training import folder
    from nco.zoo.weights import load

    model = load(name)
    parameters = sum(value.numel() for value in model.policy.parameters())
    parts = folder.about(file.parent).get("parts", [])
    return {
        "name": name,
        "problem": describe(model.problem),
        "policy": describe(model.policy),
        "parameters": parameters,
        "steps": model.card["step"],
        "commands": [part["command"] for part in parts],
    }


def _title(card: Mapping[str, Any]) -> str:
    kind = card["problem"]["class_path"].rpartition(".")[2]
    return f"{kind}, {card['parameters'] / 1e6:.2f} M parameters"


def _details(card: Mapping[str, Any]) -> list[str]:
    """What only one model's page has."""
    given = card["problem"].get("init_args", {})
    settings = ", ".join(f"{key} {value}" for key, value in given.items() if value is not None)
    training = card.get("training", {})
    lines = {
        "problem": settings,
        "network": card["policy"]["class_path"].rpartition(".")[2],
        "trained on": card.get("distribution"),
        "training": training.get("method"),
        "labels": training.get("labels"),
        "steps": card.get("steps"),
        "command": "; ".join(card.get("commands", [])),
    }
    return [f"{name}: {value}" for name, value in lines.items() if value]


def _measure(name: str, options: argparse.Namespace) -> int:
    """A row for each set as soon as it is measured, beside that of the card."""
    from nco.benchmark import cards
    from nco.zoo import cards as zoo

    file = zoo.locate(name)
    card = zoo.read_card(file) if file.suffix == ".json" else {}
    rows = card.get("measured", [])
    found: Iterator[dict[str, Any] | NCOError]
    if options.sets:
        found = (cards.measure_set(name, each, options.instances) for each in options.sets)
        rows = [{"set": each} for each in options.sets]
    elif rows:
        found = cards.again(name, rows)
    else:
        raise NCOError(f"{name}: no card says on which sets; name some by --sets, such as tsp50")
    print(f"{name}\n{'set':<30}{'instances':>10}{'gap (%)':>18}{'card (%)':>18}{'s each':>9}")
    code = 0
    for old in rows:
        new = next(found)
        if isinstance(new, NCOError):
            print(f"nco: {new}", file=sys.stderr)
            code = 2
            continue
        line = f"{new['set']:<30}{new['instances']:>10}{_gap(new):>18}{_gap(old):>18}"
        print(f"{line}{new['seconds_per_instance']:>9.3g}", flush=True)
    return code


def _gap(row: Mapping[str, Any]) -> str:
    if row.get("gap_percent") is None:
        return "-"
    error = row.get("standard_error")
    return f"{row['gap_percent']:.3f}" + ("" if error is None else f" ± {error:.3f}")
