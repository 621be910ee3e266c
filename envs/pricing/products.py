"""Several ancillaries side by side: a multinomial logit over a bag, a seat and priority boarding.

A customer who wants an ancillary at all (probability q) takes product k with probability
``exp(u_k) / (1 + sum_j exp(u_j))``, where ``u_k = (m_k - P_k) / s``. With one product this is the single offer. The
best margins P_k - c_k are the same for all products, in closed form (`demand.common_margin`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.pricing import features
from scenarium.envs.pricing.context import Context
from scenarium.envs.pricing.demand import Demand, Latents, common_margin
from scenarium.envs.pricing.model import State
from scenarium.envs.pricing.prices import check_legal
from scenarium.envs.pricing.scenario import SessionScenario

PRODUCTS = ("bag", "seat", "priority")
_WORTH = (1.0, 0.95, 0.90)
"""Median willingness to pay for each product, relative to the bag."""
COSTS = (0.10, 0.06, 0.02)
"""What a sold unit costs the airline, in list prices of the bag."""


class Offer(NamedTuple):
    """What a session brings.

    Attributes:
        worth: m_k, median willingness to pay for each product [3] or [3, B].
        spread: s.
        need: q.
        uniform: U(0, 1), the customer's own chance.
        best_revenue: Expected margin of the best legal prices of equal margin.
        best_margin: That margin, before the legal range.
        following: Features of the next session's context.
    """

    worth: Array
    spread: Array
    need: Array
    uniform: Array
    best_revenue: Array
    best_margin: Array
    following: Array


def tastes(context: Context, xp: Namespace) -> tuple[Array, ...]:
    """Utility each product gains or loses with the journey: bags for long stays, seats for groups, priority in haste.

    Zero on average to a tenth; known from the context, unlike the latents.
    """
    bag = 0.8 * (xp.log(1.0 + context.stay) - 1.6)
    seat = 0.7 * (xp.minimum(context.group, 3.0) - 1.6)
    return bag, seat, 1.2 * (xp.cast(context.weekday < 5.0, "float") - 0.7)


def worths(latent: Latents, context: Context, xp: Namespace) -> tuple[Array, ...]:
    """m_k of each product: its share of the latent willingness to pay, plus the journey's taste in units of s."""
    journey = tastes(context, xp)
    return tuple(share * latent.median + latent.spread * taste for share, taste in zip(_WORTH, journey, strict=True))


def choice_probabilities(prices: Array, worth: Array, spread: Array, need: Array, xp: Namespace) -> Array:
    """Probability of each product, product first [3] or [3, B]; the rest is no purchase."""
    utility = (worth - prices) / spread
    top = xp.maximum(xp.largest(utility, 0), 0.0)
    weight = xp.exp(utility - top)
    return need * weight / (xp.exp(-top) + xp.total(weight, 0))


_COLUMNS = len(PRODUCTS) + 5


class OfferScenario(SessionScenario):
    """Worlds of sessions with several products."""

    def __init__(self, seeds: Array, model: MultiProductPricing) -> None:
        super().__init__(seeds, model.demand, lambda latent, xp: latent.median, model.horizon)
        self._model = model

    def draw(self, first: Array, length: int) -> Array:
        xp, drawn = self.xp, self.sessions(first, length + 1)
        latent = Latents(*(x[:length] for x in drawn.latent))
        context = Context(*(x[:length] for x in drawn.context))
        worth = worths(latent, context, xp)
        margin = self._model.best_margin(worth, latent.spread, xp)
        best = self._model.expected(self._model.at_margin(margin, xp), xp.stack(worth, 0), latent, xp)
        # 1 - u rather than u: a larger number buys, as in the other scenarios.
        columns = [*worth, latent.spread, latent.need, 1.0 - drawn.uniform[:length], best, margin]
        return xp.stack([*columns, *(x[1:] for x in self._shown(drawn))], 1)

    def at(self, t: Array) -> Any:
        row, k = super(SessionScenario, self).at(t), len(PRODUCTS)
        return Offer(row[:k], row[k], row[k + 1], row[k + 2], row[k + 3], row[k + 4], row[_COLUMNS:])


class MultiProductPricing(Model):
    """Prices for a bag, a seat and priority boarding at once; reward is the margin, revenue minus cost.

    The action is three prices in list prices of the bag. `info` has the probability of each product, the expected
    margin, the best prices of equal margin, the regret against them, and q. The equal margins are optimal as long as no
    legal bound binds, which the default range leaves to one customer in a million.

    Args:
        demand: The ground truth; its m is the bag's.
        legal: Lowest and highest legal price of each product.
        costs: Cost of a sold unit of each product.
        horizon: Sessions of an episode.
        reward: "sampled", "expected", or a function of the outcome.

    Reward:
        "sampled" (the default): price minus cost of the product the customer takes, in list prices of the bag per
        session. "expected": the expected margin, which is the same on average without the noise of the sale.

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
    time_limit_is_terminal = True
    gradient: Literal["exact", "relaxed", "none"] = "relaxed"
    rewards: ClassVar[Mapping[str, RewardFunction]] = {
        "sampled": lambda outcome, xp: outcome.reward,
        "expected": lambda outcome, xp: outcome.info["expected_revenue"],
    }

    def __init__(
        self,
        demand: Demand | None = None,
        *,
        legal: tuple[float, float] = (0.1, 2.5),
        costs: Sequence[float] = COSTS,
        horizon: int = 100,
        reward: str | RewardFunction = "sampled",
    ) -> None:
        if horizon < 1:
            raise ScenariumError(f"horizon {horizon} must be at least 1")
        if len(costs) != len(PRODUCTS) or not all(0.0 <= c < legal[1] for c in costs):
            raise ScenariumError(f"costs {list(costs)} must be {len(PRODUCTS)} numbers from 0 to below the top price")
        self.demand, self.horizon = demand or Demand(), int(horizon)
        self.low, self.high = check_legal(legal)
        self.costs = tuple(float(c) for c in costs)
        self.action_space = gymnasium.spaces.Box(self.low, self.high, (len(PRODUCTS),), np.float32)
        self.observation_space = gymnasium.spaces.Box(features.LOW, features.HIGH, dtype=np.float32)
        self._custom = self._reward(reward, "sampled")
        self._options: dict[str, Any] = {"legal": legal, "costs": costs, "horizon": horizon, "reward": reward}

    def scenario(self, seeds: Array) -> OfferScenario:
        return OfferScenario(seeds, self)

    def initial(self, scenario: OfferScenario, xp: Namespace) -> State:  # type: ignore[override]
        return State(scenario.first_context())

    def best_margin(self, worth: Sequence[Array], spread: Array, xp: Namespace) -> Array:
        """The margin that is best for every product, were every price legal."""
        return common_margin([(m - c) / spread for m, c in zip(worth, self.costs, strict=True)], 1.0 / spread, xp)

    def at_margin(self, margin: Array, xp: Namespace) -> Array:
        """The legal prices nearest to cost plus one margin, product first."""
        return self._legal(xp.stack([margin + c for c in self.costs], 0), xp)

    def expected(self, prices: Array, worth: Array, latent: Latents, xp: Namespace) -> Array:
        """Expected margin of prices, product first."""
        return self._margin(prices, choice_probabilities(prices, worth, latent.spread, latent.need, xp), xp)

    def step(self, state: State, action: Array, exogenous: Offer, t: Array, xp: Namespace) -> tuple[State, Outcome]:
        offer = exogenous
        prices = self._legal(xp.batch_last(action), xp)
        probability = choice_probabilities(prices, offer.worth, offer.spread, offer.need, xp)
        expected, bought = self._margin(prices, probability, xp), _bought(probability, offer.uniform, xp)
        info = {
            "prices": xp.batch_first(prices),
            "purchased": xp.batch_first(bought),
            "purchase_probability": xp.batch_first(probability),
            "expected_revenue": expected,
            "optimal_price": xp.batch_first(self.at_margin(offer.best_margin, xp)),
            "regret": offer.best_revenue - expected,
            "propensity": offer.need,
        }
        outcome = Outcome(self._margin(prices, bought, xp), False, info)
        if self._custom is not None:
            outcome = outcome._replace(reward=self._custom(outcome, xp))
        return State(offer.following), outcome

    def observe(self, state: State, past: Past, t: Array, xp: Namespace) -> Array:
        return xp.batch_first(state.context) if xp.batched else state.context.copy()

    def relaxed(self) -> MultiProductPricing:
        twin = MultiProductPricing(self.demand, **{**self._options, "reward": "expected"})
        twin.gradient = "exact"
        return twin.made_from(self.env_id, self.env_kwargs)

    def render(self, state: State, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.pricing.render import draw

        return draw(self, state, outcome, t)

    def _legal(self, prices: Array, xp: Namespace) -> Array:
        return xp.minimum(xp.maximum(prices, xp.scalar(self.low)), xp.scalar(self.high))

    def _margin(self, prices: Array, shares: Array, xp: Namespace) -> Array:
        """Sum over products (first axis) of (price - cost) times share."""
        first = (prices[0] - self.costs[0]) * shares[0]
        for k in range(1, len(PRODUCTS)):
            first = first + (prices[k] - self.costs[k]) * shares[k]
        return first


def _bought(probability: Array, uniform: Array, xp: Namespace) -> Array:
    """One-hot choice: the products share out the top end of the unit interval."""
    above = 1.0 - probability[0]
    chosen = [uniform > above]
    for k in range(1, len(PRODUCTS)):
        below = above - probability[k]
        chosen.append((uniform > below) & (uniform <= above))
        above = below
    return xp.cast(xp.stack(chosen, 0), "float")
