"""Asynchronous training: groups of actors, their age and their weights, and actors that die."""

import copy
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from cluster_nodes import ray_or_skip
from distant_players import Distant
from family_runs import Counted, attached, collecting, method, updates
from torch import Tensor

from nco.cluster.rollouts import Asynchronous
from nco.core.errors import NCOError
from nco.core.rollout import rollout
from nco.models.policy_gradient.advantages import Standardised
from nco.models.policy_gradient.chosen import Mixture, Thinned
from nco.models.policy_gradient.group import Rollouts, scored
from nco.models.policy_gradient.kept import Replay, Stale
from nco.models.policy_gradient.sources import Fresh, Source, Tempered
from nco.models.policy_gradient.surrogates import LogLikelihood, Truncated, ratio
from nco.problems.tsp import TSP

ray_or_skip()
pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.long]
PATIENCE = 120.0  # of a test; actors begin slowly on a busy machine


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As actors have: the order of a sum depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def distant(nodes: Any) -> Iterator[Callable[..., Asynchronous]]:
    """Makes sources with actors on two nodes, which end with the test."""
    nodes.resize(2)
    made: list[Asynchronous] = []

    def make(source: Source | None = None, **options: Any) -> Asynchronous:
        made.append(Asynchronous(source or Fresh(4), address=nodes.address, **options))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture(scope="module")
def playing(nodes: Any) -> Iterator[tuple[Asynchronous, Counted]]:
    """A source whose one actor always plays with the weights of the first step."""
    nodes.resize(2)
    source = Asynchronous(Fresh(4), address=nodes.address, every=1000)
    yield source, attached(source)[1]
    source.close()


def from_actor(source: Asynchronous, trained: Counted, step: int = 0) -> Rollouts:
    """The next group that the learner did not play itself."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        own = source.own
        (kept,) = source.collect(collecting(trained, step=step))
        if source.own == own:
            return kept
        time.sleep(0.05)
    raise AssertionError(f"no group within {PATIENCE} s")


def replayed(trained: Counted, policy: Any, kept: Rollouts) -> Tensor:
    """Log-probabilities ``[B, S, T]`` of the same actions, played step by step."""

    def select(decision: Any, step: int) -> Tensor:
        return kept.picks[:, :, step]

    with torch.no_grad():
        count = kept.cost.shape[1]
        played = rollout(trained.problem, policy, kept.instance, count, select)
    assert played.logp is not None
    assert torch.equal(played.actions, kept.actions)
    return played.logp


def test_weights_are_one_at_first_and_brute_force_ratios_later(
    playing: tuple[Asynchronous, Counted],
) -> None:
    """Exactly one while the policy is who played; else the quotient of both step by step."""
    source, trained = playing
    old = copy.deepcopy(trained.policy)
    kept = from_actor(source, trained)
    now = scored(trained.problem, trained.policy, kept)
    assert torch.equal(ratio(now, kept), torch.ones_like(kept.logp))
    with torch.no_grad():
        for weights in trained.policy.parameters():
            weights.add_(0.05 * torch.randn(weights.shape, generator=torch.Generator()))
    kept = from_actor(source, trained, step=3)
    now = scored(trained.problem, trained.policy, kept)
    found = ratio(now, kept)
    wanted = (replayed(trained, trained.policy, kept) - replayed(trained, old, kept)).exp()
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert (found - 1).abs().max() > 0.01
    assert source.staleness == 3
    assert kept.age is not None
    assert kept.age.tolist() == [0] * 8
    now.logp.retain_grad()
    judged = Rollouts(**{**kept.__dict__, "advantage": torch.ones_like(kept.logp)})
    Truncated(1.0)(now, judged).sum().backward()
    assert now.logp.grad is not None
    torch.testing.assert_close(now.logp.grad, wanted.clamp_max(1.0), atol=1e-4, rtol=1e-4)


def test_groups_that_are_too_old_are_dropped(
    playing: tuple[Asynchronous, Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And counted; the learner plays its instances itself instead."""
    source, trained = playing
    from_actor(source, trained)
    monkeypatch.setattr(source, "most", 9)
    own, until = source.own, time.monotonic() + PATIENCE
    while source.dropped < 3 and time.monotonic() < until:
        (kept,) = source.collect(collecting(trained, step=10))
        assert kept.age is not None
        assert kept.age.tolist() == [10] * 8
        time.sleep(0.05)
    assert source.figures()["dropped"] >= 3
    assert source.own >= own + 3


def test_training_goes_on_when_an_actor_is_killed(
    distant: Callable[..., Asynchronous], tmp_path: Any
) -> None:
    """Another one begins in its place; what it had is lost, is counted, and nothing waits."""
    source = distant(Distant(folder=str(tmp_path), trouble="slow"), most=10**6)
    trained = method(source=source, surrogate=Truncated(1.0), advantage=Standardised())

    def train(until: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not until() and time.monotonic() < end:
            updates(trained, 1)
            time.sleep(0.1)
        assert until()

    train(lambda: trained.global_step > source.own)  # a group has come
    (first,) = tmp_path.iterdir()
    os.kill(int(first.name), signal.SIGKILL)
    learned = trained.global_step - source.own
    train(lambda: trained.global_step - source.own > learned + 2)
    assert len(list(tmp_path.iterdir())) == 2
    assert trained.__dict__["logged"]["train/lost"] >= 1
    assert trained.__dict__["logged"]["train/staleness"] >= 0
    trained.teardown("fit")


def test_actors_that_send_nothing_end_in_an_error(distant: Callable[..., Asynchronous]) -> None:
    """The learner plays meanwhile, until its patience is over."""
    source = distant(Distant(trouble="hang"), patience=2.0)
    _, trained = attached(source)
    assert len(source.collect(collecting(trained))) == 1
    time.sleep(2.1)
    with pytest.raises(NCOError, match=r"no group for 2 s from 1 actors on a cluster of 2 CPUs"):
        source.collect(collecting(trained))


def test_an_error_of_an_actor_ends_training(distant: Callable[..., Asynchronous]) -> None:
    """In one line: another actor would fail by it too."""
    source = distant(Distant(trouble="error"))
    _, trained = attached(source)
    with pytest.raises(NCOError, match=r"an actor failed: ValueError: the disk is full$"):
        from_actor(source, trained)


def test_what_actors_would_have_each_for_itself_is_refused() -> None:
    """Before anything is begun, with what to do."""
    two = [TSP(6), TSP(6)]
    for source in (Replay(Fresh(4, pool=16)), Stale(), Mixture(two, [1.0, 1.0]), Asynchronous()):
        name = type(source).__name__
        with pytest.raises(ValueError, match=f"let {name} wrap Asynchronous"):
            method(source=Asynchronous(source), surrogate=Truncated())
    for source in (Fresh(4), Thinned(Fresh(8)), Tempered()):
        assert Asynchronous(source).refusal() is None
    with pytest.raises(ValueError, match="Asynchronous needs a surrogate with a ratio"):
        method(source=Asynchronous(), surrogate=LogLikelihood())


@pytest.mark.parametrize("wrong", [{"actors": 0}, {"ahead": 0}, {"every": 0}, {"most": -1}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    """When the source is made."""
    with pytest.raises(ValueError, match="Asynchronous: actors, ahead and every at least 1"):
        Asynchronous(**wrong)  # type: ignore[arg-type]
