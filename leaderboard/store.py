"""Results on disk: one JSON file per submission at ``<root>/results/<task>/<slug>.json``.

The files are the source of truth: they can be reviewed, compared and merged, and one broken file does not
hide the others. What was evaluated lies at ``<root>/submissions/<task>/<slug>/<hash of the manifest>/``.

A submission is prepared in a folder of its own and then moved into place, and its result is written last: whenever a
process dies, every result is a whole one and its submission is there. Locks are the system's, which releases them
when their holder dies.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import write_atomic
from scenarium.leaderboard.lock import locked, try_lock
from scenarium.leaderboard.record import MAX_BYTES, Slug
from scenarium.leaderboard.schema import Result

DEFAULT_ROOT = Path("runs/leaderboard")
"""Folder used where none is given."""

_SLUG: TypeAdapter[str] = TypeAdapter(Slug)
_PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(10))
_RESERVED = frozenset({"con", "prn", "aux", "nul", *_PORTS})


class BrokenFile(NamedTuple):
    """A result file that could not be used, and why."""

    path: Path
    error: str


class Loaded(NamedTuple):
    """All results of a store, and the files that are none."""

    results: tuple[Result, ...]
    broken: tuple[BrokenFile, ...]


def slugify(text: str) -> str:
    """Turn a human name into a slug: ``"HDPO (GNN), tuned"`` becomes ``hdpo-gnn-tuned``.

    Raises:
        ScenariumError: Nothing usable is left.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    return check_slug(slug, f"name {text!r}")


def check_slug(slug: str, what: str = "slug") -> str:
    """Return `slug` if it is safe as a file name.

    Raises:
        ScenariumError: It is not: empty, with separators or dots, too long, or a name Windows reserves.
    """
    try:
        checked = _SLUG.validate_python(slug)
    except ValidationError as error:
        raise ScenariumError(
            f"{what} gives {slug!r}, expected 1 to 64 lower-case letters, digits and inner hyphens"
        ) from error
    if checked in _RESERVED:
        raise ScenariumError(f"{what} gives {slug!r}, a name that Windows reserves")
    return checked


class ResultStore:
    """Reads and writes the results below a folder.

    Args:
        root: Folder of the leaderboard's data; need not exist yet.
    """

    def __init__(self, root: str | os.PathLike[str] = DEFAULT_ROOT) -> None:
        self.root = Path(root)

    def path(self, task: str, slug: str) -> Path:
        """Return where a result lives; task and slug cannot lead out of the root."""
        return self.root / "results" / check_slug(task, "task") / f"{check_slug(slug)}.json"

    def write(self, result: Result) -> Path:
        """Write a result, replacing an earlier one of the same task and slug, and return its path."""
        return write_atomic(self.path(result.task, result.slug), result.to_json(indent=None))

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A new folder in which a submission is prepared; removed afterwards, or by the next caller after a crash."""
        home = self.root / ".staging"
        with locked(self.root / ".lock"):
            _sweep(home)
            name = secrets.token_hex(8)
            held = try_lock(home / f"{name}.lock")
            (home / name).mkdir()
        try:
            yield home / name
        finally:
            shutil.rmtree(home / name, ignore_errors=True)
            (home / f"{name}.lock").unlink(missing_ok=True)
            if held is not None:
                os.close(held)

    def commit(self, result: Result, folder: Path, accept: Callable[[], None] = lambda: None) -> Path:
        """Moves a prepared submission into place and writes its result, all or nothing.

        Args:
            result: The evaluation of the submission.
            folder: From `staging`; gone afterwards.
            accept: Called once nobody else can write; raises if the entry must not be stored.

        Returns:
            The path of the result.
        """
        assert result.submission is not None
        target = self.submission_path(result)
        with locked(self.root / ".lock"):
            accept()
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(folder, target)
            path = self.write(result)
            for old in target.parent.iterdir():
                if old != target:
                    shutil.rmtree(old, ignore_errors=True)
        return path

    def submission_path(self, result: Result) -> Path:
        """Where the submission behind a result lies.

        Raises:
            ScenariumError: The result was stored without one.
        """
        if result.submission is None:
            raise ScenariumError(f"{result.task}/{result.slug}: stored without its submission")
        return self.root / "submissions" / result.task / result.slug / result.submission[:16]

    def read(self, task: str, slug: str) -> Result:
        """Read one result.

        Raises:
            ScenariumError: There is none, or the file is broken; the message names the file.
        """
        return _read(self.path(task, slug))

    def load(self, task: str | None = None) -> Loaded:
        """Read all results, of one task or of all, sorted by path; broken files are reported, not raised."""
        results: list[Result] = []
        broken: list[BrokenFile] = []
        for path in self._files(task):
            try:
                results.append(_read(path))
            except ScenariumError as error:
                broken.append(BrokenFile(path.relative_to(self.root), str(error)))
        return Loaded(tuple(results), tuple(broken))

    def _files(self, task: str | None) -> Iterator[Path]:
        folder = self.root / "results"
        pattern = "*/*.json" if task is None else f"{check_slug(task, 'task')}/*.json"
        # Hidden files are the temporary names of a write in progress.
        yield from sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _sweep(home: Path) -> None:
    """Removes what dead processes left of their preparations."""
    for lock in home.glob("*.lock"):
        held = try_lock(lock)
        if held is not None:
            shutil.rmtree(home / lock.stem, ignore_errors=True)
            lock.unlink(missing_ok=True)
            os.close(held)


def _read(path: Path) -> Result:
    where = f"{path.parent.name}/{path.name}"
    try:
        # A link could publish any file of the machine through an error message or a copy.
        if path.is_symlink() or not path.is_file():
            raise ScenariumError(f"{where}: no such result file")
        if path.stat().st_size > MAX_BYTES:
            raise ScenariumError(f"{where}: more than {MAX_BYTES} bytes")
        text = path.read_bytes()
    except OSError as error:
        raise ScenariumError(f"{where}: cannot be read ({error.strerror})") from error
    result = Result.parse(text, where)
    if (result.task, f"{result.slug}.json") != (path.parent.name, path.name):
        raise ScenariumError(f"{where}: holds the result {result.task}/{result.slug}, expected its own name")
    return result
