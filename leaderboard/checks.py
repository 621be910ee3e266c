"""Checks of a submission that run nothing: what its manifest says, hashes, formats and numbers of its files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from scenarium.agents.core.checkpoint import read_tensors
from scenarium.agents.core.registry import agent_class, agent_entries
from scenarium.baselines import baseline_class, baseline_entries
from scenarium.envs.core.errors import ScenariumError, unknown_name
from scenarium.envs.core.files import sha256_file
from scenarium.leaderboard.intake import MANIFEST, MAX_WEIGHTS, SUFFIXES
from scenarium.leaderboard.schema import Manifest, Task

if TYPE_CHECKING:
    from scenarium.envs.core.model import Model

ONNX = "onnx"
"""Name that stands in for an agent where policies are ONNX graphs."""
MAX_WIDTH = 8192
"""Largest number accepted in a policy's arguments: layers beyond it are no policies but memory bombs."""

_EXECUTING = {
    b"\x80": "a pickle",
    b"PK": "a zip archive, as PyTorch and Stable-Baselines3 write them around a pickle",
    b"\x7fELF": "a program",
    b"#!": "a script",
}


class Checked(NamedTuple):
    """What `validate` found.

    Attributes:
        manifest: The manifest.
        contents: SHA-256 of what each run's weights hold, whatever else is in the file; None without weights.
        size: Bytes of all weights files.
    """

    manifest: Manifest
    contents: tuple[str | None, ...]
    size: int


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


def validate(folder: str | os.PathLike[str], task: Task, model: Model) -> Checked:
    """Checks a submission folder for a task; runs nothing.

    Args:
        folder: The folder.
        task: The task it should be for.
        model: The task's model, as the submission wants to see it.

    Raises:
        ScenariumError: The submission is not acceptable; the message says why.
    """
    manifest = read_manifest(folder)
    if manifest.task != task.name or manifest.env.id != task.env_id:
        raise ScenariumError(f"{Path(folder)}: for task {manifest.task!r} on {manifest.env.id!r}, not {task.name!r}")
    _check_kind(manifest)
    contents, size = [], 0
    for run in manifest.runs:
        path = None if run.file is None else Path(folder) / run.file
        contents.append(None if path is None else _check_weights(path, manifest, model))
        size += 0 if path is None else path.stat().st_size
    return Checked(manifest, tuple(contents), size)


def read_weights(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a weights file.

    Raises:
        ScenariumError: It is no safetensors file, or holds NaN or infinity.
    """
    start = _first(path, 9)
    for magic, kind in _EXECUTING.items():
        # A safetensors file starts with the length of its header, whose eighth byte is 0, and the header's brace.
        if start.startswith(magic) and start[7:9] != b"\x00{":
            raise ScenariumError(f"{path}: {kind}, which could execute code; weights are safetensors")
    tensors = read_tensors(path.parent, path.name, device)
    bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if bad:
        raise ScenariumError(f"{path}: tensor {bad[0]!r} holds NaN or infinity")
    return tensors


def _first(path: Path, count: int) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(count)


def _check_file(path: Path, sha256: str | None) -> None:
    if path.is_symlink() or not path.is_file():
        raise ScenariumError(f"{path}: no such weights file")
    if path.suffix not in SUFFIXES:
        raise ScenariumError(f"{path}: weights are {' or '.join(SUFFIXES)} files; others may execute code")
    if path.stat().st_size > MAX_WEIGHTS:
        raise ScenariumError(f"{path}: more than {MAX_WEIGHTS // 2**20} MiB of weights")
    if sha256_file(path) != sha256:
        raise ScenariumError(f"{path}: its sha256 differs from the manifest's; the file was changed or cut off")


def _check_kind(manifest: Manifest) -> None:
    """The name is known, the files are of its kind, and its settings are plausible."""
    name = manifest.agent
    if name in baseline_entries():
        _check_baseline(manifest)
        return
    if name != ONNX and name not in agent_entries():
        raise unknown_name("agent or baseline", name, [*agent_entries(), *baseline_entries(), ONNX])
    if name != ONNX:
        _check_track(manifest, agent_class(name).track)
        check_numbers(manifest.policy.get("kwargs"), "policy.kwargs")
    if manifest.deterministic or manifest.kind != "agent":
        raise ScenariumError(f"{name!r} is trained: its kind is 'agent' and it is not deterministic")
    suffix = SUFFIXES[name == ONNX]
    for run in manifest.runs:
        if run.file is None:
            raise ScenariumError(f"run {run.training_seed} of a trained agent needs a weights file")
        if not run.file.endswith(suffix):
            raise ScenariumError(f"{run.file}: the weights of {name!r} are {suffix} files")


def _check_baseline(manifest: Manifest) -> None:
    name = manifest.agent
    if len(manifest.runs) > 1 or manifest.runs[0].file is not None:
        raise ScenariumError(f"baseline {name!r} has one run without a weights file")
    if baseline_entries()[name].clairvoyant:
        raise ScenariumError(f"baseline {name!r} sees the future of its world; it is shown, not submitted")
    if (manifest.kind == "random") != (name == "random") or manifest.kind == "agent":
        raise ScenariumError(f"kind {manifest.kind!r} does not go with the baseline {name!r}")
    _check_track(manifest, baseline_class(name).track)


def _check_track(manifest: Manifest, track: str) -> None:
    if manifest.track != track:
        raise ScenariumError(f"{manifest.agent!r} is {track}, the manifest says {manifest.track}")


def check_numbers(value: Any, where: str) -> None:
    """Refuses numbers in a JSON value that no network or view needs, but that would ask for all memory."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        check_numbers(part, where)
    if isinstance(value, (int, float)) and abs(value) > MAX_WIDTH:
        raise ScenariumError(f"{where} holds {value}; sizes of a policy and of what it sees go up to {MAX_WIDTH}")


def _check_weights(path: Path, manifest: Manifest, model: Model) -> str:
    """Checks one weights file and returns the hash of what it holds."""
    if manifest.agent == ONNX:
        from scenarium.leaderboard.foreign.graph import read_graph

        return hashlib.sha256(read_graph(path, model).data).hexdigest()
    tensors = read_weights(path)
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
