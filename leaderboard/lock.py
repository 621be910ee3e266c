"""A lock between processes that the system releases when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on a file, waiting for it if need be.

    Args:
        path: The file; made if missing, and left where it is.
    """
    stream = _opened(path)
    try:
        _acquire(stream, wait=True)
        yield
    finally:
        os.close(stream)


def try_lock(path: Path) -> int | None:
    """Takes an exclusive lock on a file if nobody holds it; close the descriptor to release it."""
    stream = _opened(path)
    if _acquire(stream, wait=False):
        return stream
    os.close(stream)
    return None


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


if sys.platform == "win32":
    import msvcrt
    import time

    def _acquire(stream: int, wait: bool) -> bool:
        while True:
            try:
                msvcrt.locking(stream, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
                time.sleep(0.05)
            else:
                return True

else:
    import fcntl

    def _acquire(stream: int, wait: bool) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
