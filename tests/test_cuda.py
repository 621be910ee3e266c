"""On a GPU everything is as on the CPU; run with `pytest -m cuda` where there is one."""

from __future__ import annotations

import gymnasium as gym
import pytest
import torch

from scenarium.agents import HDPO
from scenarium.envs import entries, make_model
from scenarium.envs.core.fingerprint import scripted_action
from scenarium.envs.core.rollout import unroll

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("env_id", entries())
def test_worlds_are_the_same_on_both_devices(env_id):
    model = make_model(env_id)
    rewards = []
    for device in ("cpu", "cuda"):

        def act(observation, memory, t, device=device):
            one = torch.as_tensor(scripted_action(model, t), device=device)
            return one.expand(16, *one.shape), None

        moments = unroll(model, model.scenario(torch.arange(16, device=device)), act, 30)
        rewards.append(torch.stack([moment.outcome.reward.cpu() for moment in moments]))
    torch.testing.assert_close(rewards[0], rewards[1], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("policy", ["mlp", "gnn"])
def test_hdpo_learns_and_its_policy_moves_to_the_cpu(policy, tmp_path):
    agent = HDPO("InventoryNet-v0", policy, device="cuda", batch_size=64, dev_every=0).learn(64 * 50 * 5)
    agent.save(tmp_path)
    observation, _ = gym.make("InventoryNet-v0").reset(seed=0)
    mine, _ = agent.predict(observation)
    theirs, _ = HDPO.load(tmp_path, device="cpu").predict(observation)
    assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-3)


def test_the_vector_environment_never_waits_for_the_host():
    worlds = gym.make_vec("InventoryNet-v0", num_envs=64, device="cuda", max_episode_steps=5)
    worlds.reset(seed=0)
    action = torch.zeros(64, 6, device="cuda")
    worlds.step(action)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            worlds.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")
