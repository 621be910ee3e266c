from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from scenarium.agents.core import checkpoint
from scenarium.envs.core.errors import ScenariumError


def _write(folder: Path, number: float) -> None:
    checkpoint.write_checkpoint(folder, {"n": number}, {"w": torch.tensor([number])}, {"m": torch.tensor([number])})


def _read(folder: Path) -> set[float]:
    tensors = [checkpoint.read_tensors(folder, name) for name in (checkpoint.POLICY, checkpoint.TRAINER)]
    return {checkpoint.read_header(folder)["n"], float(tensors[0]["w"]), float(tensors[1]["m"])}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "run", 1.0)
    assert _read(tmp_path / "run") == {1.0}
    assert {p.name for p in (tmp_path / "run").iterdir()} == {checkpoint.CONFIG, checkpoint.POLICY, checkpoint.TRAINER}


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    _write(tmp_path, 1.0)
    _write(tmp_path, 2.0)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("dies_at", range(12))
def test_a_crash_at_any_write_or_rename_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    _write(tmp_path, 1.0)
    calls, real = 0, os.replace

    def replace(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls > dies_at:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    died = False
    try:
        _write(tmp_path, 2.0)
    except KeyboardInterrupt:
        died = True
    monkeypatch.undo()
    assert died == (dies_at < 7)  # three files and the commit are put in place, then three files renamed
    assert _read(tmp_path) == ({1.0} if dies_at < 4 else {2.0})
    _write(tmp_path, 3.0)
    assert _read(tmp_path) == {3.0}
    assert len(list(tmp_path.iterdir())) == 3


def test_tied_and_strided_tensors_are_saved(tmp_path: Path) -> None:
    flat = torch.arange(6.0)
    checkpoint.write_checkpoint(tmp_path, {}, {"a": flat.view(2, 3).T, "b": flat, "c": flat}, {})
    tensors = checkpoint.read_tensors(tmp_path, checkpoint.POLICY)
    assert torch.equal(tensors["a"], flat.view(2, 3).T)
    assert torch.equal(tensors["c"], flat)


def test_damage_is_reported_in_one_line(tmp_path: Path) -> None:
    _write(tmp_path, 1.0)
    policy = tmp_path / checkpoint.POLICY
    policy.write_bytes(policy.read_bytes()[:-2])
    (tmp_path / checkpoint.TRAINER).unlink()
    for name, word in ((checkpoint.POLICY, "damaged"), (checkpoint.TRAINER, "missing")):
        with pytest.raises(ScenariumError, match=word) as caught:
            checkpoint.read_tensors(tmp_path, name)
        assert "\n" not in str(caught.value)


def test_a_folder_without_a_checkpoint_or_with_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match="no checkpoint"):
        checkpoint.read_header(tmp_path / "nowhere")
    (tmp_path / checkpoint.CONFIG).write_text("{")
    with pytest.raises(ScenariumError, match="damaged"):
        checkpoint.read_header(tmp_path)
    (tmp_path / checkpoint.CONFIG).write_text(json.dumps({"format": 99}))
    with pytest.raises(ScenariumError, match="format"):
        checkpoint.read_header(tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(ScenariumError, match="not a folder"):
        _write(tmp_path / "run", 1.0)
