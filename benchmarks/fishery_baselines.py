"""Full returns of the classical fishery policies: published optima against independent figures, and tuned ones.

    python benchmarks/fishery_baselines.py                        # the published optima, 100,000 worlds each
    python benchmarks/fishery_baselines.py --tuned                # tuned policies and the optimum, held-out worlds
    python benchmarks/fishery_baselines.py --ppo 1200000 --seed 0 # the paper's PPO, and PPO smoothed

A full return is the sum of all 200 harvests less the penalty on near-extinction. The first table has constant mortality
and constant escapement at the optima published with Montealegre-Mora et al. (2023, arXiv 2308.13654), beside a second
implementation's figures over 100,000 worlds; all cells must agree within 4 combined standard errors. The paper's own
figures (100 worlds, those that won the grid search; without the last harvest and the penalty) are in its Table 2.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.baselines import make_baseline
from scenarium.baselines.base import Baseline
from scenarium.envs.fishery.returns import full_returns

BAR = 4.0
"""Combined standard errors."""
SEED = 20_000_000
_CMORT, _CESC = ("constant_mortality", "mortality"), ("constant_escapement", "escapement")
PUBLISHED: tuple[tuple[str, tuple[str, str], list[float], float, float, float], ...] = (
    ("Fishery-Model1-v0", _CMORT, [0.01], 0.330, 1.02, 0.551),
    ("Fishery-Model1-v0", _CESC, [0.51], 1.653, 1.12, 0.804),
    ("Fishery-Model1-v0", _CESC, [0.52], 1.675, 1.00, 0.845),
    ("Fishery-Model2-v0", _CMORT, [0.29], 19.736, 2.05, 1.000),
    ("Fishery-Model2-v0", _CESC, [0.22], 19.371, 2.07, 0.999),
    ("Fishery-v0", _CMORT, [0.30, 0.25], 61.466, 13.3, 0.737),
    ("Fishery-v0", _CMORT, [0.27, 0.26], 63.141, 10.2, 0.850),
    ("Fishery-v0", _CESC, [0.38, 0.52], 46.849, 13.6, 0.563),
    ("Fishery-v0", _CESC, [0.46, 0.44], 47.491, 14.1, 0.528),
    ("Fishery-Model4-v0", _CMORT, [0.13, 0.27], 43.640, 6.06, 0.761),
    ("Fishery-Model4-v0", _CESC, [0.52, 0.38], 34.517, 9.23, 0.441),
    ("Fishery-Model4-v0", _CESC, [0.46, 0.44], 35.274, 9.49, 0.487),
)
"""Id, policy, its parameter, mean, standard deviation and survival of the second implementation, 100,000 worlds."""
SECOND_WORLDS = 100_000
RULES = ("no_harvest", "constant_mortality", "constant_escapement", "hockey_stick")
IDS = ("Fishery-Model1-v0", "Fishery-Model2-v0", "Fishery-v0", "Fishery-Model4-v0")


def show_published(worlds: int, only: str) -> None:
    """The published optima beside the second implementation."""
    print(f"{worlds} worlds from seed {SEED}; bar: all cells within {BAR:g} combined standard errors")
    print(
        f"{'':52s}{'mean':>9s}{'s.e.':>8s}{'second':>9s}{'off by':>9s}{'':>6s}"
        f"{'survive':>9s}{'second':>8s}{'CPU-s':>8s}"
    )
    misses = 0
    for env_id, (name, parameter), values, mean, deviation, survival in PUBLISHED:
        title = f"{env_id} {name} {values}"
        if only not in title:
            continue
        start = time.process_time()
        policy = make_baseline(name, env_id, **{parameter: values})
        found, error, alive = full_returns(policy.native, policy.act, worlds, SEED)
        off = (found - mean) / math.hypot(error, deviation / math.sqrt(SECOND_WORLDS))
        misses += abs(off) > BAR
        verdict = "ok" if abs(off) <= BAR else "MISS"
        seconds = time.process_time() - start
        print(
            f"{title:52s}{found:9.3f}{error:8.4f}{mean:9.3f}{off:7.2f}se{verdict:>6s}{alive:9.3f}{survival:8.3f}{seconds:8.1f}",
            flush=True,
        )
    print("bar met" if not misses else f"{misses} cells missed")


def show_tuned(worlds: int, only: str) -> None:
    """Tuned rules and the optimum without the year, and the score (return - mortality's) / (optimum - mortality's)."""
    for env_id in IDS:
        if only not in env_id:
            continue
        rows: dict[str, tuple[float, float, float]] = {}
        for name in (*RULES, "dp_stationary"):
            policy = make_baseline(name, env_id)
            rows[name] = full_returns(policy.native, policy.act, worlds, SEED)
        floor, best = rows["constant_mortality"][0], rows["dp_stationary"][0]
        for name, (mean, error, alive) in rows.items():
            parameters = "" if name == "dp_stationary" else str(make_baseline(name, env_id).parameters)
            score = (mean - floor) / (best - floor)
            print(f"{env_id:20s}{name:22s}{mean:9.3f} +-{error:7.4f}{alive:8.3f}{score:8.3f}  {parameters}", flush=True)


def show_ppo(env_id: str, steps: int, seed: int, worlds: int) -> None:
    """PPO with the paper's settings, and the same smoothed by a Gaussian process."""
    from scenarium.agents import SB3PPO
    from scenarium.baselines.fishery.smoothed import smoothed

    start = time.process_time()
    agent = SB3PPO(env_id, seed=seed, device="cpu").learn(steps)
    print(f"{env_id}: {steps} steps of PPO, {time.process_time() - start:.0f} CPU-s, seed {seed}", flush=True)

    def act(observation: Any, memory: Any, t: int) -> Any:
        return agent.predict(observation, memory)

    mean, error, alive = full_returns(agent.model, act, worlds, SEED)
    print(f"  PPO, deterministic  {mean:9.3f} +-{error:7.4f}  survive {alive:.3f}", flush=True)
    for sampled in (False, True):
        start = time.process_time()
        policy: Baseline = smoothed(agent, agent.model, sampled=sampled)
        mean, error, alive = full_returns(policy.native, policy.act, worlds, SEED)
        kind = "sampled" if sampled else "deterministic"
        seconds = time.process_time() - start
        print(f"  PPO+GP, {kind:13s}{mean:8.3f} +-{error:7.4f}  survive {alive:.3f}  {seconds:.0f} CPU-s", flush=True)


def main() -> None:
    """Prints the tables asked for."""
    parser = argparse.ArgumentParser(description="Full returns of the classical fishery policies.")
    parser.add_argument("--worlds", type=int, default=None, help="100000, or 20000 with --tuned, or 2000 with --ppo")
    parser.add_argument("--only", default="", help="only rows whose title contains this text")
    parser.add_argument("--tuned", action="store_true", help="tuned policies and the optimum")
    parser.add_argument("--ppo", type=int, default=0, metavar="STEPS", help="train PPO for so many steps")
    parser.add_argument("--id", default="Fishery-v0", help="what PPO is trained on")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.ppo:
        show_ppo(chosen.id, chosen.ppo, chosen.seed, chosen.worlds or 2000)
    elif chosen.tuned:
        show_tuned(chosen.worlds or 20_000, chosen.only)
    else:
        show_published(chosen.worlds or 100_000, chosen.only)


if __name__ == "__main__":
    main()
