"""Populations of a sweep: values that change within their distribution, and tournaments."""

from types import SimpleNamespace
from typing import Any

import pytest
from cluster_nodes import ray_or_skip

from nco.cluster.sweep import distribution

ray_or_skip()
SPACE = {
    "rate": "loguniform(1e-4, 1e-2)",
    "share": "quniform(0, 1, 0.25)",
    "batch": "randint(4, 9)",
    "kind": 'choice("a", "b", "c")',
    "only": "choice(7)",
}


@pytest.mark.parametrize("key", SPACE)
def test_another_value_stays_in_its_distribution(key: str) -> None:
    """However often it changes; of a choice it is another one, where there is one."""
    from nco.cluster.population import another

    domain = distribution(key, SPACE[key])
    value = domain.sample()
    seen = set()
    for _ in range(200):
        new = another(domain, value)
        assert domain.is_valid(new)
        assert type(new) is type(value)
        assert key != "kind" or new != value
        assert key != "share" or new * 4 == round(new * 4)
        value = new
        seen.add(new)
    assert len(seen) > 1 or key == "only"


def test_one_key_changes_or_every_key() -> None:
    """What is not tuned stays as it is."""
    from nco.cluster.population import every_key, one_key

    space = {key: distribution(key, 'choice("a", "b")') for key in "xyz"}
    before = {"x": "a", "y": "b", "z": "a", "other": 3}
    assert every_key(space, before) == {"x": "b", "y": "a", "z": "b", "other": 3}
    changed = set()
    for _ in range(60):
        after = one_key(space, before)
        (key,) = (key for key in before if after[key] != before[key])
        changed.add(key)
    assert changed == set("xyz")


class Trial:
    """What a scheduler asks a trial."""

    def __init__(self, finished: bool = False) -> None:
        self.finished = finished

    def is_finished(self) -> bool:
        return self.finished


def population(scores: list[float], draws: int) -> tuple[Any, list[Trial]]:
    """A tournament among trials with these scores (greater is better) and a checkpoint each."""
    from nco.cluster.population import Tournament

    tournament = Tournament(draws, metric="score", mode="min", custom_explore_fn=dict)
    trials = [Trial() for _ in scores]
    tournament._trial_state = {
        trial: SimpleNamespace(last_score=score, last_checkpoint="weights")
        for trial, score in zip(trials, scores, strict=True)
    }
    return tournament, trials


def test_the_best_of_all_always_goes_on_as_it_is() -> None:
    """Others may take its weights; whoever wins is never worse than who is replaced."""
    tournament, trials = population([3.0, 1.0, 2.0, 5.0, 4.0], 3)
    winners = set()
    for _ in range(300):
        for trial in trials:
            tournament._validated = trial
            replaced, kept = tournament._quantiles()
            (winner,) = kept
            assert replaced == ([] if winner is trial else [trial])
            assert tournament._trial_state[winner].last_score >= (
                tournament._trial_state[trial].last_score
            )
            winners.add((trials.index(trial), trials.index(winner)))
    assert (3, 3) in winners
    assert {pair for pair in winners if pair[0] == 3} == {(3, 3)}
    # the worst meets two of the four others, of whom the worst never wins
    assert {pair for pair in winners if pair[0] == 1} == {(1, 0), (1, 3), (1, 4)}


def test_whose_weights_are_gone_or_at_their_end_meets_nobody() -> None:
    """A score without its weights, or of a trial that has ended, is no ground to replace."""
    tournament, (mine, gone, ended) = population([1.0, 9.0, 9.0], 3)
    tournament._trial_state[gone].last_checkpoint = None
    ended.finished = True
    tournament._validated = mine
    assert tournament._quantiles() == ([], [mine])
