"""Mixed-score attention between jobs and machines."""

import pytest
import torch

from nco.core.defaults import resize
from nco.core.rollout import greedy, rollout
from nco.core.schema import Schema, columns
from nco.core.seeds import generator
from nco.labels.store import Labelled
from nco.models.imitation import Imitation
from nco.models.nets import MatNetPolicy
from nco.models.nets.matnet import MixedScoreBlock, grid_of
from nco.models.reinforce import Reinforce
from nco.problems.ffsp import FFSP
from nco.problems.fjsp import FJSP
from nco.problems.jssp import JSSP

SMALL = {"width": 16, "layers": 2, "hidden": 32, "cell": 8, "ignore": ["follows"]}
SHOPS = [JSSP(size=4), FJSP(size=4), FFSP(size=4, stages=2, machines=2)]


def policy(problem) -> MatNetPolicy:
    torch.manual_seed(0)
    return MatNetPolicy(**SMALL).build(problem.schema)


def test_the_matrix_of_a_tiny_shop() -> None:
    """Two jobs, two stages of two machines; the first stage of job 0 is done."""
    problem = FFSP(size=2, stages=2, machines=2)
    instance = problem.generate(1, generator(0))
    state = problem.step(instance, problem.reset(instance, 1), torch.zeros(1, 1, dtype=torch.long))
    features = problem.features(instance)
    grid = grid_of(problem.schema, features, problem.observe(instance, state))
    assert grid.exists.tolist() == [[[False, False, True, True], [True] * 4]]
    assert torch.equal(grid.cells[0, 1, :, : features.nodes.shape[-1]], features.nodes[0, 4:])
    assert not grid.cells[0, 0, :2].any()


def test_a_cell_is_the_first_node_that_is_left() -> None:
    """A job that visits a machine twice."""
    problem = FJSP(size=1)
    case = problem.cases(problem.generate(1, generator(0)))[0]
    case = type(case)(name="twice", machines=2, work=[[[(0, 3)], [(1, 4)], [(0, 5)]]])
    instance = problem.load([case])
    features, state = problem.features(instance), problem.reset(instance, 1)
    for taken, nodes in ((0, [0, 1]), (1, [2, 1])):
        grid = grid_of(problem.schema, features, problem.observe(instance, state))
        width = features.nodes.shape[-1]
        assert torch.equal(grid.cells[0, 0, :, :width], features.nodes[0, nodes]), taken
        state = problem.step(instance, state, torch.full((1, 1), taken))


def test_what_a_row_hears() -> None:
    """One head: the softmax of dot products plus what the cells say, worked out by hand."""
    torch.manual_seed(1)
    block = MixedScoreBlock(width=4, heads=1, hidden=8, cell=3)
    block.requires_grad_(False)
    own, other, cells = torch.randn(1, 2, 4), torch.randn(1, 3, 4), torch.randn(1, 2, 3, 3)
    exists = torch.tensor([[[True, True, False], [True, True, True]]])
    found = block(own, other, cells, exists)
    for row in range(2):
        q = block.query(block.norm(own))[0, row]
        k, v = block.keys(block.norm_other(other))[0].chunk(2, -1)
        places = exists[0, row].nonzero()[:, 0].tolist()
        scores = [float(q @ k[m] / 2 + block.mix(cells[0, row, m])) for m in places]
        weights = torch.tensor(scores).softmax(0)
        heard = sum(
            w * torch.cat([v[m], cells[0, row, m]]) for w, m in zip(weights, places, strict=True)
        )
        one = own[0, row] + block.join(heard)
        assert torch.allclose(found[0, row], one + block.think(block.norm_heard(one)), atol=1e-5)


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


def test_jobs_have_no_numbers() -> None:
    """Another order of jobs gives the same probabilities in that order."""
    problem = FFSP(size=5)
    instance = problem.generate(1, generator(3))
    net = policy(problem)
    other = type(instance)(
        instance.duration.flip(1), instance.machine, instance.exists, instance.load
    )

    def chances(shop) -> torch.Tensor:
        observation = problem.observe(shop, problem.reset(shop, 1))
        return net.decide(problem.features(shop), observation).log_probs.exp().view(5, -1)

    with torch.no_grad():
        assert torch.allclose(chances(instance), chances(other).flip(0), atol=1e-5)


def test_a_problem_of_other_sets_is_refused() -> None:
    """The network needs two kinds of sets, and heads that divide its width."""
    with pytest.raises(ValueError, match="two kinds of sets"):
        MatNetPolicy().build(Schema(nodes=columns("time"), groups=("job",)))
    with pytest.raises(ValueError, match="divisible"):
        MatNetPolicy(width=10, heads=4)


@pytest.mark.long
def test_imitation_follows_good_schedules() -> None:
    """The loss on schedules of most work remaining falls."""
    from nco.problems._shop.plan import by_rule

    problem = FFSP(size=5)
    instance = problem.generate(12, generator(7))
    plans = [by_rule(case.work, "mwkr") for case in problem.cases(instance)]
    actions = problem.follow(instance, plans)[:, None]
    labels = Labelled(instance, actions, problem.cost(instance, actions))
    method = Imitation(problem, MatNetPolicy(**SMALL), views=1, cuts=4)
    method.log = lambda *arguments, **options: None
    optimizer = torch.optim.Adam(method.policy.parameters(), 1e-2)
    losses = []
    for step in range(24):
        loss = method.loss(labels, generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])


def test_policy_gradients_reach_all_weights() -> None:
    """Each parameter has a gradient."""
    problem = FFSP(size=3, stages=2, machines=2)
    method = Reinforce(problem, MatNetPolicy(**SMALL), rollouts=4)
    method.log = lambda *arguments, **options: None
    method.loss(problem.generate(3, generator(1)), generator(2)).backward()
    idle = {name for name, p in method.policy.named_parameters() if p.grad is None}
    assert not idle
