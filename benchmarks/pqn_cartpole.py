"""PQN on CartPole-v1 with the published settings, beside CleanRL's PQN for the same number of steps.

    python benchmarks/pqn_cartpole.py                                          # 3 seeds, 300,000 steps
    python benchmarks/pqn_cartpole.py --cleanrl PATH/TO/cleanrl/cleanrl/pqn.py   # CPU-seconds side by side
    python benchmarks/pqn_cartpole.py --picture docs/images/pqn_cartpole.png

One thread. Returns are those of the greedy policy on 20 fixed episodes, every 10,000 steps; CPU-seconds are of learning
alone, for both. CleanRL's script is run unmodified (see cleanrl_driver.py), with its own smaller network and settings.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from pqn_curves import Curve, cleanrl, learn, picture

from scenarium.agents import PQN

ENV_ID = "CartPole-v1"
SOLVED = 475.0


def row(seed: int, curve: Curve, peer: dict[str, float] | None) -> str:
    """One line of the table."""
    first = curve.first(SOLVED)
    reached = f"{first:7,}" if first is not None else "  never"
    late = min(value for n, value in zip(curve.steps, curve.returns, strict=True) if n >= 0.9 * curve.steps[-1])
    text = f"{seed:4}   {reached}   {curve.returns[-1]:6.1f}   {late:6.1f}   {curve.cpu_seconds:6.1f}"
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
    curves: list[Any] = []
    for seed in options.seeds:
        agent = PQN(ENV_ID, seed=seed, device="cpu")
        curves.append(learn(agent, ENV_ID, options.steps, every=10_000))
        peer = cleanrl(options.cleanrl, ENV_ID, options.steps, seed + 1) if options.cleanrl else None
        print(row(seed, curves[-1], peer), flush=True)
    if options.picture:
        picture(options.picture, "PQN on CartPole-v1", {"PQN": curves}, {"solved": SOLVED})


if __name__ == "__main__":
    main()
