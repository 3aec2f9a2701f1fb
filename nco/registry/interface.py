"""What the parts of a problem's folder must offer, as Protocols that mypy checks every folder by.

A folder is a package whose ``__init__.py`` states ``PROBLEM``, the name of the class of
``problem.py`` that the other parts serve: ``files.py`` (`Files`), ``check.py`` (`Check`),
``classical.py`` (`Classical`) and ``plot.py`` (`Plot`), and, where the problem has such things,
``bound.py`` (`LowerBound`), ``decomposition.py`` (`Decomposition`), ``explain.py`` (`Explain`),
``optimum.py`` (`FindsOptimum`), ``replan.py`` (`Replan`), ``rules.py`` (`Rules`) and ``sheet.py``
(`Sheet`, `TellsPolicies`, `ReadsTables`).
Free of torch and numpy.

C is the folder's own class of cases, S its form of a solution in the case's own numbers.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from nco.core.case import Bound, Case, Report
from nco.tables.forms import Argument, Form
from nco.tables.reading import Given
from nco.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nco.core.policy import Policy

PartName = Literal[
    "files",
    "check",
    "classical",
    "plot",
    "bound",
    "decomposition",
    "explain",
    "optimum",
    "replan",
    "rules",
    "sheet",
]

C = TypeVar("C", bound=Case)
C_in = TypeVar("C_in", contravariant=True)
C_out = TypeVar("C_out", covariant=True)
S_out = TypeVar("S_out", covariant=True)


class Files(Protocol[C]):
    """``files.py``: the problem's public file format, arrays, and solutions as text.

    Attributes:
        SUFFIX: of the files that `write` makes, such as ``".tsp"``.
        ARRAYS: the keys that `from_arrays` knows, by which a misspelled one is recognised.
    """

    SUFFIX: str

    @property
    def ARRAYS(self) -> Collection[str]: ...

    def recognise(self, text: str, /) -> bool:
        """Whether a text looks like a file of this problem; `read` says what is wrong with it."""

    def read(self, text: str, /, *, path: str | None = None) -> C:
        """The case of a file's text. Raises `InstanceError` with line, field, value and reason."""

    def write(self, case: C, /) -> str:
        """The text of a file from which `read` makes the same case."""

    def from_arrays(self, data: object, /) -> C | None:
        """The case of a user's arrays; None where they are not of this problem.

        Raises `InstanceError` where they are, and wrong.
        """

    def read_solution(self, text: str, case: C, /) -> Any:
        """The solution in a file's text. Raises `InstanceError`."""

    def write_solution(self, case: C, solution: Any, cost: Any, /) -> str:
        """The solution in the problem's public format."""


@runtime_checkable
class TakesArguments(Protocol[C_out]):
    """A ``files.py`` whose `read` takes more than a text, such as how distances are rounded.

    Attributes:
        ARGUMENTS: names of them; each is one of the problem's tables, too (`ReadsTables`).
    """

    @property
    def ARGUMENTS(self) -> Collection[str]: ...

    def read(self, text: str, /, *, path: str | None = None, **arguments: Any) -> C_out:
        """As `Files.read`."""


@runtime_checkable
class OwnJson(Protocol[C_in]):
    """A ``files.py`` that writes solutions in the JSON form of another program, too."""

    def write_json(self, case: C_in, solution: Any, cost: Any, /) -> str | None:
        """The solution in the form that the case came in; None where it came in another one."""


class Check(Protocol[C_in]):
    """``check.py``: an independent checker, which shares no code with problem and solvers."""

    def check(self, case: C_in, solution: Any, /) -> Report:
        """Cost, objective and every broken rule of a solution, whatever object it may be."""


@runtime_checkable
class EverySolution(Protocol[C_in, S_out]):
    """A ``check.py`` that can also enumerate: `nco.testing` compares optima by it."""

    def every_solution(self, case: C_in, most: int, /) -> Iterator[S_out] | None:
        """All solutions of a tiny case; None where there are more than `most`."""


class Explain(Protocol[C_in]):
    """``explain.py`` of a problem whose plans may leave something out: why.

    Where it has ``declined(case, solution)`` as well, this gives a text for each entry of the
    report's `declined`: why no plan could serve it, or nothing.
    """

    def impossible(self, case: C_in, /) -> list[str]:
        """What no plan can do, before any search: a sentence each, and only what is proven."""

    def left_out(self, case: C_in, solution: Any, /) -> list[str]:
        """Why a plan leaves out what its report calls `unassigned`: a reason each, in its order."""


class Again(Protocol[C_out]):
    """What is left to plan, as `Replan` makes it.

    Attributes:
        case: of what is left; priced: the same for solvers, with a price for changes.
        priced_start: the former plan in the numbers of `priced`.
    """

    @property
    def case(self) -> C_out: ...
    @property
    def priced(self) -> C_out: ...
    @property
    def priced_start(self) -> Any: ...

    def back(self, solution: Any, /) -> Any:
        """A solution of `priced` as one of `case`."""

    def measures(self, solution: Any, /) -> dict[str, float]:
        """What a solution of `priced` changes of the former plan, in figures by name."""


class Replan(Protocol[C]):
    """``replan.py`` of a problem whose plans are carried out, and change meanwhile."""

    def again(self, case: C, start: Any, before: C, frozen: Any, stability: float, /) -> Again[C]:
        """What is left to plan.

        Args:
            case: all there is to do, what is done included.
            start: the plan so far, a solution of `before`.
            before: the case that it was made for, which may be `case`.
            frozen: what is carried out already, in a form that the problem says; None: nothing.
            stability: the price of a change.

        Raises:
            InstanceError: what does not fit together.
        """


class Solve(Protocol[C_in]):
    """A classical solver's function. It blocks, and may crash: it runs in a child process.

    It may have further arguments by keyword; its `Solver` says which.
    """

    @property
    def __name__(self) -> str: ...

    def __call__(
        self, case: C_in, /, *, time_limit: float | None, seed: int, start: Any = None
    ) -> Any:
        """The best solution in the case's own numbers; None where none was found.

        Args:
            case: the instance.
            time_limit: seconds from here on; None: as long as the solver needs.
            seed: of its random numbers.
            start: a feasible solution to begin with; None: the solver makes its own.
        """


@dataclass(frozen=True)
class Solver(Generic[C_in]):
    """A classical solver, with what it takes beside its limits and what it needs.

    Attributes:
        solve: the function. It must be found by its name in its module, or be an object that can be
            pickled, as it runs in a child.
        found: it takes ``found=``, a function that it calls with each better solution on the way,
            which it does not change afterwards.
        cores: it takes ``cores=``, so many threads; every other solver is single-threaded.
        together: whether one run of a case with all cores is better than a run on each with a seed
            of its own; None: never. Only with `cores`.
        iterations: it takes ``iterations=``, after so many of which it stops; it then gives the
            same answer on every machine. So many of its steps count as one iteration of
            `nco.solve`; 0: it cannot count them.
        proof: it takes ``proof=``, a `nco.core.case.Proof` to leave a proven bound in.
        same: neither a seed nor a start makes a difference to it, so that one run is enough, and
            one that ends early is done.
        variants: the solvers of which the best stands for this one in comparisons; none: itself.
        modules: what it imports when it is called, in full, such as ``"pyvrp.stop"``. A child
            imports them beforehand, outside the time that the solver is given.
        largest: nodes up to which it is asked for whole cases, where another solver takes larger
            ones; None: any number.
        kernels: the module whose ``compile_kernels`` compiles what it calls, or reads it from the
            cache; a child calls it beforehand too. Empty: nothing is compiled.
        refuses: what of a case the solver cannot model, in words; None where it takes the case. It
            is asked before the solver is chosen. None: it takes every case of its problem.
    """

    solve: Solve[C_in]
    found: bool = False
    cores: bool = False
    together: Callable[[C_in], bool] | None = None
    iterations: int = 0
    proof: bool = False
    same: bool = False
    variants: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    largest: int | None = None
    kernels: str = ""
    refuses: Callable[[C_in], str | None] | None = None

    @property
    def name(self) -> str:
        """That of its function, which is also its key in `Classical.solvers`."""
        return self.solve.__name__

    def refusal(self, case: C_in) -> str | None:
        """Why it does not apply to a case, in words; None where it does."""
        return None if self.refuses is None else self.refuses(case)


class Classical(Protocol[C_in]):
    """``classical.py``: what classical solvers there are."""

    def solvers(self) -> Mapping[str, Solver[C_in]]:
        """By name; the first is the one that networks are compared with."""

    def improvers(self) -> Sequence[str]:
        """The installed solvers that can improve a given solution, the best first.

        None of an online problem: a plan that improves on a policy would have to know the future.
        """


@runtime_checkable
class Policies(Protocol[C_in]):
    """A ``classical.py`` whose solvers return policies: the problem is an online one."""

    def policies(self, case: C_in, /) -> Sequence[str]:
        """The solvers whose rules are worth comparing for a case, cheap ones first."""


@runtime_checkable
class AnswersAtOnce(Protocol[C_in]):
    """A ``classical.py`` of an online problem that has a policy without any search.

    It is the answer where no process was ready in time. Without it, the first of `Policies` is
    asked for what it can make in no time.
    """

    def at_once(self, case: C_in, /) -> Any:
        """The policy, within milliseconds, in the process of the caller."""


class LowerBound(Protocol[C_in]):
    """``bound.py``: certified bounds.

    Where it also has ``applies(case)``, and that says no, no time is kept for a bound.
    """

    def bound(
        self, case: C_in, time_limit: float | None, known: float | int | None = None, /
    ) -> Bound | None:
        """What no feasible solution costs less than; the proof stands in the docstring.

        Args:
            case: the instance.
            time_limit: seconds; None: a fixed effort, so that equal calls give equal bounds.
            known: the cost of a feasible solution: a bound that reaches it need not be improved.
        """


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal solution.

    Attributes:
        solution: in the case's own numbers.
        by: the method that proves it, in words.
    """

    solution: Any
    by: str


class FindsOptimum(Protocol[C_in]):
    """``optimum.py``: an exact method that takes milliseconds for some cases of the problem.

    It works in the process of the caller, before any other solver or network begins.
    """

    def optimum(self, case: C_in, /) -> Optimum | None:
        """An optimal solution, with the proof in the docstring; None where it would take longer."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a large solution, as a case of its own that a solver can improve by itself.

    Attributes:
        case: the part as a case; solution: what the whole one does there.
        members: where the part lies in the whole, in a form that the folder chooses.
    """

    case: Case
    solution: Any
    members: Any


class Decomposition(Protocol[C_in]):
    """``decomposition.py``: how large solutions are cut into parts and joined again."""

    def cut(self, case: C_in, solution: Any, most: int, random: Random, /) -> list[Part]:
        """Disjoint parts of at most about `most` nodes, which together are the whole."""

    def join(self, case: C_in, solution: Any, part: Part, better: Any, /) -> Any:
        """`solution` with a better one of `part` in it, which saves as much as it saves there."""


class Plot(Protocol[C_in]):
    """``plot.py``: pictures."""

    def plot(self, case: C_in, solution: Any, ax: "Axes", /) -> None:
        """Draws a solution on matplotlib's axes."""


class Rules(Protocol[C_in]):
    """``rules.py`` of an online problem: from a rule as plain data to the policy that plays it."""

    def policy(self, case: C_in, solution: Any, /) -> "Policy":
        """The policy, built and on the CPU. Raises `InstanceError` for an unknown rule."""


class Sheet(Protocol[C_in]):
    """``sheet.py``: solutions as tables."""

    def table(self, case: C_in, solution: Any, /) -> Table:
        """A row for each stop, item, operation or order, names and figures beside each other.

        Columns called ``lat`` and ``lon`` make it a map, too (``.geojson``): a line for each
        value of ``route``.
        """


@runtime_checkable
class TellsPolicies(Protocol[C_in]):
    """A ``sheet.py`` of an online problem whose policies are tables, too."""

    def policy_table(
        self, case: C_in, solution: Mapping[str, Any], orders: Sequence[Mapping[str, Any]], /
    ) -> Table:
        """What a policy does first, beside its numbers.

        Args:
            case: the instance.
            solution: a rule or ``{"model": NAME}``.
            orders: what the case's `orders` says of its first decisions.
        """


@runtime_checkable
class ReadsTables(Protocol[C]):
    """A ``sheet.py`` that also makes cases of tables, and reads what `Sheet.table` writes.

    It imports what needs numpy where it is used: the command line asks it for its arguments.

    Attributes:
        FORMS: the tables that it reads; one must be there of the first.
        ARGUMENTS: what it takes beside them.
        PLAN: the table of a solution that it reads.
    """

    @property
    def FORMS(self) -> Sequence[Form]: ...
    @property
    def ARGUMENTS(self) -> Sequence[Argument]: ...
    @property
    def PLAN(self) -> Form: ...

    def from_tables(self, given: Given, /) -> C | None:
        """The case; None where the tables are those of another problem.

        Raises `InstanceError` where they are of this one, and wrong.
        """

    def read_solution(self, table: Table, case: C, /) -> Any:
        """The solution in a table. Raises `InstanceError`."""


__all__ = [
    "Again",
    "AnswersAtOnce",
    "Check",
    "Classical",
    "Decomposition",
    "EverySolution",
    "Explain",
    "Files",
    "FindsOptimum",
    "LowerBound",
    "Optimum",
    "OwnJson",
    "Part",
    "PartName",
    "Plot",
    "Policies",
    "ReadsTables",
    "Replan",
    "Rules",
    "Sheet",
    "Solve",
    "Solver",
    "TakesArguments",
    "TellsPolicies",
]
