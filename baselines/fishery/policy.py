"""The base of all fishery policies: from observed stocks to the stock each harvest leaves."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.baselines.fishery.tuned import tuned_parameters
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.fishery.model import Fishery


class FisheryBaseline(Baseline):
    """A policy that says what each harvest leaves; subclasses implement `left`."""

    model: Fishery

    def _check(self) -> None:
        if not isinstance(self.model, Fishery):
            raise ScenariumError(f"{self.name} plays fisheries, not {self.model.env_id or type(self.model).__name__}")

    @abstractmethod
    def left(self, stocks: Tensor, year: Tensor | None) -> Tensor:
        """Stocks left of the fished species [B, harvested], from all stocks [B, species] in natural units.

        Args:
            stocks: Before the harvest.
            year: The year [B], or None where it is not observed.
        """

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        stocks = self.model.stocks_of(observation)
        year = observation[:, -1] * self.model.horizon if self.model.time_observed else None
        left = self.left(stocks, year)
        if self.model.action_mode == "escapement":
            return left, memory
        own = stocks[:, : self.fished].clamp(min=1e-6)
        return (1.0 - left / own).clamp(0.0, 1.0), memory

    @property
    def fished(self) -> int:
        """Number of fished species."""
        return self.model.parameters.harvested

    def known(self, name: str) -> Any:
        """A tuned parameter of this problem.

        Raises:
            ScenariumError: The policy was not tuned for the problem.
        """
        found = tuned_parameters(self.name, self.model)
        if name not in found:
            problem = self.model.env_id or "this fishery"
            raise ScenariumError(f"{self.name} was not tuned for {problem}; give {name}=, a number per fished species")
        return found[name]

    def per_species(self, values: Any, name: str, high: float = math.inf) -> list[float]:
        """One number per fished species, from a number or a sequence.

        Raises:
            ScenariumError: The wrong count, or a number outside [0, high].
        """
        if isinstance(values, Tensor):
            values = values.tolist()
        if isinstance(values, (int, float)):
            values = [values] * self.fished
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != self.fished:
            raise ScenariumError(f"{self.name}: {name} needs one number per fished species ({self.fished})")
        numbers = [float(v) for v in values]
        if not all(0.0 <= v <= high for v in numbers):
            limit = f"in [0, {high:g}]" if high < math.inf else ">= 0"
            raise ScenariumError(f"{self.name}: {name} is {numbers}; expected numbers {limit}")
        return numbers


def filled(values: Tensor, like: Tensor) -> Tensor:
    """Numbers per species repeated for every world."""
    return torch.broadcast_to(values, (len(like), len(values)))
