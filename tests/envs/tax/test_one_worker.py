"""One worker's view of the tax game."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import NUMPY, torch_namespace
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.tax.one_worker import OneWorker
from scenarium.envs.tax.parameters import US_FEDERAL
from scenarium.envs.tax.presets import one_worker

XP = torch_namespace("cpu")


def short(**options: object) -> OneWorker:
    return one_worker(horizon=30, period=10, regeneration=0.1, start_coin=10.0, **options)


def test_following_the_rule_is_the_world_of_rules() -> None:
    """If worker 0 does what the rule would, and then what it would not, only the second makes a difference."""
    model = short(rates=US_FEDERAL)
    scenario = model.scenario(4)
    state = model.initial(scenario, NUMPY)
    same = state
    earned = 0.0
    for t in range(30):
        seen = model._others.observe(same.inner, None, t, NUMPY)["worker"]
        mask = model._others.action_mask(same.inner, t, NUMPY)["worker"]
        chosen, _ = model.rule.act(seen, same.memory, mask, t, NUMPY)
        actions = {"worker": chosen, "planner": np.array(US_FEDERAL)}
        inner, outcome = model.world.step(same.inner, actions, scenario.at(t), t, NUMPY)
        state, mine = model.step(state, chosen[0], scenario.at(t), t, NUMPY)
        same = same._replace(inner=inner)
        np.testing.assert_array_equal(state.inner.coin, same.inner.coin)
        assert float(mine.reward) == float(outcome.reward["worker"][0])
        earned += float(mine.reward)
    assert np.allclose(state.inner.rates, US_FEDERAL)
    start = model.initial(scenario, NUMPY).inner.utility[0]
    assert earned == pytest.approx(float(state.inner.utility[0] - start), abs=1e-4)


@pytest.mark.parametrize("observation", ["flat", "spatial"])
def test_faces(observation: str) -> None:
    model = short(observation=observation)
    env = ScenariumEnv(model)
    seen, info = env.reset(seed=2)
    assert env.observation_space.contains(seen)
    envs = ScenariumVectorEnv(model, 3, device="cpu")
    many, _ = envs.reset(seed=0)
    for _ in range(8):
        mask = model.action_mask(env._state, env._t, NUMPY)
        action = int(np.flatnonzero(mask)[-1])
        seen, reward, _, _, _ = env.step(action)
        many, rewards, *_ = envs.step(torch.tensor([0, 0, action]))
        assert float(reward) == pytest.approx(float(rewards[2]), abs=1e-5)
    flat = seen["flat"] if observation == "spatial" else seen
    lane = many["flat"][2] if observation == "spatial" else many[2]
    np.testing.assert_allclose(flat, lane, atol=1e-5)


def test_what_is_refused() -> None:
    with pytest.raises(ScenariumError, match="from 0 to 1"):
        short(rates=[0.5])
    with pytest.raises(ScenariumError, match="observation"):
        short(observation="insight")
