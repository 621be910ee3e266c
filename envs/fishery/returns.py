"""What a policy earns over whole episodes, and how often the stocks survive it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from scenarium.envs.core.model import Model
from scenarium.envs.core.rollout import Act, unroll


class Returns(NamedTuple):
    """Mean return, its standard error, and the fraction of worlds alive at the end."""

    mean: float
    error: float
    survival: float


def full_returns(model: Model, act: Act, worlds: int, first: int, chunk: int = 25_000) -> Returns:
    """Plays whole episodes of the exact model.

    Args:
        model: A fishery.
        act: The policy, with actions of `model`.
        worlds: How many.
        first: Seed of the first; the others count on from it.
        chunk: Worlds at a time.
    """
    import torch

    totals, alive = [], 0
    with torch.no_grad():
        for start in range(first, first + worlds, chunk):
            scenario = model.scenario(torch.arange(start, min(start + chunk, first + worlds)))
            total: Any = 0.0
            for moment in unroll(model, scenario, act):
                total = total + moment.outcome.reward.double()
            alive += int((~moment.outcome.terminated).sum())
            totals.append(total)
    found = torch.cat(totals)
    return Returns(float(found.mean()), float(found.std()) / math.sqrt(worlds), alive / worlds)
