"""PQN on Acrobot-v1 with the published settings of CartPole: the greedy return after 500,000 steps.

    python benchmarks/pqn_acrobot.py                                           # 3 seeds
    python benchmarks/pqn_acrobot.py --picture docs/images/pqn_acrobot.png

One thread. Returns are those of the greedy policy on 20 fixed episodes, 100 after the last step; CPU-seconds are of
learning alone.
"""

from __future__ import annotations

import argparse

import torch
from curves import Curve, follow, greedy_return, lines, picture

from scenarium.agents import PQN

ENV_ID = "Acrobot-v1"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{ENV_ID}, {options.steps:,} steps")
    print("seed   greedy, 100 episodes   CPU-s   steps per CPU-s")
    curves: list[Curve] = []
    for seed in options.seeds:
        agent = PQN(ENV_ID, seed=seed, device="cpu")
        curve = follow(agent, options.steps, 25_000, lambda agent: greedy_return(agent, ENV_ID))
        curves.append(curve)
        final = greedy_return(agent, ENV_ID, 100)
        rate = options.steps / curve.cpu_seconds
        print(f"{seed:4}   {final:20.1f}   {curve.cpu_seconds:5.1f}   {rate:15,.0f}", flush=True)
    if options.picture:
        picture(options.picture, "PQN on Acrobot-v1", lines({"PQN": curves}), {"-100": -100.0})


if __name__ == "__main__":
    main()
