"""The graph network over what remains to be scheduled."""

import pytest
import torch

from nco.core.defaults import resize
from nco.core.errors import NCOError
from nco.core.rollout import Interrupted, greedy, rollout, sample
from nco.core.schema import Schema, columns
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.imitation import Imitation
from nco.models.nets import DisjunctivePolicy
from nco.models.nets.disjunctive import allowed, along, picked, remaining, soon
from nco.models.poppy import Poppy
from nco.models.reinforce import Reinforce
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP
from nco.registry import folder_of
from nco.search.beam import beam_search
from nco.search.budget import Budget
from nco.search.dispatch import AT_ONCE, _played, dispatch, greedy_pick
from nco.search.task import Task
from nco.zoo.weights import load

SMALL = {"width": 16, "layers": 2}
SHOPS = [JSSP(size=4), FJSP(size=4), FFSP(size=4, stages=2, machines=2)]


def policy(problem) -> DisjunctivePolicy:
    torch.manual_seed(0)
    return DisjunctivePolicy(**SMALL).build(problem.schema)


def test_what_remains_of_a_tiny_shop() -> None:
    """By hand: 0 1 | 1 0, and the first operation of the first job is done."""
    problem = JSSP(size=2)
    case = problem.published(2, 1, 0)[0]
    instance = problem.load([case])
    state = problem.step(instance, problem.reset(instance, 1), torch.zeros(1, 1, dtype=torch.long))
    graph = remaining(problem.features(instance), problem.observe(instance, state))
    machines = torch.tensor(case.machines).flatten()
    assert graph.nodes.tolist() == [[1, 2, 3]]
    assert graph.kinds.tolist() == [0, 0, 1, 1]
    assert graph.members[0, :2].tolist() == [[1, 0, 0], [0, 1, 1]]
    for machine in range(2):
        assert graph.members[0, 2 + machine].tolist() == (machines[1:] == machine).tolist()
    assert graph.after[0, :, 0].tolist() == [3, 2, 3]  # 3 is nowhere
    assert graph.before[0, :, 0].tolist() == [3, 3, 1]


@pytest.mark.parametrize("problem", SHOPS)
def test_lookahead_takes_the_next_operations_of_each_job(problem) -> None:
    """Against a count along each job; with as many as there are, nothing changes."""
    instance = problem.generate(3, generator(4))
    _, jobs, most, wide = instance.exists.shape
    state, random = problem.reset(instance, 2), generator(5)
    features, net = problem.features(instance), policy(problem)
    far = DisjunctivePolicy(**SMALL, lookahead=most).build(problem.schema)
    far.load_state_dict(net.state_dict())
    short = DisjunctivePolicy(**SMALL, lookahead=2).build(problem.schema)
    short.load_state_dict(net.state_dict())
    for _ in range(5):
        seen = problem.observe(instance, state)
        near = soon(seen.alive, features.follows[..., 1], 2).view(3, 2, jobs, most, wide)
        place = torch.arange(most)
        wanted = (place >= state.taken[..., None]) & (place < state.taken[..., None] + 2)
        assert torch.equal(near, wanted[..., None] & instance.exists[:, None])
        scores = net.decide(features, seen).log_probs
        assert torch.equal(far.decide(features, seen).log_probs, scores)
        less = not torch.equal(near.flatten(2), seen.alive)
        assert torch.equal(short.decide(features, seen).log_probs, scores) != less
        state = problem.step(instance, state, sample(random)(net.decide(features, seen), 0))


def test_neighbours_are_averaged() -> None:
    """Where there is no neighbour, the mean is zero."""
    h = torch.arange(6.0).view(1, 3, 2)
    places = torch.tensor([[[1, 2], [0, 3], [3, 3]]])
    assert along(h, places).tolist() == [[[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]]]


@pytest.mark.parametrize("problem", SHOPS)
def test_rollouts_alone_and_together(problem) -> None:
    """The same decisions in a batch of other sizes and stages, and alone."""
    net = policy(problem)
    first, second = (resize(problem, n).generate(1, generator(n)) for n in (3, 5))
    cases = [*problem.cases(first), *problem.cases(second)]
    with torch.no_grad():
        both = rollout(problem, net, problem.load(cases), 1, greedy).cost[:, 0]
        alone = [
            rollout(problem, net, problem.load([case]), 1, greedy).cost[0, 0] for case in cases
        ]
    assert both.tolist() == [float(cost) for cost in alone]


def test_jobs_and_machines_have_no_numbers() -> None:
    """Another order of jobs and other names of machines give the same schedule."""
    problem = JSSP(size=5)
    instance = problem.generate(1, generator(3))
    net = policy(problem)
    other = problem.load(
        [
            type(case)(machines=(case.machines[::-1] + 2) % 5, durations=case.durations[::-1])
            for case in problem.cases(instance)
        ]
    )
    with torch.no_grad():
        memory, state = problem.features(instance), problem.reset(instance, 1)
        ours = net.decide(memory, problem.observe(instance, state)).log_probs
        theirs = net.decide(
            problem.features(other), problem.observe(other, problem.reset(other, 1))
        ).log_probs
    flipped = theirs.view(5, 5).flip(0)
    assert torch.allclose(ours.view(5, 5).exp(), flipped.exp(), atol=1e-5)


def test_a_problem_without_sets_is_refused() -> None:
    """The network needs machines and jobs."""
    with pytest.raises(ValueError, match="sets"):
        DisjunctivePolicy().build(Schema(nodes=columns("time")))


@pytest.mark.long
def test_imitation_learns_to_dispatch() -> None:
    """From proven optima of a few shops the loss falls, and schedules become shorter."""
    from nco.workers import lanes

    problem = JSSP(size=4)
    instance = problem.generate(12, generator(7))
    cases = problem.cases(instance)
    found = [lanes.run(case, "cpsat", time_limit=5.0).solution for case in cases]
    actions = problem.actions(instance, found)[:, None]
    labels = Labelled(instance, actions, problem.cost(instance, actions))
    method = Imitation(problem, DisjunctivePolicy(**SMALL), views=1, cuts=4)
    method.log = lambda *arguments, **options: None
    optimizer = torch.optim.Adam(method.policy.parameters(), 5e-3)
    with torch.no_grad():
        before = rollout(problem, method.policy, instance, 1, greedy).cost.mean()
    losses = []
    for step in range(24):
        loss = method.loss(labels, generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    with torch.no_grad():
        after = rollout(problem, method.policy, instance, 1, greedy).cost.mean()
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])
    assert after < before
    assert after >= labels.cost.mean()


def test_policy_gradients_reach_all_weights() -> None:
    """Only weights that no instance of the batch uses have no gradient."""
    problem = FJSP(size=3)
    method = Reinforce(problem, DisjunctivePolicy(**SMALL), rollouts=4)
    method.log = lambda *arguments, **options: None
    method.loss(problem.generate(3, generator(1)), generator(2)).backward()
    some = [name for name, p in method.policy.named_parameters() if p.grad is not None]
    idle = {name for name, _ in method.policy.named_parameters()} - set(some)
    assert not idle, idle


@pytest.mark.long
def test_a_beam_is_better_than_its_one_path() -> None:
    """With the shipped network."""
    model = load("gnn-jssp")
    instance = resize(model.problem, 6).generate(8, generator(9))
    with torch.no_grad():
        _, one = beam_search(Task(model.problem, model.policy, instance), 1)
        actions, many = beam_search(Task(model.problem, model.policy, instance), 8)
    assert torch.equal(model.problem.cost(instance, actions), many)
    assert many.amin(1).mean() < one[:, 0].mean()


def test_scoring_what_is_allowed_is_scoring_everything() -> None:
    """The last round tells only the nodes that may come next, and they hear the same."""
    problem = FJSP(size=4)
    instance = problem.generate(3, generator(2))
    net = policy(problem)
    observation = problem.observe(instance, problem.reset(instance, 2))
    graph = remaining(problem.features(instance), observation)
    h = torch.randn(6, graph.nodes.shape[1], 16)
    sets = torch.randn(6, graph.members.shape[1], 16)
    asked = allowed(graph, observation)
    with torch.no_grad():
        every, _ = net.blocks[1](h, sets, graph)
        some, _ = net.blocks[1](h, sets, graph, asked)
    assert torch.allclose(picked(every, asked), some, atol=1e-5)
    mask = observation.mask.flatten(0, 1).gather(1, graph.nodes) & graph.exists
    assert asked.shape[1] == int(mask.sum(1).max())
    assert all(
        mask[r].nonzero()[:, 0].tolist() == sorted(asked[r, :n].tolist())
        for r, n in enumerate(mask.sum(1).tolist())
    )


def test_a_population_begins_as_clones_and_only_winners_learn() -> None:
    """Poppy on job shops: no starts, so a set is one rollout of every agent."""
    problem = JSSP(size=4)
    single = policy(problem)
    method = Poppy(problem, DisjunctivePolicy(**SMALL, agents=3))
    method.policy.begin_as(single)
    method.log = lambda *arguments, **options: None
    instance = problem.generate(4, generator(1))
    with torch.no_grad():
        wanted = rollout(problem, single, instance, 1, greedy).cost
        agents = torch.arange(3).expand(4, -1)
        found = rollout(problem, method.policy, instance, 3, greedy, condition=agents).cost
    assert torch.equal(found, wanted.expand(-1, 3))
    method.loss(instance[:1], generator(2)).backward()
    learned = {
        agent
        for agent, decoder in enumerate(method.policy.decoders)
        if any(bool(p.grad.any()) for p in decoder.parameters())
    }
    assert learned == method.learning
    assert len(learned) == 1
    assert bool(method.policy.enter.weight.grad.any())


def test_agents_score_for_themselves_and_can_be_kept() -> None:
    """An agent decides alone as it does among others."""
    problem = JSSP(size=4)
    torch.manual_seed(3)
    net = DisjunctivePolicy(**SMALL, agents=3).build(problem.schema)
    instance = problem.generate(2, generator(1))
    agents = torch.tensor([[2, 0, 1], [1, 1, 2]])
    observation = problem.observe(instance, problem.reset(instance, 3))
    features = problem.features(instance)
    with torch.no_grad():
        mixed = net.decide(features, observation, agents).log_probs
        for agent in range(3):
            own = net.keep([agent]).decide(features, observation).log_probs
            assert torch.equal(mixed[agents == agent], own[agents == agent])
    assert net.searches == ("population",)
    with pytest.raises(NCOError, match="3 decoders cannot be cloned to 2"):
        DisjunctivePolicy(**SMALL, agents=2).build(problem.schema).begin_as(net)
    net.freeze()
    assert next(name for name, p in net.named_parameters() if p.requires_grad).startswith(
        "decoders"
    )


@pytest.mark.long
@pytest.mark.parametrize("problem", SHOPS)
def test_several_actions_from_one_look_keep_the_rules(problem) -> None:
    """Every yield is a schedule that the checker finds to cost what it says, and an improvement."""
    net = policy(problem)
    cases = [case for n in (3, 5) for case in problem.cases(problem.generate(2, generator(n)))]
    instance = problem.load(cases)
    with torch.no_grad():
        found, again = (
            list(dispatch(Task(problem, net, instance), Budget(samples=40, seed=7)))
            for _ in range(2)
        )
    assert len(found) > len(AT_ONCE)
    assert torch.equal(found[-1].actions, again[-1].actions)
    costs = torch.stack([step.cost for step in found])
    assert (costs[1:] <= costs[:-1]).all()
    check = folder_of(problem).check.check
    for step in found:
        solutions = problem.solution(instance, step.actions)
        for case, solution, cost in zip(cases, solutions, step.cost.tolist(), strict=True):
            report = check(case, case.numbered(solution))
            assert report.feasible
            assert report.cost == cost


@pytest.mark.parametrize("problem", SHOPS)
def test_one_action_a_look_is_the_greedy_rollout_and_batches_change_nothing(problem) -> None:
    """Costs are equal, also of shops of other sizes."""
    net = policy(problem)
    cases = [case for n in (3, 5) for case in problem.cases(problem.generate(2, generator(n)))]
    instance = problem.load(cases)
    with torch.no_grad():
        ones = _played(Task(problem, net, instance), 1, 1, greedy_pick, Budget())
        assert torch.equal(ones.cost, rollout(problem, net, instance, 1, greedy).cost[:, 0])
        together = _played(Task(problem, net, instance), 1, 4, greedy_pick, Budget()).cost
        alone = [
            _played(Task(problem, net, problem.load([case])), 1, 4, greedy_pick, Budget()).cost
            for case in cases
        ]
    assert torch.equal(together, torch.cat(alone))


def test_fewer_looks_than_actions(monkeypatch) -> None:
    """Several actions are taken between two looks."""
    problem = JSSP(size=6)
    net, instance = policy(problem), problem.generate(1, generator(2))
    looks = []
    decide = net.decide
    monkeypatch.setattr(net, "decide", lambda *given: looks.append(1) or decide(*given))
    with torch.no_grad():
        _played(Task(problem, net, instance), 1, 4, greedy_pick, Budget())
    assert 36 / 4 <= len(looks) < 36 / 2
    with pytest.raises(Interrupted):
        _played(Task(problem, net, instance), 1, 4, greedy_pick, Budget(cancelled=lambda: True))
