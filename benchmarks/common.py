"""What the benchmarks share: long-run costs by streaming many worlds through a policy in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import Act, counted_rewards
from scenarium.envs.core.scenario import Scenario

ActOn = Callable[[Scenario], Act]


@torch.no_grad()
def long_run_cost(
    model: Model,
    act: Act,
    worlds: int = 8192,
    periods: int = 5000,
    warm_up: int = 3000,
    block: int = 1024,
    seed_base: int = 1_000_000,
    device: str = "cpu",
    act_on: ActOn | None = None,
) -> tuple[float, float]:
    """Mean cost (minus reward) per period after a warm-up, over worlds seed_base, seed_base + 1, ...

    Demand is drawn as it is needed and only sums are kept, so memory does not grow with worlds or periods.

    Args:
        model: The problem; actions of `act` are in its own action space.
        act: The policy, `(observation, memory, t) -> (action, memory)`.
        worlds: Independent worlds in all.
        periods: Periods played, which may exceed the model's horizon.
        warm_up: First periods, not counted.
        block: Worlds at a time.
        seed_base: Seed of the first world.
        device: Where to simulate.
        act_on: Makes the policy of a block's scenario instead of `act`, for clairvoyant policies.

    Returns:
        The mean, and its standard error over worlds.
    """
    totals = []
    for first in range(seed_base, seed_base + worlds, block):
        seeds = torch.arange(first, min(first + block, seed_base + worlds), device=device)
        scenario = model.scenario(seeds)
        policy = act if act_on is None else act_on(scenario)
        totals.append(-counted_rewards(model, scenario, policy, periods, warm_up) / (periods - warm_up))
    cost = torch.cat(totals)
    return float(cost.mean()), float(cost.std() / math.sqrt(len(cost)))
