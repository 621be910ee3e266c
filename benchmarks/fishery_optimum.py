"""The dynamic program's policies, played: full return and survival, beside an independent program's figures.

    python benchmarks/fishery_optimum.py                 # the shipped tables, 100,000 worlds each
    python benchmarks/fishery_optimum.py --solve model_3 # the program itself: CPU time and value by grid

Bar: every mean within 0.3 % of the independent figure, or above. "grid" is the value that the program itself puts on
the policy, and "finer" what a grid of 44 x 44 x 50 nodes (one species: 2701) adds to it, an estimate of its error; both
are for the mean initial stocks. Policies without the year are the best known, not proven optima; the figures beside
them are those of single years' decisions held for good.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from scenarium.baselines import make_baseline
from scenarium.envs.fishery.optimum import make_grid, measured, solve, value_at
from scenarium.envs.fishery.returns import full_returns
from scenarium.envs.fishery.variants import VARIANTS

BAR = 0.003
SEED = 30_000_000
TARGETS = {
    ("Fishery-Model1-Timed-v0", "dp_timed"): 2.07,
    ("Fishery-Model2-Timed-v0", "dp_timed"): 20.28,
    ("Fishery-Timed-v0", "dp_timed"): 73.16,
    ("Fishery-Model4-Timed-v0", "dp_timed"): 55.32,
    ("Fishery-Model1-v0", "dp_stationary"): 1.69,
    ("Fishery-Model2-v0", "dp_stationary"): 20.0,
    ("Fishery-v0", "dp_stationary"): 71.9,
    ("Fishery-Model4-v0", "dp_stationary"): 53.6,
}
"""An independent program: simulated optimum with the year, and the best of its years' decisions held for good."""
VARIANT = {"Fishery-Timed-v0": "model_3", "Fishery-v0": "model_3"}


def variant_of(env_id: str) -> str:
    """The named fishery of an id of `TARGETS`."""
    return VARIANT.get(env_id) or "model_" + env_id.removeprefix("Fishery-Model")[0]


def show_tables(worlds: int, only: str) -> None:
    """Plays the shipped tables."""
    print(f"{worlds} worlds from seed {SEED} ({4 * worlds} for Model 1); bar: within {BAR:.1%} or above")
    print(
        f"{'':40s}{'mean':>9s}{'s.e.':>8s}{'survive':>9s}{'figure':>8s}{'':>6s}{'grid':>9s}{'finer':>8s}{'CPU-s':>8s}"
    )
    for (env_id, name), target in TARGETS.items():
        if only not in env_id:
            continue
        start = time.process_time()
        policy = make_baseline(name, env_id)
        count = worlds * (4 if "Model1" in env_id else 1)
        mean, error, alive = full_returns(policy.native, policy.act, count, SEED)
        stored = measured()[variant_of(env_id)]["timed" if name == "dp_timed" else "stationary"]
        finer = f"{stored['refined_by']:+8.3f}" if "refined_by" in stored else f"{'':8s}"
        verdict = "ok" if mean >= target * (1.0 - BAR) else "MISS"
        print(
            f"{env_id + ' ' + name:40s}{mean:9.3f}{error:8.4f}{alive:9.3f}{target:8.2f}{verdict:>6s}"
            f"{stored.get('grid', float('nan')):9.3f}{finer}{time.process_time() - start:8.1f}",
            flush=True,
        )


def show_grids(variant: str) -> None:
    """Solves one fishery on several grids."""
    parameters = VARIANTS[variant]
    sizes = (
        ((451,), (901,), (1351,), (2701,)) if parameters.species == 1 else ((24, 24, 27), (30, 30, 34), (36, 36, 40))
    )
    for nodes in sizes:
        start, grid = time.process_time(), make_grid(parameters, nodes)
        *_, last = solve(parameters, grid)
        value, seconds = value_at(last.value, grid, parameters.initial), time.process_time() - start
        print(f"{variant} {nodes}: value {value:.4f}, {seconds:.1f} CPU-s", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="The dynamic program's policies for the fisheries, played.")
    parser.add_argument("--worlds", type=int, default=100_000)
    parser.add_argument("--only", default="", help="only ids that contain this text")
    parser.add_argument(
        "--solve", default="", choices=["", *VARIANTS], metavar="NAME", help="solve it on several grids"
    )
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.solve:
        show_grids(chosen.solve)
    else:
        show_tables(chosen.worlds, chosen.only)


if __name__ == "__main__":
    main()
