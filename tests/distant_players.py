"""A source for actors of a cluster that notes who plays, and fails where it is told to."""

import os
import time
from pathlib import Path

from nco.models.policy_gradient.group import Rollouts
from nco.models.policy_gradient.sources import Collecting, Fresh


class Distant(Fresh):
    """Plays as `Fresh` does; away from the process that made it, it does what `trouble` says.

    Args:
        rollouts: of each instance.
        folder: where each actor leaves a file by the number of its process; None: nowhere.
        trouble: ``slow``: half a second for a group; ``hang``; ``error``; empty: none.
    """

    def __init__(self, rollouts: int = 4, folder: str | None = None, trouble: str = "") -> None:
        super().__init__(rollouts)
        self.folder, self.trouble, self.home = folder, trouble, os.getpid()

    def collect(self, task: Collecting) -> list[Rollouts]:
        if os.getpid() != self.home:
            if self.folder is not None:
                (Path(self.folder) / str(os.getpid())).touch()
            if self.trouble == "error":
                raise ValueError("the disk is full")
            time.sleep({"slow": 0.5, "hang": 600.0}.get(self.trouble, 0.0))
        return super().collect(task)
