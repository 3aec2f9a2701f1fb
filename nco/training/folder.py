"""A run's folder: what is in it, going on from it, and never over a run that is there."""

import contextlib
import json
import os
import shlex
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nco import __version__
from nco.core import atomic
from nco.core.errors import NCOError
from nco.training import curve

CHECKPOINT = "last.ckpt"
ABOUT = "about.json"
LAST, BEST = "last", "best"  # in place of a checkpoint's path; Lightning's words
PACKAGES = ("torch", "lightning", "numpy")


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run's folder, the newest first."""
    return sorted(folder.glob("*.ckpt"), key=lambda path: path.stat().st_mtime, reverse=True)


def checkpoint(word: str, folder: str | None) -> str:
    """The checkpoint that ``--ckpt_path`` means.

    Args:
        word: a file, a run's folder, or ``last``: the newest one of `folder`.
        folder: that of ``--checkpoint.folder``.

    Raises:
        NCOError: where there is none.
    """
    if word == LAST:
        if folder is None:
            raise NCOError("--ckpt_path last: give the folder too, --checkpoint.folder FOLDER")
        return str(_newest(Path(folder), "--ckpt_path last"))
    path = Path(word)
    if path.is_dir():
        return str(_newest(path, "--ckpt_path"))
    if word != BEST and "://" not in word and not path.is_file():
        beside = [str(each) for each in checkpoints(path.parent)] if path.parent.is_dir() else []
        there = f"; there is {', '.join(beside)}" if beside else ""
        raise NCOError(f"--ckpt_path {word}: no such file{there}")
    if path.is_file() and not zipfile.is_zipfile(path):
        raise NCOError(f"--ckpt_path {word}: not a checkpoint of `nco fit`")
    return word


def _newest(folder: Path, flag: str) -> Path:
    found = checkpoints(folder)
    if not found:
        raise NCOError(f"{flag}: no checkpoint (*.ckpt) in {folder}")
    return found[0]


def claim(folder: str | None, going_on: str | None, overwrite: bool) -> None:
    """Asks whether a run may be written into `folder`, before anything is done.

    Args:
        folder: None, where every run gets a new one.
        going_on: the checkpoint that the run goes on from.
        overwrite: whether a run that is there may be lost.

    Raises:
        NCOError: where the folder holds another run, or cannot be written to.
    """
    if folder is None:
        return
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NCOError(f"{path}: cannot be made a folder ({error.strerror})") from error
    if not os.access(path, os.W_OK):
        raise NCOError(f"{path}: cannot be written (no permission)")
    there = checkpoints(path)
    inside = going_on is not None and Path(going_on).resolve().parent == path.resolve()
    if there and not inside and not overwrite:
        raise NCOError(
            f"{path} holds a run ({there[0].name}): go on with it by --ckpt_path last, choose "
            "another --checkpoint.folder, or replace it by --overwrite"
        )


def forget(folder: Path) -> None:
    """Removes what an earlier run left in its folder, and nothing else."""
    for path in [
        *checkpoints(folder),
        *(folder / name for name in (ABOUT, curve.NAME, curve.PICTURE)),
    ]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def about(folder: Path) -> dict[str, Any]:
    """The contents of a run's ``about.json``; empty where there is none that can be read."""
    try:
        found = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def describe_part(words: Sequence[str], step: int, device: str) -> dict[str, Any]:
    """One part of a run, from one command: what it was and what it ran with."""
    return {
        "command": shlex.join(["nco", *words]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "from_step": step,
        "device": device,
        "versions": {"nco": __version__} | {name: metadata.version(name) for name in PACKAGES},
    }


def write_about(folder: Path, part: dict[str, Any]) -> None:
    """Adds a part to the folder's ``about.json``."""
    parts = [*about(folder).get("parts", []), part]
    atomic.write_text(folder / ABOUT, json.dumps({"parts": parts}, indent=1) + "\n")
