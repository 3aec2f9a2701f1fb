"""Labelled sets from a cluster: bit for bit the same, whoever makes which chunk and dies at it."""

import pytest
from cluster_nodes import ray_or_skip

from nco import cli
from nco.cluster import labels
from nco.core.describe import describe
from nco.core.errors import NCOError
from nco.labels import make, store
from nco.labels.recipe import Recipe
from nco.labels.store import LabelSpec
from nco.problems.tsp import TSP

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]

SPEC = LabelSpec(describe(TSP([5, 8])), "ortools", None, instances=26, seed=3, chunk=2)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same set, made by one process without a cluster."""
    folder = tmp_path_factory.mktemp("labels") / "alone"
    make.fill(SPEC, folder, 1, lambda done: None)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_set_is_that_of_one_process_though_a_node_dies(nodes, alone, tmp_path):
    """Two nodes begin, one is lost in the middle, another joins."""
    nodes.resize(2)
    struck = []

    def strike(done):
        if done >= 8 and not struck:
            struck.append(done)
            nodes.kill(nodes.nodes[0])
            nodes.add()

    labels.fill(SPEC, str(tmp_path / "set"), nodes.address, strike)
    assert struck
    assert contents(tmp_path / "set") == contents(alone)


def test_a_run_goes_on_with_what_is_missing(nodes, alone, tmp_path):
    """And a damaged chunk is made again, also where the set is at an address."""
    nodes.resize(2)
    folder = tmp_path / "set"
    address = f"file://{folder}"
    folder.mkdir()
    for name in ("set.json", "00003.safetensors", "00004.safetensors"):
        (folder / name).write_bytes((alone / name).read_bytes())
    (folder / "00004.safetensors").write_bytes(b"damaged")
    told = []
    labels.fill(SPEC, address, nodes.address, told.append)
    assert told[0] == 2
    assert told[-1] == 26
    assert contents(folder) == contents(alone)
    assert len(list(store.read(folder))) == 13
    with pytest.raises(NCOError, match=r"holds another set \(seed 3, not 4\)"):
        labels.fill(store.replace(SPEC, seed=4), address, nodes.address, told.append)


def test_the_command_makes_a_set_by_counted_iterations(nodes, tmp_path):
    """The budget is the same everywhere, and so are the labels."""
    nodes.resize(2)
    words = ["label", "--problem", "tsp", "--size", "6", "--instances", "6", "--chunk", "2"]
    words += ["--solver", "pyvrp", "--iterations", "5"]
    for output, more in (("one", []), ("two", ["--cluster", nodes.address])):
        with pytest.raises(SystemExit) as stop:
            cli.main([*words, "--output", str(tmp_path / output), *more])
        assert not stop.value.code
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_set_is_improved_by_a_model(nodes, alone, tmp_path, tiny):
    """The chunks of the base travel to the nodes."""
    nodes.resize(2)
    recipe = Recipe("", f"model:{tiny['tsp']}", improve=str(alone), rollouts=2)
    make.fill(recipe.spec(), tmp_path / "one", 1, lambda done: None, alone)
    output = str(tmp_path / "two")
    labels.fill(recipe.spec(), output, nodes.address, lambda done: None, alone)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"solver": "ortools"}, "iterations: ortools cannot count them; use time_limit"),
        ({"time_limit": 1.0}, "a budget is of time or of iterations"),
        ({"solver": "model:x"}, "of a model they are its rollouts"),
    ],
)
def test_iterations_that_nobody_counts_are_refused(changes, words):
    """Before anything is made."""
    given = {"solver": "pyvrp", "problem": "tsp", "size": 5, "instances": 2, **changes}
    with pytest.raises(NCOError, match=words):
        Recipe("x", iterations=3, **given).spec()
