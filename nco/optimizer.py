"""Muon for the matrices of a network, AdamW for everything else, as one optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

from torch.nn import Parameter
from torch.optim import AdamW, Muon, Optimizer

SMALLEST = 64  # side of a matrix from which orthogonal steps are worth it; embeddings are narrower


class MuonAdamW(Optimizer):
    """Matrices between hidden layers are moved by orthogonal steps, all else by AdamW.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): the momentum of
    a matrix is orthogonalised before it is applied. Steps are scaled to the root mean square of
    AdamW's (Liu et al., "Muon is scalable for LLM training", 2025, section 2.2), times `gain`.

    Args:
        parameters: of the network.
        lr: AdamW's rate.
        weight_decay: of everything with more than one axis.
        gain: how much greater the steps of the matrices are than AdamW's would be.
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
            muon = Muon(matrices, lr * gain, decay, adjust_lr_fn="match_rms_adamw")
            self.parts.append(muon)
        super().__init__(every, {"lr": lr})
        self._gather()

    def _gather(self) -> None:
        """A schedule changes the groups of the parts, which are the same objects."""
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
