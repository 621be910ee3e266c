"""The task file is what its recipes give."""

from __future__ import annotations

from typing import Any

import pytest

from scenarium.baselines import baseline_entries
from scenarium.envs import entries
from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard import recipes
from scenarium.leaderboard.tasks import read_task_file


def test_every_task_has_a_recipe_and_every_recipe_a_task() -> None:
    known, content = recipes.read_recipes(), read_task_file()
    assert [task.name for task in content.tasks] == list(known["tasks"])
    for name, recipe in known["tasks"].items():
        assert recipe["env_id"] in entries(), name
    for key, policy in known["policies"].items():
        name = policy.get("policy", key)
        assert "/" in name or name in baseline_entries(), key


def test_the_suite_has_two_tasks_or_more_per_family_with_a_budget_and_provenance() -> None:
    families: dict[str, int] = {}
    for task in read_task_file().tasks:
        family = task.name.split("-")[0]
        families[family] = families.get(family, 0) + 1
        assert task.budget
        assert task.env_fingerprint
        for value in (task.floor, task.reference, task.random, *task.shown):
            assert value is not None
            assert value.command.endswith(f"--task {task.name}")
    assert all(count >= 2 for count in families.values()), families


def test_a_task_made_anew_is_the_committed_one() -> None:
    known, content = recipes.read_recipes(), read_task_file()
    name = "fishery-tipping-point"
    known["tasks"][name]["shown"] = ["constant_escapement"]
    made = recipes.make_task(name, known, content)
    (committed,) = (task for task in content.tasks if task.name == name)
    assert recipes.differences(committed, made) == ["shown"]
    changed = committed.model_copy(update={"floor": committed.floor.model_copy(update={"mean": 0.5})})
    assert recipes.differences(committed, changed) == ["floor"]
    assert recipes.differences(committed, committed) == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("fishery", {}, "unknown recipe 'fishery'; did you mean"),
        ("fishery-tipping-point", {"floor": "constant_mortalty"}, "did you mean 'constant_mortality'"),
        ("fishery-tipping-point", {"worlds": 1000}, "worlds must be a multiple of chunk"),
    ],
)
def test_wrong_recipes_are_named(name: str, change: dict[str, Any], message: str) -> None:
    known = recipes.read_recipes()
    if name in known["tasks"]:
        known["tasks"][name] |= change
    with pytest.raises(ScenariumError, match=message):
        recipes.make_task(name, known, read_task_file())


def test_a_training_run_that_is_not_at_hand_keeps_its_committed_number(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (task,) = (task for task in read_task_file().tasks if task.name == "inventory-one-warehouse")
    values = recipes._Values(task, task, recipes.read_recipes()["policies"])
    assert values.of("hdpo_network", "reference")["mean"] == task.reference.mean
    assert "kept: the run is not here" in capsys.readouterr().out
    with pytest.raises(ScenariumError, match="no training run in runs/reference"):
        recipes._Values(task, None, recipes.read_recipes()["policies"]).of("hdpo_network", "reference")
