"""What networks read beyond the features that every problem has."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch

from nco.core.errors import NCOError
from nco.core.problem import Observation
from nco.core.schema import Channel, Schema, Unit, columns
from nco.core.seeds import generator
from nco.models.nets import (
    AttentionPolicy,
    BQPolicy,
    GraphFlow,
    LatentPolicy,
    PARCOPolicy,
    TransformerEncoder,
    VanillaFlow,
)
from nco.models.nets.network import GraphBody, SharesPolicy
from nco.problems.hcvrp import HCVRP
from nco.problems.inventory import Inventory
from nco.problems.knapsack import Knapsack, KnapsackRest
from nco.problems.netflow import SupplyShares
from nco.problems.op import OP
from nco.testing import check_policy


def encoder() -> TransformerEncoder:
    return TransformerEncoder(width=16, heads=2, layers=1, hidden=16)


class Ripening(HCVRP):
    """Customers become more urgent: a feature of nodes that changes."""

    schema: ClassVar[Schema] = replace(HCVRP.schema, dynamic=columns("urgency", "served"))

    def observe(self, instance: Any, state: Any) -> Observation:
        seen = super().observe(instance, state)
        urgency = instance.coords.sum(-1)[:, None] * state.length.sum(-1, keepdim=True)
        nodes = torch.stack([urgency, (~state.alive).float()], -1)
        return replace(seen, nodes=nodes.float())


@pytest.mark.parametrize("agents", [1, 3])
def test_attention_reads_features_that_change(agents: int) -> None:
    """Each column changes decisions, of every agent of a population as well."""
    policy = AttentionPolicy(encoder(), heads=2, agents=agents)
    assert "every_column_read_matters" in check_policy(policy, KnapsackRest(), size=5)
    latent = LatentPolicy(encoder(), heads=2, agents=agents, hidden=8)
    check_policy(latent, KnapsackRest(), size=5)


def test_parco_reads_features_that_change() -> None:
    """Each column changes decisions of agents that communicate and of those that do not."""
    for communicate in (True, False):
        policy = PARCOPolicy(encoder(), heads=2, hidden=16, communicate=communicate)
        assert "every_column_read_matters" in check_policy(policy, Ripening(vehicles=2), size=4)


def test_layers_exist_only_where_they_are_needed() -> None:
    """Weights for a problem without changing features fit one with them that ignores them."""
    plain = AttentionPolicy(encoder(), heads=2).build(Knapsack.schema)
    ignoring = AttentionPolicy(encoder(), heads=2, ignore=["dynamic"]).build(KnapsackRest.schema)
    reading = AttentionPolicy(encoder(), heads=2).build(KnapsackRest.schema)
    ignoring.load_state_dict(plain.state_dict(), strict=True)
    more = set(reading.state_dict()) - set(plain.state_dict())
    assert more == {"decoders.0.changing.weight"}
    check_policy(AttentionPolicy(encoder(), heads=2, ignore=["dynamic"]), KnapsackRest(), size=4)
    quiet = PARCOPolicy(encoder(), heads=2, hidden=16, ignore=["dynamic", "moves"])
    check_policy(quiet, Ripening(vehicles=2), size=4)


def test_an_untrained_parco_still_follows_its_preferences() -> None:
    """Changing features begin without a say, as all that is learned does."""
    problem = Ripening(6, vehicles=2)
    instance = problem.generate(2, generator(0))
    seen = problem.observe(instance, problem.reset(instance, 1))
    policy = PARCOPolicy(encoder(), heads=2, hidden=16).build(problem.schema)
    memory = policy.encode(problem.features(instance))
    assert seen.nodes is not None
    other = replace(seen, nodes=seen.nodes + 1)
    assert torch.equal(
        policy.decide(memory, seen).log_probs, policy.decide(memory, other).log_probs
    )


def test_a_frame_scales_what_remains_of_a_length() -> None:
    """BQ sees the remaining length of a route in the units of the sub-problem's frame."""
    assert "lengths_are_scaled_together" in check_policy(BQPolicy(encoder()), OP(), size=5)
    unscaled = BQPolicy(encoder(), rescale=[])
    assert not unscaled.scale_free
    assert "lengths_are_scaled_together" not in check_policy(unscaled, OP(), size=5)
    torch.manual_seed(0)
    policy = BQPolicy(encoder()).build(OP.schema)
    named = BQPolicy(encoder(), rescale=["context.left"]).build(OP.schema)
    named.load_state_dict(policy.state_dict())
    unscaled.build(OP.schema).load_state_dict(policy.state_dict())
    problem = OP(8)
    instance = problem.generate(2, generator(0))
    features = problem.features(instance)
    seen = problem.observe(instance, problem.reset(instance, 1))
    wanted = policy.decide(features, seen).log_probs
    assert torch.equal(named.decide(features, seen).log_probs, wanted)
    assert not torch.allclose(unscaled.decide(features, seen).log_probs, wanted)


def test_only_lengths_and_times_can_be_rescaled() -> None:
    """Another name is refused with those that there are."""
    with pytest.raises(
        NCOError, match=r"'nodes.prize' is no length or time; there are context.left"
    ):
        BQPolicy(encoder(), rescale=["nodes.prize"]).build(OP.schema)


def test_networks_of_links_refuse_other_decisions() -> None:
    """By the layout of the decision, before a shape could fail."""
    with pytest.raises(NCOError, match="an amount along each link"):
        GraphFlow(ignore=["context"]).build(replace(SupplyShares.schema))
    with pytest.raises(NCOError, match="a share of each node"):
        SharesPolicy(amounts=2).build(SupplyShares.schema)
    with pytest.raises(NCOError, match="dynamic has no column 'lacks': there are stock, coming"):
        SharesPolicy(lack="lacks").build(SupplyShares.schema)


def test_a_fixed_network_reads_its_links() -> None:
    """Lead times and fares of links are inputs of `VanillaFlow`, unless it ignores them."""
    given = {"networks": ["example:inventory/serial_L4_p9.yaml"], "periods": 6}
    policy = VanillaFlow(nodes=4, links=4, hidden=[8])
    assert "every_column_read_matters" in check_policy(policy, Inventory(**given))
    blind = VanillaFlow(nodes=4, links=4, hidden=[8], ignore=["links"])
    schema = Inventory().schema
    reads, does_not = policy.build(schema).body[0], blind.build(schema).body[0]
    assert reads.weight.shape[1] - does_not.weight.shape[1] == 4 * len(schema.links)
    features = Inventory().features(Inventory(2).generate(1, generator(0)))
    with pytest.raises(NCOError, match="for 4 nodes and 4 links, not 3"):
        policy.encode(features)


def test_the_world_outside_is_nobody() -> None:
    """A graph network hears nothing of a supplier but the link, and padding says nothing at all."""
    torch.manual_seed(0)
    problem = Inventory(2, periods=4)
    body = GraphBody(width=8).build(problem.schema)
    instance = problem.generate(1, generator(1))
    features = problem.features(instance)
    seen = problem.observe(instance, problem.reset(instance, 1))
    assert features.links is not None
    assert features.link is not None
    outside = features.links[0, :, 0] < 0
    assert bool(outside.any())
    memory = body.encode(features)
    # what stands in node 0 must not reach a node by the supplier's link
    assert torch.equal(memory.inside[0, 0, :, 0] == 0, outside)
    longer = replace(
        features,
        links=torch.cat([features.links, torch.tensor([[[-1, 1], [0, 1]]])], 1),
        link=torch.cat([features.link, torch.ones(1, 2, features.link.shape[2])], 1),
        linked=torch.cat([torch.ones(1, len(outside)), torch.zeros(1, 2)], 1).bool(),
    )
    torch.testing.assert_close(body(body.encode(longer), seen), body(memory, seen))
    assert Channel.LINKS in SharesPolicy().reads
    assert problem.schema.columns(Channel.LINKS)[0].unit is Unit.TIME
