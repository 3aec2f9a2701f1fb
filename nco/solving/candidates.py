"""The policies that an online case can choose from, and the rules that time makes better.

Every candidate is played on the same futures. Where there is a time limit, the rules share it in
rounds, one for each at first: then each round goes to the rule that would be the cheapest if its
last gain came once more, and that rule goes on from where it was. Rules that gained nothing twice
have had their share.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

from nco import registry
from nco.core.case import Case
from nco.core.errors import NCOError
from nco.core.seeds import derive
from nco.registry.interface import AnswersAtOnce
from nco.solving import effort, turns
from nco.solving.effort import EFFORT
from nco.solving.options import Options
from nco.solving.simulate import Evaluation, difference, policy_of, simulate
from nco.workers.lane import Lane
from nco.workers.outcome import Improvement
from nco.zoo import cards, weights


@dataclass(frozen=True, eq=False)
class Candidate:
    """A policy with what it came to on the futures of the trial.

    Attributes:
        solution, source: the policy, and who found it.
        solver: whether a classical solver found it, which could go on.
        trial: None until it was played.
        gain: what its last round brought, infinite before the first: each has one; stalled: rounds
            in a row that brought nothing.
    """

    solution: Any
    source: str
    solver: bool = False
    trial: Evaluation | None = None
    gain: float = float("inf")
    stalled: int = 0

    @property
    def cost(self) -> float:
        """Mean cost in the trial; infinite before it."""
        return float("inf") if self.trial is None else self.trial.cost


class Contest:
    """Finds candidates for a case, tries them, and improves the rules among them.

    Args:
        case: an online one.
        options: of the call, whose seconds count from `begin` on.
        lane: the process in which the rules take turns; None where none was free in time.
        ahead: the first rule's turn, where it has begun already.

    Attributes:
        candidates: in the order in which they were found.
        history: every better policy, with its cost in the trial.
        faults: what went wrong with rules.
        interrupted: whether Ctrl-C ended the search.
    """

    def __init__(
        self,
        case: Case,
        options: Options,
        begin: float,
        lane: Lane | None,
        ahead: turns.Ahead | None = None,
    ) -> None:
        self.case, self.options, self.begin, self.lane = case, options, begin, lane
        self.ahead = ahead
        self.candidates: list[Candidate] = []
        self.history: list[Improvement] = []
        self.faults: list[str] = []
        self.interrupted = False
        self.setup = 0.0

    @property
    def best(self) -> Candidate:
        """The cheapest in the trial, the first one where none was tried."""
        return min(self.candidates, key=lambda candidate: candidate.cost)

    def run(self, end: float | None, latest: float | None = None, final: int = 1) -> Candidate:
        """The best policy by `end`, a `time.perf_counter` reading.

        Args:
            end: of the search.
            latest: when the whole call must end: the search goes on beyond `end` where `final`
                evaluations that follow need less than the rest, by the time that trials took.
            final: how many follow.

        Raises:
            NCOError: where no policy fits or was found.
        """
        try:
            self._find(end)
            self.setup = time.perf_counter() - self.begin
            if len(self.candidates) > 1 or end is not None:
                self._try_all(end)
            if end is not None:
                self._improve(end if latest is None else max(end, latest - self._needed(final)))
        except KeyboardInterrupt:
            if not self.candidates:
                raise
            self.interrupted = True
        return self.best

    # ---- finding

    def _find(self, end: float | None) -> None:
        """The network asked for, or what fits, and classical rules."""
        case, options = self.case, self.options
        if options.model not in ("auto", cards.NO_MODEL):
            policy_of(case, {"model": options.model}, options.device)  # its errors, first of all
            self.candidates = [Candidate({"model": options.model}, options.model)]
            return
        if options.model == cards.NO_MODEL and not options.classical:
            raise NCOError("model none and classical false leave no policy to choose from")
        if options.model == "auto":
            names = weights.fitting(case.problem, case)
            self.candidates = [Candidate({"model": name}, name) for name in names]
        if options.classical or not self.candidates:
            self._find_rules(end)
        if not self.candidates:
            raise NCOError(
                f"no policy for this {case.problem} case: train one and name it with model="
            )

    def _find_rules(self, end: float | None) -> None:
        """What the classical solvers that suit the case return, each in a child process.

        Where there is no time left for one, and no candidate either, a simple one is constructed.
        """
        folder = registry.folder(self.case.problem)
        names = folder.policies.policies(self.case) if folder.policies is not None else []
        share = effort.first(self.begin, end, 1)
        ready = None if share is None else time.perf_counter() + share
        for index, name in enumerate(names):
            left = effort.first(self.begin, end, len(names) - index)
            found = self._rule(name, left, end, self.options.seed, None, ready)
            if found is not None:
                self.candidates.append(Candidate(found, name, solver=True))
        if self.candidates or not names:
            return
        unready = all(turns.UNREADY in fault for fault in self.faults)
        if end is None or (time.perf_counter() < end and not unready):
            raise NCOError(self.faults[-1])
        left = end - time.perf_counter()
        if left > EFFORT.least:
            self._find_here(names[0], left / 2)
            return
        if isinstance(folder.classical, AnswersAtOnce):
            found = folder.classical.at_once(self.case)
        else:
            solver: Any = folder.solver(names[0])
            found = solver.solve(self.case, time_limit=0.0, seed=self.options.seed)
        if found is None:
            raise NCOError(self.faults[-1])
        self.candidates.append(Candidate(found, "construction"))

    def _find_here(self, name: str, seconds: float) -> None:
        """A rule that this process looks for, because it is ready and no other is."""
        solver: Any = registry.folder(self.case.problem).solver(name)
        found = solver.solve(self.case, time_limit=seconds, seed=self.options.seed)
        if found is None:
            raise NCOError(self.faults[-1])
        self.candidates.append(Candidate(found, name, solver=True))

    def _rule(
        self,
        name: str,
        seconds: float | None,
        end: float | None,
        seed: int,
        start: Any,
        ready: float | None = None,
    ) -> Any:
        """What a solver returns; None where it fails, or is not through by `end`.

        Nor where its process is not ready by a reading of the clock.
        """
        ahead, self.ahead = self.ahead, None
        if ahead is not None and ahead.name == name:
            outcome = ahead.turn.outcome(end, ready)
        else:
            limit = None if seconds is None else max(seconds, EFFORT.least)
            outcome = turns.run(
                self.lane,
                self.case,
                name,
                time_limit=limit,
                until=end,
                seed=seed,
                start=start,
                ready=ready,
            )
        if outcome.solution is None and outcome.error is not None:
            self.faults.append(f"{name}: {outcome.error}")
        return outcome.solution

    # ---- trying

    def _try_all(self, end: float | None) -> None:
        """Plays every candidate on the same futures."""
        for place, candidate in enumerate(self.candidates):
            trial = self._trial(candidate.solution, end)
            better = trial.cost < self.best.cost
            self.candidates[place] = replace(candidate, trial=trial)
            if better:
                self._note(self.candidates[place])

    def _trial(self, solution: Any, end: float | None) -> Evaluation:
        traces = min(EFFORT.trial, self.options.traces)
        until = None
        if end is not None:
            until = time.perf_counter() + EFFORT.trials * (end - self.begin)
        return evaluated(self.case, solution, self.options, "trial", traces, until)

    def _note(self, candidate: Candidate) -> None:
        seconds = time.perf_counter() - self.begin
        self.history.append(Improvement(seconds, candidate.cost, candidate.source))

    def _needed(self, final: int) -> float:
        """Seconds that so many evaluations will take, and some more for safety."""
        trials = [c.trial for c in self.candidates if c.trial is not None]
        longest = max((trial.seconds / trial.traces for trial in trials), default=float("inf"))
        return EFFORT.safety * longest * self.options.traces * final

    # ---- improving

    def _improve(self, end: float) -> None:
        """Rounds of further work on the rules that promise most."""
        for number in range(1, 10_000):
            open_ = [c for c in self.candidates if c.solver and c.stalled < EFFORT.patience]
            now = time.perf_counter()
            # nothing was tried on fewer futures than in the time that a trial may take
            left = end - now - EFFORT.trials * (end - self.begin)
            if not open_ or left < EFFORT.least:
                return
            chosen = min(open_, key=lambda candidate: candidate.cost - candidate.gain)
            seconds = left / max(EFFORT.rounds + 1 - number, 1)
            self._go_on(chosen, seconds, number, end)

    def _go_on(self, chosen: Candidate, seconds: float, number: int, end: float) -> None:
        """Another round for one rule."""
        seed = derive(self.options.seed, "round", number)
        found = self._rule(chosen.source, seconds, end, seed, chosen.solution)
        place = self.candidates.index(chosen)
        gain = 0.0
        tried = chosen
        if found is not None and found != chosen.solution:
            trial = self._trial(found, end)
            assert chosen.trial is not None
            gain, error = difference(chosen.trial, trial)
            if gain > error:
                tried = replace(chosen, solution=found, trial=trial, gain=gain, stalled=0)
        if tried is chosen:
            self.candidates[place] = replace(chosen, gain=0.0, stalled=chosen.stalled + 1)
            return
        better = tried.cost < self.best.cost
        self.candidates[place] = tried
        if better:
            self._note(tried)


def evaluated(
    case: Case, solution: Any, options: Options, what: str, traces: int, deadline: float | None
) -> Evaluation:
    """A policy on the futures that are called `what`; equal names are equal futures."""
    problem, policy = policy_of(case, solution, options.device)
    seed = derive(options.seed, what)
    return simulate(
        problem, policy, case, traces=traces, seed=seed, device=options.device, deadline=deadline
    )
