"""The searches by name, as policies and cards name them, and what limits each of them."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import nco.search
from nco.core.errors import NCOError
from nco.core.searches import SearchName
from nco.core.seeds import generator
from nco.models.nets import AttentionPolicy, BQPolicy, DisjunctivePolicy, TransformerEncoder
from nco.problems.jssp import JSSP
from nco.problems.tsp import TSP
from nco.search import budget as budgets
from nco.search.budget import Budget
from nco.search.catalogue import SEARCHES, named
from nco.search.incumbent import Incumbent
from nco.search.task import Task
from nco.zoo.cards import available

ENDLESS = ["sampling", "active", "population", "reconstruct", "dispatch"]


def task(name: str, seed: int = 2) -> Task:
    """A small untrained network that suits the search, and two instances."""
    torch.manual_seed(seed)
    if name == "dispatch":
        problem: Any = JSSP(3)
        policy: Any = DisjunctivePolicy(width=16, heads=2, layers=1)
    else:
        problem = TSP(9)
        encoder = TransformerEncoder(width=16, heads=2, layers=1, hidden=16)
        policy = BQPolicy(encoder) if name in ("beam", "reconstruct") else None
        policy = policy or AttentionPolicy(encoder, heads=2)
    instance = problem.generate(2, generator(1))
    return Task(problem, policy.build(problem.schema).eval(), instance)


def looks(work: Task) -> list[int]:
    """How many rollouts are decided on in each look of the task's policy from now on."""
    counts: list[int] = []
    real = work.policy.decide

    def decide(memory: Any, observation: Any, condition: Tensor | None = None) -> Any:
        counts.append(observation.mask.shape[1])
        return real(memory, observation, condition)

    work.policy.decide = decide  # type: ignore[method-assign]
    return counts


@pytest.mark.parametrize("name", SearchName)
def test_every_name_is_a_search_in_its_own_file(name: SearchName) -> None:
    """It yields solutions of every instance, priced by the problem."""
    assert (Path(nco.search.__file__).parent / f"{name}.py").exists()
    module = importlib.import_module(f"nco.search.{name}")
    search = SEARCHES[name]
    assert named(str(name)) is search
    assert getattr(search, "__name__", type(search).__name__).lower() == name
    assert getattr(search, "__module__", None) == module.__name__
    work = task(name)
    with torch.inference_mode():
        *_, last = search(work, Budget(samples=20, width=2, rounds=2))
    cost = work.problem.cost(work.instance, last.actions[:, None])[:, 0]
    torch.testing.assert_close(cost, last.cost)


def test_an_unknown_search_is_one_line() -> None:
    """With the names that there are."""
    with pytest.raises(NCOError, match="unknown search dive; there are multistart, sampling, act"):
        named("dive")


def test_the_names_in_shipped_cards_are_searches() -> None:
    """But for policies that were simulated, and single greedy rollouts."""
    rows = [
        row
        for card in available().values()
        for row in [*card["measured"], *card.get("searches", [])]
    ]
    names = {row["search"] for row in rows if "search" in row}
    assert names >= {"multistart", "beam", "population", "reconstruct"}
    assert names - {"policy", "greedy"} <= set(SearchName)


@pytest.mark.parametrize("name", ENDLESS)
def test_rounds_end_an_endless_search(name: str) -> None:
    """Two rounds are more than one; no round leaves what comes before all rounds."""
    spent = []
    for rounds in range(3):
        work = task(name)
        counts = looks(work)
        with torch.inference_mode():
            list(named(name)(work, Budget(rounds=rounds)))
        spent.append(sum(counts))
    assert spent[0] < spent[1] < spent[2]


@pytest.mark.parametrize("name", SearchName)
@pytest.mark.parametrize("readings", [1, 9, 23])
def test_nothing_is_decided_after_the_deadline(
    name: SearchName, readings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every search reads the clock before every decision, and ends when the time is over."""

    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            self.now += 1
            return self.now

    clock = Clock()
    monkeypatch.setattr(budgets, "time", clock)
    work = task(name)
    decide, late = work.policy.decide, []

    def watched(*arguments: Any) -> Any:
        late.append(clock.now - readings)
        return decide(*arguments)

    monkeypatch.setattr(work.policy, "decide", watched)
    with torch.inference_mode():
        list(named(name)(work, Budget(deadline=float(readings))))
    assert max(late, default=0.0) <= 0.0


def test_a_beam_is_as_wide_as_the_budget_says() -> None:
    """Whatever the number of samples; and as wide as it likes where nothing is said."""
    for budget, width in ((Budget(width=3, samples=50), 3), (Budget(samples=2), 16)):
        work = task("beam")
        counts = looks(work)
        with torch.inference_mode():
            list(named("beam")(work, budget))
        assert max(counts) == width


def test_samples_limit_multistart() -> None:
    """Rollouts in all images together; one sample is one greedy rollout."""
    for samples, most in ((1, 1), (16, 16), (40, 40)):
        work = task("multistart")
        counts = looks(work)
        with torch.inference_mode():
            list(named("multistart")(work, Budget(samples=samples)))
        # starts are an axis of their own, images another
        assert max(counts) <= most
        assert max(counts) == max(1, samples // 8)


def test_patience_ends_multistart_after_passes_without_a_gain(monkeypatch) -> None:
    """As many in a row; a pass that finds something better begins the count anew."""
    multistart = importlib.import_module("nco.search.multistart")
    costs = [9.0, 9.0, 8.0, 8.5, 8.0, 7.0, 7.5]
    for patience, seen in ((1, 2), (2, 5), (3, 7), (None, 7)):
        left = iter(costs)
        work = task("multistart")

        def play(*given, left=left, work=work):
            batch = len(work.instance)
            return Incumbent(torch.zeros(batch, 6).long(), torch.full((batch,), next(left)), "it")

        monkeypatch.setattr(multistart, "_play", play)
        monkeypatch.setattr(multistart, "symmetries_of", lambda problem, instance: [instance] * 7)
        monkeypatch.setattr(multistart, "AT_ONCE", 1)
        found = list(multistart.multistart(work, Budget(patience=patience)))
        assert len(found) == seen
        assert float(found[-1].cost[0]) == min(costs[:seen])
