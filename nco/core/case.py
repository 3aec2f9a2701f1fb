"""One instance as its source states it, and the verdict of a checker on one solution of it.

A *case* holds exact numbers in the source's own units and numbering (a TSPLIB file, a user's
arrays). An *instance* (`nco.core.problem`) is a batch of tensors scaled for a network. Files,
checkers, classical solvers and plots work on cases; policies and searches work on instances;
`load` and `cases` of `nco.core.capabilities.HasCases` lead from one to the other.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, TypeVar

from nco.core.errors import InstanceError

C = TypeVar("C", bound="Case")


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(ABC):
    """What every case has; a problem's `files.py` adds its own exact fields.

    Attributes:
        name: the instance's own name, as its file states it.
        path: the file it was read from; None for arrays and generated instances.
        names: what its things are called, by kind ("stops", "items", "jobs", "machines",
            "vehicles", "orders"), a name for each position; a kind without names is not there.
        remarks: what a person should know of how the source was read, a sentence each.
        degrees: latitude and longitude of each of the "stops", where the source has them.
    """

    problem: ClassVar[str]  # the folder's name, such as "tsp"
    view: ClassVar[str]  # what a solution is called, such as "tour"
    name: str = "unnamed"
    path: str | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    degrees: Sequence[Sequence[float]] | None = None

    @property
    @abstractmethod
    def size(self) -> int:
        """The number that the field calls n (cities, customers, items)."""

    @property
    def variant(self) -> str:
        """Which of a problem's objectives or rules it has; shipped networks know the unnamed."""
        return ""

    @property
    def cost_unit(self) -> str:
        """What costs are measured in, such as "km"; empty where the source does not say."""
        return ""

    @property
    def foreseen(self) -> bool:
        """Of an online problem: whether the case holds one future, which a plan could exploit."""
        return False

    def words(self, solution: Any) -> str | None:
        """A policy of an online problem as a rule that a person can follow; None for networks."""
        return None

    def notes(self) -> list[str]:
        """What a person should know of the case though it is no error, a sentence each."""
        return list(self.remarks)

    def called(self, kind: str, position: int) -> str | None:
        """What its thing of a kind at a position is called; None where it has no name."""
        names = self.names.get(kind, ())
        return (names[position] or None) if 0 <= position < len(names) else None

    @abstractmethod
    def construct(self) -> Any:
        """A feasible solution at once, by a simple rule, in the case's own numbers."""

    def states_as(self, other: "Case") -> bool:
        """Whether another case states the same instance, in the same numbers.

        What it and its things are called, and where it was read, makes no difference.
        """
        if self is other:
            return True
        apart = ("name", "path", "remarks", "names", "degrees")
        own = [each.name for each in fields(self) if each.name not in apart]
        return type(self) is type(other) and all(
            _equal(getattr(self, name), getattr(other, name)) for name in own
        )

    def numbered(self, solution: Any) -> Any:
        """A solution in positions (from 0) put into the case's own numbers."""
        return solution

    def indexed(self, solution: Any) -> Any:
        """The inverse of `numbered`; an `InstanceError` names a number that does not exist."""
        return solution


def only(cases: Sequence[Case], kind: type[C]) -> list[C]:
    """The same cases; an `InstanceError` where one is of another problem than `kind`."""
    kept: list[C] = []
    for case in cases:
        if not isinstance(case, kind):
            reason = f"is a case of {case.problem}, not of {kind.problem}"
            raise InstanceError(reason, field=case.name, path=case.path)
        kept.append(case)
    return kept


def _equal(one: Any, other: Any) -> bool:
    """Whether two values of a case's field are the same, arrays number by number."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "tolist") and hasattr(one, "shape"):
        if one.shape != other.shape:
            return False
        return bool(((one == other) | ((one != one) & (other != other))).all())  # two NaN are alike
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if is_dataclass(one):
        return all(
            _equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
        )
    return bool(one == other) or (one != one and other != other)  # two NaN


@dataclass(frozen=True)
class Report:
    """A checker's verdict on one solution.

    Attributes:
        cost: minimised, in the case's own units; None where it cannot be told.
        objective: the same figure in the problem's own sense (a knapsack's value).
        violations: one sentence for each broken rule.
        unassigned: what must be served and is not, such as ``client 5 (Bakery)``, each once.
        declined: what need not be served and is not, such as a client with a prize, each once.
        cost_standard_error: of a policy that was simulated, that of its mean cost.
        measures: other figures by name, such as parts of the cost; of a policy their means.
    """

    cost: float | int | None
    objective: float | int | None
    violations: list[str] = field(default_factory=list)
    cost_standard_error: float | None = None
    measures: dict[str, float] = field(default_factory=dict)
    unassigned: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)

    @property
    def feasible(self) -> bool:
        """Whether there is a cost, no rule is broken and nothing is left out."""
        return self.keeps_rules and not self.unassigned

    @property
    def partial(self) -> bool:
        """Whether only that is wrong with it that something is unassigned."""
        return self.keeps_rules and bool(self.unassigned)

    @property
    def keeps_rules(self) -> bool:
        """Whether there is a cost and no rule is broken: feasible or partial."""
        return not self.violations and self.cost is not None

    @property
    def defect(self) -> str:
        """The first thing that is wrong with it, in words; empty where it is feasible."""
        if self.violations:
            return self.violations[0]
        if self.cost is None:
            return "no cost"
        count = len(self.unassigned)
        return f"{count} unassigned, such as {self.unassigned[0]}" if count else ""


@dataclass
class Proof:
    """Where a solver that runs in a child process may leave what it has proven.

    Attributes:
        bound: no feasible solution costs less, in the case's own units; None: nothing is proven.
    """

    bound: float | int | None = None


@dataclass(frozen=True)
class Bound:
    """A certified lower bound: no feasible solution of the case costs less.

    Attributes:
        value: in the case's own units; an int where every cost is whole.
        by: the proof, in a word or two.
    """

    value: float | int
    by: str
