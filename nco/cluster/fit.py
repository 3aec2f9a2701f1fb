"""``nco fit --cluster``: Lightning's training in the workers of `ray.train`.

Ray starts a process for each worker, tells them of each other, and starts all of them again from
the newest checkpoint when one dies. The run's folder must be on a file system that all nodes share.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nco.cluster.connect import LOCAL, connected
from nco.cluster.connect import ray as ray_module
from nco.core.errors import NCOError

FLAGS = ("--cluster", "--workers", "--restarts")


@dataclass(frozen=True)
class Job:
    """What a training on a cluster is asked for.

    Attributes:
        words: of ``nco fit``, without those that are here.
        address: of the cluster.
        workers: processes, each with a core or, where there are any, a GPU.
        restarts: of all workers after one has died.
        folder: of the run.
    """

    words: tuple[str, ...]
    address: str
    workers: int = 2
    restarts: int = 3
    folder: str = ""


def job_of(words: Sequence[str]) -> Job:
    """Takes the flags of this module out of a command's words.

    Raises:
        NCOError: for a flag without its value, or a run without a folder.
    """
    rest, given, left = [], {}, list(words)
    while left:
        flag, equals, value = left.pop(0).partition("=")
        if flag not in FLAGS:
            rest.append(flag + equals + value)
            continue
        if not equals and not left:
            raise NCOError(f"{flag}: its value is missing")
        given[flag.removeprefix("--")] = value if equals else left.pop(0)
    job = Job(tuple(rest), given["cluster"], folder=_value(rest, "--checkpoint.folder") or "")
    if rest[:1] != ["fit"]:
        raise NCOError(f"--cluster: is for nco fit, not for nco {rest[0]}")
    if not job.folder:
        raise NCOError("--cluster: needs --checkpoint.folder, on a disk that all nodes share")
    return replace(
        job,
        workers=_whole("workers", given.get("workers", str(job.workers))),
        restarts=_whole("restarts", given.get("restarts", str(job.restarts))),
    )


def _value(words: Sequence[str], name: str) -> str | None:
    """What a flag says, as its own word or after an equals sign."""
    for word, after in zip(words, [*words[1:], None], strict=True):
        flag, equals, value = word.partition("=")
        if flag == name:
            return value if equals else after
    return None


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or (name == "workers" and int(text) < 1):
        raise NCOError(f"--{name}: a whole number, not {text}")
    return int(text)


def main(words: Sequence[str]) -> None:
    """Trains on a cluster; the words are those of ``nco fit``.

    Raises:
        NCOError: where the flags are wrong, Ray is missing, or training fails for good.
    """
    job = job_of(words)
    ray_module()  # or the line that says what to install
    from nco.training import folder

    job = replace(job, folder=os.path.abspath(job.folder))
    going_on = _value(job.words, "--ckpt_path")
    if going_on not in (None, folder.LAST):
        raise NCOError("--ckpt_path: with --cluster only `last`, the newest of the run's folder")
    overwrite = "--overwrite" in job.words
    folder.claim(job.folder, going_on and folder.checkpoint(going_on, job.folder), overwrite)
    if overwrite:  # here, once: a restart must not
        folder.forget(Path(job.folder))
        job = replace(job, words=tuple(word for word in job.words if word != "--overwrite"))
    with connected(job.address, job.workers if job.address == LOCAL else None) as ray:
        _fit(ray, job)


def _fit(ray: Any, job: Job) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    gpus = ray.cluster_resources().get("GPU", 0) >= job.workers
    trainer = TorchTrainer(
        train,
        train_loop_config={"job": job, "folder": os.getcwd()},
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=job.workers, use_gpu=gpus),
        run_config=RunConfig(
            name="ray",
            storage_path=job.folder,
            failure_config=FailureConfig(max_failures=job.restarts),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
        reason = " ".join(lines[-1].split())[:300]
        raise NCOError(f"--cluster: training failed: {reason}") from error


def train(config: dict[str, Any]) -> None:
    """One worker: the same command with Ray's strategy, from the newest checkpoint if any."""
    from nco.training import command, folder

    job: Job = config["job"]
    if os.path.isdir(config["folder"]):
        os.chdir(config["folder"])  # as paths of the command say
    words = list(job.words)
    if "--ckpt_path" not in words and folder.checkpoints(Path(job.folder)):
        words += ["--ckpt_path", folder.LAST]  # of this run: a worker has died
    command.main([*words, "--checkpoint.folder", job.folder], _command())


def _command() -> Any:
    """Lightning's command, with Ray's processes instead of its own."""
    from lightning.pytorch import Trainer
    from ray.train.lightning import RayDDPStrategy, RayLightningEnvironment, prepare_trainer

    from nco.training.command import AtomicCheckpoints, Command

    class OnRay(Command):
        """What Ray has begun already is not begun by Lightning."""

        def instantiate_trainer(self, **options: Any) -> Trainer:
            options |= {
                "strategy": RayDDPStrategy(find_unused_parameters=True),
                "plugins": [AtomicCheckpoints(), RayLightningEnvironment()],
                "devices": "auto",
            }
            trainer: Trainer = prepare_trainer(super().instantiate_trainer(**options))
            return trainer

    return OnRay
