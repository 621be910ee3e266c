"""Closing a round of the leaderboard and opening the next.

A round's held-out worlds follow from its salt. While the round is open, the task file holds only the salt's SHA-256:
nobody but the organisers knows the worlds, and they cannot change them afterwards. Closing publishes the salt, so that
everybody can make every number again, and begins the next round with the hash of a new one.
"""

from __future__ import annotations

import datetime
import os
import secrets
from pathlib import Path

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.record import salt_hash
from scenarium.leaderboard.tasks import Round, read_task_file, write_task_file

_SALT_BYTES = 32


def new_salt() -> str:
    """A salt that nobody can guess: 64 hexadecimal digits from the system's source of randomness."""
    return secrets.token_hex(_SALT_BYTES)


def open_round(keep: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Round:
    """Begins a round: a new salt goes to a file of the organisers', its hash to the task file.

    Args:
        keep: File for the secret salt; it must not exist yet.
        path: Task file; None is the one of the package.

    Raises:
        ScenariumError: A round is open already, or the file for the salt exists.
    """
    content = read_task_file(path)
    if content.rounds and content.rounds[-1].closed is None:
        raise ScenariumError(f"round {content.rounds[-1].number} is open; close it first")
    if os.path.lexists(keep):
        raise ScenariumError(f"{keep} exists; the salt of a new round goes to a new file")
    salt = new_salt()
    # The salt is on disk before its hash is published: a crash in between loses nothing.
    write_atomic(keep, salt + "\n")
    os.chmod(keep, 0o600)
    begun = Round(number=len(content.rounds) + 1, salt_sha256=salt_hash(salt), opened=_today())
    write_task_file(content.model_copy(update={"rounds": (*content.rounds, begun)}), path)
    return begun


def close_round(salt: str, path: str | os.PathLike[str] | None = None) -> Round:
    """Ends the open round by publishing its salt.

    Args:
        salt: The secret salt.
        path: Task file; None is the one of the package.

    Raises:
        ScenariumError: No round is open, or the salt is not the one whose hash was published.
    """
    content = read_task_file(path)
    if not content.rounds or content.rounds[-1].closed is not None:
        raise ScenariumError("no round is open")
    last = content.rounds[-1]
    if salt_hash(salt) != last.salt_sha256:
        raise ScenariumError(f"this is not the salt of round {last.number}: its hash differs from the published one")
    ended = last.model_copy(update={"salt": salt, "closed": _today()})
    write_task_file(content.model_copy(update={"rounds": (*content.rounds[:-1], ended)}), path)
    return ended


def read_salt(path: str | os.PathLike[str]) -> str:
    """The salt in a file that `open_round` wrote.

    Raises:
        ScenariumError: It cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ScenariumError(f"{path}: cannot read a salt from this file") from None


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
