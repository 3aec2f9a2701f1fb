"""What a reader must know to judge the figures: machine, versions, arguments, date."""

import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nco import __version__
from nco.benchmark.contest import Contest
from nco.benchmark.cores import described
from nco.solving import machine

PACKAGES = ("torch", "ortools", "pyvrp", "fast-tsp")


def describe_setting(contest: Contest) -> dict[str, Any]:
    """The contents of ``about.json``."""
    plan = contest.plan
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": f"{plan.cores} of {machine.cores()} cores for every solver",
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "network_device": _device(plan.device),
        "versions": _versions(),
        "instances": contest.origin,
        "models": contest.models,
        "rows": _rows(contest),
        "gaps_to": plan.best_known or "the best of this comparison",
        "seed": plan.seed,
        "arguments": asdict(plan),
    }


def _rows(contest: Contest) -> dict[str, str]:
    """What stands behind each solver's row, where that is not itself alone."""
    plan = contest.plan
    rows = {}
    for problem, entrants in contest.entrants.items():
        for entrant in entrants:
            name = f"{problem}: {entrant.name}" if len(contest.entrants) > 1 else entrant.name
            if entrant.model is None:
                rows[name] = described(problem, entrant.name, plan.cores, plan.seed)
            else:
                part = "networks and classical solvers" if entrant.classical else "networks alone"
                rows[name] = f"{part}, on the cores as it sees fit"
    return rows


def _versions() -> dict[str, str]:
    versions = {"nco": __version__}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _device(name: str) -> str:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and torch.cuda.is_available():
        return torch.cuda.get_device_name(name)
    return name


def processor() -> str:
    """The processor's name."""
    try:  # what platform knows on Linux is often no more than x86_64
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
