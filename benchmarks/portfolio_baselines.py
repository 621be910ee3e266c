"""Classical portfolios on the synthetic markets: growth, risk, costs, and the distance to 1/N with its standard error.

`python benchmarks/portfolio_baselines.py [--worlds 512] [IDS or presets ...]`

Every world is an episode of 128 days from cash; all policies play the same worlds. Growth is the mean daily log return
in basis points, "over 1/N" its paired difference to daily equal weights. The index and the best constant mix in
hindsight are shown for comparison: they know more than an observation tells. skfolio's optimisers, solving a program
per world and month, play the first worlds only (`--skfolio-worlds`, 0 for none); differences are paired with 1/N's in
those.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.baselines.portfolio import optimizers, rules, worldly
from scenarium.baselines.random import Random
from scenarium.envs.core.rollout import unroll
from scenarium.envs.portfolio import presets
from scenarium.envs.portfolio.model import PortfolioAllocation

MARKETS = {
    "default": presets.portfolio_allocation,
    "paper": presets.paper,
    "20": lambda: presets.portfolio_allocation(20),
    "a_share": presets.a_share,
    "randomized": presets.randomized,
    "regime": presets.regime,
    "gaussian": presets.gaussian,
}
POLICIES: tuple[type[Baseline], ...] = (
    rules.EqualWeight, rules.EqualWeightMonthly, rules.BuyAndHold, rules.Cash, rules.InverseVolatility,
    rules.MinimumVariance, rules.RiskParity, worldly.Index, Random, worldly.BestConstant,
)  # fmt: skip
SKFOLIO: tuple[type[Baseline], ...] = (
    optimizers.MeanVariance, optimizers.MinimumCVaR, optimizers.HRP, optimizers.HERC, optimizers.NCO,
    optimizers.RiskBudgeting,
)  # fmt: skip
FIRST = 5_000_000


@torch.no_grad()
def episodes(kind: type[Baseline], model: PortfolioAllocation, worlds: int) -> dict[str, Tensor]:
    """Daily log returns, turnover and cost [T, B]; one policy, worlds from `FIRST` on."""
    policy = kind(model)
    scenario = model.scenario(torch.arange(FIRST, FIRST + worlds))
    if kind is Random:  # uniform in the logits, as an agent that has learnt nothing
        moments = list(unroll(model, scenario, lambda o, m, t: policy.predict(o, m)))
    else:
        moments = list(unroll(model.native(), scenario, policy.act_on(scenario)))
    names = ("log_return", "turnover", "cost")
    return {name: torch.stack([moment.outcome.info[name] for moment in moments]) for name in names}


def main() -> None:
    """Prints a table for each market."""
    parser = argparse.ArgumentParser(description="Classical portfolios on the synthetic markets.")
    parser.add_argument("markets", nargs="*", default=list(MARKETS))
    parser.add_argument("--worlds", type=int, default=512)
    parser.add_argument("--skfolio-worlds", type=int, default=64)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for market in chosen.markets:
        model = MARKETS[market]()
        print(f"\n{market}: {chosen.worlds} worlds")
        print(
            f"{'policy':22s}{'growth':>9s}{'over 1/N':>10s}{'error':>7s}{'vol %':>8s}{'turnover':>10s}{'cost bp':>9s}"
        )
        equal: Tensor | None = None
        for kind in POLICIES + (SKFOLIO if chosen.skfolio_worlds else ()):
            worlds = chosen.worlds if kind in POLICIES else min(chosen.worlds, chosen.skfolio_worlds)
            found = episodes(kind, model, worlds)
            growth = 1e4 * found["log_return"].mean(0)
            equal = growth if equal is None else equal
            over = growth - equal[:worlds]
            volatility = 100.0 * math.sqrt(242) * found["log_return"].std(0).mean()
            print(
                f"{kind.name:22s}{growth.mean():9.2f}{over.mean():10.2f}{over.std() / math.sqrt(worlds):7.2f}"
                f"{volatility:8.1f}{found['turnover'][1:].mean():10.3f}{1e4 * found['cost'].mean():9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
