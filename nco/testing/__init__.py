"""The contract of a problem, as checks that tell its author what is wrong, and where.

    from nco.testing import check_problem

    check_problem(MyProblem)

Random episodes are played on random instances, and on padded ones where the problem reads cases;
then each check asks one thing of them. A capability (`nco.core.capabilities`) is asked for where
the problem has it, and so are a ``check.py`` and a ``classical.py`` beside the class.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from nco.core.capabilities import HasCases
from nco.core.case import Case
from nco.core.defaults import has_size, load_cases
from nco.core.problem import Problem
from nco.core.seeds import generator
from nco.testing import abilities, exact, rules
from nco.testing.compare import NotApplicable, sized
from nco.testing.play import BATCH, GIVEN, MIXED, TINY, Trial, play
from nco.testing.policy import check_policy

__all__ = ["check_cases", "check_policy", "check_problem"]

SIZE = 6  # of ordinary instances; `Problem.tiny` is that of those solved by enumeration

OF_PROBLEMS: tuple[Callable[[Problem[Any, Any], int, int], None], ...] = (
    abilities.capabilities_are_whole,
    rules.equal_generators_give_equal_instances,
    rules.resize_sets_the_size,
    rules.description_makes_the_same_problem,
)
OF_BATCHES: tuple[Callable[[Trial], None], ...] = (
    rules.inputs_stay_unchanged,
    rules.features_are_as_declared,
    rules.observations_are_as_declared,
    rules.costs_are_finite,
    rules.cost_so_far_is_the_cost,
    rules.finished_rows_wait,
    rules.masks_leave_out_padding,
    rules.no_leak_between_instances,
    rules.no_leak_between_rollouts,
    abilities.replay_equals_stepping,
    rules.forced_rollouts_repeat,
    rules.score_equals_rollout,
    rules.pad_appends_no_ops,
    rules.step_costs_sum_to_cost,
    rules.solution_and_actions_invert,
    abilities.mask_is_that_of_observe,
    abilities.observations_do_not_look_ahead,
    abilities.traces_are_random_futures,
    abilities.hindsight_is_the_least_possible,
    exact.load_inverts_cases,
    exact.padding_changes_nothing,
    exact.padded_nodes_change_nothing,
    abilities.starts_are_allowed,
    abilities.fixed_first_action_is_allowed,
    abilities.equivalent_keeps_the_solution,
    abilities.demonstrations_keep_the_solution,
    abilities.consistent_actions_hold_the_next_one,
    abilities.symmetries_keep_the_cost,
    abilities.relatives_are_as_good,
    abilities.rejoined_windows_are_the_solution,
    exact.checker_agrees,
    exact.checker_flags_mutations,
    exact.brute_force_agrees,
    exact.classical_solver_replays,
    abilities.reversed_states_lead_to_solutions,
    exact.remaining_cases_have_the_best_ways_on,
)


def check_problem(
    problem: Problem[Any, Any] | type[Problem[Any, Any]], *, size: int = SIZE, seed: int = 0
) -> list[str]:
    """Checks that a problem keeps the contract; takes a second or two.

    Args:
        problem: a problem, or its class, which is then made from its defaults.
        size: of the instances, where the problem's ``__init__`` has a `size`; small, because many
            checks play every instance and every rollout alone.
        seed: of everything random.

    Returns:
        The names of the checks that found what they ask about.

    Raises:
        AssertionError: a sentence on what is wrong, in which batch, and where in it.
    """
    if isinstance(problem, type):
        problem = problem()
    ran: dict[str, None] = {}  # a set in order
    for check in OF_PROBLEMS:
        with _named(check.__name__, type(problem).__name__, ran):
            check(problem, size, seed)
    for name, instance, known in _batches(problem, size, seed):
        _check_batch(problem, name, instance, known, seed, ran)
    return list(ran)


def check_cases(problem: Problem[Any, Any], cases: Sequence[Case], *, seed: int = 0) -> list[str]:
    """The same for one batch of given cases, such as files with distances of their own.

    Args:
        problem: one that can load them.
        cases: of metrics that the problem prices as its checker does; all small.
        seed: of everything random.

    Returns, raises:
        what `check_problem` does.
    """
    ran: dict[str, None] = {}
    _check_batch(problem, GIVEN, load_cases(problem, cases), cases, seed, ran)
    return list(ran)


def _check_batch(
    problem: Problem[Any, Any],
    name: str,
    instance: Any,
    cases: Sequence[Case] | None,
    seed: int,
    ran: dict[str, None],
) -> None:
    label = f"{type(problem).__name__}, {name} batch"
    with torch.no_grad():
        with _named("random_episodes_end", label, ran):
            trial = play(problem, name, seed, instance, cases)
        for check in OF_BATCHES:
            with _named(check.__name__, label, ran):
                check(trial)


@contextmanager
def _named(check: str, label: str, ran: dict[str, None]) -> Iterator[None]:
    """Says in every error where it came about, and notes the checks that had something to ask."""
    try:
        yield
    except NotApplicable:
        return
    except AssertionError as error:
        raise AssertionError(f"{label}: {error} ({check})") from error
    except Exception as error:
        error.add_note(f"{label}: raised in the check {check}")
        raise
    ran[check] = None


def _batches(
    problem: Problem[Any, Any], size: int, seed: int
) -> Iterator[tuple[str, Any, Sequence[Case] | None]]:
    """Named instances, each batch with its cases."""

    def generated(count: int, batch: int) -> tuple[Any, list[Case] | None]:
        instance = sized(problem, count).generate(batch, generator(seed, "check", count))
        return instance, problem.cases(instance) if isinstance(problem, HasCases) else None

    yield "generated", *generated(size, BATCH)
    if has_size(problem):
        yield TINY, *generated(problem.tiny, BATCH)
    if has_size(problem) and isinstance(problem, HasCases):
        # the largest is neither the first nor the last
        mixed = [generated(count, 1)[1] for count in (max(1, size // 2), size, max(1, size - 1))]
        known = [case for part in mixed if part is not None for case in part]
        yield MIXED, problem.load(known), known
