"""The graph encoder: neighbours by hand, padding, batches, the order of nodes, few nodes."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from nco.core.defaults import resize
from nco.core.problem import Features, Problem
from nco.core.rollout import greedy, rollout
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy
from nco.models.nets.graph import GraphEncoder, neighbour_graph
from nco.problems.cvrp import CVRP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP

PROBLEMS = [TSP(7), CVRP(6), Knapsack(7)]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p).__name__)


def encoder(problem: Problem[Any, Any], neighbours: int = 3) -> GraphEncoder:
    """A small encoder whose every weight matters."""
    torch.manual_seed(0)
    found = GraphEncoder(width=8, heads=2, layers=2, hidden=8, neighbours=neighbours)
    found.build(problem.schema)
    for parameter in found.parameters():
        noise = torch.randn(parameter.shape, generator=generator("weights"))
        parameter.data += 0.3 * noise
    return found.requires_grad_(False)


def mixed(problem: Problem[Any, Any], sizes: tuple[int, ...]) -> tuple[Any, list[Any]]:
    """A padded batch, and its instances alone."""
    cases = []
    for n in sizes:
        other = resize(problem, n)
        cases += other.cases(other.generate(1, generator("graph", n)))
    return problem.load(cases), [problem.load([case]) for case in cases]


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_neighbours_by_hand() -> None:
    """On a line at 0, 1, 3 and 7, in units of the mean spacing 1/2 of four points."""
    xy = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [7.0, 0.0]]])
    links, lengths = neighbour_graph(Features(xy, xy=xy), 2)
    assert links[1].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert links[0].tolist() == [1, 2, 0, 2, 1, 0, 2, 1]
    assert lengths[:, 0].tolist() == [2, 6, 2, 4, 4, 6, 8, 12]


def test_neighbours_by_the_problems_own_distances() -> None:
    """What the problem calls near is near, wherever it lies."""
    xy = torch.tensor([[[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]]])
    edges = torch.tensor([[[0.0, 5.0, 1.0], [2.0, 0.0, 9.0], [3.0, 4.0, 0.0]]])[..., None]
    links, lengths = neighbour_graph(Features(xy, xy=xy, edges=edges), 1)
    assert links.tolist() == [[2, 0, 0], [0, 1, 2]]
    torch.testing.assert_close(lengths[:, 0], torch.tensor([1.0, 2.0, 3.0]) * 3**0.5)


def test_neighbours_of_items_are_alike() -> None:
    """Without positions, by node features."""
    nodes = torch.tensor([[[0.0], [10.0], [1.0], [11.0]]])
    links, _ = neighbour_graph(Features(nodes), 1)
    assert links[0].tolist() == [2, 3, 0, 1]


def test_instances_of_a_batch_are_not_linked() -> None:
    """Links stay within an instance, and no node is linked to itself."""
    xy = torch.zeros(3, 4, 2)  # all points equal
    links, lengths = neighbour_graph(Features(xy, xy=xy), 2)
    assert torch.equal(links[0] // 4, links[1] // 4)
    assert (links[0] != links[1]).all()
    assert not lengths.any()


def test_neighbours_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is the same when it is made a part at a time."""
    problem = TSP(7)
    features = problem.features(mixed(problem, (3, 7))[0])
    whole = neighbour_graph(features, 3)
    monkeypatch.setattr("nco.models.nets.graph.QUERY_CHUNK", 2)
    for found, wanted in zip(neighbour_graph(features, 3), whole, strict=True):
        assert torch.equal(found, wanted)


@each_problem
@pytest.mark.parametrize("neighbours", [1, 3, 20])
def test_padding_is_never_heard(problem: Problem[Any, Any], neighbours: int) -> None:
    """Embeddings of an instance are the same among larger ones, even with fewer nodes than k."""
    network = encoder(problem, neighbours)
    padded, alone = mixed(problem, (2, 7, 4))
    h = network(problem.features(padded))
    assert h.isfinite().all()
    for b, instance in enumerate(alone):
        wanted = network(problem.features(instance))
        close(h[b : b + 1, : wanted.shape[1]], wanted)


@each_problem
def test_instances_of_a_batch_are_independent(problem: Problem[Any, Any]) -> None:
    """An instance is embedded alone as in a batch."""
    network = encoder(problem)
    instance = problem.generate(3, generator("batch"))
    whole = network(problem.features(instance))
    for b in range(3):
        close(whole[b : b + 1], network(problem.features(instance[b : b + 1])))
    assert (whole[0] - whole[1]).abs().max() > 0.1


@each_problem
def test_the_order_of_nodes_does_not_matter(problem: Problem[Any, Any]) -> None:
    """Embeddings move with their nodes."""
    features = problem.features(problem.generate(2, generator("order")))
    count = features.nodes.shape[1]
    order = torch.randperm(count, generator=generator("permutation"))
    network = encoder(problem)
    moved = replace(
        features,
        nodes=features.nodes[:, order],
        xy=None if features.xy is None else features.xy[:, order],
    )
    close(network(moved), network(features)[:, order])


def test_neighbours_matter() -> None:
    """An embedding tells where the others are, not only how many."""
    problem = TSP(7)
    network = encoder(problem)
    xy = torch.rand(1, 7, 2, generator=generator("xy"))
    moved = xy.clone()
    moved[0, 1] += 0.1
    apart = [network(Features(torch.zeros_like(xy), xy=place)) for place in (xy, moved)]
    assert (apart[0] - apart[1]).abs().max() > 1e-3


@each_problem
@pytest.mark.parametrize("count", [1, 2])
def test_few_nodes(problem: Problem[Any, Any], count: int) -> None:
    """A node without neighbours hears nothing but the mean, and a policy plays on."""
    small = resize(problem, count)
    policy = AttentionPolicy(encoder(small), heads=2).build(small.schema)
    found = rollout(small, policy, small.generate(2, generator("few")), 1, greedy)
    assert found.cost.isfinite().all()


def test_every_weight_learns() -> None:
    """Each parameter has a gradient."""
    problem = CVRP(6)
    network = encoder(problem).requires_grad_()
    h = network(problem.features(problem.generate(2, generator("learn"))))
    (h * torch.randn(h.shape, generator=generator("above"))).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 10, "heads": 4}, "width 10 is not divisible by heads 4"),
        ({"neighbours": 0}, "neighbours must be at least 1"),
    ],
)
def test_impossible_arguments_are_refused(options: dict[str, int], message: str) -> None:
    """Widths that heads do not divide, and no neighbours, raise."""
    with pytest.raises(ValueError, match=message):
        GraphEncoder(**options)


@pytest.mark.long
def test_nobody_else_pays_for_the_import() -> None:
    """The other networks do without torch-geometric, which takes seconds to import."""
    code = "import sys, nco.models.nets; print('torch_geometric' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.strip() == b"False"
