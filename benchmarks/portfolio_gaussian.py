"""How near an HDPO policy comes to the log-optimal portfolio of the Gaussian market.

`python benchmarks/portfolio_gaussian.py [--seeds 0 1 2] [--steps 6_000_000]`

The growth of a policy is computed, not simulated: the weights it chooses on held-out observations each have a growth
rate by quadrature (`optimum.log_growth`), and their mean is what the policy earns on average.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from scenarium.agents import HDPO
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.envs.portfolio.optimum import log_growth, log_optimal
from scenarium.envs.portfolio.presets import gaussian

HELD_OUT = 9_000_000


@torch.no_grad()
def growth_of(agent: HDPO, model: PortfolioAllocation, worlds: int = 16) -> float:
    """Mean growth rate of the weights an agent chooses in held-out worlds."""
    scenario = model.scenario(torch.arange(HELD_OUT, HELD_OUT + worlds))
    moments = unroll(model, scenario, lambda observation, memory, t: agent.predict(observation, memory))
    logits = torch.cat([moment.action for moment in moments]).double()
    market = model.market
    return float(np.mean([log_growth(w, market.mean, market.covariance) for w in logits.softmax(-1).numpy()]))  # type: ignore[attr-defined]


def main() -> None:
    """Trains one agent a seed and prints its share of the optimal growth."""
    parser = argparse.ArgumentParser(description="HDPO on the Gaussian market.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=6_000_000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rate", default="cosine 0.003 0.00001")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = gaussian()
    best = log_optimal(model.market.mean, model.market.covariance)  # type: ignore[attr-defined]
    print(f"optimal weights {np.round(best.weights, 3)}, growth {1e4 * best.growth:.3f} basis points a day")
    for seed in chosen.seeds:
        start = time.process_time()
        agent = HDPO(
            model, policy="mlp", seed=seed, batch_size=chosen.batch, learning_rate=chosen.rate, weight_average=0.99
        )
        agent.learn(chosen.steps)
        share = growth_of(agent, model) / best.growth
        print(
            f"seed {seed}: {100 * share:.2f} % of the optimum, {time.process_time() - start:.0f} CPU-seconds",
            flush=True,
        )


if __name__ == "__main__":
    main()
