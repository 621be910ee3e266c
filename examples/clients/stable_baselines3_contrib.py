#: # Stable-Baselines3 and sb3-contrib
#:
#: `gym.make` is all they need. For many worlds at once, `make_vec_env` of this suite is a `VecEnv` that plays one
#: batch.

import gymnasium as gym
from sb3_contrib import TQC, TRPO
from stable_baselines3 import PPO

import scenarium
from scenarium.envs import make_model
from scenarium.envs.core.sb3 import make_vec_env

ppo = PPO("MlpPolicy", gym.make("Fishery-v0"), n_steps=128, seed=0, device="cpu").learn(256)
tqc = TQC("MlpPolicy", gym.make("Fishery-v0"), learning_starts=50, seed=0, device="cpu").learn(100)
trpo = TRPO("MultiInputPolicy", make_vec_env(make_model("InventoryNet-v0"), 8), n_steps=32, seed=0, device="cpu")
trpo.learn(256)

#: One id of every family:

for env_id in ("AncillaryPricing-v0", "PortfolioAllocation-v0", "TaxOneStep-v0"):
    PPO("MultiInputPolicy" if env_id.startswith("Port") else "MlpPolicy", gym.make(env_id), n_steps=32).learn(32)
    print(f"PPO plays {env_id}")

#: What they learnt is evaluated like everything else.

for name, model, env_id in (("PPO", ppo, "Fishery-v0"), ("TQC", tqc, "Fishery-v0"), ("TRPO", trpo, "InventoryNet-v0")):
    print(f"{name} on {env_id}: {scenarium.evaluate(model, env_id, seeds=range(8), periods=50).mean:.4f}")
