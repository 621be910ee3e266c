"""The base of all pricing policies: from an observation to a price per offer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.baselines.random import observation_key
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.pricing.capacity import CapacityPricing
from scenarium.envs.pricing.features import SIZE
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.products import MultiProductPricing


class PricingBaseline(Baseline):
    """Prices one offer a session; what is not legal is charged at the nearest legal price.

    Attributes:
        several: It also prices several products at once.
        scarce: It is meant for a limited number of units only.
    """

    several: ClassVar[bool] = False
    scarce: ClassVar[bool] = False
    model: Any

    def _check(self) -> None:
        kinds = (AncillaryPricing, MultiProductPricing) if self.several else (AncillaryPricing,)
        if not isinstance(self.model, kinds):
            one = "" if self.several else ", one product at a time"
            raise ScenariumError(f"{self.name} prices AncillaryPricing{one}; it cannot play this problem")
        if self.scarce and not isinstance(self.model, CapacityPricing):
            raise ScenariumError(f"{self.name} is for a limited number of units; without one use bayes_oracle")

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        price, memory = self.offer(observation, memory)
        return price.reshape(len(observation), -1).to(torch.float32), memory

    def offer(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Prices [B] (or [B, products]) in list prices, and the memory; most policies need none."""
        return self.price(observation), memory

    @abstractmethod
    def price(self, observation: Tensor) -> Tensor:
        """Prices of observations [B, n], in list prices [B] (or [B, products])."""

    def customer_key(self, observation: Tensor) -> Tensor:
        """A key int64 [B] by which a session's own chance is drawn, the same for one world and among many.

        Features are rounded first: those of one world and of a batch differ in their last bits.
        """
        return observation_key(torch.round(16.0 * self.shown(observation)) + 0.0)

    def shown(self, observation: Tensor) -> Tensor:
        """The features of the session's context [B, `features.SIZE`]."""
        return observation[:, :SIZE]
