from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.files import sha256_file, write_atomic


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.one_of(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=100)))
def test_what_is_written_is_what_is_there(tmp_path: Path, content: str | bytes) -> None:
    data = content.encode("utf-8") if isinstance(content, str) else content
    path = write_atomic(tmp_path / "deep" / "er" / "file.bin", content)
    assert path.read_bytes() == data
    assert sha256_file(path) == hashlib.sha256(data).hexdigest()
    assert os.listdir(path.parent) == ["file.bin"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomic(tmp_path / "file.txt", "old")

    def refuse(source: object, target: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_written_file_has_the_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    path = write_atomic(tmp_path / "atomic", "")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_folders_in_the_way_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match="it is a folder"):
        write_atomic(tmp_path, "x")
    write_atomic(tmp_path / "file", "x")
    with pytest.raises(ScenariumError, match="file is not a folder"):
        write_atomic(tmp_path / "file" / "child", "x")
    with pytest.raises(ScenariumError, match="no file at"):
        sha256_file(tmp_path / "missing")
