"""Populations of trials for ``nco sweep``: who goes on from whom, and with which other values.

Imports Ray, so that it is imported only where a sweep has begun.
"""

import random
from collections.abc import Mapping
from typing import Any

from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.search.sample import Categorical, Integer

ANEW = 0.25  # chance that a value is drawn from its whole distribution
FACTORS = (0.8, 1.2)  # by which it changes otherwise, within its distribution


def every_key(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with another value of every key that is tuned (Jaderberg et al. 2017).

    Args:
        space: Ray Tune's distributions by key.
        config: the values of the trial that another one goes on from.
    """
    return {**config, **{key: another(domain, config[key]) for key, domain in space.items()}}


def one_key(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with another value of one key, drawn among those that are tuned."""
    key = random.choice(sorted(space))
    return {**config, key: another(space[key], config[key])}


def another(domain: Any, value: Any) -> Any:
    """A value beside the present one, or one drawn anew; never outside the distribution."""
    if isinstance(domain, Categorical):
        others = [one for one in domain.categories if one != value]
        return random.choice(others) if others else value
    if random.random() < ANEW:
        return domain.sample()
    is_whole = isinstance(domain, Integer)
    step = getattr(domain.get_sampler(), "q", 1 if is_whole else None)
    new = value * random.choice(FACTORS)
    if step is not None:
        new = round(new / step) * step
    new = min(max(new, domain.lower), domain.upper - is_whole)  # whole ones leave out the end
    return int(new) if is_whole else float(new)


class Tournament(PopulationBasedTraining):
    """Selection by tournaments, as in SEARL (Franke et al. 2021, arXiv 2009.01555, section 3).

    A trial that is validated meets others, drawn at random. Where one of them is better, the best
    of them goes on in its place, with values that `custom_explore_fn` changes. So the best of all
    goes on as it is.

    Args:
        draws: trials of a tournament, the one that is validated among them.
        options: those of `PopulationBasedTraining`.
    """

    def __init__(self, draws: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self._draws = draws
        self._validated: Any = None

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        self._validated = trial
        return str(super().on_trial_result(tune_controller, trial, result))

    def _quantiles(self) -> tuple[list[Any], list[Any]]:
        """Who is replaced, and by whom; with nobody to replace, whose weights others may take.

        Ray asks for the worst and the best trials here, once for each validation.
        """
        mine, states = self._validated, self._trial_state
        scores: dict[Any, Any] = {trial: state.last_score for trial, state in states.items()}
        others = [
            trial
            for trial, state in states.items()
            # one that was replaced itself since then has a score that is not that of its weights
            if trial is not mine and state.last_checkpoint is not None and not trial.is_finished()
        ]
        drawn = random.sample(others, min(len(others), self._draws - 1))
        best = max([mine, *drawn], key=scores.__getitem__)
        return ([], [mine]) if best is mine else ([mine], [best])
