"""Policies that need no forecast, or only the variances and correlations of the observed window."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scenarium.baselines.portfolio.policy import MONTH, Portfolio, PortfolioBaseline, invested
from scenarium.baselines.portfolio.solvers import minimum_variance, risk_parity, shrunk_covariance
from scenarium.envs.core.errors import ScenariumError


class EqualWeight(PortfolioBaseline):
    """1/N in every stock, rebalanced daily (`every=1`)."""

    name = "equal_weight"
    track = "model-free"

    def _configure(self, every: int = 1) -> dict[str, Any]:
        return super()._configure(every)

    def target(self, portfolio: Portfolio) -> Tensor:
        names = portfolio.weights.shape[1] - 1
        return invested(torch.full_like(portfolio.weights[:, 1:], 1.0 / names))


class EqualWeightMonthly(EqualWeight):
    """1/N in every stock, rebalanced every 21 days."""

    name = "equal_weight_monthly"

    def _configure(self, every: int = MONTH) -> dict[str, Any]:
        return super()._configure(every)


class BuyAndHold(EqualWeight):
    """1/N in every stock on the first day, and nothing afterwards."""

    name = "buy_and_hold"

    def _configure(self, every: int = 0) -> dict[str, Any]:
        return super()._configure(every)


class Cash(PortfolioBaseline):
    """Everything in cash."""

    name = "cash"
    track = "model-free"

    def target(self, portfolio: Portfolio) -> Tensor:
        weights = torch.zeros_like(portfolio.weights)
        weights[:, 0] = 1.0
        return weights


class InverseVolatility(PortfolioBaseline):
    """Weights in proportion to one over the volatility of the observed window."""

    name = "inverse_volatility"
    track = "model-free"

    def _check(self) -> None:
        super()._check()
        self._estimation_window()

    def target(self, portfolio: Portfolio) -> Tensor:
        inverse = 1.0 / portfolio.returns.double().std(1).clamp_min(1e-4)
        return invested(inverse / inverse.sum(1, keepdim=True))


class _Covariance(PortfolioBaseline):
    """A policy on the covariance of the observed window, shrunk towards its diagonal."""

    track = "model-free"

    def _check(self) -> None:
        super()._check()
        self._estimation_window()

    def _configure(self, every: int = MONTH, shrinkage: float = 0.2) -> dict[str, Any]:
        if not 0.0 < shrinkage <= 1.0:
            raise ScenariumError(f"{self.name}: shrinkage is {shrinkage}; it must be in (0, 1]")
        self.shrinkage = float(shrinkage)
        return {**super()._configure(every), "shrinkage": self.shrinkage}


class MinimumVariance(_Covariance):
    """The long-only portfolio of least variance."""

    name = "minimum_variance"

    def target(self, portfolio: Portfolio) -> Tensor:
        return invested(minimum_variance(shrunk_covariance(portfolio.returns, self.shrinkage)))


class RiskParity(_Covariance):
    """The long-only portfolio whose names carry equal parts of the variance."""

    name = "risk_parity"

    def target(self, portfolio: Portfolio) -> Tensor:
        return invested(risk_parity(shrunk_covariance(portfolio.returns, self.shrinkage)))
