"""Fixtures: tiny untrained models, which solve badly but by the same code."""

from pathlib import Path

import pytest
import torch

from nco import zoo
from nco.models.nets import AttentionPolicy, TransformerEncoder
from nco.problems.cvrp import CVRP
from nco.problems.knapsack import Knapsack
from nco.problems.tsp import TSP


def save_tiny(folder: Path, problem: object, seed: int = 0) -> str:
    """A model folder with a one-layer network for `problem`."""
    torch.manual_seed(seed)
    policy = AttentionPolicy(TransformerEncoder(width=16, heads=2, layers=1, hidden=16), heads=2)
    zoo.save(folder, problem, policy.build(problem.sizes), {"measured": []})
    return str(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Model folders by problem name."""
    root = tmp_path_factory.mktemp("models")
    return {
        "tsp": save_tiny(root / "tiny-tsp", TSP(size=10)),
        "cvrp": save_tiny(root / "tiny-cvrp", CVRP(size=10)),
        "knapsack": save_tiny(root / "tiny-knapsack", Knapsack(size=10)),
    }
