"""How long a process has had a processor, as the system says.

Only Linux tells it of another process; elsewhere nothing is known, and nothing is said.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What a process has had of the processors.

    Attributes:
        processor: seconds at work, of all its threads, in steps of a hundredth.
        waited: seconds in which its main thread could have worked and had no processor; None where
            the system does not say.
    """

    processor: float
    waited: float | None = None

    def since(self, before: "Usage") -> "Usage":
        """What was added after an earlier reading."""
        waited = None
        if self.waited is not None and before.waited is not None:
            waited = self.waited - before.waited
        return Usage(self.processor - before.processor, waited)


def of_process(process: int) -> Usage | None:
    """The reading of now; None where there is no such process or no such system."""
    try:
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()  # the name before it may have blanks
        ticks = int(fields[11]) + int(fields[12])  # in user mode and in the kernel
        processor = ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
    try:
        with open(f"/proc/{process}/schedstat") as file:
            return Usage(processor, int(file.read().split()[1]) / 1e9)
    except (OSError, IndexError, ValueError):
        return Usage(processor)
