"""Worlds per gradient step against HDPO's throughput, on either device.

    python benchmarks/hdpo_throughput.py --device cpu
    python benchmarks/hdpo_throughput.py --device cuda --worlds 256 4096 65536

A gradient step plays T = 50 periods of every world, goes back through them, and updates. What is timed: scenario
generation, observation, policy, step, backward and the optimiser; on one CPU thread, CPU-seconds; on CUDA, wall time.
"""

from __future__ import annotations

import argparse
import time

import torch

from scenarium.agents import HDPO


def seconds_per_step(env_id: str, policy: str, worlds: int, device: str, steps: int) -> float:
    """Time of one gradient step after two that warm up."""
    agent = HDPO(env_id, policy, device=device, batch_size=worlds, horizon=50, dev_every=0)
    agent.learn(2 * worlds * 50)
    synchronise = torch.cuda.synchronize if device.startswith("cuda") else (lambda: None)
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    synchronise()
    start = clock()
    agent.learn(steps * worlds * 50)
    synchronise()
    return (clock() - start) / steps


def main() -> None:
    """Prints a line per policy and number of worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="InventoryNet-v0")
    parser.add_argument("--policies", nargs="+", default=["mlp", "gnn"])
    parser.add_argument("--worlds", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for policy in options.policies:
        for worlds in options.worlds:
            seconds = seconds_per_step(options.env, policy, worlds, options.device, options.steps)
            rate = worlds * 50 / seconds
            print(f"{policy:>4} {worlds:>6} worlds: {seconds:.3f} s a gradient step, {rate / 1e6:.2f} M env-steps/s")


if __name__ == "__main__":
    main()
