"""Online problems: continuous decisions, simulation, and a policy as the answer."""

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from child_solvers import Plain
from torch import Generator, Tensor, nn

from nco.core.batch import Batch
from nco.core.case import Case
from nco.core.decisions import Decision, Dirichlet, Exact, Joint, Normal
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import AdditiveProblem, Features, Observation
from nco.core.rollout import greedy, rollout, sample
from nco.core.schema import Amounts, Schema, columns
from nco.core.seeds import generator
from nco.problems.tsp import TSP
from nco.solving import simulate as simulation
from nco.testing import check_problem

PRICE, COST, DAYS = 3.0, 1.0, 4


@dataclass(frozen=True, eq=False)
class Days(Batch):
    demand: Tensor  # [B, T] uniform in [0, 1], revealed a day at a time


@dataclass(frozen=True, eq=False)
class Day(Batch):
    day: Tensor  # [B, S] long
    seen: Tensor  # [B, S] the last demand
    step_cost: Tensor  # [B, S] of the last day


class Newsvendor(AdditiveProblem[Days, Day]):
    """Buy papers every morning; what is not sold is lost. The optimum is known."""

    schema: ClassVar[Schema] = Schema(
        nodes=columns("news"), context=columns("day", "last_demand"), amounts=(Amounts.ONE,)
    )
    continuous = True

    def generate(self, batch: int, generator: Generator) -> Days:
        return Days(torch.rand(batch, DAYS, generator=generator))

    def traces(self, case: Case, count: int, generator: Generator) -> Days:
        return self.generate(count, generator)

    def mask_future(self, instance: Days, steps: int) -> Days:
        days = torch.arange(DAYS)
        return Days(instance.demand * (days < steps))

    def features(self, instance: Days) -> Features:
        return Features(torch.ones(len(instance), 1, 1))

    def reset(self, instance: Days, rollouts: int) -> Day:
        zero = torch.zeros(len(instance), rollouts)
        return Day(zero.long(), zero, zero)

    def observe(self, instance: Days, state: Day) -> Observation:
        mask = torch.ones(*state.day.shape, 1, dtype=torch.bool)
        context = torch.stack([state.day / DAYS, state.seen], -1)
        return Observation(mask, state.day[..., None][..., :0], context)

    def step(self, instance: Days, state: Day, action: Tensor) -> Day:
        over = self.done(instance, state)
        demand = instance.demand.gather(1, state.day.clamp_max(DAYS - 1))
        bought = action[..., 0].clamp_min(0.0)
        paid = (COST * bought - PRICE * torch.minimum(bought, demand)).masked_fill(over, 0.0)
        return Day(
            torch.where(over, state.day, state.day + 1),
            torch.where(over, state.seen, demand),
            paid,
        )

    def done(self, instance: Days, state: Day) -> Tensor:
        return state.day >= DAYS

    def step_cost(self, instance: Days, state: Day) -> Tensor:
        return state.step_cost

    def measures(self, instance: Days, actions: Tensor) -> dict[str, Tensor]:
        sold = torch.minimum(actions[..., 0], instance.demand[:, None])
        return {"service_level": sold.sum(-1) / instance.demand.sum(-1, keepdim=True)}

    def horizon(self, instance: Days) -> tuple[int, int]:
        return DAYS, DAYS

    def solution(self, instance: Days, actions: Tensor) -> list[Any]:
        return actions[..., 0].tolist()

    def actions(self, instance: Days, solutions: Any) -> Tensor:
        return torch.tensor(solutions)[..., None]


class Constant(Policy):
    """One number every morning, which is learned."""

    def __init__(self, amount: float = 0.2) -> None:
        super().__init__(["nodes", "context"])
        self.amount = amount

    def make_layers(self, schema: Schema) -> None:
        self.level = nn.Parameter(torch.tensor(self.amount))

    def encode(self, features: Features) -> None:
        return None

    def decide(
        self, memory: None, observation: Observation, condition: Tensor | None = None
    ) -> Decision:
        return Exact(self.level.expand(observation.mask.shape))


class Clairvoyant(Newsvendor):
    """Shows today's demand before papers are bought."""

    def observe(self, instance: Days, state: Day) -> Observation:
        seen = super().observe(instance, state)
        demand = instance.demand.gather(1, state.day.clamp_max(DAYS - 1))
        context = torch.stack([seen.context[..., 0], demand], -1)
        return Observation(seen.mask, seen.focus, context)


class Miscounting(Newsvendor):
    """Its step costs leave out the first day, its cost does not."""

    def step_cost(self, instance: Days, state: Day) -> Tensor:
        return state.step_cost * (state.day > 1)

    def cost(self, instance: Days, actions: Tensor) -> Tensor:
        bought = actions[..., 0].clamp_min(0.0)
        sold = torch.minimum(bought, instance.demand[:, None])
        return (COST * bought - PRICE * sold).sum(-1)


def test_a_continuous_problem_keeps_the_contract() -> None:
    """Step costs add up, and observations do not look ahead."""
    ran = check_problem(Newsvendor)
    assert set(ran) >= {"step_costs_sum_to_cost", "observations_do_not_look_ahead"}


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (Clairvoyant, "what is observed at step 0 depends on what is revealed after step 0"),
        (Miscounting, "the step costs do not sum to the cost"),
    ],
)
def test_a_broken_online_problem_hears_where(problem: type[Newsvendor], sentence: str) -> None:
    """Each broken promise of an online problem is a sentence."""
    with pytest.raises(AssertionError, match=sentence):
        check_problem(problem)


def test_simulation_finds_the_expected_cost() -> None:
    """E[c x - p min(x, U)] = c x - p (x - x^2 / 2) a day, within four standard errors."""
    policy = Constant(0.5).build(Newsvendor.schema)
    case = Plain()
    found = simulation.simulate(Newsvendor(), policy, case, traces=4000, together=1500, seed=3)
    expected = DAYS * (COST * 0.5 - PRICE * (0.5 - 0.125))
    assert found.traces == 4000
    assert abs(found.cost - expected) < 4 * found.cost_standard_error
    assert 0 < found.cost_standard_error < 0.02
    assert found.errors["service_level"] > 0
    again = simulation.simulate(Newsvendor(), policy, case, traces=4000, together=1500, seed=3)
    assert torch.equal(found.costs, again.costs)
    other = simulation.simulate(Newsvendor(), policy, case, traces=100, seed=4)
    assert not torch.equal(found.costs[:100], other.costs)


def test_a_deadline_leaves_fewer_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time means fewer futures, at least two."""
    policy, case = Constant().build(Newsvendor.schema), Plain()

    def traces(seconds: float) -> int:
        deadline = time.perf_counter() + seconds
        found = simulation.simulate(Newsvendor(), policy, case, traces=10_000, deadline=deadline)
        return found.traces

    assert traces(-1.0) == simulation.SAMPLING.few
    assert traces(60.0) == 10_000
    real, clock = rollout, [0.0]

    def slow(problem: Any, policy: Any, instance: Any, *others: Any, **more: Any) -> Any:
        clock[0] += 0.01 * len(instance)  # seconds a trace
        return real(problem, policy, instance, *others, **more)

    monkeypatch.setattr(simulation, "rollout", slow)
    monkeypatch.setattr(simulation.time, "perf_counter", lambda: clock[0])
    found = simulation.simulate(Newsvendor(), policy, case, traces=10_000, deadline=5.0)
    assert 400 < found.traces <= 500


def test_the_pathwise_gradient_finds_the_newsvendor_quantile() -> None:
    """The optimum buys the quantile 1 - c / p = 2 / 3; the cost is differentiable."""
    policy = Constant(0.2).build(Newsvendor.schema)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)
    problem = Newsvendor()
    for step in range(120):
        instance = problem.generate(512, generator(step))
        played = rollout(problem, policy, instance, 1, greedy, logp=False)
        assert played.step_costs is not None
        assert played.step_costs.shape == (512, 1, DAYS)
        optimizer.zero_grad()
        played.cost.mean().backward()
        optimizer.step()
    assert policy.level.item() == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_traces_are_refused(count: int) -> None:
    """A standard error needs two."""
    policy = Constant().build(Newsvendor.schema)
    with pytest.raises(NCOError, match=f"at least 2, .* not {count}"):
        simulation.simulate(Newsvendor(), policy, Plain(), traces=count)


def test_only_online_problems_are_simulated() -> None:
    """A problem without chance is refused by name."""
    policy = Constant().build(Newsvendor.schema)
    case = TSP(5).cases(TSP(5).generate(1, generator(0)))[0]
    with pytest.raises(NCOError, match="tsp is not an online problem"):
        simulation.simulate(TSP(5), policy, case)


def draws(decision: Decision) -> Tensor:
    return decision.sample(generator(5))


def test_normal_equals_torch() -> None:
    """Densities and entropies are those of torch's own distribution."""
    mean = torch.tensor([[[0.0, 2.0, -1.0]]], requires_grad=True)
    std = torch.tensor([[[1.0, 0.5, 3.0]]])
    decision = Normal(mean, std)
    reference = torch.distributions.Normal(mean, std)
    action = draws(decision)
    assert not action.requires_grad
    assert torch.allclose(decision.log_prob(action), reference.log_prob(action).sum(-1))
    assert torch.allclose(decision.entropy(), reference.entropy().sum(-1))
    assert torch.equal(decision.mode(), mean)
    many = Normal(torch.full((1, 20000, 1), 2.0), torch.full((1, 20000, 1), 0.5))
    assert draws(many).mean().item() == pytest.approx(2.0, abs=0.02)
    assert draws(many).std().item() == pytest.approx(0.5, abs=0.02)


def test_parts_that_do_not_exist_have_no_density() -> None:
    """A padded part changes no log-probability."""
    exists = torch.tensor([[[True, False]]])
    two = torch.zeros(1, 1, 2), torch.ones(1, 1, 2)
    one = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    action = torch.tensor([[[0.3, 9.0]]])
    assert torch.equal(
        Normal(*two, exists).log_prob(action), Normal(*one).log_prob(action[..., :1])
    )
    assert torch.equal(Normal(*two, exists).entropy(), Normal(*one).entropy())


def test_dirichlet_equals_torch() -> None:
    """Densities, entropies and means are those of torch's own distribution."""
    alpha = torch.tensor([[[0.5, 2.0, 4.0]]]).expand(1, 5000, 3)
    decision, reference = Dirichlet(alpha), torch.distributions.Dirichlet(alpha)
    action = draws(decision)
    assert torch.allclose(action.sum(-1), torch.ones(1, 5000))
    assert torch.allclose(decision.log_prob(action), reference.log_prob(action), atol=1e-4)
    assert torch.allclose(decision.entropy(), reference.entropy(), atol=1e-5)
    assert torch.allclose(decision.mode(), reference.mean)
    assert torch.allclose(action.mean(1), reference.mean[:, 0], atol=0.02)


def test_joint_decisions_add_their_densities() -> None:
    """Log-probabilities and entropies of parts are added."""
    alpha, mean, std = torch.ones(2, 3, 4), torch.zeros(2, 3, 1), torch.ones(2, 3, 1)
    shares, amount = Dirichlet(alpha), Normal(mean, std)
    decision = Joint([shares, amount], [4, 1])
    action = draws(decision)
    assert action.shape == (2, 3, 5)
    together = shares.log_prob(action[..., :4]) + amount.log_prob(action[..., 4:])
    assert torch.allclose(decision.log_prob(action), together)
    assert torch.allclose(decision.entropy(), shares.entropy() + amount.entropy())
    assert decision.mode().shape == (2, 3, 5)
    assert torch.allclose(decision.mode()[..., :4], torch.full((2, 3, 4), 0.25))


def test_an_exact_decision_keeps_its_gradient_only_in_its_mode() -> None:
    """A sample has none, and its log-probability is zero."""
    amount = torch.ones(1, 1, 2, requires_grad=True)
    decision = Exact(amount)
    assert decision.mode().requires_grad
    assert not decision.sample().requires_grad
    assert torch.equal(decision.log_prob(decision.sample()), torch.zeros(1, 1))
    assert math.isclose(float(decision.entropy()), 0.0)


def test_samples_of_a_continuous_rollout_have_one_density_a_step() -> None:
    """Rollout and score agree on them."""

    class Noisy(Constant):
        def decide(
            self, memory: None, observation: Observation, condition: Tensor | None = None
        ) -> Decision:
            mean = self.level.expand(observation.mask.shape)
            return Normal(mean, torch.full_like(mean, 0.1))

    policy = Noisy().build(Newsvendor.schema)
    instance = Newsvendor().generate(2, generator(0))
    played = rollout(Newsvendor(), policy, instance, 3, sample(generator(1)))
    assert played.logp is not None
    assert played.actions.shape == (2, 3, DAYS, 1)
    assert played.logp.shape == (2, 3, DAYS)
