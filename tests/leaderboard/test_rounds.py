"""Rounds: the worlds are fixed by a published hash before anybody but the organisers knows them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scenarium.baselines import make_baseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.evaluation import evaluate_task
from scenarium.leaderboard.rounds import close_round, open_round, read_salt
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.tasks import SALT_VARIABLE, get_task, load_tasks, read_task_file


@pytest.fixture
def path(tmp_path: Path, task_data: dict[str, Any]) -> Path:
    """A task file whose first round is closed."""
    task_data.pop("salt")
    first = {
        "number": 1, "salt": "round-1", "salt_sha256": hashlib.sha256(b"round-1").hexdigest(),
        "opened": "2026-01-01", "closed": "2026-02-01",
    }  # fmt: skip
    target = tmp_path / "tasks.json"
    target.write_text(json.dumps({"schema_version": 1, "rounds": [first], "tasks": [task_data]}))
    return target


def test_an_open_round_shows_a_hash_and_a_closed_one_its_salt(path: Path, tmp_path: Path) -> None:
    keep = tmp_path / "round-2.salt"
    begun = open_round(keep, path)
    salt = read_salt(keep)
    assert (begun.number, begun.salt, begun.closed) == (2, None, None)
    assert begun.salt_sha256 == hashlib.sha256(salt.encode()).hexdigest()
    assert len(salt) == 64
    assert keep.stat().st_mode & 0o077 == 0
    assert salt not in path.read_text()
    close_round(salt, path)
    last = read_task_file(path).rounds[-1]
    assert (last.salt, last.salt_sha256) == (salt, begun.salt_sha256)
    assert load_tasks(path)["toy"].known_salt == salt


def test_those_without_the_salt_play_the_last_closed_round(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_round(tmp_path / "keep", path)
    task = load_tasks(path)["toy"]
    assert (task.round, task.salt) == (1, "round-1")
    secret = load_tasks(path, round=2)["toy"]
    assert secret.salt is None
    with pytest.raises(ScenariumError, match="the salt of round 2 is secret until it closes"):
        evaluate_task(object(), secret)
    monkeypatch.setenv(SALT_VARIABLE, read_salt(tmp_path / "keep"))
    mine = load_tasks(path)["toy"]
    assert (mine.round, mine.known_salt) == (2, read_salt(tmp_path / "keep"))
    # Whoever knows the hash alone names the same task as whoever knows the salt.
    assert mine.digest() == secret.digest() != task.digest()
    assert load_tasks(path, round=1)["toy"] == task
    monkeypatch.setenv(SALT_VARIABLE, "guess")
    with pytest.raises(ScenariumError, match="its hash was never published"):
        load_tasks(path)


def test_entries_of_an_earlier_round_are_stale(path: Path, tmp_path: Path, make_result: Any) -> None:
    before = load_tasks(path)["toy"]
    result = make_result("a", [0.5] * 5, task_digest=before.digest())
    assert result.status_for(before) == "verified"
    open_round(tmp_path / "keep", path)
    assert result.status_for(load_tasks(path)["toy"]) == "verified"
    close_round(read_salt(tmp_path / "keep"), path)
    assert result.status_for(load_tasks(path)["toy"]) == "stale"


def test_a_salt_cannot_be_changed_afterwards(path: Path, tmp_path: Path) -> None:
    open_round(tmp_path / "keep", path)
    with pytest.raises(ScenariumError, match="not the salt of round 2: its hash differs"):
        close_round("another", path)
    data = json.loads(path.read_text())
    data["rounds"][1] |= {"salt": "another", "closed": "2026-03-01"}
    path.write_text(json.dumps(data))
    with pytest.raises(ScenariumError, match="salt is not the one whose hash was published"):
        load_tasks(path)


def test_rounds_follow_one_another(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenariumError, match="no round is open"):
        close_round("x", path)
    open_round(tmp_path / "keep", path)
    with pytest.raises(ScenariumError, match="round 2 is open; close it first"):
        open_round(tmp_path / "other", path)
    assert not (tmp_path / "other").exists()
    close_round(read_salt(tmp_path / "keep"), path)
    with pytest.raises(ScenariumError, match="keep exists; the salt of a new round goes to a new file"):
        open_round(tmp_path / "keep", path)
    with pytest.raises(ScenariumError, match="there is no round 9; rounds are 1, 2"):
        load_tasks(path, round=9)
    with pytest.raises(ScenariumError, match="cannot read a salt"):
        read_salt(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": 2}, "rounds must be numbered 1, 2"),
        ({"closed": None}, "salt and closed go together"),
        ({"salt": "x|y"}, "salt: String should match"),
    ],
)
def test_wrong_rounds_are_named(path: Path, change: dict[str, Any], message: str) -> None:
    data = json.loads(path.read_text())
    data["rounds"][0] |= change
    path.write_text(json.dumps(data))
    with pytest.raises(ScenariumError, match=message):
        load_tasks(path)


def test_a_task_without_a_salt_needs_rounds(path: Path) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "rounds": []}))
    with pytest.raises(ScenariumError, match="a task needs a salt where there are no rounds"):
        load_tasks(path)


def test_another_round_is_another_set_of_worlds() -> None:
    task: Task = get_task("fishery-three-species").model_copy(update={"worlds": 4, "chunk": 4, "horizon": 5})
    policy = make_baseline("constant_mortality", task.env_id)
    other = task.model_copy(update={"salt": "another"})
    assert (evaluate_task(policy, task).returns != evaluate_task(policy, other).returns).all()
