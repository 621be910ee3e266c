"""Pricing while the willingness to pay moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.model import Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import Demand
from scenarium.envs.pricing.drift import KINDS, Drift
from scenarium.envs.pricing.model import LADDER, AncillaryPricing
from scenarium.envs.pricing.scenario import Session, SessionScenario

MEMORIES = (50.0, 250.0)
"""Sessions over which the observed averages of price and sales forget."""
_START = (1.0, 0.1)


class DriftState(NamedTuple):
    """Before an offer.

    Attributes:
        context: Features of the present session [n] or [n, B], the session's weekday included.
        recent: For each of `MEMORIES`, moving averages of price and of sales, [4] or [4, B].
    """

    context: Array
    recent: Array


class DriftPricing(AncillaryPricing):
    """Sessions whose customers' willingness to pay drifts; see `Drift` for how.

    The observation is the context, the weekday of the session as a point on a circle, and moving averages of the
    prices charged and the sales made over the last 50 and 250 sessions, from which the present level can be judged.

    Args:
        demand: The ground truth before it drifts.
        drift: Kinds of drift, one or several of "slow", "abrupt", "weekday".
        ladder: As in `AncillaryPricing`.
        legal: As in `AncillaryPricing`.
        horizon: Sessions of an episode.
        reward: As in `AncillaryPricing`.
        as_rung: As in `AncillaryPricing`.

    Raises:
        ScenariumError: An argument is invalid.
    """

    def __init__(
        self,
        demand: Demand | None = None,
        *,
        drift: str | Sequence[str] = KINDS,
        ladder: Sequence[float] | None = LADDER,
        legal: tuple[float, float] = (0.2, 1.0),
        horizon: int = 1000,
        reward: str | RewardFunction = "sampled",
        as_rung: bool = True,
    ) -> None:
        super().__init__(demand, ladder=ladder, legal=legal, horizon=horizon, reward=reward, as_rung=as_rung)
        self.drift = Drift(drift, self.horizon)
        self._options["drift"] = drift
        extra = 2 + 2 * len(MEMORIES)
        low = np.concatenate([features.LOW, [-1.0, -1.0], np.zeros(extra - 2)]).astype(np.float32)
        high = np.concatenate([features.HIGH, [1.0, 1.0], np.full(extra - 2, np.inf)]).astype(np.float32)
        self.observation_space = gymnasium.spaces.Box(low, high)

    def scenario(self, seeds: Array) -> SessionScenario:
        return SessionScenario(seeds, self.demand, self.prices.best, self.horizon, self.drift)

    def initial(self, scenario: SessionScenario, xp: Namespace) -> DriftState:  # type: ignore[override]
        context = scenario.first_context()
        return DriftState(context, xp.stack([context[0] * 0.0 + x for _ in MEMORIES for x in _START], 0))

    def step(
        self, state: DriftState, action: Array, exogenous: Session, t: Array, xp: Namespace
    ) -> tuple[DriftState, Outcome]:
        after, outcome = super().step(state, action, exogenous, t, xp)
        new = (outcome.info["price"], outcome.info["purchased"])
        recent = [
            state.recent[2 * k + j] * (1.0 - 1.0 / memory) + new[j] * (1.0 / memory)
            for k, memory in enumerate(MEMORIES)
            for j in range(2)
        ]
        return DriftState(after.context, xp.stack(recent, 0)), outcome

    def observe(self, state: DriftState, past: Past, t: Array, xp: Namespace) -> Array:
        seen = xp.concat([state.context, state.recent], 0)
        return xp.batch_first(seen) if xp.batched else seen
