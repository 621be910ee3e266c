#: # Gymnasium's own wrappers
#:
#: Single worlds are plain NumPy environments, so every wrapper of Gymnasium fits; many worlds as torch tensors become
#: NumPy with a wrapper of this suite, and then Gymnasium's vector wrappers fit too.

import gymnasium as gym
from gymnasium.wrappers import FlattenObservation, NormalizeObservation, RecordEpisodeStatistics, TimeLimit

import scenarium  # noqa: F401

for env_id in ("InventoryNet-v0", "Fishery-v0", "AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxGame-v0"):
    env = RecordEpisodeStatistics(NormalizeObservation(FlattenObservation(TimeLimit(gym.make(env_id), 8))))
    observation, info = env.reset(seed=0)
    env.action_space.seed(0)
    over = False
    while not over:
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        over = terminated or truncated
    print(f"{env_id}: return {float(info['episode']['r']):.3f} in {info['episode']['l']} steps")

#: Gymnasium's vector environments run one copy per world.

worlds = gym.make_vec("Fishery-v0", num_envs=3, vectorization_mode="sync")
observation, info = worlds.reset(seed=0)
print("copies side by side:", observation.shape)
