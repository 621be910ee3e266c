"""Submissions: packed, re-evaluated to the same numbers, and refused where something is wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from scenarium.agents import HDPO
from scenarium.envs import ScenariumError
from scenarium.envs.core.files import sha256_file
from scenarium.leaderboard import submission
from scenarium.leaderboard.evaluation import evaluate_task
from scenarium.leaderboard.store import ResultStore
from scenarium.leaderboard.tasks import get_task

TASK = get_task("inventory-one-warehouse").model_copy(update={"worlds": 16, "chunk": 8})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training run of two seeds."""
    folder = tmp_path_factory.mktemp("run")
    for seed in (0, 1):
        agent = HDPO("InventoryNet-v0", seed=seed, device="cpu", batch_size=4, dev_every=0).learn(400)
        agent.save(folder / f"seed_{seed}")
    return folder


@pytest.fixture
def packed(run, tmp_path):
    """A submission folder of that run."""
    folder = tmp_path / "mine"
    submission.pack(run, TASK, folder, submission.Signature(authors=("A. Tester",)))
    return folder


def test_a_run_is_packed_evaluated_and_stored(run, tmp_path):
    store = ResultStore(tmp_path)
    result = submission.submit(run, TASK, store, submission.Signature(title="My HDPO"))
    assert result.slug == "my-hdpo"
    assert result.status == "verified"
    assert store.read(TASK.name, "my-hdpo") == result
    for seed, entry in enumerate(result.runs):
        expected = evaluate_task(HDPO.load(run / f"seed_{seed}"), TASK)
        np.testing.assert_allclose(entry.returns, expected.returns, rtol=1e-5)


def test_a_packed_folder_gives_the_same_scores(packed, tmp_path):
    results = [submission.evaluate_submission(packed, TASK, "mine") for _ in range(2)]
    assert [run.returns for run in results[0].runs] == [run.returns for run in results[1].runs]
    again = submission.submit(packed, TASK, ResultStore(tmp_path), slug="again")
    assert again.runs == results[0].runs


def test_a_baseline_needs_no_weights(tmp_path):
    result = submission.submit("random", TASK, ResultStore(tmp_path))
    assert result.summary.kind == "random"
    assert result.summary.deterministic
    assert len(result.runs) == 1
    assert result.runs[0].sha256 is None


def _edit(folder, **changes):
    path = folder / submission.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _weights(folder, change):
    path = folder / "policy_0.safetensors"
    tensors = load_file(path)
    save_file(change(tensors), path)
    runs = json.loads((folder / submission.MANIFEST).read_text())["runs"]
    runs[0]["sha256"] = sha256_file(path)
    _edit(folder, runs=runs)


def _nan(tensors):
    return {name: torch.full_like(tensor, torch.nan) for name, tensor in tensors.items()}


CASES = {
    "changed weights": (lambda f: (f / "policy_0.safetensors").write_bytes(b"x"), "sha256 differs"),
    "missing weights": (lambda f: (f / "policy_1.safetensors").unlink(), "no such weights file"),
    "missing manifest": (lambda f: (f / submission.MANIFEST).unlink(), "cannot be read"),
    "NaN weights": (lambda f: _weights(f, _nan), "holds NaN or infinity"),
    "other shapes": (
        lambda f: _weights(f, lambda t: {n: torch.zeros(3, 3) for n in t}),
        "tensors do not fit this hdpo",
    ),
    "unknown agent": (lambda f: _edit(f, agent="hdpoo"), "did you mean 'hdpo'"),
    "another task": (lambda f: _edit(f, task="other"), "for task 'other'"),
    "a path": (
        lambda f: _edit(f, runs=[{**json.loads((f / "manifest.json").read_text())["runs"][0], "file": "../x"}]),
        "file",
    ),
    "unknown config": (lambda f: _edit(f, config={"learning_rat": 1}), "did you mean 'learning_rate'"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named_and_nothing_is_stored(case, packed, tmp_path):
    damage, message = CASES[case]
    damage(packed)
    store = ResultStore(tmp_path / "board")
    with pytest.raises(ScenariumError, match=message) as caught:
        submission.submit(packed, TASK, store, slug="entry") if (packed / "manifest.json").exists() else (
            submission.read_manifest(packed)
        )
    assert "\n" not in str(caught.value)
    assert not store.load().results


def test_a_truncated_safetensors_file_is_named(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    path = copy / "seed_0" / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ScenariumError, match=r"policy\.safetensors is damaged or cut off"):
        submission.submit(copy, TASK, ResultStore(tmp_path))


def test_a_run_of_another_environment_is_refused(tmp_path):
    HDPO("InventoryNet-OneStoreLost-v0", device="cpu").save(tmp_path / "run")
    with pytest.raises(ScenariumError, match="trained on 'InventoryNet-OneStoreLost-v0'"):
        submission.submit(tmp_path / "run", TASK, ResultStore(tmp_path))


def test_no_run_and_no_task(tmp_path):
    with pytest.raises(ScenariumError, match="no training run in"):
        submission.submit(tmp_path / "nothing", TASK, ResultStore(tmp_path))
    with pytest.raises(ScenariumError, match="no leaderboard task plays InventoryNet-Nowhere"):
        submission.task_for("InventoryNet-Nowhere", {TASK.name: TASK})
