"""Decisions along a path by fewer looks at what remains than there are steps."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.features import Features, Observation
from nco.core.policy import Walker
from nco.core.schema import Schema


@dataclass(frozen=True, eq=False)
class Subproblem(Batch):
    """R remaining sub-problems as sets of L tokens: the K nodes in focus first, then others."""

    nodes: Tensor  # [R, L] long, which node a token is
    exists: Tensor  # [R, L] bool, False is padding
    open: Tensor  # [R, L] bool, nodes that can be visited: those in focus and padding cannot
    h: Tensor  # [R, L, D] embeddings
    places: Tensor | None  # [R, L, 2] in units of the mean spacing
    edges: Tensor | None  # [R, L, L] distances in the same units, where nodes have no places


class Looks(Protocol):
    """What `Along` needs of a network: `nco.models.nets.bq.BQPolicy` explains each."""

    schema: Schema

    def look(self, memory: Features, observation: Observation) -> Subproblem: ...

    def logits(self, sub: Subproblem, mask: Tensor) -> Tensor: ...

    def adjacency(self, sub: Subproblem) -> Tensor: ...


class Along(Walker):
    """The walker of R = B * S paths that looks afresh only where it is not sure.

    A look at what remains embeds all nodes, and the embeddings say not only what comes next but
    also what comes after each of the others (`adjacency`). As long as one action is much more
    probable than the others by the last look of a row, it is taken without another one.

    Args:
        policy: the network.
        sure: the probability above which an earlier look is enough.
    """

    def __init__(self, policy: Looks, sure: float) -> None:
        self.policy, self.sure = policy, sure
        self._rollouts = 0  # S
        # of each row's last look: its tokens [R, L] long, which exist [R, L] bool, and how well one
        # comes after another, by each kind of action [R, L, kinds, L]
        self._nodes: Tensor | None = None
        self._exists = self._next = torch.empty(0)

    def __call__(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        shape = observation.mask.shape[:2]
        self._rollouts = shape[1]
        each = observation.map(lambda tensor: tensor.flatten(0, 1)[:, None])  # [R, 1, ...]
        mask = each.mask[:, 0]
        if self._nodes is None:
            rows, logits = torch.arange(len(mask), device=mask.device), mask.float()
        else:
            logits, known = self._by_earlier(self._nodes, each.focus[:, 0, -1], mask)
            rows = (~known).nonzero()[:, 0]
        if len(rows):
            seen = observation
            if len(rows) < len(mask):  # all rows need no copy of what is known of instances
                memory, seen = memory[rows // shape[1]], each[rows]
            sub = self.policy.look(memory, seen)
            logits[rows] = self.policy.logits(sub, mask[rows])
            self._keep(rows, sub, len(mask))
        return Categorical(logits.unflatten(0, shape), observation.mask)

    def take(self, parents: Tensor) -> None:
        """As `Walker` says."""
        if self._nodes is None:
            return
        first = self._rollouts * torch.arange(len(parents), device=parents.device)[:, None]
        rows = (first + parents).flatten()
        self._nodes, self._exists = self._nodes[rows], self._exists[rows]
        self._next = self._next[rows]

    def _by_earlier(self, nodes: Tensor, origin: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[R, A]`` by the last looks, and which rows are sure by them."""
        here = (nodes == origin[:, None]) & self._exists
        token = here.to(torch.uint8).argmax(1)
        after = self._next[torch.arange(len(nodes), device=nodes.device), token]
        count = mask.shape[1] // after.shape[1]
        logits = spread(after, nodes[:, None].expand_as(after), count).flatten(1)
        likely = logits.masked_fill(~mask, -torch.inf).softmax(1).amax(1)  # NaN where none is left
        return logits, here.any(1) & (likely > self.sure)

    def _keep(self, rows: Tensor, sub: Subproblem, count: int) -> None:
        """The latest looks of some rows; what remains becomes smaller from look to look."""
        after = self.policy.adjacency(sub).masked_fill(~sub.open[:, None, None], -torch.inf)
        if self._nodes is None or len(rows) == count:
            self._nodes, self._exists, self._next = sub.nodes, sub.exists, after
            return
        width = sub.nodes.shape[1]
        self._exists[rows], self._next[rows] = False, -torch.inf
        self._nodes[rows, :width], self._exists[rows, :width] = sub.nodes, sub.exists
        self._next[rows[:, None], torch.arange(width, device=rows.device), :, :width] = after


def spread(values: Tensor, nodes: Tensor, count: int) -> Tensor:
    """Values of tokens ``[..., L]`` as those of their nodes ``[..., N]``; minus infinity elsewhere.

    Padding is node 0 again, so it must not overwrite: the greater of two survives.
    """
    whole = values.new_full((*values.shape[:-1], count), -torch.inf)
    return whole.scatter_reduce(-1, nodes, values, "amax")
