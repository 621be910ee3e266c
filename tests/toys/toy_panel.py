"""A shared panel of data: every world plays a stretch of the same series, from a start of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from toy_draws import zero

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.rng import stream_key
from scenarium.envs.core.scenario import Scenario

PANEL = np.arange(200, dtype=np.int64) ** 2 * 7 % 11
WINDOW = 3


class Stretch(Scenario):
    def __init__(self, seeds: Any, horizon: int) -> None:
        super().__init__(seeds)
        self._panel = self.xp.constant(PANEL)
        key = stream_key(seeds, 0)
        start = WINDOW + key % (len(PANEL) - horizon - WINDOW)
        self._start = start if self.xp.batched else int(start[0])

    def at(self, t: Any) -> Any:
        return self._panel[self._start + t]

    def span(self, first: Any, length: int) -> Any:
        return self.xp.stack([self.at(first + k) for k in range(length)], 0)


class PanelModel(Model):
    """A newsvendor who sees the last three demands: a unit costs 1 and sells at 2."""

    def __init__(self, horizon: int = 10) -> None:
        self.horizon = horizon
        demands = spaces.Box(0.0, 10.0, (WINDOW,), np.float32)
        self.observation_space = spaces.Dict({"demands": demands, "sold": spaces.Box(0.0, np.inf, (1,), np.float32)})
        self.action_space = spaces.Discrete(12)

    def scenario(self, seeds: Any) -> Stretch:
        return Stretch(seeds, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Any:
        return zero(scenario, xp, "int")

    def step(self, state: Any, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Any, Outcome]:
        order = xp.cast(action, "float")
        sales = xp.minimum(order, exogenous)
        return state + xp.cast(sales, "int"), Outcome(2.0 * sales - order, False, {"demand": exogenous})

    def observe(self, state: Any, past: Any, t: Any, xp: Any) -> dict[str, Any]:
        window = xp.stack(xp.unstack(past.window(WINDOW), 0), -1)
        return {"demands": window, "sold": xp.cast(state, "float")[..., None]}
