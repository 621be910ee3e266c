from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from scenarium.agents.core.evaluation import derived_seeds, world_rewards
from scenarium.agents.core.problem import resolve_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model

Toy = Callable[..., Model]
CPU = torch.device("cpu")


class Shell(gymnasium.Env[Any, Any]):
    def __init__(self, model: Any) -> None:
        self.model = model
        self.observation_space, self.action_space = gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(2)


class Rescaled(gymnasium.RewardWrapper[Any, Any]):
    def reward(self, reward: Any) -> Any:
        return reward * 2.0


def test_a_model_is_found_through_harmless_wrappers_only(toy: Toy) -> None:
    model = toy()
    assert resolve_model(model) is model
    assert resolve_model(gymnasium.wrappers.TimeLimit(Shell(model), 5)) is model
    with pytest.raises(ScenariumError, match="Rescaled cannot be honoured"):
        resolve_model(Rescaled(Shell(model)))
    with pytest.raises(ScenariumError, match="got Shell"):
        resolve_model(Shell(None))
    with pytest.raises(ScenariumError, match="got list"):
        resolve_model([])


def test_derived_seeds_are_addressable_and_streams_differ() -> None:
    whole = derived_seeds(7, 0, 0, 100, CPU)
    assert torch.equal(whole[40:60], derived_seeds(7, 0, 40, 20, CPU))
    everything = torch.cat([derived_seeds(seed, stream, 0, 1000, CPU) for seed in (0, 1, -1) for stream in (0, 1)])
    assert len(everything.unique()) == 6000
    assert everything.min() >= 0


def test_rewards_of_a_world_do_not_depend_on_the_chunk_and_skip_the_warm_up(toy: Toy) -> None:
    def act(observation: Any, memory: Any, t: int) -> tuple[Any, None]:
        return torch.full_like(observation["on_hand"], -0.5 if t < 4 else 0.5), None

    seeds = torch.arange(7)
    whole = world_rewards(toy(), act, seeds)
    assert torch.equal(whole, world_rewards(toy(), act, seeds, chunk=3))
    first, rest = world_rewards(toy(), act, seeds, 4), world_rewards(toy(), act, seeds, warm_up=4)
    np.testing.assert_allclose(whole, (4 * first + 8 * rest) / 12, rtol=1e-6)
