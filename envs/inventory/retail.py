"""A synthetic weekly retail demand: trend, yearly season, Christmas peak, overdispersion, optional returns.

It stands in for the proprietary weekly sales of Alvo et al. (arXiv 2306.11246, real-data experiments): one world is one
product sold in all stores, whose size, and whose shocks, are shared by the stores in part.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.inventory.scenario import DEMAND_STREAM, Demand, per_store

SIZE_STREAM, SHOCK_STREAM, RETURN_STREAM = 11, 12, 13
WEEKS = 52
CHRISTMAS_WEEK = 51
MEMORY = 4
"""Weeks over which a shock dies out; a moving average, so that any week can be computed alone."""

RETURNED = 0.1
"""Net returns of a week that shows them, as a share of its demand."""


class RetailDemand(Demand):
    """Weekly sales of one product per world.

    demand = mean * size * trend * season * exp(shocks), rounded to whole units, where size (per world), the common and
    the store's shocks are lognormal with mean one. With probability `returns` a week of a store is negative.

    Args:
        mean: Mean weekly demand per store before returns, one number or [S], units.
        stores: Number of stores, when one mean stands for all.
        growth: Growth per year, 0.03 for 3 %.
        season: Amplitude of the yearly cycle, in [0, 1).
        christmas: Height of the Christmas peak over a normal week.
        spread: Standard deviation of the log size of a product.
        noise: Standard deviation of a week's log shock.
        common: Share of the shock's variance that all stores share, in [0, 1].
        returns: Probability that a store's week shows net returns, in [0, 1).
        start_week: Week of the year of period 0.
    """

    integer = True

    def __init__(
        self,
        mean: Any = 60.0,
        stores: int | None = None,
        *,
        growth: float = 0.03,
        season: float = 0.2,
        christmas: float = 1.0,
        spread: float = 0.5,
        noise: float = 0.5,
        common: float = 0.4,
        returns: float = 0.0,
        start_week: int = 0,
    ) -> None:
        for name, value in {"season": season, "common": common, "returns": returns}.items():
            if not 0.0 <= value < 1.0:
                raise ScenariumError(f"retail demand {name} is {value}; it must lie in [0, 1)")
        self._level = per_store(mean, stores, "mean", 1e-9)
        self.mean = self._level * (1.0 - returns * (1.0 + RETURNED))
        self.std = self._level * math.sqrt(math.exp(spread**2 + noise**2) - 1.0)
        self.growth, self.spread, self.noise, self.returns = growth, spread, noise, returns
        self.common, self.start_week = common, int(start_week)
        self._profile = self._season_profile(season, christmas)
        weights = 0.5 ** np.arange(MEMORY)
        self._weights = weights / np.sqrt((weights**2).sum())

    @staticmethod
    def _season_profile(season: float, christmas: float) -> np.ndarray[Any, Any]:
        week = np.arange(WEEKS)
        distance = np.abs((week - CHRISTMAS_WEEK + WEEKS // 2) % WEEKS - WEEKS // 2)
        profile = (
            1.0 + season * np.cos(2 * np.pi * (week - 26) / WEEKS) + christmas * np.exp(-0.5 * (distance / 1.5) ** 2)
        )
        return np.asarray(profile / profile.mean())

    def draw(self, seeds: Array, first: Array, length: int, xp: Namespace) -> Array:
        batch = 1 if xp.batched else 0
        size = self._lognormal(rng.normal(xp, self._words(seeds, 0, 1, xp, SIZE_STREAM, 1)), self.spread, xp)
        own = self._shock(seeds, first, length, xp, DEMAND_STREAM, self.stores)
        shared = self._shock(seeds, first, length, xp, SHOCK_STREAM, 1)
        shock = math.sqrt(self.common) * shared + math.sqrt(1.0 - self.common) * own
        week = xp.constant(np.arange(length).reshape(length, 1, *[1] * batch), "index") + first
        level = xp.constant(self._profile)[(week + self.start_week) % WEEKS]
        level = level * (1.0 + self.growth / WEEKS * xp.cast(week, "float"))
        demand = xp.round(xp.column(self._level) * size * level * self._lognormal(shock, self.noise, xp))
        if self.returns:
            back = rng.uniform(xp, self._words(seeds, first, length, xp, RETURN_STREAM, self.stores)) < self.returns
            demand = xp.where(back, -xp.round(demand * RETURNED), demand)
        return demand

    def calendar(self, t: Array) -> Array:
        """Signed weeks to Christmas over half a year, in [-1, 1)."""
        return ((t + self.start_week - CHRISTMAS_WEEK + WEEKS // 2) % WEEKS - WEEKS // 2) / (WEEKS / 2)

    def _shock(self, seeds: Array, first: Array, length: int, xp: Namespace, stream: int, width: int) -> Array:
        z = rng.normal(xp, self._words(seeds, first - MEMORY + 1, length + MEMORY - 1, xp, stream, width))
        terms = (float(w) * z[MEMORY - 1 - lag : MEMORY - 1 - lag + length] for lag, w in enumerate(self._weights))
        return sum(terms, start=0.0)

    @staticmethod
    def _lognormal(z: Array, sigma: float, xp: Namespace) -> Array:
        return xp.exp(sigma * z - 0.5 * sigma**2)
