"""Which labels serve which step of training, fixed in advance by numbers alone."""

from collections.abc import Sequence

import torch

from nco.core.seeds import generator


class Schedule:
    """Which chunk of which labelled set serves each step.

    A pass visits every chunk as often as it takes to draw as many labels as it holds. In the first
    pass all chunks come in their order, so that training can begin when the first one is made; the
    sets take turns according to their numbers of labels. All later passes are shuffled.

    Args:
        labels: for each time that a set is drawn from, its number and the labels of its chunks.
        batch_size: labels of a step.
        seed: of the later passes.
    """

    def __init__(
        self, labels: Sequence[tuple[int, Sequence[int]]], batch_size: int, seed: int
    ) -> None:
        visits: list[tuple[float, int, int, int]] = []
        for mention, (number, counts) in enumerate(labels):
            chunks = [i for i, count in enumerate(counts) for _ in range(-(-count // batch_size))]
            when = [(place + 0.5) / len(chunks) for place in range(len(chunks))]
            visits += [(t, mention, number, i) for t, i in zip(when, chunks, strict=True)]
        self._visits = [(number, chunk) for _, _, number, chunk in sorted(visits)]
        self._seed = seed
        self._shuffled: tuple[int, list[int]] = (0, [])  # the pass at hand, and its order

    def __len__(self) -> int:
        """The steps of one pass."""
        return len(self._visits)

    def at(self, step: int) -> tuple[int, int]:
        """The number of the set and of its chunk that serve `step`."""
        turn, place = divmod(step, len(self))
        if turn and self._shuffled[0] != turn:
            order = torch.randperm(len(self), generator=generator(self._seed, "pass", turn))
            self._shuffled = (turn, order.tolist())
        return self._visits[self._shuffled[1][place] if turn else place]

    def order(self) -> list[tuple[int, int]]:
        """Every chunk once, as the first pass needs them."""
        return list(dict.fromkeys(self._visits))
