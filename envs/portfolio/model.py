"""PortfolioAllocation: each evening choose weights on N stocks and cash; the order is filled at the next open.

A day: observe bars up to the close, decide, overnight on the old weights, trade at the open, intraday on the new
weights, mark at the close. An order is a mix of shares, worked out at the close that was seen and bought with the
wealth of the open: the weights asked for are those of that close, and asking for the weights held trades nothing.
Returns are arithmetic (w . y); the cost of a trade is exact (`costs`); everything is differentiable. With one decision
a day the rule that shares bought today can be sold tomorrow at the earliest (T + 1) never binds.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.portfolio.costs import sum_of, trade
from scenarium.envs.portfolio.image import VIEWS, scale_of, see, space_of
from scenarium.envs.portfolio.market import Market
from scenarium.envs.portfolio.projection import Limits, Tradable, project
from scenarium.envs.portfolio.rewards import DECAY, PRIOR_VARIANCE, REWARDS
from scenarium.envs.portfolio.scenario import FEATURES, PRICES, Day, Fees, Layout, MarketScenario

FILLS, ORDERS, ACTION_MODES = ("next_open", "next_close", "same_close"), ("shares", "weights"), ("logits", "weights")
BOUND = 10.0
"""Logits lie in [-10, 10]: a weight can be as small as e^-20 of another."""
_A_SHARES = Fees(2.6e-4, 2.6e-4)


class State(NamedTuple):
    """The portfolio after the close, batch last.

    Attributes:
        weights: Of cash and the N stocks [N + 1] or [N + 1, B], drifted.
        wealth: Log of wealth over that at the start, a number or [B].
        peak: Its largest value so far.
        total: Sum of the daily log returns.
        square: Sum of their squares.
        moving_mean: Their moving mean.
        moving_square: Moving mean of their squares.
    """

    weights: Array
    wealth: Array
    peak: Array
    total: Array
    square: Array
    moving_mean: Array
    moving_square: Array


def _choice(what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ScenariumError(f"{what} {value!r} is unknown; use one of {', '.join(known)}")
    return value


class PortfolioAllocation(Model):
    """Allocate wealth to stocks and cash, day by day.

    Args:
        market: What rolls out the bars.
        window: Past days W an observation shows.
        horizon: Days played T.
        features: Channels of the image, of "close", "high", "low", "open", "volume"; "close" must be among them.
        frictions: Whether price limits and suspensions restrict trading.
        fees: Costs per unit of value traded; stamp duty comes on top of sales where `fees.stamp`.
        fill: "next_open"; "next_close" (the paper's); or "same_close", at a price the decision has already seen.
        orders: "shares" (see above) or "weights": the weights asked for are those after the fill.
        limits: The mandate: cap per name, cash floor, turnover.
        geometric: The paper's shortcut exp(w . log y) for the growth of a day; it understates the growth of a mix.
        cash_return: Daily return of cash.
        action_mode: "logits" (softmax inside) or "weights" (cash first; scaled to sum to 1).
        observation: "dict", "flat" or "paper" (image with the weights as its first row).
        reward: A name of `rewards.REWARDS` or a function of the outcome.

    Reward:
        "log" (the default): the logarithm of the day's growth of wealth, costs included, so that their sum is the
        logarithm of final wealth. Others: "differential_sharpe", "average_sharpe" (the paper's),
        "average_sharpe_late", "mean_variance" and "log_less_drawdown".

    Start:
        All in cash on a day that has `window` days behind it.

    Optimum:
        In the Gaussian market the log-optimal weights, by convex optimisation and quadrature. Elsewhere none is known;
        the best constant mix in hindsight is shown, and 1/N is the rival to beat.

    References:
        - Y. Huang, C. Zhou, Y. Song, [arXiv 2412.18563](https://arxiv.org/abs/2412.18563): the setting of
          `PortfolioAllocationPaper-v0`.
        - Z. Jiang, D. Xu, J. Liang, "A deep reinforcement learning framework for the financial portfolio management
          problem", [arXiv 1706.10059](https://arxiv.org/abs/1706.10059): the exact cost recursion.
        - J. Moody, M. Saffell, "Learning to trade via direct reinforcement", IEEE Transactions on Neural Networks 12,
          2001: the differential Sharpe ratio.

    Raises:
        ScenariumError: An argument is invalid.
    """

    batch_axis = -1
    presentation: ClassVar[frozenset[str]] = frozenset({"action_mode", "observation"})
    rewards: ClassVar[Mapping[str, RewardFunction]] = REWARDS

    def __init__(
        self,
        market: Market,
        *,
        window: int = 50,
        horizon: int = 128,
        features: tuple[str, ...] = PRICES,
        frictions: bool = False,
        fees: Fees = _A_SHARES,
        fill: str = "next_open",
        orders: str = "shares",
        limits: Limits | None = None,
        geometric: bool = False,
        cash_return: float = 0.0,
        action_mode: str = "logits",
        observation: str = "dict",
        reward: str | RewardFunction = "log",
    ) -> None:
        _check_days(window, horizon, market)
        if "close" not in features or any(name not in FEATURES for name in features):
            raise ScenariumError(f"features {list(features)} must be of {', '.join(FEATURES)}, 'close' among them")
        if not all(0.0 <= fee < 0.5 for fee in fees[:2]):
            raise ScenariumError(f"fees are {fees[:2]}; each must be in [0, 0.5) per unit of value traded")
        self.market, self.fees, self.limits, self.geometric = market, fees, limits or Limits(), bool(geometric)
        self.fill, self.orders = _choice("fill", fill, FILLS), _choice("orders", orders, ORDERS)
        self.action_mode = _choice("action_mode", action_mode, ACTION_MODES)
        self.observation = _choice("observation", observation, tuple(VIEWS))
        self.horizon, self.names = int(horizon), market.names
        self.data_hash = market.data_hash
        kept = tuple(features), bool(frictions), cash_return, market.leaves and bool(frictions)
        self.layout = Layout(self.names, int(window), self.horizon, *kept)
        if self.fill == "same_close":
            warnings.warn(
                "fill='same_close' trades at a price the decision has seen; results are not real", stacklevel=3
            )
        self._custom = self._reward(reward, "log")
        self._options: dict[str, Any] = {
            "window": window, "horizon": horizon, "features": features, "frictions": frictions, "fees": fees,
            "fill": fill, "orders": orders, "limits": limits, "geometric": geometric, "cash_return": cash_return,
            "observation": observation, "reward": reward,
        }  # fmt: skip
        low, high = (-BOUND, BOUND) if self.action_mode == "logits" else (0.0, 1.0)
        self.action_space = gymnasium.spaces.Box(low, high, (self.names + 1,), np.float32)
        self.observation_space = space_of(self.observation, self.layout)

    def native(self) -> PortfolioAllocation:
        if self.action_mode == "weights":
            return self
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            twin = PortfolioAllocation(self.market, action_mode="weights", **self._options)
        return twin.made_from(self.env_id, self.env_kwargs)

    def encode(self, action: Array, xp: Namespace) -> Array:
        if self.action_mode == "weights":
            return action
        largest = xp.maximum(xp.largest(action, -1), 1e-9)[..., None]
        return xp.log(xp.maximum(action / largest, math.exp(-2.0 * BOUND))) + BOUND

    def policy_head(self, raw: Array, observation: Any) -> Array:
        """A network's raw outputs (torch, [B, N + 1]) as actions: the softmax of `_asked`, or logits within bounds."""
        if self.action_mode == "weights":
            return raw.softmax(-1)
        return BOUND * (raw / BOUND).tanh()

    @property
    def observation_scale(self) -> Any:
        """Typical magnitudes of the entries of an observation, for networks."""
        return scale_of(self.observation, self.layout)

    def scenario(self, seeds: Array) -> MarketScenario:
        return self.market.worlds(seeds, self.layout, self.fees)

    def initial(self, scenario: MarketScenario, xp: Namespace) -> State:  # type: ignore[override]
        cash = xp.batch(xp.column([1.0] + [0.0] * self.names), scenario.size)
        zero = cash[1] * 0.0
        return State(cash + 0.0, zero, zero + 0.0, zero + 0.0, zero + 0.0, zero + 0.0, zero + PRIOR_VARIANCE)

    def _asked(self, action: Array, xp: Namespace) -> Array:
        """Positive numbers in proportion to the weights an action asks for, [N + 1] or [N + 1, B]."""
        action = xp.batch_last(action)
        if self.action_mode == "logits":
            return xp.exp(action - xp.stop(xp.largest(action, 0)))
        asked = xp.maximum(action, 0.0)
        short = xp.maximum(1e-6 - xp.total(asked, 0), 0.0)  # all zeros mean cash
        return xp.concat([asked[:1] + short, asked[1:]], 0)

    def _earn(self, weights: Array, returns: Array, xp: Namespace) -> tuple[Array, Array]:
        """The return of a portfolio, and its weights afterwards; differences from 1 keep float32 exact enough."""
        gains = weights * returns
        earned = sum_of(gains, xp)
        after = (weights + gains) / (1.0 + earned)
        if self.geometric:
            earned = xp.exp(sum_of(weights * xp.log1p(returns), xp)) - 1.0
        return earned, after

    def _tradable(self, moves: Array, xp: Namespace) -> Tradable | None:
        if not self.layout.frictions:
            return None
        first = 2 * self.names + 3
        flags = xp.cast(moves[first:] > 0.5, "float")
        if not xp.batched and self.limits.cash_floor == 0.0 and sum_of(flags, xp) > len(flags) - 0.5:
            return None  # most days of a world; a mandate without a floor spends no cash that it lacks
        return Tradable(flags[: self.names], flags[self.names :])

    def step(self, state: State, action: Array, exogenous: Day, t: Array, xp: Namespace) -> tuple[State, Outcome]:
        moves, rates, date = exogenous
        width = self.names + 1
        before, after = moves[:width], moves[width : 2 * width]
        if self.fill == "next_close":
            before, after = before + after + before * after, None
        elif self.fill == "same_close":
            before, after = None, before + after + before * after
        held, wanted, earned = state.weights, self._asked(action, xp), state.wealth * 0.0
        if before is not None:
            earned, held = self._earn(held, before, xp)
            if self.orders == "shares":
                wanted = wanted + wanted * before
        if self.layout.exits:  # what is delisted is sold, whatever was asked for
            wanted = xp.concat([wanted[:1], wanted[1:] * xp.cast(moves[-self.names :] < 1.5, "float")], 0)
            wanted = wanted / xp.maximum(sum_of(wanted, xp), 1e-9)
        else:
            wanted = wanted / sum_of(wanted, xp)
        target, fixed = project(wanted, held, self.limits, self._tradable(moves, xp), xp)
        weights, cost, turnover = trade(held, target, rates, xp, fixed)
        earned = earned - cost * (1.0 + earned)
        if after is not None:
            later, weights = self._earn(weights, after, xp)
            earned = earned + later + earned * later
        info = {"turnover": turnover, "cost": cost, "index_return": xp.log1p(moves[2 * width]), "date": date}
        return self._book(state, weights, xp.log1p(earned), info, t, xp)

    def _book(
        self, state: State, weights: Array, gain: Array, info: dict[str, Array], t: Array, xp: Namespace
    ) -> tuple[State, Outcome]:
        """Enters the day's log return into the books."""
        wealth, square = state.wealth + gain, gain * gain
        peak = xp.maximum(state.peak, wealth)
        moved = (
            state.moving_mean + DECAY * (gain - state.moving_mean),
            state.moving_square + DECAY * (square - state.moving_square),
        )
        info["log_return"], info["wealth"] = gain, wealth
        outcome = Outcome(gain, False, info)
        after = State(weights, wealth, peak, state.total + gain, state.square + square, *moved)
        if self._custom is not None:
            none = gain * 0.0
            info |= {"drawdown": peak - wealth, "drawdown_before": state.peak - state.wealth, "sum": after.total}
            info |= {"moving_mean": state.moving_mean, "moving_square": state.moving_square, "sum_square": after.square}
            info |= {"day": none + xp.cast(t, "float"), "horizon": none + float(self.horizon)}
            outcome = outcome._replace(reward=self._custom(outcome, xp))
        return after, outcome

    def observe(self, state: State, past: Past, t: Array, xp: Namespace) -> Any:
        count = t + (t == 0)
        mean = state.total / count
        # Above 0: the root has no gradient there.
        variance = xp.maximum(state.square / count - mean * mean, 1e-12)
        moving = xp.maximum(state.moving_square - state.moving_mean * state.moving_mean, 1e-12)
        elapsed = state.total * 0.0 + t / self.horizon
        numbers = [elapsed, 100.0 * mean, 100.0 * xp.sqrt(variance), 100.0 * state.moving_mean]
        numbers += [100.0 * xp.sqrt(moving), state.peak - state.wealth]
        seen = see(past.window(self.layout.window), state.weights, numbers, self.layout, xp)
        return VIEWS[self.observation](seen, self.layout, xp)

    def render(self, state: State, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.portfolio.render import draw

        return draw(self, state, outcome, t)


def _check_days(window: int, horizon: int, market: Market) -> None:
    if window < 1 or horizon < 1:
        raise ScenariumError(f"window {window} and horizon {horizon} must be >= 1")
    if window + horizon >= market.longest:
        raise ScenariumError(
            f"window {window} and horizon {horizon} take more than the {market.longest} days a world may have"
        )
