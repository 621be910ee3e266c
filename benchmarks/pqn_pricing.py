"""PQN on ancillary pricing, from sampled sales only, against the best that can be had from the observable context.

    python benchmarks/pqn_pricing.py                                      # both ids, 3 seeds
    python benchmarks/pqn_pricing.py --ids AncillaryPricing-v0 --picture docs/images/pqn_pricing.png

The agent is paid the drawn sales and sees nothing else. What is printed is the expected revenue of its greedy policy on
held-out worlds, valued as in `hdpo_pricing`: policy and reference (Bayes oracle, or the dynamic programme on the
context) meet the same customers, and flights are valued on the exact distribution of the units left. Regret is the
share of the reference's revenue that is missed, with its standard error over worlds. Time is CPU time of training.
"""

from __future__ import annotations

import argparse
import math
from typing import Any, NamedTuple

import torch
from curves import Curve, follow, lines, picture
from hdpo_pricing import CAPACITY, judged, value
from torch import Tensor

from scenarium.agents import PQN
from scenarium.baselines.registry import make_baseline
from scenarium.envs import make_model
from scenarium.envs.core.model import Model

LADDER = "AncillaryPricing-v0"


class Task(NamedTuple):
    """Sessions to learn from, the most regret there should be, held-out worlds, and the policies to compare with."""

    steps: int
    bar: float
    worlds: int
    reference: str
    floor: str


TASKS = {
    LADDER: Task(2_000_000, 0.04, 2000, "bayes_oracle", "human_price"),
    CAPACITY: Task(12_000_000, 0.04, 400, "capacity_optimal", "best_static_price"),
}
POINTS = 20
"""Points of a learning curve."""


def revenue(model: Model, agent: Any, worlds: int) -> Tensor:
    """Expected revenue per episode of each world [worlds]."""
    return value(model, lambda seen, memory, t: (agent.predict(seen)[0], memory), worlds)


def classical(env_id: str, name: str, worlds: int) -> Tensor:
    """The same of a baseline."""
    return value(judged(env_id)[1], make_baseline(name, make_model(env_id)).act, worlds)


def run(env_id: str, task: Task, options: argparse.Namespace) -> list[Curve]:
    """Trains and prints a row per seed."""
    worlds = min(options.worlds or task.worlds, task.worlds)
    best, floor = (classical(env_id, name, worlds) for name in (task.reference, task.floor))
    model = judged(env_id)[1] if env_id == CAPACITY else make_model(env_id, reward="expected")
    means = {task.reference: float(best.mean()), task.floor: float(floor.mean())}
    steps, few = options.steps or task.steps, max(worlds // 4, 1)
    bars = {task.reference: float(best[:few].mean()), task.floor: float(floor[:few].mean())}
    print(f"{env_id}: {steps:,} sessions; " + ", ".join(f"{name} {mean:.4f}" for name, mean in means.items()))
    curves = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        agent = PQN(env_id, seed=seed, device="cpu")
        curves.append(follow(agent, steps, steps // POINTS, lambda agent: float(revenue(model, agent, few).mean())))
        missed = (best - revenue(model, agent, worlds)) / best.mean()
        regret, error = float(missed.mean()), float(missed.std()) / math.sqrt(worlds)
        print(
            f"  seed {seed}: {curves[-1].cpu_seconds:6.0f} CPU-s, revenue {float(best.mean()) * (1.0 - regret):.4f},"
            f" regret {regret:.2%} +- {error:.2%} (bar {task.bar:.0%}: {'met' if regret <= task.bar else 'missed'})",
            flush=True,
        )
    if options.picture:
        picture(
            options.picture,
            f"PQN on {env_id}",
            lines({"PQN": curves}),
            bars,
            "expected revenue per episode, list prices",
        )
    return curves


def main() -> None:
    """Prints a block per id."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="sessions to learn from instead of the default")
    parser.add_argument("--worlds", type=int, help="held-out worlds, at most the default")
    parser.add_argument("--picture", help="learning curve to write, with one id")
    options = parser.parse_args()
    if options.picture and len(options.ids) > 1:
        parser.error("--picture needs one id")
    torch.set_num_threads(1)
    for env_id in options.ids:
        run(env_id, TASKS[env_id], options)


if __name__ == "__main__":
    main()
