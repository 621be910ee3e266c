"""The method of Huang, Zhou and Song (arXiv 2412.18563) on `PortfolioAllocationPaper-v0`, with 1/N beside.

    python benchmarks/portfolio_paper.py                                  # 3 seeds, some 12 CPU-minutes
    python benchmarks/portfolio_paper.py ppo --seeds 0 --scale 10
    python benchmarks/portfolio_paper.py --picture docs/images/portfolio_paper.png

PPO with a convolutional features extractor on the paper's picture, as there; SAC with the same extractor; and HDPO,
which differentiates the same reward through the same image network. The reward is the paper's average Sharpe ratio:
the sum over the 128 days of the annual Sharpe ratio so far, over 128. The market is synthetic; the paper trains for 9
million days, this for some thousands, and prints what comes out. All are measured in the same held-out worlds by the
mean action, always on the present observation. Differences to 1/N are paired by world, with 95 % bootstrap intervals
over seeds and worlds. "Sharpe" is the annual Sharpe ratio of all days of all worlds. Time is CPU time of training, on
one thread.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from curves import Curve, follow, lines, picture
from portfolio_regime import interval, playing
from torch import Tensor

from scenarium.agents import HDPO, SB3PPO, SB3SAC
from scenarium.agents.core.base import Agent
from scenarium.baselines.registry import make_baseline
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.rollout import Act, unroll
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.envs.portfolio.rewards import DAYS_PER_YEAR

ENV = "PortfolioAllocationPaper-v0"
HELD_OUT, FOLLOWING = 7_000_000, 8_000_000
"""First worlds: to compare on, to draw the curves on."""
POINTS = 5
BASELINES = ("equal_weight", "cash", "inverse_volatility", "minimum_variance")
"""No monthly ones: orders are weights after the fill, so that whoever asks for what is held restores it."""


class Method(NamedTuple):
    """An agent and the days it learns from."""

    make: Callable[..., Agent]
    steps: int


METHODS = {
    "ppo": Method(SB3PPO, 30_000),
    "sac": Method(SB3SAC, 4_500),
    "hdpo": Method(HDPO, 150_000),
}


class Result(NamedTuple):
    """What a policy did in every world.

    Attributes:
        reward: Average Sharpe ratios, the sum of rewards [B].
        growth: Mean daily log return, basis points [B].
        sharpe: Annual Sharpe ratio of all days of all worlds.
        turnover: Mean per day after the first, per unit of wealth.
    """

    reward: Tensor
    growth: Tensor
    sharpe: float
    turnover: float


@torch.no_grad()
def play(act: Act, model: PortfolioAllocation, first: int, worlds: int) -> Result:
    """Plays worlds from seed `first` on."""
    scenario = model.scenario(torch.arange(first, first + worlds))
    rewards, returns, turnover = [], [], []
    for moment in unroll(model, scenario, act):
        rewards.append(moment.outcome.reward)
        returns.append(moment.outcome.info["log_return"])
        turnover.append(moment.outcome.info["turnover"])
    days = torch.stack(returns)
    sharpe = math.sqrt(DAYS_PER_YEAR) * float(days.mean() / days.std())
    return Result(torch.stack(rewards).sum(0), 1e4 * days.mean(0), sharpe, float(torch.stack(turnover[1:]).mean()))


def row(name: str, found: list[Result], equal: Result, seconds: float | None) -> None:
    """Prints a line of the table: means, and the paired differences to 1/N."""
    cells = [f"{name:22s}"]
    for field, width in (("reward", 8), ("growth", 8)):
        values = np.stack([getattr(result, field).numpy() for result in found])
        over = values - getattr(equal, field).numpy()
        low, high = interval(over)
        cells.append(f"{values.mean():{width}.3f} {over.mean():+8.3f} [{low:+.3f}, {high:+.3f}]")
    sharpe = np.mean([result.sharpe for result in found])
    cells.append(f"{sharpe:7.2f} {np.mean([result.turnover for result in found]):8.3f}")
    cells.append("" if seconds is None else f"{seconds:6.0f}")
    print("  ".join(cells), flush=True)


def train(name: str, seed: int, options: argparse.Namespace, model: PortfolioAllocation) -> tuple[Result, Curve]:
    """One agent, followed while it learns, and what it does in the end."""
    method = METHODS[name]
    agent = method.make(ENV, policy="image", seed=seed, device="cpu")
    steps = int(method.steps * options.scale)

    def measure(agent: Any) -> float:
        return float(play(playing(agent), model, FOLLOWING, options.curve_worlds).reward.mean())

    curve = follow(agent, steps, steps // POINTS, measure)
    return play(playing(agent), model, HELD_OUT, options.worlds), curve


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=list(METHODS), metavar="method", help=", ".join(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the days learnt from")
    parser.add_argument("--worlds", type=int, default=1024)
    parser.add_argument("--curve-worlds", type=int, default=256)
    parser.add_argument("--picture", help="learning curves to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = make_model(ENV)
    assert isinstance(model, PortfolioAllocation)
    native = model.native()
    acts = {name: make_baseline(name, ENV).act for name in BASELINES}
    bars = {name: play(act, native, HELD_OUT, options.worlds) for name, act in acts.items()}
    heads = f"{'average Sharpe, over 1/N':34s}  {'growth bp, over 1/N':34s}  {'Sharpe':>7s} {'turnover':>8s}"
    print(f"{'policy':22s}  {heads}  CPU-s")
    for name, bar in bars.items():
        row(name, [bar], bars["equal_weight"], None)
    runs: dict[str, list[Curve]] = {}
    for name in options.methods:
        found, curves = zip(*(train(name, seed, options, model) for seed in options.seeds), strict=True)
        row(
            f"{name}, {len(found)} seeds", list(found), bars["equal_weight"], sum(curve.cpu_seconds for curve in curves)
        )
        runs[name] = list(curves)
    if options.picture:
        level = float(play(acts["equal_weight"], native, FOLLOWING, options.curve_worlds).reward.mean())
        label = f"average Sharpe ratio, {options.curve_worlds} worlds"
        title = f"The image network on {ENV}"
        picture(options.picture, title, lines(runs), {"1/N": level, "cash": 0.0}, label)


if __name__ == "__main__":
    main()
