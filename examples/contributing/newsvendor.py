"""A new environment in under a hundred lines: newspapers, ordered every morning before the day's demand is known."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from scenarium.envs.core.canvas import figure_of, pixels
from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome
from scenarium.envs.core.registry import Entry, register
from scenarium.envs.core.rng import counters, stream_key, uniform, words
from scenarium.envs.core.scenario import BlockScenario

MEAN, SWING, DAYS = 55.0, 25.0, 7
"""Mean demand in copies, and how far it swings within a week."""


class Customers(BlockScenario):
    """Demand as a share of the most the day can bring, U(0, 1): hashes of (seed, period)."""

    def __init__(self, seeds: Any, horizon: int) -> None:
        super().__init__(seeds, 1, horizon)
        self._key = stream_key(seeds, 0)

    def draw(self, first: Any, length: int) -> Any:
        slots = counters(self.xp, first, length, width=1, trailing=int(self.xp.batched))
        return uniform(self.xp, words(self._key, slots))


class State(NamedTuple):
    """Yesterday's demand and what was sold so far, copies."""

    demand: Any
    sold: Any


class Newsvendor(Model):
    """Order copies at a cost; what the day's customers do not buy is worthless in the evening.

    The action is the order as a share of the most that the day can bring; observed are the day's mean demand and
    yesterday's demand, in hundreds of copies.

    Args:
        price: What a customer pays for a copy, above the cost.
        cost: What a copy costs, positive.
        horizon: Days.

    Reward:
        Sales times the price, minus the order times the cost.

    Optimum:
        The critical fractile of demand, (price - cost) / price of its range (Arrow, Harris and Marschak 1951).

    Raises:
        ScenariumError: Price or cost make no sense.
    """

    def __init__(self, price: float = 2.0, cost: float = 0.8, horizon: int = 70) -> None:
        if not 0.0 < cost < price:
            raise ScenariumError(f"cost {cost} must be positive and below the price, {price}")
        self.price, self.cost, self.horizon = float(price), float(cost), int(horizon)
        self.observation_space = spaces.Box(0.0, 2.0, (2,), np.float32)
        self.action_space = spaces.Box(0.0, 1.0, (1,), np.float32)

    def scenario(self, seeds: Any) -> Customers:
        return Customers(seeds, self.horizon)

    def initial(self, scenario: Any, xp: Any) -> State:
        nothing = scenario.at(0)[0] * 0.0
        return State(nothing, nothing)

    def step(self, state: State, action: Any, exogenous: Any, t: Any, xp: Any) -> tuple[State, Outcome]:
        most = 2.0 * self._mean(state, t, xp)
        order, demand = most * action[..., 0], most * exogenous[0]
        sales = xp.minimum(order, demand)
        reward = self.price * sales - self.cost * order
        return State(demand, state.sold + sales), Outcome(reward, False, {"sales": sales})

    def observe(self, state: State, past: Any, t: Any, xp: Any) -> Any:
        return 0.01 * xp.stack([self._mean(state, t, xp), state.demand], -1)

    def _mean(self, state: State, t: Any, xp: Any) -> Any:
        return MEAN + SWING * xp.sin((state.sold * 0.0 + t) * (2.0 * math.pi / DAYS))

    def render(self, state: State, outcome: Outcome | None, t: int) -> Any:
        figure = figure_of(720, 400)
        axes = figure.add_subplot()
        axes.bar(["demand of the day before", "sold so far, per day"], [state.demand, state.sold / max(t, 1)])
        axes.set(title=f"Newsvendor, day {t}", ylabel="copies", ylim=(0.0, 2.0 * (MEAN + SWING)))
        return pixels(figure)


register(Entry("Newsvendor-v0", "newsvendor:Newsvendor", "newspapers, ordered every morning"))
