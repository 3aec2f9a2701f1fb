"""`nco doctor`: what is installed here, what is missing, and what to do about it."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nco import __version__
from nco.cli.arguments import command

DISTRIBUTION = "nco-solver"
NEEDED = ("torch", "lightning", "numpy", "ortools", "numba", "matplotlib")
# what an extra adds: package, the module by which it is found, what it is for
OPTIONAL = {
    "solvers": (
        ("pyvrp", "pyvrp", "routes and tours"),
        ("fast-tsp", "fast_tsp", "tours up to 3,000 cities"),
    ),
    "completion": (("shtab", "shtab", "completion in the shell"),),
}
Line = tuple[bool, str, str]  # whether it is as it should be, what it is of, what there is


def add(commands: Any) -> None:
    """Adds the sub-command to those of ``nco``."""
    text = "Say what is installed on this machine, what is missing, and which command adds it."
    command(commands, "doctor", run, text)


def run(options: argparse.Namespace) -> int:
    """Runs it; 1 where something that is needed does not work."""
    broken = False
    for title, lines in (
        ("versions", _versions()),
        ("machine", _machine()),
        ("compiled searches", _kernels()),
        ("caches", _caches()),
        ("optional packages", _optional()),
    ):
        print(title)
        for fine, name, text in lines:
            print(f"  {'' if fine else '! '}{name}: {text}", flush=True)
            broken |= not fine and title == "versions"
    return 1 if broken else 0


def _versions() -> Iterator[Line]:
    import importlib
    import platform
    from importlib import metadata

    place = Path(__file__).parents[1]
    yield True, "nco", f"{__version__}, {place}"
    yield True, "python", f"{platform.python_version()}, {platform.platform()}"
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever it is, it is what the user must know
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            yield False, name, f"{reason}; pip install {name}"
        else:
            yield True, name, metadata.version(name)


def _machine() -> Iterator[Line]:
    from nco.solving import machine

    yield True, "cores", f"{machine.cores()} may be used, of {os.cpu_count()}"
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = load > machine.cores() + 0.5
        words = "; other programs keep the cores busy, time limits give less" if busy else ""
        yield not busy, "load average", f"{load:.2f}{words}"
    yield True, "OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "not set")
    try:
        import torch
    except Exception:  # said above
        return
    yield True, "threads of networks", str(torch.get_num_threads())
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield True, "GPU", ", ".join(names) or "none that torch can use"


def _kernels() -> Iterator[Line]:
    from nco import registry
    from nco.workers import compiling

    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        yield False, "NUMBA_DISABLE_JIT", "1: nothing is compiled, searches are slow; unset it"
    kernels: dict[str, tuple[bool, list[str]]] = {}
    for problem in registry.names():
        for name, solver in registry.folder(problem).classical.solvers().items():
            if solver.kernels:
                ready = compiling.is_ready(solver)
                kernels.setdefault(solver.kernels, (ready, []))[1].append(f"{problem} {name}")
    for ready, users in kernels.values():
        text = "compiled" if ready else "not compiled yet: nco tune, or the first call in a while"
        yield ready, ", ".join(users), text


def _caches() -> Iterator[Line]:
    from nco.problems._common.kernels import cache
    from nco.solving import machine

    folder = cache.folder()
    where = "no folder can be written to: set NUMBA_CACHE_DIR" if folder is None else str(folder)
    yield folder is not None, "compiled code", where
    profile = machine.path()
    there = profile.exists()
    yield there, "measurements", f"{profile}{'' if there else ' is not there: nco tune makes it'}"


def _optional() -> Iterator[Line]:
    import importlib.util
    from importlib import metadata

    for extra, packages in OPTIONAL.items():
        for name, module, purpose in packages:
            if importlib.util.find_spec(module) is not None:
                yield True, name, f"{metadata.version(name)}, for {purpose}"
            else:
                remedy = f"pip install '{DISTRIBUTION}[{extra}]'"
                yield False, name, f"not installed, for {purpose}: {remedy}"
