"""Spanning trees, 1-trees and shortest ways against enumeration."""

import itertools

import numpy as np
import pytest

from nco.problems._routing import one_tree


def symmetric(size: int, seed: int, most: int = 50) -> np.ndarray:
    """A random matrix of whole weights, some equal."""
    values = np.random.default_rng(seed).integers(0, most, (size, size))
    matrix = np.triu(values, 1)
    return matrix + matrix.T


def weight(matrix: np.ndarray, edges: list[tuple[int, int]]) -> int:
    """The sum over edges."""
    return sum(int(matrix[edge]) for edge in edges)


def joined(nodes: int, edges: tuple[tuple[int, int], ...]) -> bool:
    """Whether edges join all nodes from 0 on."""
    seen = {0}
    while more := {v for e in edges for u, v in (e, e[::-1]) if u in seen and v not in seen}:
        seen |= more
    return len(seen) == nodes


def least_tree(matrix: np.ndarray, nodes: list[int]) -> int:
    """The least weight of all spanning trees of these nodes."""
    part = matrix[np.ix_(nodes, nodes)]
    size = len(nodes)
    pairs = list(itertools.combinations(range(size), 2))
    trees = itertools.combinations(pairs, size - 1)
    return min(weight(part, list(tree)) for tree in trees if joined(size, tree))


def shortest_tour(matrix: np.ndarray) -> int:
    """By all orders."""
    size = len(matrix)
    return min(
        sum(int(matrix[a, b]) for a, b in itertools.pairwise((0, *order, 0)))
        for order in itertools.permutations(range(1, size))
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_spanning_tree_is_a_least_one(size: int, seed: int) -> None:
    """Its edges are those of the matrix, and no tree weighs less."""
    matrix = symmetric(size, seed, most=9)
    tree = one_tree.spanning_tree(matrix)
    edges = [(node, int(tree.parent[node])) for node in range(1, size)]
    assert joined(size, tuple(edges))
    assert tree.parent[0] == -1
    assert [int(tree.edge[node]) for node in range(1, size)] == [int(matrix[e]) for e in edges]
    assert int(tree.edge.sum()) == least_tree(matrix, list(range(size)))
    degrees = np.bincount(np.array(edges).ravel(), minlength=size)
    assert tree.degrees().tolist() == degrees.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_a_one_tree_weighs_at_most_a_tour(seed: int) -> None:
    """It is a least tree without some node, and that node's two lightest edges."""
    size = 5
    matrix = symmetric(size, seed)
    total, degrees = one_tree.one_tree(matrix)
    candidates = []
    for apart in range(1, size):
        others = [node for node in range(size) if node != apart]
        two = sorted(int(matrix[apart, node]) for node in others)[:2]
        candidates.append(least_tree(matrix, others) + sum(two))
    assert total in candidates
    assert total <= shortest_tour(matrix)
    assert int(degrees.sum()) == 2 * size
    assert int(degrees.min()) >= 1


@pytest.mark.parametrize("seed", range(5))
def test_a_bound_is_never_above_the_shortest_tour(seed: int) -> None:
    """Whatever it is aimed at, and it is at least the first 1-tree's weight."""
    matrix = 1000 * symmetric(7, seed)
    best = shortest_tour(matrix)
    first, _ = one_tree.one_tree(matrix)
    for target in (best, 2 * best + 1000):
        bound = one_tree.tour_bound(matrix, target, None)
        assert bound is not None
        assert first <= bound <= best


def test_a_ring_is_bounded_by_itself() -> None:
    """Where a 1-tree is a tour, the first pass proves it; a lower target is not exceeded."""
    size = 8
    step = np.abs(np.arange(size)[:, None] - np.arange(size))
    matrix = 100 * np.minimum(step, size - step)
    assert one_tree.tour_bound(matrix, 100 * size, None) == 100 * size
    assert one_tree.tour_bound(matrix, 5, None) == 5


def test_without_time_there_is_no_bound() -> None:
    """A pass over a large matrix does not fit into a nanosecond."""
    assert one_tree.tour_bound(symmetric(50, 1), 10**6, 1e-9) is None
    assert one_tree.tour_bound(symmetric(50, 1), 10**6, 0.01) is not None


@pytest.mark.parametrize("seed", range(4))
def test_shortest_ways_go_over_others(seed: int) -> None:
    """As repeated relaxation of every arc finds them, also where arcs are one-way."""
    table = np.random.default_rng(seed).integers(1, 40, (9, 9))
    way = table[0].copy()
    way[0] = 0
    for _ in range(9):
        way = np.minimum(way, (way[:, None] + table).min(0))
    assert one_tree.shortest_ways(table).tolist() == way.tolist()
