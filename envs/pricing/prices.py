"""What may be charged: a ladder of prices or an interval, and how an action names a price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.pricing.demand import Latents, check_ladder, optimal_price, optimal_rung

MENU_STEP = 0.05
"""Distance of the prices a policy weighs in pathwise training where prices are continuous."""


class Prices:
    """The legal prices, in list prices.

    Args:
        ladder: Legal prices, ascending; None allows every price of the interval.
        legal: Lowest and highest legal price, where there is no ladder.
        as_rung: Whether an action is a rung's number; else it is a price [1], which a ladder rounds to its nearest.

    Raises:
        ScenariumError: The ladder or the interval is no such thing.
    """

    def __init__(self, ladder: Sequence[float] | None, legal: tuple[float, float], as_rung: bool = True) -> None:
        self.ladder = None if ladder is None else check_ladder(ladder)
        self.low, self.high = check_legal(legal) if self.ladder is None else (self.ladder[0], self.ladder[-1])
        self.as_rung = as_rung and self.ladder is not None
        self.space: spaces.Space[Any] = spaces.Box(self.low, self.high, (1,), np.float32)
        if self.as_rung and self.ladder is not None:
            self.space = spaces.Discrete(len(self.ladder))
        self._tables: dict[str, tuple[Array, Array]] = {}

    def price(self, action: Array, xp: Namespace) -> Array:
        """The price an action charges: [B], or a scalar for one world."""
        if self.ladder is None:
            return self.clipped(action[..., 0], xp)
        rungs, middles = self._table(xp)
        return rungs[action if self.as_rung else xp.searchsorted(middles, action[..., 0])]

    def clipped(self, price: Array, xp: Namespace) -> Array:
        """The nearest price of the interval."""
        return xp.minimum(xp.maximum(price, xp.scalar(self.low)), xp.scalar(self.high))

    def encode(self, action: Array, xp: Namespace) -> Array:
        """The action that charges a price [..., 1] (the nearest legal one)."""
        return xp.searchsorted(self._table(xp)[1], action[..., 0]) if self.as_rung else action

    def best(self, latent: Latents, xp: Namespace) -> Array:
        """The legal price with the highest expected revenue, for latents of any shape."""
        if self.ladder is not None:
            return optimal_rung(self.ladder, latent, 0.0, xp)
        return optimal_price(latent.median, latent.spread, 0.0, self.low, self.high, xp)

    def menu(self) -> npt.NDArray[np.float64]:
        """Prices to weigh against each other: the ladder, or points of the interval at most `MENU_STEP` apart."""
        if self.ladder is not None:
            return np.array(self.ladder)
        return np.linspace(self.low, self.high, 1 + math.ceil((self.high - self.low) / MENU_STEP - 1e-9))

    def _table(self, xp: Namespace) -> tuple[Array, Array]:
        """Rungs, and the prices halfway between them."""
        found = self._tables.get(xp.key)
        if found is None:
            rungs = np.array(self.ladder)
            found = xp.constant(rungs), xp.constant(0.5 * (rungs[1:] + rungs[:-1]))
            self._tables[xp.key] = found
        return found


def check_legal(legal: tuple[float, float]) -> tuple[float, float]:
    """The bounds as floats.

    Raises:
        ScenariumError: They are not two finite numbers, positive and ascending.
    """
    bounds = tuple(float(x) for x in np.asarray(legal, np.float64).ravel())
    if len(bounds) != 2 or not 0.0 < bounds[0] < bounds[1] < math.inf:
        raise ScenariumError(f"legal prices {list(bounds)} must be a lowest and a higher highest price, both positive")
    return bounds
