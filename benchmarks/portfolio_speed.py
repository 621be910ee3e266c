"""Environment steps per CPU-second of portfolio allocation with 20 names, and what its worlds cost to make.

`python benchmarks/portfolio_speed.py [--device cuda] [--worlds 1024] [--seconds 3]`

"Transition" steps rolled-out worlds with changing logits, without an observation; "with image" also builds the dict
observation (image of 5 features x 20 names x 50 days, weights, mask, numbers) every step; "forward + backward" is one
gradient through 127 days. "Rolling out" is making the worlds, per step of 128 days; "everything" is the vector
environment as users meet it, rolling out included. Time is process time on one thread (wall time on a GPU).

Peers, measured on one thread of an AMD EPYC with 20 assets: FinRL's PortfolioOptimizationEnv 0.08k and
StockPortfolioEnv 1.9k steps per CPU-second, the environment of Huang et al. (arXiv 2412.18563) 3.0k.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from inventory_speed import Row, rate, single

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.core.tree import tree_map
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.envs.portfolio.presets import a_share, portfolio_allocation

NAMES, DAYS = 20, 127
PEERS = {"PortfolioOptimizationEnv (FinRL)": 78.0, "StockPortfolioEnv (FinRL)": 1.9e3, "Huang et al.": 3.0e3}


class Given(Past):
    """A past that is a window already cut, so that a compiled function can take it as a tensor."""

    def __init__(self, rows: torch.Tensor) -> None:
        self._rows = rows

    def window(self, length: int) -> torch.Tensor:
        return self._rows


def functions(model: PortfolioAllocation, device: str, compiled: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The step, and the step with the observation after it, as functions of tensors alone."""
    xp = torch_namespace(device)

    def step(state: Any, action: torch.Tensor, day: Any, t: torch.Tensor) -> tuple[Any, torch.Tensor]:
        after, outcome = model.step(state, action, day, t, xp)
        return after, outcome.reward

    def step_and_see(state: Any, action: torch.Tensor, day: Any, rows: torch.Tensor, t: torch.Tensor) -> Any:
        after, outcome = model.step(state, action, day, t, xp)
        return after, outcome.reward, model.observe(after, Given(rows), t + 1, xp)

    if not compiled:
        return step, step_and_see
    torch._dynamo.reset()
    made = [torch.compile(f, fullgraph=True, dynamic=False) for f in (step, step_and_see)]
    return made[0], made[1]


def batched(model: PortfolioAllocation, worlds: int, device: str, compiled: bool, seconds: float) -> list[float]:
    """Steps per second: transition, with image, forward and backward."""
    scenario, xp = model.scenario(torch.arange(worlds, device=device)), torch_namespace(device)
    start = tree_map(torch.Tensor.contiguous, model.initial(scenario, xp))
    days = [tree_map(torch.clone, scenario.at(t)) for t in range(DAYS)]
    ticks = list(torch.arange(DAYS, device=device))
    actions = [torch.randn(worlds, NAMES + 1, device=device) for _ in range(8)]
    step, step_and_see = functions(model, device, compiled)
    window = model.layout.window

    @torch.no_grad()
    def transition() -> int:
        state = start
        for t, day in enumerate(days):
            state, _ = step(state, actions[t % 8], day, ticks[t])
        return DAYS * worlds

    @torch.no_grad()
    def with_image() -> int:
        state = start
        for t, day in enumerate(days):
            state, _, _ = step_and_see(state, actions[t % 8], day, scenario.span(t + 1 - window, window), ticks[t])
        return DAYS * worlds

    scale = torch.ones((), device=device, requires_grad=True)

    def backward() -> int:
        state, total = start, torch.zeros((), device=device)
        scaled = [action * scale for action in actions]
        for t, day in enumerate(days):
            state, reward = step(state, scaled[t % 8], day, ticks[t])
            total = total + reward.sum()
        scale.grad = None
        torch.autograd.backward(total)
        return DAYS * worlds

    return [rate(function, seconds, device) for function in (transition, with_image, backward)]


def rolling(model: PortfolioAllocation, worlds: int, device: str, seconds: float) -> float:
    """Steps per second of making worlds, as if playing them cost nothing."""
    counter = iter(range(0, 1 << 60, worlds))

    def run() -> int:
        model.scenario(torch.arange(worlds, device=device) + next(counter))
        return worlds * model.horizon

    return rate(run, seconds, device)


def everything(model: PortfolioAllocation, worlds: int, device: str, seconds: float) -> float:
    """Steps per second of the vector environment, with its automatic resets."""
    envs = ScenariumVectorEnv(model, worlds, device)
    envs.reset(seed=0)
    action = torch.randn(worlds, NAMES + 1, device=device)

    def run() -> int:
        for _ in range(model.horizon):
            envs.step(action)
        return model.horizon * worlds

    return rate(run, seconds, device)


def rows(worlds: int, device: str, seconds: float) -> list[Row]:
    """All figures."""
    plain, rough = portfolio_allocation(NAMES), a_share(NAMES)
    bars = (2.5e6, 150e3, 750e3)
    table = []
    for name, model in (("default", plain), ("with frictions", rough)):
        for mode in ("eager", "compiled"):
            figures = batched(model, worlds, device, mode == "compiled", seconds)
            for what, figure, bar in zip(
                ("transition", "with image", "forward + backward"), figures, bars, strict=True
            ):
                table.append(Row(f"{name}, {mode}, {what}", figure, bar if mode == "compiled" else None))
    table.append(Row("rolling out", rolling(plain, worlds, device, seconds)))
    table.append(Row("everything included", everything(plain, worlds, device, seconds)))
    best = max(PEERS.values())
    table.append(Row("gym.make, default, resets included", single(ScenariumEnv(plain), seconds), 15e3, best))
    table.append(Row("gym.make, with frictions, resets included", single(ScenariumEnv(rough), seconds), 15e3, best))
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Environment steps per CPU-second of portfolio allocation.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per figure")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name(chosen.device) if chosen.device.startswith("cuda") else "1 thread"
    print(f"{chosen.worlds} worlds, {NAMES} names, {where}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"{'steps per second':50s}{'here':>10s}{'bar':>10s}{'peer':>10s}{'ratio':>8s}")
    for row in rows(chosen.worlds, chosen.device, chosen.seconds):
        bar = "" if row.bar is None else f"{row.bar:.3g}"
        other = "" if row.peer is None else f"{row.peer:.3g}"
        ratio = "" if row.peer is None else f"{row.steps_per_second / row.peer:.1f}x"
        print(f"{row.name:50s}{row.steps_per_second:>10.3g}{bar:>10s}{other:>10s}{ratio:>8s}", flush=True)


if __name__ == "__main__":
    main()
