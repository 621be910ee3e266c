#: # Tianshou
#:
#: Tianshou's vector environments take functions that make one.

import gymnasium as gym
import numpy as np
from tianshou.env import DummyVectorEnv

import scenarium  # noqa: F401

worlds = DummyVectorEnv([lambda: gym.make("AncillaryPricing-v0") for _ in range(3)])
worlds.seed([0, 1, 2])
observation, info = worlds.reset()
for _ in range(5):
    actions = np.array([space.sample() for space in worlds.action_space])
    observation, reward, terminated, truncated, info = worlds.step(actions)
print(len(worlds), "worlds, observation", observation.shape, "reward", reward.shape)
