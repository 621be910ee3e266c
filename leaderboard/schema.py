"""The records of the leaderboard: `Task`, `Manifest` (a submission) and `Result` (its evaluation).

A task fixes what is played and what the numbers mean; a manifest says who submits which policies; a result
holds what the policies earned in every held-out world. Scores are computed from returns when they are shown,
so a corrected floor or reference needs no new evaluation.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, JsonValue, model_validator

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.fingerprint import same_fingerprint
from scenarium.leaderboard.curves import Curve
from scenarium.leaderboard.manifest import EntryKind, EnvSpec, Manifest, Ruleset, RunFile, Summary, Track
from scenarium.leaderboard.record import (
    SCHEMA_VERSION,
    Count,
    EnvId,
    Label,
    NonNegative,
    Prose,
    Record,
    Salt,
    Sha256,
    Slug,
    VersionedRecord,
    refuse_repeats,
    salt_hash,
)

__all__ = [
    "SCHEMA_VERSION",
    "EntryKind",
    "EnvSpec",
    "Manifest",
    "Result",
    "RunFile",
    "RunResult",
    "Ruleset",
    "Status",
    "Summary",
    "Task",
    "Track",
    "Value",
]

Status = Literal["verified", "self-reported", "stale"]

_DIGITS = 6
_PLAYED = {
    "name",
    "version",
    "env_id",
    "env_kwargs",
    "horizon",
    "warm_up",
    "worlds",
    "chunk",
    "aggregate",
}


class Value(Record):
    """A frozen number of a task, in the task's metric, with where it came from."""

    mean: float
    """Mean return over worlds."""
    std_error: NonNegative
    """Standard error of `mean`; 0 for a number that is exact."""
    command: Label
    """Command in this repository that produces the number."""
    kind: Literal["floor", "reference", "bound", "shown"]
    """Role: 0 of the score, 1 of the score, proven limit, or for information only."""
    proof: Literal["optimal", "best known", "bound", "simple policy"]
    """How strong the claim is."""
    name: Prose = ""
    """Short name for a table; empty shows the role instead."""
    description: Prose = ""
    """What the policy or bound is, in a sentence."""


class Task(VersionedRecord):
    """What is played on the leaderboard and what the numbers mean.

    A world's return is the mean (or sum) of its rewards in periods ``warm_up`` to ``horizon - 1``.
    """

    name: Slug
    title: Label
    version: Count = 1
    """Rises whenever a change makes earlier results incomparable."""
    description: Prose = ""
    env_id: EnvId
    env_kwargs: dict[str, JsonValue] = {}
    env_fingerprint: Prose = ""
    """Fingerprint that results must carry; empty accepts any."""
    horizon: Count
    """Periods played per world."""
    warm_up: Annotated[int, Field(ge=0)] = 0
    """First periods of the horizon that are played but not counted."""
    worlds: Count
    """Held-out worlds per run."""
    chunk: Count
    """Worlds evaluated together; fixed because batch size moves the last bits of a network's output."""
    salt: Salt | None = None
    """Text that fixes the held-out seeds of this round; None while it is secret."""
    salt_sha256: Sha256 | None = None
    """SHA-256 of the salt, published before the round begins."""
    round: Annotated[int, Field(ge=0)] = 0
    """Number of the round; 0 for a task outside rounds."""
    metric: Label
    """What a return is, with its unit; larger is better."""
    aggregate: Literal["mean", "sum"] = "mean"
    """How the counted rewards of a world become its return."""
    floor: Value
    reference: Value
    bound: Value | None = None
    random: Value | None = None
    """Uniformly random actions: shown, never used as 0."""
    shown: tuple[Value, ...] = ()
    """Further values for information, such as clairvoyant or classical ones."""
    budget: Prose = ""
    """What training is allowed to use."""
    max_steps: Count | None = None
    """Most environment steps per training run in the track model-free; None for no limit."""

    def score(self, mean: float) -> float:
        """Return ``(mean - floor) / (reference - floor)``; above 1 beats the reference."""
        return (mean - self.floor.mean) / (self.reference.mean - self.floor.mean)

    def scores(self, returns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the score of every return, in the shape given."""
        values = np.asarray(returns, dtype=np.float64)
        return (values - self.floor.mean) / (self.reference.mean - self.floor.mean)

    @property
    def commitment(self) -> str:
        """SHA-256 of the salt: known before the salt is."""
        return self.salt_sha256 or salt_hash(self.salt or "")

    @property
    def known_salt(self) -> str:
        """The salt.

        Raises:
            ScenariumError: The round is open and its salt secret.
        """
        if self.salt is None:
            raise ScenariumError(f"the salt of round {self.round} is secret until it closes; play a closed round")
        return self.salt

    def digest(self) -> str:
        """Return a hash of what an evaluation depends on (not of texts, floor, reference or budget)."""
        chosen = self.model_dump(mode="json", include=_PLAYED)
        chosen["salt_sha256"] = self.commitment
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode("utf-8")).hexdigest()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.warm_up >= self.horizon:
            raise ValueError(f"warm_up must be below horizon {self.horizon}, got {self.warm_up}")
        if self.worlds % self.chunk:
            raise ValueError(f"worlds must be a multiple of chunk {self.chunk}, got {self.worlds}")
        if self.salt and self.salt_sha256 and salt_hash(self.salt) != self.salt_sha256:
            raise ValueError("salt is not the one whose hash was published as salt_sha256")
        self._check_values()
        return self

    def _check_values(self) -> None:
        for field, value in (("floor", self.floor), ("reference", self.reference), ("bound", self.bound)):
            if value is not None and value.kind != field:
                raise ValueError(f"{field}.kind must be {field!r}, got {value.kind!r}")
        for value in (self.random, *self.shown):
            if value is not None and value.kind != "shown":
                raise ValueError(f"random and shown values have kind 'shown', got {value.kind!r}")
        if not self.floor.mean < self.reference.mean:
            raise ValueError(f"reference must be above floor {self.floor.mean}, got {self.reference.mean}")
        if self.bound is not None:
            slack = 3 * math.hypot(self.bound.std_error, self.reference.std_error)
            if self.bound.mean < self.reference.mean - slack:
                raise ValueError(f"bound must reach reference {self.reference.mean}, got {self.bound.mean}")


class RunResult(Record):
    """What one training run's policy earned."""

    training_seed: Annotated[int, Field(ge=0)]
    sha256: Sha256 | None
    """Weights that were evaluated; None for a policy without weights."""
    mean: float
    std_error: NonNegative
    """Standard error of `mean` over worlds."""
    returns: tuple[float, ...] = ()
    """Return in each held-out world, in the order of the seeds, to 6 significant digits."""
    content_sha256: Sha256 | None = None
    """Hash of what the weights hold, whatever else is in the file."""
    env_steps: Annotated[int, Field(ge=0)] = 0
    """Environment steps used in training; like the times, what its authors say."""
    cpu_seconds: NonNegative = 0.0
    curve: Curve | None = None
    """Copied from the submission, not reproduced."""

    @classmethod
    def from_returns(cls, training_seed: int, sha256: str | None, returns: npt.ArrayLike) -> Self:
        """Build the record of a run, rounding the returns and summing them up.

        Args:
            training_seed: Seed the run was trained with.
            sha256: Hash of its weights, if it has any.
            returns: Return in each held-out world [worlds].

        Raises:
            ScenariumError: No returns, or one that is not finite.
        """
        values = np.asarray(returns, dtype=np.float64)
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ScenariumError(f"returns must be a list of finite numbers, got shape {values.shape}")
        rounded = tuple(float(f"{value:.{_DIGITS}g}") for value in values.tolist())
        mean, std_error = _moments(rounded)
        return cls(training_seed=training_seed, sha256=sha256, mean=mean, std_error=std_error, returns=rounded)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.returns:
            mean, std_error = _moments(self.returns)
            tolerance = 1e-5 * max(-min(self.returns), max(self.returns))
            if abs(mean - self.mean) > tolerance or abs(std_error - self.std_error) > tolerance:
                raise ValueError(f"mean and std_error must be {mean:.6g} and {std_error:.3g} by the returns")
        return self


class Result(VersionedRecord):
    """The evaluation of one submission on one task."""

    task: Slug
    task_version: Count
    task_digest: Sha256
    """`Task.digest` at the time of the evaluation."""
    slug: Slug
    """Name of the submission, unique within the task."""
    summary: Summary
    fingerprint: Label
    """Fingerprint of the environment that was played."""
    round: Annotated[int, Field(ge=0)] = 0
    """Round whose held-out worlds were played."""
    submission: Sha256 | None = None
    """SHA-256 of the manifest that was evaluated; its first digits name the folder beside the result."""
    config_sha256: Sha256 | None = None
    """Hash of the agent's settings, to tell whether entries of several tasks share one configuration."""
    status: Status
    evaluated: datetime.date
    command: Prose
    """Command that produced this record."""
    versions: dict[str, Label] = {}
    """Versions of the packages that evaluated it."""
    runs: Annotated[tuple[RunResult, ...], Field(min_length=1, max_length=1000)]

    def status_for(self, task: Task) -> Status:
        """Return the status under the task as it is now: anything played otherwise is stale."""
        same_env = not task.env_fingerprint or same_fingerprint(task.env_fingerprint, self.fingerprint)
        if self.task != task.name or self.task_digest != task.digest() or not same_env:
            return "stale"
        if self.status == "verified" and len(self.runs[0].returns) != task.worlds:
            return "stale"
        return self.status

    def returns(self) -> npt.NDArray[np.float64]:
        """Return what each run earned in each world [runs, worlds]; without records, means [runs, 1]."""
        rows = [run.returns or (run.mean,) for run in self.runs]
        return np.array(rows, dtype=np.float64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_repeats("training_seed", [run.training_seed for run in self.runs])
        counts = {len(run.returns) for run in self.runs}
        if len(counts) > 1:
            raise ValueError(f"every run needs the same number of returns, got {sorted(counts)}")
        if self.status == "verified" and counts == {0}:
            raise ValueError("a verified result lists the return of every world, got none")
        return self


def _moments(returns: Sequence[float]) -> tuple[float, float]:
    values = np.asarray(returns, dtype=np.float64)
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return float(values.mean()), spread / math.sqrt(values.size)
