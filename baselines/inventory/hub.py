"""The classical policy for a hub that keeps nothing: raise the system to a level, share by water-filling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.inventory.policy import Inventory, InventoryBaseline
from scenarium.baselines.inventory.structure import critical_fraction
from scenarium.envs.core.errors import ScenariumError


class HubOrderUpTo(InventoryBaseline):
    """Orders the system position up to S; the hub's stock goes to the stores with the lowest fractiles.

    The default S is the newsvendor level of Federgruen and Zipkin's (1984) relaxation, in which stock can be moved
    between stores freely: with hub lead time L, store lead times l_i and covariance C of one period's demand,
    variance L * sum(C) + (sum_i s_i sqrt(l_i + 1))^2.

    Args:
        level: S, units.
    """

    name = "hub_order_up_to"
    hubs_allowed = True

    def _check(self) -> None:
        super()._check()
        network = self.model.network
        fits = len(network.stocks) == 1 and network.stocks[0].kind == "hub" and len(network.of_kind("supplier")) == 1
        if not fits or len(network.edges) != 1 + len(network.stores):
            raise ScenariumError("hub_order_up_to is for one hub that alone supplies every store; use base_stock")

    def _configure(self, level: float | None = None) -> dict[str, Any]:
        from scipy.special import ndtri

        s, demand = self.structure, self.model.demand
        ahead = s.lead[1:] + 1.0
        fractions = np.array([critical_fraction(store) for store in s.nodes[1:]])
        self._scales = np.maximum(demand.std * np.sqrt(ahead), 1e-6)
        # The hub's edges are in the order of the stores.
        self._centres = demand.mean * ahead + ndtri(fractions) * self._scales
        if level is None:
            variance = s.lead[0] * float(s.covariance.sum()) + float(self._scales.sum()) ** 2
            level = float(demand.mean @ (ahead + s.lead[0])) + float(ndtri(fractions.mean())) * math.sqrt(variance)
        self._level = self.number(level, "level")
        return {"level": self._level}

    def orders(self, inventory: Inventory) -> Tensor:
        position = self.positions(inventory)
        ordered = (self._level - position.sum(1, keepdim=True)).clamp_min(0.0)
        device = position.device
        centres, scales = self._on(device, "centres", self._centres), self._on(device, "scales", self._scales)
        shares = water_fill(inventory.on_hand[:, 0].clamp_min(0.0), position[:, 1:], centres, scales)
        # Requests are weights; scaled together they stay within the action space and mean the same.
        high = self._on(device, "high", self.native.action_space.high[1:])  # type: ignore[attr-defined]
        factor = (high / shares.clamp_min(1e-6)).amin(1, keepdim=True).clamp_max(1.0)
        return torch.cat([ordered, shares * factor], 1)


def water_fill(stock: Tensor, position: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """Shares of a stock that bring the lowest of (position - centre) / scale to one common value.

    Args:
        stock: Units to give out [B], >= 0.
        position: Of each store before [B, S].
        centre: What each is measured from [S].
        scale: Its unit of measurement [S], > 0.

    Returns:
        Units for each store [B, S], >= 0, summing to the stock.
    """
    depth, order = torch.sort((position - centre) / scale, dim=1)
    width = scale.expand_as(position).gather(1, order)
    # The common value when the k lowest take part; the true one is the smallest, since each further store that is
    # lower than the common value so far lowers it, and one that is higher would raise it.
    surface = (stock[:, None] + (width * depth).cumsum(1)) / width.cumsum(1)
    level = surface.amin(1, keepdim=True)
    shares = (centre + level * scale - position).clamp_min(0.0)
    total = shares.sum(1, keepdim=True)
    return shares * (stock[:, None] / total.clamp_min(1e-9))
