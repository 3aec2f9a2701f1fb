"""Which type a device multiplies matrices in."""

from functools import cache

import torch

BFLOAT16 = ("AVX512", "SVE")  # vector instructions with which products in bfloat16 are fast


def for_products(device: torch.device) -> torch.dtype:
    """The type of a device's fast products: bfloat16, or float32 where it has nothing for bfloat16.

    A processor with AVX2 alone, as many laptops and servers are, takes forty times as long for a
    product in bfloat16 as for one in float32.
    """
    return torch.bfloat16 if _has_bfloat16(device.type) else torch.float32


@cache
def _has_bfloat16(kind: str) -> bool:
    if kind == "cpu":
        return torch.backends.cpu.get_cpu_capability().startswith(BFLOAT16)
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return True
