"""Writes the pages that are made from other files: model zoo, configs, API reference, inventories.

    python docs/generate.py

`make docs` runs it first. Nothing that it writes is committed. Pages of results are written by
`benchmarks/results.py`.
"""

import ast
import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = DOCS / "generated"
API = DOCS / "api" / "modules"

# Where a package of `import nco` lies in the repository, and what its page is called.
PACKAGES = {
    "core": "what authors of problems, networks and methods import",
    "registry": "problem folders and what they offer",
    "search": "searches",
    "solving": "the way of one answer",
    "workers": "classical solvers in child processes",
    "zoo": "cards and weights",
    "labels": "labelled sets",
    "training": "what every method shares",
    "models": "methods",
    "models.policy_gradient": "policy gradients",
    "models.nets": "networks",
    "benchmark": "comparisons",
    "cluster": "many machines",
    "testing": "contracts",
}
LONGEST = 8  # rows of a table of measurements that is shown unfolded

# Names of other packages that our signatures use; the inventories let Sphinx link them off-line.
OTHERS = {
    "python": (
        "https://docs.python.org/3/",
        {
            "collections.abc.Callable": "library/collections.abc.html",
            "collections.abc.Iterable": "library/collections.abc.html",
            "collections.abc.Iterator": "library/collections.abc.html",
            "collections.abc.Mapping": "library/collections.abc.html",
            "collections.abc.Sequence": "library/collections.abc.html",
            "pathlib.Path": "library/pathlib.html",
        },
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        {
            "torch.Generator": "generated/torch.Generator.html",
            "torch.Tensor": "tensors.html",
            "torch.nn.Module": "generated/torch.nn.Module.html",
        },
    ),
    "lightning": (
        "https://lightning.ai/docs/pytorch/stable/",
        {
            "lightning.pytorch.LightningDataModule": "data/datamodule.html",
            "lightning.pytorch.LightningModule": "common/lightning_module.html",
            "lightning.pytorch.Trainer": "common/trainer.html",
        },
    ),
}


def main() -> None:
    GENERATED.mkdir(exist_ok=True)
    cards = [
        json.loads(path.read_text()) for path in sorted((ROOT / "models/zoo").glob("*/card.json"))
    ]
    (GENERATED / "zoo.md").write_text(zoo(cards))
    for problem in problem_folders():
        (GENERATED / f"networks_{problem}.md").write_text(networks(cards, problem))
    (GENERATED / "configs.md").write_text(configs())
    reference()
    for name, (address, objects) in OTHERS.items():
        (GENERATED / f"{name}.url").write_text(address)
        (GENERATED / f"{name}.inv").write_bytes(inventory(name, objects))


def problem_folders() -> list[str]:
    """The folders of `problems/` that hold a problem."""
    return sorted(path.parent.name for path in (ROOT / "problems").glob("[a-z]*/problem.py"))


# ---- model zoo


def problem_of(card: dict[str, Any]) -> str:
    """The folder of a card's problem."""
    return str(card["problem"]["class_path"]).split(".")[2]


def zoo(cards: list[dict[str, Any]]) -> str:
    """The table of all models, and a section on each."""
    lines = table(
        ["model", "problem", "sizes", "measured gap"],
        [
            [
                f"[`{card['name']}`](#{card['name']})",
                f"[{problem_of(card)}](guide/{problem_of(card)}.md)",
                sizes(card),
                shortest(card),
            ]
            for card in cards
        ],
    )
    for card in cards:
        lines += ["", f"({card['name']})=", f"## {card['name']}", "", *section(card)]
    return "\n".join(lines) + "\n"


def networks(cards: list[dict[str, Any]], problem: str) -> str:
    """A table of the models that ship for one problem, to be included in its page."""
    own = [card for card in cards if problem_of(card) == problem]
    if not own:
        return "No network ships for this problem.\n"
    rows = [
        [
            f"[`{card['name']}`](../zoo.md#{card['name']})",
            sizes(card),
            f"{card['parameters'] / 1e6:.2f} M",
            shortest(card),
        ]
        for card in own
    ]
    return "\n".join(table(["model", "sizes", "parameters", "measured gap"], rows)) + "\n"


def section(card: dict[str, Any]) -> Iterator[str]:
    """What a card says, for people."""
    training = card["training"]
    facts = {
        "Problem": f"`{card['problem']['class_path']}`, {problem_of(card)}",
        "Network": f"`{card['policy']['class_path']}`, {card['parameters']:,} parameters",
        "Trained on": ", ".join(
            part for part in (sizes(card), str(card.get("distribution", ""))) if part
        ),
        "Training": training["method"],
        "Labels": training.get("labels"),
        "Hardware": training["hardware"],
        "Time": f"{training['minutes']:g} minutes, {training['instances']:,} instances",
        "Commit": f"`{card['commit']}`",
    }
    for name, fact in facts.items():
        if fact:
            yield f"- **{name}**: {fact}"
    yield ""
    rows = [measurement(row) for row in card["measured"] + card.get("searches", [])]
    heads = ["set", "instances", "reference", "search", "gap in percent", "seconds an instance"]
    if len(rows) > LONGEST:
        yield from ["<details><summary>", f"{len(rows)} settings were measured: show all", ""]
        yield from ["</summary>", "", *table(heads, rows), "", "</details>"]
    else:
        yield from table(heads, rows)


def measurement(row: dict[str, Any]) -> list[str]:
    """One line of a card's measurements."""
    rollouts = f", {row['rollouts']} rollouts" if "rollouts" in row else ""
    return [
        row["set"],
        str(row["instances"]),
        reference_of(row) if "reference" in row else "as above",
        row["search"] + rollouts.replace(", 1 rollouts", ", one path"),
        gap(row),
        f"{row['seconds_per_instance']:.3g}",
    ]


def reference_of(row: dict[str, Any]) -> str:
    return str(row["reference"]).replace(", None s", "").replace("_", "-")


def gap(row: dict[str, Any]) -> str:
    digits = 3 if max(abs(row["gap_percent"]), row["standard_error"]) < 0.1 else 2
    return f"{row['gap_percent']:.{digits}f} ± {row['standard_error']:.{digits}f}"


def shortest(card: dict[str, Any]) -> str:
    """The measured gaps of a card in one cell."""
    rows = card["measured"]
    if len(rows) > LONGEST:
        gaps = [row["gap_percent"] for row in rows]
        errors = [row["standard_error"] for row in rows]
        text = f"{min(gaps):.2f} to {max(gaps):.2f} % in {len(rows)} settings"
        noise = f"± {min(errors):.2f} to {max(errors):.2f}"
        return f"{text}<br>({noise}) to {reference_of(rows[0])}"
    return "<br>".join(f"{row['set']} {gap(row)} %" for row in rows)


def sizes(card: dict[str, Any]) -> str:
    low, high = card.get("sizes") or [card["problem"]["init_args"].get("size")] * 2
    if isinstance(low, list):
        low, high = low
    return "" if low is None else f"{low}" if low == high else f"{low}-{high}"


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


# ---- configs


def configs() -> str:
    """A table of the experiments that ship, by problem."""
    rows = []
    for path in sorted((ROOT / "configs").glob("*/*.yaml")):
        model = yaml.safe_load(path.read_text())["model"]
        policy = model["init_args"]["policy"]["class_path"].rpartition(".")[2]
        problem = path.parent.name
        method = model["class_path"].rpartition(".")[2]
        page = f"[{problem}](../guide/{problem}.md)"
        rows.append([f"`configs/{problem}/{path.name}`", page, method, policy])
    return "\n".join(table(["config", "problem", "method", "network"], rows)) + "\n"


# ---- API reference


def reference() -> None:
    """A page for every package and every problem folder."""
    shutil.rmtree(API, ignore_errors=True)
    API.mkdir()
    for package, about in PACKAGES.items():
        write_page(f"nco.{package}", about, list(modules(package)))
    for problem in problem_folders():
        package = f"problems.{problem}"
        write_page(f"nco.{package}", summary(folder(package) / "__init__.py"), modules(package))


def modules(package: str) -> list[str]:
    """The public modules of a package with public names, itself first."""
    where = folder(package)
    found = [f"nco.{package}"] if public_names(where / "__init__.py") else []
    for path in sorted(where.glob("*.py")):
        if not path.stem.startswith("_") and public_names(path):
            found.append(f"nco.{package}.{path.stem}")
    return found


def folder(package: str) -> Path:
    path = package.replace(".", "/")
    return ROOT / path if path.split("/")[0] in ("problems", "models") else ROOT / "nco" / path


def public_names(path: Path) -> dict[str, str]:
    """What a module defines whose name does not begin with ``_``: name to Sphinx's directive."""
    kinds = {ast.FunctionDef: "autofunction", ast.ClassDef: "autoclass"}
    body = ast.parse(path.read_text()).body
    return {
        item.name: kinds[type(item)]
        for item in body
        if isinstance(item, ast.FunctionDef | ast.ClassDef) and not item.name.startswith("_")
    }


def summary(path: Path) -> str:
    """The first line of a module's docstring, as the end of a title."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    line = text.splitlines()[0].rstrip(".")
    return line[0].lower() + line[1:]


def write_page(package: str, about: str, names: list[str]) -> None:
    title = f"{package}: {about}"
    where = folder(package.removeprefix("nco."))
    own = public_names(where / "__init__.py")
    lines = [title, "=" * len(title)]
    for name in names:
        lines += ["", name, "-" * len(name), ""]
        module = name.rpartition(".")[2]
        if name != package and module in own:  # a function of the package has the module's name
            for item, directive in public_names(where / f"{module}.py").items():
                lines.append(f".. {directive}:: {name}.{item}")
        else:
            lines.append(f".. automodule:: {name}")
    (API / f"{package}.rst").write_text("\n".join(lines) + "\n")


# ---- links to other projects


def inventory(name: str, objects: dict[str, str]) -> bytes:
    """An inventory of classes in Sphinx's format, version 2."""
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    rows = [f"{key} py:class 1 {page}#{key} -\n" for key, page in objects.items()]
    return head.encode() + zlib.compress("".join(rows).encode())


if __name__ == "__main__":
    main()
