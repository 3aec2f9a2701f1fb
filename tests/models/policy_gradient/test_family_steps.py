"""Steps: each against its formula, on a table of logits or a small network."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from family_runs import method, updates
from six_tours import COST, Table, compared, rollouts, tours_of
from torch import Tensor

from nco.core.describe import construct, describe
from nco.models.policy_gradient import curvature, steps
from nco.models.policy_gradient.advantages import Standardised
from nco.models.policy_gradient.curvature import (
    Divergence,
    NaturalGradient,
    conjugate,
    fisher_product,
)
from nco.models.policy_gradient.sources import Fresh
from nco.models.policy_gradient.steps import (
    Extrapolated,
    Foreseen,
    Reposition,
    Screen,
    Step,
    Transported,
    foreseen,
)
from nco.models.policy_gradient.surrogates import Clipped, LogLikelihood
from nco.training.advantages import LeaveOneOut

ALL = [
    Reposition(2, 0.5),
    Screen(1e-2),
    Transported(0.3),
    Extrapolated(3, 0.2),
    NaturalGradient(0.02),
    Foreseen(2, 5),
]


@pytest.mark.parametrize("step", ALL, ids=lambda one: type(one).__name__)
def test_a_step_is_plain_data(step: Step) -> None:
    """A checkpoint says which one it was, and makes it again."""
    assert describe(construct(describe(step))) == describe(step)


class Bowl:
    """A quadratic bowl with a closure, and plain descent on it."""

    def __init__(self, rate: float = 0.1) -> None:
        self.w = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.double))
        self.inner = torch.optim.SGD([self.w], rate)
        self.asked: list[Tensor] = []

    def closure(self) -> Tensor:
        self.w.grad = None
        self.asked.append(self.w.detach().clone())
        loss = (self.w.square() * torch.tensor([1.0, 3.0])).sum()
        loss.backward()
        return loss.detach()

    def run(self, step: Step, count: int = 1) -> Tensor:
        optimizer = step.wrap(self.inner, None)  # type: ignore[arg-type]
        for _ in range(count):
            optimizer.step(self.closure)
        return self.w.detach()


def plain(count: int) -> Tensor:
    """After some plain steps of descent."""
    bowl = Bowl()
    for _ in range(count):
        bowl.closure()
        bowl.inner.step()
    return bowl.w.detach()


def test_no_share_is_one_plain_step() -> None:
    """And a whole share of one fast step is two."""
    assert torch.equal(Bowl().run(Reposition(3, 0.0)), plain(1))
    torch.testing.assert_close(Bowl().run(Reposition(1, 1.0)), plain(2))


def test_reposition_by_hand() -> None:
    """Two fast steps, half of the way back, and one more."""
    start, two = plain(0), plain(2)
    half = start + 0.5 * (two - start)
    wanted = half - 0.1 * 2 * half * torch.tensor([1.0, 3.0])
    torch.testing.assert_close(Bowl().run(Reposition(2, 0.5)), wanted)


def test_a_transported_step_has_one_length() -> None:
    """With the whole share it moves by the rate exactly, whatever the gradient."""
    bowl = Bowl(rate=0.07)
    before = bowl.w.detach().clone()
    for _ in range(3):
        after = bowl.run(Transported(1.0)).clone()
        assert float((after - before).norm()) == pytest.approx(0.07)
        before = after


def test_a_transported_gradient_is_taken_ahead() -> None:
    """At the second step beyond the point by (1 - share) / share times the last move."""
    bowl = Bowl()
    optimizer = Transported(0.25).wrap(bowl.inner, None)  # type: ignore[arg-type]
    first = bowl.w.detach().clone()
    optimizer.step(bowl.closure)
    second = bowl.w.detach().clone()
    optimizer.step(bowl.closure)
    torch.testing.assert_close(bowl.asked[1], second + 3 * (second - first))


def test_extrapolation_by_hand() -> None:
    """After two steps half of what they moved is added."""
    start, two = plain(0), plain(2)
    torch.testing.assert_close(Bowl().run(Extrapolated(2, 0.5), 2), two + 0.5 * (two - start))
    assert torch.equal(Bowl().run(Extrapolated(3, 0.5), 2), two)


def test_a_foreseen_gradient_at_a_known_point() -> None:
    """Regression gives back what was seen there; far away it gives nothing."""
    points = [torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])]
    slopes = [2 * point for point in points]
    found = foreseen(points[1], points, slopes, 1e-6)
    torch.testing.assert_close(found, slopes[1], atol=1e-3, rtol=1e-3)
    assert foreseen(torch.tensor([90.0, 0.0]), points, slopes, 1e-6).abs().max() < 1e-6


def test_foreseen_steps_go_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three gradients a step on the bowl: lower than a single plain step; one core is refused."""
    monkeypatch.setattr(steps, "usable_cores", lambda: 4)
    bowl = Bowl()
    found = bowl.run(Foreseen(3, 10), 4)
    assert len(bowl.asked) == 12
    assert found.norm() < plain(4).norm()
    monkeypatch.setattr(steps, "usable_cores", lambda: 1)
    with pytest.raises(ValueError, match="Foreseen takes 3 gradients at once: this machine has 1"):
        method(step=Foreseen(3, 10))


# --------------------------------------------------------------------------------------------------
# Natural gradients


class Tabled:
    """A learner whose policy is a table; its one group was played by the table as it was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, scale: float = 1.0) -> None:
        self.table, self.problem = Table(), None
        self.table.unit = scale  # the same policies in other units
        tours = tours_of([0, 1, 2, 3, 4, 5, 1, 4])
        with torch.no_grad():
            for parameter in self.table.parameters():
                parameter /= scale
        self.kept = compared(rollouts(self.table, tours), LeaveOneOut())
        self.tours, self.policy = tours, self.table
        monkeypatch.setattr(curvature, "scored", lambda problem, policy, kept: self.scored())
        self.kept = replace(self.kept, logp=self.scored().logp.detach())

    def scored(self) -> Any:
        return self.table.scored(self.tours)

    def groups(self) -> list[Any]:
        return [self.kept]

    def objective(self) -> Tensor:
        return Clipped(0.9, 9.0)(self.scored(), self.kept).mean()

    def closure(self) -> Tensor:
        self.table.zero_grad()
        loss = self.objective()
        loss.backward()
        return loss.detach()


def explicit_fisher(learner: Tabled) -> Tensor:
    """The mean over own steps of sum_a p(a) g_a g_a^T, g_a the gradient of log p(a)."""
    total, parameters = torch.zeros(12, 12, dtype=torch.double), learner.table
    every = parameters.log_probs()[learner.tours][0]
    for steps_of_tour in every:
        for log_p in steps_of_tour:
            for one in log_p[log_p > -torch.inf]:
                slope = parameters.gradient(one) if one.requires_grad else torch.zeros(12)
                total += float(one.detach().exp()) * torch.outer(slope, slope)
    return total / learner.tours.numel() / 3


def test_conjugate_gradients_solve_with_the_fisher_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product is that of the explicit matrix, and so is the direction."""
    learner = Tabled(monkeypatch)
    parameters = list(learner.table.parameters())
    at = [p.detach().clone() for p in parameters]
    fisher, divergence = explicit_fisher(learner), Divergence(learner)  # type: ignore[arg-type]
    vector = torch.randn(12, generator=torch.Generator().manual_seed(1), dtype=torch.double)

    def product(v: Tensor) -> Tensor:
        return fisher_product(divergence, parameters, at, v) + 0.1 * v

    damped = fisher + 0.1 * torch.eye(12, dtype=torch.double)
    torch.testing.assert_close(product(vector), damped @ vector, rtol=1e-3, atol=1e-4)
    wanted = torch.linalg.solve(damped, vector)
    torch.testing.assert_close(conjugate(product, vector, 20), wanted, rtol=1e-2, atol=1e-3)


def test_natural_steps_stay_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every step the divergence is at most delta, and the surrogate is not worse."""
    learner = Tabled(monkeypatch)
    inner = torch.optim.SGD(learner.table.parameters(), 1.0)
    optimizer = NaturalGradient(0.01).wrap(inner, learner)  # type: ignore[arg-type]
    for _ in range(5):
        divergence = Divergence(learner)  # type: ignore[arg-type]
        before = float(learner.objective().detach())
        cost = float((learner.table.chances() * COST).sum().detach())
        optimizer.step(learner.closure)
        assert 1e-4 < float(divergence().detach()) <= 0.01
        assert float(learner.objective().detach()) <= before
        assert float((learner.table.chances() * COST).sum().detach()) < cost
        learner.kept = replace(learner.kept, logp=learner.scored().logp.detach())


def test_a_natural_step_knows_no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undamped, the policy after a step is the same where its parameters are counted in others."""
    chances = []
    for scale in (1.0, 3.0):
        learner = Tabled(monkeypatch, scale)
        inner = torch.optim.SGD(learner.table.parameters(), 1.0)
        step = NaturalGradient(0.01, damping=1e-9, iterations=30)
        step.wrap(inner, learner).step(learner.closure)  # type: ignore[arg-type]
        chances.append(learner.scored().logp.detach())
    assert (chances[0] - learner.kept.logp).abs().max() > 0.01
    torch.testing.assert_close(chances[0], chances[1], rtol=2e-2, atol=2e-3)


def test_a_screened_step_is_taken_back() -> None:
    """With hardly any room weights stay as they were; with much they move."""
    for most, moves in ((1e-12, False), (10.0, True)):
        trained = method(step=Screen(most))
        before = [p.detach().clone() for p in trained.policy.parameters()]
        updates(trained, 1)
        after = list(trained.policy.parameters())
        moved = any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
        assert moved == moves
        assert trained.__dict__["optimizers"]["optimizer"].own["undone"] == int(not moves)


@pytest.mark.long
@pytest.mark.parametrize(
    "step", [Reposition(), Transported(), Extrapolated(), NaturalGradient(), Screen(0.1)]
)
def test_a_step_moves_a_network_and_keeps_its_state(step: Step) -> None:
    """The state that a checkpoint holds makes the next step the same, bit for bit."""
    parts: dict[str, Any] = {
        "step": step,
        "surrogate": Clipped(),
        "advantage": Standardised(),
        "source": Fresh(4),
    }
    whole, half = method(**parts), method(**parts)
    updates(whole, 5)
    updates(half, 3)
    again = method(**parts)
    again.load_state_dict(half.state_dict())
    again.__dict__["at"] = 3
    found: Any = again.configure_optimizers()
    found["optimizer"].load_state_dict(half.__dict__["optimizers"]["optimizer"].state_dict())
    again.__dict__["optimizers"] = found
    updates(again, 2)
    for one, other in zip(whole.policy.parameters(), again.policy.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Reposition(0), "fast"),
        (lambda: Screen(0), "most"),
        (lambda: Transported(0), "share"),
        (lambda: Extrapolated(0), "every"),
        (lambda: Foreseen(1), "machines"),
        (lambda: NaturalGradient(0), "most 0"),
        (lambda: method(step=Reposition(), surrogate=LogLikelihood()), "uses them once"),
        (lambda: method(step=NaturalGradient(), surrogate=Clipped(), epochs=2), "epochs must be 1"),
        (lambda: method(step=Transported(), surrogate=Clipped(), epochs=2), "epochs must be 1"),
    ],
)
def test_impossible_steps_are_refused(make: Callable[[], Any], reason: str) -> None:
    """At construction, in one line."""
    with pytest.raises(ValueError, match=reason):
        make()
