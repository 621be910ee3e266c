"""Evaluation: the same numbers whoever asks, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import scenarium
from scenarium.agents import HDPO
from scenarium.baselines import make_baseline
from scenarium.envs import ScenariumError, make_model
from scenarium.envs.core.fingerprint import fingerprint, same_fingerprint
from scenarium.leaderboard.evaluation import evaluate, evaluate_task, task_model
from scenarium.leaderboard.tasks import get_task, load_tasks

ID = "InventoryNet-v0"


class Constant:
    """A foreign policy: NumPy in, NumPy out, nothing known of this suite."""

    def __init__(self, action):
        self.action = np.asarray(action, np.float32)
        self.types = set()

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        self.types.add(type(observation["on_hand"]))
        return np.tile(self.action, (len(observation["on_hand"]), 1)), state


def test_it_is_what_a_loop_over_single_worlds_adds_up_to():
    import gymnasium as gym

    action = np.full(6, -0.5, np.float32)
    found = scenarium.evaluate(Constant(action), ID, seeds=[3, 4], periods=20, warm_up=5)
    env = gym.make(ID)
    for row, seed in enumerate((3, 4)):
        env.reset(seed=seed)
        rewards = [env.step(action)[1] for _ in range(20)]
        assert found.returns[row] == pytest.approx(np.mean(rewards[5:]), abs=1e-4)
    assert found.mean == pytest.approx(found.returns.mean())


def test_foreign_policies_get_arrays_and_sums_are_sums():
    policy = Constant(np.zeros(6))
    mean = evaluate(policy, ID, range(4), periods=10, warm_up=4)
    total = evaluate(policy, ID, range(4), periods=10, warm_up=4, aggregate="sum")
    assert policy.types == {np.ndarray}
    np.testing.assert_allclose(total.returns, 6 * mean.returns)


def test_chunks_do_not_change_a_foreign_policys_numbers():
    policy = Constant(np.zeros(6))
    whole, parts = (evaluate(policy, ID, range(7), periods=10, chunk=chunk) for chunk in (7, 3))
    np.testing.assert_allclose(whole.returns, parts.returns, atol=1e-5)


def test_a_task_scores_the_same_twice_and_the_held_out_worlds_are_its_own():
    task = get_task("inventory-one-warehouse").model_copy(update={"worlds": 32, "chunk": 16})
    agent = HDPO(ID, seed=0, device="cpu")
    first, again = (evaluate_task(agent, task) for _ in range(2))
    assert (first.returns == again.returns).all()
    other = evaluate_task(agent, task.model_copy(update={"salt": "another"}))
    assert (first.returns != other.returns).all()


def test_how_a_problem_is_shown_follows_the_agent_and_what_it_is_follows_the_task():
    task = get_task("inventory-one-warehouse")
    model = task_model(task, {"observation": "flat", "horizon": 7, "action_mode": "quantity"})
    assert model.observation == "flat"
    assert model.actions.mode == "quantity"
    assert model.horizon == 100


def test_a_clairvoyant_policy_is_told_its_worlds():
    just_in_time = make_baseline("just_in_time", "InventoryNet-OneStoreLost-v0")
    blind = make_baseline("base_stock", "InventoryNet-OneStoreLost-v0")
    worlds = {"seeds": range(64), "warm_up": 20}
    seeing, not_seeing = (evaluate(p, "InventoryNet-OneStoreLost-v0", **worlds) for p in (just_in_time, blind))
    assert seeing.mean > -0.1 > not_seeing.mean


@pytest.mark.parametrize(
    ("policy", "arguments", "message"),
    [
        (object(), {}, "object has no predict"),
        (Constant(np.zeros(5)), {}, r"action has shape \(2, 5\); InventoryNet-v0 expects \(worlds, 6\)"),
        (Constant(np.full(6, np.nan)), {}, "not finite in world 0"),
        (Constant(np.zeros(6)), {"warm_up": 100}, r"warm_up 100 must lie in \[0, 100\)"),
        (Constant(np.zeros(6)), {"seeds": []}, "seeds is empty"),
    ],
)
def test_refusals(policy, arguments, message):
    with pytest.raises(ScenariumError, match=message):
        evaluate(policy, ID, **{"seeds": range(2), **arguments})


def test_an_sb3_model_is_a_policy():
    import gymnasium as gym
    from stable_baselines3 import PPO

    torch.manual_seed(0)
    model = PPO("MultiInputPolicy", gym.make(ID), device="cpu")
    assert np.isfinite(evaluate(model, make_model(ID), range(3), periods=5).returns).all()


def test_every_task_carries_the_fingerprint_of_what_it_plays():
    for task in load_tasks().values():
        assert same_fingerprint(task.env_fingerprint, fingerprint(task_model(task, {}))), task.name
