"""A picture's legend as HTML, which wraps on a phone and has room for a hundred entries."""

from html import escape
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Patch

MOST = 200  # entries
HATCHES = {  # by the first mark of matplotlib's, what is drawn over the small area
    "/": "M4 12L10 2M10 12L16 2M16 12L22 2",
    ".": "M7 5h.01M13 5h.01M19 5h.01M10 9h.01M16 9h.01M22 9h.01",
    "x": "M4 12L10 2M12 12L18 2M19 12L25 2M4 2L10 12M12 2L18 12M19 2L25 12",
}


def entries(figure: Any) -> list[tuple[str, Any]]:
    """Label and artist of everything in the figure that has a label, each label once."""
    found: dict[str, Any] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), handle)
    return list(found.items())


def written(figure: Any) -> str:
    """The list of entries; those whose artist has a gid are buttons that show what is theirs."""
    items = []
    every = entries(figure)
    for label, handle in every[:MOST]:
        words = f"{_swatch(handle)}<span>{escape(label)}</span>"
        gid = handle.get_gid() if hasattr(handle, "get_gid") else None
        if gid:
            words = (
                f'<button type="button" aria-pressed="false" data-group="{escape(gid)}">'
                f"{words}</button>"
            )
        items.append(f"<li>{words}</li>")
    if len(every) > MOST:
        items.append(f"<li>and {len(every) - MOST} others</li>")
    return f'<ul class="legend">{"".join(items)}</ul>' if items else ""


def _swatch(handle: Any) -> str:
    """How an artist looks, as a small SVG."""
    parts = ""
    if isinstance(handle, Line2D):
        colour = _hex(handle.get_color())
        if handle.get_linestyle() not in ("None", "none", "", " "):
            dashes = handle._unscaled_dash_pattern[1]  # type: ignore[attr-defined]
            dashed = f' stroke-dasharray="{" ".join(f"{d:g}" for d in dashes)}"' if dashes else ""
            parts += f'<path d="M1 7H27" stroke="{colour}" stroke-width="2"{dashed}/>'
        parts += _marker(handle)
    else:
        face = handle.get_facecolor() if hasattr(handle, "get_facecolor") else "#888888"
        if not isinstance(handle, Patch) and hasattr(face, "__len__") and len(face):
            face = face[0]
        pale = handle.get_alpha()
        opacity = "" if pale is None else f' fill-opacity="{pale:g}"'
        parts = f'<rect x="3" y="2" width="22" height="10" fill="{_hex(face)}"{opacity}/>'
        parts += _hatching(handle.get_hatch() if hasattr(handle, "get_hatch") else None)
    return f'<svg class="swatch" viewBox="0 0 28 14" aria-hidden="true">{parts}</svg>'


def _hatching(hatch: str | None) -> str:
    """White marks on an area, as `colours.HATCHES` has them in the picture."""
    path = HATCHES.get((hatch or "")[:1])
    if path is None:
        return ""
    return f'<path d="{path}" stroke="#ffffff" stroke-width="1.4" stroke-linecap="round"/>'


def _hex(colour: Any) -> str:
    """Black is the colour of the text, which is light where it is dark."""
    code = str(to_hex(colour))
    return "currentColor" if code == "#000000" else code


def _marker(line: Line2D) -> str:
    """The mark of a line."""
    marker = MarkerStyle(line.get_marker())
    path = marker.get_path().transformed(marker.get_transform())
    size = min(float(line.get_markersize()), 10.0)
    drawn = ""
    for polygon in path.to_polygons(closed_only=False):
        points = [f"{14 + x * size:.1f} {7 - y * size:.1f}" for x, y in np.asarray(polygon)]
        drawn += f"M{'L'.join(points)}"
    if not drawn:
        return ""
    fill = _hex(line.get_markerfacecolor()) if marker.is_filled() else "none"
    edge = _hex(line.get_markeredgecolor()) if fill == "none" else fill
    return f'<path d="{drawn}" fill="{fill}" stroke="{edge}"/>'
