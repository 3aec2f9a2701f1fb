"""Writes the table and the curves of the page "Which objective?" from `objectives.csv`.

    python benchmarks/objectives_page.py

Compute is in updates of the control: the time that so many of them take on the same machine. The
unit of statistics is the seed: gaps are means over held-out instances within it, the control's
run with the same seed is taken off, and the interval is Student's at 95 % over seeds; stars are
those of Holm's procedure over all arms at 5 %. Runs that diverged stay, at their initial gap.
"""

import argparse
import csv
import io
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nco.core import atomic

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "objectives.csv"
PAGE = ROOT / "docs" / "train" / "objectives.md"
CURVES = ROOT / "docs" / "_static" / "objectives.svg"
BEGIN, END = "<!-- objectives: begin -->\n", "<!-- objectives: end -->\n"
CONTROL, LEVEL = "control", 0.05
FEWEST = 10  # arms of a round that stands on the page: others have only begun
NAMES = {"tsp20": "TSP20", "tsp50": "TSP50", "cvrp50": "CVRP50", "jssp6": "JSSP 6 x 6"}
WORDS = {
    CONTROL: "`LeaveOneOut`, `LogLikelihood` (RLOO)",
    "po": "`Pairwise` (preference optimisation)",
    "clipped": "`Standardised`, `Clipped`, 4 epochs (GRPO)",
    "po+search": "`Pairwise`, `Improved` (preferences with local search)",
    "truncated+stale": "`Standardised(batch)`, `Truncated`, `Stale(4)` (CISPO)",
    "rebel": "`Regression`, 4 epochs (REBEL)",
    "winner": "`Winner`, `LogLikelihood` (best of 8)",
    "quadratic": "`Standardised`, `Quadratic`, 4 epochs (SPO)",
    "po+replay": "`Pairwise(weighted)`, `Replay` (WPO)",
    "natural": "`Standardised`, `NaturalGradient` (TRPO)",
    "clipped+reposition": "`Clipped`, `Reposition` (SFPO)",
    "drift": "`Standardised`, `Drift`, 4 epochs (discovered)",
    "clipped+guided": "`Clipped`, `Guided`, 4 epochs (GHPO)",
    "distinct+best": "`Best`, `Distinct` (self-labelling without replacement)",
    "clipped+thinned": "`Clipped`, `Thinned` 4 of 8, 4 epochs",
    "exo": "`Matching`, `Reference(50)` (EXO)",
    "penalised": "`Standardised`, `Penalised`, 4 epochs (MDPO)",
    "a-star": "`SoftMinimum`, `Regression(value)` (A\\*-PO)",
}


@dataclass(frozen=True)
class Curve:
    """One run: compute and gaps where it was measured, the first before any update.

    Attributes:
        compute: in updates of the control.
        seconds: that the whole run took.
    """

    compute: tuple[float, ...]
    seconds: float
    gaps: tuple[float, ...]
    of_16: float
    updates: int
    diverged: bool

    @property
    def area(self) -> float:
        """The mean gap over the logarithm of the time, which the measurements halve evenly."""
        return statistics.mean(self.gaps[1:])


Round = dict[str, dict[int, Curve]]  # by arm and seed


def read() -> dict[tuple[str, str], Round]:
    """The rounds that have most of their arms, by problem and budget."""
    rows: dict[tuple[str, str, str, int], list[dict[str, str]]] = defaultdict(list)
    with open(RESULTS, newline="") as file:
        for row in csv.DictReader(file):
            rows[row["problem"], row["budget"], row["arm"], int(row["seed"])].append(row)
    rounds: dict[tuple[str, str], Round] = defaultdict(lambda: defaultdict(dict))
    for (problem, budget, arm, seed), parts in rows.items():
        rounds[problem, budget][arm][seed] = Curve(
            tuple(float(part["seconds"]) / float(part["unit"]) for part in parts),
            float(parts[-1]["seconds"]),
            tuple(float(part["gap"]) for part in parts),
            float(parts[-1]["gap_of_16"]),
            int(parts[-1]["updates"]),
            any(part["error"] for part in parts),
        )
    return {key: found for key, found in rounds.items() if len(found) >= FEWEST}


# ---- statistics


def student(t: float, free: int) -> float:
    """The probability that Student's variable is beyond |t| on either side."""
    # by Simpson's rule over the angle: the density in atan(t / sqrt(free)) is cos^(free - 1)
    end, count = math.atan(abs(t) / math.sqrt(free)), 2000
    step = (math.pi / 2) / count

    def power(angle: float) -> float:
        return max(math.cos(angle), 0.0) ** (free - 1)

    def area(upper: float) -> float:
        width = upper / count
        inner = sum((4 if i % 2 else 2) * power(i * width) for i in range(1, count))
        return (power(0) + inner + power(upper)) * width / 3

    return 1 - area(end) / area(step * count)


def quantile(free: int) -> float:
    """t beyond which 5 % lie, on both sides together."""
    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student(middle, free) > LEVEL else (low, middle)
    return high


def interval(differences: Sequence[float]) -> tuple[float, float | None, float]:
    """Mean, half of the 95 % interval (None of a single seed), and p."""
    mean, count = statistics.mean(differences), len(differences)
    if count < 2:
        return mean, None, 1.0
    error = statistics.stdev(differences) / math.sqrt(count)
    p = student(mean / error, count - 1) if error else float(mean == 0)
    return mean, quantile(count - 1) * error, p


def holm(chances: dict[str, float]) -> set[str]:
    """The names whose hypothesis is rejected at 5 % over all of them."""
    found: set[str] = set()
    for place, name in enumerate(sorted(chances, key=lambda name: chances[name])):
        if chances[name] > LEVEL / (len(chances) - place):
            break
        found.add(name)
    return found


def predicted(curve: Curve) -> float | None:
    """The last gap as foreseen from those before: a saturating curve of the compute.

    ``G(C) = G0 + (G1 - G0) / (1 + (C' / C)^B)``: Khatri et al. (2025), equation 1, G0 the gap at
    the start; C' and B by a grid, G1 by least squares.
    """
    start, compute, gaps = curve.gaps[0], curve.compute[1:-1], curve.gaps[1:-1]
    if len(gaps) < 3:
        return None
    best: tuple[float, float] | None = None
    for half in (curve.compute[-1] * 2**power for power in range(-8, 3)):
        for sharp in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0):
            share = [1 / (1 + (half / each) ** sharp) for each in (*compute, curve.compute[-1])]
            pairs = list(zip(share, gaps, strict=False))
            gain = sum(s * (g - start) for s, g in pairs) / sum(s * s for s, _ in pairs)
            error = sum((start + gain * s - g) ** 2 for s, g in pairs)
            if best is None or error < best[0]:
                best = error, start + gain * share[-1]
    assert best is not None
    return best[1]


# ---- the page


def table(name: str, budget: str, found: Round) -> list[str]:
    """Rows of one round, the best gap first."""
    control = found.get(CONTROL, {})
    differences = {
        arm: [curves[seed].gaps[-1] - control[seed].gaps[-1] for seed in curves if seed in control]
        for arm, curves in found.items()
    }
    judged = {arm: interval(values) for arm, values in differences.items() if values}
    stars = holm({arm: p for arm, (_, _, p) in judged.items() if arm != CONTROL})
    seeds = sorted({seed for curves in found.values() for seed in curves})
    lines = [
        f"## {NAMES.get(name, name)}, the time of {budget} updates of RLOO",
        "",
        f"{len(found)} arms, seeds {', '.join(map(str, seeds))}. Gaps in percent: greedy from one "
        "start; best of 16 samples; mean over the logarithm of the time.",
        "",
        "| arm | seeds | updates | gap | less the control's (95 %) | of 16 | over log time |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    order = sorted(found, key=lambda arm: statistics.mean(c.gaps[-1] for c in found[arm].values()))
    for arm in order:
        curves = list(found[arm].values())
        apart = "0" if arm == CONTROL else ""
        if arm in judged and arm != CONTROL:
            mean, half, _ = judged[arm]
            apart = f"{mean:+.2f}" + ("" if half is None else f" ± {half:.2f}")
            apart += " \\*" if arm in stars else ""
        fallen = sum(curve.diverged for curve in curves)
        words = WORDS.get(arm, arm) + (f", {fallen} diverged" if fallen else "")
        lines.append(
            f"| {words} | {len(curves)} | {statistics.mean(c.updates for c in curves):.0f} "
            f"| {statistics.mean(c.gaps[-1] for c in curves):.2f} | {apart} "
            f"| {statistics.mean(c.of_16 for c in curves):.2f} "
            f"| {statistics.mean(c.area for c in curves):.2f} |"
        )
    errors = [
        abs(known - curve.gaps[-1])
        for curves in found.values()
        for curve in curves.values()
        if (known := predicted(curve)) is not None
    ]
    spent = sum(curve.seconds for curves in found.values() for curve in curves.values())
    lines += ["", f"Training took {spent:.0f} s of CPU time, measuring not counted."]
    if errors:
        lines.append(
            "A saturating curve through the measurements up to half of the time foretold the last "
            f"gap with a mean error of {statistics.mean(errors):.2f} (median "
            f"{statistics.median(errors):.2f}) percent points."
        )
    return [*lines, ""]


def picture(rounds: dict[tuple[str, str], Round]) -> None:
    """Mean curves of all arms, the control's thick."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "objectives"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(rounds), figsize=(7 * len(rounds), 4.5), squeeze=False)
    for ax, ((name, budget), found) in zip(axes[0], rounds.items(), strict=True):
        for number, (arm, curves) in enumerate(found.items()):
            compute = [statistics.mean(c) for c in _columns(k.compute for k in curves.values())]
            gaps = [statistics.mean(c) for c in _columns(k.gaps for k in curves.values())]
            style = ["-", "--", ":"][number // 10 % 3]
            width, colour = (3, "black") if arm == CONTROL else (1.2, f"C{number % 10}")
            ax.plot(compute[1:], gaps[1:], style, lw=width, color=colour, label=arm)
        ax.set(xscale="log", yscale="log", title=f"{NAMES.get(name, name)}, {budget}")
        ax.set(xlabel="time, in updates of the control", ylabel="greedy gap, percent")
        ax.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    atomic.write_bytes(CURVES, buffer.getvalue())
    plt.close(figure)


def _columns(rows: Iterable[Sequence[float]]) -> list[tuple[float, ...]]:
    """Runs that diverged were measured less often: as far as all of them go."""
    return list(zip(*rows, strict=False))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    rounds = read()
    picture(rounds)
    text = [
        "![Greedy gaps by time, in updates of the control](../_static/objectives.svg)",
        "",
        *[line for (name, budget), found in rounds.items() for line in table(name, budget, found)],
    ]
    page = PAGE.read_text()
    first, last = page.index(BEGIN) + len(BEGIN), page.index(END)
    atomic.write_text(PAGE, page[:first] + "\n".join(text) + page[last:])


if __name__ == "__main__":
    main()
