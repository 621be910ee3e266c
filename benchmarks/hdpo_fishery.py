"""What HDPO reaches on the fisheries in a budget of CPU-seconds, beside the bars, the optimum and published results.

    python benchmarks/hdpo_fishery.py                        # every id, 3 seeds, 300 CPU-seconds each
    python benchmarks/hdpo_fishery.py Fishery-v0 --seeds 0 --seconds 100 --worlds 2000

One thread. Training time is the process's CPU time, calibrated on the first gradient steps so that the schedule ends
inside the budget; the seconds used are printed. Returns are sums over 200 years, penalty included, on held-out worlds
under the exact (hard) test of near-extinction; the relaxed model is for training only. Dynamic-programming values are
those of `scenarium.envs.fishery.optimum`; PPO smoothed by a Gaussian process is recomputed from the result files of
arXiv 2308.13654 (100 episodes, full return).
"""

from __future__ import annotations

import argparse
import math
from typing import Any, NamedTuple

import torch
from hdpo_inventory import Row, train

from scenarium.agents import HDPO
from scenarium.envs import make_model
from scenarium.envs.core.rollout import unroll

FIRST_WORLD = 5_000_000
"""Seed of the first held-out world."""


class Goal(NamedTuple):
    """What to compare an id with: the bar, what it is, and the optimum for the same information."""

    bar: float
    what: str
    optimum: float


_CLASSICAL = "best tuned classical policy"
GOALS = {
    "Fishery-v0": Goal(71.0, "PPO+GP 69.05 published", 71.9),
    "Fishery-Timed-v0": Goal(72.0, "stretch 72.8", 73.16),
    "Fishery-Model1-v0": Goal(1.675, _CLASSICAL, 1.69),
    "Fishery-Model1-Timed-v0": Goal(1.675, _CLASSICAL, 2.07),
    "Fishery-Model2-v0": Goal(19.74, _CLASSICAL, 20.0),
    "Fishery-Model2-Timed-v0": Goal(19.74, _CLASSICAL, 20.28),
    "Fishery-Model4-v0": Goal(43.64, _CLASSICAL + "; PPO+GP 49.66 published", 53.6),
    "Fishery-Model4-Timed-v0": Goal(43.64, _CLASSICAL + "; PPO+GP 49.66 published", 55.32),
}


class Result(NamedTuple):
    """Mean return, its standard error, and the fraction of worlds alive after 200 years."""

    mean: float
    error: float
    survival: float


@torch.no_grad()
def measure(agent: HDPO, env_id: str, worlds: int) -> Result:
    """Plays held-out worlds with the exact model."""
    model = make_model(env_id)
    scenario = model.scenario(torch.arange(FIRST_WORLD, FIRST_WORLD + worlds))

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return agent.predict(observation)

    total: Any = 0.0
    alive: Any = None
    for moment in unroll(model, scenario, act):
        total = total + moment.outcome.reward.double()
        alive = ~moment.outcome.terminated
    return Result(float(total.mean()), float(total.std()) / math.sqrt(worlds), float(alive.double().mean()))


def main() -> None:
    """Prints a line per id and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", default=list(GOALS), metavar="id", help=", ".join(GOALS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=300.0, help="training budget, CPU-seconds")
    parser.add_argument("--worlds", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for env_id in options.ids:
        goal = GOALS[env_id]
        for seed in options.seeds:
            agent, seconds = train(Row(env_id, "mlp", options.seconds, goal.bar, "", ""), seed)
            result = measure(agent, env_id, options.worlds)
            verdict = "met" if result.mean >= goal.bar else "missed"
            print(
                f"{env_id} seed {seed}: return {result.mean:.3f} +- {result.error:.3f}, survival {result.survival:.4f}"
                f" after {seconds:.0f} CPU-s (bar {goal.bar}: {verdict}; {goal.what}; optimum {goal.optimum})",
                flush=True,
            )


if __name__ == "__main__":
    main()
