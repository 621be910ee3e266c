"""What the tests of hostile submissions share: a good submission, ways to spoil it, and a canary."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenarium.envs import ScenariumError
from scenarium.envs.core.files import sha256_file
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.submission import MANIFEST, submit
from scenarium.leaderboard.tasks import get_task

TASK = get_task("fishery-three-species").model_copy(update={"worlds": 8, "chunk": 4, "horizon": 12})
Spoil = Callable[[Path], Any]
"""Changes a good submission folder; what it returns, if anything, is submitted instead of the folder."""


def edit(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_run(folder: Path, run: int = 0, **changes: Any) -> None:
    runs = json.loads((folder / MANIFEST).read_text())["runs"]
    runs[run] |= changes
    edit(folder, runs=runs)


def weights(folder: Path, content: bytes, name: str | None = None) -> None:
    """Puts other bytes in the place of the first run's weights, with their right hash."""
    runs = json.loads((folder / MANIFEST).read_text())["runs"]
    (folder / runs[0]["file"]).unlink()
    path = folder / (name or runs[0]["file"])
    path.write_bytes(content)
    edit_run(folder, file=path.name, sha256=sha256_file(path))


def pickle_of(canary: Path, protocol: int = 2) -> bytes:
    """A pickle, written by hand, that makes the file `canary` when it is loaded."""
    command = f"touch {canary}".encode()
    if protocol == 0:
        return b"cos\nsystem\n(S'" + command + b"'\ntR."
    return b"\x80\x02cos\nsystem\nX" + len(command).to_bytes(4, "little") + command + b"\x85R."


def zip_bytes(members: dict[str, bytes], **info: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            for key, value in info.items():
                setattr(entry, key, value)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def zipped(folder: Path, prefix: str = "", **extra: bytes) -> Path:
    """A zip archive of a folder, with further members."""
    members = {prefix + path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    target = folder.parent / f"{folder.name}.zip"
    target.write_bytes(zip_bytes({**members, **extra}))
    return target


def state_of(root: Path) -> dict[str, str]:
    """Every file below a folder with its hash, but for the lock."""
    files = sorted(path for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.name != ".lock"}


def assert_refused(folder: Path, spoil: Spoil, message: str, store: ResultStore, canary: Path, **options: Any) -> None:
    """A spoilt submission is refused with its reason in one line; nothing runs and the store stays as it is."""
    before = state_of(store.root)
    sent = spoil(folder)
    with pytest.raises(ScenariumError, match=message) as caught:
        submit(sent if isinstance(sent, Path) else folder, TASK, store, **{"isolate": False, **options})
    assert "\n" not in str(caught.value)
    assert not canary.exists()
    assert state_of(store.root) == before
    assert not [path for path in (store.root / ".staging").iterdir() if path.is_dir()]
