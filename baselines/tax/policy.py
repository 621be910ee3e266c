"""The base of all tax policies: from the planner's observation to a schedule."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from scenarium.baselines.base import Baseline
from scenarium.envs.core.embedded import WithPolicies
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.tax.model import PLANNER, TaxWorld
from scenarium.envs.tax.observe import Fields, planner_fields
from scenarium.envs.tax.one_step import TaxOneStep


class TaxBaseline(Baseline):
    """Sets the marginal rate of every bracket.

    It plays the planner's view of the tax game and the one-step economy, both with rates as shares.

    Attributes:
        periods: It needs several tax periods, so not the one-step economy.
    """

    periods: ClassVar[bool] = False
    model: Any

    def _check(self) -> None:
        self.world = _world(self.model)
        one_step = isinstance(self.model, TaxOneStep) and not self.periods
        if self.world is None and not one_step:
            raise ScenariumError(f"{self.name} sets taxes for the planner of the tax game; it cannot play this problem")
        if (self.model if self.world is None else self.world).rates != "shares":
            raise ScenariumError(f"{self.name} needs rates='shares'")

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """Lower ends of the brackets."""
        cutoffs: tuple[float, ...] = (self.model if self.world is None else self.world).parameters.cutoffs
        return cutoffs

    def _act(self, observation: Any, memory: Any) -> tuple[Tensor, Any]:
        rates, memory = self.schedule(observation, memory)
        return rates.to(torch.float32), memory

    @abstractmethod
    def schedule(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Rates [B, brackets] for observations [B, n], and the memory."""


def _world(model: Any) -> TaxWorld | None:
    """The tax world that a model shows the planner of."""
    if isinstance(model, WithPolicies) and isinstance(model.model, TaxWorld) and model.role == PLANNER:
        return model.model
    return None


def part(fields: Fields, observation: Tensor, name: str) -> Tensor:
    """One part of a flat observation."""
    start = 0
    for field, length in fields:
        if field == name:
            return observation[..., start : start + length]
        start += length
    raise KeyError(name)


class FixedSchedule(TaxBaseline):
    """The same schedule in every period."""

    rates: np.ndarray[Any, np.dtype[np.float64]]

    def _set(self, rates: Sequence[float]) -> list[float]:
        """Checks and keeps a schedule."""
        values = np.asarray(rates, np.float64)
        wanted = (len(self.cutoffs),)
        if values.shape != wanted or not ((values >= 0.0) & (values <= 1.0)).all():
            raise ScenariumError(f"{self.name}: rates are {rates!r}; expected {wanted[0]} numbers from 0 to 1")
        self.rates = values
        return [float(rate) for rate in values]

    def schedule(self, observation: Tensor, memory: Any) -> tuple[Tensor, Any]:
        rates = self._on(observation.device, "rates", self.rates)
        return rates.expand(len(observation), -1).clone(), memory


def observation_fields(world: TaxWorld) -> Fields:
    """What the planner sees, by name."""
    return planner_fields(world.parameters)
