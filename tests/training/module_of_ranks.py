"""Callbacks of the tests of several processes: what each rank saw, and the end of one of them."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

from lightning.pytorch import Callback


def digest(tensors):
    return hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()


class Ends(Callback):
    """Writes down, for each rank, the weights at the end."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_end(self, trainer, pl_module):
        path = self.folder / f"rank{trainer.global_rank}.weights"
        path.write_text(digest(pl_module.policy.state_dict().values()))


class Played(Ends):
    """And how many steps learned from groups of actors, which get the processor meanwhile."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        time.sleep(0.2)

    def on_train_end(self, trainer, pl_module):
        super().on_train_end(trainer, pl_module)
        learned = trainer.global_step - pl_module.source.own
        (self.folder / f"rank{trainer.global_rank}.learned").write_text(str(learned))


class Seen(Ends):
    """And the costs of every batch."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        row = {"step": trainer.global_step, "costs": batch.cost[:, 0].tolist()}
        with open(self.folder / f"rank{trainer.global_rank}.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")


class Death(Callback):
    """Kills one rank, once, after a step: as the kernel does when memory runs out."""

    def __init__(self, rank: int, step: int, folder: str) -> None:
        self.rank, self.step, self.mark = rank, step, Path(folder) / "died"

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_rank == self.rank and trainer.global_step == self.step:
            if self.mark.exists():
                return
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
