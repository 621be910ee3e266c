"""Early termination: a leaking tank; the world ends when it runs dry, at a different time in every world."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from toy_draws import Uniforms, zero

from scenarium.envs.core.model import Model, Outcome


class Tank(NamedTuple):
    level: Any
    refills: Any


class TankModel(Model):
    terminates = True

    def __init__(self, horizon: int = 20, leak: float = 0.5) -> None:
        self.horizon, self.leak = horizon, leak
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def scenario(self, seeds: Any) -> Uniforms:
        return Uniforms(seeds, 1, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Tank:
        return Tank(zero(scenario, xp) + 1.0, zero(scenario, xp, "int"))

    def step(self, state: Tank, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Tank, Outcome]:
        pour = 0.5 * (action[..., 0] + 1.0)
        level = state.level + pour - 2.0 * self.leak * exogenous[0]
        # The root has no finite slope at 0 and no value below: an ended world must not come here.
        reward = xp.sqrt(state.level) - pour
        refills = state.refills + xp.cast(pour > 0.5, "int")
        return Tank(level, refills), Outcome(reward, level <= 0.0, {"pour": pour})

    def observe(self, state: Tank, past: Any, t: Any, xp: Any) -> Any:
        return xp.stack([state.level, xp.cast(state.refills, "float"), state.level * 0.0 + t], -1)
