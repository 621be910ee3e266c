"""Environment steps per CPU-second of portfolio allocation with 20 names, and what its worlds cost to make.

`python benchmarks/portfolio_speed.py [--device cuda] [--worlds 1024] [--seconds 3] [--peer CLONE]`

"Transition" steps rolled-out worlds with changing logits, without an observation; "with image" also builds the dict
observation (image of 5 features x 20 names x 50 days, weights, mask, numbers) every step; "forward + backward" is one
gradient through 127 days. "Rolling out" is making the worlds, per step of 128 days; "everything" is the vector
environment as users meet it, rolling out included. Time is process time on one thread (wall time on a GPU).

CLONE is a checkout of FinRL (`git clone https://github.com/AI4Finance-Foundation/FinRL`). Its two portfolio
environments are timed in the same run on bars of our market, with 20 names: `PortfolioOptimizationEnv` with a window of
50 and 3 features, `StockPortfolioEnv` with covariances worked out beforehand and 4 indicators; neither shows as much as
our image. The environment of Huang et al. (arXiv 2412.18563) lies in a notebook; it was timed once, on one thread of an
AMD EPYC, at 3.0k steps per CPU-second.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from portfolio_peers import finrl
from speed import Drawn, Row, arguments, print_table, rate, single, transition, vector

from scenarium.envs.core.env import ScenariumEnv
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.core.vector import ScenariumVectorEnv
from scenarium.envs.portfolio.model import PortfolioAllocation
from scenarium.envs.portfolio.presets import a_share, portfolio_allocation

NAMES, DAYS = 20, 127
HUANG = 3.0e3
"""Steps per CPU-second of the environment of Huang et al."""


class Given(Past):
    """A past that is a window already cut, so that a compiled function can take it as a tensor."""

    def __init__(self, rows: torch.Tensor) -> None:
        self._rows = rows

    def window(self, length: int) -> torch.Tensor:
        return self._rows


def with_image(model: PortfolioAllocation, drawn: Drawn, actions: Any, compiled: bool, seconds: float) -> float:
    """Steps per second of the transition and the observation after it."""
    device, window = str(actions[0].device), model.layout.window
    xp = torch_namespace(device)

    def step_and_see(state: Any, action: torch.Tensor, day: Any, rows: torch.Tensor, t: torch.Tensor) -> Any:
        after, outcome = model.step(state, action, day, t, xp)
        return after, outcome.reward, model.observe(after, Given(rows), t + 1, xp)

    if compiled:
        step_and_see = torch.compile(step_and_see, fullgraph=True, dynamic=False)

    @torch.no_grad()
    def run() -> int:
        state = drawn.start
        for i, (day, t) in enumerate(drawn.periods):
            rows = drawn.scenario.span(i + 1 - window, window)
            state, _, _ = step_and_see(state, actions[i % len(actions)], day, rows, t)
        return drawn.steps

    return rate(run, seconds, device)


def batched(model: PortfolioAllocation, worlds: int, device: str, compiled: bool, seconds: float) -> list[float]:
    """Steps per second: transition, with image, forward and backward."""
    drawn, step = Drawn(model, worlds, device, DAYS), transition(model, device, compiled)
    actions = [torch.randn(worlds, NAMES + 1, device=device) for _ in range(8)]
    plain, backward = drawn.forward(step, actions, seconds), drawn.backward(step, actions, seconds)
    return [plain, with_image(model, drawn, actions, compiled, seconds), backward]


def rolling(model: PortfolioAllocation, worlds: int, device: str, seconds: float) -> float:
    """Steps per second of making worlds, as if playing them cost nothing."""
    counter = iter(range(0, 1 << 60, worlds))

    def run() -> int:
        model.scenario(torch.arange(worlds, device=device) + next(counter))
        return worlds * model.horizon

    return rate(run, seconds, device)


def rows(worlds: int, device: str, seconds: float, clone: Path | None) -> Iterator[Row]:
    """All figures."""
    plain, rough = portfolio_allocation(NAMES), a_share(NAMES)
    bars = (2.5e6, 150e3, 750e3)
    for name, model in (("default", plain), ("with frictions", rough)):
        for mode in ("eager", "compiled"):
            figures = batched(model, worlds, device, mode == "compiled", seconds)
            for what, figure, bar in zip(
                ("transition", "with image", "forward + backward"), figures, bars, strict=True
            ):
                yield Row(f"{name}, {mode}, {what}", figure, bar if mode == "compiled" else None)
    yield Row("rolling out", rolling(plain, worlds, device, seconds))
    envs = ScenariumVectorEnv(plain, worlds, device)
    action = torch.randn(worlds, NAMES + 1, device=device)
    yield Row("everything included", vector(envs, action, plain.horizon, seconds))
    mine = single(ScenariumEnv(plain), seconds)
    yield Row("gym.make, default, resets included (peer: Huang et al.)", mine, 15e3, HUANG)
    yield Row("gym.make, with frictions, resets included", single(ScenariumEnv(rough), seconds), 15e3, HUANG)
    for name, env in () if clone is None else finrl(clone, NAMES):
        yield Row(f"gym.make, default (peer: {name})", mine, None, single(env, seconds, longest=500, block=50))


def main() -> None:
    """Prints the table."""
    parser = arguments("Environment steps per CPU-second of portfolio allocation, 20 names.", 1024)
    parser.add_argument("--peer", type=Path, help="checkout of AI4Finance-Foundation/FinRL")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print_table(rows(chosen.worlds, chosen.device, chosen.seconds, chosen.peer), chosen.worlds, chosen.device)


if __name__ == "__main__":
    main()
