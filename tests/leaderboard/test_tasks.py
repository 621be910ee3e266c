from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.tasks import get_task, load_tasks


def test_the_shipped_tasks_are_valid_and_keyed_by_name() -> None:
    tasks = load_tasks()
    assert "inventory-one-warehouse" in tasks
    assert [task.name for task in tasks.values()] == list(tasks)
    task = get_task("inventory-one-warehouse")
    assert (task.env_id, task.horizon, task.warm_up, task.worlds) == ("InventoryNet-v0", 100, 50, 1024)
    assert task.score(task.floor.mean) == 0
    assert task.score(task.reference.mean) == 1


def test_an_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(ScenariumError, match="inventory-one-warhouse.*did you mean 'inventory-one-warehouse'"):
        get_task("inventory-one-warhouse")


def test_a_task_file_of_ones_own(tmp_path: Path, task_data: dict[str, Any]) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps({"schema_version": 1, "tasks": [task_data]}))
    assert get_task("toy", path).worlds == 8
    path.write_text(json.dumps({"schema_version": 1, "tasks": [task_data, task_data]}))
    with pytest.raises(ScenariumError, match="'toy' occurs twice"):
        load_tasks(path)
    path.write_text(json.dumps({"schema_version": 1, "tasks": [{**task_data, "worlds": 0}]}))
    with pytest.raises(ScenariumError, match=r"tasks\.json: tasks\.0\.worlds: Input should be greater"):
        load_tasks(path)
    with pytest.raises(ScenariumError, match=r"cannot read the task file .*missing\.json"):
        load_tasks(tmp_path / "missing.json")


def test_tasks_results_and_page_load_without_torch() -> None:
    program = (
        "import sys; from scenarium.leaderboard import ResultStore, load_tasks, render_page;"
        "render_page(load_tasks(), ResultStore('nowhere').load().results);"
        "print(*sorted({'torch', 'scipy', 'stable_baselines3', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
