"""PQN on CartPole-v1 with the published settings, beside CleanRL's PQN for the same number of steps.

    python benchmarks/pqn_cartpole.py                                          # 3 seeds, 300,000 steps
    python benchmarks/pqn_cartpole.py --cleanrl PATH/TO/cleanrl/cleanrl/pqn.py   # CPU-seconds side by side
    python benchmarks/pqn_cartpole.py --picture docs/images/pqn_cartpole.png

One thread. Returns are those of the greedy policy on 20 fixed episodes, every 10,000 steps; CPU-seconds are of learning
alone, for both. CleanRL's script is run unmodified (see cleanrl_driver.py), with its own smaller network and settings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from curves import Curve, follow, greedy_return, lines, picture

from scenarium.agents import PQN

ENV_ID = "CartPole-v1"
SOLVED = 475.0
DRIVER = Path(__file__).with_name("cleanrl_driver.py")


def cleanrl(script: str, steps: int, seed: int) -> dict[str, float]:
    """CPU-seconds and final greedy return of CleanRL's script for the same number of steps."""
    command = [sys.executable, str(DRIVER), script, ENV_ID, str(steps), str(seed)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return result


def row(seed: int, curve: Curve, peer: dict[str, float] | None) -> str:
    """One line of the table."""
    first = curve.first(SOLVED)
    reached = f"{first:7,}" if first is not None else "  never"
    late = min(value for n, value in zip(curve.steps, curve.values, strict=True) if n >= 0.9 * curve.steps[-1])
    text = f"{seed:4}   {reached}   {curve.values[-1]:6.1f}   {late:6.1f}   {curve.cpu_seconds:6.1f}"
    if peer is None:
        return text
    return (
        f"{text}   {peer['cpu_seconds']:6.1f}   {peer['greedy']:6.1f}   {peer['cpu_seconds'] / curve.cpu_seconds:4.2f}"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--cleanrl")
    parser.add_argument("--picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{ENV_ID}, {options.steps:,} steps")
    head = "seed   >=475 at   final   worst of last 10 %   CPU-s"
    print(head + ("   CleanRL CPU-s   its greedy   ratio" if options.cleanrl else ""))
    curves: list[Curve] = []
    for seed in options.seeds:
        agent = PQN(ENV_ID, seed=seed, device="cpu")
        curves.append(follow(agent, options.steps, 10_000, lambda agent: greedy_return(agent, ENV_ID)))
        peer = cleanrl(options.cleanrl, options.steps, seed + 1) if options.cleanrl else None
        print(row(seed, curves[-1], peer), flush=True)
    if options.picture:
        picture(options.picture, "PQN on CartPole-v1", lines({"PQN": curves}), {"solved": SOLVED})


if __name__ == "__main__":
    main()
