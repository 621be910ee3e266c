#: # RL Baselines3 Zoo
#:
#: The zoo finds the ids through `--gym-packages scenarium`; a line of YAML gives the hyperparameters.

import subprocess
import sys
from pathlib import Path

MODELS = {
    "Fishery-v0": "MlpPolicy", "InventoryNet-v0": "MultiInputPolicy", "AncillaryPricing-v0": "MlpPolicy",
    "PortfolioAllocation-v0": "MultiInputPolicy", "TaxOneStep-v0": "MlpPolicy",
}  # fmt: skip
for env_id, policy in MODELS.items():
    settings = f"{env_id}:\n  n_timesteps: 100\n  policy: {policy}\n  n_steps: 50\n  batch_size: 50\n"
    Path("settings.yml").write_text(settings, encoding="utf-8")
    command = f"-m rl_zoo3.train --algo ppo --env {env_id} --gym-packages scenarium --conf-file settings.yml -f zoo"
    arguments = [sys.executable, *command.split(), "--eval-freq", "-1"]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    print(done.stdout.splitlines()[-1])
