"""What a policy is given, and the same rearranged, padded or perturbed."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.features import Features, Observation
from nco.core.schema import Amounts, Channel, Schema


@dataclass(frozen=True, eq=False)
class Inputs(Batch):
    """Features of instances, and observations of states of theirs."""

    features: Features  # [B, ...]
    observation: Observation  # [B, S, ...]
    condition: Tensor | None  # [B, S] long, which agent of a population decides

    @property
    def nodes(self) -> int:
        """N."""
        return self.features.nodes.shape[1]

    @property
    def links(self) -> int:
        """How many links each instance has, padding included; 0 where the problem has none."""
        return 0 if self.features.links is None else self.features.links.shape[1]

    def rollouts(self, index: Tensor) -> "Inputs":
        """Only the rollouts `index` ``[S']`` of every instance."""
        condition = None if self.condition is None else self.condition[:, index]
        observation = self.observation.map(lambda tensor: tensor[:, index])
        return Inputs(self.features, observation, condition)


def plain(observation: Observation) -> Observation:
    """Without what a problem's own kind of observation adds for its rules."""
    names = [item.name for item in fields(Observation)]
    values: dict[str, Any] = {name: getattr(observation, name) for name in names}
    return Observation(**values)


def actions_at(schema: Schema, nodes: Tensor, links: Tensor, counts: tuple[int, int]) -> Tensor:
    """The actions ``[A]`` of these nodes and links, in a problem of `counts` nodes and links."""
    total, wires = counts
    pairs = (nodes[:, None] * total + nodes).flatten()
    one = nodes.new_zeros(1)
    part = {
        Amounts.NODES: (nodes, total),
        Amounts.LINKS: (links, wires),
        Amounts.PAIRS: (pairs, total * total),
        Amounts.ONE: (one, 1),
    }
    found, first = [], 0
    for amounts in schema.amounts or [Amounts.NODES] * schema.kinds:
        index, length = part[amounts]
        found.append(index + first)
        first += length
    return torch.cat(found)


def permuted(inputs: Inputs, schema: Schema, nodes: Tensor, links: Tensor) -> Inputs:
    """The same with nodes in the order `nodes` ``[N]`` and links in the order `links` ``[L]``."""
    features, seen = inputs.features, inputs.observation
    new = nodes.argsort()  # where a node went

    def moved(index: Tensor) -> Tensor:
        return torch.where(index >= 0, new[index.clamp_min(0)], index)

    def rows(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[:, nodes]

    order = actions_at(schema, nodes, links, (inputs.nodes, inputs.links))
    edges = features.edges
    changed = Features(
        features.nodes[:, nodes],
        rows(features.exists),
        rows(features.xy),
        None if edges is None else edges[:, nodes][:, :, nodes],
        None if features.links is None else moved(features.links)[:, links],
        None if features.link is None else features.link[:, links],
        None if features.linked is None else features.linked[:, links],
        rows(features.groups),
        None if features.follows is None else moved(features.follows[:, nodes]),
    )
    observation = replace(
        seen,
        mask=seen.mask[..., order],
        focus=moved(seen.focus),
        alive=None if seen.alive is None else seen.alive[..., nodes],
        always=None if seen.always is None else seen.always[..., nodes],
        nodes=None if seen.nodes is None else seen.nodes[:, :, nodes],
        stay=None if seen.stay is None else order.argsort()[seen.stay],
        shared=None if seen.shared is None else seen.shared[..., order],
        moves=None if seen.moves is None else seen.moves[..., order, :],
    )
    return Inputs(changed, observation, inputs.condition)


def padded(
    inputs: Inputs, schema: Schema, nodes: int, links: int, random: Generator
) -> tuple[Inputs, Tensor]:
    """The same with padded nodes and links behind, and where the actions are now ``[A]``.

    What stands in their columns is random: nobody should look.
    """
    features, seen = inputs.features, inputs.observation
    count, wires = inputs.nodes, inputs.links
    links = links if wires else 0
    widths = (count + nodes, wires + links)
    place = actions_at(schema, torch.arange(count), torch.arange(wires), (widths))
    every = actions_at(schema, torch.arange(widths[0]), torch.arange(widths[1]), widths)

    def noise(tensor: Tensor, axis: int, more: int) -> Tensor:
        shape = list(tensor.shape)
        shape[axis] = more
        filled = torch.rand(shape, generator=random).to(tensor.dtype)
        return torch.cat([tensor, filled], axis)

    def behind(tensor: Tensor | None, axis: int, more: int) -> Tensor | None:
        return None if tensor is None else noise(tensor, axis, more)

    def filled(tensor: Tensor | None, more: int, value: float) -> Tensor | None:
        """``[B, N, ...]`` with rows of one value behind."""
        if tensor is None:
            return None
        return functional.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, more), value=value)

    def spread(tensor: Tensor | None, axis: int, value: float) -> Tensor | None:
        """Values of actions at their places, and `value` elsewhere."""
        if tensor is None:
            return None
        shape = list(tensor.shape)
        shape[axis] = len(every)
        return tensor.new_full(shape, value).index_copy(axis, place, tensor)

    exists = torch.ones(features.nodes.shape[:2], dtype=torch.bool)
    exists = exists if features.exists is None else features.exists
    linked = features.linked
    if wires and linked is None:
        linked = torch.ones(len(exists), wires, dtype=torch.bool)
    edges = behind(behind(features.edges, 1, nodes), 2, nodes)
    changed = Features(
        noise(features.nodes, 1, nodes),
        filled(exists, nodes, 0),
        behind(features.xy, 1, nodes),
        edges,
        filled(features.links, links, 0),
        behind(features.link, 1, links),
        filled(linked, links, 0),
        filled(features.groups, nodes, -1),
        filled(features.follows, nodes, -1),
    )
    moves = seen.moves
    if moves is not None:  # of one kind: at their places already
        moves = noise(moves, -2, len(every) - moves.shape[-2])
    observation = replace(
        seen,
        mask=seen.mask.new_zeros(*seen.mask.shape[:-1], len(every)).index_copy(
            -1, place, seen.mask
        ),
        alive=None if seen.alive is None else functional.pad(seen.alive, (0, nodes)),
        always=None if seen.always is None else functional.pad(seen.always, (0, nodes)),
        nodes=behind(seen.nodes, 2, nodes),
        stay=None if seen.stay is None else place[seen.stay],
        shared=spread(seen.shared, 2, 0),
        moves=moves,
    )
    return Inputs(changed, observation, inputs.condition), place


def perturbed(inputs: Inputs, channel: Channel, column: int, random: Generator) -> Inputs:
    """The same with other numbers in one column of a channel."""
    features, seen = inputs.features, inputs.observation
    if channel is Channel.NODES:
        nodes = _noisy(features.nodes, column, random)
        xy = None if features.xy is None else nodes[..., :2]
        return replace(inputs, features=replace(features, nodes=nodes, xy=xy))
    if channel is Channel.GROUPS:
        assert features.groups is not None
        groups = features.groups.clone()
        drawn = torch.rand(groups.shape[:2], generator=random) * (groups[..., column].max() + 1)
        groups[..., column] = torch.where(groups[..., column] < 0, -1, drawn.long())
        return replace(inputs, features=replace(features, groups=groups))
    if channel is Channel.FOLLOWS:
        assert features.follows is not None
        follows = features.follows.clone()
        follows[..., column] = -1
        return replace(inputs, features=replace(features, follows=follows))
    if channel is Channel.FOCUS:
        keys = torch.rand(*seen.focus.shape[:-1], inputs.nodes, generator=random)
        if features.exists is not None:
            exists = features.exists.reshape(len(keys), *[1] * (keys.ndim - 2), -1)
            keys = keys * exists
        focus = seen.focus.clone()
        focus[..., column] = keys.argmax(-1)
        return replace(inputs, observation=replace(seen, focus=focus))
    return _with(inputs, channel, _noisy(_tensor(inputs, channel), column, random))


def scaled(
    inputs: Inputs, schema: Schema, factor: float, but: Collection[tuple[Channel, int]] = ()
) -> Inputs:
    """The same with all lengths and times times `factor`, but for some columns."""
    for channel in (Channel.NODES, Channel.EDGES, Channel.LINKS, Channel.DYNAMIC, Channel.CONTEXT,
                    Channel.MOVES):  # fmt: skip
        which = [at for at in schema.scaled(channel) if (channel, at) not in but]
        if which:
            values = _tensor(inputs, channel).clone()
            values[..., which] *= factor
            inputs = _with(inputs, channel, values)
    if inputs.features.xy is not None:
        xy = inputs.features.nodes[..., :2]
        inputs = replace(inputs, features=replace(inputs.features, xy=xy))
    return inputs


FIELDS = {Channel.NODES: "nodes", Channel.EDGES: "edges", Channel.LINKS: "link"}
SEEN = {Channel.DYNAMIC: "nodes", Channel.CONTEXT: "context", Channel.MOVES: "moves"}


def _tensor(inputs: Inputs, channel: Channel) -> Tensor:
    part: Any = inputs.features if channel in FIELDS else inputs.observation
    values: Tensor = getattr(part, {**FIELDS, **SEEN}[channel])
    return values


def _with(inputs: Inputs, channel: Channel, values: Tensor) -> Inputs:
    changed: dict[str, Any] = {{**FIELDS, **SEEN}[channel]: values}
    if channel in FIELDS:
        return replace(inputs, features=replace(inputs.features, **changed))
    return replace(inputs, observation=replace(inputs.observation, **changed))


def _noisy(values: Tensor, column: int, random: Generator) -> Tensor:
    """Another number for each of one column, that keeps its sign; zeros become positive."""
    changed = values.clone()
    old = changed[..., column]
    factor = torch.randn(old.shape, generator=random).mul(0.5).exp()
    more = torch.rand(old.shape, generator=random) * 0.5
    changed[..., column] = old * factor + more
    return changed
