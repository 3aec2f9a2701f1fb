"""The loss of BQ-NCO: which tokens a label means, and what is right among them."""

import math
from typing import Any

import pytest
import torch

from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.models.nets import BQPolicy, TransformerEncoder
from nco.models.subproblems import Rest, SubproblemLoss, cross_entropy, rotated
from nco.problems.atsp import ATSP
from nco.problems.cvrp import CVRPVia
from nco.problems.cvrp.instances import Instance as Fleet
from nco.problems.knapsack import KnapsackRest
from nco.problems.op import OP
from nco.problems.tsp import TSP

CROSS = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.6]]])


def policy(problem: Problem[Any, Any], **options: Any) -> BQPolicy:
    torch.manual_seed(1)
    encoder = TransformerEncoder(width=16, heads=2, layers=2, hidden=32)
    made = BQPolicy(encoder, **options).build(problem.schema).eval()
    for parameter in made.parameters():  # those that begin at zero would hide what they do
        parameter.data += 0.02 * torch.randn(parameter.shape)
    return made


def seen(problem: Problem[Any, Any], network: BQPolicy, instance: Any, actions: list[int]) -> Any:
    """The sub-problem after the given actions, and what may be done in it."""
    state = problem.reset(instance, 1)
    for action in actions:
        state = problem.step(instance, state, torch.tensor([[action]]))
    observation = problem.observe(instance, state)
    features = network.encode(problem.features(instance))
    return network.look(features, observation), observation, features


def test_rest_finds_the_tokens_of_a_label() -> None:
    """Where each next node stands among the tokens, and by which kind of action it is reached."""
    demand = torch.tensor([[0.0, 0.5, 0.4, 0.3, 0.2]]).double()
    fleet = Fleet(CROSS, demand, torch.ones(1).double())
    sub, _, _ = seen(CVRPVia(4), policy(CVRPVia()), fleet, [1])
    assert sub.nodes.tolist() == [[0, 1, 2, 3, 4]]
    rest = Rest.of(torch.tensor([[5 + 3, 2, 4, 0]]), sub, 5)
    assert rest.kind.tolist() == [[1, 0, 0, 0]]
    assert rest.token[:, :3].tolist() == [[3, 2, 4]]
    assert rest.known.tolist() == [[True, True, True, False]]  # the depot is the no-op


def test_neighbours_are_those_that_the_label_joins() -> None:
    """Each by the kind of its action; a repetition is no neighbour, and nothing follows it."""
    token = torch.tensor([[2, 3, 4, 1, 1, 0]])
    kind = torch.tensor([[1, 0, 0, 1, 0, 0]])  # 1 is reached by way of the depot
    rest = Rest(token, kind, torch.tensor([[True, True, True, True, False, True]]))
    one = rest.neighbours(5, 2, both_ways=False)[0]
    assert one.nonzero().tolist() == [[2, 0, 3], [3, 0, 4], [4, 1, 1]]
    both = rest.neighbours(5, 2, both_ways=True)[0]
    assert torch.equal(both, one + one.transpose(0, 2))


@pytest.mark.parametrize("problem", [TSP(6), ATSP(6), CVRPVia(5)], ids=lambda p: type(p).__name__)
def test_all_nodes_are_asked_what_the_origin_is_asked(problem: Problem[Any, Any]) -> None:
    """The dense loss and the loss of the next action compare the same scores."""
    instance = problem.generate(2, generator(4))
    state = problem.reset(instance, 1)
    state = problem.step(instance, state, torch.tensor([[2], [3]]))
    network = policy(problem)
    features = network.encode(problem.features(instance))
    sub = network.look(features, problem.observe(instance, state))
    for slot in range(len(problem.schema.focus)):
        torch.testing.assert_close(network.adjacency(sub)[:, slot], network.scores(sub, slot))


def test_no_neighbours_where_order_means_nothing() -> None:
    """A set of items has no order for a dense loss to learn."""
    with pytest.raises(ValueError, match="dense: where order means nothing"):
        SubproblemLoss(KnapsackRest(8), policy(KnapsackRest(8)), dense=1.0)


@pytest.mark.parametrize("thin", [-0.1, 1.1])
def test_a_share_lies_between_none_and_all(thin: float) -> None:
    """More than all nodes cannot be left out."""
    with pytest.raises(ValueError, match=f"between 0 and 1, not {thin}"):
        SubproblemLoss(OP(8), policy(OP(8)), thin=thin)


def test_cross_entropy_shares_a_row_and_leaves_out_the_lost() -> None:
    """Several right actions share a row's weight; a row without any has no gradient."""
    scores = torch.tensor([[2.0, 1.0, 0.0, 5.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    allowed = torch.tensor([[True, True, True, False], [True] * 4, [False] * 4])
    right = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    total = math.log(math.exp(2) + math.exp(1) + 1)
    wanted = ((total - 1.5) + math.log(4)) / 2
    scores.requires_grad_()
    loss = cross_entropy(scores, right, allowed)
    assert loss.item() == pytest.approx(wanted)
    loss.backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[2].tolist() == [0.0] * 4


def test_a_random_angle_keeps_every_distance() -> None:
    """A rotation moves every instance, each by an angle of its own."""
    features = TSP().features(TSP(7).generate(3, generator(1)))
    other = rotated(features, generator("angle"))
    assert features.xy is not None
    assert other.xy is not None
    torch.testing.assert_close(
        torch.cdist(other.xy, other.xy), torch.cdist(features.xy, features.xy)
    )
    assert ((other.xy - features.xy).norm(dim=-1).amax(1) > 0.05).all()


def test_a_look_learns_where_routes_end() -> None:
    """After training on one plan, each customer's best next action is that of the plan."""
    problem = CVRPVia(4)
    demand = torch.tensor([[0.0, 0.5, 0.4, 0.5, 0.4]]).double()
    fleet = Fleet(CROSS, demand, torch.ones(1).double())
    network = policy(problem)
    loss = SubproblemLoss(problem, network, dense=1.0)
    plan = torch.tensor([[[1, 2, 5 + 3, 4]]])
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for at in range(200):
        optimizer.zero_grad()
        steps = torch.zeros(1, 1, 1, dtype=torch.long)
        losses = loss.named(fleet, plan, steps, plan, generator(at))
        losses["dense"].backward()
        optimizer.step()
    sub, _, _ = seen(problem, network, fleet, [])
    count = sub.nodes.shape[1]
    itself = torch.eye(count, dtype=torch.bool)[:, None]
    scores = network.adjacency(sub)[0].detach()  # [L, kinds, L]
    likely = scores.masked_fill(itself | ~sub.open[0], -torch.inf).flatten(1).softmax(1)
    likely = likely.unflatten(1, (2, count))
    token = {int(sub.nodes[0, at]): at for at in range(count) if sub.open[0, at]}
    assert likely[token[1], 0, token[2]] > 0.9
    # 2 has two neighbours: directly the one before it, and the next one by way of the depot
    assert likely[token[2], 0, token[1]] > 0.4
    assert likely[token[2], 1, token[3]] > 0.4
