"""The report: one HTML file that needs nothing else, not even a network.

Every word that comes from a file is escaped, scripts other than the report's own are forbidden by
its content security policy, and pictures are images, inside which nothing runs.
"""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from nco.benchmark.chart import chart
from nco.benchmark.drawings import Album
from nco.benchmark.plan import shown_limit
from nco.benchmark.runs import FINAL, Run
from nco.benchmark.summary import Row, summarise
from nco.core.case import Case
from nco.pictures.document import document

COLOURS = 8
MOST_RUNS = 2000  # lines of the table of runs
NOTE = (
    "Gaps are to {gaps_to}. Lines are means over the instances with one standard error, of the "
    "runs at the longest time limit; large points are the rows of the table at their median "
    "seconds, small ones single runs. A dashed line joins final answers alone. The primal integral "
    "is the primal gap in percent, averaged over the time until the limit (Berthold 2013): 100 is "
    "no solution at all. Cold figures are of the first instances, in fresh processes, start and "
    "imports included."
)


def report(
    runs: Sequence[Run], about: Mapping[str, Any], cases: Sequence[tuple[str, Case]] = ()
) -> str:
    """The whole page.

    Args:
        runs: with gaps and primal integrals.
        about: the setting.
        cases: names and instances, without which there are no pictures of solutions.
    """
    album = Album({(case.problem, name): case for name, case in cases})
    solvers = dict.fromkeys(run.solver for run in runs)
    colours = {name: number % COLOURS for number, name in enumerate(solvers)}

    def caption(run: Run) -> tuple[str, int | None]:
        return _caption(run), album.number(run)

    shown = runs[:MOST_RUNS]
    lines = "".join(_run_line(run, *caption(run), colours[run.solver]) for run in shown)
    problems = "".join(
        _problem(name, [run for run in runs if run.problem == name], colours, caption)
        for name in dict.fromkeys(run.problem for run in runs)
    )
    left = [f"the first {MOST_RUNS} of {len(runs)}, all are in runs.csv"] * (len(runs) > MOST_RUNS)
    left += [f"{album.left_out} solutions without a picture, for size"] * bool(album.left_out)
    style, script = _asset("report.css"), _asset("report.js")
    body = BODY.format(
        title=escape(_title(runs)),
        subtitle=escape(_subtitle(about)),
        note=escape(NOTE.format(gaps_to=about.get("gaps_to", "the best of this comparison"))),
        problems=problems,
        count=escape(f"{len(runs)}" + "".join(f"; {words}" for words in left)),
        runs=lines,
        about=_about(about),
    )
    return document(_title(runs), body, style, script, "pictures", album.pictures)


BODY = """<header><h1>{title}</h1><p class="soft">{subtitle}</p></header>
<main>
{problems}<p class="note soft">{note}</p>
<section>
<h2>Runs <small class="soft">{count}</small></h2>
<p><label>Show only <input id="filter" type="search" placeholder="instance, solver ..."></label></p>
<div class="scroll"><table class="sortable" id="runs">
<thead><tr><th>instance</th><th>solver</th><th>limit (s)</th><th>start</th><th>cost</th>
<th>gap (%)</th><th>seconds</th><th>integral</th><th>found by</th><th>remarks</th></tr></thead>
<tbody>{runs}</tbody></table></div>
</section>
<section><details open><summary><h2>Setting</h2></summary>{about}</details></section>
</main>
<figure id="preview" hidden><img alt=""><figcaption></figcaption></figure>
"""


def _asset(name: str) -> str:
    return (files("nco.benchmark") / name).read_text(encoding="utf-8")


def _title(runs: Sequence[Run]) -> str:
    problems = ", ".join(dict.fromkeys(run.problem for run in runs)) or "nothing measured"
    return f"Benchmark: {problems}"


def _subtitle(about: Mapping[str, Any]) -> str:
    keys = ("instances", "processor", "cores", "date")
    return " · ".join(str(about[key]) for key in keys if about.get(key) is not None)


# ---- one problem


def _problem(name: str, runs: Sequence[Run], colours: Mapping[str, int], caption: Any) -> str:
    rows = summarise(runs)
    drawn = chart([run for run in runs if not run.cold], rows, colours, caption)
    used = dict.fromkeys(row.solver for row in rows)
    keys = "".join(
        f'<button type="button" class="key c{colours[solver]}" aria-pressed="true" '
        f'data-series="{escape(solver)}"><i></i>{escape(solver)}</button>'
        for solver in used
    )
    sizes = ", ".join(dict.fromkeys(str(row.size) for row in rows))
    heads = (
        *("solver", "limit (s)", "runs", "failed", "mean cost", "mean gap (%)", "median"),
        *("integral", "from", "median s", "max s", "cold gap (%)", "cold s"),
    )
    names = list(dict.fromkeys(key for row in rows for key in row.measures))
    head = "".join(f"<th>{escape(word)}</th>" for word in (*heads, *names))
    lines = "".join(_row_line(row, colours[row.solver], names) for row in rows)
    return (
        f"<section><h2>{escape(name)} <small>n = {escape(sizes)}</small></h2>"
        f'<div class="plot">{drawn}<div class="keys">{keys}</div></div>'
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div></section>\n"
    )


def _row_line(row: Row, colour: int, names: Sequence[str]) -> str:
    final = FINAL in row.points.split()
    cells = [
        f'<th class="c{colour}"><i></i>{escape(row.solver)}</th>',
        _limit(row.time_limit),
        _number(row.instances, "d"),
        _number(row.failures, "d"),
        _number(row.mean_cost, ".7g"),
        _number(row.gap_percent, ".3f", "", _error(row.standard_error)),
        _number(row.gap_median, ".3f"),
        _number(row.primal_integral, ".2f", "≤ " * final),
        _word(row.points),
        _number(row.seconds_median, ".3f"),
        _number(row.seconds_max, ".3f"),
        _number(row.cold_gap_percent, ".3f"),
        _number(row.cold_seconds, ".3f"),
        *[_number(row.measures.get(name), ".4g") for name in names],
    ]
    return f"<tr>{''.join(cells)}</tr>"


# ---- one run


def _caption(run: Run) -> str:
    words = [run.instance, run.solver, f"{shown_limit(run.time_limit)} s" + ", cold" * run.cold]
    if run.cost is not None:
        words.append(f"cost {run.cost:.7g}")
    if run.gap_percent is not None:
        words.append(f"gap {run.gap_percent:.3f} %")
    return " · ".join([*words, f"{run.seconds:.3f} s"])


def _run_line(run: Run, words: str, picture: int | None, colour: int) -> str:
    shown = "" if picture is None else f' data-picture="{picture}" tabindex="0"'
    remarks = [*([] if run.error is None else [run.error]), *run.faults]
    cells = [
        f"<th>{escape(run.instance)}</th>",
        f'<td class="word c{colour}"><i></i>{escape(run.solver)}</td>',
        _limit(run.time_limit),
        _word("cold" if run.cold else "warm"),
        _number(run.cost, ".7g"),
        _number(run.gap_percent, ".3f"),
        _number(run.seconds, ".3f"),
        _number(run.primal_integral, ".2f", "≤ " * (run.traced == FINAL)),
        _word(run.points[-1].source if run.points else ""),
        _word("; ".join(remarks)),
    ]
    return f'<tr data-caption="{escape(words)}"{shown}>{"".join(cells)}</tr>\n'


def _limit(limit: float | None) -> str:
    order = "" if limit is None else f"{limit!r}"
    return f'<td data-value="{order}">{escape(shown_limit(limit))}</td>'


def _number(value: float | None, form: str, before: str = "", after: str = "") -> str:
    if value is None:
        return '<td data-value="">–</td>'
    return f'<td data-value="{value!r}">{before}{value:{form}}{after}</td>'


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {value:.3f}"


def _word(text: str) -> str:
    return f'<td class="word">{escape(text)}</td>'


# ---- the setting


def _about(value: Any) -> str:
    """Plain data as nested lists of terms."""
    if isinstance(value, Mapping):
        pairs = "".join(
            f"<dt>{escape(str(key))}</dt><dd>{_about(item)}</dd>" for key, item in value.items()
        )
        return f"<dl>{pairs}</dl>"
    if isinstance(value, list | tuple):
        return ", ".join(_about(item) for item in value) or "–"
    return "–" if value is None else escape(str(value))
