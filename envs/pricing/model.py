"""AncillaryPricing: one offer a booking session, at a price chosen from the session's context.

Session model of Shukla, Kolbeinsson, Otwell, Marla and Yellepeddi (KDD 2019): a customer searches, picks a flight, is
offered the ancillary at one price, and takes it or not. Sessions are independent. The ground truth is `demand`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.pricing import features
from scenarium.envs.pricing.demand import Demand, purchase_probability
from scenarium.envs.pricing.prices import Prices
from scenarium.envs.pricing.scenario import Session, SessionScenario

LADDER = tuple(round(0.1 * k, 1) for k in range(2, 11))
"""The default ladder: 20 % to 100 % of the list price."""


class State(NamedTuple):
    """Before an offer.

    Attributes:
        context: Features of the present session [n] or [n, B].
    """

    context: Array


def _sampled(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.reward


def _expected(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.info["expected_revenue"]


class AncillaryPricing(Model):
    """A contextual bandit in episodes of independent sessions; the horizon is a real end.

    The observation holds the features of `features.NAMES`; the action is a rung of the ladder, or a price.
    `info` has what no agent may see: the true purchase probability and expected revenue of the offer, the best legal
    price given everything, the regret against it, and the purchase propensity q, which does not move the best price.

    Args:
        demand: The ground truth.
        ladder: Legal prices in list prices; None allows any price of `legal`.
        legal: Lowest and highest legal price, where there is no ladder.
        horizon: Sessions of an episode.
        reward: "sampled" (price times sale), "expected" (price times purchase probability, the same on average and
            without the noise of the sale), or a function of the outcome; in list prices per session.
        as_rung: Whether the action is a rung's number; else it is a price, rounded to the nearest rung.

    Reward:
        "sampled" (the default): the price if the customer buys, else nothing, in list prices per session. "expected":
        the price times the true purchase probability, which is the same on average without the noise of the sale.

    Start:
        The first of independent sessions; each brings a customer with a context of its own.

    Optimum:
        The best price given the observed context, integrated over what stays hidden. With limited units: dynamic
        programming over sessions and units left. With drift: a filter that infers the demand's level from its own
        sales, the best policy known. With several products: the best common margin given the context.

    References:
        - N. Shukla, A. Kolbeinsson, K. Otwell, L. Marla, K. Yellepeddi, "Dynamic Pricing for Airline Ancillaries with
          Customer Context", KDD 2019.

    Raises:
        ScenariumError: An argument is invalid.
    """

    batch_axis = -1
    gradient = "relaxed"
    time_limit_is_terminal = True
    presentation: ClassVar[frozenset[str]] = frozenset({"as_rung"})
    rewards: ClassVar[Mapping[str, RewardFunction]] = {"sampled": _sampled, "expected": _expected}

    def __init__(
        self,
        demand: Demand | None = None,
        *,
        ladder: Sequence[float] | None = LADDER,
        legal: tuple[float, float] = (0.2, 1.0),
        horizon: int = 100,
        reward: str | RewardFunction = "sampled",
        as_rung: bool = True,
    ) -> None:
        if horizon < 1:
            raise ScenariumError(f"horizon {horizon} must be at least 1")
        self.demand, self.horizon = demand or Demand(), int(horizon)
        self.prices = Prices(ladder, legal, as_rung)
        self.action_space = self.prices.space
        self.observation_space = gymnasium.spaces.Box(features.LOW, features.HIGH, dtype=np.float32)
        self._custom = self._reward(reward, "sampled")
        self._options: dict[str, Any] = {"ladder": ladder, "legal": legal, "horizon": horizon, "reward": reward}

    def scenario(self, seeds: Array) -> SessionScenario:
        return SessionScenario(seeds, self.demand, self.prices.best, self.horizon)

    def initial(self, scenario: SessionScenario, xp: Namespace) -> Any:  # type: ignore[override]
        return State(scenario.first_context())

    def step(self, state: Any, action: Array, exogenous: Session, t: Array, xp: Namespace) -> tuple[Any, Outcome]:
        price = self.prices.price(action, xp)
        sale = xp.cast(price <= exogenous.limit, "float")
        info = self._info(price, sale, exogenous, xp)
        return State(exogenous.following), self._settle(price * sale, info, xp)

    def _settle(self, revenue: Array, info: dict[str, Array], xp: Namespace) -> Outcome:
        outcome = Outcome(revenue, False, info)
        return outcome if self._custom is None else outcome._replace(reward=self._custom(outcome, xp))

    def _info(self, price: Array, sale: Array, session: Session, xp: Namespace) -> dict[str, Array]:
        probability = purchase_probability(price, session.latent, xp)
        expected = price * probability
        return {
            "price": price,
            "purchased": sale,
            "purchase_probability": probability,
            "expected_revenue": expected,
            "optimal_price": session.best_price,
            "regret": session.best_revenue - expected,
            "propensity": session.latent.need,
        }

    def observe(self, state: Any, past: Past, t: Array, xp: Namespace) -> Array:
        return xp.batch_first(state.context) if xp.batched else state.context.copy()

    def relaxed(self) -> Model:
        from scenarium.envs.pricing.relaxed import MenuPricing

        return MenuPricing(self)

    def native(self) -> AncillaryPricing:
        return self._twin(as_rung=False) if self.prices.as_rung else self

    def encode(self, action: Array, xp: Namespace) -> Array:
        return self.prices.encode(action, xp)

    def _twin(self, **changes: Any) -> AncillaryPricing:
        twin = type(self)(self.demand, **{**self._options, **changes})
        return twin.made_from(self.env_id, self.env_kwargs)

    def render(self, state: Any, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.pricing.render import draw

        return draw(self, state, outcome, t)
