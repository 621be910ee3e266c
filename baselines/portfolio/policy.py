"""The base of the portfolio policies: from an observation to weights, on the days they trade."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model
from scenarium.envs.portfolio.model import PortfolioAllocation

MONTH = 21
"""Trading days of a month."""


class Portfolio(NamedTuple):
    """An observation in one form, whatever its view.

    Attributes:
        weights: Held, cash first [B, N + 1].
        returns: Daily log returns of the window, oldest first [B, W - 1, N].
    """

    weights: Tensor
    returns: Tensor


def portfolio_model(model: Model, who: str) -> PortfolioAllocation:
    """The model as a portfolio problem.

    Raises:
        ScenariumError: It is another problem.
    """
    if not isinstance(model, PortfolioAllocation):
        raise ScenariumError(f"{who} plays PortfolioAllocation; {model.env_id or type(model).__name__} is none")
    return model


def read_portfolio(model: PortfolioAllocation, observation: Any) -> Portfolio:
    """Takes a batched observation of a model apart."""
    layout = model.layout
    close = layout.features.index("close")
    if isinstance(observation, Mapping):
        return Portfolio(observation["weights"], observation["image"][:, close].diff(dim=-1).mT)
    if model.observation == "paper":
        risky = observation[:, close, 0]
        cash = (1.0 - risky.sum(1, keepdim=True)).clamp_min(0.0)
        return Portfolio(torch.cat([cash, risky], 1), observation[:, close, 1:].log().diff(dim=1))
    size = layout.pixels * layout.window
    image = observation[:, :size].reshape(-1, len(layout.features), layout.names, layout.window)
    weights = observation[:, size : size + layout.names + 1]
    return Portfolio(weights, image[:, close].diff(dim=-1).mT)


class PortfolioBaseline(Baseline):
    """A policy that sets weights every so many days and holds in between; subclasses implement `target`."""

    def _check(self) -> None:
        portfolio_model(self.model, self.name)

    def _configure(self, every: int = MONTH) -> dict[str, Any]:
        """Takes the days between two trades; 0 trades on the first day alone."""
        if isinstance(every, bool) or not isinstance(every, int) or every < 0:
            raise ScenariumError(f"{self.name}: every is {every!r}; expected whole days, or 0 for the first day alone")
        self.every = every
        return {"every": every}

    @abstractmethod
    def target(self, portfolio: Portfolio) -> Tensor:
        """The weights to trade to, cash first [B, N + 1]."""

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        model = portfolio_model(self.model, self.name)
        portfolio = read_portfolio(model, observation)
        days = torch.zeros_like(portfolio.weights[:, :1], dtype=torch.int64) if memory is None else memory
        due = days == 0 if self.every == 0 else days % self.every == 0
        if not bool(due.any()):
            return portfolio.weights, days + 1
        return torch.where(due, self.target(portfolio).to(portfolio.weights), portfolio.weights), days + 1

    def _estimation_window(self) -> None:
        """Raises where the observed window is too short to estimate anything."""
        window = portfolio_model(self.model, self.name).layout.window
        if window < 5:
            raise ScenariumError(
                f"{self.name} estimates from the observed window; {window} days are too few, make it >= 5"
            )


def invested(risky: Tensor) -> Tensor:
    """Weights of the stocks [B, N] with no cash in front [B, N + 1]."""
    return torch.cat([torch.zeros_like(risky[:, :1]), risky], 1)
