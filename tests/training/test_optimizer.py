"""Muon for matrices and AdamW for the rest, as one optimiser."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Muon

from nco.core.seeds import generator
from nco.training.optimizer import MuonAdamW, StackedMuon


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 96), nn.Linear(96, 1))


def loss(net: nn.Module, step: int) -> Tensor:
    x = torch.randn(32, 3, generator=torch.Generator().manual_seed(step))
    return (net(x)[:, 0] - x.prod(1)).square().mean()


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        loss(net, step).backward()
        optimizer.step()


def test_a_hidden_matrix_moves_in_all_directions_alike():
    """Whatever the gradient's singular values, those of the step are nearly equal."""
    matrix = nn.Parameter(torch.zeros(64, 64))
    left, _, right = torch.linalg.svd(
        torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    )
    matrix.grad = left @ torch.linspace(1, 10, 64).diag() @ right
    MuonAdamW([matrix, nn.Parameter(torch.zeros(1))], 1e-3).step()
    moved = torch.linalg.svdvals(matrix.detach())
    assert float(moved[0] / moved[-1]) < 2


def test_everything_else_moves_as_by_adamw():
    """Only inner matrices move as by Muon."""
    ours, theirs = network(), network()
    train(ours, MuonAdamW(ours.parameters(), 1e-3), range(1))
    train(theirs, torch.optim.AdamW(theirs.parameters(), 1e-3, weight_decay=0.0), range(1))
    for layer, name in [(0, "weight"), (0, "bias"), (2, "bias"), (3, "weight"), (3, "bias")]:
        assert torch.equal(getattr(ours[layer], name), getattr(theirs[layer], name))
    assert not torch.equal(ours[2].weight, theirs[2].weight)


def test_a_resumed_run_equals_the_uninterrupted_one():
    """Weights are equal after saving and loading the optimiser."""
    whole, halves = network(), network()
    train(whole, MuonAdamW(whole.parameters(), 1e-2), range(6))
    first = MuonAdamW(halves.parameters(), 1e-2)
    train(halves, first, range(3))
    second = MuonAdamW(halves.parameters(), 1e-2)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(halves, second, range(3, 6))
    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_schedule_reaches_both_parts(resumed: bool):
    """A learning rate of zero moves nothing, after resuming too."""
    net = network()
    optimizer = MuonAdamW(net.parameters(), 1e-2)
    if resumed:
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = [p.detach().clone() for p in net.parameters()]
    train(net, optimizer, range(2))
    for old, new in zip(before, net.parameters(), strict=True):
        assert torch.equal(old, new)


def test_matrices_of_one_shape_move_together_as_torch_moves_each():
    """Steps are those of torch's own Muon."""
    shapes = [(128, 64), (64, 128), (128, 64), (96, 96), (64, 128)]
    ours, theirs = [
        [
            nn.Parameter(torch.randn(shape, generator=generator("m", i)))
            for i, shape in enumerate(shapes)
        ]
        for _ in range(2)
    ]
    settings = {"lr": 0.02, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    pair = StackedMuon(ours, **settings), Muon(theirs, **settings)
    for step in range(4):
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            one.grad = torch.randn(one.shape, generator=generator("g", step, i))
            other.grad = one.grad.clone()
        for optimizer in pair:
            optimizer.step()
    assert pair[0].state_dict()["param_groups"] == pair[1].state_dict()["param_groups"]
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        moved = other - torch.randn(shapes[i], generator=generator("m", i))
        assert (one - other).norm() < 0.01 * moved.norm()  # products in bfloat16
        for key, value in pair[1].state[other].items():
            torch.testing.assert_close(pair[0].state[one][key], value)
