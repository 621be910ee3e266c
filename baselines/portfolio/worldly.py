"""Portfolios that take more from their world than an observation shows: for comparison, never ranked."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.portfolio.policy import Portfolio, PortfolioBaseline, portfolio_model
from scenarium.baselines.portfolio.solvers import best_constant
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.rollout import Act
from scenarium.envs.core.scenario import Scenario
from scenarium.envs.portfolio.scenario import MarketScenario


class _Worldly(PortfolioBaseline):
    """A policy that reads its weights off the scenario; act with `act_on`."""

    clairvoyant = True

    @abstractmethod
    def weights_of(self, scenario: MarketScenario) -> Tensor:
        """Its weights in every world, cash first [B, N + 1]."""

    def target(self, portfolio: Portfolio) -> Tensor:
        raise ScenariumError(f"{self.name} needs its world: act with act_on(scenario), not predict")

    def act_on(self, scenario: Scenario) -> Act:
        model = portfolio_model(self.model, self.name)
        if not isinstance(scenario, MarketScenario):
            raise ScenariumError(f"{self.name} needs a scenario of {model.env_id or 'PortfolioAllocation'}")
        weights = self.weights_of(scenario).float()
        fixed = _Given(self.model, every=self.every)
        fixed.weights = weights
        return fixed.act


class _Given(PortfolioBaseline):
    """Weights that were worked out before."""

    name = "given"
    weights: Tensor

    def target(self, portfolio: Portfolio) -> Tensor:
        return self.weights.to(portfolio.weights.device)


class Index(_Worldly):
    """The index of the world's stocks: capitalisation weights on the first day, held from then on.

    On prices of your own the weights are those of the column market_value, or equal where there is none.
    """

    name = "index"

    def _configure(self, every: int = 0) -> dict[str, Any]:
        return super()._configure(every)

    def weights_of(self, scenario: MarketScenario) -> Tensor:
        caps = torch.as_tensor(scenario.caps)
        stocks = caps.T if scenario.xp.batched else caps[None]
        return torch.cat([torch.zeros_like(stocks[:, :1]), stocks], 1)


class BestConstant(_Worldly):
    """The constant mix that grows fastest in this very world, known only afterwards; costs are paid, not foreseen."""

    name = "best_constant"

    def _configure(self, every: int = 1) -> dict[str, Any]:
        return super()._configure(every)

    def weights_of(self, scenario: MarketScenario) -> Tensor:
        width = portfolio_model(self.model, self.name).names + 1
        days = [torch.as_tensor(np.asarray(scenario.at(t).moves)) for t in range(scenario.layout.horizon)]
        moves = torch.stack(days)
        moves = moves if moves.ndim == 3 else moves[..., None]
        relatives = (1.0 + moves[:, :width]) * (1.0 + moves[:, width : 2 * width])
        return best_constant(relatives.permute(2, 0, 1))
