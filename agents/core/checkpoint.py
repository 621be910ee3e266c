"""Checkpoints: a folder of one JSON file and some safetensors files, written as a set.

Reading a checkpoint executes nothing: it holds numbers and text. Writing goes through temporary files in the same
folder. Once all of them are complete, one small commit file is put beside them; from then on the new set counts, even
if the process dies before the last rename, because a reader follows the commit file and the next writer finishes the
renames. Other files in the folder stay as they are.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import read_json, write_atomic

FORMAT = 1
CONFIG, POLICY, TRAINER = "config.json", "policy.safetensors", "trainer.safetensors"
_COMMIT = ".commit.json"
_STAGED = ".checkpoint."


def write_checkpoint(
    folder: str | os.PathLike[str],
    header: Mapping[str, Any],
    policy: Mapping[str, Tensor],
    trainer: Mapping[str, Tensor],
) -> None:
    """Writes the three files of a checkpoint as a set: all of them or none.

    Args:
        folder: Made if missing; an earlier checkpoint in it is replaced.
        header: Plain data; the format number is added.
        policy: Tensors needed to act.
        trainer: Tensors needed to go on learning.

    Raises:
        ScenariumError: `folder` is a file.
    """
    text = json.dumps({"format": FORMAT, **header}, indent=2)
    files = {CONFIG: text.encode(), POLICY: _pack(policy), TRAINER: _pack(trainer)}
    path = _writable(folder)
    _settle(path)
    tag = secrets.token_hex(6)
    for name, content in files.items():
        write_atomic(path / f"{_STAGED}{tag}.{name}", content)
    write_atomic(path / _COMMIT, json.dumps({"tag": tag, "files": sorted(files)}))
    _settle(path)


def read_header(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON file of a checkpoint.

    Raises:
        ScenariumError: No checkpoint there, or one that is damaged or of a newer format.
    """
    return read_json(_current(Path(folder), CONFIG), "checkpoint", FORMAT)


def read_tensors(folder: str | os.PathLike[str], name: str, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of one file of a checkpoint.

    Raises:
        ScenariumError: The file is missing, cut off or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(_current(Path(folder), name).read_bytes())
    except FileNotFoundError:
        raise ScenariumError(f"{Path(folder) / name} is missing") from None
    except (SafetensorError, OSError, ValueError):
        raise ScenariumError(f"{Path(folder) / name} is damaged or cut off; save or download it again") from None
    return {key: tensor.to(device) for key, tensor in tensors.items()}


def has_checkpoint(folder: str | os.PathLike[str]) -> bool:
    """Whether a checkpoint is in the folder."""
    return _current(Path(folder), CONFIG).is_file()


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under names that start with ``prefix.``."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with ``prefix.``, without it."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _pack(tensors: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    # A clone for each: views of one flat buffer and tied tensors are then as good as any other.
    data: bytes = save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})
    return data


def _writable(folder: str | os.PathLike[str]) -> Path:
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ScenariumError(f"cannot write a checkpoint to {path}: it is not a folder") from None
    return path


def _commit(folder: Path) -> dict[str, Any] | None:
    """The commit file's content: a complete new set whose renames may not all be done."""
    try:
        content: dict[str, Any] = json.loads((folder / _COMMIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _current(folder: Path, name: str) -> Path:
    """Where the newest complete version of a file is."""
    commit = _commit(folder)
    staged = folder / f"{_STAGED}{commit['tag']}.{name}" if commit else None
    return staged if staged is not None and staged.exists() else folder / name


def _settle(folder: Path) -> None:
    """Finishes the renames of a committed set and removes what an interrupted one left."""
    commit = _commit(folder)
    for name in commit["files"] if commit else ():
        staged = folder / f"{_STAGED}{commit['tag']}.{name}" if commit else None
        if staged is not None and staged.exists():
            os.replace(staged, folder / name)
    (folder / _COMMIT).unlink(missing_ok=True)
    for leftover in folder.glob(f"{_STAGED}*"):
        leftover.unlink(missing_ok=True)
