"""Submissions: the manifest that says who submits which policies, and its parts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from scenarium.leaderboard.curves import Curve
from scenarium.leaderboard.record import (
    EnvId,
    FileName,
    Label,
    NonNegative,
    Prose,
    Record,
    RegistryName,
    Sha256,
    Slug,
    VersionedRecord,
    WebAddress,
    refuse_repeats,
)

Track = Literal["known-model", "model-free"]
Ruleset = Literal["tuned", "one-config"]
EntryKind = Literal["agent", "baseline", "random"]


class Summary(Record):
    """Who made an entry and under which rules: the part of a manifest that results and pages repeat."""

    agent: RegistryName
    """Name in the agent registry; ``onnx`` for the graphs of another framework."""
    title: Prose = ""
    """Name on the page; empty shows `agent`."""
    kind: EntryKind = "agent"
    track: Track
    ruleset: Ruleset
    """Tuned for this task, or one configuration for all tasks."""
    deterministic: bool
    """True if training has no randomness (a classical policy): one run then suffices for a rank."""
    authors: Annotated[tuple[Label, ...], Field(min_length=1, max_length=50)]
    licence: Label
    description: Prose = ""
    code_url: WebAddress | None = None

    @property
    def label(self) -> str:
        """Name shown on the page."""
        return self.title.strip() or self.agent


class EnvSpec(Record):
    """The environment a policy was trained for."""

    id: EnvId
    kwargs: dict[str, JsonValue] = {}
    fingerprint: Label
    """Hash of a golden trajectory: differs when dynamics, rewards, observations or draws differ."""


class RunFile(Record):
    """One training run of a submission."""

    file: FileName | None
    """Weights beside the manifest; None for a policy that the manifest describes completely."""
    sha256: Sha256 | None
    training_seed: Annotated[int, Field(ge=0)]
    env_steps: Annotated[int, Field(ge=0)]
    """Environment steps used in training, all worlds counted."""
    cpu_seconds: NonNegative
    wall_seconds: NonNegative
    device: Label
    reported_mean: float | None = None
    """Mean return that the authors measured on the held-out worlds; checked where it can be re-evaluated."""
    curve: Curve | None = None
    """What the policy earned while it was trained, as its authors measured it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is None) != (self.sha256 is None):
            raise ValueError("file and sha256 go together: give both, or neither")
        return self


class Manifest(Summary, VersionedRecord):
    """The file ``manifest.json`` of a submission folder."""

    task: Slug
    config: dict[str, JsonValue] = {}
    """Training configuration of the agent."""
    policy: dict[str, JsonValue] = {}
    """Constructor arguments of the policy that the weights fill."""
    env: EnvSpec
    runs: Annotated[tuple[RunFile, ...], Field(min_length=1, max_length=1000)]
    versions: dict[str, Label] = {}
    """Versions of the packages that trained it."""

    def summary(self) -> Summary:
        """Return the part that results and pages repeat."""
        return Summary(**{name: getattr(self, name) for name in Summary.model_fields})

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_repeats("training_seed", [run.training_seed for run in self.runs])
        refuse_repeats("file", [run.file for run in self.runs if run.file])
        refuse_repeats("sha256", [run.sha256 for run in self.runs if run.sha256])
        return self
