"""What the stages of a plan really had: when they began, and how much of a processor."""

import time
from collections.abc import Sequence

from nco.solving.incumbents import Progress
from nco.solving.schedule import NETWORKS, Stage
from nco.workers.lanes import Lease
from nco.workers.pool import Handle
from nco.workers.usage import Usage

SCARCE = 0.75  # share of its time with a processor, under which it is said among many calls
STARVED = 0.9  # share of its time without one, from which on it is said of a call alone
LEAST = 0.05  # seconds of a run under which neither is

LINE = 0.02  # share of a limit, from which on time in line is worth a word

Key = tuple[str, int, int]


class Account:
    """The plan's lines, with what became of each of its stages; what was amiss is a fault."""

    def __init__(self, progress: Progress, lease: Lease) -> None:
        self.progress, self.lease = progress, lease
        self._became: dict[Key, str] = {}

    def closed(
        self, stage: Stage, handle: Handle | None, why: str = "", failed: bool = False
    ) -> None:
        """A stage is over; before its time where there is a reason, in words after a comma."""
        if stage.solver == NETWORKS or handle is None:
            return
        if handle.begun is None:
            self._became[_key(stage)] = f"never began{why}"
            if not why and not failed:
                wait = stage.end - stage.begin
                self.progress.fault(
                    f"{stage.solver}: never began: its process was not ready in {wait:.2f} s"
                )
            return
        spent, usage = time.perf_counter() - handle.begun, handle.usage()
        began = handle.begun - self.progress.begin
        late = "" if began < stage.begin + 0.1 else f"began at {began:.2f} s, "
        had = "" if usage is None else f"had {usage.processor:.2f} s of a processor"
        self._became[_key(stage)] = f"{late}{had}{why}"
        if not why and not failed and spent >= LEAST and self._is_short(usage, spent):
            crowd = self.lease.most > self.lease.cores
            of = f"had {usage.processor:.2f} s of a processor in" if usage else "shared a core for"
            whom = f", {self.lease.most} calls at once on {self.lease.cores} cores"
            text = f"{stage.solver}: {of} {spent:.2f} s{whom if crowd else ''}"
            self.progress.fault(text)

    def _is_short(self, usage: Usage | None, spent: float) -> bool:
        """Whether a solver had less of a processor than it could have used."""
        if self.lease.most > self.lease.cores:
            return usage is None or usage.processor < SCARCE * spent
        return usage is not None and (usage.waited or 0.0) >= STARVED * spent

    def idle(self, stage: Stage) -> None:
        """A stage that never had its turn."""
        self._became.setdefault(_key(stage), "never began")

    def lines(self, plan: Sequence[str], stages: Sequence[Stage]) -> list[str]:
        """The plan's lines, of the stages and before them, with what became of the stages."""
        others = len(plan) - len(stages)
        lines = list(plan[:others])
        if self.lease.most > 1:
            lines.append(
                f"{self.lease.most} calls at once: {self.lease.count} of {self.lease.cores} cores"
            )
        for line, stage in zip(plan[others:], stages, strict=True):
            became = self._became.get(_key(stage))
            lines.append(f"{line}; {became}" if became else line)
        return lines


def _key(stage: Stage) -> Key:
    """What stays of a stage whose beginning is put forward."""
    return stage.solver, stage.core, stage.seed


def say_waiting(progress: Progress, lease: Lease, limit: float) -> None:
    """Notes how long a call waited in line for its children, and whether in vain."""
    if lease.count and lease.waited < LINE * limit:
        return
    taken = f"{lease.waited:.2f} s in line: other calls had all of the session's workers"
    if lease.count:
        progress.fault(f"waited {taken}")
    else:
        progress.fault(f"no solver began, after {taken}")
        progress.plan.append("nothing: no worker was free in time")
