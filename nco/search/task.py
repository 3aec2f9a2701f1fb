"""What a search works on, and what a search is."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from nco.core.capabilities import Reversible
from nco.core.features import Features
from nco.core.policy import Policy, Walker
from nco.core.problem import Problem
from nco.search.budget import Budget
from nco.search.incumbent import Incumbent, better


@dataclass(frozen=True, eq=False)
class Task:
    """Instances of a problem, and the policy that is to solve them.

    Attributes:
        instance: ``[B, ...]``.
    """

    problem: Problem[Any, Any]
    policy: Policy
    instance: Any

    @functools.cached_property
    def features(self) -> Features:
        """What the policy may know of the instances."""
        return self.problem.features(self.instance)

    @functools.cached_property
    def memory(self) -> Any:
        """The policy's embedding of the instances, computed once and used at every step."""
        return self.policy.encode(self.features)

    @functools.cached_property
    def reversible(self) -> Reversible | None:
        """The problem, where what remains can be walked from both ends; asked at every step."""
        return self.problem if isinstance(self.problem, Reversible) else None

    def walker(self, budget: Budget | None, doubt: float = 1.0) -> Walker:
        """Who decides along new paths: under a deadline the policy's own walker (`Policy.along`).

        What is counted is decided by a look at each step, so that it is the same for every limit.
        """
        if budget is None or budget.deadline is None:
            return Walker(self.policy.decide)
        return self.policy.along(doubt)

    @property
    def nodes(self) -> int:
        """N, padding included."""
        return self.features.nodes.shape[1]

    def of(self, instance: Any) -> Self:
        """The same policy on other instances."""
        return replace(self, instance=instance)

    def better(self, old: Incumbent | None, new: Incumbent) -> Incumbent:
        """Instance by instance the cheaper of two."""
        return better(self.problem, self.instance, old, new)


class Search(Protocol):
    """A generator of better and better solutions: a function, or an object with options."""

    def __call__(
        self, task: Task, budget: Budget, start: Incumbent | None = None
    ) -> Iterator[Incumbent]:
        """Yields the best so far whenever it is better; may be endless without a limit.

        Args:
            start: the best that is known already; what is yielded is never worse.
        """
        ...
