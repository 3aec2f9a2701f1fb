"""The way to Ray: imported only where somebody asks for a cluster."""

import contextlib
import importlib.util
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from nco.core.errors import NCOError
from nco.workers.cores import usable_cores

LOCAL = "local"
INSTALL = "pip install 'nco-solver[ray]'"
STORE = 2**28  # bytes of shared memory of a cluster on this machine; blocks of instances are small
SETTINGS = {  # nothing is sent to anybody, and no line is printed about that
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    # of a local cluster, whose workers would otherwise give way to all else on the machine (15): an
    # actor would not even begin beside a process that is always busy
    "RAY_worker_niceness": "0",
}


def ray(who: str = "--cluster") -> Any:
    """The module.

    Args:
        who: asks for it, for the message.

    Raises:
        NCOError: where it is not installed, with the command that does it.
    """
    if importlib.util.find_spec("ray") is None:
        raise NCOError(f"{who} needs Ray, which is not installed: {INSTALL}")
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray as module

    return module


@contextlib.contextmanager
def connected(address: str, cores: int | None = None, who: str = "--cluster") -> Iterator[Any]:
    """Ray, connected to a cluster until the context ends.

    A process that is connected already stays so, whatever the address.

    Args:
        address: ``HOST:PORT`` of the cluster's head, ``auto`` for the one that runs on this
            machine, or ``local`` for a new one on this machine, which ends with the context.
        cores: of a local one; None: all that this process may use.
        who: asks for it, for messages.

    Raises:
        NCOError: where Ray is missing, or there is no cluster at the address.
    """
    module = ray(who)
    if module.is_initialized():
        yield module
        return
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        options |= {
            "num_cpus": usable_cores() if cores is None else cores,
            "object_store_memory": STORE,
            "include_dashboard": False,
        }
    with _own_signals():
        try:
            module.init(log_to_driver=False, logging_level="ERROR", **options)
        except Exception as error:  # Ray raises that itself where a node does not begin in time
            reason = " ".join(str(error).split())[:200]
            remedy = "give HOST:PORT of its head, auto or local"
            raise NCOError(f"{who} {address}: no cluster there ({reason}): {remedy}") from error
    try:
        yield module
    finally:
        module.shutdown()


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps the handlers: Ray's own for SIGTERM would end the program without its results."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def in_one_line(error: BaseException) -> str:
    """The first line of an error that says something, without Ray's page of details."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no word'}"[:300]
