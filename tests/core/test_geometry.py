"""Points in the plane: what is drawn, moved, mirrored and found again from distances."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nco.core import geometry
from nco.core.seeds import derive, generator


def gaps(points: np.ndarray) -> np.ndarray:
    """Distances of all pairs."""
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@pytest.mark.parametrize(
    "points", [geometry.Uniform(), geometry.Clustered(3, 0.2), geometry.Clustered(1, 5.0, 0.5)]
)
def test_points_lie_in_the_unit_square(points: geometry.Points) -> None:
    """Also where clusters are wider than the square, and equal seeds draw equal points."""
    drawn = points.draw(50, 40, generator(3))
    assert drawn.shape == (50, 40, 2)
    assert float(drawn.min()) >= 0
    assert float(drawn.max()) <= 1
    assert torch.equal(drawn, points.draw(50, 40, generator(3)))
    assert not torch.equal(drawn, points.draw(50, 40, generator(4)))


def test_clusters_are_closer_than_uniform_points() -> None:
    """One narrow cluster has neighbours at a few per cent of the square; a half is elsewhere
    where a half is uniform."""
    spread = {}
    for share in (0.0, 0.5, 1.0):
        drawn = geometry.Clustered(1, 0.01, share).draw(200, 30, generator(5))
        middle = drawn.median(1, keepdim=True).values
        spread[share] = float(((drawn - middle).norm(dim=-1) > 0.1).float().mean())
    assert spread[0.0] < 0.05  # but for clusters at the border, whose points are reflected
    assert 0.3 < spread[0.5] < 0.6
    assert spread[1.0] > 0.9


@pytest.mark.parametrize("arguments", [(0, 0.1, 0.0), (3, 0.0, 0.0), (3, 0.1, -0.1), (3, 0.1, 1.1)])
def test_impossible_clusters_are_refused(arguments: tuple[int, float, float]) -> None:
    """None of them, without width, or with a share outside of 0 to 1."""
    with pytest.raises(ValueError, match="clusters"):
        geometry.Clustered(*arguments)


def test_a_size_is_drawn_between_its_ends() -> None:
    """Both are reached; a number is itself."""
    random = generator(1)
    assert {geometry.draw_size([3, 5], random) for _ in range(100)} == {3, 4, 5}
    assert geometry.draw_size(7, random) == 7


@pytest.mark.parametrize("size", [0, -3, [5, 4], [0, 4], [4], [1, 2, 3], []])
def test_impossible_sizes_are_refused(size: int | list[int]) -> None:
    """Sizes are at least 1, and ends come in order."""
    with pytest.raises(ValueError, match="size must be a number >= 1 or"):
        geometry.check_size(size)


def test_possible_sizes_stay() -> None:
    """A tuple becomes a list, as configs have it."""
    assert geometry.check_size(1) == 1
    assert geometry.check_size((2, 2)) == [2, 2]  # type: ignore[arg-type]


def test_the_eight_images_are_a_group_of_isometries() -> None:
    """All differ, all keep every distance and the square, and images of images are images."""
    points = torch.rand(20, 2, generator=generator(2), dtype=torch.float64)
    images = geometry.dihedral(points)
    assert torch.equal(images[0], points)
    for image in images:
        assert np.allclose(gaps(image.numpy()), gaps(points.numpy()))
        assert float(image.min()) >= 0
        assert float(image.max()) <= 1
        for again in geometry.dihedral(image):
            assert sum(torch.allclose(again, other) for other in images) == 1
    for i, image in enumerate(images):
        assert not any(torch.allclose(image, other) for other in images[:i])


COORDS = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=8
).map(np.array)


@given(COORDS)
@settings(max_examples=50, deadline=None)
def test_moving_into_the_square_keeps_the_proportions(coords: np.ndarray) -> None:
    """Distances times the factor are the old ones; the square is filled in one direction."""
    moved, factor = geometry.unit_square(coords)
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert np.allclose(gaps(moved) * factor, gaps(coords), atol=1e-6)
    if moved is not coords and len(np.unique(coords, axis=0)) > 1:
        assert np.ptp(moved, axis=0).max() == pytest.approx(1)


def test_what_lies_in_the_square_stays_where_it_is() -> None:
    """A case in the unit square is what networks were trained on."""
    coords = np.array([[0.2, 0.3], [0.4, 0.9]])
    for given_coords in (coords, coords[:0]):
        moved, factor = geometry.unit_square(given_coords)
        assert moved is given_coords
        assert factor == 1.0
    moved, factor = geometry.unit_square(np.array([[7.0, 7.0], [7.0, 7.0]]))
    assert (moved.tolist(), factor) == ([[0, 0], [0, 0]], 1.0)


@given(COORDS)
@settings(max_examples=40, deadline=None)
def test_points_are_found_again_from_their_distances(coords: np.ndarray) -> None:
    """Classical scaling is exact for points in the plane, but for where they lie."""
    scaled = geometry.classical_scaling(gaps(coords))
    assert scaled.shape == coords.shape
    largest = gaps(coords).max()
    assert np.allclose(gaps(scaled), gaps(coords), atol=1e-5 * max(largest, 1))


def test_lengths_are_those_between_successive_nodes() -> None:
    """One less than there are nodes in the order, also where one is visited twice."""
    points = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]])
    order = torch.tensor([[[0, 1, 2], [2, 2, 0]]])
    assert geometry.lengths(points, order).tolist() == [[[5, 4], [0, 3]]]


def test_seeds_depend_on_all_parts_and_their_order() -> None:
    """The same on every machine: these figures are SHA-256's."""
    assert derive("a", 1) == int.from_bytes(_sha256("a/1")[:8], "big") // 2
    assert len({derive("a", 1), derive("a", 2), derive(1, "a"), derive("a1"), derive("b", 1)}) == 5
    assert 0 <= derive("anything") < 2**63
    first, second = generator(7, "x"), generator(7, "x")
    assert torch.equal(torch.rand(3, generator=first), torch.rand(3, generator=second))


def _sha256(text: str) -> bytes:
    """The digest as the command ``sha256sum`` gives it."""
    import hashlib

    return hashlib.sha256(text.encode()).digest()
