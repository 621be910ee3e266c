"""The leaderboard's tasks, read from the data file ``tasks.json`` beside this module."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.leaderboard.record import VersionedRecord
from scenarium.leaderboard.schema import Task


class TaskFile(VersionedRecord):
    """The content of a task file."""

    tasks: Annotated[tuple[Task, ...], Field(max_length=10_000)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [task.name for task in self.tasks]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"tasks must have different names, {repeated[0]!r} occurs twice")
        return self


def load_tasks(path: str | os.PathLike[str] | None = None) -> dict[str, Task]:
    """Read and check a task file.

    Args:
        path: Task file to read; None reads the one that comes with the package.

    Returns:
        The tasks by name, in the order of the file.

    Raises:
        ScenariumError: The file is missing or wrong; the message names file and field.
    """
    source = resources.files("scenarium.leaderboard").joinpath("tasks.json") if path is None else Path(path)
    try:
        text = source.read_bytes()
    except OSError as error:
        raise ScenariumError(f"cannot read the task file {source}: {error.strerror}") from error
    return {task.name: task for task in TaskFile.parse(text, str(source)).tasks}


def get_task(name: str, path: str | os.PathLike[str] | None = None) -> Task:
    """Return one task.

    Args:
        name: Name of the task, as ``inventory-one-warehouse``.
        path: Task file, as for `load_tasks`.

    Raises:
        ScenariumError: There is no such task; the message suggests the nearest name.
    """
    tasks = load_tasks(path)
    if name not in tasks:
        raise unknown_name("task", name, tasks)
    return tasks[name]
