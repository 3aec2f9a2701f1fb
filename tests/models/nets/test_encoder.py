"""Any encoder serves any policy: here one of fifteen lines."""

from typing import Self

import pytest
import torch
from torch import Tensor, nn

from nco.core.describe import construct, describe
from nco.core.errors import NCOError
from nco.core.features import Features
from nco.core.policy import Policy
from nco.core.rollout import greedy, rollout
from nco.core.schema import Channel, Schema
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, BQPolicy, LatentPolicy, PARCOPolicy, TransformerEncoder
from nco.models.nets.encoder import Encoder
from nco.models.nets.graph import GraphEncoder
from nco.problems.atsp import ATSP
from nco.problems.hcvrp import HCVRP
from nco.problems.op import OP
from nco.problems.tsp import TSP
from nco.testing import check_policy


class MeanEncoder(Encoder):
    """Deep sets (Zaheer et al. 2017): a node beside the mean of all nodes.

    Args:
        width: D.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width

    def build(self, schema: Schema) -> Self:
        self.own = nn.Linear(len(schema.nodes), self.width)
        self.mean = nn.Linear(len(schema.nodes), self.width)
        return self

    def forward(self, features: Features) -> Tensor:
        nodes = features.nodes
        real = nodes[..., :1] * 0 + 1 if features.exists is None else features.exists[..., None]
        mean = (nodes * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)
        return torch.tanh(self.own(nodes) + self.mean(mean))


@pytest.mark.parametrize(
    "policy",
    [
        BQPolicy(MeanEncoder()),
        BQPolicy(MeanEncoder(), two_way=True),
        AttentionPolicy(MeanEncoder(), heads=2),
        AttentionPolicy(MeanEncoder(), heads=2, agents=3),
        LatentPolicy(MeanEncoder(), heads=2, agents=3, hidden=8),
        BQPolicy(GraphEncoder(width=16, heads=2, layers=2, hidden=16, neighbours=3)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_new_encoder_serves_policies_of_one_agent(policy: Policy) -> None:
    """They keep the contract, can be described, and play."""
    problem = OP(5)
    ran = check_policy(policy, problem, size=4)
    assert "every_column_read_matters" in ran
    policy.build(problem.schema)
    played = rollout(problem, policy, problem.generate(2, generator(0)), 2, greedy)
    assert bool(played.cost.isfinite().all())


def test_a_new_encoder_serves_many_agents() -> None:
    """PARCO with an encoder of one's own keeps the contract."""
    policy = PARCOPolicy(MeanEncoder(), heads=2, hidden=16)
    assert "agents_have_no_numbers" in check_policy(policy, HCVRP(vehicles=3), size=4)


def test_a_description_holds_the_encoder() -> None:
    """A card or a checkpoint makes the same encoder again."""
    twin = construct(describe(BQPolicy(MeanEncoder(8))), trusted=("",))
    assert isinstance(twin, BQPolicy)
    assert isinstance(twin.encoder, MeanEncoder)
    assert twin.encoder.width == 8


def test_an_encoder_that_reads_no_edges_is_refused_where_there_are_some() -> None:
    """What an encoder does not read, its policy does not read either."""
    for policy in (BQPolicy(MeanEncoder()), AttentionPolicy(MeanEncoder(), heads=2)):
        with pytest.raises(NCOError, match=r"does not read edges \(there, back\)"):
            policy.build(ATSP.schema)
    ignoring = AttentionPolicy(MeanEncoder(), heads=2, ignore=["edges"])
    assert "what_would_be_dropped_is_refused" in check_policy(ignoring, ATSP(), size=4)


def test_all_columns_of_edges_reach_the_graph_encoder() -> None:
    """There and back differ in an asymmetric problem; both are features of a link."""
    encoder = GraphEncoder(width=16, heads=2, layers=2, hidden=16, neighbours=3)
    assert Channel.EDGES in encoder.reads
    check_policy(AttentionPolicy(encoder, heads=2), ATSP(), size=5)


def test_what_cannot_be_taken_over_is_refused() -> None:
    """Weights of another encoder: only by an encoder that says how, and of the same shape."""
    transformer = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
    source = AttentionPolicy(transformer, heads=2).build(TSP.schema)
    with pytest.raises(NCOError, match="MeanEncoder cannot begin as another encoder"):
        BQPolicy(MeanEncoder()).build(TSP.schema).begin_as(source)
    other = AttentionPolicy(MeanEncoder(), heads=2).build(TSP.schema)
    ours = BQPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16)).build(TSP.schema)
    with pytest.raises(NCOError, match="its heads is None, not 2"):
        ours.begin_as(other)
    assert Channel.EDGES not in other.reads
