"""Submissions: packing a training run, checking a folder, and re-evaluating what it holds.

A submission is a folder with ``manifest.json`` and one safetensors file per training seed. Reading one executes
nothing: agents are rebuilt from the registry by name, their weights are tensors.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenarium.agents.core.checkpoint import POLICY, read_header, read_tensors
from scenarium.agents.core.registry import agent_class, agent_entries
from scenarium.baselines import baseline_entries, make_baseline
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import sha256_file, write_atomic
from scenarium.envs.core.fingerprint import fingerprint
from scenarium.envs.core.model import Model
from scenarium.leaderboard.evaluation import evaluate_task, task_model
from scenarium.leaderboard.schema import Manifest, Result, RunResult, Task
from scenarium.leaderboard.store import ResultStore, check_slug, slugify

MANIFEST = "manifest.json"
RUN_FILE = "run.json"
"""Beside a checkpoint: what the training run cost."""
MAX_WEIGHTS = 512 * 2**20
"""Largest weights file accepted, bytes."""


@dataclass(frozen=True)
class Signature:
    """Who submits, and under which rules.

    Attributes:
        authors: Names for the page.
        licence: Licence of the weights.
        title: Name on the page; empty shows the agent's.
        description: A sentence or two.
        code_url: Where the code is.
        ruleset: "tuned" for this task, or "one-config" for all tasks.
    """

    authors: tuple[str, ...] = ("anonymous",)
    licence: str = "MIT"
    title: str = ""
    description: str = ""
    code_url: str | None = None
    ruleset: str = "tuned"


def seed_folders(run: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints of a run: the folder itself, or its sub-folders ``seed_0``, ``seed_1``, ...

    Raises:
        ScenariumError: There is none.
    """
    folder = Path(run)
    found = (
        [folder] if (folder / "config.json").is_file() else sorted(p.parent for p in folder.glob("seed_*/config.json"))
    )
    if not found:
        raise ScenariumError(f"no training run in {folder}: expected config.json, or seed_*/config.json from 'train'")
    return found


def pack(run: str | os.PathLike[str], task: Task, folder: str | os.PathLike[str], sign: Signature) -> Manifest:
    """Makes a submission folder from a training run.

    Args:
        run: Folder written by training: one checkpoint, or one per seed.
        task: The task it is for.
        folder: Where the submission goes.
        sign: Who submits.

    Raises:
        ScenariumError: The run is of another environment, its seeds differ in their settings, or a file is damaged.
    """
    headers, runs = [], []
    for source in seed_folders(run):
        header = read_header(source)
        read_tensors(source, POLICY)
        target = Path(folder) / f"policy_{int(header['seed'])}.safetensors"
        write_atomic(target, (source / POLICY).read_bytes())
        headers.append(header)
        runs.append(_run_entry(source, header, target))
    first = headers[0]
    for header in headers[1:]:
        if any(header[key] != first[key] for key in ("agent", "env", "policy", "config")):
            raise ScenariumError(
                f"the seeds in {Path(run)} differ in agent, environment or settings; submit them apart"
            )
    if first["env"]["id"] != task.env_id:
        raise ScenariumError(
            f"{Path(run)} was trained on {first['env']['id']!r}; task {task.name!r} plays {task.env_id!r}"
        )
    data = {
        "agent": first["agent"],
        "track": agent_class(first["agent"]).track,
        "deterministic": False,
        "config": first["config"],
        "policy": first["policy"],
        "env": {"id": first["env"]["id"], "kwargs": first["env"]["kwargs"], "fingerprint": first["env"]["fingerprint"]},
        "runs": runs,
    }
    return _write_manifest(folder, task, sign, data, "agent")


def pack_baseline(name: str, task: Task, folder: str | os.PathLike[str], sign: Signature) -> Manifest:
    """Makes the submission folder of a classical policy, which needs no weights."""
    policy = make_baseline(name, task_model(task, {}))
    once = {"file": None, "sha256": None, "training_seed": 0, "env_steps": 0, "cpu_seconds": 0.0, "wall_seconds": 0.0}
    data = {
        "agent": name,
        "track": policy.track,
        "deterministic": True,
        "policy": json.loads(json.dumps(policy.parameters)),
        "env": {"id": task.env_id, "kwargs": task.env_kwargs, "fingerprint": fingerprint(policy.model)},
        "runs": [{**once, "device": "cpu"}],
    }
    return _write_manifest(folder, task, sign, data, "random" if name == "random" else "baseline")


def _write_manifest(folder: Any, task: Task, sign: Signature, data: Mapping[str, Any], kind: str) -> Manifest:
    names = {"title": sign.title, "licence": sign.licence, "description": sign.description, "code_url": sign.code_url}
    own = {"schema_version": 1, "task": task.name, "kind": kind, "ruleset": sign.ruleset, "versions": versions()}
    text = json.dumps({**own, **names, "authors": list(sign.authors), **data}, indent=2)
    manifest = Manifest.parse(text, "manifest")
    write_atomic(Path(folder) / MANIFEST, text)
    return manifest


def _run_entry(source: Path, header: Mapping[str, Any], target: Path) -> dict[str, Any]:
    cost: dict[str, Any] = {}
    if (source / RUN_FILE).is_file():
        cost = json.loads((source / RUN_FILE).read_text(encoding="utf-8"))
    return {
        "file": target.name,
        "sha256": sha256_file(target),
        "training_seed": int(header["seed"]),
        "env_steps": int(header["counters"]["num_timesteps"]),
        "cpu_seconds": float(cost.get("cpu_seconds", 0.0)),
        "wall_seconds": float(cost.get("wall_seconds", 0.0)),
        "device": str(cost.get("device", "cpu")),
    }


def versions() -> dict[str, str]:
    """Versions of what a number depends on."""
    packages = ("scenarium", "torch", "numpy", "gymnasium", "stable-baselines3", "torch-geometric")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """Reads and checks a submission's manifest and the hashes of its files; executes nothing.

    Raises:
        ScenariumError: Something is missing, malformed, too large, a link, or not what its hash says.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = Manifest.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ScenariumError(f"{path}: cannot be read ({error.strerror})") from None
    for run in manifest.runs:
        if run.file is not None:
            _check_file(Path(folder) / run.file, run.sha256)
    return manifest


def _check_file(path: Path, sha256: str | None) -> None:
    if path.is_symlink() or not path.is_file():
        raise ScenariumError(f"{path}: no such weights file")
    if path.stat().st_size > MAX_WEIGHTS:
        raise ScenariumError(f"{path}: more than {MAX_WEIGHTS // 2**20} MiB of weights")
    if sha256_file(path) != sha256:
        raise ScenariumError(f"{path}: its sha256 differs from the manifest's; the file was changed or cut off")


def policies(folder: str | os.PathLike[str], manifest: Manifest, model: Model, device: str = "cpu") -> list[Any]:
    """The policies of a submission, one per training run, ready to act on the model.

    Raises:
        ScenariumError: The agent is unknown, or the weights do not fit it or hold NaN.
    """
    if manifest.agent in baseline_entries():
        return [make_baseline(manifest.agent, model, **manifest.policy)]
    if manifest.agent not in agent_entries():
        raise unknown_name("agent or baseline", manifest.agent, [*agent_entries(), *baseline_entries()])
    made = []
    for run in manifest.runs:
        if run.file is None:
            raise ScenariumError(f"run {run.training_seed} of a trained agent needs a weights file")
        tensors = read_tensors(folder, run.file, device)
        bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
        if bad:
            raise ScenariumError(f"{Path(folder) / run.file}: tensor {bad[0]!r} holds NaN or infinity")
        kind = agent_class(manifest.agent)
        made.append(kind.from_policy(model, manifest.policy, manifest.config, tensors, device))
    return made


def evaluate_submission(
    folder: str | os.PathLike[str],
    task: Task,
    slug: str,
    device: str = "cpu",
    command: str = "",
    progress: Callable[[str], None] = lambda text: None,
) -> Result:
    """Re-evaluates a submission on the task's held-out worlds.

    Raises:
        ScenariumError: The submission is invalid or for another task.
    """
    manifest = read_manifest(folder)
    if manifest.task != task.name or manifest.env.id != task.env_id:
        raise ScenariumError(f"{Path(folder)}: for task {manifest.task!r} on {manifest.env.id!r}, not {task.name!r}")
    model = task_model(task, dict(manifest.env.kwargs))
    runs = []
    for run, policy in zip(manifest.runs, policies(folder, manifest, model, device), strict=True):
        outcome = evaluate_task(policy, task, model, device)
        progress(f"seed {run.training_seed}: {outcome.mean:.4f} +- {outcome.std_error:.4f}")
        runs.append(RunResult.from_returns(run.training_seed, run.sha256, outcome.returns))
    return Result(
        schema_version=1,
        task=task.name,
        task_version=task.version,
        task_digest=task.digest(),
        slug=slug,
        summary=manifest.summary(),
        fingerprint=fingerprint(task_model(task, {})),
        status="verified",
        evaluated=datetime.datetime.now(datetime.UTC).date(),
        command=command,
        versions=versions(),
        runs=tuple(runs),
    )


def submit(
    run: str | os.PathLike[str],
    task: Task,
    store: ResultStore,
    sign: Signature | None = None,
    slug: str | None = None,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda text: None,
) -> Result:
    """Packs, re-evaluates and stores: a training run's folder, a submission folder, or a baseline's name.

    Args:
        run: What is submitted.
        task: The task.
        store: Where submission and result go.
        sign: Who submits.
        slug: Name of the entry within the task; made from title or agent by default.
        device: Torch device.
        progress: Called with a line per evaluated run.

    Raises:
        ScenariumError: The submission is invalid; nothing is stored then.
    """
    sign = sign or Signature()
    if (Path(run) / MANIFEST).is_file():
        slug = check_slug(slug) if slug else slugify(read_manifest(run).label)
        result = evaluate_submission(run, task, slug, device, f"scenarium submit --task {task.name}", progress)
        store.write(result)
        return result
    name = str(run)
    is_baseline = name in baseline_entries() and not Path(run).exists()
    agent = name if is_baseline else str(read_header(seed_folders(run)[0])["agent"])
    slug = check_slug(slug) if slug else slugify(sign.title or agent)
    folder = store.root / "submissions" / task.name / slug
    if is_baseline:
        pack_baseline(name, task, folder, sign)
    else:
        pack(run, task, folder, sign)
    result = evaluate_submission(folder, task, slug, device, f"scenarium submit {slug} --task {task.name}", progress)
    store.write(result)
    return result


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
