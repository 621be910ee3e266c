"""Policies that know the ground truth: the Bayes oracle, dynamic programs under scarcity, and full information."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.pricing.policy import PricingBaseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import Act
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.pricing.capacity import CapacityPricing
from scenarium.envs.pricing.demand import Demand, optimal_price, optimal_rung
from scenarium.envs.pricing.features import SIZE, decode
from scenarium.envs.pricing.optimum import (
    CapacityOptimum,
    ContextDemand,
    Margin,
    PriceGrid,
    ProductBelief,
    blind_margin,
    capacity_program,
    context_margin,
    full_information_margin,
    observed_signals,
    static_conversion,
    tabulated,
)
from scenarium.envs.pricing.prices import Prices
from scenarium.envs.pricing.products import MultiProductPricing

Legal = tuple[tuple[float, ...] | None, tuple[float, float]]
"""A ladder or None, and the bounds of the interval."""


class BayesOracle(PricingBaseline):
    """The price that earns most in expectation given the context; what stays unknown of the customer is integrated out.

    No policy that sees the context alone earns more in a session. Under scarcity it looks at the session only and is
    beaten by `capacity_optimal`; under drift it does not know where the demand has moved.
    """

    name = "bayes_oracle"
    several = True

    def _configure(self) -> dict[str, Any]:
        return {}

    @cached_property
    def at(self) -> PriceGrid:
        """The legal prices."""
        return PriceGrid.of(self.model.prices)

    @cached_property
    def curves(self) -> ContextDemand:
        """Purchase probabilities at them."""
        return ContextDemand(self.model.demand, self.at.values)

    @cached_property
    def _products(self) -> ProductBelief:
        return ProductBelief(self.model)

    def price(self, observation: Tensor) -> Tensor:
        if isinstance(self.model, MultiProductPricing):
            from scenarium.envs.core.namespace import torch_namespace

            margin, _ = self._products.margin(decode(observation, torch_namespace(str(observation.device))))
            return margin[:, None] + self._on(observation.device, "costs", self.model.costs)
        return self.at.best(self.curves.probability(observed_signals(observation)), self.cost(observation))[0]

    def cost(self, observation: Tensor) -> Tensor | float:
        """Opportunity cost of a unit [B]."""
        return 0.0


class CapacityOptimal(BayesOracle):
    """The optimal policy for limited units on the observable context, by dynamic programming.

    It charges the price that is best against the opportunity cost of a unit, V_{t+1}(c) - V_{t+1}(c - 1).
    """

    name = "capacity_optimal"
    several = False
    scarce = True
    informed: ClassVar[bool] = True

    @cached_property
    def optimum(self) -> CapacityOptimum:
        """Values and opportunity costs."""
        model = self.model
        prices = (model.prices.ladder, (model.prices.low, model.prices.high))
        return _program(
            context_margin if self.informed else blind_margin, model.demand, prices, model.horizon, model.units
        )

    def cost(self, observation: Tensor) -> Tensor:
        table = self._on(observation.device, "cost", np.minimum(self.optimum.cost, self.model.prices.high))
        return table[_place(self.model, observation)]


class CapacityBlind(CapacityOptimal):
    """The optimal policy for limited units that sees time and units left but no customer."""

    name = "capacity_blind"
    informed = False

    def price(self, observation: Tensor) -> Tensor:
        curve = torch.as_tensor(static_conversion(self.model.demand, self.at.values), dtype=torch.float32)
        return self.at.best(curve.to(observation.device).expand(len(observation), -1), self.cost(observation))[0]


class FullInformation(PricingBaseline):
    """Knows each customer's willingness to pay: the closed-form optimum, shown and never ranked; use `act_on`.

    Under scarcity it solves the dynamic program of somebody who learns each customer as they come. It does not know
    whether a customer will buy.
    """

    name = "full_information"
    clairvoyant = True
    several = True

    def _configure(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _cost(self) -> Any:
        model = self.model
        prices = (model.prices.ladder, (model.prices.low, model.prices.high))
        solved = _program(full_information_margin, model.demand, prices, model.horizon, model.units)
        return np.minimum(solved.cost, model.prices.high)

    def price(self, observation: Tensor) -> Tensor:
        raise ScenariumError("full_information sees its customers: act with act_on(scenario), not predict")

    def act_on(self, scenario: Scenario) -> Act:
        def act(observation: Any, memory: Any, t: int) -> tuple[Any, Any]:
            return self._informed(scenario, observation, t), None

        return act

    def _informed(self, scenario: Scenario, observation: Any, t: int) -> Any:
        """The action, in the arrays of the scenario."""
        xp, offer, model = scenario.xp, scenario.at(t), self.model
        if isinstance(model, MultiProductPricing):
            return xp.batch_first(model.at_margin(offer.best_margin, xp))
        cost: Any = 0.0 * offer.latent.median
        if isinstance(model, CapacityPricing):
            seen = torch.as_tensor(observation).reshape(-1, SIZE + 2)
            table = self._on(seen.device, "cost", self._cost)[_place(model, seen)]
            cost = table if xp.batched else table[0].numpy()
        if model.prices.ladder is not None:
            return optimal_rung(model.prices.ladder, offer.latent, cost, xp)[..., None]
        latent, legal = offer.latent, (model.prices.low, model.prices.high)
        return optimal_price(latent.median, latent.spread, cost, *legal, xp)[..., None]


@cache
def _program(
    margin: Callable[[Demand, Prices], Margin], demand: Demand, prices: Legal, sessions: int, units: int
) -> CapacityOptimum:
    """The dynamic program, solved once for all policies that need it."""
    legal = Prices(*prices)
    return capacity_program(tabulated(margin(demand, legal), legal.high), sessions, units)


def _place(model: CapacityPricing, observation: Tensor) -> tuple[Tensor, Tensor]:
    """Period and units left of observations, as indices."""
    left, units = observation[:, SIZE], observation[:, SIZE + 1]
    t = model.horizon - (left * model.horizon).round().long()
    return t.clamp(0, model.horizon - 1), (units * model.units).round().long().clamp(0, model.units)
