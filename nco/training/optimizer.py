"""Muon for the matrices of a network, AdamW for everything else, as one optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW, Muon, Optimizer

from nco.core import precision

SMALLEST = 64  # side of a matrix from which orthogonal steps are worth it; embeddings are narrower


class StackedMuon(Muon):
    """torch's Muon, but all matrices of one shape move at once instead of one after the other.

    On a GPU a loop over matrices spends its time on launching kernels, and a network's matrices
    have few shapes.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(tuple(parameter.shape), []).append(parameter)
            for shape, matrices in shapes.items():
                self._move(group, matrices, 0.2 * max(shape) ** 0.5)
        return loss

    def _move(self, group: dict[str, Any], matrices: list[Tensor], ratio: float) -> None:
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        grads = [matrix.grad for matrix in matrices if matrix.grad is not None]  # all have one
        momenta = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
        ahead = torch.stack(torch._foreach_lerp(grads, momenta, group["momentum"]))
        steps = orthogonal(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
        if group["weight_decay"]:
            torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        moves = list(steps.to(matrices[0].dtype).unbind())
        torch._foreach_add_(matrices, moves, alpha=-group["lr"] * ratio)


def orthogonal(
    matrices: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Nearly the nearest orthogonal matrices of ``[M, R, C]``: by Newton-Schulz in a fast type."""
    a, b, c = coefficients
    x = matrices.to(precision.for_products(matrices.device))
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class MuonAdamW(Optimizer):
    """Matrices between hidden layers are moved by orthogonal steps, all else by AdamW.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): the momentum of
    a matrix is orthogonalised before it is applied. Steps are scaled to the root mean square of
    AdamW's (Liu et al., "Muon is scalable for LLM training", 2025, section 2.2), times `gain`.

    Args:
        parameters: of the network.
        lr: AdamW's rate.
        weight_decay: of everything with more than one axis.
        gain: by this factor the steps of the matrices are greater than AdamW's would be.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        weight_decay: float = 0.0,
        gain: float = 2.0,
    ) -> None:
        every = [p for p in parameters if p.requires_grad]
        matrices = [p for p in every if p.ndim == 2 and min(p.shape) >= SMALLEST]
        hidden = {id(p) for p in matrices}
        rest = [p for p in every if id(p) not in hidden]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.parts: list[Optimizer] = [AdamW([g for g in groups if g["params"]], lr)]
        if matrices:
            decay = weight_decay / gain  # is applied times the rate
            muon = StackedMuon(matrices, lr * gain, decay, adjust_lr_fn="match_rms_adamw")
            self.parts.append(muon)
        super().__init__(every, {"lr": lr})
        self._gather()

    def _gather(self) -> None:
        """Shares the groups with the parts, so that a schedule of rates reaches all of them."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._gather()
