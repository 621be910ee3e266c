"""Stream AC(lambda) with one set of hyperparameters on a continuous problem of each family, beside simple policies.

    python benchmarks/stream_families.py
    python benchmarks/stream_families.py --envs Fishery-v0 --picture docs/images/stream_fishery.png

Five learners per problem, 40,000 steps each (--steps for more), presets as they are. What is printed is the return of
the mean action (no exploration) on 512 worlds that no training used, per learner and as a mean with a 95 % bootstrap
interval over learners, and the same for the family's simple policies.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np
import torch
from curves import picture
from stream_curves import running, train

import scenarium
from scenarium.baselines.registry import make_baseline
from scenarium.leaderboard.statistics import interval, mean

WORLDS = range(50_000_000, 50_000_512)


class Problem(NamedTuple):
    """How a problem is measured: periods that are played and not counted, how rewards are summed, the floor first."""

    warm_up: int
    aggregate: Any
    policies: tuple[str, ...]


PROBLEMS = {
    "InventoryNet-OneStoreLost-v0": Problem(50, "mean", ("base_stock", "random")),
    "Fishery-v0": Problem(0, "sum", ("constant_escapement", "constant_mortality", "random")),
    "AncillaryPricing-TwoSided-v0": Problem(0, "mean", ("human_price", "best_static_price", "random")),
    "InventoryNet-v0": Problem(50, "mean", ("base_stock", "random")),
}


def compare(env_id: str, problem: Problem, seeds: int, steps: int, path: str | None) -> None:
    """Trains and prints one problem."""
    how: Any = {"warm_up": problem.warm_up, "aggregate": problem.aggregate}
    print(f"{env_id}: {problem.aggregate} of rewards")
    for name in problem.policies:
        found = scenarium.evaluate(make_baseline(name, env_id), env_id, WORLDS, **how)
        print(f"  {name:<20} {found.mean:10.3f} +- {1.96 * found.std_error:.3f}", flush=True)
    agent, runs, seconds = train("stream_ac", env_id, seeds, steps)
    values = []
    for learner in range(seeds):
        agent.acting = learner
        values.append(scenarium.evaluate(agent, env_id, WORLDS, **how).mean)
    spread = interval({env_id: np.array(values)}, mean)
    low, high = float(spread.low), float(spread.high)
    each = ", ".join(f"{value:.3f}" for value in values)
    print(f"  {'stream_ac':<20} {np.mean(values):10.3f} [{low:.3f}, {high:.3f}]  learners {each}; {seconds:.0f} CPU-s")
    if path:
        picture(path, f"Stream AC on {env_id}", running(runs, 50), {}, "return while learning, mean of 50 episodes")


def main() -> None:
    """Prints a block per problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--picture", help="of returns while learning; with one environment")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for env_id in options.envs:
        compare(env_id, PROBLEMS[env_id], options.seeds, options.steps, options.picture)


if __name__ == "__main__":
    main()
