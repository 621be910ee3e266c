"""A sale that happens or does not: no gradient as it stands, and a relaxed form with one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from toy_draws import Uniforms, zero

from scenarium.envs.core.model import Model, Outcome


class SaleModel(Model):
    """A buyer a period, who buys if the price is below a U(0, 1) valuation; revenue is price (1 - price) expected."""

    gradient = "relaxed"

    def __init__(self, horizon: int = 12, temperature: float = 0.0) -> None:
        self.horizon, self.temperature = horizon, temperature
        self.observation_space = spaces.Box(0.0, np.inf, (1,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def relaxed(self) -> SaleModel:
        model = SaleModel(self.horizon, temperature=0.03)
        model.gradient = "exact"
        return model

    def scenario(self, seeds: Any) -> Uniforms:
        return Uniforms(seeds, 1, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Any:
        return zero(scenario, xp)

    def step(self, state: Any, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Any, Outcome]:
        price = 0.5 * (action[..., 0] + 1.0)
        margin = exogenous[0] - price
        soft = self.temperature > 0.0
        sale = 1.0 / (1.0 + xp.exp(-margin / self.temperature)) if soft else xp.cast(margin > 0.0, "float")
        return state + sale, Outcome(price * sale, False, {})

    def observe(self, state: Any, past: Any, t: Any, xp: Any) -> Any:
        return state[..., None]
