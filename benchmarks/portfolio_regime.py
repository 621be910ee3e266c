"""Whether agents learn to time the market of `PortfolioAllocationRegime-v0`: beside 1/N and the best constant mix.

    python benchmarks/portfolio_regime.py                                 # all agents, 3 seeds
    python benchmarks/portfolio_regime.py hdpo_shared --seeds 0 1 2 3 4
    python benchmarks/portfolio_regime.py --picture docs/images/portfolio_regime.png

The names are exchangeable in law, so the best constant mix is a share of wealth in 1/N, the rest in cash; the share,
and whether it is restored daily or monthly, are chosen on worlds of their own. Agents learn with their presets from
worlds hashed from their seed. All are then measured in the same held-out worlds, episodes of 128 days after costs;
growth is the mean daily log return in basis points. Differences are paired by world, with 95 % intervals from a
bootstrap that resamples both agents' seeds and worlds. Time is CPU time of training, on one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from curves import Curve, follow, lines, picture
from torch import Tensor

from scenarium.agents import HDPO, PQN
from scenarium.agents.core.base import Agent
from scenarium.baselines.portfolio.rules import EqualWeight, EqualWeightMonthly
from scenarium.envs.core.registry import make_model
from scenarium.envs.core.rollout import Act, unroll
from scenarium.envs.portfolio.model import PortfolioAllocation

ENV = "PortfolioAllocationRegime-v0"
TUNING, HELD_OUT, FOLLOWING = 6_000_000, 7_000_000, 8_000_000
"""First worlds: to choose the constant mix on, to compare on, to draw the curves on."""
POINTS = 4
SHARES = tuple(i / 10 for i in range(11))


class Contender(NamedTuple):
    """An agent of the comparison and the days it learns from."""

    make: Callable[..., Agent]
    settings: dict[str, Any]
    steps: int


CONTENDERS = {
    "hdpo_mlp": Contender(HDPO, {"policy": "mlp"}, 1_500_000),
    "hdpo_shared": Contender(HDPO, {"policy": "shared"}, 600_000),
    "hdpo_gnn": Contender(HDPO, {"policy": "gnn"}, 500_000),
    "pqn": Contender(PQN, {}, 2_000_000),
}


@torch.no_grad()
def growth(act: Act, model: PortfolioAllocation, first: int, worlds: int) -> Tensor:
    """Mean daily log return of each world, basis points [worlds]."""
    total = torch.zeros(worlds)
    for start in range(0, worlds, 512):
        some = slice(start, min(start + 512, worlds))
        scenario = model.scenario(torch.arange(first + some.start, first + some.stop))
        for moment in unroll(model, scenario, act):
            total[some] += moment.outcome.info["log_return"]
    return 1e4 * total / model.horizon


def playing(agent: Any) -> Act:
    """What an agent or a baseline does."""
    return lambda observation, memory, t: agent.predict(observation, memory)


def constant_mix(model: PortfolioAllocation, share: float, monthly: bool) -> Act:
    """Keeps a share of wealth in 1/N and the rest in cash; actions of the native model."""
    target = torch.tensor([1.0 - share] + [share / model.names] * model.names)

    def act(observation: Any, memory: Any, t: int) -> tuple[Tensor, Any]:
        held = observation["weights"]
        return (held if monthly and t % 21 else target.expand_as(held)), None

    return act


def best_mix(model: PortfolioAllocation, worlds: int) -> tuple[float, bool]:
    """Share and frequency that grow fastest on the tuning worlds."""
    found = {
        (share, monthly): float(growth(constant_mix(model, share, monthly), model, TUNING, worlds).mean())
        for share in SHARES
        for monthly in (False, True)
    }
    return max(found, key=found.__getitem__)


def interval(differences: np.ndarray[Any, Any], draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of differences [seeds, worlds], resampling both."""
    rng = np.random.default_rng(0)
    seeds, worlds = differences.shape
    means = np.empty(draws)
    for i in range(draws):
        chosen = differences[rng.integers(seeds, size=seeds)].mean(0)
        means[i] = chosen[rng.integers(worlds, size=worlds)].mean()
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def train(name: str, seed: int, scale: float, model: PortfolioAllocation, curve_worlds: int) -> tuple[Agent, Curve]:
    """One agent of the comparison, followed while it learns."""
    one = CONTENDERS[name]
    agent = one.make(ENV, seed=seed, device="cpu", **one.settings)
    steps = int(one.steps * scale)

    def measure(agent: Any) -> float:
        return float(growth(playing(agent), model, FOLLOWING, curve_worlds).mean())

    return agent, follow(agent, steps, steps // POINTS, measure)


def compare(name: str, options: argparse.Namespace, model: PortfolioAllocation, bars: dict[str, Tensor]) -> list[Curve]:
    """Trains and prints an agent."""
    curves, found = [], []
    for seed in options.seeds:
        agent, curve = train(name, seed, options.scale, model, options.curve_worlds)
        curves.append(curve)
        found.append(growth(playing(agent), model, HELD_OUT, options.worlds).numpy())
        print(f"  {name} seed {seed}: growth {found[-1].mean():.2f}, {curve.cpu_seconds:.0f} CPU-s", flush=True)
    each = np.stack(found)
    for bar, level in bars.items():
        low, high = interval(each - level.numpy())
        print(f"{name} over {bar}: {(each - level.numpy()).mean():+.2f} [{low:+.2f}, {high:+.2f}]", flush=True)
    return curves


def main() -> None:
    """Prints the bars, then a block per agent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="*", default=list(CONTENDERS), metavar="agent", help=", ".join(CONTENDERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--worlds", type=int, default=4096)
    parser.add_argument("--curve-worlds", type=int, default=1024)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the days learnt from")
    parser.add_argument("--picture", help="learning curves to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = make_model(ENV)
    assert isinstance(model, PortfolioAllocation)
    native = model.native()
    share, monthly = best_mix(native, options.worlds // 2)
    print(f"best constant mix: {share:.0%} in 1/N, restored {'monthly' if monthly else 'daily'}")
    acts = {"1/N": EqualWeight(model).act, "1/N monthly": EqualWeightMonthly(model).act}
    acts["constant mix"] = constant_mix(native, share, monthly)
    bars = {name: growth(act, native, HELD_OUT, options.worlds) for name, act in acts.items()}
    for name, level in bars.items():
        print(f"{name}: growth {level.mean():.2f} +- {level.std() / len(level) ** 0.5:.2f}", flush=True)
    runs = {name: compare(name, options, model, bars) for name in options.agents}
    if options.picture:
        shown = {name: acts[name] for name in ("1/N", "constant mix")}
        values = {name: growth(act, native, FOLLOWING, options.curve_worlds) for name, act in shown.items()}
        levels = {name: float(value.mean()) for name, value in values.items()}
        label = f"growth, basis points a day, {options.curve_worlds} worlds"
        picture(options.picture, f"Learning on {ENV}", lines(runs), levels, label)


if __name__ == "__main__":
    main()
