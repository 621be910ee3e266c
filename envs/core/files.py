"""Small file helpers shared by everything that writes to disk.

A file is either the old one or the complete new one, never half of each: content goes to a temporary name in
the same folder, is flushed to the device, and is then renamed over the target.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from scenarium.envs.core.errors import ScenariumError

_BLOCK = 1 << 20


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a whole file so that a reader, or a crash, never sees part of it.

    Missing parent folders are made. Text is written as UTF-8 with its line ends as they are.

    Args:
        path: Target file; replaced if it exists.
        content: The complete content.

    Returns:
        The target as a `Path`.

    Raises:
        ScenariumError: `path` is a folder, or a part of it that should be a folder is a file.
        OSError: The disk refused (full, read-only, no permission); the old file is then intact.
    """
    target = Path(path)
    if target.is_dir():
        raise ScenariumError(f"cannot write {target}: it is a folder, expected a file name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ScenariumError(f"cannot write {target}: {error.filename} is not a folder") from error
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        _write_synced(temporary, data)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return target


def read_json(path: str | os.PathLike[str], kind: str, version: int, hint: str = "") -> dict[str, Any]:
    """Reads a JSON object that says its version as ``format``.

    Args:
        path: The file.
        kind: What it is the file of, such as "checkpoint", for messages.
        version: The format that is understood.
        hint: Added to the message where the file is missing.

    Raises:
        ScenariumError: It is missing, damaged or of another format.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScenariumError(f"no {kind} in {path.parent}: {path.name} is missing{hint}") from None
    except (ValueError, OSError, RecursionError):
        raise ScenariumError(f"{path} is damaged: it is not readable JSON") from None
    if not isinstance(data, dict) or data.get("format") != version:
        raise ScenariumError(f"{path} is no {kind} of format {version}")
    return data


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits.

    Args:
        path: File to read; it is read in blocks, so its size does not matter.

    Raises:
        ScenariumError: There is no such file.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ScenariumError(f"no file at {os.fspath(path)}") from error
    return digest.hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    # Exclusive creation with the caller's umask: tempfile would leave the result readable by its owner only.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable where the system allows it (Windows cannot open folders)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
