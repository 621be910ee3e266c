"""A flight's sale: T sessions, C units, and no more once they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import Demand
from scenarium.envs.pricing.model import AncillaryPricing
from scenarium.envs.pricing.scenario import Session, SessionScenario


class CapacityState(NamedTuple):
    """Before an offer.

    Attributes:
        context: Features of the present session [n] or [n, B].
        units: Units left, a float [] or [B].
    """

    context: Array
    units: Array


class CapacityPricing(AncillaryPricing):
    """Sells a limited number of units over the sessions of a flight.

    The observation is the context, then the share of sessions left and the share of units left. Offers made when
    nothing is left sell nothing. "optimal_price" and "regret" of `info` are myopic: they look at one session, and the
    best policy charges more while units are scarce.

    Args:
        demand: The ground truth.
        units: Units for sale, C.
        ladder: As in `AncillaryPricing`.
        legal: As in `AncillaryPricing`.
        horizon: Sessions, T.
        reward: As in `AncillaryPricing`; "expected" is 0 once nothing is left.
        as_rung: As in `AncillaryPricing`.

    Raises:
        ScenariumError: An argument is invalid.
    """

    def __init__(
        self,
        demand: Demand | None = None,
        *,
        units: int = 12,
        ladder: Sequence[float] | None = None,
        legal: tuple[float, float] = (0.2, 1.5),
        horizon: int = 180,
        reward: str | RewardFunction = "sampled",
        as_rung: bool = True,
    ) -> None:
        super().__init__(demand, ladder=ladder, legal=legal, horizon=horizon, reward=reward, as_rung=as_rung)
        if units < 1:
            raise ScenariumError(f"units {units} must be at least 1")
        self.units = int(units)
        self._options["units"] = units
        low, high = np.append(features.LOW, [0.0, 0.0]), np.append(features.HIGH, [1.0, 1.0])
        self.observation_space = gymnasium.spaces.Box(low.astype(np.float32), high.astype(np.float32))

    def initial(self, scenario: SessionScenario, xp: Namespace) -> CapacityState:  # type: ignore[override]
        context = scenario.first_context()
        return CapacityState(context, context[0] * 0.0 + float(self.units))

    def step(
        self, state: CapacityState, action: Array, exogenous: Session, t: Array, xp: Namespace
    ) -> tuple[CapacityState, Outcome]:
        price = self.prices.price(action, xp)
        left = xp.cast(state.units > 0.0, "float")
        sale = left * xp.cast(price <= exogenous.limit, "float")
        info, units = self._info(price, sale, exogenous, xp), state.units - sale
        info["expected_revenue"] = info["expected_revenue"] * left
        info["units_left"] = units
        return CapacityState(exogenous.following, units), self._settle(price * sale, info, xp)

    def observe(self, state: CapacityState, past: Past, t: Array, xp: Namespace) -> Array:
        shares = self.shares(state.units, t, xp)
        if not xp.batched:
            return xp.concat([state.context, xp.stack(shares, 0)], 0)
        return xp.batch_first(xp.concat([state.context, xp.stack(shares, 0)], 0))

    def shares(self, units: Array, t: Array, xp: Namespace) -> tuple[Array, Array]:
        """The share of sessions left and the share of units left."""
        share = units * (1.0 / self.units)
        return share * 0.0 + (1.0 - xp.cast(t, "float") * (1.0 / self.horizon)), share

    def relaxed(self) -> Model:
        from scenarium.envs.pricing.relaxed import ExpectedCapacity

        return ExpectedCapacity(self)
