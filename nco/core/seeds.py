"""Random numbers as a pure function of a seed and where they are used.

Nothing in this package draws from a global generator: training that resumes after ``kill -9``
continues with the same numbers because they depend on (seed, step, rank) alone.
"""

import hashlib

import torch
from torch import Generator


def derive(*parts: int | str) -> int:
    """A 63-bit seed from any parts, the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: int | str, device: torch.device | str = "cpu") -> Generator:
    """A fresh torch generator seeded by `derive`."""
    return Generator(device=device).manual_seed(derive(*parts))
