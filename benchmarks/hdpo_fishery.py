"""What HDPO reaches on the fisheries in a budget of CPU-seconds, beside the bars, the optimum and published results.

    python benchmarks/hdpo_fishery.py                        # every id, 3 seeds, 300 CPU-seconds each
    python benchmarks/hdpo_fishery.py Fishery-v0 --seeds 0 --seconds 100 --worlds 2000

One thread. Training time is the process's CPU time, calibrated on the first gradient steps so that the schedule ends
inside the budget; the seconds used are printed. Returns are sums over 200 years, penalty included, on held-out worlds
under the exact (hard) test of near-extinction; the relaxed model is for training only. Optima are those of
`scenarium.envs.fishery.optimum`. On `Fishery-v0`, the published PPO smoothed by a Gaussian process earns 69.05, which
is recomputed from the result files of arXiv 2308.13654 (100 episodes, full return).
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from hdpo_inventory import Row, train

from scenarium.baselines.fishery.tuned import TUNED, problem_key
from scenarium.envs import make_model
from scenarium.envs.fishery.model import Fishery
from scenarium.envs.fishery.optimum import measured, solved_variant
from scenarium.envs.fishery.returns import Returns, full_returns

FIRST_WORLD = 5_000_000
"""Seed of the first held-out world."""
BARS = {"Fishery-v0": 71.0, "Fishery-Timed-v0": 72.0}
"""The least return there should be; elsewhere it is that of the best tuned classical policy."""
_MODELS = ("", "Model1-", "Model2-", "Model4-")
IDS = tuple(f"Fishery-{model}{year}v0" for model in _MODELS for year in ("", "Timed-"))


def goal(env_id: str) -> tuple[float, float]:
    """The bar of an id, and the optimum for those who see what its agents see."""
    model = make_model(env_id)
    assert isinstance(model, Fishery)
    known = measured()[str(solved_variant(model.parameters))]["timed" if model.time_observed else "stationary"]
    key = problem_key(model)
    classical = max(entry["held_out"] for entry in TUNED.entries if entry["key"] == key)
    return BARS.get(env_id, classical), known["mean"]


def measure(agent: Any, env_id: str, worlds: int) -> Returns:
    """Plays held-out worlds with the exact model."""

    def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
        return agent.predict(observation, memory)

    return full_returns(make_model(env_id), act, worlds, FIRST_WORLD)


def main() -> None:
    """Prints a line per id and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", default=list(IDS), metavar="id", help=", ".join(IDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=300.0, help="training budget, CPU-seconds")
    parser.add_argument("--worlds", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for env_id in options.ids:
        bar, optimum = goal(env_id)
        for seed in options.seeds:
            agent, seconds = train(Row(env_id, "mlp", options.seconds, bar, "", ""), seed)
            result = measure(agent, env_id, options.worlds)
            verdict = "met" if result.mean >= bar else "missed"
            print(
                f"{env_id} seed {seed}: return {result.mean:.3f} +- {result.error:.3f}, survival {result.survival:.4f}"
                f" after {seconds:.0f} CPU-s (bar {bar}: {verdict}; optimum {optimum})",
                flush=True,
            )


if __name__ == "__main__":
    main()
