"""Trained models: weights as safetensors, everything else in a JSON card; never pickle.

A model is a folder with ``weights.safetensors`` and ``card.json``. The card describes problem and
policy as plain data, says how the weights were trained, and what was measured with them; nothing in
it is believed before the weights' SHA-256 agrees.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from nco.core import atomic
from nco.core.case import Case
from nco.core.defaults import fits
from nco.core.describe import DESCRIPTION, construct, describe
from nco.core.errors import NCOError
from nco.core.policy import Policy
from nco.core.problem import Problem
from nco.core.versions import refuse_checkpoint
from nco.zoo.cards import FOLDER, FORMAT, available, choose, locate, read_card

__all__ = [
    "FOLDER",
    "Model",
    "available",
    "choose",
    "fitting",
    "load",
    "read_card",
    "save",
    "write_card",
]

LARGEST_HEADER, MOST_TENSORS = 2**20, 10_000  # a hostile header can cost seconds and gigabytes


@dataclass(frozen=True, eq=False)
class Model:
    """A policy with the problem it was trained for."""

    name: str
    card: dict[str, Any]
    problem: Problem[Any, Any]
    policy: Policy


def load(name: str | Path, device: str = "cpu") -> Model:
    """A shipped model by name, a model folder, or a training checkpoint (``.ckpt``).

    Loaded once a process, and again when the file has changed. The policy is in evaluation mode on
    `device`.

    Raises:
        NCOError: where there is no such model or device.
    """
    file = locate(name)
    check_device(device)
    return _load(file, device, file.stat().st_mtime_ns)


def check_device(name: str) -> None:
    """Raises NCOError unless torch can use the device here; "auto" is always fine."""
    if name == "auto":
        return
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    try:
        kind = torch.device(name)
    except RuntimeError:
        kind = None
    count = torch.cuda.device_count()
    if (
        kind is None
        or kind.type not in devices
        or (kind.type == "cuda" and (kind.index or 0) >= count)
    ):
        raise NCOError(f"device {name}: torch has {' and '.join(devices)} here, or give auto")


@functools.lru_cache(maxsize=16)
def _load(file: Path, device: str, changed: int) -> Model:
    model = _from_checkpoint(file) if file.suffix == ".ckpt" else _from_folder(file.parent)
    model.policy.eval().to(device)
    for parameter in model.policy.parameters():
        parameter.requires_grad_(False)
    return model


def _from_folder(folder: Path) -> Model:
    card = read_card(folder / "card.json")
    path = folder / "weights.safetensors"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NCOError(f"{path}: cannot be read ({error})") from error
    header = int.from_bytes(data[:8], "little")
    if header > LARGEST_HEADER:
        raise NCOError(f"{path}: header of {header} bytes, at most {LARGEST_HEADER} are allowed")
    if atomic.sha256(data) != card.get("sha256"):
        raise NCOError(f"{path}: SHA-256 is not the card's; the file is damaged or another one")
    try:
        names = json.loads(data[8 : 8 + header])
        if len(names) > MOST_TENSORS:
            raise NCOError(f"{path}: {len(names)} tensors, at most {MOST_TENSORS} are allowed")
        weights = safetensors.torch.load(data)
    except (ValueError, safetensors.SafetensorError) as error:
        raise NCOError(f"{path}: not a safetensors file ({error})") from error
    weights = {key: value.float() for key, value in weights.items()}
    return _assemble(folder.name, card, weights, path)


def _from_checkpoint(path: Path) -> Model:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise NCOError(f"{path}: not a checkpoint ({str(error).splitlines()[0]})") from error
    if DESCRIPTION not in checkpoint:
        raise NCOError(f"{path}: not a checkpoint of `nco fit`, which says what was trained")
    refuse_checkpoint(checkpoint[DESCRIPTION], path)
    arguments = checkpoint[DESCRIPTION]["method"]["init_args"]
    card = {key: arguments[key] for key in ("problem", "policy")}
    prefix = "policy."
    weights = {
        key.removeprefix(prefix): value
        for key, value in checkpoint["state_dict"].items()
        if key.startswith(prefix)
    }
    return _assemble(str(path), {**card, "step": checkpoint["global_step"]}, weights, path)


def _assemble(name: str, card: dict[str, Any], weights: dict[str, Any], path: Path) -> Model:
    problem, policy = construct(card["problem"]), construct(card["policy"])
    policy.build(problem.schema)
    try:
        policy.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise NCOError(f"{path}: the weights do not fit the card's policy ({reason})") from error
    return Model(name, card, problem, policy)


def save(
    folder: Path,
    problem: Problem[Any, Any],
    policy: Policy,
    about: dict[str, Any],
    half: bool = True,
) -> None:
    """Writes a model folder.

    Args:
        folder: its name is the model's.
        about: what the card says besides problem, policy, parameters and checksum.
        half: store the weights in bfloat16, half the size; they are loaded as float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dtype = torch.bfloat16 if half else torch.float32
    weights = {
        key: value.detach().cpu().to(dtype).contiguous()
        for key, value in policy.state_dict().items()
    }
    data = safetensors.torch.save(weights)
    card = {
        "format": FORMAT,
        "name": folder.name,
        "problem": describe(problem),
        "policy": describe(policy),
        "parameters": sum(value.numel() for value in weights.values()),
        "sha256": atomic.sha256(data),
        **about,
    }
    atomic.write_bytes(folder / "weights.safetensors", data)
    write_card(folder, card)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes ``card.json`` into a model's folder, whole or not at all."""
    atomic.write_text(folder / "card.json", json.dumps(card, indent=1) + "\n")


def fitting(problem: str, case: Case) -> list[str]:
    """The shipped models of a problem folder that are meant for `case` (`Selective`)."""
    names = []
    for name, card in available().items():
        if str(card["problem"]["class_path"]).startswith(f"nco.problems.{problem}."):
            names += [name] if fits(construct(card["problem"]), case) else []
    return names
