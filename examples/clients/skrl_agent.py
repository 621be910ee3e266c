#: # skrl
#:
#: skrl wraps a Gymnasium vector environment; here random actions play two copies of an id of each family.

import gymnasium as gym
import torch
from skrl.envs.wrappers.torch import wrap_env

import scenarium  # noqa: F401

for env_id in ("Fishery-v0", "InventoryNet-v0", "AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxGame-v0"):
    worlds = gym.make_vec(env_id, num_envs=2, vectorization_mode="sync")
    env = wrap_env(worlds, wrapper="gymnasium", verbose=False)
    observation, info = env.reset()
    total = torch.zeros(2, 1, device=env.device)
    for _ in range(5):
        actions = torch.as_tensor(worlds.action_space.sample(), device=env.device).reshape(2, -1)
        observation, reward, terminated, truncated, info = env.step(actions)
        total += reward
    print(
        f"{env_id}: {env.num_envs} worlds, observation {tuple(observation.shape)}, rewards {total.flatten().tolist()}"
    )
