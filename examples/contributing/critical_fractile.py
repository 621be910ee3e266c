"""A new baseline: the optimum of the newsvendor's environment."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.baselines.registry import BaselineEntry, register_baseline


class CriticalFractile(Baseline):
    """Orders the (price - cost) / price quantile of the day's demand, which is uniform.

    Args of the policy:
        fractile: Another quantile, in [0, 1].
    """

    name = "critical_fractile"

    def _configure(self, fractile: float | None = None) -> dict[str, Any]:
        best = (self.model.price - self.model.cost) / self.model.price
        return {"fractile": best if fractile is None else float(fractile)}

    def _act(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        return torch.full((len(observation), 1), self.parameters["fractile"]), memory


register_baseline(
    BaselineEntry(
        "critical_fractile", "critical_fractile:CriticalFractile", "The optimal quantile of demand", ("Newsvendor-v0",)
    )
)
