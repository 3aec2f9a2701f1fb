"""What a policy may know of an instance and of a state, and the widths of both."""

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
    edges: Tensor | None = None  # [B, N, N, E] float
    links: Tensor | None = None  # [B, L, 2] long, from which node to which; -1 is no node of these
    link: Tensor | None = None  # [B, L, K] float, features of the links
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
    # Of agents that may want the same (`nco.core.conflicts`): the action that leaves an agent where
    # it is, which losing a conflict allows whatever the mask says, [B, S, M] long; and which
    # actions at most one agent may take in a step, [B, S, A] bool
    stay: Tensor | None = field(default=None, kw_only=True)
    shared: Tensor | None = field(default=None, kw_only=True)
    # [B, S, M, A, J] float, what an action would mean to an agent; first how far away it is, in one
    # unit for all agents
    moves: Tensor | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Sizes:
    """The widths a network needs, read from the problem and never typed twice; 0 is absent."""

    node: int
    focus: int = 0
    context: int = 0
    edge: int = 0
    dynamic: int = 0
    xy: int = 0  # 2 where nodes have positions
    kinds: int = 1  # A = kinds * N: action a is kind a // N of node a % N
    link: int = 0
    groups: int = 0  # kinds of sets
    follows: bool = False  # whether nodes follow one another
    move: int = 0  # numbers on each agent and action
