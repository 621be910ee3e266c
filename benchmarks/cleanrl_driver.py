"""Runs CleanRL's pqn.py unmodified under today's Gymnasium and prints what it cost; used by the PQN benchmarks.

    python benchmarks/cleanrl_driver.py PATH/TO/pqn.py ENV_ID STEPS SEED

The script was written for Gymnasium 0.29, which resets a world in the same step; vector environments are therefore made
with that mode, and the episode records that it can no longer read are kept from it. Imports are not timed. Prints one
line of JSON: CPU-seconds of the script and the mean greedy return of its final network over 20 episodes.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
import time
from typing import Any

import gymnasium
import torch
import torch.utils.tensorboard
import tyro  # noqa: F401 (so that its import is not timed)
from gymnasium.vector import AutoresetMode, SyncVectorEnv


class SameStep(SyncVectorEnv):
    """Lanes reset in the step in which they end, without the record that has another form now."""

    def __init__(self, env_fns: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(env_fns, *args, autoreset_mode=AutoresetMode.SAME_STEP, **kwargs)

    def step(self, actions: Any) -> Any:
        *rest, infos = super().step(actions)
        infos.pop("final_info", None)
        return *rest, infos


def greedy_return(network: Any, env_id: str, episodes: int = 20) -> float:
    """Mean greedy return, on the seeds the benchmarks use."""
    env, total = gymnasium.make(env_id), 0.0
    for episode in range(episodes):
        seen, _ = env.reset(seed=1_000_000 + episode)
        done = False
        while not done:
            with torch.no_grad():
                action = int(network(torch.as_tensor(seen)[None]).argmax())
            seen, reward, terminated, truncated, _ = env.step(action)
            total, done = total + float(reward), terminated or truncated
    return total / episodes


def main() -> None:
    """Command line."""
    script, env_id, steps, seed = sys.argv[1:5]
    script = os.path.abspath(script)
    gymnasium.vector.SyncVectorEnv = SameStep  # type: ignore[misc]
    sys.argv = [script, "--env-id", env_id, "--total-timesteps", steps, "--seed", seed, "--no-cuda"]
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        names = runpy.run_path(script, run_name="__main__")
        spent = time.process_time() - start
        os.chdir("/")
    print(json.dumps({"cpu_seconds": spent, "greedy": greedy_return(names["q_network"], env_id)}))


if __name__ == "__main__":
    main()
