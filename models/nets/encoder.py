"""What a network that embeds nodes must be, so that every policy can use it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

from torch import Tensor, nn

from nco.core.describe import Described
from nco.core.features import Features
from nco.core.schema import Channel, Schema

NEW = 0.3  # of the usual initial weights: for columns that an encoder taken over did not have


class Encoder(Described, nn.Module, ABC):
    """Makes embeddings ``[B, N, D]`` of nodes; a new one is a file with a class of this kind.

    A base class and no `Protocol`, because an encoder must be a module (its weights are stored)
    and `Described` (its arguments are), which a protocol cannot demand.

    Attributes:
        width: D, known before `build`.
        reads: which of the channels nodes and edges it reads, all of their columns.
    """

    width: int
    reads: frozenset[Channel] = frozenset({Channel.NODES})

    @abstractmethod
    def build(self, schema: Schema) -> Self:
        """Creates the layers for the columns of `Features` and returns self."""

    @abstractmethod
    def forward(self, features: Features) -> Tensor:
        """Node embeddings ``[B, N, D]``; no real node depends on padding (`Features.exists`)."""

    def __call__(self, features: Features) -> Tensor:
        """As `forward`; written down for its type, which `nn.Module` leaves open."""
        embeddings: Tensor = super().__call__(features)
        return embeddings


@runtime_checkable
class TakesOver(Protocol):
    """An encoder that can begin with the weights of another one, whose columns are others."""

    def take_over(
        self, other: Encoder, sources: Sequence[int | None], moved: Tensor, new: float = NEW
    ) -> None:
        """Copies the other's weights.

        Args:
            other: a built encoder.
            sources: for each column of nodes that this encoder reads, the column of `other` that
                means the same; None: `other` has none.
            moved: ``[F]`` by column of `other`: its value where the column here is zero.
            new: columns that `other` has not begin with so much of the usual initial weights.

        Raises:
            NCOError: where `other` has another shape.
        """


@runtime_checkable
class HasEncoder(Protocol):
    """A built policy that embeds nodes by an encoder."""

    encoder: Encoder
    schema: Schema
