"""A policy: encode an instance once, decide at every state."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, Self, runtime_checkable

from torch import Generator, Tensor, nn

from nco.core.conflicts import Handler, HighestProbability
from nco.core.decisions import Decision
from nco.core.describe import Described
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.schema import Channel, Schema, channels
from nco.core.searches import SearchName


class Walker:
    """`Policy.decide` for paths that are walked from one step to the next.

    A policy may have a walker of its own that remembers what it has seen of each row.
    """

    def __init__(self, decide: Callable[[Any, Observation, Tensor | None], Decision]) -> None:
        self._decide = decide

    def __call__(
        self, memory: Any, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        return self._decide(memory, observation, condition)

    def take(self, parents: Tensor) -> None:
        """Says that the next states ``[B, S']`` follow from the last ones at `parents` ``[B, S']``.

        Not called where each state follows from the one in its place.
        """


class Policy(Described, nn.Module, ABC):
    """A network that decides; it never learns a problem's name.

    `__init__` holds hyper-parameters only and `build` makes the layers, because their widths come
    from the problem. Subclasses call ``super().__init__(ignore)`` first.

    Args:
        ignore: names of channels (`nco.core.schema.Channel`) that the policy does not read although
            the problem offers them.

    Attributes:
        schema: the columns of the problem that it was built for, without those that it ignores.
        agents: how many different policies it can play: the conditions 0 to `agents` - 1.
        symmetric: nodes have no numbers for it: any count of them will do, and where their order
            changes, its decisions change in the same way.
        decides_ahead: its walkers of new paths (`along`) decide several steps by one look.
        encodes: all nodes together at first, which takes the square of their number.
        conflicts: who keeps what several agents of a problem picked.
    """

    schema: Schema
    agents: int = 1
    encodes: bool = True
    symmetric: bool = True
    conflicts: Handler = HighestProbability()

    @property
    def decides_ahead(self) -> bool:
        return False

    def __init__(self, ignore: Sequence[str] = ()) -> None:
        super().__init__()
        self.ignored = channels(ignore)

    @property
    def reads(self) -> frozenset[Channel]:
        """The channels that the policy reads, all of their columns."""
        return frozenset()

    @property
    def scale_free(self) -> bool:
        """Whether decisions stay the same where all lengths and times are multiplied by a number.

        So of a policy that looks at each sub-problem in a frame of its own, wherever more than one
        node remains: the place of a single one has no scale.
        """
        return False

    @property
    def searches(self) -> tuple[SearchName, ...]:
        """The searches of `nco.search` that suit the network.

        The first is the deterministic pass of `nco.solve`; all of them follow one another under a
        time limit.
        """
        return (SearchName.MULTISTART, SearchName.SAMPLING)

    def build(self, schema: Schema) -> Self:
        """Creates the layers for a problem's columns and returns self.

        Raises:
            NCOError: where the problem offers a channel that the policy neither reads nor ignores:
                it would be trained on less than the problem says; a search that does not exist.
        """
        for search in self.searches:
            if search not in list(SearchName):
                known = ", ".join(SearchName)
                raise NCOError(f"{type(self).__name__}: no search is called {search}: {known}")
        dropped = [
            channel for channel in schema.offered if channel not in self.reads | self.ignored
        ]
        if dropped:
            parts = [
                f"{channel} ({', '.join(column.name for column in schema.columns(channel))})"
                for channel in dropped
            ]
            raise NCOError(
                f"{type(self).__name__} does not read {' and '.join(parts)} that the problem "
                f"offers: take a policy that does, or tell it to ignore: [{', '.join(dropped)}]"
            )
        self.schema = schema.without(self.ignored & self.reads)
        self.make_layers(self.schema)
        return self

    @abstractmethod
    def make_layers(self, schema: Schema) -> None:
        """Creates the layers for these columns: those of the problem that are not ignored."""

    @abstractmethod
    def encode(self, features: Features) -> Any:
        """What of an instance is computed once and reused at every step, tensors ``[B, ...]``."""

    @abstractmethod
    def decide(
        self, memory: Any, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        """The decision at every state.

        `condition` ``[B, S]`` long or ``[B, S, Z]`` float: which head or latent plays a rollout.
        """

    def along(self, doubt: float = 1.0) -> Walker:
        """A walker of new paths.

        Args:
            doubt: how much the policy may be in doubt where it decides by what it saw before, as a
                multiple of its own limit.
        """
        return Walker(self.decide)


class Population(Policy):
    """A policy of several agents that share what they know of a state, and decide each for itself.

    Attributes:
        decoders: what each agent has for itself, made by `build`.
    """

    decoders: nn.ModuleList

    @abstractmethod
    def begin_as(self, other: Policy) -> None:
        """Takes over a policy's weights, each decoder being cloned as often as needed.

        Raises:
            NCOError: where it is another network, or the number of decoders is not a multiple.
        """

    @abstractmethod
    def freeze(self) -> None:
        """Stops the training of what the agents share."""

    @abstractmethod
    def keep(self, agents: Sequence[int]) -> "Population":
        """The same policy with some of its agents only."""

    def take_agents(self, other: Self, agents: Sequence[int]) -> None:
        """Copies what makes up some agents of a larger population."""
        for mine, index in zip(self.decoders, agents, strict=True):
            mine.load_state_dict(other.decoders[index].state_dict())

    def clone_decoders(self, other: "Population") -> None:
        """The first decoders become clones of the first of `other`, and so on, in equal shares."""
        ours, theirs = len(self.decoders), len(other.decoders)
        if ours % theirs:
            raise NCOError(f"{theirs} decoders cannot be cloned to {ours}: take a multiple")
        for index, decoder in enumerate(self.decoders):
            decoder.load_state_dict(other.decoders[index * theirs // ours].state_dict())


@runtime_checkable
class Widens(Protocol):
    """A policy that can begin with the weights of one that knows some of its columns only."""

    def widen(self, other: Policy) -> None:
        """Takes over all weights; those of the columns that `other` does not know are zero.

        Raises:
            NCOError: where the two differ in more than their columns.
        """
        ...


Part = Literal["embeddings", "layer"]


@runtime_checkable
class Adaptable(Protocol):
    """A policy with parts of its memory that an active search may train."""

    def adaptable(self, memory: Any, part: Part, random: Generator) -> tuple[Any, list[Tensor]]:
        """`memory` with a part that may be trained, and the tensors of that part.

        The tensors are ``[B, ...]`` leaves that require a gradient, so that each instance has its
        own, and the memory decides as before until they are changed.

        Args:
            memory: what `encode` returned.
            part: ``"embeddings"``: what was computed of the nodes; ``"layer"``: a residual layer
                that begins at zero.
            random: for the layer's weights.
        """
        ...
