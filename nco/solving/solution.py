"""What a person gets back from `nco.solve`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nco.core.case import Case
from nco.core.errors import NCOError
from nco.solving import phrases, policytext
from nco.workers.outcome import Improvement

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes


SHOWN = 10  # of what is not served; the others are counted


class Status(StrEnum):
    """What is known of a solution.

    Attributes:
        OPTIMAL: no feasible solution costs less, by a proof that ``bound_by`` names.
        FEASIBLE: it breaks no rule.
        PARTIAL: it breaks no rule, but leaves out what ``unassigned`` names.
        INTERRUPTED: the best at Ctrl-C; it breaks no rule, and may be partial.
        INFEASIBLE: it breaks rules, which ``violations`` names, and nothing better was found.
        SIMULATED: of an online problem, a policy: its cost is a mean over random futures.
    """

    OPTIMAL = "OPTIMAL"
    FEASIBLE = "FEASIBLE"
    PARTIAL = "PARTIAL"
    INTERRUPTED = "INTERRUPTED"
    INFEASIBLE = "INFEASIBLE"
    SIMULATED = "SIMULATED"


@dataclass(frozen=True, eq=False)
class Solution:
    """A checked solution of one instance.

    Attributes:
        problem: the problem folder's name; name, n: the instance's own.
        cost: minimised, in the instance's own units, by the independent checker.
        objective: the same figure in the problem's own sense (a knapsack's value).
        feasible, violations: the checker's verdict, a sentence for each broken rule.
        solution: in the instance's own numbers; also under the problem's word for it (`tour`,
            `routes`, `items`).
        taken: makes `actions`, the policy's actions that it stands for.
        unassigned: what must be served and is not, each with the reason, where one is known.
        declined: what need not be served and is not, such as a client with a prize; with the reason
            where no plan could serve it.
        status: OPTIMAL, FEASIBLE, PARTIAL, INTERRUPTED, INFEASIBLE or SIMULATED (`Status`).
        seconds: wall time of the call, loading included; setup_seconds: of that, loading.
        found_by: who found the solution: a classical solver, and whose solution it began from; a
            network; "construction". model: the networks that took part, or "none".
        history: every improvement with time and source.
        bound: what no feasible solution of the instance costs less than, by a proof that `bound_by`
            names; None where there is none.
        gap: by which share of the bound the cost lies above it: the optimum is no further away. How
            close the bound itself is to the optimum, nobody knows.
        notes: what the instance says that is no error, such as customers out of reach.
        faults: what went wrong on the way without costing the answer, a line each: a classical
            solver that died, hung or returned rubbish, a file that could not be saved.
        plan: how the time was divided between networks and classical solvers, a line for each.
        cost_standard_error: of a policy that was simulated, that of its mean cost.
        measures: other figures by name, such as parts of the cost; of a policy their means (service
            level, number of traces).
        orders: of a policy, what it decides first, a row of a table each, where the problem has
            words for it (an inventory's next orders).
        comparisons: of a policy with one of the caller's own (`policy`) and with a changed instance
            (`what_if`) on the same futures: costs, and the difference with its standard error.
    """

    problem: str
    name: str
    n: int
    cost: float | int | None
    objective: float | int | None
    feasible: bool
    violations: list[str]
    solution: Any
    taken: Callable[[], list[Any]] = field(repr=False)
    status: Status
    seconds: float
    setup_seconds: float
    model: str
    seed: int
    history: list[Improvement] = field(default_factory=list)
    case: Case | None = field(default=None, repr=False)
    bound: float | int | None = None
    bound_by: str | None = None
    gap: float | None = None
    notes: list[str] = field(default_factory=list)
    cost_standard_error: float | None = None
    measures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    found_by: str = ""
    unassigned: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.found_by:  # of a policy, a batch of tensors: the one that there is
            object.__setattr__(self, "found_by", self.model)

    def __getattr__(self, name: str) -> Any:
        case = self.__dict__.get("case")
        if case is not None and name == case.view:
            return self.solution
        raise AttributeError(f"a {self.__dict__.get('problem', '')} solution has no {name}")

    @cached_property
    def actions(self) -> list[Any]:
        """The policy's actions; of several agents a list a step.

        Made when first asked for, which can take a while.
        """
        return self.taken()

    def __str__(self) -> str:
        figure = self.cost if self.objective is None else self.objective
        shown = phrases.figure(figure, self.case, self.cost_standard_error)
        word = "cost" if self.objective in (None, self.cost) else "objective"
        lines = [
            f"{self.name} ({self.problem}, n = {self.n}): {word} {shown}, {self.status}, "
            f"{self.seconds:.2f} s, found by {self.found_by}"
        ]
        if self.bound is not None:
            cost = self.cost if self.feasible else None
            turned = self.objective is not None and self.objective != self.cost
            lines.append(phrases.certificate(self.bound, self.bound_by, cost, turned, self.case))
        if self.measures:
            lines.append(f"  {phrases.measures(self.measures)}")
        rule = None if self.case is None else self.case.words(self.solution)
        lines += [*policytext.order_lines(self.orders)]
        lines += [*policytext.rule_lines(rule)]
        lines += [*policytext.comparison_lines(self.comparisons)]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  violated: {violation}" for violation in self.violations]
        lines += _listed("unassigned", self.unassigned)
        lines += _listed("left out", self.declined)
        lines += [f"  fault: {fault}" for fault in self.faults]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Solution {str(self).splitlines()[0]}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `nco solve --json` prints it."""
        return {
            "problem": self.problem,
            "name": self.name,
            "n": self.n,
            "cost": self.cost,
            "objective": self.objective,
            **self._simulated(),
            "feasible": self.feasible,
            "violations": self.violations,
            "unassigned": self.unassigned,
            "declined": self.declined,
            "faults": self.faults,
            "plan": self.plan,
            "notes": self.notes,
            "bound": self.bound,
            "bound_by": self.bound_by,
            "gap": self.gap,
            "status": self.status.value,
            "seconds": round(self.seconds, 4),
            "setup_seconds": round(self.setup_seconds, 4),
            "found_by": self.found_by,
            "model": self.model,
            "seed": self.seed,
            "solution": self.solution,
            "history": [
                {"seconds": round(step.seconds, 4), "cost": step.cost, "source": step.source}
                for step in self.history
            ],
        }

    def _simulated(self) -> dict[str, Any]:
        """What only an evaluated policy has; a plan's figures stand by themselves."""
        if self.cost_standard_error is None:
            return {"measures": self.measures} if self.measures else {}
        rule = None if self.case is None else self.case.words(self.solution)
        return {
            "cost_standard_error": self.cost_standard_error,
            **self.measures,
            "rule": rule,
            "orders": self.orders,
            "comparisons": self.comparisons,
        }

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draws the solution; on new axes unless given some.

        New axes have the timeline of the vehicles below them, where the problem draws one.

        Raises:
            NCOError: `ax` is a path, or the problem has no files.
        """
        from nco.solving import drawing, picture

        if isinstance(ax, str | Path):
            raise NCOError(f"plot draws on axes, not to {ax}: save('x.html') writes a page")

        case = self._case("plotted")
        if ax is None:
            import matplotlib.pyplot

            figure = matplotlib.pyplot.figure(layout="constrained")
            return picture.draw_all(case, self.solution, figure)
        drawing.draw(case, self.solution, ax)
        return ax

    def table(self) -> "pandas.DataFrame":
        """A row for each stop, chosen item, operation or order, with names and figures.

        Raises:
            NCOError: where the problem has no tables, or the solution is a policy without any.
        """
        from nco.solving import tabular
        from nco.tables import frames

        case = self._case("shown as tables")
        return frames.frame_of(tabular.table_of(case, self.solution, self.orders))

    @property
    def stops(self) -> "pandas.DataFrame":
        """`table` of a solution with routes: a row for each stop.

        Raises:
            NCOError: where the table is one of other things.
        """
        table = self.table()
        if "stop" not in table.columns:
            raise NCOError(f"solutions of {self.problem} have no stops: use table()")
        return table

    def to_geojson(self) -> dict[str, Any]:
        """Routes and stops as a GeoJSON FeatureCollection (RFC 7946).

        Raises:
            NCOError: where the stops have no latitude and longitude.
        """
        from nco.solving import tabular
        from nco.tables import geojson

        case = self._case("drawn on maps")
        return geojson.collection(tabular.table_of(case, self.solution, self.orders), self.name)

    def map(self, path: str | Path | None = None) -> Any:
        """Routes and stops on a map of the world, by folium (the extra `map`).

        Args:
            path: an HTML file to write; None writes none.

        Returns: the `folium.Map`, which notebooks show.

        Raises:
            NCOError: where the stops have no latitude and longitude, the file cannot be written, or
                folium is not installed.
        """
        from nco.pictures import map as maps
        from nco.solving import saving, tabular

        case = self._case("drawn on maps")
        table = tabular.table_of(case, self.solution, self.orders)
        drawn = maps.drawn(table, str(self).splitlines()[0])
        if path is not None:
            saving.write(Path(path), maps.page(drawn), self)
        return drawn

    def save(self, path: str | Path) -> None:
        """Writes what the ending says.

        ``.json`` has everything, and the table where there are names; ``.csv``, ``.tsv`` and
        ``.xlsx`` are `table`, and ``.geojson`` is a map of stops with latitude and longitude;
        ``.html`` is a page with the picture, which zooms, and the table; ``.tour``, ``.sol`` and
        ``.txt`` are the problem's public format.

        Raises:
            NCOError: an ending that says none of these; and where that cannot be written: an older
                file is then still there, whole, and `faults` has the message too.
        """
        from nco.solving import saving

        target = Path(path)
        saving.check_ending(target)
        saving.write(target, saving.content(target, self, self.case), self)

    def _case(self, what: str) -> Case:
        if self.case is None:
            raise NCOError(f"{self.problem} has no files.py: its solutions cannot be {what}")
        return self.case


def _listed(word: str, things: list[str]) -> list[str]:
    """A line for each of the first things, and one that counts the others."""
    lines = [f"  {word}: {each}" for each in things[:SHOWN]]
    more = len(things) - SHOWN
    return [*lines, f"  {word}: and {more} more"] if more > 0 else lines
