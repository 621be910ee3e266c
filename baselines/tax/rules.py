"""Schedules that stand by themselves: no tax, the US federal rates, one rate for all, and the best static schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenarium.baselines.tax.policy import FixedSchedule
from scenarium.baselines.tax.tuned import tuned_rates
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.tax.one_step import TaxOneStep
from scenarium.envs.tax.parameters import US_FEDERAL


class FreeMarket(FixedSchedule):
    """No taxes."""

    name = "free_market"
    track = "model-free"

    def _configure(self) -> dict[str, Any]:
        self._set([0.0] * len(self.cutoffs))
        return {}


class UsFederal(FixedSchedule):
    """The US federal marginal rates of 2019, single filers, bracket by bracket."""

    name = "us_federal"
    track = "model-free"

    def _configure(self) -> dict[str, Any]:
        if len(self.cutoffs) != len(US_FEDERAL):
            raise ScenariumError(f"us_federal has {len(US_FEDERAL)} brackets; this problem has {len(self.cutoffs)}")
        self._set(US_FEDERAL)
        return {}


class FlatTax(FixedSchedule):
    """One marginal rate for all incomes.

    Args:
        rate: From 0 to 1.
    """

    name = "flat_tax"
    track = "model-free"

    def _configure(self, rate: float = 0.2) -> dict[str, Any]:
        self._set([float(rate)] * len(self.cutoffs))
        return {"rate": float(rate)}


class StaticSchedule(FixedSchedule):
    """One schedule for all periods, tuned on training worlds, or found by search in the one-step economy.

    Args:
        rates: Of each bracket; looked up, or searched in the one-step economy, if left out.
    """

    name = "static_schedule"

    def _configure(self, rates: Sequence[float] | None = None) -> dict[str, Any]:
        if rates is None:
            rates = self._search() if isinstance(self.model, TaxOneStep) else tuned_rates(self.model)
        return {"rates": self._set(rates)}

    def _search(self) -> Sequence[float]:
        from scenarium.envs.tax.optimum.one_step import search

        found: list[float] = search(self.model, restarts=2, finest=0.001).rates.tolist()
        return found
