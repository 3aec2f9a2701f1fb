"""What was measured of this machine, and what the models' cards say where nothing was."""

import functools
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from nco.core.case import Case
from nco.zoo import cards

FORMAT = 1
UNKNOWN = 1.0  # seconds of a network's first search that nobody has measured
LOADING = 3.0  # seconds until networks can begin, where nobody measured
NEAR = math.log(4)  # how far a size or limit may be from a measured one


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
        found = json.loads(file.read_text())
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def loading() -> float:
    """Seconds until networks can begin; none where torch is there already."""
    module = sys.modules.get("nco.solving.neural")
    ready = hasattr(module, "instance")  # the last that is defined there
    return 0.0 if ready else float(read().get("loading", LOADING))


def first_seconds(case: Case) -> float:
    """What the first search of the fastest network takes on a case."""
    rows = [row for row in read().get("networks", []) if row["problem"] == case.problem]
    measured = cards.seconds(rows, case.size)
    if measured < math.inf:
        return measured
    name = cards.fastest(case)
    return UNKNOWN if name is None else cards.first_seconds(case, name)


def starts(case: Case, limit: float) -> list[str]:
    """What the classical solver should begin from at a time limit, best first; empty: unknown."""
    found = []
    for row in read().get("starts", []):
        if row["problem"] == case.problem:
            far = abs(math.log(max(case.size, 1) / row["size"]))
            late = abs(math.log(limit / row["time_limit"]))
            if max(far, late) <= NEAR:
                found.append((far + late, row["gap_percent"]))
    if not found:
        return []
    gaps: dict[str, float] = min(found, key=lambda pair: pair[0])[1]
    return sorted(gaps, key=lambda name: gaps[name])
