"""A submission is evaluated in a process of its own, with limits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_graphs import make_graph, to_bytes
from toy_hostile import TASK

from scenarium.envs import ScenariumError
from scenarium.leaderboard import isolation
from scenarium.leaderboard.submission import Signature, evaluate_submission, pack_onnx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.onnx").write_bytes(to_bytes(make_graph()))
    pack_onnx({0: tmp_path / "p.onnx"}, TASK, tmp_path / "mine", Signature())
    return tmp_path / "mine"


def test_the_result_and_what_is_said_come_back_and_secrets_do_not_go_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("SCENARIUM_SALT", "a salt that no round has")
    said: list[str] = []
    found = isolation.evaluate_apart(folder, TASK, "mine", progress=said.append)
    assert found == evaluate_submission(folder, TASK, "mine")
    assert said == [f"seed 0: {found.runs[0].mean:.4f} +- {found.runs[0].std_error:.4f}"]


def test_time_is_limited(folder: Path) -> None:
    with pytest.raises(ScenariumError, match="took more than 0 seconds and was stopped"):
        isolation.evaluate_apart(folder, TASK, "mine", seconds=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
def test_memory_is_limited(folder: Path) -> None:
    with pytest.raises(ScenariumError, match=r"the evaluation died \(.*\): it crashed or needs more than 200 MiB"):
        isolation.evaluate_apart(folder, TASK, "mine", memory=200 * 2**20)


def test_a_refusal_is_passed_on(folder: Path) -> None:
    (folder / "policy_0.onnx").write_bytes(b"x")
    with pytest.raises(ScenariumError, match="sha256 differs"):
        isolation.evaluate_apart(folder, TASK, "mine")
