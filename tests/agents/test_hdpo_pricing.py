"""HDPO where the trained model's actions are weights on a menu, and where a world is seen as several rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenarium.agents.hdpo.hdpo import HDPO
from scenarium.envs import make_model
from scenarium.envs.core.rollout import counted_rewards
from scenarium.envs.table import register_all

register_all()


def revenue(agent: HDPO, env_id: str, worlds: int = 400) -> float:
    """Expected revenue per session of held-out worlds."""
    model = make_model(env_id, reward="expected")
    scenario = model.scenario(torch.arange(10**6, 10**6 + worlds))
    with torch.no_grad():
        total = counted_rewards(model, scenario, lambda o, m, t: (agent.predict(o)[0], None), model.horizon)
    return float(total.mean()) / model.horizon


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "steps", "at_least"),
    [
        # The list price earns 0.1004 in a session of the ladder; the best static price 13.52 in a flight.
        ("AncillaryPricing-v0", 600_000, 0.1065),
        ("AncillaryPricing-Capacity-v0", 120_000, 13.9 / 180),
    ],
)
def test_it_beats_the_best_static_price_in_seconds(env_id: str, steps: int, at_least: float) -> None:
    agent = HDPO(env_id, seed=0, device="cpu").learn(steps)
    assert revenue(agent, env_id, 400 if env_id.endswith("g-v0") else 100) > at_least


@pytest.mark.parametrize("kind", ["", "TwoSided-", "Capacity-", "Drift-", "MultiProduct-", "Trap-"])
def test_every_id_trains_acts_and_comes_back_from_a_folder(kind: str, tmp_path: Path) -> None:
    env_id = f"AncillaryPricing-{kind}v0"
    agent = HDPO(env_id, seed=0, device="cpu", batch_size=4, horizon=3, restart_every=2).learn(24)
    model: Any = agent.model
    observation = np.stack([model.observation_space.sample() for _ in range(3)])
    observation = np.clip(observation, -2.0, 2.0)
    actions, _ = agent.predict(observation)
    assert all(model.action_space.contains(action) for action in actions)
    agent.save(tmp_path / "agent")
    again, _ = HDPO.load(tmp_path / "agent", device="cpu").predict(observation)
    np.testing.assert_array_equal(actions, again)
