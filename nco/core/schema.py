"""The names and units of all columns that a problem tells a policy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any, ClassVar

from nco.core.errors import NCOError


class Unit(Enum):
    """What a column is measured in, so that it can be scaled together with others of its unit.

    Lengths and times are proportional to the distances of an instance: where all positions are
    twice as far apart, columns with these units are twice as large, and all others stay the same.
    """

    LENGTH = "length"
    TIME = "time"
    LOAD = "load"  # amounts of goods or vehicles: demand, capacity, stock
    NONE = "none"  # shares, ratios, logarithms, flags, prices


@dataclass(frozen=True)
class Column:
    """One number of a feature: its name, unique within its channel, and its unit."""

    name: str
    unit: Unit = Unit.NONE


def columns(*names: str, unit: Unit = Unit.NONE) -> tuple[Column, ...]:
    """Columns of one unit: ``columns("x", "y", unit=Unit.LENGTH)``."""
    return tuple(Column(name, unit) for name in names)


class Channel(StrEnum):
    """A tensor of `nco.core.features` that tells a policy something.

    Not among them are what says which actions are possible and which nodes remain (`exists`,
    `mask`, `alive`, `stay`, `shared`): they have no columns.
    """

    NODES = "nodes"  # Features.nodes, of which positions are the first two columns
    EDGES = "edges"  # Features.edges
    LINKS = "links"  # Features.link; which nodes are linked is in Features.links
    GROUPS = "groups"  # Features.groups
    FOLLOWS = "follows"  # Features.follows
    DYNAMIC = "dynamic"  # Observation.nodes
    CONTEXT = "context"  # Observation.context
    FOCUS = "focus"  # Observation.focus
    MOVES = "moves"  # Observation.moves


class Amounts(Enum):
    """What the numbers of a continuous decision belong to."""

    NODES = "nodes"  # N numbers, one of each node
    LINKS = "links"  # L numbers, one of each of Features.links
    PAIRS = "pairs"  # N * N numbers, one of each pair of nodes, the first node varying slowest
    ONE = "one"  # a number of the whole


@dataclass(frozen=True)
class Schema:
    """The columns of all that a problem tells a policy; an empty tuple: there is no such tensor.

    Networks read the widths of their layers from it (``len(schema.context)``), find a column by
    its name (`index`), and scale by its unit (`scaled`).

    Attributes:
        nodes: of `Features.nodes`. Where nodes have positions, ``x`` and ``y`` come first and are
            in `Features.xy` as well.
        edges: of `Features.edges`, the first the distance. Those that only some instances have (a
            matrix from a file) are not declared.
        links: of `Features.link`.
        groups: the kinds of sets of `Features.groups`, such as ``("job", "machine")``.
        follows: whether there are `Features.follows`.
        dynamic: of `Observation.nodes`.
        context: of `Observation.context`.
        focus: what the nodes in `Observation.focus` are, such as ``("first", "current")``.
        one_way: walked backwards, a path may break rules or cost something else (time windows,
            distances that depend on the direction).
        moves: of `Observation.moves`; the first is how far away an action is.
        actions: kinds of actions: action a is kind ``a // N`` of node ``a % N``.
        amounts: of a continuous problem instead: the parts of a decision ``[B, S, A]`` in order.
    """

    nodes: tuple[Column, ...]
    edges: tuple[Column, ...] = ()
    links: tuple[Column, ...] = ()
    groups: tuple[str, ...] = ()
    follows: bool = False
    dynamic: tuple[Column, ...] = ()
    context: tuple[Column, ...] = ()
    focus: tuple[str, ...] = ()
    one_way: bool = False
    moves: tuple[Column, ...] = ()
    actions: tuple[str, ...] = ("node",)
    amounts: tuple[Amounts, ...] = ()

    FOLLOWS: ClassVar[tuple[str, ...]] = ("after", "before")  # the last axis of Features.follows

    def __post_init__(self) -> None:
        if not self.nodes or not self.actions:
            raise ValueError("a schema needs at least one column of nodes and one kind of action")
        for channel in Channel:
            names = [column.name for column in self.columns(channel)]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{channel} has several columns named {', '.join(sorted(twice))}")

    @property
    def xy(self) -> int:
        """How many columns of nodes are positions: 2, or 0 where nodes have none."""
        names = {column.name for column in self.nodes}
        return 2 if names >= {"x", "y"} else 0

    @property
    def kinds(self) -> int:
        """How many kinds of actions there are."""
        return len(self.actions)

    @property
    def offered(self) -> tuple[Channel, ...]:
        """The channels that have columns."""
        return tuple(channel for channel in Channel if self.columns(channel))

    def columns(self, channel: Channel) -> tuple[Column, ...]:
        """The columns of a channel; sets, ends and nodes in focus have no unit."""
        if channel is Channel.FOLLOWS:
            return columns(*self.FOLLOWS) if self.follows else ()
        entries: Iterable[Column | str] = getattr(self, channel.value)
        return tuple(Column(one) if isinstance(one, str) else one for one in entries)

    def index(self, channel: Channel, name: str) -> int:
        """Which column of a channel has this name.

        Raises:
            NCOError: where there is none, naming those that there are.
        """
        names = [column.name for column in self.columns(channel)]
        if name not in names:
            known = ", ".join(names) or "none"
            raise NCOError(f"{channel} has no column {name!r}: there are {known}")
        return names.index(name)

    def without(self, channels: Iterable[Channel]) -> "Schema":
        """The same without the columns of some channels.

        Raises:
            ValueError: where nodes would have no columns.
        """
        empty: dict[str, Any] = {
            channel.value: False if channel is Channel.FOLLOWS else () for channel in channels
        }
        return replace(self, **empty)

    def scaled(self, channel: Channel) -> tuple[int, ...]:
        """Which columns of a channel are proportional to distances: its lengths and times."""
        units = [column.unit for column in self.columns(channel)]
        return tuple(at for at, unit in enumerate(units) if unit in (Unit.LENGTH, Unit.TIME))


def channels(names: Sequence[str]) -> frozenset[Channel]:
    """The channels with these names.

    Raises:
        ValueError: naming what is none, and all that there are.
    """
    known = [channel.value for channel in Channel]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not a channel: there are {', '.join(known)}")
    return frozenset(Channel(name) for name in names)
