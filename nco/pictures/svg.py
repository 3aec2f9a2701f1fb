"""A figure as SVG that can stand inside a page: short, without styles in attributes.

A content security policy forbids ``style="..."``; so each different style becomes a class.
"""

import base64
import io
import re
from typing import Any

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters as letters and not as curves
    "svg.hashsalt": "nco",  # the same picture twice is the same text
}
LARGEST = 2_500_000  # characters; what would be larger is kept in pixels
DOTS = 250  # pixels an inch of those that are kept in pixels
_DRAWN = re.compile(r'\s(d|x|y)="([^"]*)"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
GREY = 12  # the most that red, green and blue differ in a grey
_COLOUR = re.compile(r"\b(fill|stroke): #([0-9a-f]{6})")
_STYLE = re.compile(r'\sstyle="([^"]*)"')


def written(figure: Any) -> tuple[str, str]:
    """The ``<svg>`` element, and the style sheet of its classes.

    Args:
        figure: of 72 dots an inch, so that its pixels are the units of the SVG.
    """
    import matplotlib

    data = io.StringIO()
    with matplotlib.rc_context(STYLE):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(data, format="svg", metadata=nothing, transparent=True)
    text = data.getvalue()
    text = text[text.index("<svg") :].strip()
    if len(text) > LARGEST:
        return _pixels(figure), ""
    classes: dict[str, str] = {}

    def as_class(match: re.Match[str]) -> str:
        name = classes.setdefault(match[1].strip(), f"s{len(classes)}")
        return f' class="{name}"'

    def tag(match: re.Match[str]) -> str:  # only here: a text may say style="..." itself
        return _DRAWN.sub(_shortened, _STYLE.sub(as_class, match[0]))

    for nothing_drawn in (r"<!--.*?-->", r"<style.*?</style>", r"<metadata>.*?</metadata>"):
        text = re.sub(nothing_drawn, "", text, flags=re.DOTALL)
    text = re.sub(r">\s*\n\s*<", "><", re.sub(r"<[^<>]*>", tag, text))
    text = text.replace("<defs></defs>", "")
    text = text.replace("xlink:href=", "href=")
    sheet = ["*{stroke-linejoin:round;stroke-linecap:butt}"]
    sheet += [f".{name}{{{style}}}" for style, name in classes.items()]
    dark = [f".{name}{{{style}}}" for words, name in classes.items() if (style := _dark(words))]
    head = f'<svg viewBox="0 0 {_size(figure)}" xmlns="http://www.w3.org/2000/svg"'
    text = re.sub(r"<svg[^>]*", head, text, count=1)
    light, night = ("\n".join(f"#picture {rule}" for rule in rules) for rules in (sheet, dark))
    return text, f"{light}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}\n"


def _dark(style: str) -> str:
    """The greys of a style, black and white among them, turned round; colours stay."""
    turned = []
    for key, colour in _COLOUR.findall(style):
        red, green, blue = (int(colour[k : k + 2], 16) for k in (0, 2, 4))
        if max(red, green, blue) - min(red, green, blue) < GREY:
            turned.append(f"{key}:#{3 * f'{round(232 - red * 0.84):02x}'}")
    return ";".join(turned)


def _size(figure: Any) -> str:
    width, height = figure.get_size_inches() * 72
    return f"{width:g} {height:g}"


def _shortened(match: re.Match[str]) -> str:
    """Coordinates in hundredths of a point."""
    name, value = match.groups()
    numbers = _DECIMALS.sub(r"\1", value)
    return f' {name}="{" ".join(numbers.split())}"'


def _pixels(figure: Any) -> str:
    """The same as a picture of pixels inside an SVG."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DOTS, transparent=True)
    coded = base64.b64encode(data.getvalue()).decode()
    width, height = figure.get_size_inches() * 72
    return (
        f'<svg class="pixels" viewBox="0 0 {_size(figure)}" xmlns="http://www.w3.org/2000/svg">'
        f'<image width="{width:g}" height="{height:g}" href="data:image/png;base64,{coded}"/></svg>'
    )
