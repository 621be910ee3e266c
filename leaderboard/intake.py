"""Taking in a submission that somebody sent: a folder or a zip archive becomes a folder of checked copies.

Nothing is trusted: only the manifest and the files it lists are copied, by plain names, never through links, and never
more bytes than the limits allow, whatever an archive's directory says.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.record import MAX_BYTES
from scenarium.leaderboard.schema import Manifest

MANIFEST = "manifest.json"
MAX_WEIGHTS = 512 * 2**20
"""Largest weights file accepted, bytes."""
MAX_TOTAL = 2 * 2**30
"""Most bytes of a whole submission."""
MAX_FILES = 1001
SUFFIXES = (".safetensors", ".onnx")
"""Endings of weights files; both formats hold data only."""

Opened = Callable[[str], BinaryIO]


def is_submission(source: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a submission: a folder with a manifest, or a zip archive."""
    path = Path(source)
    return os.path.lexists(path / MANIFEST) or (path.is_file() and path.suffix == ".zip")


def take_in(source: str | os.PathLike[str], target: Path) -> Manifest:
    """Copies the manifest of a submission and the files it lists.

    Args:
        source: Folder or zip archive.
        target: Folder for the copies.

    Raises:
        ScenariumError: Something is missing, too large, a link, not listed, or leads elsewhere.
    """
    path = Path(source)
    if path.is_dir():
        manifest = _copy(_folder_names(path), lambda name: _open_plain(path / name), path, target)
    else:
        manifest = _from_zip(path, target)
    return manifest


def _copy(names: Iterable[str], opened: Opened, source: Path, target: Path) -> Manifest:
    present = set(names)
    if MANIFEST not in present:
        raise ScenariumError(f"{source / MANIFEST}: cannot be read (no such file)")
    text = _bounded(opened, MANIFEST, MAX_BYTES, source)
    manifest = Manifest.parse(text, str(source / MANIFEST))
    listed = [run.file for run in manifest.runs if run.file is not None]
    for name in listed:
        if not name.endswith(SUFFIXES):
            raise ScenariumError(f"{source / name}: weights are {' or '.join(SUFFIXES)} files; others may execute code")
    extra = sorted(present - {MANIFEST, *listed})
    if extra:
        raise ScenariumError(f"{source / extra[0]}: the manifest does not list this file")
    left = MAX_TOTAL
    for name in listed:
        if name not in present:
            raise ScenariumError(f"{source / name}: no such weights file")
        content = _bounded(opened, name, min(left, MAX_WEIGHTS), source)
        left -= len(content)
        write_atomic(target / name, content)
    write_atomic(target / MANIFEST, text)
    return manifest


def _bounded(opened: Opened, name: str, limit: int, source: Path) -> bytes:
    """The bytes of a file, reading no more than is allowed."""
    try:
        with opened(name) as stream:
            content = stream.read(limit + 1)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ScenariumError(f"{source / name}: cannot be read ({error})") from None
    if len(content) > limit:
        raise ScenariumError(f"{source / name}: {_too_large(limit)}")
    return content


def _too_large(limit: int) -> str:
    return f"more than {limit / 2**20:.0f} MiB, the most that is accepted"


def _folder_names(folder: Path) -> list[str]:
    """Everything in a folder but hidden files; what is no plain file is refused."""
    names = []
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or not entry.is_file():
            kind = "a link" if entry.is_symlink() else "no plain file"
            raise ScenariumError(f"{folder / entry.name}: {kind}; a submission is a flat folder of plain files")
        names.append(entry.name)
    return names


def _open_plain(path: Path) -> BinaryIO:
    # Looked at after opening: between a look and an opening a file can be exchanged.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    stream, found = os.fdopen(descriptor, "rb"), os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_WEIGHTS:
        stream.close()
        raise OSError("not a plain file" if found.st_size <= MAX_WEIGHTS else _too_large(MAX_WEIGHTS))
    return stream


def _from_zip(path: Path, target: Path) -> Manifest:
    if path.is_file() and path.stat().st_size > MAX_TOTAL:
        raise ScenariumError(f"{path}: {_too_large(MAX_TOTAL)}")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        raise ScenariumError(f"{path}: neither a submission folder nor a readable zip archive") from None
    with archive:
        members = _members(archive, path)

        def opened(name: str) -> BinaryIO:
            return archive.open(members[name])  # type: ignore[return-value]

        return _copy(members, opened, path, target)


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive by plain name, without the one folder that may hold them all."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_FILES:
        raise ScenariumError(f"{path}: {len(infos)} files, at most {MAX_FILES} are accepted")
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise ScenariumError(f"{path}: unpacks to more than {MAX_TOTAL / 2**30:.0f} GiB, the most that is accepted")
    for info in infos:
        _check_member(info, path)
    folders = {info.filename.rpartition("/")[0] for info in infos}
    if len(folders) > 1 or any("/" in folder for folder in folders):
        raise ScenariumError(f"{path}: files in several folders; a submission is flat")
    members = {info.filename.rpartition("/")[2]: info for info in infos}
    if len(members) < len(infos):
        raise ScenariumError(f"{path}: holds two files of the same name")
    return members


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    parts = info.filename.split("/")
    mode = info.external_attr >> 16
    if "\\" in info.filename or ":" in info.filename or any(part in ("", ".", "..") for part in parts):
        raise ScenariumError(f"{path}: the member {info.filename!r} leads out of the archive's folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ScenariumError(f"{path}: the member {info.filename!r} is a link or a device, expected plain files")
    if info.file_size > MAX_WEIGHTS:
        raise ScenariumError(f"{path}: the member {info.filename!r} unpacks to {_too_large(MAX_WEIGHTS)}")
    if info.flag_bits & 1:
        raise ScenariumError(f"{path}: the member {info.filename!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ScenariumError(f"{path}: the member {info.filename!r} is compressed in an uncommon way; use deflate")
