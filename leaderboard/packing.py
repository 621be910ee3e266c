"""Packing: making a submission folder from a training run, a baseline's name or ONNX policies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenarium.agents.core.checkpoint import POLICY, read_header, read_tensors
from scenarium.agents.core.registry import agent_class
from scenarium.baselines import make_baseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import sha256_file, write_atomic
from scenarium.envs.core.fingerprint import fingerprint
from scenarium.leaderboard.checks import ONNX
from scenarium.leaderboard.curves import read_curve
from scenarium.leaderboard.evaluation import task_model
from scenarium.leaderboard.intake import MANIFEST
from scenarium.leaderboard.schema import Manifest, Task

RUN_FILE = "run.json"
"""Beside a checkpoint: what the training run cost."""


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
        track: For ONNX policies: "known-model" or "model-free"; agents and baselines know theirs.
    """

    authors: tuple[str, ...] = ("anonymous",)
    licence: str = "MIT"
    title: str = ""
    description: str = ""
    code_url: str | None = None
    ruleset: str = "tuned"
    track: str = "model-free"


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


def onnx_files(folder: str | os.PathLike[str]) -> dict[int, Path]:
    """The graphs ``policy_<training seed>.onnx`` of a folder by seed; empty if there are none."""
    found = {}
    for path in sorted(Path(folder).glob("policy_*.onnx")):
        seed = path.stem.removeprefix("policy_")
        if seed.isdecimal():
            found[int(seed)] = path
    return found


def pack_onnx(
    files: Mapping[int, str | os.PathLike[str]],
    task: Task,
    folder: str | os.PathLike[str],
    sign: Signature,
    env_steps: int = 0,
    cpu_seconds: float = 0.0,
) -> Manifest:
    """Makes a submission folder from ONNX policies of any framework.

    Args:
        files: The graph of each training seed.
        task: The task it is for.
        folder: Where the submission goes.
        sign: Who submits.
        env_steps: Environment steps of each training run.
        cpu_seconds: CPU time of each training run.

    Raises:
        ScenariumError: There are no files, or one cannot be read.
    """
    if not files:
        raise ScenariumError("no ONNX files; expected policy_<training seed>.onnx, one per training run")
    cost = {"env_steps": env_steps, "cpu_seconds": cpu_seconds, "wall_seconds": 0.0, "device": "unknown"}
    runs = []
    for seed, source in sorted(files.items()):
        target = Path(folder) / f"policy_{seed}.onnx"
        try:
            write_atomic(target, Path(source).read_bytes())
        except OSError as error:
            raise ScenariumError(f"{source}: cannot be read ({error.strerror})") from None
        runs.append({"file": target.name, "sha256": sha256_file(target), "training_seed": seed, **cost})
    env = {"id": task.env_id, "kwargs": task.env_kwargs, "fingerprint": fingerprint(task_model(task, {}))}
    data = {"agent": ONNX, "track": sign.track, "deterministic": False, "env": env, "runs": runs}
    return _write_manifest(folder, task, sign, data, "agent")


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
    curve = read_curve(source)
    return {
        "file": target.name,
        "sha256": sha256_file(target),
        "training_seed": int(header["seed"]),
        "env_steps": int(header["counters"]["num_timesteps"]),
        "cpu_seconds": float(cost.get("cpu_seconds", 0.0)),
        "wall_seconds": float(cost.get("wall_seconds", 0.0)),
        "device": str(cost.get("device", "cpu")),
        "curve": None if curve is None else curve.model_dump(mode="json"),
    }


def versions() -> dict[str, str]:
    """Versions of what a number depends on."""
    packages = ("scenarium", "torch", "numpy", "gymnasium", "stable-baselines3", "torch-geometric")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
