"""A problem for the agents' tests: one store with lost sales, as small as a model can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium import spaces

from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.rng import counters, stream_key, uniform, words
from scenarium.envs.core.scenario import BlockScenario


class Stock(NamedTuple):
    on_hand: Any
    coming: Any


class UniformDemand(BlockScenario):
    def __init__(self, seeds: Any, longest: int) -> None:
        super().__init__(seeds, 1, longest)
        self._key = stream_key(seeds, 0)

    def draw(self, first: Any, length: int) -> Any:
        batched = int(self.xp.batched)
        slots = counters(self.xp, first, length, 1, trailing=batched)[:, 0]
        return 10.0 * uniform(self.xp, words(self._key, slots))


class ToyStore(Model):
    """Order 0..20 units that arrive in two periods; holding 1 and shortage 9 a unit; demand U(0, 10)."""

    def __init__(self, horizon: int = 12, discrete: bool = False, shortage: float = 9.0) -> None:
        self.horizon, self.shortage, self.discrete = horizon, shortage, discrete
        box = {"on_hand": spaces.Box(0.0, np.inf, (1,)), "coming": spaces.Box(0.0, np.inf, (1,))}
        self.observation_space = spaces.Dict(box)
        self.action_space = spaces.Discrete(21) if discrete else spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._quantity = False

    def native(self) -> ToyStore:
        if self.discrete:
            return self
        twin = ToyStore(self.horizon, shortage=self.shortage)
        twin._quantity, twin.action_space = True, spaces.Box(0.0, 20.0, (1,), np.float32)
        return twin

    def encode(self, action: Any, xp: Any) -> Any:
        return action if self._quantity else action / 10.0 - 1.0

    def scenario(self, seeds: Any) -> UniformDemand:
        return UniformDemand(seeds, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> Stock:
        zero = scenario.at(0)[..., None] * 0.0 if xp.batched else np.zeros(1, np.float32)
        return Stock(zero + 5.0, zero + 5.0)

    def step(self, state: Stock, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[Stock, Outcome]:
        if self.discrete:
            order = xp.cast(action, "float")[..., None]
        else:
            order = action if self._quantity else (action + 1.0) * 10.0
        demand = exogenous[..., None]
        held = xp.maximum(state.on_hand - demand, 0.0)
        missed = held - (state.on_hand - demand)
        cost = (held + self.shortage * missed)[..., 0]
        return Stock(held + state.coming, order), Outcome(-cost, False, {"demand": demand})

    def observe(self, state: Stock, past: Any, t: Any, xp: Any) -> dict[str, Any]:
        return {"on_hand": state.on_hand, "coming": state.coming}


@pytest.fixture
def toy() -> Callable[..., ToyStore]:
    """Makes the toy problem."""
    return ToyStore
