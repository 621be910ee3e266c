"""The optimum of the one portfolio problem that can be solved."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scenarium.baselines.portfolio.policy import Portfolio, PortfolioBaseline, portfolio_model
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.portfolio.gaussian import GaussianMarket
from scenarium.envs.portfolio.optimum import log_optimal


class LogOptimal(PortfolioBaseline):
    """The constant mix of the largest mean log growth where returns are Gaussian with known moments.

    Days are independent and trading is free, so no policy that looks at the past grows faster on average.
    """

    name = "log_optimal"

    def _check(self) -> None:
        super()._check()
        model = portfolio_model(self.model, self.name)
        if not isinstance(model.market, GaussianMarket) or any(model.fees[:2]):
            raise ScenariumError(f"{self.name} plays the Gaussian market without costs, where the optimum is known")

    def _configure(self, every: int = 1) -> dict[str, Any]:
        market = portfolio_model(self.model, self.name).market
        assert isinstance(market, GaussianMarket)
        self.optimum = log_optimal(market.mean, market.covariance)
        return super()._configure(every)

    def target(self, portfolio: Portfolio) -> Tensor:
        weights = torch.as_tensor(self.optimum.weights, dtype=torch.float32, device=portfolio.weights.device)
        return weights.expand(len(portfolio.weights), -1)
