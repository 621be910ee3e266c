"""The leaderboard's tasks, read from the data file ``tasks.json`` beside this module."""

from __future__ import annotations

import datetime
import json
import os
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.record import Count, Record, Salt, Sha256, VersionedRecord, refuse_repeats, salt_hash
from scenarium.leaderboard.schema import Task

SALT_VARIABLE = "SCENARIUM_SALT"
"""Environment variable in which the organisers of an open round give its salt."""


class Round(Record):
    """A stretch of time in which all entries are played on the same held-out worlds."""

    number: Count
    salt_sha256: Sha256
    """SHA-256 of the salt, published when the round begins."""
    salt: Salt | None = None
    """The salt, published when the round closes."""
    opened: datetime.date
    closed: datetime.date | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.salt is None) != (self.closed is None):
            raise ValueError("salt and closed go together: a round closes when its salt is published")
        if self.salt is not None and salt_hash(self.salt) != self.salt_sha256:
            raise ValueError("salt is not the one whose hash was published as salt_sha256")
        return self


class TaskFile(VersionedRecord):
    """The content of a task file."""

    rounds: Annotated[tuple[Round, ...], Field(max_length=1000)] = ()
    """All rounds in order; only the last may be open. Without rounds every task carries a salt of its own."""
    tasks: Annotated[tuple[Task, ...], Field(max_length=10_000)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_repeats("name", [task.name for task in self.tasks], "tasks")
        if [one.number for one in self.rounds] != list(range(1, len(self.rounds) + 1)):
            raise ValueError("rounds must be numbered 1, 2, ...")
        refuse_repeats("salt_sha256", [one.salt_sha256 for one in self.rounds], "rounds")
        if any(one.closed is None for one in self.rounds[:-1]):
            raise ValueError("only the last round may be open")
        if not self.rounds and any(task.salt is None for task in self.tasks):
            raise ValueError("a task needs a salt where there are no rounds")
        return self

    def round_played(self, number: int | None = None, salt: str | None = None) -> Round | None:
        """The round whose worlds are played: the one asked for, else that of the salt, else the last closed one.

        Args:
            number: Number of a round.
            salt: The secret salt of an open round.

        Raises:
            ScenariumError: There is no such round, or the salt is of none.
        """
        known = {one.number: one for one in self.rounds}
        if salt is not None:
            of_salt = [one for one in self.rounds if one.salt_sha256 == salt_hash(salt)]
            if not of_salt:
                raise ScenariumError(
                    f"the salt in {SALT_VARIABLE} is not that of a round: its hash was never published"
                )
            known[of_salt[0].number] = of_salt[0].model_copy(update={"salt": salt})
            number = of_salt[0].number if number is None else number
        if number is not None and number not in known:
            raise ScenariumError(f"there is no round {number}; rounds are {', '.join(map(str, known)) or 'not used'}")
        if number is None and known:
            closed = [one.number for one in self.rounds if one.closed is not None]
            number = (closed or list(known))[-1]
        return None if number is None else known[number]


def read_task_file(path: str | os.PathLike[str] | None = None) -> TaskFile:
    """Read and check a task file with its rounds.

    Args:
        path: Task file to read; None reads the one that comes with the package.

    Raises:
        ScenariumError: The file is missing or wrong; the message names file and field.
    """
    source = resources.files("scenarium.leaderboard").joinpath("tasks.json") if path is None else Path(path)
    try:
        text = source.read_bytes()
    except OSError as error:
        raise ScenariumError(f"cannot read the task file {source}: {error.strerror}") from error
    return TaskFile.parse(text, str(source))


def write_task_file(content: TaskFile, path: str | os.PathLike[str] | None = None) -> Path:
    """Write a task file in one piece; with rounds, tasks carry no salt of their own.

    Args:
        content: What it holds.
        path: Where; None is the file of the package.
    """
    data = content.model_dump(mode="json")
    for task in data["tasks"] if content.rounds else ():
        for key in ("salt", "salt_sha256", "round"):
            task.pop(key)
    target = resources.files("scenarium.leaderboard").joinpath("tasks.json") if path is None else Path(path)
    # An editable install shows links; the file behind the link is the one to write.
    return write_atomic(Path(str(target)).resolve(), json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def load_tasks(path: str | os.PathLike[str] | None = None, round: int | None = None) -> dict[str, Task]:
    """Read the tasks of a round.

    While a round is open only its organisers know the salt; they give it in the environment variable
    ``SCENARIUM_SALT``. Everybody else plays the last closed round.

    Args:
        path: Task file to read; None reads the one that comes with the package.
        round: Number of the round; an open one can be shown but not played without its salt.

    Returns:
        The tasks by name, in the order of the file.

    Raises:
        ScenariumError: The file is missing or wrong, or there is no such round.
    """
    content = read_task_file(path)
    played = content.round_played(round, os.environ.get(SALT_VARIABLE) if content.rounds else None)
    if played is None:
        return {task.name: task for task in content.tasks}
    fields = {"round": played.number, "salt": played.salt, "salt_sha256": played.salt_sha256}
    return {task.name: task.model_copy(update=fields) for task in content.tasks}


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
