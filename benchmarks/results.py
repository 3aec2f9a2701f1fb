"""Writes the site's page of results from the files in `benchmarks/results/`.

    python benchmarks/results.py
    python benchmarks/results.py --add FOLDER          # first takes over what `nco benchmark` wrote
    python benchmarks/results.py --readme README.md    # also renews the README's figures

A result is either such a folder (``about.json``, ``table.csv``, and the ``commit`` it was measured
at), or a JSON file with the keys of `FACTS` and ``rows``; that of the README has a ``brief``, which
stands there in place of the facts.
"""

import argparse
import csv
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nco.benchmark.runs import FINAL

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "generated" / "results.md"

SECTIONS = {
    "Measured": "Measured by `nco benchmark`",
    "Compare": "Comparisons with other solvers",
    "Train": "Training and networks",
}
FACTS = {  # what a result says of its rows, in the order of the page
    "status": "Status",
    "measure": "Measure",
    "instances": "Instances",
    "machine": "Machine",
    "threads": "Threads",
    "date": "Date",
    "commit": "Commit",
    "command": "To measure again",
}
COLUMNS = (
    *("problem", "solver", "time_limit", "instances", "mean_cost", "gap_percent"),
    "primal_integral",
)
COMPARISON, PICTURED = "compiled_search", "random100"  # the results that the README shows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", type=Path, help="a file whose figures are renewed")
    parser.add_argument("--add", type=Path, help="a folder that `nco benchmark --output` wrote")
    options = parser.parse_args()
    if options.add is not None:
        add(options.add)
    results = read()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(page(results)) + "\n")
    if options.readme is not None:
        options.readme.write_text(renewed(options.readme.read_text(), results))


def read() -> dict[str, dict[str, Any]]:
    """All results by name."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    for path in sorted(RESULTS.glob("*/about.json")):
        results[path.parent.name] = from_benchmark(path.parent)
    return results


def add(folder: Path) -> None:
    """Keeps the output of a benchmark, which was measured at the present commit."""
    place = RESULTS / folder.resolve().name
    place.mkdir(exist_ok=True)
    for name in ("about.json", "table.csv"):
        shutil.copy(folder / name, place)
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (place / "commit").write_text(commit)


def from_benchmark(folder: Path) -> dict[str, Any]:
    """The output of `nco benchmark` in the form of the JSON files."""
    about = json.loads((folder / "about.json").read_text())
    with open(folder / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    return {
        "title": folder.name.replace("_", " "),
        "section": "Measured",
        "measure": "mean cost; primal integral (the primal gap as a mean over the time, 100 before "
        f"the first solution); mean gap in percent (± standard error) to {about['gaps_to']}",
        "instances": plain(about["arguments"]["files"] or about["instances"]),
        "machine": about["processor"],
        "threads": f"{about['cores']}; load average {about['load_average']}",
        "date": about["date"][:10],
        "commit": (folder / "commit").read_text().strip(),
        "columns": [name.replace("_", " ") for name in COLUMNS],
        "rows": [[cell(line, name) for name in COLUMNS] for line in lines],
        "notes": [f"Versions: {plain(about['versions'])}."],
    }


def cell(line: dict[str, str], name: str) -> str:
    if name == "mean_cost" and line[name]:
        return f"{float(line[name]):.7g}"
    if name == "primal_integral" and line[name]:  # at most, where only final answers are known
        return "≤ " * (FINAL in line["points"].split()) + f"{float(line[name]):.2f}"
    if name != "gap_percent" or not line[name]:
        return line[name]
    error = line.get("standard_error")
    return f"{float(line[name]):.2f}" + (f" ± {float(error):.2f}" if error else "")


def plain(value: Any) -> str:
    """Nested values as one line of text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return " ".join(plain(item) for item in value)
    return str(value)


def page(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    for section, title in SECTIONS.items():
        own = {name: result for name, result in results.items() if result["section"] == section}
        if own:
            yield from ("", f"## {title}", "")
        for name, result in own.items():
            yield from ("", f"(result-{name})=", f"### {result['title']}", "")
            yield from facts(result)
            yield from ("", *table(result), "")
            yield from (f"{note}\n" for note in result.get("notes", []))


def facts(result: dict[str, Any]) -> Iterator[str]:
    """Where the figures come from, one line a fact."""
    for key, title in FACTS.items():
        if result.get(key):
            code = "`" if key == "command" else ""
            yield f"- **{title}**: {code}{result[key]}{code}"


def table(result: dict[str, Any]) -> list[str]:
    lines = [result["columns"], ["---"] * len(result["columns"]), *result["rows"]]
    return ["| " + " | ".join(line) + " |" for line in lines]


def renewed(text: str, results: dict[str, dict[str, Any]]) -> str:
    """A README with what stands between its marks as the results say."""
    result, picture = results[COMPARISON], results[PICTURED]
    comparison = ["", *table(result), "", result["brief"], ""]
    text = between(text, "comparison", "\n".join(comparison))
    machine = f"{picture['machine']}, {picture['threads']}, {picture['date']}."
    return between(text, "picture", f"Measured on: {machine}")


def between(text: str, mark: str, content: str) -> str:
    """`text` with `content` between two marks."""
    before, rest = text.split(f"<!-- {mark}: begin -->\n")
    after = rest.split(f"<!-- {mark}: end -->")[1]
    return f"{before}<!-- {mark}: begin -->\n{content}\n<!-- {mark}: end -->{after}"


if __name__ == "__main__":
    main()
