"""PQN on the fisheries, beside tuned constant mortality and the dynamic programme with the same information.

    python benchmarks/pqn_fishery.py                                      # Fishery-v0, 3 seeds
    python benchmarks/pqn_fishery.py --picture docs/images/pqn_fishery.png

Returns are sums over 200 years of the greedy policy, penalty on near-extinction included, on held-out worlds, which are
those of `hdpo_fishery`; all policies play the same. The last column is the share of the way from the floor (constant
mortality) to the reference. Time is CPU time of training, on one thread.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from curves import Curve, follow, lines, picture
from hdpo_fishery import measure

from scenarium.agents import PQN
from scenarium.baselines.registry import make_baseline

FLOOR = "constant_mortality"
POINTS = 20
"""Points of a learning curve."""


def reference_of(env_id: str) -> str:
    """The dynamic programme that sees what an agent sees."""
    return "dp_timed" if "-Timed-" in env_id else "dp_stationary"


def run(env_id: str, options: argparse.Namespace) -> list[Curve]:
    """Trains and prints a row per seed."""
    bars = {}
    for name in (FLOOR, reference_of(env_id)):
        policy: Any = make_baseline(name, env_id)
        bars[name] = measure(policy, env_id, options.worlds).mean
    floor, best = bars.values()
    print(f"{env_id}: {options.steps:,} years; " + ", ".join(f"{name} {value:.2f}" for name, value in bars.items()))
    curves = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        agent = PQN(env_id, seed=seed, device="cpu")
        curves.append(
            follow(agent, options.steps, options.steps // POINTS, lambda agent: measure(agent, env_id, 1000).mean)
        )
        result = measure(agent, env_id, options.worlds)
        print(
            f"  seed {seed}: {curves[-1].cpu_seconds:6.0f} CPU-s, return {result.mean:.3f} +- {result.error:.3f},"
            f" survival {result.survival:.4f}, {(result.mean - floor) / (best - floor):.0%} of the way",
            flush=True,
        )
    if options.picture:
        picture(
            options.picture, f"PQN on {env_id}", lines({"PQN": curves}), bars, "return over 200 years, 1,000 worlds"
        )
    return curves


def main() -> None:
    """Prints a block per id."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", default=["Fishery-v0"], metavar="id")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8_000_000, help="years to learn from")
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--picture", help="learning curve to write, with one id")
    options = parser.parse_args()
    if options.picture and len(options.ids) > 1:
        parser.error("--picture needs one id")
    torch.set_num_threads(1)
    for env_id in options.ids:
        run(env_id, options)


if __name__ == "__main__":
    main()
