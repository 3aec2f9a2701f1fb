"""The best solutions so far, each judged by the independent checker when it was found."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.core.case import Bound, Case, Report
from nco.solving.solution import Improvement

if TYPE_CHECKING:
    from nco.zoo.weights import Model


@dataclass(frozen=True)
class Candidate:
    """A solution that a search or a solver proposes.

    Attributes:
        index: of the case in its group.
        solution: in the case's own numbers.
        actions: the policy's, where one found it.
        source: who found it, in a word.
    """

    index: int
    solution: Any
    actions: list[int] | None
    source: str


@dataclass(frozen=True)
class Best:
    """A checked candidate."""

    solution: Any
    actions: list[int] | None
    report: Report


@dataclass
class Progress:
    """The best of every case of a group, and how it came about.

    Attributes:
        best: by case; None before the first answer.
        network: by case the best that a network found, which later stages may begin from.
        proven: by case the bound that a classical solver has proven, if any.
        models: the networks that took part; plan: what was planned, a line each.
        faults: of classical solvers and networks, a line each.
    """

    cases: list[Case]
    begin: float
    best: list[Best | None] = field(default_factory=list)
    network: list[Best | None] = field(default_factory=list)
    history: list[list[Improvement]] = field(default_factory=list)
    proven: list[Bound | None] = field(default_factory=list)
    models: list["Model"] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = [None] * len(self.cases)
        self.network = [None] * len(self.cases)
        self.history = [[] for _ in self.cases]
        self.proven = [None for _ in self.cases]

    def construct(self) -> None:
        """Every case's simple construction: nobody should get an answer worse than this."""
        for index, case in enumerate(self.cases):
            self.offer(Candidate(index, case.construct(), None, "construct"))

    def offer(self, candidate: Candidate) -> Report:
        """Keeps a solution if it is better."""
        index, case = candidate.index, self.cases[candidate.index]
        report = registry.folder(case.problem).check.check(case, candidate.solution)
        new = Best(candidate.solution, candidate.actions, report)
        if candidate.actions is not None and beats(report, _report(self.network[index])):
            self.network[index] = new
        if beats(report, _report(self.best[index])):
            self.best[index] = new
            if report.feasible:
                assert report.cost is not None
                seconds = time.perf_counter() - self.begin
                self.history[index].append(Improvement(seconds, report.cost, candidate.source))
        return report

    def take(self, candidate: Candidate) -> bool:
        """Keeps a solution if it is better; an infeasible one of a classical solver is a fault.

        Returns: whether it is feasible.
        """
        report = self.offer(candidate)
        if not report.feasible and candidate.actions is None:
            broken = (report.violations or ["no cost"])[0]
            self.fault(f"{candidate.source}: infeasible: {broken}")
        return report.feasible

    def fault(self, text: str) -> None:
        """Notes what went wrong; the same on two cores is one fault."""
        if text not in self.faults:
            self.faults.append(text)

    def prove(self, index: int, value: float | int | None, solver: str) -> None:
        """Keeps a bound that a classical solver has proven if it is better."""
        old = self.proven[index]
        if value is not None and (old is None or value > old.value):
            self.proven[index] = Bound(value, solver)

    def start(self, index: int, kind: str) -> Any:
        """The solution to begin from: "own" is none, "network" the network's, "best" any."""
        found = self.network[index] if kind == "network" else None
        if kind != "own" and (found is None or not found.report.feasible):
            found = self.best[index]
        return found.solution if found is not None and found.report.feasible else None


def beats(report: Report, old: Report | None) -> bool:
    """Whether a solution is better than an older one, by their reports: feasible before cheap."""
    if old is None:
        return True
    if report.feasible != old.feasible:
        return report.feasible
    return report.cost is not None and (old.cost is None or report.cost < old.cost)


def _report(best: Best | None) -> Report | None:
    return None if best is None else best.report
