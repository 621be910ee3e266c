"""The rules of fisheries management: constant mortality, constant escapement, and the hockey stick."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scenarium.baselines.fishery.policy import FisheryBaseline, filled
from scenarium.envs.core.errors import ScenariumError


class NoHarvest(FisheryBaseline):
    """Leaves everything in the sea."""

    name = "no_harvest"

    def _configure(self) -> dict[str, Any]:
        return {}

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        return stocks[:, : self.fished]


class ConstantMortality(FisheryBaseline):
    """Takes the same fraction every year; "CMort" in Montealegre-Mora et al. (2023).

    Args of the policy:
        mortality: Fraction of each fished stock in [0, 1]; tuned if left out.
    """

    name = "constant_mortality"

    def _configure(self, mortality: Any = None) -> dict[str, Any]:
        given = self.known("mortality") if mortality is None else mortality
        return {"mortality": self.per_species(given, "mortality", 1.0)}

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        kept = 1.0 - self._on(stocks.device, "mortality", self.parameters["mortality"])
        return stocks[:, : self.fished] * kept


class ConstantEscapement(FisheryBaseline):
    """Leaves the same stock every year; optimal for one species with concave growth (Reed 1979), "CEsc" in the paper.

    Args of the policy:
        escapement: Stock left of each fished species, natural units; tuned if left out.
    """

    name = "constant_escapement"

    def _configure(self, escapement: Any = None) -> dict[str, Any]:
        given = self.known("escapement") if escapement is None else escapement
        return {"escapement": self.per_species(given, "escapement")}

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        level = self._on(stocks.device, "escapement", self.parameters["escapement"])
        return torch.minimum(filled(level, stocks), stocks[:, : self.fished])


class HockeyStick(FisheryBaseline):
    """The precautionary rule: no harvest of a small stock, mortality that rises with the stock, then a constant.

    Mortality is 0 up to `lower`, `mortality` from `upper` on, and linear between; each species by its own stock. The
    rule of the United States' and Canadian harvest policies (for example Restrepo and Powers 1999, "Precautionary
    control rules in US fisheries management", ICES Journal of Marine Science 56).

    Args of the policy:
        lower: Stock below which nothing is taken, natural units; tuned if left out.
        upper: Stock from which mortality is constant, above `lower`; tuned if left out.
        mortality: Fraction taken there, in [0, 1]; tuned if left out.
    """

    name = "hockey_stick"

    def _configure(self, lower: Any = None, upper: Any = None, mortality: Any = None) -> dict[str, Any]:
        given = {"lower": lower, "upper": upper, "mortality": mortality}
        found = {
            name: self.per_species(
                self.known(name) if value is None else value, name, 1.0 if name == "mortality" else float("inf")
            )
            for name, value in given.items()
        }
        if any(low >= high for low, high in zip(found["lower"], found["upper"], strict=True)):
            raise ScenariumError(f"hockey_stick: lower {found['lower']} must be below upper {found['upper']}")
        return found

    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        lower, upper, most = (self._on(stocks.device, n, self.parameters[n]) for n in ("lower", "upper", "mortality"))
        own = stocks[:, : self.fished]
        return own * (1.0 - most * ((own - lower) / (upper - lower)).clamp(0.0, 1.0))
