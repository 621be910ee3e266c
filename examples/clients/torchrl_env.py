#: # TorchRL
#:
#: `GymEnv` makes an id, and a rollout is a TensorDict.

from torchrl.envs import GymEnv, TransformedEnv
from torchrl.envs.transforms import RewardSum

import scenarium  # noqa: F401

for env_id in ("Fishery-v0", "InventoryNet-v0", "AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxGame-v0"):
    env = TransformedEnv(GymEnv(env_id), RewardSum())
    env.set_seed(0)
    rollout = env.rollout(5)
    print(f"{env_id}: {tuple(rollout.batch_size)} steps, return {float(rollout['next', 'episode_reward'][-1]):.3f}")
