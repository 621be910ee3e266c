"""Tunes the static schedule: `python -m scenarium.baselines.tax.recipes [--env ID] [--generations 15] [--saez]`.

CMA-ES (Hansen's library `cma`) over the seven rates, all candidates of a generation on the same training worlds; the
mean of the final distribution is judged on held-out worlds beside no tax and the US federal schedule. Writes
`tuned.json`. With `--saez`, plays what Saez's formula has seen before an episode (`burn_in`) instead, and writes
`saez.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

import scenarium  # noqa: F401 (registers the ids)
from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.tax.burn_in import FILE as HISTORIES
from scenarium.baselines.tax.burn_in import entry_of
from scenarium.baselines.tax.saez import Saez
from scenarium.baselines.tax.tuned import FILE, tuned_entries
from scenarium.baselines.tuning import TEST_STREAM, TRAIN_STREAM
from scenarium.envs.core.files import write_atomic
from scenarium.envs.core.model import Model
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.rollout import counted_rewards
from scenarium.envs.tax.parameters import US_FEDERAL

ENV_ID = "TaxGame-v0"


@torch.no_grad()
def returns(model: Model, schedules: Sequence[Any], stream: int, worlds: int) -> Tensor:
    """What each schedule earns in each of the same worlds, float64 [schedules, worlds]."""
    seeds = derived_seeds(0, stream, 0, worlds, torch.device("cpu")).repeat(len(schedules))
    rates = torch.as_tensor(np.array(schedules), dtype=torch.float32).repeat_interleave(worlds, 0)
    total: Tensor = counted_rewards(model, model.scenario(seeds), lambda *_: (rates, None), model.horizon)
    return total.reshape(len(schedules), worlds)


def search(model: Model, generations: int, population: int, worlds: int) -> tuple[list[float], int]:
    """The mean schedule of the last generation's distribution, and the schedules tried."""
    import cma

    options = {"bounds": [0.0, 1.0], "popsize": population, "seed": 1, "verbose": -9, "maxiter": generations}
    strategy = cma.CMAEvolutionStrategy([0.25] * 7, 0.2, options)
    while not strategy.stop():
        candidates = strategy.ask()
        values = returns(model, candidates, TRAIN_STREAM, worlds).mean(1)
        strategy.tell(candidates, [-float(value) for value in values])
        print(f"generation {strategy.countiter}: best {float(values.max()):.1f}", flush=True)
    return [round(float(rate), 3) for rate in np.clip(strategy.result.xfavorite, 0.0, 1.0)], strategy.countevals


def histories(model: Model) -> None:
    """Plays and writes what Saez's formula has seen, for both top rules and a fixed elasticity."""
    entries = []
    for chosen in ({}, {"top": "foundation"}, {"elasticity": 0.5}):
        policy = Saez(model, **chosen)
        history = policy.play_history()
        entries.append(entry_of(model, policy.parameters, history))
        print(
            f"{policy.parameters}: elasticity {history.elasticity:.2f}, mean income {history.samples[:, 0].mean():.1f}"
        )
    data = {"format": 1, "command": "python -m scenarium.baselines.tax.recipes --saez", "entries": entries}
    write_atomic(HISTORIES, json.dumps(data) + "\n")


def main() -> None:
    """Tunes, judges, writes."""
    parser = argparse.ArgumentParser(description="Tunes the static schedule of the tax game.")
    parser.add_argument("--generations", type=int, default=15)
    parser.add_argument("--population", type=int, default=12)
    parser.add_argument("--worlds", type=int, default=16)
    parser.add_argument("--env", default=ENV_ID, help="id whose planner's schedule is tuned; others' entries stay")
    parser.add_argument("--saez", action="store_true", help="play and write the histories of Saez's formula")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    start, model = time.process_time(), make_model(chosen.env)
    if chosen.saez:
        histories(model)
        return
    rates, tried = search(model, chosen.generations, chosen.population, chosen.worlds)
    held_out = returns(model, [rates, [0.0] * 7, US_FEDERAL], TEST_STREAM, 128)
    errors = (held_out.std(1) / math.sqrt(held_out.shape[1])).tolist()
    for name, mean, error in zip(
        ("tuned", "free market", "US federal"), held_out.mean(1).tolist(), errors, strict=True
    ):
        print(f"{name}: {mean:.1f} +- {error:.1f}")
    entry = {
        "id": chosen.env,
        "kwargs": {},
        "rates": rates,
        "held_out": round(float(held_out[0].mean()), 2),
        "standard_error": round(errors[0], 2),
        "evaluations": tried,
    }
    others = [one for one in tuned_entries() if one["id"] != chosen.env]
    data = {"format": 1, "command": "python -m scenarium.baselines.tax.recipes", "entries": [*others, entry]}
    write_atomic(FILE, json.dumps(data, indent=1) + "\n")
    print(f"{time.process_time() - start:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
