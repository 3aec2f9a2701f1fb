"""The best solutions so far, each judged by the independent checker when it was found."""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nco import registry
from nco.core.case import Bound, Case, Report
from nco.solving import reasons
from nco.workers.outcome import Improvement

if TYPE_CHECKING:
    from nco.zoo.weights import Model


CONSTRUCTION = "construction"


@dataclass(frozen=True)
class Candidate:
    """A solution that a search or a solver proposes.

    Attributes:
        index: of the case in its group.
        solution: in the case's own numbers.
        actions: the policy's, where one found it.
        source: what found it, in a word.
        report: the checker's verdict; None until it was asked.
        by: who found it, for people: a solver, a network's name; empty: `source` says it.
    """

    index: int
    solution: Any
    actions: list[int] | None
    source: str
    report: Report | None = None
    by: str = ""

    @property
    def is_feasible(self) -> bool:
        """Whether the checker has found it feasible."""
        return self.report is not None and self.report.feasible

    @property
    def keeps_rules(self) -> bool:
        """Whether the checker has found it feasible or partial: a solver may begin from it."""
        return self.report is not None and self.report.keeps_rules


@dataclass
class Progress:
    """The best of every case of a group, and how it came about.

    Attributes:
        cases: of the group; begin: the reading of `time.perf_counter` when the call began.
        best: by case the best candidate, judged; None before the first answer.
        network: by case the best that a network found, which later stages may begin from.
        history: by case every improvement of a feasible solution.
        proven: by case the bound that a classical solver has proven, if any.
        models: the networks that took part here; elsewhere: names of those that did in children.
        plan: what was planned, a line each.
        faults: of classical solvers and networks, a line each.
        notes: by case what no plan can do, a sentence each.
    """

    cases: list[Case]
    begin: float
    best: list[Candidate | None] = field(default_factory=list)
    network: list[Candidate | None] = field(default_factory=list)
    history: list[list[Improvement]] = field(default_factory=list)
    proven: list[Bound | None] = field(default_factory=list)
    models: list["Model"] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = [None] * len(self.cases)
        self.network = [None] * len(self.cases)
        self.history = [[] for _ in self.cases]
        self.proven = [None for _ in self.cases]
        self.notes = [[] for _ in self.cases]

    def construct(self) -> None:
        """Every case's simple construction: nobody should get an answer worse than this.

        Where it is not feasible, what makes every plan impossible is looked for, before any search.
        """
        for index, case in enumerate(self.cases):
            simple = Candidate(index, case.construct(), None, "construct", by=CONSTRUCTION)
            self.notes[index] = reasons.impossible(case, self.offer(simple))

    def offer(self, candidate: Candidate) -> Report:
        """Has a candidate judged, and keeps it if it is better."""
        index, case = candidate.index, self.cases[candidate.index]
        report = registry.folder(case.problem).check.check(case, candidate.solution)
        judged = replace(candidate, report=report)
        if candidate.actions is not None and beats(judged, self.network[index]):
            self.network[index] = judged
        if beats(judged, self.best[index]):
            self.best[index] = judged
            if report.feasible:
                assert report.cost is not None
                seconds = time.perf_counter() - self.begin
                self.history[index].append(Improvement(seconds, report.cost, candidate.source))
        return report

    def take(self, candidate: Candidate) -> bool:
        """`offer`, where a classical solver's solution that breaks a rule is a fault.

        Returns: whether it is feasible, or partial.
        """
        report = self.offer(candidate)
        if not report.keeps_rules and candidate.actions is None:
            self.fault(f"{candidate.source}: infeasible: {report.defect}")
        return report.keeps_rules

    def fault(self, text: str) -> None:
        """Notes what went wrong; the same on two cores is one fault."""
        if text not in self.faults:
            self.faults.append(text)

    def played(self, name: str) -> None:
        """Notes that a network in a child took part."""
        if name not in self.elsewhere:
            self.elsewhere.append(name)

    def networks(self) -> list[str]:
        """The names of all networks that took part."""
        return list(dict.fromkeys([*(model.name for model in self.models), *self.elsewhere]))

    def prove(self, index: int, value: float | int | None, solver: str) -> None:
        """Keeps a bound that a classical solver has proven if it is better."""
        old = self.proven[index]
        if value is not None and (old is None or value > old.value):
            self.proven[index] = Bound(value, solver)

    def report(self, index: int) -> Report | None:
        """The checker's verdict on a case's best solution; None before the first one."""
        best = self.best[index]
        return None if best is None else best.report

    def start(self, index: int, kind: str) -> Candidate | None:
        """What to begin from: "own" is none, "network" the network's, "best" any."""
        candidate = self.network[index] if kind == "network" else None
        if kind != "own" and (candidate is None or not candidate.keeps_rules):
            candidate = self.best[index]
        return candidate if candidate is not None and candidate.keeps_rules else None

    def begun_by(self, solver: str, start: Candidate | None) -> str:
        """Who a solver's solution is by: itself, and whose solution it began from."""
        if start is None or start.by in ("", CONSTRUCTION, solver):
            return solver
        return f"{solver}, from {start.by}'s start"


def beats(new: Candidate, old: Candidate | None) -> bool:
    """Whether a judged candidate is better than an older one, as `is_better` says."""
    if old is None:
        return True
    assert new.report is not None
    assert old.report is not None
    return is_better(new.report, old.report)


def is_better(new: Report, old: Report) -> bool:
    """Whether a solution is better than another one, by their reports.

    One that keeps the rules before one that does not; of the former the one that leaves less
    unassigned, of which a feasible one leaves nothing; then the cheaper one.
    """
    if new.keeps_rules != old.keeps_rules:
        return new.keeps_rules
    left, left_before = len(new.unassigned), len(old.unassigned)
    if new.keeps_rules and left != left_before:
        return left < left_before
    return new.cost is not None and (old.cost is None or new.cost < old.cost)
