"""Where the numbers of a run go: TensorBoard files and a progress bar, both loaded only if asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class RunLogger:
    """Writes scalars to TensorBoard and moves a progress bar; without either it costs nothing.

    Args:
        log_dir: Folder of the TensorBoard files, or None.
        total: Environment steps at which the bar is full.
        start: Environment steps at which it starts.
        progress_bar: Whether to draw one.
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None, total: int, start: int, progress_bar: bool) -> None:
        self._writer: Any = None
        self._bar: Any = None
        if log_dir is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(log_dir))
        if progress_bar:
            from rich.progress import Progress

            self._bar = Progress(transient=True)
            self._task = self._bar.add_task("steps", total=total, completed=start)
            self._bar.start()

    @property
    def active(self) -> bool:
        """Whether scalars are written anywhere, so that they are worth reading from the device."""
        return self._writer is not None

    def scalars(self, values: Mapping[str, Any], step: int) -> None:
        """Writes numbers or 0-dim tensors under their names at an environment step."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, float(value), step)

    def advance(self, step: int) -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step)

    def close(self) -> None:
        """Flushes and ends."""
        if self._writer is not None:
            self._writer.close()
        if self._bar is not None:
            self._bar.stop()
