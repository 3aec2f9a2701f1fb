"""A picture as one HTML file that needs nothing else, not even a network (`document`).

Every word that comes from a user is escaped.
"""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from nco.pictures import legend, svg, things
from nco.pictures.axes import number
from nco.pictures.document import document
from nco.tables.table import Table, shown

DOTS = 72  # an inch: the pixels of the figure are then the units of the SVG
SCRIPTS = ("view.js", "words.js", "acts.js")  # one script, in this order
MOST_ROWS = 2000  # of the table
MOST_THINGS = 50_000  # that a pointer finds
MOST_LINES = 2  # notes, and others of one kind, that stand below the title without being folded
MOST_OPEN = 10  # lines below the first heading that are not folded
PLURALS = {"note": "notes", "fault": "faults"}
HEADING = 2  # spaces before a heading among the lines
BAR_OF_COLOURS = "<colorbar>"  # the label that matplotlib gives its axes
HELP = (
    "Wheel, pinch or + and − to zoom, drag or arrow keys to move, 0 for all of it. Point or tap to "
    "see what a thing is; n and p step from one to the next, Escape lets go."
)

BODY = """<header><h1>{title}</h1>{words}</header>
<main>
<section id="viewer" aria-label="Picture">
<div id="bar">
<label for="find">Find</label>
<input id="find" type="search" placeholder="{kinds}" autocomplete="off" spellcheck="false">
<output id="found" aria-live="polite"></output>
<span id="zooms"><button type="button" id="in" aria-label="Zoom in">+</button>
<button type="button" id="out" aria-label="Zoom out">−</button>
<button type="button" id="all">All</button></span>
</div>
<div id="stage" tabindex="0" role="application" aria-label="{caption}" aria-describedby="help">
<div id="picture">{picture}</div><svg id="over" aria-hidden="true"></svg>
<div id="tip" role="status" hidden></div>
</div>
<p id="caption">{caption}</p>
{legend}
<p id="help">{help}</p>
<noscript><p>Zoom, search and names need JavaScript; the table does not.</p></noscript>
</section>
{table}</main>
"""


def page(figure: Any, title: str, words: Sequence[str], table: Table | None) -> str:
    """The whole page.

    Args:
        figure: of `DOTS` dots an inch, with what was drawn; its title becomes the caption, and
            its legend a list. Bars of colours are left out: the legend says what colours mean.
        title: of the page.
        words: lines below the title; those that are indented belong to the one above them.
        table: of the answer, where there is one.
    """
    found = things.of(figure)
    caption = (figure.axes[0].get_title() or figure.get_suptitle()).replace("\n", ", ")
    figure.axes[0].set_title("")
    figure.suptitle("")
    for each in (*figure.legends, *(ax for ax in figure.axes if ax.get_label() == BAR_OF_COLOURS)):
        each.remove()
    for ax in figure.axes:
        if ax.get_legend() is not None:
            ax.get_legend().remove()
    for each in found:
        each.set_visible(False)  # the script writes the names, at every zoom those that have room
    panels = _panels(figure)
    for place, ax in enumerate(panels):
        ax.set_gid(f"panel-{place}")
    picture, classes = svg.written(figure)
    height = float(figure.get_size_inches()[1]) * DOTS
    data = {
        "things": _things(found, height, panels),
        "axes": [_axes(ax, height) for ax in figure.axes if _has_scale(ax) and not panels],
        "panels": [_box(ax.get_tightbbox(), height) for ax in panels],
    }
    style, script = _asset("page.css") + classes, "\n".join(map(_asset, SCRIPTS))
    body = BODY.format(
        title=escape(title),
        words=_head(words),
        kinds=escape(", ".join(dict.fromkeys(each.kind for each in found)) or "name"),
        caption=escape(caption),
        picture=picture,
        legend=legend.written(figure),
        help=escape(HELP),
        table="" if table is None else _table(table, found),
    )
    return document(title, body, style, script, "data", data)


def _asset(name: str) -> str:
    return (files("nco.pictures") / name).read_text(encoding="utf-8")


# ---- the lines below the title


def _head(words: Sequence[str]) -> str:
    """Lines, of which many of one kind (notes, faults) and those below a heading are folded."""
    parts: list[str] = []
    groups = _grouped(words)
    for place, (heading, lines) in enumerate(groups):
        text = "".join(f"<p>{escape(line)}</p>" for line in lines)
        if not heading:
            parts.append(text)
            continue
        is_first = not any(earlier for earlier, _ in groups[:place])
        short = is_first and heading.endswith(":") and len(lines) <= MOST_OPEN
        opened = " open" if short else ""
        name = PLURALS.get(heading, heading.rstrip(":"))
        summary = f"{name} <small>{len(lines)}</small>"
        parts.append(f"<details{opened}><summary>{summary}</summary><div>{text}</div></details>")
    return "".join(parts)


def _grouped(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """A heading ("" of lines that stand by themselves), and the lines below it."""
    groups: list[tuple[str, list[str]]] = []
    for line in words:
        text, depth = line.strip(), len(line) - len(line.lstrip())
        kind = text.partition(": ")[0]
        if text.endswith(":"):
            groups.append((text, []))
        elif groups and groups[-1][0].endswith(":") and depth > HEADING:
            groups[-1][1].append(text)
        elif sum(other.strip().startswith(f"{kind}: ") for other in words) > MOST_LINES:
            mine = next((lines for heading, lines in groups if heading == kind), None)
            if mine is None:
                groups.append((kind, mine := []))
            mine.append(text.removeprefix(f"{kind}: "))
        else:
            groups.append(("", [text]))
    return groups


# ---- what a pointer finds


def _panels(figure: Any) -> list[Any]:
    """The axes that a narrow screen may show below each other; none where there is one alone."""
    shown = [ax for ax in figure.axes if ax.axison]
    return shown if len(shown) > 1 else []


def _box(extent: Any, height: float) -> list[float]:
    """A box in pixels as left, top, right, bottom in units of an SVG."""
    corners = np.array([[extent.x0, extent.y0, extent.x1, extent.y1]])
    return np.round(_upside_down(corners, height)[0], 2).tolist()


def _things(
    found: Sequence[things.Things], height: float, panels: Sequence[Any]
) -> list[dict[str, Any]]:
    """Kinds, each with the box of its axes, columns of facts, and a row a thing.

    A row has place, name, group and facts.

    A kind's panel is the number of its axes in `panels`, -1 where there are none.
    """
    left = MOST_THINGS
    kinds = []
    for each in found:
        boxes = each.boxes()[:left]
        left -= len(boxes)
        boxes = np.round(_upside_down(boxes, height), 2)
        columns = list(each.facts)
        rows = [
            [boxes[k].tolist(), each.names[k], each.groups[k], *(cell(v[k]) for v in values)]
            for values in [list(each.facts.values())]
            for k in range(len(boxes))
        ]
        axes: Any = each.axes
        kinds.append(
            {
                "kind": each.kind,
                "named": each.named,
                "panel": panels.index(axes) if axes in panels else -1,
                "frame": _box(axes.get_window_extent(), height),
                "columns": columns,
                "rows": rows,
            }
        )
    return kinds


def _upside_down(boxes: np.ndarray, height: float) -> np.ndarray:
    """From pixels of a figure, which rise, to units of an SVG, which fall."""
    if boxes.shape[1] == 2:
        return np.stack([boxes[:, 0], height - boxes[:, 1]], axis=1)
    return np.stack([boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]], axis=1)


def cell(value: Any) -> str:
    """A fact as text."""
    if isinstance(value, bool | str) or value is None:
        return shown(value)
    return str(int(value)) if isinstance(value, int | np.integer) else number(float(value))


# ---- axes, whose ticks stay in sight while the picture moves


def _has_scale(ax: Any) -> bool:
    """Whether a position in the axes is a figure that people read; a map's is not."""
    linear = ax.get_xscale() == ax.get_yscale() == "linear"
    return bool(ax.axison and linear and ax.get_aspect() == "auto" and ax.get_xlabel())


def _axes(ax: Any, height: float) -> dict[str, Any]:
    """The box of axes in the SVG, and for each axis its range, label and names of ticks."""
    return {
        "box": _box(ax.get_window_extent(), height),
        "x": _axis(ax.xaxis, ax.get_xlim()),
        "y": _axis(ax.yaxis, ax.get_ylim()),
    }


def _axis(axis: Any, span: tuple[float, float]) -> dict[str, Any]:
    from matplotlib.ticker import FixedLocator

    names = isinstance(axis.get_major_locator(), FixedLocator)  # then somebody named them
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False) if names else []
    return {
        "span": [float(v) for v in span],
        "label": axis.get_label_text(),
        "names": [[float(place), text.get_text()] for place, text in ticks],
    }


# ---- the table


def _table(table: Table, found: Sequence[things.Things]) -> str:
    """The table without its empty columns, each row with the number of its thing."""
    indices = _connected(table, found)
    firsts = table.rows[0] if table.rows else ("",) * len(table.columns)
    filled = [
        column
        for column in range(len(table.columns))
        if not table.rows or any(row[column] not in ("", None) for row in table.rows)
    ]
    head = "".join(
        f'<th scope="col"{_kind(firsts[column])}>{escape(table.columns[column])}</th>'
        for column in filled
    )
    lines = []
    for place, row in enumerate(table.rows[:MOST_ROWS]):
        cells = "".join(_cell(row[column]) for column in filled)
        thing = indices[place]
        link = "" if thing is None else f' data-thing="{thing}" tabindex="0"'
        lines.append(f"<tr{link}>{cells}</tr>")
    count = f"{len(table.rows):,} rows"
    if len(table.rows) > MOST_ROWS:
        count = f"the first {MOST_ROWS:,} of {count}; --save x.csv writes all"
    return (
        f"<section><h2>{escape(table.name or 'table').capitalize()} <small>{count}</small></h2>"
        f'<div class="scroll"><table id="table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></section>\n"
    )


def _cell(value: Any) -> str:
    return f"<td{_kind(value)}>{escape(cell(value))}</td>"


def _kind(value: Any) -> str:
    """The class of a cell with a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ' class="number"' if is_number else ""


def _connected(table: Table, found: Sequence[things.Things]) -> list[int | None]:
    """For each row the number of the thing whose facts of the same names are the same."""
    indices: list[int | None] = [None] * len(table.rows)
    first = 0
    for each in found:
        shared = [place for place, name in enumerate(table.columns) if name in each.facts]
        values = [each.facts[table.columns[place]] for place in shared]
        known: dict[tuple[str, ...], int] = {}
        for k, facts in enumerate(zip(*values, strict=True)):
            known.setdefault(tuple(cell(value) for value in facts), first + k)
        for place, row in enumerate(table.rows[:MOST_ROWS]):
            if indices[place] is None and shared:
                indices[place] = known.get(tuple(cell(row[column]) for column in shared))
        first += len(each.names)
    return indices
