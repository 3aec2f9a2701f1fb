"""What version 0.1 wrote is refused by name, in one line that says what to do."""

from pathlib import Path
from typing import Any

from nco.core.errors import NCOError

CHECKPOINT = 2  # format of this version's checkpoints; those of 0.1 have none
OTHERWISE = "or use nco-solver 0.1"

# class paths of 0.1 that configs, checkpoints and labelled sets may name; a dot ends a module
OLD = (
    "nco.data.",
    "nco.geometry.",
    "nco.method.",
    "nco.policy.",
    "nco.problem.",
    "nco.resolve.",
    "nco.train.",
    "nco.models.hdpo.Hdpo",
    "nco.models.nets.ParcoPolicy",
    "nco.models.nets.parco.ParcoPolicy",
    "nco.models.poppy.Polychromic",
    "nco.models.poppy.Winner",
    "nco.models.ppo.Ppo",
    "nco.models.reinforce.Exponential",
    "nco.models.reinforce.GreedyRollout",
    "nco.models.reinforce.LeaveOneOut",
    "nco.models.reinforce.MeanOverStarts",
)
# arguments of 0.1's methods and data, and what they are now
ARGUMENTS = {
    "lr": "training.lr",
    "warmup": "training.warmup",
    "weight_decay": "training.weight_decay",
    "decay_steps": "training.decay_steps",
    "seed": "training.seed",
    "initial": "training.initial",
    "muon": "training.optimizer",
    "baseline": "advantage",
    "objective": "advantage",
    "skip": "decided by the problem's starts",
}


def is_old(class_path: str) -> bool:
    """Whether a class path is one of version 0.1."""
    return any(
        class_path.startswith(name) if name.endswith(".") else class_path == name for name in OLD
    )


def refuse_class(class_path: str) -> None:
    """Raises NCOError where `class_path` is a name of version 0.1."""
    if is_old(class_path):
        raise NCOError(
            f"{class_path} is a name of version 0.1, which this version does not read: make the "
            f"file that names it again, {OTHERWISE}"
        )


def refuse_checkpoint(description: dict[str, Any], path: str | Path) -> None:
    """Raises NCOError where a checkpoint with `description` is of another version."""
    if description.get("format") != CHECKPOINT:
        raise NCOError(
            f"{path}: a checkpoint of version 0.1, which this version does not read: train again, "
            f"{OTHERWISE}"
        )


def refuse_config(config: Any, path: str | Path) -> None:
    """Raises NCOError where a configuration is of version 0.1, naming the first old word."""
    for class_path in _class_paths(config):
        if is_old(class_path):
            raise NCOError(
                f"{path}: {class_path} is a name of version 0.1: write the file as those in "
                f"configs/ are now, {OTHERWISE}"
            )
    for part, names in (("model", ARGUMENTS), ("data", {"folders": "sets"})):
        for name, now in names.items():
            if name in _arguments(config, part):
                raise NCOError(
                    f"{path}: {part}.init_args.{name} is of version 0.1; now it is {now}"
                )


def _class_paths(config: Any) -> list[str]:
    """All class paths within a configuration."""
    if isinstance(config, dict):
        own = [config["class_path"]] if isinstance(config.get("class_path"), str) else []
        return own + [path for value in config.values() for path in _class_paths(value)]
    if isinstance(config, list):
        return [path for value in config for path in _class_paths(value)]
    return []


def _arguments(config: Any, part: str) -> dict[str, Any]:
    """The arguments of the model or data class, where it is one of this package."""
    found = config.get(part) if isinstance(config, dict) else None
    if not isinstance(found, dict) or not str(found.get("class_path", "")).startswith("nco."):
        return {}
    arguments = found.get("init_args")
    return arguments if isinstance(arguments, dict) else {}
