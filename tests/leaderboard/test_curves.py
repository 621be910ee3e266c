"""Learning curves: what the record refuses, how training writes one, and that it changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scenarium.agents import HDPO, PQN
from scenarium.agents.core.callbacks import BaseCallback
from scenarium.envs.core.errors import ScenariumError
from scenarium.leaderboard.curves import Curve, CurveCallback, read_curve, task_of
from scenarium.leaderboard.evaluation import evaluate_task
from scenarium.leaderboard.schema import Task
from scenarium.leaderboard.tasks import load_tasks

GOOD = {"steps": [10, 20], "cpu_seconds": [0.5, 0.5], "returns": [-3.0, -2], "worlds": 64}


@pytest.fixture
def store_task() -> Task:
    return load_tasks()["inventory-one-store"].model_copy(update={"horizon": 12, "warm_up": 4, "worlds": 8, "chunk": 8})


def small(seed: int = 0) -> HDPO:
    return HDPO("InventoryNet-OneStoreLost-v0", seed=seed, device="cpu", batch_size=4, horizon=10, dev_every=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": [10]}, "as many steps, seconds and returns"),
        ({"steps": [20, 20]}, "must increase"),
        ({"steps": [-1, 20]}, "must increase from 0"),
        ({"cpu_seconds": [0.5, 0.4]}, "must not decrease"),
        ({"cpu_seconds": [-0.5, 0.4]}, "must not decrease"),
        ({"steps": [], "cpu_seconds": [], "returns": []}, "at least 1 item"),
        ({"steps": list(range(300))}, "at most 200 items"),
        ({"worlds": 0}, "greater than or equal to 1"),
    ],
)
def test_a_curve_that_is_none_is_refused(changes: dict[str, Any], message: str) -> None:
    assert Curve.parse(GOOD).returns == (-3.0, -2.0)
    with pytest.raises(ScenariumError, match=message):
        Curve.parse({**GOOD, **changes})


def test_training_measures_at_even_distances_and_at_the_end(tmp_path: Path, store_task: Task) -> None:
    callback = CurveCallback(tmp_path, store_task, 400, points=5, worlds=8)
    agent = small().learn(400, callback)
    curve = read_curve(tmp_path)
    assert curve is not None
    assert curve.steps == (80, 160, 240, 320, 400)
    assert curve.worlds == 8
    assert curve.cpu_seconds[0] > 0
    assert callback.measuring > 0
    # The last point is the finished policy, in the task's metric, on worlds that are not the held-out ones.
    assert curve.returns[-1] != pytest.approx(evaluate_task(agent, store_task).mean, rel=1e-4)
    seeds = callback.seeds
    from scenarium.leaderboard.evaluation import evaluate, task_model

    again = evaluate(agent, task_model(store_task, {}), seeds, periods=12, warm_up=4, chunk=8)
    assert curve.returns[-1] == pytest.approx(again.mean, rel=1e-5)


def test_measuring_changes_nothing(tmp_path: Path, store_task: Task) -> None:
    plain = small().learn(200).policy_tensors()
    measured = small().learn(200, CurveCallback(tmp_path, store_task, 200, points=5, worlds=8)).policy_tensors()
    assert all(plain[name].equal(measured[name]) for name in plain)


def test_an_interrupted_run_goes_on_with_its_curve(tmp_path: Path, store_task: Task) -> None:
    class StopAt(BaseCallback):
        def on_iteration(self, agent: Any, metrics: Any) -> bool | None:
            return agent.num_timesteps < 200

    small().learn(400, [CurveCallback(tmp_path, store_task, 400, points=5, worlds=8), StopAt()], checkpoint=tmp_path)
    first = read_curve(tmp_path)
    assert first is not None
    assert first.steps == (80, 160, 200)
    # As if the process had died after another point: what the checkpoint does not know is forgotten.
    ahead = {**first.model_dump(mode="json"), "steps": [80, 160, 260]}
    (tmp_path / "curve.json").write_text(json.dumps(ahead))
    callback = CurveCallback(tmp_path, store_task, 400, points=5, worlds=8)
    small().learn(400, callback, checkpoint=tmp_path, resume=True)
    second = read_curve(tmp_path)
    assert second is not None
    assert second.steps == (80, 160, 240, 320, 400)
    assert second.returns[:2] == first.returns[:2]
    assert list(second.cpu_seconds) == sorted(second.cpu_seconds)


def test_only_a_task_that_the_policy_can_play_is_measured_on() -> None:
    tasks = load_tasks()
    assert task_of(small(), tasks) is tasks["inventory-one-store"]
    assert task_of(PQN("Fishery-v0", device="cpu"), {}) is None
    assert task_of(PQN("CartPole-v1", device="cpu"), tasks) is None
    wider = HDPO("InventoryNet-Serial-v0", device="cpu", env_kwargs={"locations": 5}, dev_every=0)
    assert task_of(wider, tasks) is None


def test_a_folder_without_a_curve_has_none_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    assert read_curve(tmp_path) is None
    (tmp_path / "curve.json").write_text("{}")
    with pytest.raises(ScenariumError, match=r"curve\.json: steps: Field required"):
        read_curve(tmp_path)
