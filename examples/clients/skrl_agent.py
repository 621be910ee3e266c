#: # skrl
#:
#: skrl wraps a Gymnasium vector environment; here its random agent of one's own making plays four copies.

import gymnasium as gym
import torch
from skrl.envs.wrappers.torch import wrap_env

import scenarium  # noqa: F401

env = wrap_env(gym.make_vec("Fishery-v0", num_envs=4, vectorization_mode="sync"), wrapper="gymnasium", verbose=False)
observation, info = env.reset()
total = torch.zeros(4, 1, device=env.device)
for _ in range(20):
    actions = torch.rand(env.num_envs, 2, device=env.device) * 0.1
    observation, reward, terminated, truncated, info = env.step(actions)
    total += reward
print(env.num_envs, "worlds, observation", tuple(observation.shape), "harvested", total.flatten().tolist())
