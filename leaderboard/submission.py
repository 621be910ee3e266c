"""Submissions: taking one in, re-evaluating what it holds, and putting it on the board.

A submission is a folder (or a zip archive of one) with ``manifest.json`` and one file of weights per training seed.
Reading one executes nothing: agents are rebuilt from the registry by name and filled with tensors, policies of other
frameworks are ONNX graphs.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scenarium.agents.core.registry import agent_class, agent_entries
from scenarium.baselines import baseline_entries, make_baseline
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import sha256_file
from scenarium.envs.core.fingerprint import fingerprint
from scenarium.envs.core.model import Model
from scenarium.leaderboard.checks import ONNX, Checked, check_numbers, read_manifest, read_weights, validate
from scenarium.leaderboard.evaluation import evaluate_task, task_model
from scenarium.leaderboard.intake import MANIFEST, MAX_WEIGHTS, is_submission, take_in
from scenarium.leaderboard.packing import (
    RUN_FILE,
    Signature,
    onnx_files,
    pack,
    pack_baseline,
    pack_onnx,
    seed_folders,
    versions,
)
from scenarium.leaderboard.schema import Manifest, Result, RunFile, RunResult, Status, Task
from scenarium.leaderboard.store import ResultStore, check_slug, slugify

__all__ = [
    "MANIFEST",
    "MAX_WEIGHTS",
    "RUN_FILE",
    "Signature",
    "check",
    "evaluate_submission",
    "pack",
    "pack_baseline",
    "pack_onnx",
    "policies",
    "read_manifest",
    "seed_folders",
    "submit",
    "task_for",
    "verify",
    "versions",
]

Say = Callable[[str], None]
REPORT_TOLERANCE = 1e-3
"""How far a reported mean may be from the re-evaluated one, relative to it."""
VERIFY_TOLERANCE = 1e-4
"""How far a return may be from the stored one, relative to the largest, when it is made again elsewhere."""


def policies(folder: str | os.PathLike[str], manifest: Manifest, model: Model, device: str = "cpu") -> list[Any]:
    """The policies of a submission, one per training run, ready to act on the model.

    Raises:
        ScenariumError: The agent is unknown, or the weights do not fit it or hold NaN.
    """
    if manifest.agent in baseline_entries():
        return [make_baseline(manifest.agent, model, **manifest.policy)]
    if manifest.agent not in agent_entries() and manifest.agent != ONNX:
        raise unknown_name("agent or baseline", manifest.agent, [*agent_entries(), *baseline_entries(), ONNX])
    return [_policy(Path(folder), manifest, run, model, device) for run in manifest.runs]


def _policy(folder: Path, manifest: Manifest, run: RunFile, model: Model, device: str) -> Any:
    if run.file is None:
        raise ScenariumError(f"run {run.training_seed} of a trained agent needs a weights file")
    if manifest.agent == ONNX:
        from scenarium.leaderboard.foreign.policy import OnnxPolicy

        return OnnxPolicy(folder / run.file, model)
    tensors = read_weights(folder / run.file, device)
    return agent_class(manifest.agent).from_policy(model, manifest.policy, manifest.config, tensors, device)


def check(source: str | os.PathLike[str], task: Task, store: ResultStore, sign: Signature | None = None) -> Checked:
    """Validates what could be submitted, without running anything.

    Args:
        source: As for `submit`.
        task: The task.
        store: Where copies are made, and removed again.
        sign: Who submits, for what has no manifest yet.

    Raises:
        ScenariumError: It would be refused; the message says why.
    """
    with store.staging() as folder:
        _stage(source, task, folder, sign or Signature())
        return validate(folder, task, _model(folder, task))


def evaluate_submission(
    folder: str | os.PathLike[str],
    task: Task,
    slug: str,
    device: str = "cpu",
    command: str = "",
    progress: Say = lambda text: None,
) -> Result:
    """Re-evaluates a submission on the task's held-out worlds.

    Raises:
        ScenariumError: The submission is invalid or for another task.
    """
    model = _model(folder, task)
    checked = validate(folder, task, model)
    manifest, runs = checked.manifest, []
    for run, policy, content in zip(
        manifest.runs, policies(folder, manifest, model, device), checked.contents, strict=True
    ):
        outcome = evaluate_task(policy, task, model, device)
        progress(f"seed {run.training_seed}: {outcome.mean:.4f} +- {outcome.std_error:.4f}")
        earned = RunResult.from_returns(run.training_seed, run.sha256, outcome.returns)
        _compare_report(run, earned)
        runs.append(earned.model_copy(update=_said(run, content)))
    return _result(folder, task, slug, command, "verified", manifest, runs)


def self_reported(folder: str | os.PathLike[str], task: Task, slug: str) -> Result:
    """The record of a submission that is not re-evaluated: what its authors report, shown and not ranked.

    Raises:
        ScenariumError: The submission is invalid, or a run reports no mean.
    """
    checked = validate(folder, task, _model(folder, task))
    runs = []
    for run, content in zip(checked.manifest.runs, checked.contents, strict=True):
        if run.reported_mean is None:
            raise ScenariumError(f"run {run.training_seed} reports no mean; without re-evaluation it needs one")
        said = RunResult(training_seed=run.training_seed, sha256=run.sha256, mean=run.reported_mean, std_error=0.0)
        runs.append(said.model_copy(update=_said(run, content)))
    return _result(folder, task, slug, "reported by its authors", "self-reported", checked.manifest, runs)


def submit(
    run: str | os.PathLike[str],
    task: Task,
    store: ResultStore,
    sign: Signature | None = None,
    slug: str | None = None,
    device: str = "cpu",
    progress: Say = lambda text: None,
    *,
    evaluate: bool = True,
    isolate: bool = True,
    replace: bool = False,
) -> Result:
    """Validates, re-evaluates and stores a submission.

    Args:
        run: A training run's folder, a submission folder or zip archive, a folder of ``policy_<seed>.onnx`` files, or
            a baseline's name.
        task: The task.
        store: Where submission and result go.
        sign: Who submits, for what has no manifest yet.
        slug: Name of the entry within the task; made from title or agent by default.
        device: Torch device.
        progress: Called with a line per evaluated run.
        evaluate: Whether to re-evaluate; otherwise the entry is `self-reported`.
        isolate: Evaluate what somebody sent in a process of its own, with limits on time and memory.
        replace: Whether it may take the place of an entry by other authors.

    Raises:
        ScenariumError: The submission is refused; nothing is stored then.
    """
    task.known_salt  # noqa: B018 (an open round is refused before any work is done)
    with store.staging() as folder:
        sent = _stage(run, task, folder, sign or Signature())
        manifest = validate(folder, task, _model(folder, task)).manifest
        slug = check_slug(slug) if slug else slugify(manifest.label)
        command = f"scenarium verify {slug} --task {task.name}"
        if not evaluate:
            result = self_reported(folder, task, slug)
        elif sent and isolate:
            from scenarium.leaderboard.isolation import evaluate_apart

            result = evaluate_apart(folder, task, slug, device, command, progress)
        else:
            result = evaluate_submission(folder, task, slug, device, command, progress)
        store.commit(result, folder, lambda: _refuse_theft(result, store, replace))
    return result


class Verified(NamedTuple):
    """What making a stored entry again gave.

    Attributes:
        slug: The entry.
        difference: Largest difference of a return, relative to the largest return.
        same: Whether that is within `VERIFY_TOLERANCE`.
    """

    slug: str
    difference: float
    same: bool


def verify(store: ResultStore, task: Task, slug: str, device: str = "cpu", chunk: int | None = None) -> Verified:
    """Evaluates a stored submission again and compares every return with what is stored.

    Args:
        store: Where it is.
        task: Its task.
        slug: Its name.
        device: Torch device.
        chunk: Worlds evaluated together; the task's by default, where returns are identical on the same machine.

    Raises:
        ScenariumError: There is no such entry, it was not re-evaluated, or its submission is damaged.
    """
    from scenarium.leaderboard.isolation import evaluate_apart

    stored = store.read(task.name, slug)
    if stored.status_for(task) != "verified":
        raise ScenariumError(
            f"{task.name}/{slug} is {stored.status_for(task)}; only verified entries can be made again"
        )
    folder = store.submission_path(stored)
    if sha256_file(folder / MANIFEST) != stored.submission:
        raise ScenariumError(f"{folder / MANIFEST}: not the manifest that was evaluated")
    played = task if chunk is None else task.model_copy(update={"chunk": chunk})
    again = evaluate_apart(folder, played, slug, device)
    old, new = stored.returns(), again.returns()
    scale = float(abs(old).max()) or 1.0
    difference = float(abs(old - new).max()) / scale if old.shape == new.shape else float("inf")
    return Verified(slug, difference, difference <= VERIFY_TOLERANCE)


def task_for(env_id: str, tasks: Mapping[str, Task]) -> Task:
    """The first task on an environment.

    Raises:
        ScenariumError: No task plays it.
    """
    found: Sequence[Task] = [task for task in tasks.values() if task.env_id == env_id]
    if not found:
        known = ", ".join(sorted({task.env_id for task in tasks.values()}))
        raise ScenariumError(f"no leaderboard task plays {env_id}; tasks exist for {known}")
    return found[0]


def _stage(source: str | os.PathLike[str], task: Task, folder: Path, sign: Signature) -> bool:
    """Makes a submission in `folder` of whatever was given; returns whether somebody sent it."""
    name, path = str(source), Path(source)
    if is_submission(path):
        take_in(path, folder)
        return True
    if name in baseline_entries() and not path.exists():
        pack_baseline(name, task, folder, sign)
        return False
    graphs = onnx_files(path)
    if graphs:
        pack_onnx(graphs, task, folder, sign)
        return True
    pack(path, task, folder, sign)
    return False


def _model(folder: str | os.PathLike[str], task: Task) -> Model:
    kwargs = dict(read_manifest(folder).env.kwargs)
    shown = {name: value for name, value in kwargs.items() if name in task_model(task, {}).presentation}
    check_numbers(shown, "env.kwargs")
    return task_model(task, shown)


def _said(run: RunFile, content: str | None) -> dict[str, Any]:
    """What a result copies from the manifest's entry of a run."""
    said = {"env_steps": run.env_steps, "cpu_seconds": run.cpu_seconds, "curve": run.curve}
    return {**said, "content_sha256": content}


def _compare_report(run: RunFile, earned: RunResult) -> None:
    if run.reported_mean is not None:
        off = abs(run.reported_mean - earned.mean)
        if off > REPORT_TOLERANCE * max(abs(earned.mean), max(abs(value) for value in earned.returns)):
            raise ScenariumError(
                f"run {run.training_seed} reports a mean of {run.reported_mean:.6g}; evaluation gives {earned.mean:.6g}"
            )


def _result(
    folder: str | os.PathLike[str],
    task: Task,
    slug: str,
    command: str,
    status: Status,
    manifest: Manifest,
    runs: Sequence[RunResult],
) -> Result:
    settings = json.dumps([manifest.agent, manifest.config, manifest.policy], sort_keys=True)
    return Result(
        schema_version=1,
        task=task.name,
        task_version=task.version,
        task_digest=task.digest(),
        slug=slug,
        summary=manifest.summary(),
        fingerprint=fingerprint(task_model(task, {})),
        round=task.round,
        submission=sha256_file(Path(folder) / MANIFEST),
        config_sha256=hashlib.sha256(settings.encode()).hexdigest(),
        status=status,
        evaluated=datetime.datetime.now(datetime.UTC).date(),
        command=command,
        versions=versions(),
        runs=tuple(runs),
    )


def _refuse_theft(result: Result, store: ResultStore, replace: bool) -> None:
    """Refuses weights that another entry holds already, and the place of somebody else's entry."""
    mine = {run.content_sha256 for run in result.runs if run.content_sha256}
    for other in store.load(result.task).results:
        if other.slug != result.slug:
            shared = mine & {run.content_sha256 for run in other.runs}
            if shared:
                raise ScenariumError(f"these weights are those of the entry {other.slug!r}, under another name")
        elif other.summary.authors != result.summary.authors and not replace:
            raise ScenariumError(
                f"{result.slug!r} is an entry by {', '.join(other.summary.authors)}; choose another slug, or replace it"
            )
