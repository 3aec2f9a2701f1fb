"""Sources: what they play, keep, choose and ask a search for."""

import itertools
import math

import pytest
import torch
from family_runs import attached, collecting, method, updates

from nco.core.rollout import sample
from nco.core.seeds import generator
from nco.models.policy_gradient.advantages import Best, Standardised
from nco.models.policy_gradient.chosen import Mixture, Screened, Thinned, most_varied, moved
from nco.models.policy_gradient.experts import Expert, Guided, Improved
from nco.models.policy_gradient.group import Rollouts, scored
from nco.models.policy_gradient.kept import Replay, Stale
from nco.models.policy_gradient.sources import Fresh, Source, Tempered
from nco.models.policy_gradient.surrogates import Clipped, Pairwise, Truncated, ratio
from nco.models.policy_gradient.trees import Branched, Distinct
from nco.problems.cvrp import CVRP
from nco.problems.tsp import TSP


def only(groups: list[Rollouts]) -> Rollouts:
    (kept,) = groups
    return kept


def own_ratios(source: Source) -> torch.Tensor:
    """Of the groups of a source, by the policy that it was given."""
    source, trained = attached(source)
    found = [
        ratio(scored(trained.problem, trained.policy, kept), kept).flatten()
        for kept in source.collect(collecting(trained))
    ]
    return torch.cat(found)


@pytest.mark.parametrize(
    "source",
    [Fresh(4), Fresh(None, True), Distinct(4), Branched(4), Expert(), Improved(), Guided()],
    ids=lambda one: type(one).__name__,
)
def test_own_rollouts_have_ratio_one(source: Source) -> None:
    """What a source says of its rollouts is what the policy says when it is asked again."""
    torch.testing.assert_close(own_ratios(source), torch.ones_like(own_ratios(source)))


def test_wrong_probabilities_are_noticed() -> None:
    """Old log-probabilities that are log 2 too large give ratios of one half."""
    source, trained = attached(Fresh(4))
    kept = only(source.collect(collecting(trained)))
    wrong = kept.map(lambda tensor: tensor)
    wrong = Rollouts(**{**wrong.__dict__, "logp": kept.logp + math.log(2)})
    found = ratio(scored(trained.problem, trained.policy, kept), wrong)
    torch.testing.assert_close(found, torch.full_like(found, 0.5))


def test_tempered_rollouts_carry_their_own_probabilities() -> None:
    """Hot ones are less likely by the policy than by who played; at temperature 1 all agree."""
    even = own_ratios(Tempered(1.0, 1.0, 4))
    torch.testing.assert_close(even, torch.ones_like(even))
    assert (own_ratios(Tempered(2.0, 4.0, 4)) - 1).abs().max() > 0.05


def test_a_pool_recurs() -> None:
    """Two blocks: their instances are the same whenever they come, and numbered."""
    source, trained = attached(Fresh(2, pool=16))
    seen: dict[int, torch.Tensor] = {}
    for step in range(12):
        kept = only(source.collect(collecting(trained, 8, step)))
        assert kept.index is not None
        first = int(kept.index[0])
        known = seen.setdefault(first, kept.instance.coords)
        assert torch.equal(known, kept.instance.coords)
    assert set(seen) == {0, 8}
    assert not torch.equal(seen[0], seen[8])
    with pytest.raises(ValueError, match="a pool of 16 is smaller than a batch of 32"):
        source.collect(collecting(trained, 32))


def test_age_zero_is_synchronous() -> None:
    """Bit for bit the run without a delay."""
    parts = {"surrogate": Truncated()}
    plain = method(source=Fresh(4), **parts)
    delayed = method(source=Stale(Fresh(4), age=0), **parts)
    assert updates(plain, 4) == updates(delayed, 4)


def test_stale_groups_come_late() -> None:
    """With age 2 the fifth collection hands out the third group, played by an older policy."""
    trained = method(source=Stale(Fresh(4), age=2), surrogate=Clipped())
    ages = []
    for _ in range(5):
        updates(trained, 1)
        ages.append(int(trained.groups()[0].age[0]))
    assert ages == [0, 1, 0, 1, 2]


@pytest.mark.parametrize("choose", ["best", "recent", "random", "variance"])
def test_replay_keeps_what_it_should(choose: str) -> None:
    """Of 12 rollouts in three visits four are kept: the cheapest, the newest, both ends, or any."""
    replay = Replay(Fresh(4, pool=8), choose=choose, keep=4)
    source, trained = attached(replay)
    costs, groups = [], []
    for step in range(3):
        groups = source.collect(collecting(trained, 8, step))
        costs.append(groups[0].cost)
    assert [len(part) for part in groups] == [8, 8]  # the second from what was kept
    assert replay.buffer is not None
    kept = replay.buffer["cost"]
    every = torch.cat(costs, 1)
    for row in range(8):
        distinct = torch.tensor(sorted(set(every[row].tolist())))
        mine = kept[row].sort().values
        assert bool(torch.isin(mine, distinct).all())
        if choose == "best":
            assert torch.equal(mine, distinct[:4])
        if choose == "variance":
            torch.testing.assert_close(mine, torch.cat([distinct[:2], distinct[-2:]]))
        if choose == "recent":
            newest = set(costs[-1][row].tolist())
            assert newest <= set(mine.tolist())


def test_replayed_rollouts_are_those_that_were_played() -> None:
    """Their ratios, by the same policy, are one, and their costs the problem's."""
    source, trained = attached(Replay(Fresh(6, pool=8), keep=3, choose="recent"))
    for step in range(3):
        groups = source.collect(collecting(trained, 8, step))
    old = groups[1]
    found = ratio(scored(trained.problem, trained.policy, old), old)
    torch.testing.assert_close(found, torch.ones_like(found))
    torch.testing.assert_close(old.cost, trained.problem.cost(old.instance, old.actions))


def test_old_rollouts_are_not_replayed() -> None:
    """Beyond the bound on their age the fresh group is alone."""
    source, trained = attached(Replay(Fresh(4, pool=8), keep=4, age=5))
    source.collect(collecting(trained, 8, 0))
    assert len(source.collect(collecting(trained, 8, 4))) == 2
    assert len(source.collect(collecting(trained, 8, 50))) == 1


def test_a_large_buffer_lies_in_a_file() -> None:
    """Beyond `memory` it is memory-mapped, with the same content."""
    found = []
    for memory in (512, 0):
        replay = Replay(Fresh(4, pool=8), keep=4, memory=memory)
        source, trained = attached(replay)
        for step in range(2):
            source.collect(collecting(trained, 8, step))
        assert replay.buffer is not None
        assert replay.buffer.is_memmap() == (memory == 0)
        found.append(replay.buffer["cost"].clone())
    assert torch.equal(found[0], found[1])


def test_replay_pads_routes_of_several_lengths() -> None:
    """Vehicle routes have different numbers of steps: all are kept at the longest."""
    from family_runs import Counted, network

    trained = Counted(
        CVRP(6), network(), source=Replay(Fresh(4, pool=8), keep=4), surrogate=Pairwise()
    )
    updates(trained, 3)
    assert len(trained.groups()) == 2


def test_screening_takes_the_undecided() -> None:
    """The instances that are played are those of the drawn with the greatest difference."""
    source, trained = attached(Screened(Fresh(4), factor=3))
    task = collecting(trained)
    kept = only(source.collect(task))
    drawn = trained.problem.generate(24, task.random("screened")).coords
    places = [int((drawn == one).all(-1).all(-1).nonzero()[0, 0]) for one in kept.instance.coords]
    assert len(set(places)) == 8
    assert places != list(range(8))


def test_thinning_is_the_greatest_variance() -> None:
    """Of six rollouts the three that vary most, by brute force."""
    values = torch.randn(20, 6, generator=generator("values"), dtype=torch.double)
    found = most_varied(values, 3)
    for row, places in zip(values, found, strict=True):
        best = max(itertools.combinations(range(6), 3), key=lambda c: float(row[list(c)].var()))
        assert places.tolist() == list(best)


def test_thinned_rollouts_keep_their_advantages() -> None:
    """They are those among all eight; and of the steps a share is left."""
    trained = method(
        source=Thinned(Fresh(8), keep=4, steps=0.25), advantage=Standardised(), surrogate=Clipped()
    )
    updates(trained, 1)
    kept = trained.groups()[0]
    assert kept.cost.shape == (8, 4)
    assert kept.advantage is not None
    share = (kept.advantage != 0).float().mean()
    assert 0.2 <= float(share) <= 0.3
    assert kept.advantage.abs().max() <= 8**0.5


def test_a_mixture_turns_to_what_is_bad() -> None:
    """Weights sum to one; without a rate they stay even, else the worse family gains."""
    even = torch.full((3,), 1 / 3, dtype=torch.double)
    torch.testing.assert_close(moved(even, 1, 0.4, rate=0.0, least=0.2), even)
    found = moved(even, 1, 0.4, rate=1.0, least=0.2)
    assert float(found.sum()) == pytest.approx(1)
    assert found[1] > found[0] == found[2] >= 0.2 / 3
    mixture = Mixture([TSP(5), TSP(7)], [2.0, 2.0], Fresh(4), rate=0.5)
    trained = method(source=mixture)
    lengths = set()
    for _ in range(12):
        updates(trained, 1)
        lengths.add(trained.groups()[0].actions.shape[2])
    assert lengths == {5, 7}
    assert mixture.weights[1] > mixture.weights[0]  # longer tours, the same reference


def test_a_mixture_has_one_class() -> None:
    """Families of another problem are refused."""
    with pytest.raises(ValueError, match="the trained problem is TSP, a family is CVRP"):
        method(source=Mixture([TSP(5), CVRP(5)], [1.0, 1.0]))


@pytest.mark.parametrize("kind", [Expert, Improved])
def test_a_search_adds_a_better_solution(kind: type[Source]) -> None:
    """A fifth rollout, no dearer than the best, a permutation, at its price."""
    source, trained = attached(kind(Fresh(4)), size=9)
    kept = only(source.collect(collecting(trained)))
    assert kept.cost.shape == (8, 5)
    assert bool((kept.cost[:, 4] <= kept.cost[:, :4].amin(1) + 1e-5).all())
    assert bool((kept.actions.sort(2).values == torch.arange(9)).all())
    torch.testing.assert_close(kept.cost, trained.problem.cost(kept.instance, kept.actions))


def test_an_expert_weighs_more() -> None:
    """By its weight, the others once."""
    source, trained = attached(Expert(Fresh(4), weight=3.0))
    kept = only(source.collect(collecting(trained)))
    assert kept.weight is not None
    assert kept.weight[0].tolist() == [1.0, 1.0, 1.0, 1.0, 3.0]


def test_guidance_without_shares_is_the_source() -> None:
    """Bit for bit."""
    assert updates(method(source=Fresh(4)), 3) == updates(method(source=Guided(Fresh(4), ())), 3)


def test_guidance_opens_only_where_all_fail() -> None:
    """With room enough no instance fails; with none, all but the solved are played again."""
    source, trained = attached(Guided(Fresh(4), near=100.0))
    kept = only(source.collect(collecting(trained)))
    assert int(kept.given.max()) == 0
    source, trained = attached(Guided(Fresh(2), near=1e-6), size=12)
    groups = source.collect(collecting(trained))
    assert sum(len(part) for part in groups) == 8
    given = {int(part.given.max()) for part in groups}
    assert given <= {0, 3, 6, 9}
    assert given & {3, 6, 9}
    weights = [part.weight.mean() * 8 / len(part) for part in groups if part.weight is not None]
    assert all(float(weight) == pytest.approx(1) for weight in weights)


def test_given_steps_have_no_gradient() -> None:
    """Probabilities of an expert's first steps are not learned."""
    source, trained = attached(Guided(Fresh(2), shares=(0.5,), near=1e-6), size=12)
    groups = source.collect(collecting(trained))
    behind = next(part for part in groups if int(part.given.max()))
    assert behind.logp.shape[2] == 6
    assert bool(behind.own.all())


def test_a_problem_without_a_search_is_refused() -> None:
    """With what its folder has instead."""
    from nco.problems.knapsack import Knapsack

    with pytest.raises(ValueError, match="knapsack has no compiled search : it has none"):
        Expert().attach(Knapsack(5), None, 0)


def test_branches_share_their_trunk() -> None:
    """All rollouts of an instance begin alike, for as long as was given."""
    source, trained = attached(Branched(4, late=0.5))
    lengths = set()
    for step in range(8):
        kept = only(source.collect(collecting(trained, 4, step)))
        given = int(kept.given[0, 0])
        first = kept.actions[:, :1, :given].expand(-1, 4, -1)
        assert torch.equal(kept.actions[:, :, :given], first)
        lengths.add(given)
    assert lengths == {3, 4, 5}


def test_distinct_rollouts_are_distinct() -> None:
    """All 24 tours of four nodes, each once; of a wider beam the rest has weight 0."""
    source, trained = attached(Distinct(30), size=4)
    kept = only(source.collect(collecting(trained, 3)))
    assert kept.weight is not None
    for row in range(3):
        real = kept.actions[row][kept.weight[row] > 0].tolist()
        assert len(real) == 24
        assert len({tuple(tour) for tour in real}) == 24


def test_the_first_distinct_rollout_is_a_sample() -> None:
    """The largest Gumbel number is an ordinary sample: shares of tours agree with probabilities."""
    source, trained = attached(Distinct(3), size=3)
    count = 3000
    instance = trained.problem.generate(1, generator("one"))
    many = instance[torch.zeros(count, dtype=torch.long)]
    task = collecting(trained)
    task = type(task)(**{**task.__dict__, "instance": many, "generator": generator("draw")})
    kept = only(source.collect(task))
    first = kept.actions[:, 0]
    plain = task.play(1, select=sample(generator("plain"))).actions[:, 0]
    for tour in itertools.permutations(range(3)):
        mine = (first == torch.tensor(tour)).all(1).float().mean()
        theirs = (plain == torch.tensor(tour)).all(1).float().mean()
        assert float(mine) == pytest.approx(float(theirs), abs=0.04)


def test_self_labelling_learns_from_distinct_rollouts() -> None:
    """The loss is the negative log-likelihood of the cheapest of an instance."""
    trained = method(source=Distinct(6), advantage=Best())
    (loss,) = updates(trained, 1)
    kept = trained.groups()[0]
    best = kept.cost.argmin(1)
    logp = kept.logp.sum(2)[torch.arange(8), best]
    assert loss == pytest.approx(float(-logp.mean() / 6), rel=1e-4)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Fresh(0), "rollouts"),
        (lambda: Replay(keep=1), "keep at least 2"),
        (lambda: Stale(age=-1), "age"),
        (lambda: Screened(factor=1), "factor"),
        (lambda: Thinned(keep=0), "keep"),
        (lambda: Mixture([TSP(5)], [1.0]), "at least 2 families"),
        (lambda: Guided(shares=(0.5, 0.25)), "shares must rise"),
        (lambda: Expert(weight=0), "weight"),
        (lambda: Improved(count=0), "count"),
        (lambda: Branched(1), "rollouts"),
        (lambda: Distinct(1), "rollouts"),
        (lambda: Tempered(2.0, 1.0), "coolest"),
    ],
)
def test_impossible_sources_are_refused(make: object, reason: str) -> None:
    """At construction, in one line."""
    assert callable(make)
    with pytest.raises(ValueError, match=reason):
        make()
