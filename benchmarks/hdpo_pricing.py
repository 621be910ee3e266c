"""HDPO on ancillary pricing against the best that can be had from the observable context.

`python benchmarks/hdpo_pricing.py [--ids AncillaryPricing-v0 ...] [--seeds 3] [--worlds 2000] [--out results.json]`

The reference of the bandits is the Bayes oracle, that of the capacity problem the dynamic programme on the observable
context. Policy and reference play the same customers and are paid the expected revenue of each offer, so that their
difference has no noise of sales; flights are valued on the exact distribution of the units left. Regret is the share of
the reference's revenue that is missed, with its standard error over worlds. Time is CPU time of training.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

import scenarium  # noqa: F401  (registers the ids)
from scenarium.agents.hdpo.hdpo import HDPO
from scenarium.baselines.registry import make_baseline
from scenarium.envs import make_model
from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import Act, counted_rewards

FIRST_WORLD = 3_000_000
CAPACITY = "AncillaryPricing-Capacity-v0"
STEPS = {
    "AncillaryPricing-v0": 4_000_000,
    "AncillaryPricing-TwoSided-v0": 4_000_000,
    "AncillaryPricing-Trap-v0": 1_000_000,
    "AncillaryPricing-MultiProduct-v0": 4_000_000,
    CAPACITY: 1_728_000,
}
"""Sessions learnt from. A session of the capacity problem is answered for every number of units left."""
FLIGHTS = 400
"""Most worlds a flight is valued on: each has 180 sessions, all of which are answered for every number of units."""
BARS = {"AncillaryPricing-v0": 0.01, CAPACITY: 0.01}
"""The most regret there should be."""


class Row(NamedTuple):
    """One trained agent."""

    env_id: str
    seed: int
    revenue: float
    reference: float
    regret: float
    error: float
    seconds: float


@torch.no_grad()
def value(model: Model, act: Act, worlds: int, block: int = 100) -> Tensor:
    """Expected revenue per episode of each world [worlds]; flights on the exact distribution of their units."""
    parts = []
    for first in range(FIRST_WORLD, FIRST_WORLD + worlds, block):
        scenario = model.scenario(torch.arange(first, min(first + block, FIRST_WORLD + worlds)))
        parts.append(counted_rewards(model, scenario, act, model.horizon))
    return torch.cat(parts)


def judged(env_id: str) -> tuple[Model, Model]:
    """The problem as it is valued, for actions of its own and for native ones."""
    model = make_model(env_id, reward="expected")
    return (model.relaxed(), model.relaxed()) if env_id == CAPACITY else (model, model.native())


def train(env_id: str, seed: int, steps: int) -> tuple[Any, float]:
    """The agent by its preset, and the CPU seconds it took."""
    start = time.process_time()
    agent = HDPO(env_id, seed=seed, device="cpu").learn(steps)
    return agent, time.process_time() - start


def rows(env_id: str, seeds: int, worlds: int, steps: int) -> list[Row]:
    """Trained agents against the reference on the same worlds."""
    own, native = judged(env_id)
    reference = make_baseline("capacity_optimal" if env_id == CAPACITY else "bayes_oracle", make_model(env_id))
    worlds = min(worlds, FLIGHTS) if env_id == CAPACITY else worlds
    best = value(native, reference.act, worlds)
    table = []
    for seed in range(seeds):
        agent, seconds = train(env_id, seed, steps)
        mine = value(own, lambda o, m, t: (agent.predict(o)[0], None), worlds)  # noqa: B023
        missed = (best - mine) / best.mean()
        error = float(missed.std()) / math.sqrt(worlds)
        table.append(Row(env_id, seed, float(mine.mean()), float(best.mean()), float(missed.mean()), error, seconds))
        print(line(table[-1]), flush=True)
    return table


def line(r: Row) -> str:
    """A row of the printed table."""
    bar = f"{BARS[r.env_id]:.1%}" if r.env_id in BARS else ""
    figures = f"{r.revenue:>10.4f}{r.reference:>11.4f}{r.regret:>9.2%}{r.error:>8.2%}"
    return f"{r.env_id:34s}{r.seed:>5d}{figures}{bar:>9s}{r.seconds:>8.0f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it if asked."""
    parser = argparse.ArgumentParser(description="HDPO on ancillary pricing against the best given the context.")
    parser.add_argument("--ids", nargs="+", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--worlds", type=int, default=2000, help="held-out worlds")
    parser.add_argument("--steps", type=int, default=None, help="sessions to learn from instead of the default")
    parser.add_argument("--out", default=None, help="JSON file to write")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    heads = zip(
        ("seed", "revenue", "reference", "regret", "s.e.", "bar", "CPU s"), (5, 10, 11, 9, 8, 9, 8), strict=True
    )
    print(f"{'environment':34s}" + "".join(f"{name:>{width}s}" for name, width in heads))
    table = [row for name in chosen.ids for row in rows(name, chosen.seeds, chosen.worlds, chosen.steps or STEPS[name])]
    if chosen.out:
        write_atomic(chosen.out, json.dumps([row._asdict() for row in table], indent=2) + "\n")


if __name__ == "__main__":
    main()
