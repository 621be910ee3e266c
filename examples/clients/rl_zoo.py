#: # RL Baselines3 Zoo
#:
#: The zoo finds the ids through `--gym-packages scenarium`; a line of YAML gives the hyperparameters.

import subprocess
import sys
from pathlib import Path

Path("fishery.yml").write_text(
    "Fishery-v0:\n  n_timesteps: 300\n  policy: MlpPolicy\n  n_steps: 100\n  batch_size: 50\n", encoding="utf-8"
)
command = "-m rl_zoo3.train --algo ppo --env Fishery-v0 --gym-packages scenarium --conf-file fishery.yml -f zoo"
arguments = [sys.executable, *command.split(), "--eval-freq", "-1"]
done = subprocess.run(arguments, check=True, capture_output=True, text=True)
print(done.stdout.splitlines()[-1], sorted(path.name for path in Path("zoo/ppo").iterdir()))
