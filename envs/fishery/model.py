"""Fishery: harvest from stocks that prey on each other and compete, as one pure batched model.

Order of a year (Montealegre-Mora et al. 2023, arXiv 2308.13654, and its published code): observe the stocks, harvest,
let what is left grow with noise, and end the episode where a stock is nearly extinct. Stocks are separate components,
so that one source runs on Python floats for a single world and on tensors [B] for many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import gymnasium
import numpy as np

from scenarium.envs.core.errors import ScenariumError
from scenarium.envs.core.model import Model, Outcome, RewardFunction
from scenarium.envs.core.namespace import PYTHON, Array, Namespace
from scenarium.envs.core.scenario import Past
from scenarium.envs.fishery.actions import ACTION_MODES, kept
from scenarium.envs.fishery.dynamics import Parameters, Stocks, recruit
from scenarium.envs.fishery.guide import EscapementHead, StockFeatures
from scenarium.envs.fishery.scenario import FisheryScenario, Shock, perturbed

BOUND = 4.0
"""Stocks are observed as a fraction of this (the published code)."""
OBSERVATIONS = ("paper", "signed")
SOFTNESS = 0.002
"""Width of the relaxed survival in units of stock; at 0.01 and to some degree at 0.004 policies become too careful."""
FLOOR = 1e-3
"""Least stock of the relaxed model, where nearly extinct worlds go on with no weight."""


class State(NamedTuple):
    """Stocks at the start of a year.

    Attributes:
        stocks: One component per species, natural units: (X,) or (X, Y, Z).
        survival: Weight of the world in the relaxed model [B]; None in the exact one.
    """

    stocks: Stocks
    survival: Array | None = None


def _full_reward(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.reward


def _harvest_reward(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.info["harvest"]


def _logged_reward(outcome: Outcome, xp: Namespace) -> Array:
    return outcome.info["logged"]


class Fishery(Model):
    """Decide every year how much of each fished stock to take.

    Near-extinction (a stock at or below the threshold) terminates; year 200 truncates. Nothing is earned after either
    (the return is a sum over 200 years), so the time limit is a real end and no value is bootstrapped beyond it, even
    for an agent that cannot see the year.

    Args:
        parameters: The fishery.
        time_observed: Whether the year, as a fraction of the horizon, is observed after the stocks.
        action_mode: "mortality" (fraction of each fished stock to take, [0, 1]) or "escapement" (stock to leave;
            what exceeds it is taken).
        observation: "paper" (stocks / 4) or "signed" (stocks / 2 - 1, the published code's ablation).
        horizon: Years, in place of the parameters' own.
        spread: Relative standard deviation of the coefficients between worlds: every seed is a fishery of its own.
        reward: "full" (harvest, minus the penalty on near-extinction), "harvest", "logged" (the paper's: harvest
            without the last year's and without the penalty), or a function of the outcome.

    Reward:
        "full" (the default): the year's harvest over all fished stocks, minus the parameters' penalty (in the paper
        100 / (year + 1)) when a stock is nearly extinct. "harvest": without the penalty. "logged": without the penalty
        and without the last year's harvest, as the paper's figures are.

    Start:
        The parameters' initial stocks plus normal noise (standard deviation 0.02), drawn for each world.

    Optimum:
        Where the year is observed, dynamic programming over the stocks; its grid is refined until the value holds.
        Where it is hidden, the best policy known of the stocks alone, by the same program and exact gradients.
        Variants without a program are measured against tuned constant mortality and constant escapement.

    References:
        - F. Montealegre-Mora, M. Lapeyrolerie, M. Chapman, A. G. Keller, C. Boettiger, "Pretty darn good control",
          [arXiv 2308.13654](https://arxiv.org/abs/2308.13654), and its published code and data.
        - W. J. Reed, "Optimal escapement levels in stochastic and deterministic harvesting models", Journal of
          Environmental Economics and Management 6, 1979.

    Raises:
        ScenariumError: An argument is invalid.
    """

    terminates = True
    batch_axis = -1
    gradient: Literal["exact", "relaxed", "none"] = "relaxed"
    time_limit_is_terminal = True
    scripted = (0.0, 0.1)
    presentation: ClassVar[frozenset[str]] = frozenset({"action_mode", "observation"})
    rewards: ClassVar[Mapping[str, RewardFunction]] = {
        "full": _full_reward, "logged": _logged_reward, "harvest": _harvest_reward,
    }  # fmt: skip

    def __init__(
        self,
        parameters: Parameters,
        *,
        time_observed: bool = False,
        action_mode: str = "mortality",
        observation: str = "paper",
        horizon: int | None = None,
        spread: float = 0.0,
        reward: str | RewardFunction = "full",
    ) -> None:
        horizon = parameters.horizon if horizon is None else horizon
        if horizon < 1 or spread < 0.0:
            raise ScenariumError(f"horizon {horizon} must be >= 1 and spread {spread} >= 0")
        if action_mode not in ACTION_MODES:
            raise ScenariumError(f"action_mode {action_mode!r} is unknown; use one of {', '.join(ACTION_MODES)}")
        if observation not in OBSERVATIONS:
            raise ScenariumError(f"observation {observation!r} is unknown; use one of {', '.join(OBSERVATIONS)}")
        self.parameters, self.horizon, self.spread = parameters, int(horizon), float(spread)
        self.time_observed, self.action_mode, self.observation = bool(time_observed), action_mode, observation
        self._custom = self._reward(reward, "full")
        self._options: dict[str, Any] = {
            "time_observed": time_observed, "action_mode": action_mode, "observation": observation,
            "horizon": horizon, "spread": spread, "reward": reward,
        }  # fmt: skip
        self._others = parameters.mortal[1:]
        self._soft = False
        self.action_space = gymnasium.spaces.Box(0.0, ACTION_MODES[action_mode], (parameters.harvested,), np.float32)
        self.observation_space = self._observation_space()
        self.policy_head, self.policy_features = EscapementHead(self), StockFeatures(self)
        self.policy_inputs = self.policy_features.count

    def relaxed(self) -> Fishery:
        """The model with a soft survival test: rewards are weighted by the probability of having survived so far.

        A world whose stocks N end a year above the threshold by much more than the width keeps its weight; one far
        below loses it, and the penalty is charged on the weight lost. It never terminates; stocks have a small floor.
        """
        twin = Fishery(self.parameters, **self._options)
        twin.terminates, twin.gradient, twin._soft = False, "exact", True
        return twin.made_from(self.env_id, self.env_kwargs)

    def scenario(self, seeds: Array) -> FisheryScenario:
        return FisheryScenario(seeds, self.parameters.species, self.horizon, self.spread)

    def renew(self, scenario: FisheryScenario, seeds: Array, mask: Array) -> FisheryScenario:  # type: ignore[override]
        return scenario.moved_on(mask, seeds)

    def initial(self, scenario: FisheryScenario, xp: Namespace) -> State:  # type: ignore[override]
        p = self.parameters
        noise = scenario.initial_noise()
        stocks = tuple(n + p.initial_deviation * e for n, e in zip(p.initial, noise, strict=True))
        return State(stocks, stocks[0] * 0.0 + 1.0 if self._soft else None)

    def step(self, state: State, action: Array, exogenous: Shock, t: Array, xp: Namespace) -> tuple[State, Outcome]:
        if not xp.batched:
            xp, action = PYTHON, action.tolist()
        p, stocks = self.parameters, state.stocks
        left, taken = kept(stocks, action, self.action_mode, p.harvested, xp)
        harvest = taken[0] if len(taken) == 1 else taken[0] + taken[1]
        coefficients = perturbed(p.coefficients, exogenous[p.species :]) if self.spread else None
        after = recruit(left, exogenous, t, p, xp, coefficients)
        if self._soft:
            return self._relaxed_year(state, after, harvest, t, xp)
        dead = self._least(after, xp) <= p.threshold
        penalty = xp.where(dead, p.penalty, 0.0) / (t + 1)
        info = {"harvest": harvest, "harvest_x": taken[0], "penalty": penalty, "collapsed": dead}
        if len(taken) > 1:
            info["harvest_y"] = taken[1]
        outcome = Outcome(harvest - penalty, dead, info)
        if self._custom is not None:
            last = dead | (t == self.horizon - 1)
            info["logged"] = xp.where(last, 0.0 * harvest, harvest)
            outcome = outcome._replace(reward=self._custom(outcome, xp))
        return State(after), outcome

    def _least(self, stocks: Stocks, xp: Namespace) -> Array:
        """The smallest of the stocks that may go extinct."""
        least = stocks[0]
        for i in self._others:
            least = xp.minimum(least, stocks[i])
        return least

    def _relaxed_year(
        self, state: State, after: Stocks, harvest: Array, t: Array, xp: Namespace
    ) -> tuple[State, Outcome]:
        """Harvest and penalty of a year under the soft survival test."""
        p, survival = self.parameters, state.survival
        half = 0.5 / SOFTNESS
        left = survival * (0.5 + 0.5 * xp.tanh(self._least(after, xp) * half - p.threshold * half))
        penalty = (survival - left) * (p.penalty / (t + 1))
        after = tuple(xp.maximum(stock, FLOOR) for stock in after)
        info = {"harvest": survival * harvest, "penalty": penalty, "survival": left}
        outcome = Outcome(info["harvest"] - penalty, False, info)
        if self._custom is not None:
            info["logged"] = info["harvest"] * (t != self.horizon - 1)
            outcome = outcome._replace(reward=self._custom(outcome, xp))
        return State(after, left), outcome

    def observe(self, state: State, past: Past, t: Array, xp: Namespace) -> Array:
        stocks = state.stocks
        parts = [n * (1.0 / BOUND) for n in stocks] if self.observation == "paper" else [n * 0.5 - 1.0 for n in stocks]
        if self.time_observed:
            parts.append(stocks[0] * 0.0 + t / self.horizon)
        if not xp.batched:
            return np.array(parts, np.float32)
        return xp.batch_first(xp.stack(parts, 0))

    def stocks_of(self, observation: Array) -> Array:
        """The stocks [..., k] an observation [..., k or k + 1] shows."""
        seen = observation[..., : self.parameters.species]
        return seen * BOUND if self.observation == "paper" else seen * 2.0 + 2.0

    def _observation_space(self) -> gymnasium.spaces.Box:
        low = np.full(self.parameters.species, 0.0 if self.observation == "paper" else -1.0)
        low = np.append(low, 0.0) if self.time_observed else low
        return gymnasium.spaces.Box(low.astype(np.float32), np.float32(1.0), dtype=np.float32)

    def render(self, state: State, outcome: Outcome | None, t: int) -> Any:
        from scenarium.envs.fishery.render import draw

        return draw(self, state, outcome, t)
