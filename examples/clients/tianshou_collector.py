#: # Tianshou
#:
#: Tianshou's vector environments take functions that make one.

import gymnasium as gym
import numpy as np
from tianshou.env import DummyVectorEnv

import scenarium  # noqa: F401

for env_id in ("Fishery-v0", "InventoryNet-v0", "AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxGame-v0"):
    worlds = DummyVectorEnv([lambda name=env_id: gym.make(name) for _ in range(2)])
    worlds.seed([0, 1])
    observation, info = worlds.reset()
    for _ in range(3):
        actions = np.array([space.sample() for space in worlds.action_space])
        observation, reward, terminated, truncated, info = worlds.step(actions)
        ended = np.flatnonzero(terminated | truncated)
        if ended.size:
            worlds.reset(ended)
    print(f"{env_id}: {len(worlds)} worlds, rewards {reward}")
