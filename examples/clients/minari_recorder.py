#: # Minari
#:
#: Its recorder wraps an environment and makes a dataset of what was played.

import os

import gymnasium as gym
import minari

import scenarium  # noqa: F401

os.environ.setdefault("MINARI_DATASETS_PATH", os.path.abspath("datasets"))
for env_id in ("Fishery-v0", "InventoryNet-v0", "AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxGame-v0"):
    env = minari.DataCollector(gym.make(env_id, max_episode_steps=5))
    for seed in range(2):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        over = False
        while not over:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            over = terminated or truncated
    dataset = env.create_dataset(f"scenarium/{env_id.lower().replace('-v0', '')}/random-v0", algorithm_name="random")
    print(f"{env_id}: {dataset.total_episodes} episodes, {dataset.total_steps} steps")
