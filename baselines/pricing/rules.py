"""What practitioners charge: the list price, one best price, random discounts, and rules of thumb."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.pricing.policy import PricingBaseline
from scenarium.envs.core import rng
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.namespace import torch_namespace
from scenarium.envs.pricing.capacity import CapacityPricing
from scenarium.envs.pricing.context import Context
from scenarium.envs.pricing.demand import LIST_PRICE
from scenarium.envs.pricing.features import decode
from scenarium.envs.pricing.logged import RANDOM_SD
from scenarium.envs.pricing.optimum import (
    PriceGrid,
    ProductBelief,
    best_static,
    best_static_price,
    static_conversion,
)

RANDOM_LOW = 0.2
"""The lowest price of the random arm."""


class StaticPrice(PricingBaseline):
    """One price for everybody: the list price, which the analysts of the online test had set (HUMAN).

    Args:
        price: In list prices; 1 unless said otherwise.
    """

    name = "human_price"
    track: ClassVar[Literal["known-model", "model-free"]] = "model-free"

    def _configure(self, price: float = LIST_PRICE) -> dict[str, Any]:
        if not (isinstance(price, (int, float)) and math.isfinite(price) and price > 0.0):
            raise ScenariumError(f"{self.name}: price is {price!r}; expected a positive number of list prices")
        self._price = float(price)
        return {"price": self._price}

    def price(self, observation: Tensor) -> Tensor:
        return observation.new_full((len(observation),), self._price)


class BestStaticPrice(StaticPrice):
    """The one price that earns most, from the demand averaged over customers; under scarcity, with the units it has.

    Args:
        price: In list prices; computed if left out.
    """

    name = "best_static_price"
    track = "known-model"

    def _configure(self, price: float | None = None) -> dict[str, Any]:
        return super()._configure(self._best() if price is None else price)

    def _best(self) -> float:
        model = self.model
        if isinstance(model, CapacityPricing):
            grid = PriceGrid.of(model.prices).values
            return best_static_price(static_conversion(model.demand, grid), grid, model.horizon, model.units)[0]
        return best_static(model.demand, model.prices)[0]


class RandomDiscount(PricingBaseline):
    """Random discounts, the exploration traffic of the online test (RANDOM): clip(1 - |N(0, 0.45)|, 0.2, 1).

    A draw is a hash of the seed and of the session's context.

    Args:
        seed: Of the draws.
    """

    name = "random_discount"
    track = "model-free"

    def _configure(self, seed: int = 0) -> dict[str, Any]:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ScenariumError(f"{self.name}: seed is {seed!r}; expected an integer")
        self._key = int(rng.stream_key(seed, 78)[0])
        return {"seed": seed}

    def price(self, observation: Tensor) -> Tensor:
        xp = torch_namespace(str(observation.device))
        z: Tensor = rng.normal(xp, rng.words(self.customer_key(observation), self._key))
        return (LIST_PRICE - RANDOM_SD * z.abs()).clamp(RANDOM_LOW, LIST_PRICE)


class BusinessRules(PricingBaseline):
    """The list price with rule-based discounts, as a revenue manager writes them down.

    Args:
        early: Discount for bookings more than `early_days` ahead; early bookers mind the price more.
        early_days: Days.
        group: Discount for `group_size` travellers or more.
        group_size: Travellers.
        flexible: Discounts do not apply to the flexible fare.
    """

    name = "business_rules"
    track = "model-free"

    def _configure(
        self,
        early: float = 0.2,
        early_days: float = 60.0,
        group: float = 0.1,
        group_size: int = 3,
        flexible: bool = True,
    ) -> dict[str, Any]:
        if not (0.0 <= early < 1.0 and 0.0 <= group < 1.0 and early + group < 1.0):
            raise ScenariumError(f"{self.name}: discounts {early} and {group} must be in [0, 1) and sum to less than 1")
        self._rule = (early, early_days, group, group_size, flexible)
        return {
            "early": early,
            "early_days": early_days,
            "group": group,
            "group_size": group_size,
            "flexible": flexible,
        }

    def price(self, observation: Tensor) -> Tensor:
        early, days, group, size, flexible = self._rule
        context = decode(observation, torch_namespace(str(observation.device)))
        discount: Tensor = early * (context.days > days).float() + group * (context.group >= size - 0.25).float()
        if flexible:
            discount = discount * (context.fare < 1.5).float()
        return LIST_PRICE - discount


class BestStaticMenu(PricingBaseline):
    """Several products at one margin for everybody: the best, over a sample of contexts.

    Args:
        margin: Price minus cost of every product, in list prices; computed if left out.
    """

    name = "best_static_menu"
    several = True

    def _configure(self, margin: float | None = None) -> dict[str, Any]:
        self._margin = self._best() if margin is None else float(margin)
        return {"margin": self._margin}

    def _best(self) -> float:
        belief = ProductBelief(self.model)
        drawn = self.model.scenario(torch.arange(20_000)).sessions(0, 1)
        curve = belief.curve(Context(*(x[0] for x in drawn.context)))
        return float(belief.at.best(curve)[0])

    def price(self, observation: Tensor) -> Tensor:
        prices = self._on(observation.device, "prices", np.array(self.model.costs) + self._margin)
        return prices.expand(len(observation), -1)
