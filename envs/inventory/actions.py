"""What an action means: from the four action modes to the units requested on each edge, and back."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.inventory.constants import TINY, Constants
from scenarium.envs.inventory.network import Network
from scenarium.envs.inventory.scenario import Demand

ACTION_MODES = ("normalised", "quantity", "order_up_to", "integer")
REACH = 4.0
"""The largest order is this many times the mean demand the edge can reach (Alvo et al., code)."""


class ActionSpace:
    """The action space of a network under one mode.

    Attributes:
        mode: One of `ACTION_MODES`.
        mean: Mean demand reachable through each edge per period [E], units.
        high: Largest order per edge [E], units; the largest level in "order_up_to" mode.
        space: Gymnasium space of one world's action.
    """

    def __init__(self, network: Network, demand: Demand, mode: str) -> None:
        self.mode = mode
        means = {store.name: float(m) for store, m in zip(network.stores, demand.mean, strict=True)}
        self.mean = np.array([sum(means[s] for s in network.downstream(edge.target)) for edge in network.edges])
        self.high = REACH * self.mean
        if mode == "order_up_to":
            self.high = self.high * np.array([edge.lead_time + 1 for edge in network.edges])
        if mode == "integer":
            self.high = np.ceil(self.high)
        self.space = self._space()
        self.single = isinstance(self.space, gymnasium.spaces.Discrete)

    def _space(self) -> gymnasium.Space[Any]:
        edges = len(self.mean)
        if self.mode == "normalised":
            return gymnasium.spaces.Box(-1.0, 1.0, (edges,), np.float32)
        if self.mode == "integer":
            choices = self.high.astype(np.int64) + 1
            return gymnasium.spaces.Discrete(int(choices[0])) if edges == 1 else gymnasium.spaces.MultiDiscrete(choices)
        return gymnasium.spaces.Box(np.zeros(edges, np.float32), self.high.astype(np.float32), dtype=np.float32)

    def decode(self, action: Array, state: Any, k: Constants, xp: Namespace) -> Array:
        """The units requested on each edge, [E] or [E, B], within [0, high].

        Args:
            action: [E], or [B, E] in a batch; a scalar or [B] for a single discrete edge.
            state: Inventory, for order-up-to levels.
            k: The network's numbers.
            xp: Namespace.
        """
        if self.mode == "normalised":
            return xp.minimum(xp.maximum(xp.batch_last(action) * k.half + k.half, k.zero), k.high)
        if self.mode == "integer":
            action = xp.cast(action[..., None] if self.single else action, "float")
        wanted = xp.minimum(xp.maximum(xp.batch_last(action), k.zero), k.high)
        if self.mode != "order_up_to":
            return wanted
        in_transit = sum(state.transit) if state.transit else None
        position = state.on_hand if in_transit is None else state.on_hand + k.into.total(in_transit, xp)
        return xp.maximum(wanted - position[k.target], 0.0)

    def encode(self, quantity: Array, xp: Namespace) -> Array:
        """Quantities (levels, in "order_up_to" mode) [..., E] as an action of this mode."""
        if self.mode in ("quantity", "order_up_to"):
            return quantity
        high = xp.constant(self.high)
        quantity = xp.minimum(xp.maximum(quantity, 0.0), high)
        if self.mode == "normalised":
            return quantity / xp.maximum(0.5 * high, TINY) - 1.0
        rounded = xp.cast(xp.round(quantity), "index")
        return rounded[..., 0] if self.single else rounded
