"""What was measured of this machine, and what the models' cards say where nothing was."""

import functools
import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nco.core.case import Case
from nco.workers.cores import usable_cores
from nco.zoo import cards

FORMAT = 1


@dataclass(frozen=True)
class Unmeasured:
    """What is assumed of a machine that ``nco tune`` has not measured.

    Attributes:
        first: seconds of a network's first search; cards say it of all networks that ship.
        loading: seconds until networks can begin: the import of torch on a usual disk.
        near: how far a size or a limit may be from a measured one, as a logarithm: a factor of 4.
    """

    first: float = 1.0
    loading: float = 3.0
    near: float = math.log(4)


UNMEASURED = Unmeasured()


def cores() -> int:
    """The processor cores that this process may use."""
    return usable_cores()


def path() -> Path:
    """The file that `nco tune` writes, in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "nco" / "profile.json"


def read() -> dict[str, Any]:
    """The profile of this machine; empty where there is none, or one of another format."""
    file = path()
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError:
        return {}


@functools.lru_cache(maxsize=1)
def _read(file: Path, changed: int) -> dict[str, Any]:
    try:
        profile = json.loads(file.read_text())
    except ValueError:
        return {}
    return profile if isinstance(profile, dict) and profile.get("format") == FORMAT else {}


def loading() -> float:
    """Seconds until networks can begin; none where they are loaded already."""
    module = sys.modules.get("nco.solving.neural")
    if getattr(module, "IS_LOADED", False):  # its last line: not while another thread imports it
        return 0.0
    return float(read().get("loading", UNMEASURED.loading))


def first_seconds(case: Case) -> float:
    """What the first search of the fastest network takes on a case."""
    rows = [row for row in read().get("networks", []) if row["problem"] == case.problem]
    measured = cards.seconds(rows, case.size)
    if measured < math.inf:
        return measured
    name = cards.fastest(case)
    return UNMEASURED.first if name is None else cards.first_seconds(case, name)


def starts(case: Case, limit: float) -> list[str]:
    """What the classical solver should begin from at a time limit, best first; empty: unknown."""
    near: list[tuple[float, dict[str, float]]] = []
    for row in read().get("starts", []):
        if row["problem"] == case.problem:
            far = abs(math.log(max(case.size, 1) / row["size"]))
            late = abs(math.log(limit / row["time_limit"]))
            if max(far, late) <= UNMEASURED.near:
                near.append((far + late, row["gap_percent"]))
    if not near:
        return []
    gaps = min(near, key=lambda pair: pair[0])[1]
    return sorted(gaps, key=lambda name: gaps[name])
