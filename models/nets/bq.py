"""The policy of BQ-NCO: look at the remaining sub-problem afresh before every decision."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Features, Observation, Sizes
from nco.core.searches import SearchName
from nco.models.nets.transformer import TransformerEncoder

AREA = math.sqrt(2 * math.pi)  # a disc of unit root mean square radius has this much squared
NEAR = 1.5  # in sides of a square of the sub-problem's area; what is farther is drawn nearer


@dataclass(frozen=True, eq=False)
class Subproblem(Batch):
    """R remaining sub-problems as sets of L tokens: the K nodes in focus first, then others."""

    nodes: Tensor  # [R, L] long, which node a token is
    exists: Tensor  # [R, L] bool, False is padding
    open: Tensor  # [R, L] bool, nodes that can be visited: those in focus and padding cannot
    h: Tensor  # [R, L, D] embeddings
    places: Tensor | None  # [R, L, 2] in units of the mean spacing
    edges: Tensor | None  # [R, L, L] distances in the same units, where nodes have no places


class BQPolicy(Policy):
    """A deep network over the nodes of the remaining sub-problem, run again at every step.

    Drakulic et al., "BQ-NCO: Bisimulation Quotienting for Efficient Neural Combinatorial
    Optimization" (NeurIPS 2023), section 4: nothing is encoded beforehand, because what is left
    to do is a smaller problem of the same kind, whatever led to it. Here

    - a sub-problem is moved and scaled to unit area around the centre of its nodes, so that a
      corner of a large instance looks like a small instance;
    - a next node is scored by a pointer, ``(W_q h_origin) . (W_k h_j)``, minus a learned multiple
      of its distance, where there is an origin. So a path can be asked from its other end, too;
    - at most `neighbours` nodes, those nearest to the origin, are looked at and can be chosen.

    Args:
        encoder: over tokens, width D.
        neighbours: most nodes of a sub-problem that are looked at; 0 is all.
        two_way: origin and destination look alike, for paths that may be walked either way.
    """

    encodes = False

    def __init__(
        self,
        encoder: TransformerEncoder | None = None,
        neighbours: int = 0,
        two_way: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder if encoder is not None else TransformerEncoder()
        self.neighbours, self.two_way = neighbours, two_way

    @property
    def searches(self) -> tuple[SearchName, ...]:
        return (SearchName.BEAM, SearchName.RECONSTRUCT)

    def build(self, sizes: Sizes) -> Self:
        self.sizes = sizes
        if self.two_way and sizes.focus != 2:
            raise ValueError(
                f"two_way needs a path with two ends, not {sizes.focus} nodes in focus"
            )
        own = sizes.node - sizes.xy + sizes.dynamic + sizes.context + sizes.focus
        located = sizes.xy + (sizes.focus if sizes.xy or sizes.edge else 0)
        if sizes.edge:
            located += sizes.focus  # both ways
        self.encoder.build(Sizes(node=own + located, xy=sizes.xy, edge=sizes.edge))
        width = self.encoder.width
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, sizes.kinds * width, bias=False)
        self.worth = nn.Linear(width, sizes.kinds)
        near = bool(sizes.focus and (sizes.xy or sizes.edge))
        self.nearness = nn.Parameter(torch.zeros(sizes.kinds)) if near else None
        return self

    def begin_as(self, other: Policy) -> None:
        """Takes over another policy's encoder: its blocks, and how it reads a node.

        The other's nodes are positions in the unit square, then features of their own; here the
        same stand elsewhere among a token's columns, and positions lie around zero.

        Raises:
            NCOError: where the two encoders differ in shape.
        """
        theirs, ours = getattr(other, "encoder", None), self.encoder
        shape = ("width", "heads", "layers", "hidden", "norm", "mlp")
        for name in shape:
            if getattr(theirs, name, None) != getattr(ours, name):
                raise NCOError(f"encoder: its {name} is {getattr(theirs, name, None)}, not ours")
        assert isinstance(theirs, TransformerEncoder)
        ours.blocks.load_state_dict(theirs.blocks.state_dict())
        ours.leave.load_state_dict(theirs.leave.state_dict())
        xy, weight = self.sizes.xy, theirs.enter.weight
        own = self.sizes.node - xy
        place = own + self.sizes.focus + self.sizes.context + self.sizes.dynamic
        with torch.no_grad():
            ours.enter.weight.mul_(0.3)  # what is new whispers at first
            ours.enter.weight[:, :own] = weight[:, xy:]
            ours.enter.weight[:, place : place + xy] = weight[:, :xy]
            ours.enter.bias.copy_(theirs.enter.bias + 0.5 * weight[:, :xy].sum(1))

    def encode(self, features: Features) -> Features:
        """The instance as it is: everything else depends on what remains."""
        return features

    def decide(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        sub = self.look(memory, observation)
        scores = self.scores(sub)  # [R, kinds, L]
        shape = observation.mask.shape[:2]
        count = memory.nodes.shape[1]
        logits = scores.new_full((len(scores), self.sizes.kinds, count), -torch.inf)
        slots = self.sizes.focus
        index = sub.nodes[:, None, slots:].expand(-1, self.sizes.kinds, -1)
        found = scores[..., slots:].masked_fill(~sub.exists[:, None, slots:], -torch.inf)
        # padding is node 0 again, so it must not overwrite: the greater of two survives
        logits = logits.scatter_reduce(2, index, found, "amax")
        logits = logits.flatten(1).unflatten(0, shape)
        # where none of the open nodes is allowed (a finished row, a way home), all that is allowed
        lost = (logits == -torch.inf) & observation.mask
        blind = ~((logits > -torch.inf) & observation.mask).any(-1, keepdim=True)
        return Categorical(logits.masked_fill(lost & blind, 0.0), observation.mask)

    def most_tokens(self, left: int) -> int:
        """How many of `left` remaining nodes are looked at."""
        limited = self.neighbours and self.sizes.focus
        return min(left, self.neighbours) if limited else left

    def look(
        self, memory: Features, observation: Observation, most: int | None = None
    ) -> Subproblem:
        """The sub-problem of every state, R = B * S, and its embeddings.

        Of as many nodes as the largest has, or of exactly `most`, padding among them: then no shape
        depends on a value, and a GPU need not be waited for.
        """
        nodes, exists = self._tokens(memory, observation, most)
        rollouts = observation.mask.shape[1]
        slots = self.sizes.focus
        rows = torch.arange(len(nodes), device=nodes.device) // rollouts
        own = memory.nodes[rows[:, None], nodes][..., self.sizes.xy :]
        flag = torch.eye(nodes.shape[1], slots, device=nodes.device).expand(len(nodes), -1, -1)
        parts = [own, self._ends(flag)]
        if self.sizes.context:
            context = observation.context.flatten(0, 1)[:, None]
            parts.append(context.expand(-1, nodes.shape[1], -1))
        if observation.nodes is not None:
            changing = observation.nodes.flatten(0, 1)
            parts.append(changing.gather(1, nodes[..., None].expand(-1, -1, changing.shape[2])))
        places = edges = seen = None
        if self.sizes.xy:
            assert memory.xy is not None
            frame = _framed(memory.xy[rows[:, None], nodes], exists, slots)
            parts += [frame, self._ends(torch.cdist(frame, frame[:, :slots]))]
            places = frame
        if self.sizes.edge:
            assert memory.edges is not None
            pairs = memory.edges[rows[:, None, None], nodes[:, :, None], nodes[:, None, :]]
            pairs = pairs / _spacing(pairs[..., 0], exists)[:, None, None, None]
            edges, seen = pairs[..., 0], pairs.log1p()
            parts += [seen[:, :, :slots, 0], seen[:, :slots, :, 0].transpose(1, 2)]
        tokens = torch.cat(parts, -1)
        padded = None
        if most is not None or not bool(exists.all()):
            padded = exists.clone()
            padded[:, 0] |= ~exists.any(-1)  # attention to nothing at all would be no number
        h = self.encoder(Features(tokens, padded, None if places is None else places + 0.5, seen))
        visit = exists.clone()
        visit[:, :slots] = False
        if places is not None:
            places = places * exists.sum(-1).sqrt()[:, None, None]
        return Subproblem(nodes, exists, visit, h, places, edges)

    def scores(self, sub: Subproblem, slot: int = -1) -> Tensor:
        """``[R, kinds, L]``: of every token as the next to the one in focus slot `slot`."""
        kinds, width = self.sizes.kinds, self.encoder.width
        worth = self.worth(sub.h).transpose(1, 2)
        if not self.sizes.focus:
            return worth
        row = slot % self.sizes.focus
        keys = self.key(sub.h).unflatten(-1, (kinds, width))
        query = self.query(sub.h[:, row]) / math.sqrt(width)
        found = worth + torch.einsum("rd,rlkd->rkl", query, keys)
        return found - self._near(sub, row)

    def adjacency(self, sub: Subproblem) -> Tensor:
        """``[R, L, L]``: as `scores`, of every token as directly (kind 0) next to every other."""
        width = self.encoder.width
        key = functional.linear(sub.h, self.key.weight[:width])
        found = (self.query(sub.h) / math.sqrt(width)) @ key.transpose(1, 2)
        found = found + self.worth(sub.h)[..., 0][:, None]
        if self.nearness is None:
            return found
        if sub.edges is not None:
            distance = sub.edges
        else:
            assert sub.places is not None
            distance = torch.cdist(sub.places, sub.places)
        return found - functional.softplus(self.nearness[0]) * distance

    def _ends(self, columns: Tensor) -> Tensor:
        """Columns ``[R, L, 2]`` of destination and origin, made the same for both if two_way."""
        if not self.two_way:
            return columns
        return torch.cat([columns.sum(-1, keepdim=True), columns.amin(-1, keepdim=True)], -1)

    def _near(self, sub: Subproblem, row: int) -> Tensor:
        """``[R, kinds, L]``: the share of the distances from token `row` in its scores."""
        if self.nearness is None:
            return sub.h.new_zeros(1, 1, 1)
        if sub.edges is not None:
            distance = sub.edges[:, row]
        else:
            assert sub.places is not None
            distance = (sub.places - sub.places[:, row : row + 1]).norm(dim=-1)
        return functional.softplus(self.nearness)[:, None] * distance[:, None]

    def _tokens(
        self, memory: Features, observation: Observation, most: int | None
    ) -> tuple[Tensor, Tensor]:
        """Nodes ``[R, L]`` of the tokens, and which are no padding."""
        assert observation.alive is not None
        alive = observation.alive.flatten(0, 1)
        focus = observation.focus.flatten(0, 1)
        rollouts = observation.mask.shape[1]
        if most is not None:
            nodes, exists = self._nearest(memory, alive, focus, rollouts, most)
        else:
            counts = alive.sum(-1)
            left = max(int(counts.max()), 1)
            limit = self.most_tokens(left)
            if limit < left:
                nodes, exists = self._nearest(memory, alive, focus, rollouts, limit)
            elif int(counts.min()) == left:
                nodes = alive.nonzero()[:, 1].view(len(alive), left)
                exists = torch.ones_like(nodes, dtype=torch.bool)
            else:
                order = alive.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)
                nodes = order[:, :left]
                exists = torch.arange(left, device=alive.device) < counts[:, None]
        nodes = torch.where(exists, nodes, 0)
        here = focus >= 0
        return torch.cat([focus.clamp_min(0), nodes], 1), torch.cat([here, exists], 1)

    def _nearest(
        self, memory: Features, alive: Tensor, focus: Tensor, rollouts: int, limit: int
    ) -> tuple[Tensor, Tensor]:
        """The `limit` nearest ``[R, limit]`` of what is `alive`, and which of them are."""
        rows = torch.arange(len(alive), device=alive.device) // rollouts
        far = torch.zeros_like(alive, dtype=torch.float32)  # without an origin all are as near
        if self.sizes.focus:
            far = self._from_origin(memory, rows, focus[:, -1])
        distance, nodes = far.masked_fill(~alive, torch.inf).topk(limit, largest=False)
        return nodes, distance < torch.inf

    def _from_origin(self, memory: Features, rows: Tensor, origin: Tensor) -> Tensor:
        """Distances ``[R, N]`` from each origin."""
        at = origin.clamp_min(0)
        if memory.edges is not None:
            return memory.edges[rows, at, :, 0]
        assert memory.xy is not None
        here = memory.xy[rows, at]
        return (memory.xy[rows] - here[:, None]).square().sum(-1)


def _spacing(distances: Tensor, exists: Tensor) -> Tensor:
    """The mean distance ``[R]`` to what is nearest, by ``[R, L, L]``; 1 where all are equal."""
    length = distances.shape[1]
    itself = torch.eye(length, dtype=torch.bool, device=distances.device)
    hidden = itself | ~exists[:, None] | ~exists[:, :, None] | (distances <= 0)
    nearest = distances.masked_fill(hidden, torch.inf).amin(2)
    some = nearest < torch.inf
    total = nearest.where(some, 0.0).sum(1)
    return torch.where(some.any(1), total / some.sum(1).clamp_min(1), 1.0)


def _framed(xy: Tensor, exists: Tensor, slots: int) -> Tensor:
    """Positions ``[R, L, 2]`` around the centre of the nodes to visit, in sides of their area.

    What lies beyond `NEAR`, a distant destination or depot, keeps its direction and tells its
    distance by a logarithm.
    """
    weight = exists.clone()
    weight[:, :slots] &= ~exists[:, slots:].any(-1, keepdim=True)
    share = weight[..., None] / weight.sum(-1).clamp_min(1)[:, None, None]
    moved = xy - (xy * share).sum(1, keepdim=True)
    spread = (moved.square() * share).sum((1, 2), keepdim=True).sqrt()
    moved = moved / (AREA * spread).clamp_min(1e-6)
    radius = moved.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    return moved * torch.where(radius > NEAR, NEAR * (1 + (radius / NEAR).log()) / radius, 1.0)
