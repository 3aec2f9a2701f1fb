"""The policy of BQ-NCO: look at the remaining sub-problem afresh before every decision."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy, Walker
from nco.core.schema import Channel, Column, Schema, columns
from nco.core.searches import SearchName
from nco.models.nets.along import Along, Subproblem, spread
from nco.models.nets.encoder import Encoder, HasEncoder, TakesOver
from nco.models.nets.transformer import TransformerEncoder

AREA = math.sqrt(2 * math.pi)  # a disc of unit root mean square radius has this much squared
NEAR = 1.5  # in sides of a square of the sub-problem's area; what is farther is drawn nearer


class BQPolicy(Policy):
    """A deep network over the nodes of the remaining sub-problem, run again at every step.

    Drakulic et al., "BQ-NCO: Bisimulation Quotienting for Efficient Neural Combinatorial
    Optimization" (NeurIPS 2023), section 4: nothing is encoded beforehand, because what is left
    to do is a smaller problem of the same kind, whatever led to it. Here

    - a sub-problem has a frame of its own: positions are moved to the centre of its nodes and
      scaled to unit area (without positions, distances are in units of the mean distance to the
      nearest node), and every column that is a length or a time, of nodes or of the state, is
      scaled by the same factor. So a corner of a large instance looks like a small instance, and
      what remains of a route's length is seen in relation to the distances that remain;
    - a next node is scored by a pointer, ``(W_q h_origin) . (W_k h_j)``, minus a learned multiple
      of its distance, where there is an origin. So a path can be asked from its other end, too;
    - at most `neighbours` nodes, those nearest to the origin, are looked at and can be chosen, but
      first of all those that the problem wants to be looked at `always`.

    Args:
        encoder: over tokens, width D.
        neighbours: most nodes of a sub-problem that are looked at; 0 is all.
        two_way: origin and destination look alike, for paths that may be walked either way.
        rescale: the columns, written ``channel.name`` (``context.left``), that are scaled with the
            frame beside positions and distances; by default all whose unit is a length or a time.
            Others are seen in the instance's units, as by weights that were trained so.
        sure: in searches under a deadline, an action of more than this probability is taken by an
            earlier look at what remained: the network's `adjacency` says what comes next. Beams ask
            for more, first paths for less. 1: each decision has a look of its own. For weights that
            were trained with `dense`.
        ignore: as in `Policy`.
    """

    encodes = False

    def __init__(
        self,
        encoder: Encoder | None = None,
        neighbours: int = 0,
        two_way: bool = False,
        rescale: Sequence[str] | None = None,
        sure: float = 1.0,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if not 0 <= sure <= 1:
            raise ValueError(f"sure must be a probability, not {sure}")
        self.sure = sure
        self.encoder: Encoder = encoder if encoder is not None else TransformerEncoder()
        self.neighbours, self.two_way, self.rescale = neighbours, two_way, rescale

    @property
    def reads(self) -> frozenset[Channel]:
        own = {Channel.NODES, Channel.DYNAMIC, Channel.CONTEXT, Channel.FOCUS}
        return self.encoder.reads | own

    @property
    def scale_free(self) -> bool:
        return self.rescale is None

    @property
    def decides_ahead(self) -> bool:
        return self.sure < 1

    @property
    def searches(self) -> tuple[SearchName, ...]:
        return (SearchName.BEAM, SearchName.RECONSTRUCT)

    def make_layers(self, schema: Schema) -> None:
        if self.two_way and len(schema.focus) != 2:
            count = len(schema.focus)
            raise NCOError(f"two_way needs a path with two ends, not {count} nodes in focus")
        if self.sure < 1 and (not schema.focus or schema.dynamic):
            # what changes with the state (rich routing) is not what an earlier look saw
            raise NCOError("sure below 1 needs a path of nodes whose features do not change")
        self.tokens = _token_columns(schema)
        self.encoder.build(Schema(nodes=self.tokens, edges=schema.edges))
        width = self.encoder.width
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, schema.kinds * width, bias=False)
        self.worth = nn.Linear(width, schema.kinds)
        near = bool(schema.focus and (schema.xy or schema.edges))
        self.nearness = nn.Parameter(torch.zeros(schema.kinds)) if near else None
        for channel, scaled in _scaled(schema, self.rescale).items():
            self.register_buffer(f"scaled_{channel}", scaled, persistent=False)

    def begin_as(self, other: Policy) -> None:
        """Takes over another policy's encoder, and how it reads the columns of nodes.

        The other's positions lie in the unit square; here they lie around zero.

        Raises:
            NCOError: where the two encoders differ in shape, or this one cannot take over weights.
        """
        if not isinstance(other, HasEncoder):
            raise NCOError(f"{type(other).__name__} has no encoder to begin with")
        if not isinstance(self.encoder, TakesOver):
            raise NCOError(f"{type(self.encoder).__name__} cannot begin as another encoder")
        theirs = [column.name for column in other.schema.nodes]
        sources = [theirs.index(one.name) if one.name in theirs else None for one in self.tokens]
        moved = torch.tensor([0.5 if name in ("x", "y") else 0.0 for name in theirs])
        self.encoder.take_over(other.encoder, sources, moved)

    def widen(self, other: Policy) -> None:
        """Takes over all weights of a policy that knows some of this one's columns.

        The others begin at zero, so that it decides as the other where they say nothing.

        Raises:
            NCOError: where the two differ in more than that.
        """
        if not isinstance(other, BQPolicy) or not isinstance(self.encoder, TakesOver):
            raise NCOError(f"{type(other).__name__} and {type(self).__name__} are other networks")
        ends = (self.schema.focus, self.schema.actions, self.two_way)
        theirs = (other.schema.focus, other.schema.actions, other.two_way)
        if ends != theirs:
            raise NCOError(f"its focus, actions and two_way are {theirs}, not {ends}")
        known = [column.name for column in other.tokens]
        if missing := [name for name in known if name not in {one.name for one in self.tokens}]:
            raise NCOError(f"the problem does not have its columns {', '.join(missing)}")
        sources = [known.index(one.name) if one.name in known else None for one in self.tokens]
        self.encoder.take_over(other.encoder, sources, torch.zeros(len(known)), new=0.0)
        for mine, its in ((self.query, other.query), (self.key, other.key)):
            mine.load_state_dict(its.state_dict())
        self.worth.load_state_dict(other.worth.state_dict())
        if self.nearness is not None and other.nearness is not None:
            self.nearness.data.copy_(other.nearness)

    def encode(self, features: Features) -> Features:
        """The instance as it is: everything else depends on what remains."""
        return features

    def decide(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        logits = self.logits(self.look(memory, observation), observation.mask.flatten(0, 1))
        return Categorical(logits.unflatten(0, observation.mask.shape[:2]), observation.mask)

    def along(self, doubt: float = 1.0) -> Walker:
        """Its looks are fewer where the network is `sure`."""
        if not self.decides_ahead:
            return super().along(doubt)
        return Along(self, max(0.0, 1 - doubt * (1 - self.sure)))

    def logits(self, sub: Subproblem, mask: Tensor) -> Tensor:
        """Of all actions ``[R, A]``, of which `mask` ``[R, A]`` are allowed."""
        scores = self.scores(sub)  # [R, kinds, L]
        kinds, slots = self.schema.kinds, len(self.schema.focus)
        shown = scores[..., slots:].masked_fill(~sub.exists[:, None, slots:], -torch.inf)
        nodes = sub.nodes[:, None, slots:].expand(-1, kinds, -1)
        logits = spread(shown, nodes, mask.shape[1] // kinds).flatten(1)
        # where no node that was looked at is allowed (a finished row, the way home), all allowed
        # actions are equally probable
        lost = (logits == -torch.inf) & mask
        blind = ~((logits > -torch.inf) & mask).any(-1, keepdim=True)
        return logits.masked_fill(lost & blind, 0.0)

    def most_tokens(self, left: int) -> int:
        """How many of `left` remaining nodes are looked at."""
        limited = self.neighbours > 0 and self.schema.focus
        return min(left, self.neighbours) if limited else left

    def look(
        self, memory: Features, observation: Observation, most: int | None = None
    ) -> Subproblem:
        """The sub-problem of every state, R = B * S, and its embeddings.

        It has as many tokens as the largest sub-problem needs. With `most` it has exactly so many,
        padding among them: then no shape depends on a value, and the host never waits for a GPU.
        """
        nodes, exists = self._tokens(memory, observation, most)
        rollouts = observation.mask.shape[1]
        slots = len(self.schema.focus)
        rows = torch.arange(len(nodes), device=nodes.device) // rollouts
        places = edges = seen = factor = None
        near: list[Tensor] = []  # what tokens know of the nodes in focus
        # a slot without a node holds node 0, of which nobody must know
        told = exists | (torch.arange(nodes.shape[1], device=nodes.device) >= slots)
        known = told[:, None, :slots]
        if self.schema.xy:
            assert memory.xy is not None
            places, factor = _framed(memory.xy[rows[:, None], nodes], exists, slots)
            places = places * told[..., None]
            away = torch.cdist(places, places[:, :slots]) * known
            near = [places, self._ends(away)]
        if self.schema.edges:
            assert memory.edges is not None
            pairs = memory.edges[rows[:, None, None], nodes[:, :, None], nodes[:, None, :]]
            spacing = _spacing(pairs[..., 0], exists)[:, None, None]
            pairs = pairs / spacing[..., None]
            edges = pairs[..., 0]
            seen = pairs.log1p() * (told[:, :, None] & told[:, None])[..., None]
            near += [seen[:, :, :slots, 0], seen[:, :slots, :, 0].transpose(1, 2)]
            factor = 1 / spacing if factor is None else factor
        own = self._in_frame(Channel.NODES, memory.nodes[rows[:, None], nodes], factor)
        flag = torch.eye(nodes.shape[1], slots, device=nodes.device).expand(len(nodes), -1, -1)
        parts = [own[..., self.schema.xy :], self._ends(flag)]
        if self.schema.context:
            context = observation.context.flatten(0, 1)[:, None]
            context = self._in_frame(Channel.CONTEXT, context, factor)
            parts.append(context.expand(-1, nodes.shape[1], -1))
        if self.schema.dynamic:
            assert observation.nodes is not None
            changing = observation.nodes.flatten(0, 1)
            changing = changing.gather(1, nodes[..., None].expand(-1, -1, changing.shape[2]))
            parts.append(self._in_frame(Channel.DYNAMIC, changing, factor))
        parts += near
        tokens = torch.cat(parts, -1) * told[..., None]
        padded = None
        if most is not None or not bool(exists.all()):
            padded = exists.clone()
            padded[:, 0] |= ~exists.any(-1)  # attention over no keys would be NaN
        h = self.encoder(Features(tokens, padded, None if places is None else places + 0.5, seen))
        visit = exists.clone()
        visit[:, :slots] = False
        if places is not None:
            places = places * exists.sum(-1).sqrt()[:, None, None]
        return Subproblem(nodes, exists, visit, h, places, edges)

    def scores(self, sub: Subproblem, slot: int = -1) -> Tensor:
        """``[R, kinds, L]``: of every token as the next to the one in focus slot `slot`."""
        kinds, width = self.schema.kinds, self.encoder.width
        worth = self.worth(sub.h).transpose(1, 2)
        if not self.schema.focus:
            return worth
        row = slot % len(self.schema.focus)
        keys = self.key(sub.h).unflatten(-1, (kinds, width))
        query = self.query(sub.h[:, row]) / math.sqrt(width)
        pointed = worth + torch.einsum("rd,rlkd->rkl", query, keys)
        return pointed - self._near(sub, row)

    def adjacency(self, sub: Subproblem) -> Tensor:
        """``[R, L, kinds, L]``: as `scores`, of every token as the next to every other."""
        kinds, width = self.schema.kinds, self.encoder.width
        keys = self.key(sub.h).unflatten(-1, (kinds, width)).permute(0, 2, 3, 1)  # [R, kinds, D, L]
        query = self.query(sub.h)[:, None] / math.sqrt(width)
        pointed = query @ keys + self.worth(sub.h).transpose(1, 2)[:, :, None]  # [R, kinds, L, L]
        if self.nearness is not None:
            if sub.edges is not None:
                distance = sub.edges
            else:
                assert sub.places is not None
                distance = torch.cdist(sub.places, sub.places)
            pointed = (
                pointed - functional.softplus(self.nearness)[:, None, None] * distance[:, None]
            )
        return pointed.transpose(1, 2)

    def _in_frame(self, channel: Channel, values: Tensor, factor: Tensor | None) -> Tensor:
        """`values` ``[R, L, F]`` of a channel, its lengths and times scaled by `factor`.

        What is more than `NEAR` afterwards tells how much more by a logarithm, as positions do.
        """
        scaled: Tensor | None = getattr(self, f"scaled_{channel}", None)
        if scaled is None or factor is None:
            return values
        changed = values * factor
        size = changed.abs().clamp_min(1e-9)
        far = torch.where(size > NEAR, NEAR * (1 + (size / NEAR).log()) / size, 1.0)
        return torch.where(scaled, changed * far, values)

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
        distance = distance * sub.exists[:, row : row + 1]
        return functional.softplus(self.nearness)[:, None] * distance[:, None]

    def _tokens(
        self, memory: Features, observation: Observation, most: int | None
    ) -> tuple[Tensor, Tensor]:
        """Nodes ``[R, L]`` of the tokens, and which are no padding."""
        assert observation.alive is not None
        alive = observation.alive.flatten(0, 1)
        focus = observation.focus.flatten(0, 1)
        if most is not None:
            nodes, exists = self._nearest(memory, observation, most)
        else:
            counts = alive.sum(-1)
            left = max(int(counts.max()), 1)
            limit = self.most_tokens(left)
            if limit < left:
                nodes, exists = self._nearest(memory, observation, limit)
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
        self, memory: Features, observation: Observation, limit: int
    ) -> tuple[Tensor, Tensor]:
        """The `limit` nearest ``[R, limit]`` of what is alive, and which of them are."""
        assert observation.alive is not None
        alive, focus = observation.alive.flatten(0, 1), observation.focus.flatten(0, 1)
        rows = torch.arange(len(alive), device=alive.device) // observation.mask.shape[1]
        far = torch.zeros_like(alive, dtype=torch.float32)  # without an origin all are as near
        if self.schema.focus:
            far = self._from_origin(memory, rows, focus[:, -1]) * (focus[:, -1:] >= 0)
        if observation.always is not None:
            far = far.masked_fill(observation.always.flatten(0, 1), -1.0)
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


def _token_columns(schema: Schema) -> tuple[Column, ...]:
    """What a token knows: of its node, whether it is in focus, of the state, and where it is."""
    located = [*columns("x", "y")] if schema.xy else []
    if schema.xy:
        located += columns(*(f"distance to {name}" for name in schema.focus))
    if schema.edges:
        located += columns(*(f"to {name}" for name in schema.focus))
        located += columns(*(f"from {name}" for name in schema.focus))
    return (
        *(column for column in schema.nodes if column.name not in ("x", "y")),
        *columns(*(f"is {name}" for name in schema.focus)),
        *columns(*(f"context.{column.name}" for column in schema.context)),
        *columns(*(f"dynamic.{column.name}" for column in schema.dynamic)),
        *located,
    )


def _scaled(schema: Schema, rescale: Sequence[str] | None) -> dict[Channel, Tensor]:
    """Of each channel which columns ``[F]`` are scaled with the frame; not where none is.

    Raises:
        NCOError: where a name of `rescale` is no column, or no length or time.
    """
    every = (Channel.NODES, Channel.CONTEXT, Channel.DYNAMIC)
    names = {
        f"{channel}.{schema.columns(channel)[at].name}"
        for channel in every
        for at in schema.scaled(channel)
    }
    for name in rescale or ():
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            raise NCOError(f"rescale: {name!r} is no length or time; there are {known}")
    wanted = names if rescale is None else set(rescale)
    masks = {}
    for channel in every:
        which = [f"{channel}.{column.name}" in wanted for column in schema.columns(channel)]
        if any(which[schema.xy if channel is Channel.NODES else 0 :]):
            masks[channel] = torch.tensor(which)
    return masks


def _framed(xy: Tensor, exists: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Positions ``[R, L, 2]`` around the centre of the nodes to visit, in sides of their area.

    And by which factor ``[R, 1, 1]`` lengths are multiplied. What lies beyond `NEAR`, a distant
    destination or depot, keeps its direction and tells its distance by a logarithm.
    """
    weight = exists.clone()
    weight[:, :slots] &= ~exists[:, slots:].any(-1, keepdim=True)
    share = weight[..., None] / weight.sum(-1).clamp_min(1)[:, None, None]
    moved = xy - (xy * share).sum(1, keepdim=True)
    spread = (moved.square() * share).sum((1, 2), keepdim=True).sqrt()
    side = (AREA * spread).clamp_min(1e-6)
    moved = moved / side
    radius = moved.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    near = torch.where(radius > NEAR, NEAR * (1 + (radius / NEAR).log()) / radius, 1.0)
    return moved * near, 1 / side
