"""What a policy may know of an instance and of a state; `nco.core.schema` names the columns."""

from dataclasses import dataclass, field

from torch import Tensor

from nco.core.batch import Batch


@dataclass(frozen=True, eq=False)
class Features(Batch):
    """What a policy may know of an instance once and for all."""

    nodes: Tensor  # [B, N, F] float
    exists: Tensor | None = None  # [B, N] bool, False is padding; None: nothing is padding
    # [B, N, 2] positions in the unit square, which are then the first two columns of `nodes` too
    xy: Tensor | None = None
    edges: Tensor | None = None  # [B, N, N, E] float, the first the distance from row to column
    # [B, L, 2] long, from which node to which; -1 is the world outside, such as a supplier
    links: Tensor | None = None
    link: Tensor | None = None  # [B, L, K] float, features of the links
    linked: Tensor | None = None  # [B, L] bool, False is a padded link; None: no link is padding
    # [B, N, G] long: of each kind of sets (jobs, machines) the one that holds a node, numbered from
    # 0; padding -1. Sets that nodes compete in, or follow one another in
    groups: Tensor | None = None
    # [B, N, K, 2] long: the nodes that may come right after a node, and right before it; -1: none
    follows: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Observation(Batch):
    """What a policy may know of a state."""

    # [B, S, *M, A] bool, True is allowed; at least one is. Of a continuous problem it is [B, S, A],
    # which parts of the decision exist
    mask: Tensor
    # [B, S, *M, K] long, nodes the state is tied to: where it ends, ..., where it stands; -1: none
    focus: Tensor
    context: Tensor  # [B, S, *M, C] float
    # [B, S, N] bool: with those in focus, the nodes of the remaining sub-problem
    alive: Tensor | None = None
    nodes: Tensor | None = None  # [B, S, N, F'] float, node features that change
    # [B, S, N] bool: nodes that a policy looks at however far away they are, such as depots where a
    # route may begin
    always: Tensor | None = field(default=None, kw_only=True)
    # Of agents that may want the same (`nco.core.conflicts`): the action that leaves an agent where
    # it is, which losing a conflict allows whatever the mask says, [B, S, M] long; and which
    # actions at most one agent may take in a step, [B, S, A] bool
    stay: Tensor | None = field(default=None, kw_only=True)
    shared: Tensor | None = field(default=None, kw_only=True)
    # [B, S, M, A, J] float, what an action would mean to an agent; first how far away it is, in one
    # unit for all agents
    moves: Tensor | None = field(default=None, kw_only=True)
