"""Which type a device multiplies matrices in."""

import time

import pytest
import torch

from nco.core import precision
from nco.models.nets.transformer import Linear

CPU = torch.device("cpu")


def seconds(kind: torch.dtype) -> float:
    """The shortest of five products of two matrices."""
    matrix = torch.randn(192, 192).to(kind)
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        matrix @ matrix
        taken.append(time.perf_counter() - begun)
    return min(taken)


def test_the_type_of_products_is_not_the_slow_one() -> None:
    """On this processor the other type is not several times as fast."""
    kind = precision.for_products(CPU)
    other = torch.float32 if kind == torch.bfloat16 else torch.bfloat16
    assert seconds(kind) < 5 * seconds(other)


@pytest.mark.parametrize(
    ("vectors", "kind"),
    [("AVX512", torch.bfloat16), ("SVE256", torch.bfloat16), ("AVX2", torch.float32)],
)
def test_a_layer_runs_in_it(
    monkeypatch: pytest.MonkeyPatch, vectors: str, kind: torch.dtype
) -> None:
    """A layer that may run in bfloat16 does so where the processor's instructions suit."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
    precision._has_bfloat16.cache_clear()
    try:
        assert precision.for_products(CPU) == kind
        assert Linear(2, 3, bf16=True)(torch.zeros(1, 2)).dtype == kind
        assert Linear(2, 3)(torch.zeros(1, 2)).dtype == torch.float32
    finally:
        precision._has_bfloat16.cache_clear()
