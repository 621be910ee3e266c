"""Newsvendor quantiles of lead-time demand, from the law or from a forecast on the observed history."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from scenarium.agents.core.evaluation import derived_seeds
from scenarium.baselines.inventory.base_stock import BaseStock
from scenarium.baselines.inventory.policy import Inventory
from scenarium.baselines.inventory.structure import critical_fraction
from scenarium.baselines.inventory.tuned import tuned_parameters
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.inventory.retail import CHRISTMAS_WEEK, WEEKS, RetailDemand

TRAINING_WORLDS, TRAINING_WEEKS = 256, 156


class QuantileNewsvendor(BaseStock):
    """q = F^{-1}(f) - position, F the law of the demand an order must last for.

    Stores use their lead time plus one period and f = p / (p + h); stock nodes the echelon's demand and
    `stock_fraction`. Where the history of a seasonal or a recorded demand is observed, F is a forecast: the average
    of the history, freed of the season, times the season ahead, times a quantile of the forecast's relative error in
    training worlds (seasonal law), or a normal law with the history's mean and standard deviation (recorded demand).

    Args:
        store_fraction: f of all stores, in (0, 1); None for each its own p / (p + h).
        stock_fraction: f of the stock nodes, in (0, 1).
    """

    name = "quantile_newsvendor"
    echelon: ClassVar[bool] = True

    def _configure(  # type: ignore[override]
        self, store_fraction: float | None = None, stock_fraction: float | None = None
    ) -> Any:
        tuned = tuned_parameters(self.name, self.model) if store_fraction is None and stock_fraction is None else {}
        own = tuned.get("store_fraction", store_fraction)
        shared = tuned.get("stock_fraction", 0.7 if stock_fraction is None else stock_fraction)
        for what, value in {"store_fraction": own, "stock_fraction": shared}.items():
            if value is not None and not 0.0 < self.number(value, what) < 1.0:
                raise ScenariumError(f"{self.name}: {what} is {value}; it must lie in (0, 1)")
        s = self.structure
        fractions = [critical_fraction(node) if own is None else own for node in s.nodes]
        self._fractions = [shared] * s.stocks + fractions[s.stocks :]
        demand = self.model.demand
        self._seasonal = self.model.history > 0 and isinstance(demand, RetailDemand)
        self._recorded = self.model.history > 1 and demand.recorded is not None
        if self._seasonal:
            self._fit()
        elif not self._recorded:
            self._levels = self._law_levels()
        return {"store_fraction": own, "stock_fraction": shared}

    def _law_levels(self) -> list[float | None]:
        from scipy.special import ndtri

        s = self.structure
        levels: list[float | None] = [None] * s.edges
        for node, (edge, fraction) in enumerate(zip(s.primary, self._fractions, strict=True)):
            if node >= s.stocks:
                levels[edge] = s.store_quantile(node, fraction)
            else:
                mean, std = s.lead_time_demand(node, echelon=True)
                levels[edge] = mean + float(ndtri(fraction)) * std
        return levels

    def levels(self, inventory: Inventory) -> Tensor:
        if not (self._seasonal or self._recorded):
            return super().levels(inventory)
        s, device = self.structure, inventory.on_hand.device
        below = self._on(device, "stores_below", s.below[:, s.stocks :])
        past = torch.einsum("ns,bsh->bnh", below, inventory.history)
        found = self._seasonal_levels(inventory, past) if self._seasonal else self._moving_levels(past)
        levels = found.new_full((len(found), s.edges), -math.inf)
        levels[:, s.primary.tolist()] = found
        return levels

    def _periods(self, node: int) -> int:
        """Periods an order of a node must last for; the average over the stores below a stock node."""
        s = self.structure
        stores = np.flatnonzero(s.below[node][s.stocks :]) + s.stocks
        down = float(np.mean([s.path_lead(node, int(store)) for store in stores]))
        return int(s.lead[s.primary[node]]) + 1 + round(down)

    def _moving_levels(self, past: Tensor) -> Tensor:
        from scipy.special import ndtri

        ahead = self._on(past.device, "ahead", [self._periods(n) for n in range(len(self.structure.nodes))])
        z = self._on(past.device, "z", ndtri(np.array(self._fractions)))
        return past.mean(2).clamp_min(0.0) * ahead + z * past.std(2) * ahead.sqrt()

    def _seasonal_levels(self, inventory: Inventory, past: Tensor) -> Tensor:
        assert inventory.calendar is not None
        device, history = past.device, self.model.history
        week = (inventory.calendar * (WEEKS / 2)).round().long() + CHRISTMAS_WEEK
        season = self._on(device, "season", self._season)
        span = torch.arange(-history, int(self._ahead.max()), device=device)
        profile = season[(week[:, None] + span) % WEEKS]
        level = past.mean(2).clamp_min(0.0) / profile[:, :history].mean(1, keepdim=True)
        counted = self._on(device, "counted", np.arange(self._ahead.max())[:, None] < self._ahead)
        return level * (profile[:, history:] @ counted) * self._on(device, "errors", self._errors)

    def _fit(self) -> None:
        """Estimates the season and the forecast's relative error in training worlds."""
        s, demand, history = self.structure, self.model.demand, self.model.history
        assert isinstance(demand, RetailDemand)
        seeds = derived_seeds(0, 77, 0, TRAINING_WORLDS, torch.device("cpu"))
        scenario = self.model.scenario(seeds)
        sales = demand.draw(seeds, 0, TRAINING_WEEKS, scenario.xp).numpy()  # [T, S, worlds]
        weeks = (np.arange(TRAINING_WEEKS) + demand.start_week) % WEEKS
        by_week = np.array([sales[weeks == week].mean() for week in range(WEEKS)])
        self._season = by_week / by_week.mean()
        self._ahead = np.array([self._periods(node) for node in range(len(s.nodes))])
        self._errors = np.ones(len(s.nodes))
        for node, (ahead, fraction) in enumerate(zip(self._ahead, self._fractions, strict=True)):
            series = np.einsum("s,tsw->tw", s.below[node][s.stocks :].astype(np.float64), sales)
            starts = range(history, TRAINING_WEEKS - ahead)
            level = np.stack(
                [series[t - history : t].mean(0) / self._season[weeks[t - history : t]].mean() for t in starts]
            )
            season = np.stack([self._season[weeks[t : t + ahead]].sum() for t in starts])[:, None]
            actual = np.stack([series[t : t + ahead].sum(0) for t in starts])
            self._errors[node] = np.quantile(actual / np.maximum(level * season, 1e-6), fraction)
