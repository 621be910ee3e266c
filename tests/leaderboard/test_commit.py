"""How a submission gets into the store: prepared apart, moved at once, its result written last."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.lock import locked, try_lock
from scenarium.leaderboard.schema import Result
from scenarium.leaderboard.store import ResultStore


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "board")


def commit(store: ResultStore, result: Result, text: str = "{}") -> Path:
    with store.staging() as folder:
        (folder / "manifest.json").write_text(text)
        store.commit(result, folder)
    return store.submission_path(result)


def test_a_submission_lies_beside_its_result(store: ResultStore, make_result: Callable[..., Result]) -> None:
    result = make_result("a", [0.5], submission="1" * 64)
    folder = commit(store, result)
    assert folder == store.root / "submissions" / "toy" / "a" / ("1" * 16)
    assert (folder / "manifest.json").read_text() == "{}"
    assert store.read("toy", "a") == result
    assert not list((store.root / ".staging").iterdir())


def test_a_newer_one_takes_the_place(store: ResultStore, make_result: Callable[..., Result]) -> None:
    old = commit(store, make_result("a", [0.5], submission="1" * 64))
    new = commit(store, make_result("a", [0.7], submission="2" * 64), "[]")
    assert [path.name for path in new.parent.iterdir()] == ["2" * 16]
    assert not old.exists()
    again = commit(store, make_result("a", [0.8], submission="2" * 64), "other bytes")
    assert (again / "manifest.json").read_text() == "[]"
    assert store.read("toy", "a").runs[0].mean == pytest.approx(-5.2)


def test_what_is_not_accepted_leaves_nothing(store: ResultStore, make_result: Callable[..., Result]) -> None:
    def refuse() -> None:
        raise ScenariumError("no")

    with pytest.raises(ScenariumError, match="no"), store.staging() as folder:
        store.commit(make_result("a", [0.5], submission="1" * 64), folder, refuse)
    assert store.load().results == ()
    assert not (store.root / "submissions").exists()


def test_what_dead_processes_left_is_swept_and_the_living_are_not(store: ResultStore) -> None:
    home = store.root / ".staging"
    (home / "dead").mkdir(parents=True)
    (home / "dead.lock").touch()
    (home / "dead" / "policy").write_text("half")
    with store.staging() as mine:
        assert not (home / "dead").exists()
        with store.staging() as other:
            assert mine.is_dir()
            assert other.is_dir()
            assert mine != other


def test_a_lock_is_held_by_one_and_released_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path):
        assert try_lock(path) is None
    held = try_lock(path)
    assert held is not None
    os.close(held)


def test_a_result_without_its_submission_says_so(store: ResultStore, make_result: Callable[..., Result]) -> None:
    with pytest.raises(ScenariumError, match="toy/a: stored without its submission"):
        store.submission_path(make_result("a", [0.5]))
