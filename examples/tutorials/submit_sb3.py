#: # Submit a Stable-Baselines3 policy to the board
#:
#: Train with Stable-Baselines3 itself, no wrapper of this suite around it. Five training seeds are ranked; two, as
#: here, are shown. Train far longer than this.

from pathlib import Path

import gymnasium as gym
from stable_baselines3 import PPO

import scenarium  # noqa: F401
from scenarium.cli import main
from scenarium.leaderboard import export_onnx

Path("mine").mkdir(exist_ok=True)
for seed in range(2):
    model = PPO("MlpPolicy", gym.make("Fishery-v0"), n_steps=256, seed=seed, device="cpu").learn(512)
    export_onnx(model, "Fishery-v0", f"mine/policy_{seed}.onnx")

#: The policy is an ONNX file now: a graph of arithmetic, which is checked and then run without anybody's code. From the
#: shell the next lines are `scenarium validate mine --task fishery-three-species` and so on.

TASK = ["--task", "fishery-three-species"]
assert main(["validate", "mine", *TASK]) == 0
assert main(["submit", "mine", *TASK, "--title", "PPO, 512 steps", "--author", "Your name", "--root", "board"]) == 0

#: It is evaluated on worlds nobody trained on, and put beside what is there.

assert main(["leaderboard", "--root", "board", "--no-published"]) == 0
print(sorted(path.name for path in Path("board").iterdir()))
