"""Mixed-score attention between two sets of nodes, such as jobs and machines."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nco.core.batch import Batch
from nco.core.decisions import Categorical
from nco.core.errors import NCOError
from nco.core.features import Features, Observation
from nco.core.policy import Policy
from nco.core.schema import Channel, Schema
from nco.core.searches import SearchName


@dataclass(frozen=True, eq=False)
class Grid(Batch):
    """The matrices of R states: a cell for each pair of a row and a column."""

    cells: Tensor  # [R, J, M, F] float, features of the node in the cell; 0 where there is none
    exists: Tensor  # [R, J, M] bool


class MatNetPolicy(Policy):
    """Rows and columns of a matrix attend to each other; what stands in a cell mixes in.

    MatNet (Kwon et al., "Matrix encoding networks for neural combinatorial optimization", NeurIPS
    2021, section 4) for problems whose nodes lie in two kinds of sets: the first kind's sets are
    rows (jobs), the second's columns (machines), and a node is the cell of its two. Where two sets
    share several nodes, the cell is the first one that is left: the others come later.

    What differs from the paper:

    - the state is read anew at every step, as in BQ-NCO (Drakulic et al. 2023): cells hold features
      that change, so that nothing need be told to a decoder;
    - rows and columns begin as the mean of their cells instead of zeros and one-hot numbers, so
      that neither has a name, and any number of them will do;
    - the mixed score is the dot product plus a function of the cell (as in `TransformerEncoder`),
      and what is collected is both the others' values and the cells themselves;
    - norms are of each token by itself (RMS): no result depends on other instances of a batch.

    Args:
        width: D of rows and columns.
        layers: blocks.
        heads: of the attention.
        hidden: width of the MLPs.
        cell: width of a cell.
        ignore: as in `Policy`.
    """

    reads = frozenset({Channel.NODES, Channel.DYNAMIC, Channel.CONTEXT, Channel.GROUPS})

    def __init__(
        self,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        hidden: int = 256,
        cell: int = 32,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(ignore)
        if width % heads:
            raise ValueError(f"width {width} is not divisible by heads {heads}")
        self.width, self.layers, self.heads = width, layers, heads
        self.hidden, self.cell = hidden, cell

    @property
    def searches(self) -> tuple[SearchName, ...]:
        return (SearchName.BEAM, SearchName.SAMPLING)

    def make_layers(self, schema: Schema) -> None:
        if len(schema.groups) != 2:
            raise NCOError("this policy needs a problem whose nodes lie in two kinds of sets")
        wide, cell = self.width, self.cell
        self.enter = nn.Sequential(
            nn.Linear(len(schema.nodes) + len(schema.dynamic) + len(schema.context), 2 * cell),
            nn.ReLU(),
            nn.Linear(2 * cell, cell),
        )
        self.rows, self.columns = nn.Linear(cell, wide), nn.Linear(cell, wide)
        self.blocks = nn.ModuleList(
            [
                nn.ModuleList(
                    [MixedScoreBlock(wide, self.heads, self.hidden, cell) for _ in range(2)]
                )
                for _ in range(self.layers)
            ]
        )
        self.leave_rows, self.leave_columns = nn.RMSNorm(wide), nn.RMSNorm(wide)
        self.of_row, self.of_column = nn.Linear(wide, wide), nn.Linear(wide, wide, bias=False)
        self.of_cell = nn.Linear(cell, wide, bias=False)
        self.score = nn.Linear(wide, 1)

    def encode(self, features: Features) -> Features:
        """The instance as it is: everything else depends on what remains."""
        return features

    def decide(
        self, memory: Features, observation: Observation, condition: Tensor | None = None
    ) -> Categorical:
        assert memory.groups is not None
        grid = grid_of(self.schema, memory, observation)
        cells = self.enter(grid.cells) * grid.exists[..., None]
        across, down = cells.transpose(1, 2), grid.exists.transpose(1, 2)
        rows, columns = self.rows(_mean(cells, grid.exists)), self.columns(_mean(across, down))
        for sides in self.blocks:
            assert isinstance(sides, nn.ModuleList)
            rows, columns = (
                sides[0](rows, columns, cells, grid.exists),
                sides[1](columns, rows, across, down),
            )
        # only what is allowed is scored: places [R, C], of which short rows repeat some
        mask = observation.mask.flatten(0, 1)
        most = max(int(mask.sum(-1).max()), 1)
        places = mask.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :most]
        states = torch.arange(len(mask), device=mask.device)[:, None]
        row, column = memory.groups[states // observation.mask.shape[1], places].unbind(-1)
        row, column = row.clamp_min(0), column.clamp_min(0)  # padding is scored, and masked
        mixed = (
            self.of_row(self.leave_rows(rows))[states, row]
            + self.of_column(self.leave_columns(columns))[states, column]
            + self.of_cell(cells[states, row, column])
        )
        logits = mixed.new_zeros(mask.shape)
        logits = logits.scatter(1, places, self.score(functional.relu(mixed))[..., 0])
        return Categorical(logits.view(observation.mask.shape), observation.mask)


class MixedScoreBlock(nn.Module):
    """One side of the matrix hears the other: mixed-score attention, then an MLP."""

    def __init__(self, width: int, heads: int, hidden: int, cell: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_other = nn.RMSNorm(width), nn.RMSNorm(width)
        self.norm_heard = nn.RMSNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.keys = nn.Linear(width, 2 * width, bias=False)
        self.mix = nn.Linear(cell, heads, bias=False)
        self.join = nn.Linear(width + heads * cell, width, bias=False)
        self.think = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width, bias=False)
        )

    def forward(self, own: Tensor, other: Tensor, cells: Tensor, exists: Tensor) -> Tensor:
        """`own` ``[R, J, D]`` after hearing `other` ``[R, M, D]``; `cells` are ``[R, J, M, E]``."""
        q = self.query(self.norm(own)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.keys(self.norm_other(other)).unflatten(-1, (2, self.heads, -1)).unbind(2)
        scores = q @ k.permute(0, 2, 3, 1) / q.shape[-1] ** 0.5  # [R, H, J, M]
        scores = scores + self.mix(cells).permute(0, 3, 1, 2)
        # finite, as a row may have no cell; nobody will hear what it then heard
        weights = scores.masked_fill(~exists[:, None], -1e9).softmax(-1)
        heard = (weights @ v.transpose(1, 2)).transpose(1, 2).flatten(2)
        seen = (weights.transpose(1, 2) @ cells).flatten(2)  # [R, J, H * E]
        own = own + self.join(torch.cat([heard, seen], -1))
        after: Tensor = own + self.think(self.norm_heard(own))
        return after


def grid_of(schema: Schema, memory: Features, observation: Observation) -> Grid:
    """The matrix of every state, R = B * S, with features of node, state and context."""
    assert observation.alive is not None
    assert memory.groups is not None
    _, rollouts, count = observation.alive.shape
    alive = observation.alive.flatten(0, 1)
    high, wide = (int(memory.groups[..., kind].max()) + 1 for kind in range(2))
    cell = (memory.groups[..., 0] * wide + memory.groups[..., 1]).clamp_min(0)
    cell = cell[:, None].expand(-1, rollouts, -1).flatten(0, 1)
    node = torch.arange(count, device=alive.device).expand_as(alive).masked_fill(~alive, count)
    first = node.new_full((len(alive), high * wide), count)
    first = first.scatter_reduce(1, cell, node, "amin")  # [R, J * M] the node in each cell
    exists = first < count
    first = first.clamp_max(count - 1)
    states = torch.arange(len(alive), device=alive.device)[:, None]
    parts = [memory.nodes[states // rollouts, first]]
    if schema.dynamic:
        assert observation.nodes is not None
        parts.append(observation.nodes.flatten(0, 1)[states, first])
    if schema.context:
        parts.append(observation.context.flatten(0, 1)[:, None].expand(-1, high * wide, -1))
    cells = torch.cat(parts, -1) * exists[..., None]
    return Grid(cells.unflatten(1, (high, wide)), exists.unflatten(1, (high, wide)))


def _mean(cells: Tensor, exists: Tensor) -> Tensor:
    """Over the second axis of sets, where there is a cell."""
    means: Tensor = cells.sum(2) / exists.sum(2).clamp_min(1)[..., None]
    return means
