"""What a picture shows, thing by thing: their names are written where there is room.

Pages (`nco.pictures.page`) read the same artist for what a pointer finds, and for the search.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from nco.pictures.axes import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase

MOST_NAMES = 400  # there would be no room for more
LONGEST = 18  # characters of a name that is written
SIZE = 7.0  # points
REACH = 4.0  # points
BEHIND = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "boxstyle": "square,pad=0.02"}
Box = tuple[float, float, float, float]  # left, bottom, right, top in pixels


class Things(Artist):
    """Things of one kind in one picture.

    Attributes:
        kind: a word for one of them, such as "stop".
        names: what each is called.
        places: where each is, in the units of the axes: ``[n, 2]`` points, or ``[n, 4]`` bars as
            left, bottom, width, height.
        facts: by the name of a column a value for each thing; names of columns of the solution's
            table connect its rows with the things.
        groups: for each thing the gid of the artist it belongs to (its route, its job), or "".
        named: whether a picture writes their names; of the points of a line it had better not.
        most: things above which a picture that does not zoom writes no names.
        reach: points between the middle of a mark and its name.
    """

    def __init__(
        self,
        kind: str,
        names: Sequence[str],
        places: np.ndarray,
        facts: Mapping[str, Sequence[Any]],
        groups: Sequence[str] = (),
        named: bool = True,
        most: int = MOST_NAMES,
        reach: float = REACH,
    ) -> None:
        super().__init__()
        if len(places) != len(names) or any(len(v) != len(names) for v in facts.values()):
            raise ValueError(f"{len(names)} names, but not as many places or facts")
        self.kind, self.names, self.facts = kind, list(names), dict(facts)
        width = np.shape(places)[1] if len(self.names) else 2
        self.places = np.asarray(places, dtype=np.float64).reshape(len(self.names), width)
        self.groups = list(groups) or [""] * len(self.names)
        self.named, self.most, self.reach = named, most, reach
        self.taken: list[Box] = []  # where names were written when it was drawn last
        self.set_zorder(6)
        self.set_in_layout(False)

    def boxes(self) -> np.ndarray:
        """Where they are in pixels of the figure: as `places`, but bars as left, bottom, right, top
        and never upside down."""
        assert self.axes is not None
        transform = self.axes.transData
        if self.places.shape[1] == 2 or not len(self.places):
            return np.asarray(transform.transform(self.places[:, :2]))
        one = transform.transform(self.places[:, :2])
        two = transform.transform(self.places[:, :2] + self.places[:, 2:])
        return np.concatenate([np.minimum(one, two), np.maximum(one, two)], axis=1)

    def draw(self, renderer: "RendererBase") -> None:
        """Writes the names that have room."""
        self.taken = []
        if not self.get_visible() or not self.named or not 0 < len(self.names) <= self.most:
            return
        texts = self._inside if self.places.shape[1] == 4 else self._beside
        for text in texts(renderer):
            text.draw(renderer)

    def _text(self, x: float, y: float, words: str, over_lines: bool) -> Text:
        text = Text(x, y, words, fontsize=SIZE, parse_math=False)
        if over_lines:
            text.set_bbox(BEHIND)
        text.set_transform(IdentityTransform())
        figure = self.get_figure()
        assert figure is not None
        text.set_figure(figure)
        return text

    def _measured(self, renderer: "RendererBase") -> Iterator[tuple[int, str, float, float]]:
        """Number, words, and width and height in pixels of each name."""
        for number, name in enumerate(self.names):
            words = shortened(name, LONGEST)
            if words:
                extent = self._text(0, 0, words, False).get_window_extent(renderer)
                yield number, words, extent.width, extent.height

    def _inside(self, renderer: "RendererBase") -> Iterator[Text]:
        """Names in the middle of bars that are large enough."""
        boxes = self.boxes()
        for number, words, width, height in self._measured(renderer):
            left, bottom, right, top = boxes[number]
            if width + 2 <= right - left and height <= top - bottom:
                text = self._text((left + right) / 2, (bottom + top) / 2, words, False)
                text.set(ha="center", va="center_baseline")
                yield text

    def _beside(self, renderer: "RendererBase") -> Iterator[Text]:
        """Names at the right, left, above or below points, where nothing else is."""
        assert self.axes is not None
        reach = self.reach * _pixels(renderer)
        points = self.boxes()
        room = self.axes.get_window_extent(renderer)
        obstacles = self._obstacles(renderer)
        for number, words, width, height in self._measured(renderer):
            for left, bottom in _positions(points[number], width, height, reach):
                box = (left, bottom, left + width, bottom + height)
                inside = room.x0 <= box[0] and box[2] <= room.x1
                inside = inside and room.y0 <= box[1] and box[3] <= room.y1
                if inside and not _meets(box, obstacles, number):
                    obstacles = np.vstack([obstacles, box])
                    self.taken.append(box)
                    text = self._text(left, bottom, words, True)
                    text.set(ha="left", va="bottom")
                    yield text
                    break

    def _obstacles(self, renderer: "RendererBase") -> np.ndarray:
        """Boxes ``[n, 4]`` that names keep off: the own things first, then those of others, what
        these have written already, and the legend."""
        assert self.axes is not None
        pixels = _pixels(renderer)
        taken: list[Box] = []
        others = [each for each in of_axes(self.axes) if each is not self]
        for each in (self, *others):
            dot = each.reach * pixels * 0.8
            if each.places.shape[1] == 2 and len(each.names) <= MOST_NAMES:
                taken += [(x - dot, y - dot, x + dot, y + dot) for x, y in each.boxes().tolist()]
        for each in of_axes(self.axes):
            if each is self:
                break  # those behind have not been drawn yet
            taken += each.taken
        legend = self.axes.get_legend()
        if legend is not None:
            taken.append(legend.get_window_extent(renderer).extents)
        return np.array(taken)


def _pixels(renderer: "RendererBase") -> float:
    """Pixels of a point."""
    return float(renderer.points_to_pixels(1.0))  # type: ignore[arg-type]


def _positions(
    point: np.ndarray, width: float, height: float, reach: float
) -> list[tuple[float, float]]:
    """Left lower corners of a text beside a point ``[2]``, the best first."""
    x, y = point.tolist()
    middle = y - height / 2
    return [
        (x + reach, middle),
        (x - reach - width, middle),
        (x - width / 2, y + reach),
        (x - width / 2, y - reach - height),
    ]


def _meets(box: Box, obstacles: np.ndarray, own: int) -> bool:
    """Whether a box covers part of an obstacle that is not the thing's `own`."""
    left, bottom, right, top = box
    hits = (obstacles[:, 0] < right) & (obstacles[:, 2] > left)
    hits &= (obstacles[:, 1] < top) & (obstacles[:, 3] > bottom)
    hits[own] = False
    return bool(hits.any())


def add(
    ax: "Axes",
    kind: str,
    names: Sequence[str],
    places: np.ndarray,
    facts: Mapping[str, Sequence[Any]],
    groups: Sequence[str] = (),
    named: bool = True,
    most: int = MOST_NAMES,
    reach: float = REACH,
) -> Things:
    """Adds `Things` to axes; of several, those that are added first have the first names."""
    things = Things(kind, names, places, facts, groups, named, most, reach)
    ax.add_artist(things)
    return things


def of(figure: Any) -> list[Things]:
    """The things of all axes of a figure."""
    return [things for ax in figure.axes for things in of_axes(ax)]


def of_axes(ax: Any) -> list[Things]:
    """The things of axes, as they were added."""
    return [child for child in ax.get_children() if isinstance(child, Things)]
