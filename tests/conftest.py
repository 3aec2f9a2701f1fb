"""Fixtures: tiny untrained models, which solve badly but by the same code."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: more threads would only wait
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.problems.cvrp import CVRP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP
from nco.zoo import weights


def save_tiny(folder: Path, problem: object, seed: int = 0) -> str:
    """A model folder with a one-layer network for `problem`."""
    torch.manual_seed(seed)
    policy = AttentionPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16), heads=2)
    weights.save(folder, problem, policy.build(problem.schema), {"measured": []})
    return str(folder)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Objects by their class: an address would give each process other names of the same test."""
    plain = type(val).__repr__ is object.__repr__
    return type(val).__name__ if plain else None


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Model folders by problem name."""
    root = tmp_path_factory.mktemp("models")
    return {
        "tsp": save_tiny(root / "tiny-tsp", TSP(size=10)),
        "cvrp": save_tiny(root / "tiny-cvrp", CVRP(size=10)),
        "knapsack": save_tiny(root / "tiny-knapsack", Knapsack(size=10)),
    }


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, here and in programs that are started.

    A background job of a shell ignores it otherwise, and so does each program that it starts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
