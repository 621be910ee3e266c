"""Command-line arguments of what happens to submissions: validate, submit, verify, export, and rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Submit:
    """Re-evaluate a training run, a submission, ONNX policies or a baseline on a task, and put it on the board.

    Example: scenarium submit runs/hdpo --author "Ada L." --title "HDPO, two layers"
    """

    run: tyro.conf.Positional[str]
    """Folder of a training run, submission (folder or zip), folder of policy_SEED.onnx files, or name of a baseline."""
    task: str | None = None
    """Task name; by default the one a submission names, or the first on the run's environment."""
    author: tuple[str, ...] = ("anonymous",)
    """Who made it."""
    title: str = ""
    """Name on the page; the agent's name by default."""
    description: str = ""
    """A sentence or two."""
    licence: str = "MIT"
    """Licence of the weights."""
    code_url: str | None = None
    """Where the code is."""
    ruleset: Literal["tuned", "one-config"] = "tuned"
    """Tuned for this task, or one configuration for all tasks."""
    track: Literal["known-model", "model-free"] = "model-free"
    """For ONNX policies: what their training used."""
    slug: str | None = None
    """Name of the entry within the task; made from title or agent by default."""
    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    device: str = "cpu"
    """cpu or cuda."""
    evaluate: bool = True
    """Without re-evaluation an entry is self-reported: shown, not ranked."""
    replace: bool = False
    """Take the place of an entry of the same name by other authors."""
    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Validate:
    """Check a submission without running anything: format, hashes, sizes, names, shapes.

    Exit code 0 if it would be accepted, 1 if not. Example: scenarium validate mine.zip
    """

    submission: tyro.conf.Positional[str]
    """Submission (folder or zip), folder of a training run or of ONNX files, or name of a baseline."""
    task: str | None = None
    """Task name; by default as for submit."""
    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Verify:
    """Evaluate stored entries again, in another process, and compare every return with what is stored.

    Exit code 0 if all are the same, 1 if one differs. Example: scenarium verify hdpo --task inventory-one-warehouse
    """

    slugs: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of entries; all verified entries by default."""
    task: str | None = None
    """Task name; all tasks by default."""
    chunk: int | None = None
    """Worlds evaluated together; the task's by default."""
    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    device: str = "cpu"
    """cpu or cuda."""
    json: bool = False
    """Print JSON instead."""


@dataclass(frozen=True)
class Export:
    """Write all results as a table: one row per training run, or per run and world.

    Example: scenarium export results.parquet --worlds
    """

    out: tyro.conf.Positional[Path]
    """File to write, .csv or .parquet."""
    worlds: bool = False
    """One row per world instead of one per run."""
    root: Path = Path("runs/leaderboard")
    """Folder of the leaderboard's data."""
    published: bool = True
    """Include the results that come with the package."""
    json: bool = False
    """Print what was written as JSON."""


@dataclass(frozen=True)
class Round:
    """Show the rounds of the leaderboard, begin one, or close one by publishing its salt.

    Example: scenarium round close --salt-file round-2.salt --keep round-3.salt
    """

    action: tyro.conf.Positional[Literal["show", "open", "close"]] = "show"
    """close also begins the next round if --keep is given."""
    salt_file: Path | None = None
    """To close: the file with the secret salt of the open round."""
    keep: Path | None = None
    """To open: a new file for the secret salt of the round that begins."""
    tasks: Path | None = None
    """Task file; the one of the package by default."""
    json: bool = False
    """Print JSON instead."""


BoardCommand = Submit | Validate | Verify | Export | Round
