"""Divides a time limit between the networks' searches and classical solvers, core by core.

The plan is data, made before anything runs, from the instance's size, the processors and what was
measured: of this machine by `nco tune`, otherwise as the models' cards say.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nco import registry
from nco.registry.interface import Solver
from nco.solving import certify, machine
from nco.solving.incumbents import Progress
from nco.solving.options import Options
from nco.zoo import cards

NETWORKS, ELSEWHERE, PARTS = "networks", "networks in a process", "parts"


@dataclass(frozen=True)
class Thresholds:
    """Where one way to divide the time becomes better than another.

    Attributes:
        large: nodes from which a classical solver goes on from the construction, where nothing was
            measured: what it makes of nothing is better on small cases only.
        rounds: in which a solution in parts is cut, so that the borders of one round lie inside
            the parts of the next.
        networks: share of the time, at most, that networks have before a classical solver.
        worthwhile: share of what a network's first search takes: less would not be one solution.
        one_search: nodes above which networks alone are one search with a thread on every core, and
            not a search on each: one that improves a large solution everywhere has enough to do.
        processes: in which one call has networks search, at most: each has torch in its memory.
    """

    large: int = 500
    rounds: int = 3
    networks: float = 0.1
    worthwhile: float = 0.05
    one_search: int = 150
    processes: int = 7


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Stage:
    """One solver at work on one core for a part of the time.

    Attributes:
        solver: a name of the problem's `classical.py`; "networks"; "networks in a process":
            in a child; or "parts": the classical solver on one part of a large solution after the
            other.
        core: which one; stages of one core follow one another.
        begin, end: seconds since the call.
        seed: of its random numbers, beside the caller's.
        start: what it begins from: "own" is nothing, "construct", "network" the networks' best,
            "best" the best of all.
        threads: that it has; those beyond the first are other cores, which have no stage.
    """

    solver: str
    core: int
    begin: float
    end: float
    seed: int = 0
    start: str = "own"
    threads: int = 1

    def __str__(self) -> str:
        start = {"own": ""}.get(self.start, f", from the {self.start}")
        seed = f", seed +{self.seed}" if self.seed else ""
        cores = f"core {self.core}"
        if self.threads > 1:
            cores = f"cores {self.core}-{self.core + self.threads - 1}"
        return f"{cores}, {self.begin:.2f}-{self.end:.2f} s: {self.solver}{start}{seed}"


@dataclass(frozen=True)
class Setting:
    """What a plan rests on.

    Attributes:
        size: of the case; cores: processors; begin, end: seconds since the call, now and the end.
        improver: the classical solver; None: networks alone.
        same: whether neither seed nor start make a difference to it.
        partner: another solver for the other cores, where `improver` is the `same` on each.
        alone: whether what the improver makes of nothing is better than any other beginning.
        together: whether one run of it with all cores is better than one with a seed on each.
        parts: whether the case is too large for it, and the folder can cut solutions into parts.
        first: seconds that the networks' first search takes; None: there is no network.
        loading: seconds until networks can begin.
        spread: whether further searches of networks can begin at once in the call's children.
        starts: what the improver begins from, best first, as measured; empty: not measured.
    """

    size: int
    cores: int
    begin: float
    end: float
    improver: str | None = None
    same: bool = False
    partner: str | None = None
    alone: bool = False
    together: bool = False
    parts: bool = False
    first: float | None = None
    loading: float = 0.0
    spread: bool = False
    starts: Sequence[str] = ()


def setting(
    progress: Progress,
    options: Options,
    improvers: Sequence[Solver[Any]],
    cores: int,
    spread: bool = False,
) -> Setting:
    """What a plan for the one case of `progress` rests on, from now to the end of its time.

    Args:
        improvers: the classical solvers that may be used, the best first.
        cores: that the call has.
        spread: whether its children have loaded networks.
    """
    case, limit = progress.cases[0], options.time_limit
    assert limit is not None
    folder = registry.folder(case.problem)
    has_networks = cards.may_play([case], options.model)
    improver = next(iter(improvers), None)
    others = [solver.name for solver in improvers[1:] if solver.kernels and not solver.same]
    large = improver is not None and improver.largest is not None and case.size > improver.largest
    return Setting(
        size=case.size,
        cores=cores,
        begin=time.perf_counter() - progress.begin,
        end=limit - (certify.reserve(case, limit) if options.bound else 0.0),
        improver=None if improver is None else improver.name,
        same=improver is not None and improver.same,
        partner=next(iter(others), None),
        alone=improver is not None and bool(improver.kernels),
        together=improver is not None and improver.together is not None and improver.together(case),
        parts=large and folder.has("decomposition") and progress.start(0, "best") is not None,
        first=machine.first_seconds(case) if has_networks else None,
        loading=machine.loading(),
        spread=spread,
        starts=machine.starts(case, limit),
    )


def make(setting: Setting) -> list[Stage]:
    """The stages, by core and time; empty where nothing can improve the construction."""
    if setting.improver is None:
        return _alone(setting)
    if setting.parts:
        return _parts(setting)
    if setting.same:
        return _same(setting, setting.improver)
    if setting.together and setting.cores > 1:
        stage = Stage(setting.improver, 0, setting.begin, setting.end)
        return [replace(stage, threads=setting.cores)]
    return _seeds(setting, setting.improver)


def _alone(setting: Setting) -> list[Stage]:
    """Networks and nothing else: another search on each core, or one on all of them."""
    if setting.first is None:
        return []
    search = Stage(NETWORKS, 0, setting.begin, setting.end, start="best")
    if not setting.spread or setting.size > THRESHOLDS.one_search:
        return [replace(search, threads=setting.cores)]
    others = beside(setting.cores)
    search = replace(search, core=len(others), threads=setting.cores - len(others))
    return [search] + [
        Stage(ELSEWHERE, core, setting.begin, setting.end, core + 1, "best") for core in others
    ]


def beside(cores: int) -> range:
    """Of so many cores those on which networks search in a process: never the last one.

    Those whose children are ready come first in a lease, and the call's own search needs none.
    """
    return range(min(cores - 1, THRESHOLDS.processes))


def hedged(stages: list[Stage], loading: str, other: Solver[Any]) -> list[Stage]:
    """The stages where the solver is still to be loaded: on every second core another one begins.

    Where it would have several cores together, the last one is the other's.
    A call of one core, or of which others want a part, may get nothing from the first in time.
    """
    if other.name == loading:
        return stages
    found = []
    for stage in stages:
        last = stage.core + stage.threads - 1
        if stage.solver != loading or (stage.threads == 1 and stage.core % 2 == 0):
            found.append(stage)
            continue
        if stage.threads > 1:
            found.append(replace(stage, threads=stage.threads - 1))
        found.append(replace(stage, solver=other.name, core=last, threads=1))
    return found


def _same(setting: Setting, improver: str) -> list[Stage]:
    """A solver that always does the same runs once; other cores are for the partner or networks."""
    stages = [Stage(improver, 0, setting.begin, setting.end)]
    if setting.partner is not None:
        return stages + [
            Stage(setting.partner, core, setting.begin, setting.end, core)
            for core in range(1, setting.cores)
        ]
    ready = setting.begin + setting.loading
    if setting.cores > 1 and setting.first is not None and ready < setting.end:
        stages.append(Stage(NETWORKS, 1, setting.begin, setting.end, start="best"))
    return stages


def _seeds(setting: Setting, improver: str) -> list[Stage]:
    """The solver with another seed on every core, from different beginnings.

    A network's solution is one of them where it is there soon enough; the last core waits for it,
    so that with several of them none of the others does.
    """
    if setting.alone:
        return [
            Stage(improver, core, setting.begin, setting.end, core) for core in range(setting.cores)
        ]
    spent = _network_share(setting)
    orders = list(setting.starts) or _usual(setting)
    if spent is None:
        orders = [start for start in orders if start != "network"] or _usual(setting)
    elif "network" not in orders and setting.cores > 1 and not setting.starts:
        orders.insert(1, "network")
    chosen = [orders[core % len(orders)] for core in range(setting.cores)]
    stages = []
    for core, start in enumerate(chosen):
        begin = setting.begin
        if start == "network" and "network" not in chosen[:core]:
            assert spent is not None
            begin += setting.loading + spent
            stages.append(Stage(NETWORKS, core, setting.begin, begin))
        elif start == "network":
            start = "construct"
        stages.append(Stage(improver, core, begin, setting.end, core, start))
    return stages


def _usual(setting: Setting) -> list[str]:
    """What to begin from where nothing was measured, best first."""
    return ["own", "construct"] if setting.size < THRESHOLDS.large else ["construct"]


def _network_share(setting: Setting) -> float | None:
    """Seconds for networks before a classical solver; None: they would come too late."""
    if setting.first is None:
        return None
    most = THRESHOLDS.networks * (setting.end - setting.begin)
    if setting.loading + THRESHOLDS.worthwhile * setting.first > most:
        return None
    return min(setting.first, most - setting.loading)


def _parts(setting: Setting) -> list[Stage]:
    """Rounds in which every core improves one region of the best solution, cut anew each time."""
    each = (setting.end - setting.begin) / THRESHOLDS.rounds
    return [
        Stage(
            PARTS,
            core,
            setting.begin + turn * each,
            setting.begin + (turn + 1) * each,
            turn,
            "best",
        )
        for turn in range(THRESHOLDS.rounds)
        for core in range(setting.cores)
    ]
