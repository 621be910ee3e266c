#: # Minari
#:
#: Its recorder wraps an environment and makes a dataset of what was played.

import os

import gymnasium as gym
import minari

import scenarium  # noqa: F401

os.environ.setdefault("MINARI_DATASETS_PATH", os.path.abspath("datasets"))
env = minari.DataCollector(gym.make("Fishery-v0"))
for seed in range(2):
    env.reset(seed=seed)
    env.action_space.seed(seed)
    over = False
    while not over:
        _, _, terminated, truncated, _ = env.step(0.1 * env.action_space.sample())
        over = terminated or truncated
dataset = env.create_dataset("scenarium/fishery/random-v0", algorithm_name="random")
print(dataset.total_episodes, "episodes,", dataset.total_steps, "steps")
