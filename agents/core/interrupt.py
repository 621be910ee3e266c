"""Ctrl-C during learning: noted at once, obeyed at the end of the iteration, so that nothing is half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Holds back the first Ctrl-C inside the block; a second one interrupts immediately.

    Yields:
        A function that tells whether Ctrl-C was pressed. Outside the main thread it always answers False, since only
        the main thread receives signals.
    """
    pressed = False

    def handler(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
