"""The jobs of a sweep: one per seed, submission or classical policy, and which of them an earlier run has done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scenarium.envs.core.files import write_atomic
from scenarium.grid import Cell, Grid
from scenarium.workers import Job

MARKER = "done.json"
"""Beside the results of a job that ended well."""


@dataclass(frozen=True)
class Place:
    """Where a sweep writes, and with what.

    Attributes:
        out: Folder of the training runs.
        root: Folder of the leaderboard's data.
        device: Torch device.
        submit: Whether finished groups of seeds and classical policies are submitted.
    """

    out: Path
    root: Path
    device: str = "auto"
    submit: bool = False


@dataclass
class Plan:
    """The jobs of a grid.

    Attributes:
        ready: Jobs that can start.
        then: For each cell to be submitted, the names of the jobs it waits for and its submission.
        finished: Number of jobs that an earlier run did.
    """

    ready: list[Job] = field(default_factory=list)
    then: list[tuple[set[str], Job]] = field(default_factory=list)
    finished: int = 0

    @property
    def total(self) -> int:
        """Number of jobs still to do."""
        return len(self.ready) + len(self.then)


def plan(grid: Grid, found: Sequence[Cell], place: Place) -> Plan:
    """Splits cells into jobs and leaves out those whose markers say that they are done."""
    made = Plan()
    for cell in found:
        training = [_training(cell, seed, place) for seed in cell.seeds]
        missing = [job for job in training if not is_done(job)]
        made.finished += len(training) - len(missing)
        made.ready += missing
        if not place.submit or cell.task is None:
            continue
        job = _submission(grid, cell, place)
        result = place.root / "results" / cell.task.name / f"{cell.slug}.json"
        if missing:
            made.then.append(({seed.name for seed in missing}, job))
        elif is_done(job) and result.is_file():
            made.finished += 1
        else:
            made.ready.append(job)
    return made


def is_done(job: Job) -> bool:
    """Whether a marker says that this very job ended well."""
    try:
        found = json.loads(_marker(job).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("job") == _digest(job)


def mark_done(job: Job) -> None:
    """Leaves the marker that `is_done` looks for."""
    write_atomic(_marker(job), json.dumps({"job": _digest(job)}))


def _training(cell: Cell, seed: int, place: Place) -> Job:
    folder, block = place.out / cell.name, cell.block
    arguments = ["train", cell.env_id, cell.player, "--out", str(folder), "--seeds", str(seed)]
    arguments += ["--steps", str(cell.steps), "--device", place.device]
    arguments += ["--policy", block.policy] if block.policy else []
    for name, value in (("env", cell.env_kwargs), ("policy", block.policy_kwargs)):
        arguments += [f"--{name}-kwargs", json.dumps(dict(value))] if value else []
    arguments += ["--fields", json.dumps(block.config)] if block.config else []
    name = f"{cell.name}/seed_{seed}"
    return Job(name, tuple(arguments), place.out / name, place.out / f"{name}.log")


def _submission(grid: Grid, cell: Cell, place: Place) -> Job:
    assert cell.task is not None
    folder, block = place.out / cell.name, cell.block
    arguments = ["submit", str(folder) if cell.trained else cell.player, "--task", cell.task.name]
    arguments += ["--root", str(place.root), "--slug", cell.slug, "--ruleset", block.ruleset]
    arguments += ["--licence", grid.licence, "--author", *grid.authors]
    for name, text in (("title", block.title), ("description", block.description)):
        arguments += [f"--{name}", text] if text else []
    return Job(f"{cell.name}/submission", tuple(arguments), folder / "submission", folder / "submission.log")


def _marker(job: Job) -> Path:
    return job.folder / MARKER


def _digest(job: Job) -> str:
    """A hash of what a job does; that its folders may be moved is why they are left out."""
    skipped = {"--out", "--root"}
    kept = [word for before, word in zip(("", *job.arguments), job.arguments, strict=False) if before not in skipped]
    if job.arguments[0] == "submit":
        kept[1] = Path(kept[1]).name
        kept.append(_played(kept[kept.index("--task") + 1]))
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _played(task: str) -> str:
    from scenarium.leaderboard.tasks import get_task

    found = get_task(task)
    return f"{found.digest()} {found.env_fingerprint}"
