"""Processor seconds of this process and of its descendants, such as those of a local cluster."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def seconds(named: bytes = b"") -> float:
    """Of all descendants that live and whose command begins so; of this process, where all count.

    What has ended counts where its parent lives and has waited for it, and all count.
    """
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            name = (entry / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        last = 13 if named else 15  # own user and system time, or those of ended children as well
        found[int(entry.name)] = (int(words[1]), sum(map(int, words[11:last])) / TICKS, name)

    def is_below(pid: int) -> bool:
        while pid in found:
            if pid == os.getpid():
                return True
            pid = found[pid][0]
        return False

    return sum(
        spent for pid, (_, spent, name) in found.items() if name.startswith(named) and is_below(pid)
    )
